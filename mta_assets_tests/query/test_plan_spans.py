"""Stretches of time in nanoseconds."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.query import spans
from mta_assets.query.model import Period

EDGES = st.lists(st.integers(-50, 50), max_size=12).map(
    lambda e: np.array(e[: len(e) // 2 * 2], np.int64).reshape(-1, 2)
)


def held(array: np.ndarray) -> set[int]:
    return {t for a, b in array.tolist() for t in range(a, b)}


@settings(derandomize=True, deadline=None, max_examples=200)
@given(EDGES, EDGES)
def test_the_algebra_equals_that_of_sets(one: np.ndarray, other: np.ndarray) -> None:
    a, b = spans.merged(one), spans.merged(other)
    assert held(a) == held(one)
    assert np.all(a[1:, 0] > a[:-1, 1])
    assert held(spans.common(a, b)) == held(a) & held(b)
    assert held(spans.without(a, b)) == held(a) - held(b)
    time = np.arange(-60, 60)
    assert set(time[spans.inside(a, time)].tolist()) == held(a)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(EDGES, st.integers(1, 40), st.integers(0, 15))
def test_pieces_are_the_whole_and_no_bin_is_in_two(one: np.ndarray, longest: int, every: int) -> None:
    a = spans.merged(one)
    parts = list(spans.pieces(a, longest, every))
    assert [t for part in parts for t in sorted(held(part))] == sorted(held(a))
    if every:
        bins = [{t // every for t in held(part)} for part in parts]
        assert all(not (x & y) for i, x in enumerate(bins) for y in bins[i + 1 :])
    else:
        assert all(len(held(part)) <= longest for part in parts)


def test_open_periods_reach_as_far_as_times_go() -> None:
    assert spans.of_periods([]).tolist() == spans.EVER.tolist()
    assert spans.of_periods([Period(None, 2.5), Period(1, 3)]).tolist() == [[-spans.FAR_NS, 3 * spans.SECOND]]
    assert spans.length(spans.EVER) == 9.2e9


def test_near_intervals_are_read_in_one() -> None:
    given_ = np.array([[0.0, 1.0], [2.0, 3.0], [10.0, 11.0]])
    assert spans.bridged(given_, 5.0).tolist() == [[0, 3], [10, 11]]
    assert spans.bridged(given_, 0.0).tolist() == given_.tolist()
