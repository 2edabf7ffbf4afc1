"""Saved queries give the same inputs again, and say so if they were changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import ConfigError
from mta_assets.query.errors import QueryError
from mta_assets.query.saved import SavedQuery, load, query_hash, save

WEEK = "GET 1DPAMZT, TEPHIN LAST 7 DAYS"


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    path = tmp_path / "week.toml"
    saved = save(path, WEEK, title="The week", output="week.fits", plot="week.png")
    assert load(path) == saved == SavedQuery(WEEK, "The week", "week.fits", "week.png", query_hash(WEEK))
    assert [p.name for p in tmp_path.iterdir()] == ["week.toml"]


def test_a_query_of_several_lines_with_quotes_and_comments_is_kept_as_it_was_written(tmp_path: Path) -> None:
    text = 'GET "A-B" -- "both"\\\n  WHERE X = \'O\'\'N"""\'\n  AND Y > 3\n'
    save(tmp_path / "q.toml", text)
    assert load(tmp_path / "q.toml").query == text


@settings(
    derandomize=True, deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.text(alphabet="\"'\\\n\r\t\x7f\x00a", max_size=8))
def test_any_title_and_any_text_within_the_query_come_back(tmp_path: Path, title: str, inner: str) -> None:
    query = "GET A WHERE X = '" + inner.replace("'", "''") + "'"
    save(tmp_path / "q.toml", query, title=title)
    found = load(tmp_path / "q.toml")
    assert (found.query, found.title) == (query, title)


def test_the_hash_does_not_change_with_spaces_case_of_keywords_and_comments() -> None:
    assert query_hash("get 1DPAMZT ,TEPHIN -- x\n last 7 d") == query_hash(WEEK)
    assert query_hash("EXPLAIN " + WEEK) == query_hash(WEEK)
    assert query_hash("GET 1DPAMZT, TEPHIN LAST 8 DAYS") != query_hash(WEEK)
    assert query_hash("GET 1dpamzt, TEPHIN LAST 7 DAYS") != query_hash(WEEK)


def test_relative_times_do_not_change_the_hash_from_day_to_day_and_differ_from_fixed_ones() -> None:
    assert query_hash(WEEK) == query_hash(WEEK)
    assert query_hash(WEEK) != query_hash("GET 1DPAMZT, TEPHIN FROM -604800 TO 0.0")


def test_a_changed_query_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "week.toml"
    save(path, WEEK)
    path.write_text(path.read_text().replace("7 DAYS", "8 DAYS"))
    with pytest.raises(ConfigError, match=r"week\.toml: the query was changed since it was saved.*Save it again"):
        load(path)


def test_a_query_without_a_hash_is_loaded_and_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "q.toml"
    path.write_text('query = "GET A"\n')
    assert load(path) == SavedQuery("GET A", hash=query_hash("GET A"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('query = "GET A"\nouput = "x"', "unknown keys ouput; known are query, title, output, plot, hash"),
        ('title = "x"', "the key `query` is missing"),
        ("query = 5", "query is 5: expected a text"),
        ('query = "GET A', "not a TOML file"),
        ("a=" + "[" * 5000, "not a TOML file"),
        (b"query = '\xff'", "not a TOML file"),
        ("#" * (1 << 20) + "##", "larger than 1048576 bytes"),
    ],
    ids=range(7),
)
def test_what_is_no_saved_query_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "q.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert message in str(caught.value)
    assert "q.toml" in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: can not be read"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="can not be read"):
        load(tmp_path)


def test_a_wrong_query_is_not_saved_and_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "q.toml"
    with pytest.raises(QueryError):
        save(path, "GET")
    assert not path.exists()
    path.write_text('query = "GET A FORM 2024"\n')
    with pytest.raises(QueryError) as caught:
        load(path)
    assert caught.value.near[0] == "FROM"
    assert str(path) in "".join(caught.value.__notes__)


def test_a_text_that_utf8_does_not_know_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "q.toml"
    save(path, "GET A")
    with pytest.raises(ConfigError, match="UTF-8"):
        save(path, "GET A", title="\ud800")
    assert load(path).query == "GET A"
    assert [p.name for p in tmp_path.iterdir()] == ["q.toml"]
