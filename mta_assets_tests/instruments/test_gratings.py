"""Grating constants, the dispersion geometry against rays of the simulator, order sorting at its limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData, ConfigError
from mta_assets.core.tables import Table
from mta_assets.instruments import geometry, geometry_sky, gratings, gratings_frames, gratings_orders
from mta_assets.simulate import optics


@pytest.mark.parametrize(("grating", "detector", "names"), [
    ("HETG", "ACIS-S", ["HEG", "MEG"]), ("letg", "HRC-S", ["LEG"]), ("LETG", "ACIS", ["LEG"]),
])  # fmt: skip
def test_arms_of_a_grating_are_known_by_grating_and_detector(grating, detector, names):
    assert [arm.name for arm in gratings.arms(grating, detector)] == names


def test_an_unknown_grating_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="HETG with ACIS"):
        gratings.arms("OTG", "ACIS")


def test_the_grating_equation_has_its_inverse():
    arm = gratings.arms("HETG", "ACIS")[0]
    assert gratings.order_wavelength(0.19, arm) == pytest.approx(2000.81 * np.sin(np.radians(0.19)), rel=1e-15)
    assert gratings.dispersion_angle(gratings.order_wavelength(-0.4, arm), arm) == pytest.approx(-0.4, abs=1e-13)


def test_arms_lie_on_the_sky_where_the_archive_draws_them():
    # ROLL_PNT and ROTANG of the REGION tables of 14392 and 13838
    heg, meg = gratings.arms("HETG", "ACIS")
    for roll, first, second in ((92.155428164784, 93.04957, 83.08957), (282.27446809050, 82.93053, 72.97053)):
        assert gratings.sky_angle(roll, heg.angle) % 180 == pytest.approx(first, abs=1e-5)
        assert gratings.sky_angle(roll, meg.angle) % 180 == pytest.approx(second, abs=1e-5)


@settings(derandomize=True, deadline=None)
@given(
    st.floats(-0.003, 0.003), st.floats(-0.003, 0.003), st.floats(0.3, 9.0), st.sampled_from([1, 2, 3]),
    st.sampled_from([-3, -1, 1, 3]), st.floats(-3.0, 3.0),
)  # fmt: skip
def test_rays_from_the_gratings_are_seen_under_the_angle_of_the_grating_equation(y, z, energy, part, order, x):
    body = np.array([[np.sqrt(1 - y * y - z * z), y, z]])
    arm = next(a for name in ("HETG", "LETG") for a in gratings.arms(name, "HRC-S") if a.part == part)
    given = (np.array([energy]), np.array([part], np.int8), np.array([order], np.int8))
    start, direction = optics.rays(body, *given, (arm,))
    point = start + direction * ((x - start[:, :1]) / direction[:, :1])
    zero = -body[:, 1:] * geometry.FOCAL_LENGTH / body[:, :1]
    angle = np.radians(arm.angle)
    along, across = gratings_frames.diffraction(*point.T, *zero.T, np.cos(angle), np.sin(angle), arm.rowland)
    sine = along / np.sqrt(1 + along**2)
    assert arm.period * sine[0] == pytest.approx(order * gratings.HC / 1000 / energy, abs=1e-6)
    assert abs(across[0]) < 1e-9


def test_chip_points_and_det_points_are_those_of_the_geometry():
    seen = gratings_frames.planes("ACIS", -0.68, -190.14)
    chipx, chipy = np.array([1.0, 512.5, 1024.0]), np.array([1000.0, 20.0, 512.0])
    index = gratings_frames.check_chips(np.array([5, 7, 3], np.int16), seen)
    points = np.stack(gratings_frames.chip_points(index, chipx, chipy, seen), axis=-1)
    for row, chip in enumerate((5, 7, 3)):
        fc = geometry.chip_to_fc("ACIS", chip, chipx[row], chipy[row], -0.68, -190.14)
        np.testing.assert_allclose(points[row], fc, atol=1e-10)
    detx, dety = geometry.fc_to_det("ACIS", points)
    back = np.stack(gratings_frames.det_points(index, detx, dety, seen), axis=-1)
    np.testing.assert_allclose(back, points, atol=1e-9)


def test_the_focus_of_a_det_position_gives_this_position():
    y, z = gratings_frames.focus("HRC-S", np.array([32768.5, 33000.0]), np.array([32768.5, 30000.0]))
    detx, dety = geometry.fc_to_det("HRC-S", np.stack([np.zeros(2), y, z], axis=-1))
    np.testing.assert_allclose(detx, [32768.5, 33000.0], atol=1e-9)
    np.testing.assert_allclose(dety, [32768.5, 30000.0], atol=1e-9)


@pytest.mark.parametrize(("instrument", "far", "limit"), [("ACIS", 4000.0, 2e-5), ("HRC-S", 15000.0, 1e-4)])
def test_the_zero_order_at_the_time_of_an_event_follows_from_where_the_event_is(instrument, far, limit):
    """Limits [pixel]: third order in the dither; a straight shift of the image would be 1e-3 and 0.01 pixels off."""
    centre = geometry.INSTRUMENTS[instrument].centre
    dither = np.array([[8.0, -8.0], [-8.0, -6.0], [3.0, 9.0]]) / 3600
    roll = 282.3
    q = geometry.quaternion_from_angles(266.4 + dither[:, 0], dither[:, 1], roll)
    maps = geometry_sky.sky_maps(instrument, q, 266.4, 0.0)
    index, zero = np.repeat(np.arange(3), 4), (centre - 22.0, centre + 31.0)
    x, y = (np.tile(centre + far * np.array(step), 3) for step in ((0.0, 1.0, -0.7, 0.1), (1.0, 0.1, 0.7, -1.0)))
    detx, dety = geometry_sky.sky_to_det(instrument, maps, index, x, y)
    expected = geometry_sky.sky_to_det(instrument, maps, index, *(np.full(12, value) for value in zero))
    found = gratings_frames.undispersed(instrument, detx, dety, x - zero[0], y - zero[1], zero, roll)
    for ours, true in zip(found, gratings_frames.focus(instrument, *expected), strict=True):
        pixel = geometry.INSTRUMENTS[instrument].det_pixel * geometry.FOCAL_LENGTH
        assert np.abs(ours - true).max() / pixel < limit


@pytest.mark.parametrize("wrong", [-1, 10, 200])
def test_a_chip_that_is_not_in_the_geometry_is_named(wrong):
    seen = gratings_frames.planes("ACIS", 0.0, 0.0)
    with pytest.raises(BadData, match=f"\\[{wrong}\\], which ACIS does not have"):
        gratings_frames.check_chips(np.array([7, wrong]), seen)


def test_chip_zero_of_the_hrc_s_is_not_a_chip():
    with pytest.raises(BadData, match="HRC-S"):
        gratings_frames.check_chips(np.array([0, 1]), gratings_frames.planes("HRC-S", 0.0, 0.0))


def test_the_short_arc_tangent_is_the_arc_tangent():
    tangent = np.linspace(-0.04, 0.04, 1001)
    np.testing.assert_allclose(gratings_frames.small_arctan(tangent), np.arctan(tangent), atol=2e-14)


def order(energy, mlam, ccd=6, table=None, chipx=500.0, chipy=500.0):
    one = [np.atleast_1d(np.asarray(value, float)) for value in (energy, mlam, chipx, chipy)]
    limits = gratings_orders.windows(table)
    ccds = np.full(len(one[0]), ccd, np.intp)
    return gratings_orders.sort_orders(one[0], one[1], ccds, one[2], one[3], limits).tolist()


def osip(low, high, **cells):
    cells = {"CHIPX_LO": 1, "CHIPX_HI": 1024, "CHIPY_LO": 1, "CHIPY_HI": 1024, **cells}
    energy = np.array([[0.0, 1000.0, 20000.0]])
    columns = {"CCD_ID": np.array([6]), "ENERGY": energy, "ENERG_LO": energy - low, "ENERG_HI": energy + high}
    return Table("OSIP", columns | {name: np.array([value]) for name, value in cells.items()})


def test_an_event_at_the_energy_of_an_order_is_of_this_order():
    assert order([1000.0, 2000.0, 3000.0], [12.3984] * 3) == [1, 2, 3]
    assert order([1000.0, 2000.0, 3000.0], [-12.3984] * 3) == [-1, -2, -3]


def test_windows_hold_on_both_sides_to_their_limits():
    table = osip(100.0, 200.0)
    mlam = gratings.HC / 1000
    assert order([900.001, 899.9], [mlam] * 2, table=table) == [1, 99]
    assert order([1199.9, 1200.1], [mlam] * 2, table=table) == [1, 99]


def test_where_windows_of_orders_overlap_the_nearest_order_counts():
    mlam = 10 * gratings.HC / 1000  # orders 100 eV apart
    assert order([949.0, 951.0, 1051.0], [mlam] * 3, table=osip(400.0, 400.0)) == [9, 10, 11]


def test_windows_may_differ_from_cell_to_cell_and_nothing_is_sorted_where_there_is_none():
    table = osip(100.0, 100.0, CHIPX_HI=512)
    mlam = gratings.HC / 1000
    assert order([1050.0] * 2, [mlam] * 2, table=table, chipx=[512, 513], chipy=[500, 500]) == [1, 99]
    assert order([1050.0], [mlam], ccd=7, table=table) == [99]


@pytest.mark.parametrize(("energy", "mlam"), [
    (np.nan, 12.0), (1000.0, np.nan), (1000.0, 0.0), (0.0, 12.0), (400.0, 12.3984), (25000.0, 0.5), (np.inf, 12.0),
])  # fmt: skip
def test_events_without_a_possible_order_have_none(energy, mlam):
    assert order(energy, mlam) == [99]


def test_orders_beyond_those_of_the_format_are_none():
    mlam = 62.6 * gratings.HC / 8000
    assert order([7920.0, 8050.0], [mlam] * 2) == [62, 99]


def test_our_windows_are_wider_on_front_illuminated_chips():
    table = gratings_orders.standard_windows()
    width = table["ENERG_HI"] - table["ENERGY"]
    at = int(5890 / gratings_orders.STEP)
    assert width[6, at] == pytest.approx(5 * 350 / 2.3548, rel=1e-3)
    assert width[7, at] == pytest.approx(5 * 165 / 2.3548, rel=1e-3)


def test_wrong_windows_are_refused():
    with pytest.raises(BadData, match="lie outside of their limits"):
        gratings_orders.windows(osip(-10.0, 20.0))
    with pytest.raises(BadData, match="cells lie outside"):
        gratings_orders.windows(osip(10.0, 20.0, CHIPY_HI=2000))
    with pytest.raises(BadData, match="0 to 9"):
        gratings_orders.windows(osip(10.0, 20.0).where(slice(0, 0)))
