import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table
from mta_assets.instruments import geometry as g
from mta_assets.instruments import geometry_sky as s
from mta_assets.instruments.acis_tiled import TILED_NULL, chip_to_tdet, tdet_to_chip

SIM = (-0.68, -190.14)
PLACES = {"ra": st.floats(0, 359.9), "dec": st.floats(-89, 89), "roll": st.floats(0, 359.9)}


def somewhere(n=200, seed=1):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 10, n).astype(np.int16), rng.uniform(0.5, 1024.5, n), rng.uniform(0.5, 1024.5, n)


def solution(**columns):
    n = len(columns["time"])
    return Table("ASPSOL", {name: np.zeros(n) for name in ("ra", "dec", "roll")} | columns)


@pytest.mark.parametrize("instrument", ["ACIS", "HRC-I", "HRC-S"])
def test_maps_give_what_the_single_steps_give(instrument):
    rng = np.random.default_rng(3)
    maps = s.det_maps(instrument, *SIM)
    for chip_id, chip in g.chips(instrument).items():
        x, y = rng.uniform(0.5, chip.size[0], 50), rng.uniform(0.5, chip.size[1], 50)
        expected = g.fc_to_det(instrument, g.chip_to_fc(instrument, chip_id, x, y, *SIM))
        found = s.chip_to_det(instrument, maps, np.full(50, chip_id), x, y)
        np.testing.assert_allclose(found, expected, atol=1e-8)
        np.testing.assert_allclose(s.det_to_chip(instrument, chip_id, *found, *SIM), (x, y), atol=1e-6)


def test_mixed_chips_are_looked_up_and_a_chip_that_is_not_there_has_no_place():
    ccd, x, y = somewhere()
    ccd[:3] = (-1, 10, 99)
    detx, dety = s.chip_to_det("ACIS", s.det_maps("ACIS", *SIM), ccd, x, y)
    assert np.isnan(detx[:3]).all()
    assert np.isnan(dety[:3]).all()
    for row in (3, 50, 199):
        expected = g.fc_to_det("ACIS", g.chip_to_fc("ACIS", int(ccd[row]), x[row], y[row], *SIM))
        np.testing.assert_allclose((detx[row], dety[row]), expected, atol=1e-8)


def test_no_events_have_no_places():
    none = np.zeros(0)
    assert len(s.chip_to_det("ACIS", s.det_maps("ACIS", *SIM), none.astype(np.int16), none, none)[0]) == 0
    assert len(chip_to_tdet(none.astype(np.int16), none, none)[0]) == 0


def test_offsets_of_the_aspect_shift_and_turn_the_focal_plane():
    maps = s.det_maps("ACIS", *SIM)
    one = np.ones(1)
    fc = g.chip_to_fc("ACIS", 7, 512.0, 512.0, *SIM)
    turn = np.radians(0.1)
    offsets = s.Offsets(np.cos(turn) * one, np.sin(turn) * one, 0.2 * one, -0.3 * one)
    found = s.chip_to_det("ACIS", maps, np.array([7]), 512 * one, 512 * one, offsets)
    moved = fc.copy()
    moved[1] = np.cos(turn) * fc[1] + np.sin(turn) * fc[2] + 0.2
    moved[2] = np.cos(turn) * fc[2] - np.sin(turn) * fc[1] - 0.3
    np.testing.assert_allclose(np.ravel(found), g.fc_to_det("ACIS", moved), atol=1e-8)


@given(**PLACES)
@settings(derandomize=True, deadline=None)
def test_sky_pixels_are_those_of_a_tangent_plane_and_go_back(ra, dec, roll):
    ccd, x, y = somewhere(20)
    q = g.quaternion_from_angles(ra, dec, roll)
    detx, dety = s.chip_to_det("ACIS", s.det_maps("ACIS", *SIM), ccd, x, y)
    nominal = (ra, dec + 0.01)
    maps, index = s.sky_maps("ACIS", q[None], *nominal), np.zeros(20, np.intp)
    skyx, skyy = s.det_to_sky("ACIS", maps, index, detx, dety)
    fc = np.array([g.chip_to_fc("ACIS", int(c), a, b, *SIM) for c, a, b in zip(ccd, x, y, strict=True)])
    place = g.body_to_sky(g.fc_to_body(fc), q)
    np.testing.assert_allclose((skyx, skyy), s.sky_pixel("ACIS", *place, *nominal), atol=1e-6)
    np.testing.assert_allclose(s.sky_to_det("ACIS", maps, index, skyx, skyy), (detx, dety), atol=1e-8)
    back = s.sky_place("ACIS", skyx, skyy, *nominal)
    np.testing.assert_allclose(g.unit_vector(*back), g.unit_vector(*place), atol=1e-12)


