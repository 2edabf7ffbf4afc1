"""Wrong queries: the caret stands under the word, and what was expected is said in words."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mta_assets.query.errors import QueryError, unknown_name
from mta_assets.query.language import LONGEST, parse, parse_expression
from mta_assets.query.language_clauses import Rules
from mta_assets.query.language_format import _keywords
from mta_assets.query.model import Item, Name
from mta_assets.query.near import near_names

quick = settings(derandomize=True, deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])

# Query, the word under the caret ("" is the end), and pieces of the answer.
WRONG = [
    ("SELECT A", "SELECT", ["Did you mean GET?", "Expected: EXPLAIN, GET"]),
    ("GET", "", ["too early", "a parameter", "a pattern", "RAW, CONVERTED or PROCESSED", "PRODUCTS"]),
    ("GET A,", "", ["too early", "a parameter"]),
    ("GET A,,B", ",B", ["not expected", "a parameter"]),
    ("GET A B", "B", ["not expected", "a comma", "a clause", "WHERE"]),
    ("GET A FORM 2024-03-01", "FORM", ["Did you mean FROM", "a clause"]),
    ("GET A WEHRE B > 3", "WEHRE", ["Did you mean WHERE?"]),
    ("GET A WHEN B > 3", "WHEN", ["Did you mean WHERE?"]),
    ("GET A WHERE", "", ["too early", "a parameter", "text in single quotes"]),
    ("GET A WHERE B", "B", ["a value, where a condition is expected"]),
    ("GET A WHERE B > 3 AND C", "C", ["a value, where a condition is expected"]),
    ("GET A WHERE B = = 3", "= 3", ["not expected", "a number"]),
    ("GET A WHERE B > 80 K", "K", ["Numbers have no unit"]),
    ("GET A WHERE B > 1.5K", "1.5K", ["Numbers have no unit"]),
    ("GET A WHERE B > 1e999", "1e999", ["too large"]),
    ("GET A WHERE (B > 3", "", ["too early", "a closing bracket"]),
    ("GET A WHERE B > 3)", ")", ["not expected", "AND", "OR"]),
    ("GET A WHERE B = 'ON", "'ON", ["no closing '"]),
    ('GET "A', '"A', ['no closing "']),
    ('GET A WHERE B LIKE "x*"', '"x*"', ["Texts stand in single quotes"]),
    ("GET A WHERE B > 'ON'", "'ON'", ["Texts have no order"]),
    ("GET A WHERE B + 'ON' > 3", "'ON'", ["can not be calculated"]),
    ("GET A WHERE 1 < 2", "1", ["needs a parameter"]),
    ("GET A WHERE (B > 3) + 1 > 2", "B", ["a condition, where a value"]),
    ("GET A WHERE B IN ()", ")", ["a number", "text in single quotes"]),
    ("GET A WHERE B BETWEEN 1, 2", ", 2", ["AND"]),
    ("GET A WHERE B > 3 WHERE C > 4", "WHERE C", ["second WHERE", "AND or OR"]),
    ("GET A WHERE NOT B > 3 AND < 4", "< 4", ["not clear which value", "Repeat its name"]),
    ('GET A WHERE "B*" > 3', '"B*"', ["Wild cards stand for several"]),
    ("GET A FROM 2024-13-01", "2024-13-01", ["no month 13", "1 to 12"]),
    ("GET A FROM 2023-02-29", "2023-02-29", ["no day 29 in 2023-02", "1 to 28"]),
    ("GET A FROM 2023:366", "2023:366", ["no day 366 in 2023", "1 to 365"]),
    ("GET A FROM 2024:000", "2024:000", ["no day 0"]),
    ("GET A FROM 2024-03-01T24:00", "2024-03-01T24:00", ["no hour 24"]),
    ("GET A FROM 2024-03-01T12:60", "2024-03-01T12:60", ["no minute 60"]),
    ("GET A FROM 2024-03-01T12:00:61", "2024-03-01T12:00:61", ["no second 61"]),
    ("GET A FROM 2015-12-31T23:59:60", "2015-12-31T23:59:60", ["no leap second"]),
    ("GET A FROM 2024-3-1-5", "2024-3-1-5", ["is not a time", "2024:061"]),
    ("GET A FROM 1066-10-14", "1066-10-14", ["1066 is not within 1960"]),
    ("GET A FROM yesterdy", "yesterdy", ["Did you mean YESTERDAY?", "a time"]),
    ("GET A FROM 2024-03-02 TO 2024-03-01", "2024-03-01", ["ends before it has begun"]),
    ("GET A FROM 2024-03-01 TO 2024-03-01", "2024-03-01", ["ends before it has begun"]),
    ("GET A FROM 99999999999", "99999999999", ["too far away"]),
    ("GET A LAST 1000 YEARS", "1000", ["too long"]),
    ("GET A ON 2024-03-01T12:00", "2024-03-01T12:00", ["a day, month or year"]),
    ("GET A FROM 2024 SINCE 2023", "SINCE", ["given twice"]),
    ("GET A EVERY 10 parsec", "parsec", ["a unit (s, min, h"]),
    ("GET A EVERY 0 s", "0", ["not longer than 0"]),
    ("GET A EVERY 10 MIN MEEN", "MEEN", ["a statistic"]),
    ("GET A EVERY 10 MIN AVERAGED OVER 1 DAY", "AVERAGED", ["said twice"]),
    ("GET A LIMIT 0", "0", ["whole number from 1"]),
    ("GET A LIMIT 2.5", "2.5", ["whole number"]),
    ("GET A LIMIT 5 LIMIT 6", "LIMIT 6", ["LIMIT stands twice"]),
    ("GET A DURING OBSID 5.5", "5.5", ["An OBSID is a whole number"]),
    ("GET FRAME BYTE 3 BIT 8", "8", ["BIT is a whole number from 0 to 7"]),
    ("GET FRAME BYTE 3 LENGTH 65", "65", ["LENGTH is a whole number from 1 to 64"]),
    ("GET sqr(A)", "sqr", ["no function sqr", "Did you mean sqrt?", "Functions: abs"]),
    ("GET atan2(A)", "atan2", ["takes 2 values, not 1"]),
    ("GET if(A, 1, 0)", "A", ["a value, where a condition"]),
    ("GET 3 + 4", "3", ["needs a parameter"]),
    ("GET 3,B*", "3", ["needs a parameter"]),
    ("GET 'text'", "'text'", ["not a text"]),
    ('GET "A*" AS B', "B", ["several columns"]),
    ("GET RAW AND CONVERTED A AS B", "B", ["two columns"]),
    ("GET A WITHIN 1 h EACH TIME B > 3", "EACH", ["OF", "BEFORE", "AFTER"]),
    ("GET A WITHIN 5 h TO 5 h AFTER EACH TIME B > 3", "5 h AFTER", ["no length"]),
    ("GET A EACH TIME B > 3 EXCLUDING EVENT", "EXCLUDING", ["nothing is left"]),
    ("GET A EACH TIME B", "B", ["a value, where a condition"]),
    ("GET A WHERE B REACHES 3", "REACHES", ["not expected"]),
    ("GET A; DROP TABLE x", "DROP", ["not expected", "the end"]),
    ("GET A WHERE B > 3 § 4", "§", ["not expected"]),
]


def failure(text: str) -> QueryError:
    with pytest.raises(QueryError) as caught:
        parse(text, 0.0)
    return caught.value


def answer(text: str) -> str:
    """The query as it was understood, or why it was not; any other exception is the caller's failure."""
    try:
        return str(parse(text, 0.0))
    except QueryError as error:
        return str(error)


