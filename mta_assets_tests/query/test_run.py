"""Queries run against sources in memory: each rule with the answer worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.samples import SECOND, ParameterInfo, Samples
from mta_assets.query.answer import Answer, AnswerTable, Cancelled, TooLarge, join
from mta_assets.query.errors import QueryError
from mta_assets.query.execute import Execution
from mta_assets.query.language import parse
from mta_assets.query.model import (
    Alignment,
    Arithmetic,
    Call,
    Compare,
    Expression,
    Item,
    Logic,
    Name,
    Number,
    Period,
    Query,
    Sampling,
    Text,
    Window,
)
from mta_assets.query.plan import plan
from mta_assets.query.run import run
from mta_assets_tests.query.memory_source import MemorySource, SummarySource, samples

NAN = float("nan")


def source() -> MemorySource:
    """A and B share a group; C is slow; S a state; OBSID and BBID intervals."""
    t = np.arange(0, 100, 10.0)
    raw = np.arange(10, dtype=np.int16)
    return MemorySource(
        samples("A", t, raw * 1.5, unit="V", group="G", period=10.0, raw=raw),
        samples("B", t, raw.astype(np.int32) * 2, group="G", period=10.0, quality=[0, 0, 64, 0, 0, 0, 0, 0, 0, 0]),
        samples("C", [0, 25, 50, 75], [1.0, 2.0, 3.0, 4.0], group="H", period=25.0),
        samples("S", t, (raw // 4).astype(np.int8), states={0: "OFF", 1: "ON", 2: "TRIP"}, group="G", period=10.0),
        samples("OBSID", [5, 40], np.array([101, 102]), until=[30, 70], group="OBS", origin="observation"),
        samples("BBID", [5, 20], np.array([1, 2]), until=[20, 30], group="BB", origin="observation"),
    )


def query(*what: Expression | Item | str, **clauses: Any) -> Query:
    items = [Name(one) if isinstance(one, str) else one for one in what]
    text = clauses.pop("text", "the query")
    return Query(text, tuple(one if isinstance(one, Item) else Item(one) for one in items), **clauses)


def ask(*what: Expression | Item | str, **clauses: Any) -> Answer:
    return run(query(*what, **clauses), [source()])


def only(answer: Answer) -> AnswerTable:
    (table,) = answer.tables
    return table


def rows(table: AnswerTable) -> list[tuple[float, ...]]:
    """Time [s] and the columns of each row."""
    return [tuple(row) for row in zip(table.times.tolist(), *(c.tolist() for c in table.columns.values()), strict=True)]


def over(sign: str, name: str, *limits: float | str) -> Compare:
    right = tuple(Text(one) if isinstance(one, str) else Number(one) for one in limits)
    return Compare(sign, (Name(name), *right))


# ---- names, periods, tables


def test_samples_come_as_they_are_in_half_open_periods() -> None:
    table = only(ask("A", periods=(Period(10, 30),)))
    assert (table.name, rows(table), table.units) == ("G", [(10, 1.5), (20, 3.0)], {"A": "V"})
    assert table.utc[0] == "1997-12-31T23:59:06.816"


def test_names_are_found_in_either_case_and_columns_have_the_sources_names_or_aliases() -> None:
    table = only(ask("a", Item(Name("s"), alias="mode"), periods=(Period(0, 1),)))
    assert list(table.columns) == ["A", "mode"]
    assert table.info["mode"].states[1] == "ON"


def test_patterns_stand_for_all_names_that_match_and_repeated_columns_get_a_number() -> None:
    table = only(ask("?", "A", periods=(Period(50, 60),), alignment=Alignment(Name("A"))))
    assert list(table.columns) == ["A", "B", "C", "S", "A_2"]


def test_groups_are_tables_of_their_own() -> None:
    answer = ask("A", "C", "S", periods=(Period(0, 30),))
    assert {table.name: list(table.columns) for table in answer.tables} == {"G": ["A", "S"], "H": ["C"]}
    assert [len(table) for table in answer.tables] == [3, 2]


def test_what_is_not_good_is_left_out_unless_it_is_asked_for() -> None:
    assert [t for t, _ in rows(only(ask("B", periods=(Period(10, 40),))))] == [10, 30]
    table = only(ask("B", periods=(Period(10, 40),), good_only=False))
    assert rows(table) == [(10, 2), (20, 4), (30, 6)]
    assert table.quality is not None
    assert table.quality["B"].tolist() == [0, 64, 0]


def test_a_cell_without_a_value_beside_others_is_marked_as_missing() -> None:
    table = only(ask("A", "B", periods=(Period(10, 40),)))
    assert rows(table) == [(10, 1.5, 2), (20, 3.0, 0), (30, 4.5, 6)]
    assert table.quality is not None
    assert {name: flags.tolist() for name, flags in table.quality.items()} == {"B": [0, 1, 0]}


def test_raw_gives_counts() -> None:
    table = only(ask(Item(Name("A"), "raw"), Item(Name("A")), periods=(Period(10, 30),)))
    assert rows(table) == [(10, 1, 1.5), (20, 2, 3.0)]
    assert table.units == {"A": "", "A_2": "V"}


def test_unknown_names_have_near_ones_and_processed_data_are_of_products() -> None:
    with pytest.raises(QueryError, match="OBSIDD"):
        ask("OBSIDD")
    with pytest.raises(QueryError, match="A is telemetry data; PROCESSED asks for columns and keywords of products"):
        ask(Item(Name("A"), "processed"))
    with pytest.raises(QueryError, match="only one can stand here"):
        ask("A", where=over(">", "*", 1))
    with pytest.raises(QueryError, match="there is no parameter in it"):
        ask(Number(3))


def test_the_first_source_that_has_a_name_gives_it_and_explain_says_so() -> None:
    second = MemorySource(samples("A", [0], [7.0]), samples("D", [0], [8.0]), label="second")
    asked = query("A", "D", periods=(Period(0, 1),))
    answer = run(asked, [source(), second])
    assert [rows(table) for table in answer.tables] == [[(0, 0.0)], [(0, 8.0)]]
    assert "A [V] from memory; also in second" in plan(asked, [source(), second]).explain()


def test_nothing_in_a_period_is_an_empty_table_with_a_note() -> None:
    answer = ask("A", periods=(Period(1000, 2000),))
    table = only(answer)
    assert (len(table), table.columns["A"].dtype) == (0, np.float64)
    assert answer.notes == ["A has no data in the time asked for", "no rows: nothing met what was asked for"]


def test_the_whole_mission_needs_no_period() -> None:
    assert len(only(ask("A"))) == 10
    assert len(only(ask("A", where=over(">", "A", -1)))) == 10
    assert [t for t, _ in rows(only(ask("A", periods=(Period(None, 20),))))] == [0, 10]


# ---- conditions


def test_a_condition_on_the_parameter_itself_is_of_each_sample() -> None:
    assert rows(only(ask("A", where=over("between", "A", 3, 4.5)))) == [(20, 3.0), (30, 4.5)]


def test_a_condition_on_another_parameter_goes_by_its_latest_value() -> None:
    table = only(ask("A", where=over("=", "C", 2), periods=(Period(20, 60),)))
    assert [t for t, _ in rows(table)] == [30, 40]  # C is 2 from 25 to 50


def test_the_value_before_the_period_counts() -> None:
    assert [t for t, _ in rows(only(ask("A", where=over("=", "C", 2), periods=(Period(40, 60),))))] == [40]


def test_a_stale_value_makes_a_condition_unknown_also_when_negated() -> None:
    stale = MemorySource(samples("X", [0, 30, 31], [1.0, 1.0, 1.0], period=1), samples("Y", [0], [1.0], period=10))
    for node in (over("=", "Y", 1), Logic("not", (over("=", "Y", 2),))):
        assert [t for t, _ in rows(only(run(query("X", where=node), [stale])))] == [0, 30]


def test_a_bad_value_does_not_decide_a_condition() -> None:
    # B is bad at 20 s: there the value of 10 s still stands
    assert [t for t, _ in rows(only(ask("C", where=over("=", "B", 2))))] == [25]
    assert [t for t, _ in rows(only(ask("C", where=over("=", "B", 4), good_only=False)))] == [25]


def test_intervals_hold_until_they_end() -> None:
    assert [t for t, _ in rows(only(ask("A", where=over("=", "OBSID", 101))))] == [10, 20]


def test_the_text_of_an_interval_is_empty_where_there_is_none_and_its_number_unknown() -> None:
    held = [source(), MemorySource(samples("AOT", [5, 40], np.array(["Map", "Scan"]), until=[30, 70]))]
    kept = only(run(query("A", where=Logic("not", (over("in", "AOT", "scan", "x"),))), held))
    assert kept.times.tolist() == [0, 10, 20, 30, 70, 80, 90]
    assert [t for t, _ in rows(only(ask("A", where=over("!=", "OBSID", 101))))] == [40, 50, 60]


def test_states_are_compared_by_name() -> None:
    assert [t for t, _ in rows(only(ask("A", where=over("=", "S", "trip"))))] == [80, 90]


def test_a_condition_on_a_parameter_without_data_gives_nothing_and_says_why() -> None:
    empty = MemorySource(samples("A", [0], [1.0]), samples("Z", [], np.zeros(0)))
    answer = run(query("A", where=over(">", "Z", 1)), [empty])
    assert len(only(answer)) == 0
    assert "Z has no data in the time asked for" in answer.notes


# ---- expressions


def test_an_expression_stands_on_the_times_of_its_first_parameter() -> None:
    node = Arithmetic("+", (Name("C"), Name("A")))
    table = only(ask(node, periods=(Period(0, 60),)))
    assert (list(table.columns), rows(table)) == (["C + A"], [(0, 1.0), (25, 5.0), (50, 10.5)])


def test_a_division_by_zero_is_left_out_and_counted() -> None:
    answer = ask(Item(Arithmetic("/", (Number(6), Name("A"))), alias="q"), "A", periods=(Period(0, 20),))
    table = only(answer)
    np.testing.assert_array_equal(table.columns["q"], [NAN, 4.0])
    assert answer.notes == ["division by zero: 1 value left out"]
    assert table.quality is not None
    assert table.quality["q"].tolist() == [1, 0]


def test_a_difference_looks_at_the_sample_before_the_period() -> None:
    assert rows(only(ask(Call("delta", (Name("A"),)), periods=(Period(10, 30),)))) == [(10, 1.5), (20, 1.5)]


def test_a_function_takes_all_parameters_of_a_pattern() -> None:
    both = MemorySource(samples("T1", [0], [1.0], group="T"), samples("T2", [0], [4.0], group="T"))
    assert rows(only(run(query(Call("mean", (Name("T*"),))), [both]))) == [(0, 2.5)]


# ---- observations


def test_observations_restrict_the_times() -> None:
    assert [t for t, _ in rows(only(ask("A", obsids=(102,))))] == [40, 50, 60]
    assert [t for t, _ in rows(only(ask("A", observations="inside")))] == [10, 20, 40, 50, 60]
    assert [t for t, _ in rows(only(ask("A", observations="outside")))] == [0, 30, 70, 80, 90]


def test_an_unknown_observation_gives_nothing_and_a_note() -> None:
    answer = ask("A", obsids=(999,))
    assert len(only(answer)) == 0
    assert answer.notes[0] == "observation 999 does not lie in the times asked for, or is not known"


def test_without_a_source_of_observations_it_is_said_which_is_missing() -> None:
    with pytest.raises(QueryError, match="no source knows observations"):
        run(query("A", observations="inside"), [MemorySource(samples("A", [0], [1.0]))])


def test_intervals_that_overlap_the_period_are_rows_with_their_end() -> None:
    table = only(ask("OBSID", periods=(Period(20, 40),)))
    assert rows(table) == [(5, 101)]
    assert table.until is not None
    assert table.until.tolist() == [30 * SECOND]
    limited = only(ask("OBSID", where=over(">", "OBSID", 0), periods=(Period(20, 41), Period(60, 80))))
    assert rows(limited) == [(5, 101), (40, 102)]


# ---- windows


def test_each_time_something_happens_the_time_around_it_is_kept() -> None:
    window = Window(over("reaches", "A", 6), 10, 20)
    assert [t for t, _ in rows(only(ask("A", windows=(window,))))] == [30, 40, 50, 60]


def test_an_event_beside_the_period_reaches_into_it() -> None:
    window = Window(over("reaches", "A", 6), 10, 20)
    assert [t for t, _ in rows(only(ask("A", windows=(window,), periods=(Period(50, 100),))))] == [50, 60]


def test_a_moment_after_an_event_gives_the_latest_sample_at_it() -> None:
    window = Window(over("=", "S", "ON"), -12, 12, anchor="end")
    assert [t for t, _ in rows(only(ask("A", windows=(window,))))] == [80]  # ON from 40 to 70; 82 s is asked for


def test_windows_are_any_of_several_and_without_events_there_is_a_note() -> None:
    two = (Window(over("=", "A", 0)), Window(over("=", "A", 4.5), 0, 10))
    assert [t for t, _ in rows(only(ask("A", windows=two)))] == [0, 30, 40]
    answer = ask("A", windows=(Window(over(">", "A", 1000)),))
    assert len(only(answer)) == 0
    assert "an EACH TIME condition was never met" in answer.notes


# ---- sampling


def test_every_gives_one_row_for_each_bin_with_the_time_of_the_sample_taken() -> None:
    table = only(ask("A", "C", sampling=Sampling(25.0), periods=(Period(10, 80),)))
    assert table.times.tolist() == [10, 25, 50, 75]
    np.testing.assert_array_equal(table.columns["A"], [1.5, 4.5, 7.5, NAN])  # 80 is the stop, and not in the period
    np.testing.assert_array_equal(table.columns["C"], [NAN, 2.0, 3.0, 4.0])


def test_a_mean_stands_at_the_start_of_its_bin_and_several_statistics_have_names() -> None:
    table = only(ask("A", sampling=Sampling(50.0, ("mean", "max", "count"))))
    assert list(table.columns) == ["A_mean", "A_max", "A_count"]
    assert rows(table) == [(0, 3.0, 6.0, 5), (50, 10.5, 13.5, 5)]
    assert table.units == {"A_mean": "V", "A_max": "V", "A_count": ""}
    assert list(only(ask("A", sampling=Sampling(50.0, ("mean",)))).columns) == ["A"]


def test_the_mean_of_a_state_is_the_most_frequent_one() -> None:
    table = only(ask("S", "A", sampling=Sampling(50.0, ("mean",))))
    assert rows(table) == [(0, 0, 3.0), (50, 1, 10.5)]


def test_conditions_come_before_sampling() -> None:
    assert rows(only(ask("A", where=over(">=", "A", 3), sampling=Sampling(50.0, ("min",))))) == [(0, 3.0), (50, 7.5)]


def test_every_observation_and_every_block_give_a_row_each_with_its_number() -> None:
    table = only(ask("A", sampling=Sampling("observation", ("mean",))))
    assert (list(table.columns), rows(table)) == (["OBSID", "A"], [(5, 101, 2.25), (40, 102, 7.5)])
    blocks = only(ask("A", sampling=Sampling("block", ("first",))))
    assert rows(blocks) == [(10, 1, 1.5), (20, 2, 3.0)]


def test_whole_buckets_come_from_roll_ups_and_cut_ones_from_their_samples() -> None:
    rng = np.random.default_rng(7)
    one = samples("A", np.arange(0, 5000, 16.4), rng.normal(size=305), period=16.4, group="G")
    stats = ("count", "min", "max", "mean", "std", "first", "last")
    within_one_bucket, sharing_one = (Period(10, 300),), (Period(10, 700), Period(800, 4000))
    one_period = [(Period(100, 4321),), (Period(None, None),), (Period(0, 328),), within_one_bucket]
    for periods in [*one_period, sharing_one]:
        summed = SummarySource(one)
        asked = query("A", sampling=Sampling(328.0, stats), periods=periods)
        table, plain = only(run(asked, [summed])), only(run(asked, [MemorySource(one)]))
        assert plan(asked, [summed]).rollup == "5min"
        assert table.time.tolist() == plain.time.tolist()
        for name, values in plain.columns.items():
            np.testing.assert_allclose(table.columns[name], values, rtol=1e-12, atol=1e-14, err_msg=name)
        assert summed.asked == ["5min"] * len(periods)


def test_roll_ups_are_not_used_where_they_are_not_exact() -> None:
    one = SummarySource(samples("A", [0], [1.0], period=10.0, raw=[1]))
    hourly = Sampling(3600.0, ("mean",))
    assert plan(query("A", sampling=hourly), [one]).rollup == "hour"
    for asked in (
        query("A", sampling=hourly, where=over(">", "A", 1)),
        query("A", sampling=hourly, good_only=False),
        query("A", sampling=Sampling(3600.0, ("median",))),
        query("A", sampling=Sampling(3600.0, ("first",))),
        query("A", sampling=Sampling(1800.0, ("mean",))),
        query("A", sampling=Sampling(86400.0, ("tmean",))),
        query(Item(Name("A"), "raw"), sampling=hourly),
        query(Call("abs", (Name("A"),)), sampling=hourly),
    ):
        assert plan(asked, [one]).rollup is None


def test_days_in_which_a_condition_can_not_be_true_are_not_read() -> None:
    times = np.arange(0, 100 * 86400, 60.0)
    values = np.where((times // 86400) % 50 == 7, 30.0, 10.0) + np.sin(times / 60)
    given = samples("A", times, values, period=60.0, group="G")
    summed, plain = SummarySource(given), MemorySource(given)
    for clauses in (
        {"where": over(">", "A", 20)},
        {"where": Logic("not", (Compare(">=", (Number(20), Name("A"))),))},
        {"windows": (Window(over("rises", "A", 20), 7200, 3600),)},
    ):
        asked = query("A", periods=(Period(0, 100 * 86400),), **clauses)
        assert rows(only(run(asked, [summed]))) == rows(only(run(asked, [plain])))
    assert "day" in summed.asked
    read = sum(np.sum(np.diff(i)) for _, i in summed.reads if i is not None)
    assert read < 0.2 * 3 * 100 * 86400


# ---- timelines, limits, memory, cancelling


def test_all_columns_can_be_brought_to_the_timeline_of_one() -> None:
    table = only(ask("A", "C", periods=(Period(20, 60),), alignment=Alignment(Name("C"), "linear")))
    assert (table.name, rows(table)) == ("C", [(25, 3.75, 2.0), (50, 7.5, 3.0)])


def test_a_limit_is_of_each_table_and_reading_stops_with_it() -> None:
    assert [len(table) for table in ask("A", "C", limit=3).tables] == [3, 3]
    assert len(only(ask("A", limit=2, sampling=Sampling(30.0, ("mean",))))) == 2
    long = samples("A", np.arange(0, 1e6, 1.0), np.zeros(10**6), period=1.0)
    held = MemorySource(long)
    assert len(only(run(query("A", limit=5), [held]))) == 5
    assert sum(float(np.sum(np.diff(i))) for _, i in held.reads if i is not None) < 5e5


def test_a_large_answer_comes_in_blocks() -> None:
    long = samples("A", np.arange(0, 1e5, 1.0), np.arange(10**5) * 1.0, period=1.0)
    for clauses in ({}, {"where": over(">=", "A", 10)}):
        asked = query("A", periods=(Period(0, 1e5),), **clauses)
        answer = run(asked, [MemorySource(long)], memory_limit=1 << 19)
        assert answer.streams
        assert "comes in blocks" in answer.notes[-1]
        blocks = list(answer.blocks())
        assert len(blocks) > 3
        assert max(block.nbytes for block in blocks) <= 1 << 19
        whole = only(run(asked, [MemorySource(long)]))
        np.testing.assert_array_equal(join(blocks, answer.names)[0].columns["A"], whole.columns["A"])
        with pytest.raises(TooLarge, match=r"takes .* MiB or more"):
            _ = answer.tables


def test_an_interval_with_more_samples_than_memory_is_refused_with_its_size() -> None:
    long = samples("A", np.arange(0, 1e5, 1.0), np.zeros(10**5), period=1.0)
    with pytest.raises(TooLarge, match=r"samples of one interval \(200000 s\) take about 2 MiB"):
        run(query("A", sampling=Sampling(2e5, ("median",))), [MemorySource(long)], memory_limit=1 << 20)


def test_a_query_can_be_cancelled_and_tells_how_far_it_is() -> None:
    told: list[tuple[float, int]] = []
    run(query("A", where=over(">", "A", 0)), [source()], progress=lambda share, n: told.append((share, n)))
    assert told[-1] == (1.0, 9)
    with pytest.raises(Cancelled):
        run(query("A", where=over(">", "A", 0)), [source()], cancel=lambda: True)


def test_explain_runs_nothing() -> None:
    held = source()
    answer = run(query("A", explain=True, sampling=Sampling(10.0, ("mean",)), limit=4), [held])
    assert (held.reads, answer.tables) == ([], [])
    text = answer.plan.explain()
    assert "one row every 10 s: mean" in text
    assert "At most 10 rows" in text
    assert answer.plan.to_json()["periods"] == [[None, None]]


# ---- parts of any size are the whole


def _random(seed: int) -> MemorySource:
    rng = np.random.default_rng(seed)

    def one(name: str, period: float, group: str, **facts: Any) -> Samples:
        t = np.round(np.arange(0, 600, period), 3)
        keep = rng.random(len(t)) > 0.2
        quality = np.where(rng.random(int(keep.sum())) > 0.9, 64, 0)
        return samples(
            name,
            t[keep],
            np.round(rng.normal(size=int(keep.sum())), 2),
            period=period,
            group=group,
            quality=quality,
            **facts,
        )

    obs = samples("OBSID", [0, 90, 200, 400], np.arange(4), until=[80, 200, 350, 590], origin="observation")
    return MemorySource(one("A", 1.1, "G"), one("B", 1.1, "G"), one("C", 7.3, "H"), obs)


CASES: list[dict[str, Any]] = [
    {"where": over(">", "C", 0)},
    {"where": Compare(">", (Call("delta", (Name("C"),)), Number(0)))},
    {"where": over("between", "A", -1, 1), "sampling": Sampling(13.0, ("mean", "median", "tmean"))},
    {"sampling": Sampling("observation", ("all",))},
    {"alignment": Alignment(Name("C"), "linear")},
    {"alignment": Alignment(Name("B"), "nearest"), "sampling": Sampling(50.0, ("last",))},
    {"windows": (Window(over("reaches", "C", 0.5), 5, 9),)},
    {"windows": (Window(over(">", "A", 0), -3, 3, anchor="start"),)},
    {
        "where": over(">", "A", 0),
        "periods": tuple(Period(t, t + 9) for t in range(3, 500, 11)),
        "sampling": Sampling(40.0, ("mean", "last", "count")),
    },
    {"windows": (Window(over(">", "A", 1), 2, 2),), "sampling": Sampling(25.0, ("median",)), "good_only": False},
    {"windows": (Window(over("<", "C", 0), 4, 4, during=False),), "where": over(">", "B", -1)},
    {"where": over(">=", "OBSID", 1), "periods": (Period(50, 300), Period(310.5, 500))},
]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(case=st.sampled_from(range(len(CASES))), part=st.integers(20, 4000), seed=st.integers(0, 50))
def test_parts_of_any_size_together_are_the_whole(case: int, part: int, seed: int) -> None:
    asked = query("A", "B", Call("rate", (Name("C"),)), "OBSID", **CASES[case])
    held = [_random(seed)]
    whole = list(Execution(plan(asked, held)).parts())
    small = Execution(plan(asked, held), part=part)
    pieces = list(small.parts())
    assert len(pieces) >= len(whole)
    for one, other in zip(whole, join(pieces, small.plan.tables), strict=True):
        assert one.time.tolist() == other.time.tolist()
        for name, values in one.columns.items():
            np.testing.assert_array_equal(values, other.columns[name])
            first, second = ((t.quality or {}).get(name, np.zeros(len(t), np.uint8)) for t in (one, other))
            np.testing.assert_array_equal(first, second)


def test_the_sources_arrays_are_left_alone() -> None:
    held = source()
    before = {name: one.values.copy() for name, one in held.given.items()}
    run(query("A", "B", "C", where=over(">", "B", 2), good_only=True), [held])
    assert all(np.array_equal(before[name], one.values) for name, one in held.given.items())
    info = held.given["A"].info
    assert replace(info) == ParameterInfo("A", "G", "f8", "V", "", {}, 10.0)


def test_a_pattern_finds_parameters_whose_names_have_its_signs() -> None:
    source = MemorySource(*(samples(name, [0], [value]) for name, value in (("A*B", 1.0), ("AXB", 2.0), ("A?", 3.0))))
    found = {
        name: values.tolist()
        for table in run(parse('GET "A*"'), [source]).tables
        for name, values in table.columns.items()
    }
    assert found == {"A*B": [1.0], "AXB": [2.0], "A?": [3.0]}
