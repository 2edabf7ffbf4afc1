"""The query language: what each clause means, and what a usual query costs."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from mta_assets.core.times import from_utc
from mta_assets.query.language import parse, parse_expression
from mta_assets.query.model import (
    Alignment,
    Arithmetic,
    Call,
    Compare,
    Item,
    Logic,
    Name,
    Number,
    Period,
    Position,
    Products,
    Query,
    Sampling,
    Text,
    Window,
)
from mta_assets_tests.query.language_nodes import without_places

NOW = from_utc("2024-07-01T12:00:00")
DAY = 86400.0


def query(text: str) -> Query:
    """The query without places, as tests compare it."""
    return without_places(parse(text, NOW))


def expression(text: str):
    return without_places(parse_expression(text))


def period(start: str | None, stop: str | None) -> Period:
    return Period(start and from_utc(start), stop and from_utc(stop))


A, B, X = Name("A"), Name("B"), Name("X")
HOT = Compare(">", (A, Number(3.0)))


# ---- what


def test_parameters_may_begin_with_digits_and_have_dots_dollars_and_indices() -> None:
    names = [
        "1DPAMZT",
        "2SHEV1RT",
        "5EHSE300",
        "OBS.TARGET",
        "ACIS_EVT0.EVENTS.PHA",
        "A$B",
        "FLUX[3]",
        "F[1,2]",
        "TM:X",
        "LAST",
    ]
    assert query("GET " + ", ".join(names)).what == tuple(Item(Name(name)) for name in names)


def test_a_name_in_double_quotes_may_hold_anything() -> None:
    assert query('GET "A-B, c", "say ""x"""').what == (Item(Name("A-B, c")), Item(Name('say "x"')))


def test_wild_cards_make_a_pattern_of_an_item_and_a_product_needs_spaces() -> None:
    assert query("GET 1DP*, *, T?MP, A*B").what == tuple(Item(Name(n)) for n in ("1DP*", "*", "T?MP", "A*B"))
    assert query("GET A * B").what == (Item(Arithmetic("*", (A, B))),)
    assert query("GET (A*B)").what == (Item(Arithmetic("*", (A, B))),)


def test_a_kind_holds_until_another_is_named_and_two_kinds_give_two_columns() -> None:
    assert query("GET A, RAW B, X, processed A").what == (
        Item(A), Item(B, "raw"), Item(X, "raw"), Item(A, "processed")
    )  # fmt: skip
    assert query("GET RAW AND CONVERTED A").what == (Item(A, "raw"), Item(A, "converted"))


def test_columns_can_be_expressions_and_conditions_with_a_name() -> None:
    assert query("GET A - B AS diff, A > 3 AS HOT").what == (
        Item(Arithmetic("-", (A, B)), alias="diff"), Item(HOT, alias="HOT")
    )  # fmt: skip


def test_an_alias_and_as_of_do_not_clash() -> None:
    found = query("GET A AS B AS OF 2024-05-01")
    assert found.what == (Item(A, alias="B"),)
    assert found.as_of == from_utc("2024-05-01")
    assert query("GET A AS OF 2024-05-01").what == (Item(A),)


def test_complete_products_are_named_by_patterns_of_file_ids() -> None:
    assert query("GET PRODUCTS ACIS_EVT*, ASPSOL").what == Products((Name("ACIS_EVT*"), Name("ASPSOL")))


def test_values_without_a_name_are_given_by_their_place() -> None:
    assert query("GET FRAME BYTE 112 BIT 3 LENGTH 16").what == (Item(Position("", 112, 3, 16)),)
    assert query("GET PACKET JPSS_ATT BYTE 6 AS q").what == (Item(Position("JPSS_ATT", 6, 0, 8), alias="q"),)
    assert query("GET PACKET 11 BYTE 0 BIT 7 LENGTH 64").what == (Item(Position("11", 0, 7, 64)),)


def test_explain_shows_the_plan() -> None:
    assert query("EXPLAIN GET A").explain
    assert not query("GET A").explain


def test_comments_case_and_line_breaks_do_not_matter() -> None:
    text = "get A -- the temperature\n  from 2024-03-01\n  Where A Gt 3;"
    assert query(text) == query("GET A FROM 2024-03-01 WHERE A > 3")


# ---- times


