"""Angles from ephemerides and pointing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table
from mta_assets.instruments import geometry
from mta_assets.level1 import orbit_angles


def ephemeris(times: np.ndarray, place: np.ndarray, speed: np.ndarray, name: str = "ORBITEPHEM") -> Table:
    columns = {"Time": times} | {axis: place[:, k] for k, axis in enumerate("XYZ")}
    return Table(name, columns | {f"V{axis}": speed[:, k] for k, axis in enumerate("xyz")})


def fixed(vector: tuple[float, float, float]) -> Table:
    return ephemeris(np.array([0.0, 600.0]), np.tile(vector, (2, 1)), np.zeros((2, 3)))


def aspect(times: list[float], angles: list[tuple[float, float, float]]) -> Table:
    q = np.stack([geometry.quaternion_from_angles(*angle) for angle in angles])
    return Table("ASPSOL", {"time": np.array(times), "q_att": q})


@settings(derandomize=True, max_examples=30, deadline=None)
@given(coefficients=st.lists(st.floats(-5, 5), min_size=4, max_size=4), at=st.floats(0, 900))
def test_a_cubic_orbit_is_interpolated_exactly(coefficients: list[float], at: float) -> None:
    times = np.array([0.0, 300.0, 600.0, 900.0])
    curve = np.polynomial.Polynomial(np.array(coefficients) / 300.0 ** np.arange(4))
    place = np.stack([curve(times), 2 * curve(times), -curve(times)], axis=1)
    speed = np.stack([curve.deriv()(times), 2 * curve.deriv()(times), -curve.deriv()(times)], axis=1)
    position, velocity = orbit_angles.state(ephemeris(times, place, speed), np.array([at]))
    np.testing.assert_allclose(position[0], np.array([1, 2, -1]) * curve(at), atol=1e-9)
    np.testing.assert_allclose(velocity[0], np.array([1, 2, -1]) * curve.deriv()(at), atol=1e-9)


def test_times_outside_the_ephemeris_are_refused_with_both_intervals() -> None:
    for time in (-0.1, 600.1):
        with pytest.raises(BadData, match=r"covers 0\.000 to 600\.000 s"):
            orbit_angles.state(fixed((1, 0, 0)), np.array([time]))
    with pytest.raises(BadData, match="ascending"):
        orbit_angles.state(fixed((1, 0, 0)).where(np.array([1, 0])), np.array([1.0]))


def test_the_pointing_is_that_of_the_nearest_sample() -> None:
    solution = aspect([10.0, 12.0, 14.0], [(0, 0, 0), (90, 0, 0), (0, 90, 0)])
    found = orbit_angles.pointing(solution, np.array([0.0, 10.9, 11.1, 12.0, 99.0]))
    expected = [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(found, expected, atol=1e-15)
    np.testing.assert_allclose(
        orbit_angles.pointing(solution.where(np.array([1])), np.array([5.0])), [[0, 1, 0]], atol=1e-15
    )
    with pytest.raises(BadData, match="no rows"):
        orbit_angles.pointing(solution.where(np.zeros(0, int)), np.array([5.0]))


def test_angles_are_seen_from_the_spacecraft() -> None:
    orbit, sun, moon = fixed((1e8, 0, 0)), fixed((1e8, 1.5e11, 0)), fixed((1e8, 0, 3.8e8))
    orbit.columns["Vx"][:] = 1000.0
    times = np.array([0.0])
    found = orbit_angles.angles(times, np.array([[1.0, 0.0, 0.0]]), orbit, sun, moon)
    for name, centre, radius, distance in (
        ("Sun", 90, orbit_angles.SUN_RADIUS, 1.5e11),
        ("Moon", 90, orbit_angles.MOON_RADIUS, 3.8e8),
        ("Earth", 180, orbit_angles.EARTH_RADIUS, 1e8),
    ):
        np.testing.assert_allclose(found[f"Point_{name}CentAng"], centre, atol=1e-12)
        np.testing.assert_allclose(found[f"Point_{name}LimbAng"], centre - np.degrees(radius / distance), atol=1e-12)
    np.testing.assert_allclose(found["Sun_EarthCentAng"], 90, atol=1e-12)
    np.testing.assert_allclose(found["Dist_SatEarth"], 1e8)
    np.testing.assert_allclose(found["Point_RamVectorAng"], 0, atol=1e-12)


def test_a_product_has_a_row_for_each_point_of_the_ephemeris_in_the_observation() -> None:
    bodies = fixed((1e8, 0, 0)), fixed((0, 1.5e11, 0)), fixed((0, 0, 3.8e8))
    solution = aspect([0.0, 600.0], [(0, 0, 0), (0, 0, 0)])
    product = orbit_angles.angles_product(solution, *bodies, 0.0, 601.0)
    assert product.table("ANGLES")["Time"].tolist() == [0, 600]
    assert orbit_angles.angles_product(solution, *bodies, 0.0, 600.0).table("ANGLES")["Time"].tolist() == [0]
    with pytest.raises(BadData, match="no point"):
        orbit_angles.angles_product(solution, *bodies, 1.0, 2.0)


def test_separations_are_exact_near_nothing_and_near_opposite() -> None:
    tiny = np.array([[1.0, 1e-9, 0.0], [-1.0, 1e-9, 0.0]])
    np.testing.assert_allclose(
        orbit_angles.separation(np.array([1.0, 0, 0]), tiny), [np.degrees(1e-9), 180 - np.degrees(1e-9)], rtol=1e-12
    )