@pytest.mark.parametrize(("text", "word", "pieces"), WRONG, ids=[text for text, _, _ in WRONG])
def test_the_caret_stands_under_the_word_and_the_answer_says_what_was_expected(
    text: str, word: str, pieces: list[str]
) -> None:
    error = failure(text)
    assert text[error.offset :].startswith(word)
    assert word or error.offset == len(text)
    answer = str(error).splitlines()
    assert answer[1] == "  " + text
    assert answer[2].index("^") == 2 + error.offset
    for piece in pieces:
        assert piece in str(error)


@pytest.mark.parametrize("text", [text for text, _, _ in WRONG])
def test_no_word_of_the_parser_is_shown_to_people(text: str) -> None:
    shown = str(failure(text)).replace(text, "")
    for leak in ("lark", "Token", "Unexpected", "Traceback", "AMOUNT", "QUOTED", "COMPARATOR", "_COMMA", "$END", "_"):
        assert leak not in shown


def test_the_carets_are_as_long_as_the_word() -> None:
    assert "^^^^^^^^^^" in str(failure("GET A FROM 2024-13-01")).splitlines()[2]
    assert str(failure("GET A WHERE B > 'O''N'")).splitlines()[2].strip() == "^" * 6


def test_a_place_in_a_text_of_several_lines_is_shown_with_its_line() -> None:
    error = failure("GET A\n  FROM 2024-13-01\nLIMIT 5")
    assert error.line == 2
    shown = str(error).splitlines()
    assert shown[1] == "  line 2:   FROM 2024-13-01"
    assert shown[2].index("^") == shown[1].index("2024")


