import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import ConfigError
from mta_assets.instruments import geometry as g

ANGLES = {"ra": st.floats(0, 359.9), "dec": st.floats(-89, 89), "roll": st.floats(0, 359.9)}


def apart(a: float, b: float) -> float:
    return abs((a - b + 180) % 360 - 180)


@given(**ANGLES)
@settings(derandomize=True, deadline=None)
def test_quaternion_and_angles_are_inverse(ra, dec, roll):
    q = g.quaternion_from_angles(ra, dec, roll)
    assert np.linalg.norm(q) == pytest.approx(1)
    back = g.angles_from_quaternion(q)
    assert apart(float(back[0]), ra) < 1e-7
    assert back[1] == pytest.approx(dec, abs=1e-9)
    assert apart(float(back[2]), roll) < 1e-7


@given(**ANGLES)
@settings(derandomize=True, deadline=None)
def test_quaternion_turns_vectors_as_the_matrix_does(ra, dec, roll):
    vector = np.array([0.3, -0.5, 0.8])
    turned = g.rotate(g.quaternion_from_angles(ra, dec, roll), vector)
    np.testing.assert_allclose(turned, g.attitude_matrix(ra, dec, roll) @ vector, atol=1e-12)


def test_product_of_quaternions_is_the_product_of_matrices():
    p, q = g.quaternion_from_angles(10, 20, 30), g.quaternion_from_angles(200, -40, 100)
    vector = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(g.rotate(g.multiply(p, q), vector), g.rotate(p, g.rotate(q, vector)), atol=1e-12)


def test_at_roll_zero_y_points_east_and_z_north():
    north = g.sky_to_body(10.0, 20.1, g.quaternion_from_angles(10.0, 20.0, 0.0))
    east = g.sky_to_body(10.1, 20.0, g.quaternion_from_angles(10.0, 20.0, 0.0))
    assert north[2] > 0
    assert abs(north[1]) < 1e-9
    assert east[1] > 0
    assert abs(east[2]) < 1e-5


def test_north_is_up_and_east_left_on_the_detector():
    q = g.quaternion_from_angles(10.0, 20.0, 0.0)
    body = g.sky_to_body(np.array([10.0, 10.0 + 1 / 60]), np.array([20.0 + 1 / 60, 20.0]), q)
    on_axis = np.array([g.FOCAL_LENGTH, 0.0, 0.0]) - body * g.FOCAL_LENGTH / body[:, :1]
    detx, dety = g.fc_to_det("ACIS-S", on_axis)
    assert dety[0] == pytest.approx(4096.5 + 60 / 0.492, abs=0.1)
    assert detx[1] < 4096.5 - 100


@pytest.mark.parametrize(
    ("instrument", "chip", "near"),
    [("ACIS-S", 7, (220, 534)), ("ACIS-I", 3, (970, 975)), ("HRC-I", 0, (7590, 7745)), ("HRC-S", 2, (2195, 8915))],
)
def test_the_aim_point_lies_on_the_chip_it_belongs_to(instrument, chip, near):
    sim_x, sim_z = g.AIM_POINTS[instrument]
    chip_id, x, y = g.body_to_chip(instrument, np.array([[1.0, 0.0, 0.0]]), sim_x, sim_z)
    assert chip_id[0] == chip
    assert abs(x[0] - near[0]) < 80
    assert abs(y[0] - near[1]) < 80


@given(st.sampled_from(["ACIS-S", "ACIS-I", "HRC-I", "HRC-S"]), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
@settings(derandomize=True, deadline=None)
def test_chip_to_sky_and_back_gives_the_same_pixel(instrument, u, v):
    sim_x, sim_z = g.AIM_POINTS[instrument]
    for chip in g.chips(instrument).values():
        x, y = 0.5 + u * chip.size[0], 0.5 + v * chip.size[1]
        body = g.fc_to_body(g.chip_to_fc(instrument, chip.chip_id, [x], [y], sim_x, sim_z))
        found, bx, by = g.body_to_chip(instrument, body, sim_x, sim_z, wanted=(chip.chip_id,))
        assert found.tolist() == [chip.chip_id]
        assert (bx[0], by[0]) == pytest.approx((x, y), abs=1e-6)


def test_light_beside_the_chips_hits_none():
    chip_id, _, _ = g.body_to_chip("ACIS-S", np.array([[1.0, 0.0, 0.1]]), *g.AIM_POINTS["ACIS-S"])
    assert chip_id.tolist() == [-1]


def test_only_the_wanted_chips_are_looked_at():
    chip_id, _, _ = g.body_to_chip("ACIS-S", np.array([[1.0, 0.0, 0.0]]), *g.AIM_POINTS["ACIS-S"], wanted=(5, 6))
    assert chip_id.tolist() == [-1]


def test_an_unknown_instrument_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="HRC-I"):
        g.chips("EPIC")
