"""Canonical text: it says the same as what was written."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from mta_assets.core.times import from_utc
from mta_assets.query.language import parse, parse_expression
from mta_assets.query.language_format import format_expression, format_query
from mta_assets.query.model import Item, Name, Period, Query, Window
from mta_assets_tests.query.language_nodes import CONDITIONS, queries, without_places

many = settings(derandomize=True, deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])


@many
@given(queries())
def test_the_canonical_text_of_a_query_is_read_back_as_the_same_query(query: Query) -> None:
    text = format_query(query)
    assert without_places(parse(text, 0.0)) == query
    assert format_query(parse(text, 0.0)) == text


@many
@given(CONDITIONS)
def test_the_canonical_text_of_an_expression_is_read_back_as_the_same_expression(node) -> None:
    assert without_places(parse_expression(format_expression(node))) == node


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("get a , b where ( a>3 )", 'GET a, b WHERE a > 3'),
        ("GET (A + B) * 2 - (X - 1)", "GET (A + B) * 2 - (X - 1)"),
        ("GET A WHERE (A > 1 OR B > 2) AND NOT (X = 'O''N')", "GET A WHERE (A > 1 OR B > 2) AND NOT X = 'O''N'"),
        ("GET A LIMIT 5 EVERY 600 s FROM 2024:061:12:00", "GET A FROM 2024-03-01T12:00:00 EVERY 10 min FIRST LIMIT 5"),
        ("GET A FROM NOW - 1 DAY", "GET A FROM 2024-06-30"),
        ("GET A EVERY 0.25625 s LAST", "GET A EVERY 0.25625 s LAST"),
        ('GET "FROM", "1E5", LIMIT', 'GET "FROM", "1E5", "LIMIT"'),
        ("GET PRODUCTS X_* ON 2024-03-01", "GET PRODUCTS X_* FROM 2024-03-01 TO 2024-03-02"),
    ],
)  # fmt: skip
def test_canonical_texts(text: str, canonical: str) -> None:
    assert format_query(parse(text, from_utc("2024-07-01"))) == canonical


def test_what_the_language_can_not_say_is_not_written() -> None:
    item = (Item(Name("A")),)
    with pytest.raises(ValueError, match="needs a start"):
        format_query(Query("", item, periods=(Period(1.0, 2.0), Period(None, 3.0))))
    window = Window(parse_expression("A > 3"), 5.0, 5.0, anchor="end")
    with pytest.raises(ValueError, match="one side"):
        format_query(Query("", item, windows=(window,)))
