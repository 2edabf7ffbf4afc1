"""Interval algebra on tiny literal arrays, and against a brute-force clock in properties."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core import intervals as iv

pairs = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)
CLOCK = np.arange(0, 61) + 0.5


def _brute(intervals: list[tuple[int, int]]) -> np.ndarray:
    return np.array([any(a <= t < b for a, b in intervals) for t in CLOCK])


def test_touching_intervals_merge_and_empty_ones_vanish() -> None:
    assert iv.normalise([(5, 6), (1, 2), (2, 3), (4, 4)]).tolist() == [[1, 3], [5, 6]]


def test_neighbours_up_to_a_gap_are_joined_and_those_farther_apart_are_not() -> None:
    assert iv.joined([(4.5, 5), (0, 1), (1.25, 2), (2.5, 3)], 0.5).tolist() == [[0, 3], [4.5, 5]]
    assert iv.joined([(0, 1)], 0.5).tolist() == [[0, 1]]
    assert iv.joined([], 0.5).shape == (0, 2)


def test_the_start_belongs_to_an_interval_and_the_stop_does_not() -> None:
    assert iv.contains([(1, 2)], [0.999, 1.0, 1.999, 2.0]).tolist() == [False, True, True, False]


def test_samples_with_a_step_beyond_the_tolerance_begin_a_new_interval() -> None:
    assert iv.from_samples([0.0, 1.0, 2.5, 4.1], period=1.0).tolist() == [[0, 3.5], [4.1, 5.1]]
    assert iv.from_samples([], 1.0).shape == (0, 2)


@settings(derandomize=True, deadline=None)
@given(pairs, pairs)
def test_union_intersection_and_difference_agree_with_a_clock(a, b) -> None:
    for operation, expected in (
        (iv.union, _brute(a) | _brute(b)),
        (iv.intersect, _brute(a) & _brute(b)),
        (iv.subtract, _brute(a) & ~_brute(b)),
    ):
        result = operation(a, b)
        assert np.array_equal(iv.contains(result, CLOCK), expected)
        assert iv.total(result) == expected.sum()
        assert np.all(result[1:, 0] > result[:-1, 1])
