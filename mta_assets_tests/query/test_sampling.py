"""Statistics over bins against pandas and plain NumPy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.samples import SECOND
from mta_assets.query.sampling import by_interval, by_width, statistic, statistics_of, weights
from mta_assets_tests.query.memory_source import samples

PANDAS = ["count", "first", "last", "min", "max", "sum", "mean", "median"]
WHOLE = ("count", "first", "last", "min", "max", "mean", "tmean", "std")
SHARES = {"p1": 1, "p5": 5, "p16": 16, "p84": 84, "p95": 95, "p99": 99}


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    rows=st.lists(st.tuples(st.integers(1, 400), st.integers(-1000, 1000)), min_size=1, max_size=60),
    every=st.integers(1, 900),
)
def test_statistics_equal_those_of_pandas(rows: list[tuple[int, int]], every: int) -> None:
    times = np.cumsum([step for step, _ in rows])
    values = np.array([value for _, value in rows], float) / 7
    bins = by_width(samples("A", times, values), every * SECOND)
    frame = pd.DataFrame({"bin": times // every, "value": values}).groupby("bin")["value"]
    expected = frame.agg(PANDAS)
    assert bins.number.tolist() == expected.index.tolist()
    for name in PANDAS:
        np.testing.assert_allclose(statistic(bins, name), expected[name], rtol=1e-12, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(statistic(bins, "std"), frame.std(ddof=0), rtol=1e-9, atol=1e-12)
    for name, share in SHARES.items():
        np.testing.assert_allclose(statistic(bins, name), frame.quantile(share / 100), rtol=1e-12, atol=1e-12)


def test_a_bin_begins_with_its_first_edge_and_ends_before_the_next() -> None:
    bins = by_width(samples("A", [-0.000000001, 0, 9.999999999, 10], [1.0, 2.0, 3.0, 4.0]), 10 * SECOND)
    assert bins.number.tolist() == [-1, 0, 1]
    assert statistic(bins, "count").tolist() == [1, 2, 1]


def test_the_mean_over_time_weighs_a_sample_until_the_next_one_or_three_periods() -> None:
    one = samples("A", [0, 2, 12, 19.5, 20, 29], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], period=2.0)
    bins = by_width(one, 20 * SECOND)
    assert weights(bins).tolist() == [2, 6, 6, 0.5, 6, 2]  # the last of a bin: one period, or what is left of the bin
    expected = [(1 * 2 + 2 * 6 + 3 * 6 + 4 * 0.5) / 14.5, (5 * 6 + 6 * 2) / 8]
    np.testing.assert_allclose(statistic(bins, "tmean"), expected, rtol=1e-15)


def test_without_a_period_a_sample_stands_until_the_next_one_and_to_the_end_of_the_bin() -> None:
    bins = by_width(samples("A", [0, 15], [1.0, 3.0]), 20 * SECOND)
    assert weights(bins).tolist() == [15, 5]


def test_a_constant_does_not_vary_however_long_it_is() -> None:
    bins = by_width(samples("A", np.arange(10000), np.full(10000, 0.1)), 10**6 * SECOND)
    assert statistic(bins, "mean").tolist() == [0.1]
    assert statistic(bins, "std").tolist() == [0.0]
    assert statistic(bins, "tmean").tolist() == [0.1]


def test_samples_without_a_finite_value_do_not_count() -> None:
    bins = by_width(samples("A", [0, 1, 2, 30], [np.nan, 1.0, np.inf, np.nan]), 10 * SECOND)
    assert (bins.number.tolist(), statistic(bins, "count").tolist()) == ([0], [1])


def test_intervals_may_overlap_and_those_without_samples_are_left_out() -> None:
    one = samples("A", [0, 5, 10, 15], [1.0, 2.0, 3.0, 4.0])
    edges = np.array([[0, 10], [5, 16], [6, 9], [15, 15.5]]) * SECOND
    bins = by_interval(one, edges[:, 0].astype(np.int64), edges[:, 1].astype(np.int64))
    assert bins.number.tolist() == [0, 1, 3]
    assert statistic(bins, "sum").tolist() == [3, 9, 4]
    assert statistic(bins, "last").tolist() == [2, 4, 4]
    assert statistic(bins, "median").tolist() == [1.5, 3, 4]


def test_the_most_frequent_state_is_the_smallest_of_equally_many() -> None:
    codes = np.array([3, 1, 1, 3, 2, 5], np.int8)
    bins = by_width(samples("S", [0, 1, 2, 3, 4, 11], codes, states={1: "A"}), 10 * SECOND)
    assert statistic(bins, "mode").tolist() == [1, 5]


def test_texts_have_a_first_a_last_and_a_most_frequent_one() -> None:
    bins = by_width(samples("T", [0, 1, 2], np.array(["b", "a", "b"])), 10 * SECOND)
    found = [statistic(bins, name).tolist() for name in ("first", "last", "mode", "count")]
    assert found == [["b"], ["b"], ["b"], [3]]


@pytest.mark.parametrize(
    ("wanted", "numbers", "states"),
    [
        (("mean",), ("mean",), ("mode",)),
        (("first", "last"), ("first", "last"), ("first", "last")),
        (("all",), WHOLE, ("count", "first", "last", "mode")),
        (("all", "p5"), (*WHOLE, "p5"), ("count", "first", "last", "mode")),
        (("std",), ("std",), ()),
    ],
)  # fmt: skip
def test_states_have_their_own_statistics(
    wanted: tuple[str, ...], numbers: tuple[str, ...], states: tuple[str, ...]
) -> None:
    assert statistics_of(wanted, False) == numbers
    assert statistics_of(wanted, True) == states


def test_no_samples_give_no_bins() -> None:
    bins = by_width(samples("A", [], np.zeros(0)), SECOND)
    assert all(len(statistic(bins, name)) == 0 for name in [*PANDAS, *SHARES, "std", "tmean", "mode"])
