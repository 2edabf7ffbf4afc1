"""Bringing a parameter to other times: both sides of every limit."""

from __future__ import annotations

import numpy as np
import pytest

from mta_assets.core.samples import to_nanoseconds
from mta_assets.query.align import Method, aligned, marks, scattered
from mta_assets_tests.query.memory_source import samples

NAN = float("nan")
SPARSE = samples("A", [10, 20, 60], [1.0, 2.0, 6.0], period=10.0)  # held for 30 s; 40 s between the last two


@pytest.mark.parametrize(
    ("method", "times", "expected"),
    [
        ("previous", [9.999999999, 10, 19.999999999, 20, 50, 50.000000001, 60, 90, 90.000000001],
         [NAN, 1, 1, 2, 2, NAN, 6, 6, NAN]),
        ("nearest", [-20.000000001, -20, 15, 15.000000001, 40, 40.000000001, 90, 90.000000001],
         [NAN, 1, 1, 2, 2, 6, 6, NAN]),
        ("linear", [9, 10, 12.5, 20, 30, 60, 61], [NAN, 1, 1.25, 2, NAN, 6, NAN]),
    ],
)  # fmt: skip
def test_values_are_taken_up_to_the_limit_and_not_across_a_gap(
    method: Method, times: list[float], expected: list[float]
) -> None:
    cells = aligned(SPARSE, to_nanoseconds(times), method)
    np.testing.assert_array_equal(cells.values, expected)
    missing = np.zeros(len(times), bool) if cells.missing is None else cells.missing
    np.testing.assert_array_equal(missing, np.isnan(expected))


def test_three_periods_apart_is_still_interpolated() -> None:
    wide = samples("A", [0, 30], [0.0, 3.0], period=10.0)
    assert aligned(wide, to_nanoseconds([10]), "linear").values.tolist() == [1.0]


@pytest.mark.parametrize("method", ["previous", "nearest", "linear"])
def test_intervals_hold_from_their_start_until_their_stop(method: Method) -> None:
    obs = samples("OBSID", [0, 100], np.array([7, 8]), until=[50, 200])
    cells = aligned(obs, to_nanoseconds([-1, 0, 49, 50, 100, 199, 200]), method)
    assert cells.values.tolist() == [0, 7, 7, 0, 8, 8, 0]
    assert cells.missing is not None
    assert cells.missing.tolist() == [True, False, False, True, False, False, True]


def test_states_are_not_interpolated() -> None:
    state = samples("S", [0, 10], np.array([0, 2]), period=10.0, states={0: "A", 2: "C"})
    assert aligned(state, to_nanoseconds([5]), "linear").values.tolist() == [0]


def test_without_samples_nothing_has_a_value() -> None:
    cells = aligned(samples("A", [], np.zeros(0)), to_nanoseconds([1, 2]))
    assert np.isnan(cells.values).all()
    flags = marks(cells, 2)
    assert flags is not None
    assert flags.tolist() == [1, 1]


def test_quality_comes_with_the_sample_that_is_taken() -> None:
    one = samples("A", [0, 10], [1.0, 2.0], period=10.0, quality=[0, 64])
    assert aligned(one, to_nanoseconds([5, 15])).quality.tolist() == [0, 64]  # type: ignore[union-attr]
    assert aligned(one, to_nanoseconds([5]), "linear").quality.tolist() == [64]  # type: ignore[union-attr]


def test_scattered_samples_stand_at_their_own_times_only() -> None:
    cells = scattered(SPARSE, to_nanoseconds([10, 15, 20, 60]))
    np.testing.assert_array_equal(cells.values, [1, NAN, 2, 6])