@pytest.mark.parametrize(
    ("text", "periods"),
    [
        ("FROM 2024-03-01 TO 2024-03-02", [period("2024-03-01", "2024-03-02")]),
        ("FROM 2024:061 TO 2024:062:12:30:00.25", [period("2024-03-01", "2024-03-02T12:30:00.25")]),
        ("FROM 2024-03-01T12:00:00.5Z", [period("2024-03-01T12:00:00.5", None)]),
        ("FROM 2024-03-01 06:00 TO '2024-03-02'", [period("2024-03-01T06:00:00", "2024-03-02")]),
        ("FROM 2024 TO 2024-03", [period("2024-01-01", "2024-03-01")]),
        ("FROM 825638469.184 TO 825638470", [Period(825638469.184, 825638470.0)]),
        ("FROM -5.5 TO 2024.0", [Period(-5.5, 2024.0)]),
        ("SINCE 2024-03-01", [period("2024-03-01", None)]),
        ("UNTIL 2024-03-01", [period(None, "2024-03-01")]),
        ("ON 2024-03-01, 2024:062", [period("2024-03-01", "2024-03-02"), period("2024-03-02", "2024-03-03")]),
        ("DURING 2024-02", [period("2024-02-01", "2024-03-01")]),
        ("DURING 2023", [period("2023-01-01", "2024-01-01")]),
        ("ON TODAY", [period("2024-07-01", "2024-07-02")]),
        ("ON YESTERDAY", [period("2024-06-30", "2024-07-01")]),
        ("LAST 7 DAYS", [Period(NOW - 7 * DAY, NOW)]),
        ("LAST HOUR", [Period(NOW - 3600, NOW)]),
        ("FROM NOW - 3 HOURS TO NOW", [Period(NOW - 3 * 3600, NOW)]),
        ("FROM 1 YEAR AGO FOR 24 h", [Period(NOW - 365.25 * DAY, NOW - 364.25 * DAY)]),
        ("FROM 2024-03-01 + 1 h 30 min FOR 1 DAY", [period("2024-03-01T01:30:00", "2024-03-02T01:30:00")]),
        ("FROM 2024-03-01 TO 2024-03-02, 2024-04-01 TO 2024-04-02",
         [period("2024-03-01", "2024-03-02"), period("2024-04-01", "2024-04-02")]),
        ("FROM 2024-03-01 TO 2024-03-02 AND 2024-04-01",
         [period("2024-03-01", "2024-03-02"), period("2024-04-01", None)]),
        ("DURING MISSION", []),
        ("DURING THE WHOLE MISSION", []),
        ("", []),
    ],
)  # fmt: skip
def test_periods(text: str, periods: list[Period]) -> None:
    assert query(f"GET A {text}").periods == tuple(periods)


def test_a_leap_second_is_a_time_and_lies_between_its_neighbours() -> None:
    (found,) = query("GET A FROM 2016-12-31T23:59:59 TO 2016-12-31T23:59:60").periods
    assert found.stop is not None
    assert found.start is not None
    assert found.stop - found.start == pytest.approx(1.0, abs=1e-6)
    assert from_utc("2017-01-01") - found.stop == pytest.approx(1.0, abs=1e-6)


def test_dates_beyond_the_known_leap_seconds_are_counted_on() -> None:
    (found,) = query("GET A FROM 2035-01-01T00:00:01.5 TO 2035-01-02").periods
    assert found.start == pytest.approx(from_utc("2027-01-01") + 2922 * DAY + 1.5, abs=1e-6)
    assert found.stop == pytest.approx(from_utc("2027-01-01") + 2923 * DAY, abs=1e-6)


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [("s", 1), ("sec", 1), ("SECONDS", 1), ("min", 60), ("minutes", 60), ("h", 3600), ("hours", 3600), ("d", DAY),
     ("Days", DAY), ("w", 7 * DAY), ("week", 7 * DAY), ("month", 30.4375 * DAY), ("months", 30.4375 * DAY),
     ("year", 365.25 * DAY), ("yr", 365.25 * DAY)],
)  # fmt: skip
def test_units_of_durations(unit: str, seconds: float) -> None:
    assert query(f"GET A EVERY 2 {unit}").sampling.every == 2 * seconds
    assert query(f"GET A EVERY 2{unit} MEAN").sampling == Sampling(2 * seconds, ("mean",))


def test_the_present_is_looked_at_only_where_it_is_needed() -> None:
    assert parse("GET A LAST 1 h").periods[0].stop != parse("GET A LAST 1 h", NOW).periods[0].stop


# ---- rows


def test_obsids_and_observations() -> None:
    assert query("GET A DURING OBSID 44055, 44056").obsids == (44055, 44056)
    assert query("GET A INSIDE OBSERVATIONS").observations == "inside"
    assert query("GET A OUTSIDE OBSERVATIONS").observations == "outside"
    assert query("GET A").observations == "any"


@pytest.mark.parametrize(
    ("text", "operator"),
    [("=", "="), ("==", "="), ("eq", "="), ("!=", "!="), ("<>", "!="), ("ne", "!="), ("<", "<"), ("lt", "<"),
     ("<=", "<="), ("LE", "<="), (">", ">"), ("gt", ">"), (">=", ">="), ("ge", ">=")],
)  # fmt: skip
def test_comparisons(text: str, operator: str) -> None:
    assert query(f"GET A WHERE A {text} 3").where == Compare(operator, (A, Number(3.0)))