def test_sky_pixels_are_those_of_astropy():
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crpix, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [4096.5, 4096.5], [266.4, -29.0]
    wcs.wcs.cdelt = [-0.492 / 3600, 0.492 / 3600]
    ra, dec = np.array([266.4, 266.5, 266.2]), np.array([-29.0, -29.1, -28.8])
    np.testing.assert_allclose(s.sky_pixel("ACIS", ra, dec, 266.4, -29.0), wcs.wcs_world2pix(ra, dec, 1), atol=1e-7)


def test_attitudes_lie_between_their_samples_also_over_the_zero_of_right_ascension():
    aspect = s.aspect_of(solution(time=np.array([0.0, 1.0]), ra=np.array([359.9999, 0.0001])))
    q, offsets = s.attitudes(aspect, [0.0, 0.25, 1.0])
    assert offsets is None
    ra, _, _ = g.angles_from_quaternion(q)
    np.testing.assert_allclose((ra + 180) % 360 - 180, [-1e-4, -5e-5, 1e-4], atol=1e-10)


def test_no_attitude_is_made_up_in_a_gap_or_beyond_the_ends():
    aspect = s.aspect_of(solution(time=np.array([0.0, 10.0, 20.5])))
    q, _ = s.attitudes(aspect, [-1.1, -1.0, 5.0, 10.0, 10.1, 20.4, 20.5, 21.5, 21.6])
    assert np.isnan(q[:, 0]).tolist() == [True, False, False, False, True, True, False, False, True]
    once, _ = s.attitudes(s.aspect_of(solution(time=np.array([5.0]))), [3.9, 5.0, 6.0, 6.1])
    assert np.isnan(once[:, 0]).tolist() == [True, False, False, True]


def test_offsets_are_interpolated_too():
    columns = {"time": np.array([0.0, 1.0]), "dy": np.array([0.0, 0.2]), "dtheta": np.array([0.0, 0.1])}
    _, offsets = s.attitudes(s.aspect_of(solution(**columns)), [0.5])
    assert offsets is not None
    assert offsets.dy == pytest.approx(0.1)
    assert offsets.sine == pytest.approx(np.sin(np.radians(0.05)))


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"time": np.zeros(0)}, "no rows"),
        ({"time": np.array([0.0, 0.0])}, "ascend"),
        ({"time": np.array([0.0, 1.0]), "dec": np.array([0.0, np.nan])}, "1 rows"),
    ],
)
def test_a_solution_that_can_not_be_used_says_why(columns, what):
    with pytest.raises(BadData, match=what):
        s.aspect_of(solution(**columns))


def test_tiled_coordinates_are_those_of_real_event_lists():
    ccd = np.array([7, 3, 6, 8, 9, 5, 0, 1, 2, 4, 10], np.int16)
    x, y = np.full(11, 1, np.int16), np.full(11, 2, np.int16)
    found = np.transpose(chip_to_tdet(ccd, x, y)).tolist()
    # I3 and S1 to S5 occur in real event lists; the others follow from the same table
    assert found[:6] == [[3918, 1704], [5130, 3062], [2876, 1704], [4960, 1704], [6002, 1704], [1834, 1704]]
    assert found[6:10] == [[3063, 5131], [5130, 4108], [3063, 4085], [792, 1704]]
    assert found[10] == [TILED_NULL, TILED_NULL]


@pytest.mark.parametrize("ccd", range(10))
def test_tiled_coordinates_go_back_and_stay_within_the_plane(ccd):
    x, y = np.array([1, 1024, 1, 1024], np.int16), np.array([1, 1, 1024, 1024], np.int16)
    tiled = chip_to_tdet(np.full(4, ccd, np.int16), x, y)
    assert (np.min(tiled) >= 1) & (np.max(tiled) <= 8192)
    np.testing.assert_array_equal(tdet_to_chip(ccd, *tiled), (x, y))
