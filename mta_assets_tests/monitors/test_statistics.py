"""Statistics over a stretch and by bucket."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.monitors.statistics import BUCKET, by_bucket, summarise


def test_buckets_are_half_open_multiples_of_328_seconds():
    found = by_bucket(np.array([0.0, 327.9, 328.0, 1000.0]), np.array([1.0, 3.0, 5.0, 7.0]))
    np.testing.assert_array_equal(found.tstart, [0, 328, 984])
    np.testing.assert_array_equal(found.n, [2, 1, 1])
    np.testing.assert_array_equal(found.mean, [2, 5, 7])
    np.testing.assert_array_equal(found.std, [1, 0, 0])
    np.testing.assert_array_equal(found.low, [1, 5, 7])
    np.testing.assert_array_equal(found.high, [3, 5, 7])


def test_no_samples_give_no_buckets_and_an_empty_summary():
    assert all(len(column) == 0 for column in by_bucket(np.zeros(0), np.zeros(0)))
    empty = summarise(np.zeros(0), np.zeros(0))
    assert empty.n == 0
    assert all(math.isnan(number) for number in empty[1:])


def test_a_summary_names_the_first_time_of_each_extreme():
    found = summarise(np.array([10.0, 20, 30, 40]), np.array([2, 9, 1, 9], dtype=np.uint8))
    assert found[:4] == (4, 1.0, 9.0, 5.25)
    assert found[5:] == (2.0, 9.0, 30.0, 20.0)


def test_the_spread_of_large_close_numbers_is_kept():
    found = summarise(np.arange(4.0), np.array([1e9, 1e9 + 1, 1e9, 1e9 + 1]))
    assert math.isclose(found.std, 0.5)


@settings(derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 5000), st.floats(-1e3, 1e3)), min_size=1, max_size=60))
def test_buckets_equal_a_loop_over_them(pairs):
    time, value = (np.array(column) for column in zip(*sorted(pairs), strict=True))
    found = by_bucket(time, value)
    assert found.n.sum() == len(time)
    for i, start in enumerate(found.tstart):
        inside = value[(time >= start) & (time < start + BUCKET)]
        assert len(inside) == found.n[i]
        np.testing.assert_allclose(found.mean[i], inside.mean(), atol=1e-9)
        np.testing.assert_allclose(found.std[i], inside.std(), atol=1e-9)
        assert (found.low[i], found.high[i]) == (inside.min(), inside.max())
