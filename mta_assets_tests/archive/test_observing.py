"""Observations, blocks, commands and interval values: replaced by source, as they stood, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.archive.observing import Observing
from mta_assets.archive.observing_entries import Block, Command, Content, IntervalValue, Observation
from mta_assets.archive.observing_overlap import disjoint
from mta_assets.core.errors import BadData
from mta_assets.core.samples import SECOND, ParameterInfo

MODE = "STATE.MODE"
HOSTILE = "Robert'); DROP TABLE observations;-- %_\\ \"ü☃"


@pytest.fixture
def observing(url: str) -> Iterator[Observing]:
    with Observing(url) as opened:
        yield opened


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Observing]:
    with Observing(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as opened:
        yield opened


def values(*rows: tuple[float, float | None, float | str], name: str = MODE) -> Content:
    return Content(values=[IntervalValue(name, start, stop, value) for start, stop, value in rows])


def held(observing: Observing, *when: float | None, as_of: float | None = None, name: str = MODE) -> list[object]:
    found = observing.values([name], *when, as_of=as_of)[name]
    spans = (found.time // SECOND).tolist(), (found.until // SECOND).tolist()
    return list(zip(*spans, found.columns["value"].tolist(), strict=True))


def test_everything_of_a_source_comes_back_as_it_went_in(observing: Observing) -> None:
    content = Content(
        [Observation(7, 10.0, 20.0, 1, HOSTILE, 1.5, -2.5, None, "ACIS", "ACIS-S", "HETG", "FAINT", "", "900",
                     {"PI": HOSTILE, "COUNTS": 3.5})],
        [Block(0xA0000001, 10.0, 15.0, "SETUP", 7)],
        [Command(12.5, "AOMODE", "COMMAND_SW", {"TLMSID": "AOMODE", "TEXT": HOSTILE}, "11 0")],
        [IntervalValue(MODE, 1.0, None, HOSTILE)],
    )  # fmt: skip
    entry = observing.replace("plan.csv", content, "first", now=100.0)
    assert (entry.rows, entry.imported, entry.new) == (4, 100.0, True)
    obs = observing.observations()
    assert [obs.columns[n][0] for n in ("obsid", "obi", "target", "ra", "pi", "counts")] == [
        7, 1, HOSTILE, 1.5, HOSTILE, 3.5,
    ]  # fmt: skip
    assert np.isnan(obs.columns["roll"][0])
    assert observing.blocks().columns["bbid"].tolist() == [0xA0000001]
    sent = observing.commands(["AOMODE"])
    assert sent.time.tolist() == [12_500_000_000]
    assert list(sent.parameters[0].items()) == [("TLMSID", "AOMODE"), ("TEXT", HOSTILE)]
    assert held(observing) == [(1, 4_600_000_000, HOSTILE)]


def test_the_same_import_again_changes_nothing(observing: Observing) -> None:
    first = observing.replace("a", values((0, 10, "X")), now=1.0)
    again = observing.replace("a", values((0, 10, "X")), now=2.0)
    assert (again.id, again.new) == (first.id, False)
    assert len(observing.imports(all_versions=True)) == 1


def test_a_new_version_replaces_the_rows_of_its_source_and_no_others(observing: Observing) -> None:
    observing.replace("a", values((0, 10, "A")), now=1.0)
    observing.replace("b", values((10, 20, "B")), now=2.0)
    observing.replace("a", values((0, 5, "C")), now=3.0)
    assert held(observing) == [(0, 5, "C"), (10, 20, "B")]
    assert [(e.source, e.rows) for e in observing.imports()] == [("b", 1), ("a", 1)]


def test_the_catalogue_answers_as_it_stood_before_a_replacement_and_a_withdrawal(observing: Observing) -> None:
    observing.replace("a", values((0, 10, "old")), now=100.0)
    observing.replace("a", values((0, 10, "new")), now=200.0)
    observing.withdraw("a", "wrong spacecraft", now=300.0)
    assert [held(observing, as_of=at) for at in (99.9, 100.0, 199.9, 200.0, 299.9, 300.0)] == [
        [], [(0, 10, "old")], [(0, 10, "old")], [(0, 10, "new")], [(0, 10, "new")], [],
    ]  # fmt: skip
    assert observing.imports() == []
    assert "wrong spacecraft" in observing.imports("a", all_versions=True)[-1].reason
    with pytest.raises(BadData, match="nothing of it counts now"):
        observing.withdraw("a", "again")


def test_transactions_keep_their_order_when_the_clock_goes_back(lite: Observing) -> None:
    lite.replace("a", values((0, 10, "first")), now=200.0)
    entry = lite.replace("a", values((0, 10, "second")), now=100.0)
    assert entry.imported > 200.0
    assert held(lite, as_of=200.0) == [(0, 10, "first")]


def test_nothing_of_an_import_is_stored_when_one_of_its_rows_is_refused(observing: Observing) -> None:
    observing.replace("a", values((0, 10, "good")))
    with pytest.raises(BadData, match="control character"):
        observing.replace("a", values((0, 10, "other"), (10, 20, "nul\x00")))
    assert held(observing) == [(0, 10, "good")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (values((5, 5, "X")), "must lie after its start"),
        (values((5, 4, "X")), "must lie after its start"),
        (values((float("nan"), 4, "X")), "not a time"),
        (values((0, 1e10, "X")), "not a time"),
        (values((0, 1, float("inf"))), "leave the row out"),
        (values((0, 1, 2**53 + 1)), "would not stay exact"),
        (values((0, 1, "\x1b[2J")), "control character"),
        (values((0, 1, "\ud800")), "control character"),
        (values((0, 1, "X"), name="state mode"), "capital letters"),
        (values((0, 1, "X"), name="A" * 101), "capital letters"),
        (values((0, 1, "X"), (0, 2, "Y")), "comes twice"),
        (Content([Observation(1, 0, 1), Observation(1, 2, 3)]), r"\(1, 0\) comes twice"),
        (Content([Observation(1, 0, 1, ra=float("nan"))]), "ra is nan"),
        (Content([Observation(1, 0, 1, facts={"a b": 1.0})]), "capital letters"),
        (Content(commands=[Command(float("inf"), "A")]), "not a time"),
        (Content(commands=[Command(1.0, "A;B")]), "capital letters"),
    ],
)
def test_rows_that_can_not_be_kept_exactly_are_refused(lite: Observing, content: Content, problem: str) -> None:
    with pytest.raises(BadData, match=problem):
        lite.replace("a", content)
    assert lite.imports(all_versions=True) == []


@pytest.mark.parametrize("source", ["", " ", "a" * 201, "a\x00b", "a\nb"])
def test_a_source_needs_a_name_that_can_be_printed(lite: Observing, source: str) -> None:
    with pytest.raises(BadData, match="expected a name"):
        lite.replace(source, values((0, 1, "X")))


def test_intervals_are_half_open(observing: Observing) -> None:
    observing.replace("a", values((10, 20, "X"), (20, 30, "Y")))
    assert held(observing, 0, 10) == []
    assert held(observing, 0, 10.001) == [(10, 20, "X")]
    assert held(observing, 19.999, 20) == [(10, 20, "X")]
    assert held(observing, 20, 21) == [(20, 30, "Y")]
    assert held(observing, 30, None) == []
    assert held(observing, 29.999, None) == [(20, 30, "Y")]


def test_an_interval_that_still_holds_is_found_at_any_later_time(observing: Observing) -> None:
    observing.replace("a", values((0, 1, "short"), (1, None, "open")))
    assert held(observing, 3e9, 3e9 + 1) == [(1, 4_600_000_000, "open")]
    assert held(observing, 0, 1) == [(0, 1, "short")]


def test_where_two_sources_overlap_the_newest_import_counts_and_the_older_one_goes_on_after_it(
    observing: Observing,
) -> None:
    observing.replace("long", values((0, 100, "A")))
    observing.replace("short", values((40, 60, "B")))
    assert held(observing) == [(0, 40, "A"), (40, 60, "B"), (60, 100, "A")]
    # Asked for a part, the pieces begin and end where they do for everything.
    assert held(observing, 70, 71) == [(60, 100, "A")]
    assert held(observing, 39, 41) == [(0, 40, "A"), (40, 60, "B")]


def test_an_observation_of_several_sources_is_the_one_of_the_newest_even_where_that_moved_it_away(
    observing: Observing,
) -> None:
    planned, flown = Observation(1, 0.0, 10.0), Observation(1, 50.0, 60.0)
    observing.replace("planned", Content([planned, Observation(2, 20.0, 30.0)]), now=1.0)
    observing.replace("flown", Content([flown]), now=2.0)
    assert observing.observations().columns["obsid"].tolist() == [2, 1]
    assert len(observing.observations(0.0, 10.0)) == 0
    assert observing.observations(0.0, 10.0, as_of=1.0).columns["obsid"].tolist() == [1]
    assert observing.observations(59.0, 60.0).time.tolist() == [50 * SECOND]


def test_the_same_command_of_two_loads_is_given_once_and_twice_where_a_load_repeats_it(observing: Observing) -> None:
    noop, mode = Command(1.0, "NOOP", "HW", {"SCS": "1"}), Command(2.0, "MODE")
    observing.replace("load1", Content(commands=[noop, noop, mode]))
    observing.replace("load2", Content(commands=[mode, replace(noop, time=3.0)]))
    assert observing.commands(None).mnemonic == ["NOOP", "NOOP", "MODE", "NOOP"]
    assert observing.commands(["NOOP"], 1.0, 3.0).time.tolist() == [SECOND, SECOND]


def test_a_command_edge_cuts_between_times_and_not_between_commands_of_one_time(lite: Observing) -> None:
    lite.replace("load", Content(commands=[Command(float(t), f"C{n}") for n, t in enumerate([1, 1, 1, 2, 3])]))
    assert lite.command_edge(None, None, None, 1, None) == 2.0
    assert lite.command_edge(None, None, None, 4, None) == 3.0
    assert lite.command_edge(None, 2.0, None, 2, None) is None


def test_names_say_type_unit_and_extent(observing: Observing) -> None:
    info = ParameterInfo("STATE.ON", dtype="u1", unit="", states={0: "False", 1: "True"})
    content = Content(
        values=[IntervalValue("STATE.ON", 0.0, 10.0, 1), IntervalValue("STATE.ON", 10.0, 40.0, 0)],
        commands=[Command(5.0, "A", "", {"ID": "12", "HEX": "12", "X": "1"}), Command(6.0, "A", "", {"X": "F"})],
        infos={"STATE.ON": info},
    )
    observing.replace("a", content)
    found = observing.names("value")["STATE.ON"]
    assert (found.dtype, found.states, found.rows) == ("u1", {0: "False", 1: "True"}, 2)
    assert (found.tstart, found.tstop, found.longest) == (0.0, 40.0, 30.0)
    assert observing.names("command")["A"].fields == {"ID": "f8", "HEX": "U", "X": "U"}
    assert observing.names("value", wanted=["STATE.OFF"]) == {}


def test_a_name_that_is_a_number_here_and_a_text_there_is_text_in_all(lite: Observing) -> None:
    lite.replace("a", values((0, 10, 5)))
    lite.replace("b", values((10, 20, "FIVE")))
    assert held(lite) == [(0, 10, "5"), (10, 20, "FIVE")]


intervals = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20), st.integers(0, 3)), max_size=12)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(intervals)
def test_disjoint_pieces_say_at_each_time_what_the_highest_and_latest_interval_says(
    rows: list[tuple[int, int, int]],
) -> None:
    start = np.array([s for s, _, _ in rows], dtype=np.int64)
    stop = start + np.array([n for _, n, _ in rows], dtype=np.int64)
    rank = np.array([r for _, _, r in rows], dtype=np.int64)
    begin, end, index = disjoint(start, stop, rank)
    assert (begin[1:] >= end[:-1]).all()
    assert (end > begin).all()
    for time in range(62):
        holding = [i for i in range(len(rows)) if start[i] <= time < stop[i]]
        got = [int(i) for b, e, i in zip(begin, end, index, strict=True) if b <= time < e]
        if not holding:
            assert got == []
            continue
        best = max(holding, key=lambda i: (rank[i], start[i]))
        assert [(rank[i], start[i]) for i in got] == [(rank[best], start[best])]


@settings(max_examples=25, derandomize=True, deadline=None)
@given(intervals, st.integers(0, 60), st.integers(1, 20))
def test_a_part_is_the_whole_cut_to_what_meets_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, int]], low: int, length: int
) -> None:
    with Observing(f"sqlite:///{tmp_path_factory.mktemp('part') / 'c.sqlite'}") as observing:
        for source in range(4):
            mine = {s: (s, s + n, f"{source}.{s}") for s, n, r in rows if r == source}
            if mine:
                observing.replace(f"s{source}", values(*mine.values()))
        whole = held(observing)
        part = held(observing, low, low + length)
    assert part == [row for row in whole if row[0] < low + length and row[1] > low]  # type: ignore[index]