def test_a_long_line_is_cut_around_the_place_and_control_characters_are_not_shown() -> None:
    text = "GET " + ", ".join(f"P{i}" for i in range(200)) + " FORM 2024 \x1b[31m" + " " * 200
    shown = str(failure(text)).splitlines()
    assert len(shown[1]) < 110
    assert shown[1][shown[2].index("^") :].startswith("FORM")
    assert "\x1b" not in str(failure("GET A \x1b[31m"))


def test_a_tab_before_the_place_does_not_move_the_caret() -> None:
    shown = str(failure("GET\tA\tFORM 2024")).splitlines()
    assert shown[1].index("FORM") == shown[2].index("^")


def test_an_expression_has_errors_of_its_own() -> None:
    with pytest.raises(QueryError, match="too early"):
        parse_expression("(A + ")
    with pytest.raises(QueryError, match="not expected"):
        parse_expression("A + B FROM 2024")
    with pytest.raises(QueryError, match="empty"):
        parse_expression("  ")


# ---- hostile input


@quick
@given(st.text(max_size=60))
def test_random_text_raises_nothing_but_a_query_error(text: str) -> None:
    for start in ("", "GET A ", "GET A FROM ", "GET A WHERE "):
        assert answer(start + text)


PIECES = [*sorted(_keywords()), *"+-*/=<^%;(),'0", "A", "1DP*", "2024-03-01", "'x'", '"y"', "10", "h", "d", "1e999"]
PIECES += ["A.B", "x[3]", "sqrt", "--", "\n", "2024:366", "!="]


@quick
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_random_words_raise_nothing_but_a_query_error(words: list[str]) -> None:
    for start in ("", "GET A "):
        assert answer(start + " ".join(words))


