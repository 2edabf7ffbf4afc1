"""DET and sky coordinates of HRC events against geometry and an astropy WCS."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table
from mta_assets.instruments import geometry, hrc_plane
from mta_assets.level1 import hrc_sky

FRAME = geometry.INSTRUMENTS["HRC-I"]


def solution(times: np.ndarray, q: np.ndarray, **offsets: np.ndarray) -> Table:
    return Table("ASPSOL", {"time": times, "q_att": q, **offsets})


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    ra=st.floats(0, 360),
    dec=st.floats(-85, 85),
    roll=st.floats(0, 360),
    shifts=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(-20, 20)),
)
def test_sky_coordinates_are_those_of_the_attitude_and_a_tangent_plane(ra, dec, roll, shifts) -> None:
    """However far the attitude is from the nominal pointing: Rodrigues vectors are exact."""
    from astropy.wcs import WCS

    q = geometry.quaternion_from_angles(ra + shifts[0], dec + shifts[1], roll + shifts[2])
    aspect = hrc_sky.prepare(solution(np.array([0.0, 1.0]), np.stack([q, q])), ra, dec, roll)
    detx = np.array([16384.5, 9000.0, 25000.0, 16000.0])
    dety = np.array([16384.5, 16000.0, 8000.0, 24000.0])
    values, known = hrc_sky.at(aspect, np.full(4, 0.5))
    x, y = hrc_sky.to_sky(detx, dety, values[:3], roll, FRAME)
    body = np.stack(
        [np.ones(4), (FRAME.centre - detx) * FRAME.det_pixel, (dety - FRAME.centre) * FRAME.det_pixel], axis=-1
    )
    true_ra, true_dec = geometry.body_to_sky(body, q)
    wcs = WCS(naxis=2)
    step = np.degrees(FRAME.det_pixel)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.cdelt = ["RA---TAN", "DEC--TAN"], [ra, dec], [-step, step]
    wcs.wcs.crpix = [FRAME.centre, FRAME.centre]
    expected = np.array(wcs.wcs_world2pix(true_ra, true_dec, 1))
    assert known is None
    np.testing.assert_allclose(np.stack([x, y]), expected, atol=2e-5, rtol=0)


def test_the_attitude_between_samples_is_interpolated() -> None:
    times = np.array([10.0, 10.25])
    q = geometry.quaternion_from_angles([20.0, 20.001], [30.0, 30.0005], [40.0, 40.002])
    aspect = hrc_sky.prepare(solution(times, q), 20.0, 30.0, 40.0)
    values, _ = hrc_sky.at(aspect, np.array([10.0, 10.125, 10.25]))
    middle = geometry.quaternion_from_angles(20.0005, 30.00025, 40.001)
    exact = hrc_sky.prepare(solution(times, np.stack([middle, middle])), 20.0, 30.0, 40.0)
    np.testing.assert_allclose(values[:3, 0], 0, atol=1e-15)
    np.testing.assert_allclose(values[:3, 1], exact.values[:3, 0], atol=1e-9)
    np.testing.assert_allclose(values[:3, 2], aspect.values[:3, 1], atol=1e-15)


def test_offsets_of_the_fids_are_interpolated_and_shift_the_plane() -> None:
    q = geometry.quaternion_from_angles([20.0, 20.0], [30.0, 30.0], [40.0, 40.0])
    table = solution(
        np.array([0.0, 1.0]), q, dy=np.array([0.0, 0.2]), dz=np.array([0.4, 0.0]), dtheta=np.array([0, 0.02])
    )
    values, _ = hrc_sky.at(hrc_sky.prepare(table, 20.0, 30.0, 40.0), np.array([0.5]))
    np.testing.assert_allclose(values[3:, 0], [0.1, 0.2, np.radians(0.01)], atol=1e-12)
    y, z = hrc_sky.shift(np.array([1000.0]), np.array([2000.0]), np.array([[0.1], [0.2], [1e-4]]))
    np.testing.assert_allclose([y[0], z[0]], [1000.3, 2000.1])


@pytest.mark.parametrize(
    ("time", "known"), [(-1.026, False), (-1.024, True), (0.0, True), (2.0, True), (2.001, False), (12.999, False),
                       (13.0, True), (18.0, True), (23.0, True), (24.024, True), (24.026, False)],
)  # fmt: skip
def test_times_in_a_gap_and_outside_the_solution_have_no_attitude(time: float, known: bool) -> None:
    times = np.array([0.0, 1.0, 2.0, 13.0, 23.0])  # a step of 11 s is a gap, one of 10 s is none
    q = np.repeat(geometry.quaternion_from_angles([20.0], [30.0], [40.0]), 5, axis=0)
    aspect = hrc_sky.prepare(solution(times, q), 20.0, 30.0, 40.0)
    _, found = hrc_sky.at(aspect, np.array([time, 0.5]))
    assert (True if found is None else bool(found[0])) is known
    assert found is None or bool(found[1])


def test_a_solution_that_can_not_be_used_is_refused() -> None:
    q = np.repeat(geometry.quaternion_from_angles([20.0], [30.0], [40.0]), 2, axis=0)
    with pytest.raises(BadData, match="ascending"):
        hrc_sky.prepare(solution(np.array([1.0, 1.0]), q), 20, 30, 40)
    with pytest.raises(BadData, match="has 1"):
        hrc_sky.prepare(solution(np.array([1.0]), q[:1]), 20, 30, 40)
    with pytest.raises(BadData, match="length one"):
        hrc_sky.prepare(solution(np.array([1.0, 2.0]), q * [[1.0], [np.nan]]), 20, 30, 40)


@pytest.mark.parametrize(("detector", "chips"), [("HRC-I", (0,)), ("HRC-S", (1, 2, 3))])
def test_the_plane_is_that_of_the_geometry(detector: str, chips: tuple[int, ...]) -> None:
    plane = hrc_plane.Plane(detector, -1.03, 126.9)
    table = plane.focal_plane()
    x, y = np.array([1.0, 2000.5, 4096.0]), np.array([1.0, 16000.25, 8000.0])
    for chip in chips:
        expected = geometry.chip_to_fc(detector, chip, x, y, -1.03, 126.9)
        np.testing.assert_allclose((table[chip] @ np.stack([np.ones(3), x, y])).T, expected, atol=1e-9)


def test_the_segments_of_hrc_s_have_their_raw_and_tiled_offsets() -> None:
    plane = hrc_plane.Plane("HRC-S", 0.0, 0.0)
    raw = np.array([1616.0, 16451.9, 16452.0, 17060.0, 32922.4, 32922.5, 32960.0])
    chip = plane.segments(raw)
    assert np.asarray(chip).tolist() == [1, 1, 2, 2, 2, 3, 3]
    np.testing.assert_allclose(plane.chip_y(raw, chip)[[0, 3, 6]], [1628.5, 600.5, 30.5])
    dx, dy = plane.tiles(chip)
    assert np.unique(dx).tolist() == [0]
    assert np.unique(dy).tolist() == [-12, 16444, 32900]
    flat = hrc_plane.Plane("HRC-I", 0.0, 0.0)
    assert flat.segments(raw) == 0
    np.testing.assert_array_equal(flat.chip_y(raw, 0), raw)
    assert flat.tiles(0) == (-1, 0)
