"""Observation intervals: edges, playbacks in any order, gaps, numbers."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.tables import Product, Table
from mta_assets.level05.asrun import planned_table
from mta_assets.level05.detect import extract_segments, find_intervals, make_obspar
from mta_assets.level05.history import read_history
from mta_assets.level05.obi import OBIS, obi_key, observation_intervals, revisions
from mta_assets.level05.segments import SEGMENTS, compact, find_segments
from mta_assets_tests.level05.samples import Dwell, playback

PLAN: list[Dwell] = [
    (0.0, 100, "NPNT"), (1000.0, 101, "NMAN"), (1500.0, 101, "NPNT"), (3000.0, 102, "NMAN"), (3400.0, 102, "NPNT"),
    (5000.0, 40000, "NPNT"), (6000.0, 101, "NMAN"), (6400.0, 101, "NPNT"), (8000.0, 103, "NMAN"),
]  # fmt: skip
END = 9000.0


def segments(tstart: float, tstop: float, **given: list[float]) -> Table:
    return find_segments(read_history(playback(PLAN, tstart, tstop, **given)))


def shown(obis: Table) -> list[tuple[str, float, float, bool]]:
    return [
        (obi_key(int(obis["obsid"][i]), int(obis["obi"][i])), *obis["tstart"][i : i + 1].tolist(),
         *obis["tstop"][i : i + 1].tolist(), bool(obis["complete"][i]))
        for i in range(len(obis))
    ]  # fmt: skip


WHOLE = [
    ("00100_000", 0.0, 1000.0, False),
    ("00101_000", 1500.0, 3000.0, True),
    ("00102_000", 3400.0, 5000.0, True),
    ("40000_000", 5000.0, 6000.0, True),
    ("00101_001", 6400.0, 8000.0, True),
]


def test_intervals_begin_with_the_pointing_and_end_with_the_next_change() -> None:
    assert shown(observation_intervals([segments(0.0, END)])) == WHOLE


def test_the_first_interval_of_the_telemetry_waits_for_what_came_before_until_nothing_can_come() -> None:
    found = observation_intervals([segments(0.0, END)], settled=500.0)
    assert found["start_edge"].tolist()[0] == "lost"
    assert found["complete"].all()


def test_an_interval_across_two_playbacks_is_complete_with_both() -> None:
    first, second = segments(0.0, 2000.0), segments(2000.0, END)
    assert shown(observation_intervals([first]))[-1] == ("00101_000", 1500.0, 2000.0, False)
    assert shown(observation_intervals([second]))[0] == ("00101_000", 2000.0, 3000.0, False)
    assert shown(observation_intervals([first, second])) == WHOLE


def test_a_change_between_two_playbacks_is_an_edge_that_was_seen() -> None:
    found = observation_intervals([segments(0.0, 1000.0), segments(1000.0, 5000.0), segments(5000.0, END)])
    assert shown(found) == WHOLE


def test_playbacks_may_come_in_any_order_and_one_by_one() -> None:
    parts = [segments(a, b) for a, b in ((0.0, 2000.0), (2000.0, 3200.0), (3200.0, 7000.0), (7000.0, END))]
    for order in permutations(range(4)):
        state = SEGMENTS.empty()
        for index in order:
            state = compact([state, parts[index]])
        assert shown(observation_intervals([state])) == WHOLE


@settings(derandomize=True, deadline=None, max_examples=25)
@given(
    st.lists(st.integers(1, 899), min_size=0, max_size=6, unique=True),
    st.integers(0, 60),
    st.randoms(use_true_random=False),
)
def test_how_the_telemetry_was_cut_into_playbacks_does_not_matter(
    cuts: list[int], overlap: int, random: object
) -> None:
    edges = [0.0, *sorted(10.0 * cut for cut in cuts), END]
    parts = [segments(max(a - 2.0 * overlap, 0.0), b) for a, b in pairwise(edges)]
    random.shuffle(parts)  # type: ignore[attr-defined]
    found = shown(observation_intervals(parts))
    assert [(key, complete) for key, _, _, complete in found] == [(key, complete) for key, _, _, complete in WHOLE]
    # a playback that begins between the samples of mode and identifier shows the change up to a period later
    assert np.max(np.abs(np.array([row[1:3] for row in found]) - np.array([row[1:3] for row in WHOLE]))) <= 2.0


def test_a_playback_that_is_late_completes_its_interval_and_the_revision_says_so() -> None:
    early, late, after = segments(0.0, 1800.0), segments(1800.0, 2600.0), segments(2600.0, END)
    waiting = observation_intervals([early, after])
    pieces = [row for row in shown(waiting) if row[0].startswith("00101")]
    assert pieces[:2] == [("00101_000", 1500.0, 1800.0, False), ("00101_001", 2600.0, 3000.0, False)]
    complete = observation_intervals([early, after, late])
    assert shown(complete) == WHOLE
    # the later interval of the same observation had another number as long as the two halves were two
    assert revisions(waiting, complete) == {
        "completed": ["00101_000", "00101_001"], "revised": [], "withdrawn": ["00101_002"],
    }  # fmt: skip


def test_numbers_of_a_plan_hold_while_telemetry_is_missing() -> None:
    plan = planned_table(
        [{"obsid": 101, "obi": 0, "tstart": 1400.0, "tstop": 3100.0},
         {"obsid": 101, "obi": 1, "tstart": 6300.0, "tstop": 8100.0}]
    )  # fmt: skip
    waiting = observation_intervals([segments(0.0, 1800.0), segments(2600.0, END)], plan)
    assert [row[0] for row in shown(waiting) if row[3] and row[0].startswith("00101")] == ["00101_001"]


@pytest.mark.parametrize(("length", "joined"), [(300.0, True), (302.0, False)])
def test_pointing_goes_on_across_a_short_gap_only(length: float, joined: bool) -> None:
    found = observation_intervals([segments(0.0, 2000.0), segments(2000.0 + length, END)])
    row = [row for row in shown(found) if row[0] == "00101_000"]
    assert (row == [WHOLE[1]]) is joined
    if joined:
        assert (found["gaps"].tolist()[1], found["lost"].tolist()[1]) == (1, length)


def test_a_long_gap_is_bridged_when_nothing_can_come_any_more() -> None:
    parts = [segments(0.0, 1800.0), segments(2600.0, END)]
    found = observation_intervals(parts, settled=2700.0)
    assert shown(found)[1] == WHOLE[1]
    assert found["lost"].tolist()[1] == 800.0


@pytest.mark.parametrize(("end", "edge"), [(3000.0, "open"), (3001.0, "lost")])
def test_an_edge_is_lost_when_the_newest_telemetry_is_later_by_more_than_the_patience(end: float, edge: str) -> None:
    parts = [_product(tstart, tstop) for tstart, tstop in ((0.0, 1200.0), (1200.0, end))]
    obis, _, _ = find_intervals(parts, patience=3000.0)
    assert (obis["start_edge"].tolist()[0], bool(obis["complete"][0])) == (edge, edge == "lost")


def test_a_playback_that_comes_after_the_patience_still_revises_what_was_settled() -> None:
    early, late, after = (_product(*span) for span in ((0.0, 1800.0), (1800.0, 3000.0), (3000.0, END)))
    settled, _, _ = find_intervals([early, after], patience=2000.0)
    rows = {key: (tstart, tstop, complete) for key, tstart, tstop, complete in shown(settled)}
    assert rows["00101_000"] == (1500.0, 1800.0, True)
    assert settled["stop_edge"].tolist()[1] == "lost"
    whole, _, _ = find_intervals([early, after, late], patience=2000.0)
    assert shown(whole)[1] == WHOLE[1]
    assert revisions(settled, whole)["revised"] == ["00101_000"]


def test_without_segments_nothing_is_settled() -> None:
    obis, _, covered = find_intervals([], patience=10.0)
    assert (len(obis), len(covered)) == (0, 0)


def _product(tstart: float, tstop: float) -> Product:
    return Product("OBI_SEG", (segments(tstart, tstop),), tstart, tstop)


def test_a_change_inside_a_gap_is_an_edge_that_is_lost() -> None:
    found = observation_intervals([segments(0.0, 2900.0), segments(3500.0, END)], settled=3600.0)
    rows = {row[0]: (row[1:], str(e)) for row, e in zip(shown(found), found["stop_edge"], strict=True)}
    assert rows["00101_000"] == ((1500.0, 2900.0, True), "lost")
    assert str(found["start_edge"][2]) == "lost"


def test_bad_samples_are_no_changes() -> None:
    found = observation_intervals([segments(0.0, END, bad=[2000.0, 2001.0])])
    assert shown(found) == WHOLE


def test_intervals_say_what_stood_where() -> None:
    found = observation_intervals([segments(0.0, END)])
    assert set(found["detector"].tolist()) == {"ACIS-S"}
    assert found["kind"].tolist() == ["OR", "OR", "OR", "ER", "OR"]
    np.testing.assert_allclose(found["ra_nom"], [100.0, 110.0, 120.0, 100.0, 110.0], atol=1e-9)
    np.testing.assert_allclose(found["roll_nom"], 30.0, atol=1e-9)


def test_no_segments_give_no_intervals() -> None:
    assert len(observation_intervals([])) == 0
    assert observation_intervals([SEGMENTS.empty()]).schema is OBIS


def test_engineering_without_the_pointing_mode_is_refused_by_name() -> None:
    products = [product for product in playback(PLAN, 0.0, 100.0) if product.file_id != "PCAD_ENG0"]
    with pytest.raises(BadData, match="AOPCADMD: in none of the engineering products"):
        read_history(products)


def test_a_playback_without_a_good_sample_is_nothing_to_do() -> None:
    products = playback(PLAN, 0.0, 4.0, bad=[0.0, 1.0, 2.0, 3.0])
    with pytest.raises(NothingToDo, match="no good sample"):
        extract_segments(products)


def test_the_steps_make_an_obspar_of_a_complete_interval_only() -> None:
    parts = [extract_segments(playback(PLAN, a, b)) for a, b in ((0.0, 2000.0), (2000.0, END))]
    obis, carried, covered = find_intervals(parts)
    assert shown(obis) == WHOLE
    assert covered.tolist() == [[0.0, END]]
    assert shown(observation_intervals([carried])) == WHOLE
    product = make_obspar(parts, "00101_000")
    assert (product.tstart, product.tstop, product.fields) == (1500.0, 3000.0, {"obsid": 101, "obi": 0})
    with pytest.raises(NothingToDo, match="00101_000 is not complete: start seen, stop open"):
        make_obspar(parts[:1], "00101_000")
    with pytest.raises(BadData, match="00999_000: not in the telemetry; found are 00100_000, 00101_000"):
        make_obspar(parts[:1], "00999_000")