@pytest.mark.parametrize(
    "text",
    [
        "GET A" * 250_000,
        "GET " + "(" * 10_000 + "A" + ")" * 10_000,
        "GET " + "(" * 9_000 + "A" + ")" * 9_000 + " WHERE",
        "GET A WHERE " + "NOT " * 4_000 + "A > 3",
        "GET " + "- " * 9_000 + "A",
        "GET " + "+".join("A" * 5_000),
        "GET " + "^".join("A" * 5_000),
        "GET " + "abs(" * 3_000 + "A" + ")" * 3_000,
        "GET A WHERE " + "(" * 9_000,
        "GET A WHERE B = '" + "x" * 18_000,
        'GET "' + '""' * 9_000,
        "GET " + "A." * 9_000,
        "GET " + "9" * 19_000,
        "GET A FROM " + "2" * 18_000,
        "GET A FROM 2024-" + "0" * 18_000,
        "GET A LIMIT 1e18000" + "0" * 1_000,
        "GET A WHERE " + "if(A > 1, " * 1_800 + "1" + ", 2)" * 1_800 + " > 1",
        "\x00" * 10_000,
        " " * 19_000 + "x",
        "-" * 19_000,
    ],
    ids=range(20),
)
def test_long_and_deep_texts_are_refused_quickly(text: str) -> None:
    began = time.monotonic()
    error = failure(text)
    assert len(str(error)) < 2000
    assert time.monotonic() - began < 10.0


def test_brackets_alone_do_not_count_as_depth_but_operations_do() -> None:
    assert parse("GET " + "(" * 3_000 + "A" + ")" * 3_000).what == (Item(Name("A", 3004), at=3004),)
    parse("GET " + "+".join(["A"] * 150))
    with pytest.raises(QueryError, match="more than 150 deep"):
        parse("GET " + "+".join(["A"] * 151))


def test_a_text_of_exactly_the_longest_length_is_read() -> None:
    text = "GET A"
    assert parse(text + " " * (LONGEST - len(text)))
    with pytest.raises(QueryError, match="at most 20000"):
        parse(text + " " * (LONGEST - len(text) + 1))


# ---- names


def test_an_unknown_name_is_shown_with_the_names_near_it() -> None:
    query = parse("GET A, TEPHN WHERE A > 3")
    assert isinstance(query.what, tuple)
    error = unknown_name(query, query.what[1].expression, ["TEPHIN", "TEIO", "1DPAMZT"])
    assert error.near == ("TEPHIN",)
    assert str(error).splitlines()[1:3] == ["  GET A, TEPHN WHERE A > 3", "         ^^^^^"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("ON", "single quotes: 'ON'"), ("80K", "write 80"), ("A*B", "A * B")],
)
def test_what_else_may_have_been_meant_is_said(name: str, hint: str) -> None:
    error = unknown_name(parse(f'GET "{name}"'), Name(name, 4), [])
    assert hint in str(error)
    assert error.length == len(name) + 2


def test_near_names_are_those_with_an_exchanged_missing_or_added_letter_and_those_that_go_on() -> None:
    names = ["1DPAMZT", "1DPICACU", "TEPHIN", "TEPHIN2", "OBS.TARGET", "AOPCADMD"]
    assert near_names("1dpamtz", names)[0] == "1DPAMZT"
    assert near_names("TEPHI", names) == ["TEPHIN", "TEPHIN2"]
    assert near_names("AOPCADM", names) == ["AOPCADMD"]
    assert near_names("TARGET", names) == ["OBS.TARGET"]
    assert near_names("OBS.TARGT", names) == ["OBS.TARGET"]
    assert near_names("XYZZY", names) == []
    assert near_names("", names) == []
    assert len(near_names("A", [f"A{i}" for i in range(50)])) <= 5


def test_near_names_among_five_thousand_take_a_fraction_of_a_second() -> None:
    names = [f"{a}{b}{i:03d}T" for a in "1234" for b in ("DPAM", "SHEV", "EHSE", "PDEA", "CRAT") for i in range(250)]
    began = time.monotonic()
    assert near_names("1DPAM01OT", names)
    assert time.monotonic() - began < 0.5


def test_every_rule_of_the_grammar_that_makes_something_has_its_method() -> None:
    from mta_assets.query.language import _parser

    rules = {rule.alias or rule.origin.name for rule in _parser().rules}
    inner = {rule for rule in rules if rule.startswith("_") or not hasattr(Rules, rule)}
    kept = {rule.origin.name for rule in _parser().rules if rule.options.expand1}
    assert {rule for rule in inner if not rule.startswith("_")} <= kept