def test_between_in_like_and_their_negations() -> None:
    between = Compare("between", (A, Number(-1.0), Arithmetic("+", (B, Number(2.0)))))
    assert query("GET A WHERE A BETWEEN -1 AND B + 2").where == between
    assert query("GET A WHERE A NOT BETWEEN -1 AND B + 2").where == Logic("not", (between,))
    one_of = Compare("in", (A, Number(1.0), Number(-2.0), Text("O'N")))
    assert query("GET A WHERE A NOT IN (1, -2, 'O''N')").where == Logic("not", (one_of,))
    assert query("GET A WHERE A LIKE 'x*'").where == Compare("like", (A, Text("x*")))


def test_not_binds_closer_than_and_and_and_closer_than_or() -> None:
    cold = Compare("<", (B, Number(1.0)))
    assert query("GET A WHERE NOT A > 3 AND B < 1 OR A > 3").where == Logic(
        "or", (Logic("and", (Logic("not", (HOT,)), cold)), HOT)
    )
    assert query("GET A WHERE NOT (A > 3 OR B < 1)").where == Logic("not", (Logic("or", (HOT, cold)),))


def test_a_second_limit_needs_no_second_name() -> None:
    both = Logic("and", (HOT, Compare("<", (A, Number(5.0)))))
    assert query("GET A WHERE A gt 3 AND lt 5").where == both
    chained = Logic("and", (Compare("<", (Number(3.0), A)), Compare("<=", (A, Number(5.0)))))
    assert query("GET A WHERE 3 < A <= 5").where == chained


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("EACH TIME A > 3", Window(HOT)),
        ("DURING EACH TIME A > 3", Window(HOT)),
        ("WITHIN 1 h OF EACH TIME A > 3", Window(HOT, 3600, 3600)),
        ("WITHIN 1 h BEFORE EACH TIME A > 3", Window(HOT, 3600, 0)),
        ("WITHIN 1 h AFTER EACH TIME A > 3 EXCLUDING EVENT", Window(HOT, 0, 3600, False)),
        ("WITHIN 1 h BEFORE AND 30 min AFTER EACH TIME A > 3", Window(HOT, 3600, 1800)),
        ("WITHIN 1 h BEFORE TO 30 min AFTER EACH TIME A > 3", Window(HOT, 3600, 1800)),
        ("WITHIN 5 h TO 6 h AFTER EACH TIME A > 3", Window(HOT, -18000, 21600, anchor="end")),
        ("WITHIN 6 h TO 5 h BEFORE EACH TIME A > 3", Window(HOT, 21600, -18000, anchor="start")),
        ("AT 5 h AFTER EACH TIME A > 3", Window(HOT, -18000, 18000, anchor="end")),
        ("AT 5 h BEFORE EACH TIME A > 3", Window(HOT, 18000, -18000, anchor="start")),
        ("EACH TIME A REACHES 20", Window(Compare("reaches", (A, Number(20.0))))),
        ("EACH TIME A + 1 RISES TO B", Window(Compare("rises", (Arithmetic("+", (A, Number(1.0))), B)))),
        ("EACH TIME A FALLS TO -20", Window(Compare("falls", (A, Number(-20.0))))),
    ],
)
def test_windows(text: str, window: Window) -> None:
    assert query(f"GET B {text}").windows == (window,)


def test_only_a_window_without_length_is_a_moment() -> None:
    assert query("GET B AT 5 h AFTER EACH TIME A > 3").windows[0].is_moment
    assert not query("GET B WITHIN 5 h TO 6 h AFTER EACH TIME A > 3").windows[0].is_moment
    assert not query("GET B EACH TIME A > 3").windows[0].is_moment


def test_several_windows_are_joined_by_commas() -> None:
    found = query("GET B EACH TIME A > 3, WITHIN 1 s OF EACH TIME A REACHES 2 WHERE B > 1")
    assert len(found.windows) == 2
    assert found.where == Compare(">", (B, Number(1.0)))


@pytest.mark.parametrize(
    ("text", "sampling"),
    [
        ("EVERY 10 MIN", Sampling(600.0)),
        ("EVERY MIN MIN, MAXIMUM", Sampling(60.0, ("min", "max"))),
        ("EVERY 10 MIN FIRST, LAST", Sampling(600.0, ("first", "last"))),
        ("EVERY 10 MIN LAST", Sampling(600.0, ("last",))),
        ("EVERY DAY ALL STATISTICS", Sampling(DAY, ("all",))),
        ("EVERY OBSERVATION MEDIAN", Sampling("observation", ("median",))),
        ("EVERY BLOCK P95", Sampling("block", ("p95",))),
        ("AVERAGED OVER 1 DAY", Sampling(DAY, ("mean",))),
        ("STATISTICS OVER 328 s", Sampling(328.0, ("all",))),
    ],
)
def test_sampling(text: str, sampling: Sampling) -> None:
    assert query(f"GET A {text}").sampling == sampling


