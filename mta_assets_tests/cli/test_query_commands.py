"""``mta query``: answers for people and machines, files, plots, copies, saved queries, errors, Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.cli import query as command
from mta_assets.cli.watch import Watch
from mta_assets.core.samples import ParameterInfo, to_nanoseconds
from mta_assets.query.plots import series
from mta_assets_tests.cli.house import GRID, ODD_NAME, START, mta

pytestmark = pytest.mark.usefixtures("data", "here")
QUOTED = '"' + ODD_NAME.replace('"', '""') + '"'


# ---- in the terminal


def test_an_answer_shows_its_first_and_last_rows_with_utc_seconds_units_and_how_many_there_are() -> None:
    out = mta("query", "GET 1CBAT, COUNT").out
    assert "THM: 300 rows, 280 not shown" in out
    assert "1CBAT [DEGC]" in out
    lines = [line for line in out.splitlines() if "2024-03-01T" in line]
    assert len(lines) == 20
    assert [cell.strip() for cell in lines[0].split("│")[1:-1]] == [
        "2024-03-01T00:00:00.000", "825638469.184", "-53.75", "-100",
    ]  # fmt: skip
    assert [cell.strip() for cell in lines[-1].split("│")[3:-1]] == ["-45.6875", "199"]
    assert "–" in lines[3]  # what is not good has no value


def test_bad_samples_are_marked_where_they_are_asked_for() -> None:
    out = mta("query", "GET 1CBAT LIMIT 5 INCLUDING BAD").out
    assert "-53.5625*" in out
    assert "* not good" in out
    assert "*" not in mta("query", "GET COUNT LIMIT 5").out


def test_states_are_shown_by_name_and_texts_as_they_are() -> None:
    out = mta("query", "GET AOPCADMD, NOTE LIMIT 1").out
    assert "NPNT" in out
    assert "é'" in out


def test_names_with_quotes_are_asked_for_in_quotes() -> None:
    out = mta("query", f'GET {QUOTED}, "select" WHERE {QUOTED} > 0').out
    assert 'it\'s "odd"; DROP: 2 rows' in out
    assert '"x [K]' in out


def test_json_is_all_that_is_printed_and_holds_the_whole_answer() -> None:
    answer = mta("query", "GET 1CBAT, COUNT", "--json").json
    (table,) = answer["tables"]
    assert table["columns"] == ["TIME", "UTC", "1CBAT", "1CBAT__q", "COUNT"]
    assert table["units"] == ["s", "", "DEGC", "", ""]
    assert len(table["rows"]) == 300
    assert table["rows"][3] == [pytest.approx(START + 3 * 32.8), "2024-03-01T00:01:38.400", None, 1, -97]
    assert answer["transaction"] == 4
    empty = mta("query", "GET 1CBAT FROM 2030-01-01", "--json").json
    assert empty["tables"][0]["rows"] == []
    assert "1CBAT has no data in the time asked for" in empty["notes"]


def test_an_empty_answer_says_so_and_is_no_error() -> None:
    out = mta("query", "GET 1CBAT FROM 2030-01-01").out
    assert "THM: no rows" in out
    assert "note: 1CBAT has no data in the time asked for" in out


def test_a_query_may_come_from_standard_input() -> None:
    assert "THM: 1 row" in mta("query", "-", given="GET COUNT LIMIT 1 -- a comment\n").out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("GET 1CBAX", ['There is no parameter "1CBAX".', "\n  GET 1CBAX\n      ^^^^^\n", "Did you mean 1CBAT?"]),
        ("GET COUNT FORM 2024", ["\n            ^^^^\n", "Did you mean FROM"]),
        ("GET COUNT FROM 2024-02-31", ["There is no day 31 in 2024-02", "\n                 ^^^^^^^^^^\n"]),
        ("", ["The query is empty."]),
    ],
)
def test_what_is_wrong_with_a_query_is_shown_where_it_is(text: str, words: list[str]) -> None:
    told = mta("query", text, code=1)
    assert told.out == ""
    for word in words:
        assert word in told.err


def test_what_a_terminal_would_obey_is_not_repeated_to_it() -> None:
    assert "\x1b[2J" not in mta("query", "GET \x1b[2J", code=1).err


# ---- plan


def test_explain_shows_the_plan_and_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object, **__: object) -> Any:
        raise AssertionError("something was read")

    monkeypatch.setattr("mta_assets.query.telemetry_source.TelemetrySource.read", nothing)
    for words in (["EXPLAIN GET COUNT"], ["GET COUNT", "--explain"], ["GET COUNT", "--explain", "-o", "x.y"]):
        out = mta("query", *words).out
        assert "read COUNT from telemetry" in out
        assert "At most" in out
    plan = mta("query", "GET COUNT EVERY 1 DAY MEAN", "--explain", "--json").json
    assert plan["rollup"] == "day"
    assert plan["parameters"][0]["name"] == "COUNT"


# ---- files


@pytest.mark.parametrize("name", ["a.fits", "a.parquet", "a.csv", "a.ecsv", "a.json"])
def test_an_answer_goes_to_a_file_once_and_again_only_if_it_is_said(here: Path, name: str) -> None:
    out = mta("query", "GET 1CBAT", "-o", name).out
    assert out.splitlines() == [f"{name}: {(here / name).stat().st_size:,} bytes", "298 rows"]
    before = (here / name).read_bytes()
    told = mta("query", "GET COUNT", "-o", name, code=1)
    assert f"{name} is there already" in told.err
    assert "--overwrite" in told.err
    assert (here / name).read_bytes() == before
    report = mta("query", "GET COUNT", "-o", name, "--overwrite", "--json").json
    assert report == {"files": [name], "rows": 300, "bytes": (here / name).stat().st_size, "notes": []}
    assert sorted(path.name for path in here.iterdir()) == sorted([name, "tmp"])


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("a.txt", "expected one of .fits"), ("no/a.csv", "folder no is not there"), (".csv", "no format"),
        ("-a.csv", "no name for a file"),
    ],
)  # fmt: skip
def test_an_impossible_file_is_refused_before_anything_is_read(
    output: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mta_assets.query.run.run", None)
    assert reason in mta("query", "GET COUNT", f"--output={output}", code=1).err


def test_products_are_listed_copied_and_not_copied_twice(here: Path, data: Path) -> None:
    out = mta("query", "GET PRODUCTS ACIS_MSK").out
    assert "2 products" in out
    assert str(data / "chandra" / "archive" / "mask1.fits") in out
    assert "2 products" in mta("query", "GET PRODUCTS ACIS_MSK", "-o", "copies").out
    assert (here / "copies" / "mask1.fits").read_bytes() == b"\x01" * 100
    assert "mask0.fits is there already" in mta("query", "GET PRODUCTS ACIS_MSK", "-o", "copies", code=1).err
    mta("query", "GET PRODUCTS ACIS_MSK", "-o", "list.csv")
    assert "mask0.fits" in (here / "list.csv").read_text()
    assert "no products" in mta("query", "GET PRODUCTS ACIS_MSK ON 2020-01-01").out


def test_a_folder_for_copies_goes_again_if_a_product_is_gone(here: Path, data: Path) -> None:
    path = data / "chandra" / "archive" / "mask1.fits"
    content = path.read_bytes()
    path.write_bytes(b"something else")
    try:
        assert "not the file that the catalog knows" in mta("query", "GET PRODUCTS ACIS_MSK", "-o", "c", code=1).err
    finally:
        path.write_bytes(content)
    assert not (here / "c").exists()


# ---- plots


def test_a_plot_shows_the_limits_of_the_mission_and_why_there_are_gaps(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: dict[str, Any] = {}

    def timeline(given: list[series.Series], title: str, **options: Any) -> Any:
        from matplotlib.figure import Figure

        shown.update(options, title=title, names=[one.name for one in given])
        return Figure()

    monkeypatch.setattr("mta_assets.query.plots.timeline.timeline", timeline)
    # Rows 3 and 4 are not good: a step of three periods, too short for a gap; with the correction it is one.
    mta("archive", "correct", "1CBAT", GRID[4], GRID[8], "--bad", "--reason", "a test")
    out = mta("query", "GET 1CBAT", "--plot", "a.png", "--title", "The body").out
    mta("archive", "uncorrect", 1, "--reason", "tested")
    assert out.splitlines()[0] == f"a.png: {(here / 'a.png').stat().st_size:,} bytes"
    assert (here / "a.png").read_bytes().startswith(b"\x89PNG")
    assert (shown["title"], shown["names"]) == ("The body", ["1CBAT"])
    assert "1CBAT" in shown["limits"]
    assert "filtered" in {gap.reason for gap in shown["gaps"]["1CBAT"]}
    assert "a.png is there already" in mta("query", "GET COUNT", "--plot", "a.png", code=1).err
    assert ".png, .pdf, .svg" in mta("query", "GET COUNT", "--plot", "a.gif", code=1).err
    assert "can not be drawn" in mta("query", "GET PRODUCTS ACIS_MSK", "--plot", "b.png", code=1).err


# ---- saved queries


def test_a_saved_query_runs_again_and_one_that_was_changed_is_refused(here: Path) -> None:
    told = mta("query", "get COUNT limit 2", "-o", "a.csv", "--title", "Two", "--save", "two.toml")
    assert "two.toml: saved" in told.err
    (here / "a.csv").unlink()
    assert "2 rows" in mta("query", "--file", "two.toml").out
    assert (here / "a.csv").is_file()
    assert "b.csv" in mta("query", "-f", "two.toml", "-o", "b.csv").out  # what is said goes over what is saved
    assert "two.toml is there already" in mta("query", "GET COUNT", "--save", "two.toml", code=1).err
    saved = here / "two.toml"
    saved.write_text(
        saved.read_text().replace("get COUNT limit 2", "GET  COUNT -- the same\nLIMIT 2").replace("\n", "\\n", 1)
    )
    assert "2 rows" in mta("query", "-f", "two.toml", "--overwrite").out
    saved.write_text(saved.read_text().replace("LIMIT 2", "LIMIT 3"))
    told = mta("query", "-f", "two.toml", "--overwrite", code=1)
    assert "the query was changed since it was saved" in told.err
    assert told.out == ""
    assert "can not be read" in mta("query", "-f", "none.toml", code=1).err


def test_json_stays_json_beside_saving(here: Path) -> None:
    told = mta("query", "GET COUNT LIMIT 1", "--json", "--save", "one.toml")
    assert told.json["tables"][0]["rows"][0][-1] == -100
    assert "one.toml: saved" in told.err


@pytest.mark.parametrize("words", [[], ["GET COUNT", "-f", "x.toml"], ["GET COUNT", "--limit-memory", "5X"], ["--no"]])
def test_wrong_use_is_exit_status_2(words: list[str]) -> None:
    assert mta("query", *words, code=2).out == ""


@pytest.mark.parametrize(
    ("text", "size"), [("1", 1), ("500M", 500 << 20), ("1.5GiB", 3 << 29), (" 2 kb ", 2048), ("1T", 1 << 40)]
)
def test_amounts_of_memory(text: str, size: int) -> None:
    assert command.memory(text) == size


def test_an_answer_that_is_larger_than_its_memory_comes_in_parts(here: Path) -> None:
    whole = mta("query", "GET 1CBAT, AOPCADMD", "--json").json
    parts = mta("query", "GET 1CBAT, AOPCADMD", "--limit-memory", "1K", "--json").json
    assert parts["tables"] == whole["tables"]
    assert "comes in blocks" in parts["notes"][0]


def test_a_mission_without_an_archive_is_an_error_and_makes_none(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("MTA_DATA", str(tmp_path / "other"))
    assert "there is no archive of mission jpss" in mta("query", "GET A", "-m", "jpss", code=1).err
    assert not (tmp_path / "other").exists()


# ---- Ctrl-C


def interrupted(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Ctrl-C at the first sign of life of a stage of the work."""

    def sign(self: Watch, what: str) -> Callable[..., None]:
        return lambda *_: signal.raise_signal(signal.SIGINT) if not self.stopped() else None

    monkeypatch.setattr(Watch, name, sign)


