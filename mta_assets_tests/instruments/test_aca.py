"""The aspect camera's pixels and angles, and the gyros' axes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.instruments import aca, gyro

PLACE = st.floats(-512, 512)


@settings(derandomize=True)
@given(PLACE, PLACE, st.floats(10, 40))
def test_pixels_to_angles_and_back_is_where_it_was(row: float, col: float, temperature: float) -> None:
    found = aca.angles_to_pixels(*aca.pixels_to_angles(row, col, temperature), temperature)
    np.testing.assert_allclose(found, (row, col), atol=1e-8)


def test_the_zero_point_and_the_plate_scale_are_those_of_the_calibration() -> None:
    yag, zag = aca.pixels_to_angles([0.0, 1.0, 0.0], [0.0, 0.0, 1.0], 0.0)
    assert (yag[0], zag[0]) == (30.3464845, -24.6503911)
    assert yag[1] - yag[0] == pytest.approx(-4.99554, abs=1e-4)
    assert zag[2] - zag[0] == pytest.approx(4.99591, abs=1e-4)


def test_the_temperature_moves_a_star_by_little() -> None:
    warm, cold = aca.pixels_to_angles(400.0, -300.0, 35.0), aca.pixels_to_angles(400.0, -300.0, 25.0)
    shift = np.hypot(warm[0] - cold[0], warm[1] - cold[1])
    assert 0.1 < shift < 2.0


@settings(derandomize=True)
@given(st.floats(-3000, 3000), st.floats(-3000, 3000))
def test_body_vectors_and_angles_are_inverse(yag: float, zag: float) -> None:
    found = aca.body_angles(aca.body_vectors(yag, zag))
    np.testing.assert_allclose(found, (yag, zag), atol=1e-8)


def test_magnitudes_and_rates_are_inverse_and_nothing_has_none() -> None:
    assert aca.magnitude(aca.RATE_ZERO) == aca.MAG_ZERO
    np.testing.assert_allclose(aca.magnitude(aca.rate_of([6.0, 10.3])), [6.0, 10.3])
    assert np.isnan(aca.magnitude([0.0, -1.0])).all()


def test_four_axes_see_every_turn_and_agree_about_it() -> None:
    turns = np.random.default_rng(2).normal(size=(50, 3)) * 100
    pulses = gyro.axis_pulses(turns)
    np.testing.assert_allclose(gyro.body_angle(pulses), turns, atol=1e-10)
    np.testing.assert_allclose(gyro.inconsistency(pulses), 0.0, atol=1e-10)
    faulty = pulses + np.array([0.0, 0.0, 100.0, 0.0])
    assert np.abs(gyro.inconsistency(faulty)).min() > 0.9


@pytest.mark.parametrize(("step", "expected"), [(32767, 32767), (32769, -32767), (-10, -10)])
def test_counts_are_unwrapped_the_shorter_way(step: int, expected: int) -> None:
    counts = np.mod(np.array([60000, 60000 + step]), gyro.MODULUS)
    assert np.diff(gyro.unwrap(counts)).tolist() == [expected]
