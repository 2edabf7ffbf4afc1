"""Small rotations, means and interpolation of attitudes; the SIM's steps and positions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.instruments import quaternions, sim
from mta_assets.instruments.geometry import AIM_POINTS, multiply, quaternion_from_angles, rotate

COMPONENT = st.floats(-1.7, 1.7)  # a vector of them is shorter than pi
ANGLES = st.tuples(st.floats(0, 360), st.floats(-90, 90), st.floats(0, 360))


@settings(derandomize=True)
@given(ANGLES, st.tuples(COMPONENT, COMPONENT, COMPONENT))
def test_a_turn_added_to_an_attitude_is_their_difference(angles: tuple[float, ...], vector: tuple[float, ...]) -> None:
    q, turned = quaternion_from_angles(*angles), np.array(vector)
    found = quaternions.difference(multiply(q, quaternions.turn(turned)), q)
    np.testing.assert_allclose(found, turned, atol=1e-12)


def test_a_turn_about_an_axis_goes_the_right_way_round() -> None:
    quarter = quaternions.turn(np.array([0.0, 0.0, np.pi / 2]))
    np.testing.assert_allclose(rotate(quarter, np.array([1.0, 0.0, 0.0])), [0.0, 1.0, 0.0], atol=1e-15)
    assert quaternions.turn(np.zeros(3)).tolist() == [0.0, 0.0, 0.0, 1.0]
    assert quaternions.rotation_vector(np.array([0.0, 0.0, 0.0, -1.0])).tolist() == [0.0, 0.0, 0.0]


@settings(derandomize=True)
@given(ANGLES)
def test_signs_do_not_matter_to_mean_difference_and_interpolation(angles: tuple[float, ...]) -> None:
    q = quaternion_from_angles(*angles)
    steps = np.linspace(-1e-4, 1e-4, 9)[:, None] * np.array([0.2, 1.0, -0.5])
    series = multiply(np.broadcast_to(q, (9, 4)), quaternions.turn(steps))
    mixed = series * np.array([1, -1, -1, 1, 1, -1, 1, -1, 1])[:, None]
    assert np.linalg.norm(quaternions.difference(quaternions.mean(mixed), q)) < 1e-12
    between = quaternions.interpolate(np.arange(9.0), mixed, np.array([-1.0, 3.5, 20.0]))
    middle = multiply(q, quaternions.turn((steps[3] + steps[4]) / 2))
    expected = np.stack([series[0], middle, series[8]])
    assert np.abs(quaternions.difference(between, expected)).max() < 1e-11


def test_a_mean_weighs_and_needs_something_to_average() -> None:
    pair = quaternions.turn(np.array([[0.0, 0.0, 0.0], [0.0, 4e-4, 0.0]]))
    found = quaternions.rotation_vector(quaternions.mean(pair, np.array([3.0, 1.0])))
    np.testing.assert_allclose(found, [0.0, 1e-4, 0.0], atol=1e-11)
    with pytest.raises(ValueError, match="no attitude to average"):
        quaternions.mean(np.zeros((0, 4)))


def test_every_aim_point_is_at_the_focus_and_the_park_position_is_not() -> None:
    for name, (_, sim_z) in AIM_POINTS.items():
        assert sim.at_focus(sim_z) == sim.at_focus(sim_z + 9.99) == name
    assert sim.at_focus(-99.6) == ""
    assert sim.at_focus(126.985 + 10.1) == ""


@pytest.mark.parametrize(
    ("name", "fa", "tsc"), [("ACIS-I", -536, 92905), ("ACIS-S", -467, 75623), ("HRC-I", -715, -50505)]
)
def test_whole_steps_are_the_positions_that_archive_files_state(name: str, fa: int, tsc: int) -> None:
    # SIM_X and SIM_Z of real event files, to all their digits
    assert sim.focus(fa) == pytest.approx(AIM_POINTS[name][0], abs=1e-13)
    assert sim.translation(tsc) == pytest.approx(AIM_POINTS[name][1], abs=1e-10)


@pytest.mark.parametrize(
    ("hetg", "letg", "grating"),
    [(6.0, 80.0, "HETG"), (80.0, 6.0, "LETG"), (80.0, 80.0, "NONE"), (20.0, 80.0, "NONE"), (np.nan, np.nan, "NONE")],
)
def test_the_arms_say_which_grating_is_in_the_beam(hetg: float, letg: float, grating: str) -> None:
    assert sim.grating_in_beam(hetg, letg) == grating