@pytest.mark.parametrize(
    ("words", "stage"),
    [
        (["GET COUNT", "-o", "a.csv", "--limit-memory", "1K"], "told"),
        (["GET COUNT, AOPCADMD", "-o", "a.csv"], "counted"),
        (["GET COUNT, AOPCADMD", "-o", "a.fits"], "counted"),
        (["GET COUNT", "--json"], "counted"),
        (["GET PRODUCTS ACIS_MSK", "-o", "copies"], "counted"),
    ],
)
def test_ctrl_c_leaves_nothing_behind(
    here: Path, words: list[str], stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = signal.getsignal(signal.SIGINT)
    interrupted(monkeypatch, stage)
    told = mta("query", *words, code=130)
    assert (told.out, told.err) == ("", "mta: interrupted; nothing was kept\n")
    assert [path for path in here.rglob("*") if path != here / "tmp"] == []
    assert signal.getsignal(signal.SIGINT) is handler


def test_ctrl_c_ends_a_long_output_to_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "long" / "chandra"
    root.mkdir(parents=True)
    with TelemetryArchive(f"sqlite:///{root / 'catalog.sqlite'}", root / "telemetry") as archive:
        times = to_nanoseconds(START + np.arange(30_000) * 0.25)
        rows = GroupRows("G", (ParameterInfo("X", "G", "f8", period=0.25),), times, {"X": np.arange(30_000.0)})
        archive.commit("long", [rows], START, START + 7500)
    monkeypatch.setenv("MTA_DATA", str(tmp_path / "long"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    words = [sys.executable, "-c", "from mta_assets.cli import main; main()", "query", "GET X", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)  # it prints, and waits for its reader
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.stderr.read() == b"mta: interrupted; nothing was kept\n"
        assert process.wait(30) == 130
    assert len(rest) < 1_000_000
    with pytest.raises(json.JSONDecodeError):
        json.loads(rest)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_days_of_every_begin_at_tt_days_before_midnight_utc() -> None:
    (table,) = mta("query", "GET COUNT EVERY 1 DAY COUNT", "--json").json["tables"]
    assert [(row[1], row[-1]) for row in table["rows"]] == [("2024-02-29T23:58:50.816", 300)]