def test_the_last_samples_and_the_last_days_are_told_apart() -> None:
    found = query("GET A EVERY 10 MIN LAST LAST 7 DAYS")
    assert found.sampling.statistic == ("last",)
    assert found.periods == (Period(NOW - 7 * DAY, NOW),)
    assert query("GET A EVERY 10 MIN LAST 7 DAYS").sampling.statistic == ("first",)


def test_alignment_bad_data_and_limit() -> None:
    assert query("GET A ON TIMELINE OF B").alignment == Alignment(B)
    assert query("GET A ON TIMELINE OF B INTERPOLATED").alignment == Alignment(B, "linear")
    assert query("GET A ON TIMELINE OF B NEAREST").alignment == Alignment(B, "nearest")
    assert query("GET A").good_only
    assert not query("GET A INCLUDING BAD DATA").good_only
    assert query("GET A LIMIT 1000 ROWS").limit == 1000


def test_clauses_may_stand_in_any_order() -> None:
    first = "FROM 2024-03-01 TO 2024-03-02 WHERE A > 3 AND B < 1 EACH TIME B REACHES 2 EVERY 1 h MAX LIMIT 5"
    second = "LIMIT 5 EVERY 1 h MAX EACH TIME B REACHES 2 WHERE A > 3 AND B < 1 FROM 2024-03-01 TO 2024-03-02"
    assert replace(query(f"GET A {first}"), text="") == replace(query(f"GET A {second}"), text="")


# ---- expressions


def test_arithmetic_has_the_usual_order() -> None:
    assert expression("A + B * 2") == Arithmetic("+", (A, Arithmetic("*", (B, Number(2.0)))))
    assert expression("A - B - X") == Arithmetic("-", (Arithmetic("-", (A, B)), X))
    assert expression("-A ^ 2") == Arithmetic("neg", (Arithmetic("^", (A, Number(2.0))),))
    assert expression("A ^ B ^ -2") == Arithmetic("^", (A, Arithmetic("^", (B, Number(-2.0)))))
    assert expression("A**2 % 3") == Arithmetic("%", (Arithmetic("^", (A, Number(2.0))), Number(3.0)))
    assert expression("A-B") == Arithmetic("-", (A, B))


def test_functions_have_one_name_each() -> None:
    assert expression("LOG(A)") == expression("ln(A)") == Call("ln", (A,))
    assert expression("pow(A, 2)") == expression("A ^ 2")
    assert expression("if(A > 3, A, 0)") == Call("if", (HOT, A, Number(0.0)))
    assert expression('mean("TH*", A)') == Call("mean", (Name("TH*"), A))


def test_numbers_and_truth() -> None:
    assert expression("1.5e-3 + A").operands[0] == Number(1.5e-3)
    assert expression(".5 + A").operands[0] == Number(0.5)
    assert expression("A = TRUE") == Compare("=", (A, Number(1.0)))
    assert expression("A = false") == Compare("=", (A, Number(0.0)))


def test_nodes_know_their_place() -> None:
    text = "GET A, sqrt(B) WHERE X > 3"
    found = parse(text)
    assert isinstance(found.what, tuple)
    assert [item.at for item in found.what] == [4, 7]
    assert isinstance(found.where, Compare)
    assert [text[node.at] for node in found.where.operands] == ["X", "3"]


def test_a_usual_query_is_parsed_in_a_fraction_of_the_time_it_takes_to_run() -> None:
    text = (
        "GET 1DPAMZT, TEPHIN, RAW ELBV AS BUS FROM 2024-03-01 TO 2024-03-08 WHERE 1DPAMZT > 20 AND TEPHIN "
        "BETWEEN 1 AND 100 OR AOPCADMD IN ('NPNT', 'NMAN') EVERY 10 MIN MEAN LIMIT 1000"
    )
    parse(text)
    costs = []
    for _ in range(50):
        began = time.perf_counter()
        parse(text)
        costs.append(time.perf_counter() - began)
    assert min(costs) < 0.0015


def test_threads_share_the_parser() -> None:
    texts = [
        f"GET A{i}, B * {i} AS C FROM 2024-03-01 TO 2024-03-{i + 2:02d} WHERE X > {i} LIMIT {i + 1}" for i in range(20)
    ]
    expected = [parse(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(parse, texts * 10)) == expected * 10
