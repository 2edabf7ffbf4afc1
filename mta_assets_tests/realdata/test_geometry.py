"""Geometry against real event lists: their chip, DET and dispersion coordinates."""

import numpy as np
import pytest

from mta_assets.instruments import acis, geometry, gratings, hrc
from mta_assets.simulate import attitude, optics, orbit
from mta_assets_tests.realdata import realdata


def events(*parts):
    from astropy.io import fits

    with fits.open(realdata("chandra", *parts)) as file:
        return np.array(file["EVENTS"].data), dict(file["EVENTS"].header)


def native(column):
    return column.astype(column.dtype.newbyteorder("="))


ACIS_FILES = [
    ("acis", "28229", "repro", "acisf28229_repro_evt2.fits.gz"),
    ("hetg", "13838_sgra_evt2.fits.gz"),
]


@pytest.mark.parametrize("parts", ACIS_FILES)
def test_det_coordinates_of_acis_events_come_out_within_the_subpixel_shift(parts):
    data, header = events(*parts)
    for ccd in np.unique(data["ccd_id"]):
        here = data[data["ccd_id"] == ccd]
        fc = geometry.chip_to_fc("ACIS", int(ccd), here["chipx"], here["chipy"], header["SIM_X"], header["SIM_Z"])
        detx, dety = geometry.fc_to_det("ACIS", fc)
        dx, dy = detx - here["detx"], dety - here["dety"]
        print(f"{parts[-1]} ccd {ccd}: {len(here)} events, x {dx.mean():+.3f} ± {dx.std():.3f}, y {dy.mean():+.3f}")
        # the products shift events within their pixel (PIX_ADJ = EDSER), by at most half a pixel
        assert np.abs(dx).max() < 0.55
        assert np.abs(dy).max() < 0.55
        assert abs(dx.mean()) < 0.05
        assert abs(dy.mean()) < 0.25


def test_det_coordinates_of_hrc_i_events():
    data, header = events("hrc", "2886_hrcI_evt1.fits.gz")
    fc = geometry.chip_to_fc("HRC-I", 0, data["chipx"], data["chipy"], header["SIM_X"], header["SIM_Z"])
    detx, dety = geometry.fc_to_det("HRC-I", fc + np.array([0.0, header["DY_AVG"], header["DZ_AVG"]]))
    # the aspect solution's dy, dz and dtheta change during the observation; only their means are in the header
    assert abs(np.mean(detx - data["detx"])) < 1
    assert np.std(detx - data["detx"]) < 2
    assert abs(np.mean(dety - data["dety"])) < 1
    assert np.std(dety - data["dety"]) < 2


def test_dispersed_events_lie_where_the_grating_equation_puts_them():
    data, header = events("hetg", "13838_sgra_evt2.fits.gz")
    # sky position of the zero order in the product's REGION table, as a direction in body axes
    east, north = -(4074.742 - 4096.5) * 0.492 / 3600, (4073.5137 - 4096.5) * 0.492 / 3600
    dec = header["DEC_PNT"] + north
    q = geometry.quaternion_from_angles(header["RA_PNT"], header["DEC_PNT"], header["ROLL_PNT"])
    zero_order = geometry.sky_to_body([header["RA_PNT"] + east / np.cos(np.radians(dec))], [dec], q)
    arms = gratings.arms("HETG", "ACIS")
    for arm in arms:
        good = (data["tg_part"] == arm.part) & (np.abs(data["tg_m"]) == 1) & (data["tg_lam"] > 2)
        here = data[good]
        energy = gratings.HC / 1000 / native(here["tg_lam"]).astype(float)
        body = np.repeat(zero_order, len(here), axis=0)
        order = here["tg_m"].astype(np.int8)
        start, direction = optics.rays(body, energy, np.full(len(here), arm.part, np.int8), order, arms)
        chip_id, x, y = geometry.rays_to_chip("ACIS", start, direction, header["SIM_X"], header["SIM_Z"])
        same = chip_id == here["ccd_id"]
        assert same.mean() > 0.9  # the rest lie at the edge of a chip, to and fro with the dither
        dx, dy = (x - here["chipx"])[same], (y - here["chipy"])[same]
        assert abs(dx.mean()) < 2
        assert abs(dy.mean()) < 2
        print(f"{arm.name}: {same.sum()} events, chipx {dx.mean():+.2f} ± {dx.std():.2f}, chipy ± {dy.std():.2f}")
        # dither (16 arcsec peak to peak) moves real events by up to 16 pixels; there is no trend along the arm
        slope = np.polyfit(native(here["tg_r"])[same].astype(float), dx, 1)[0]
        assert abs(slope) < 8  # [pixel/deg]: 0.13 % of 6250
        assert dx.std() < 16
        assert dy.std() < 16


def test_flight_grades_of_real_events_give_their_grades():
    data, _ = events(*ACIS_FILES[0])
    assert np.array_equal(acis.grade(native(data["fltgrade"])), data["grade"])


def test_the_summed_pulse_height_of_real_events():
    data, _ = events(*ACIS_FILES[0])
    # the rest were graded after their charge-transfer correction, which the stored pulse heights lack
    assert np.mean(acis.pha(native(data["phas"])) == data["pha_ro"]) > 0.94


def test_raw_positions_of_hrc_events_follow_from_their_taps():
    data, _ = events("hrc", "2886_hrcI_evt1.fits.gz")
    for raw, coarse, axis in (("rawy", "crsv", "v"), ("rawx", "crsu", "u")):
        taps = [native(data[f"a{axis}{n}"]) for n in (1, 2, 3)]
        here = hrc.raw_position(native(data[coarse]), *taps)
        strong = sum(tap.astype(int) for tap in taps) > 1000
        assert np.median(np.abs(here - data[raw])[strong]) < 2


def test_quaternions_of_a_real_aspect_solution_give_its_angles():
    from astropy.io import fits

    with fits.open(realdata("chandra", "hrc", "62650", "primary", "pcadf62650_000N001_asol1.fits.gz")) as file:
        data = np.array(file[1].data)
    ra, dec, roll = geometry.angles_from_quaternion(native(data["q_att"]))
    for mine, theirs in ((ra, "ra"), (dec, "dec"), (roll, "roll")):
        np.testing.assert_allclose(mine, data[theirs], atol=1e-9)


@pytest.mark.parametrize("parts", [*ACIS_FILES, ("hrc", "2886_hrcI_evt1.fits.gz")])
def test_real_observations_were_flown_at_nearly_the_nominal_roll(parts):
    _, header = events(*parts)
    roll = attitude.nominal_roll(header["RA_PNT"], header["DEC_PNT"], orbit.sun_direction(header["TSTART"]))
    assert abs((roll - header["ROLL_PNT"] + 180) % 360 - 180) < 15  # off-nominal roll allowance of the POG


def test_the_sun_is_where_a_real_solar_ephemeris_has_it():
    from astropy.io import fits

    path = ("chandra", "hrc", "22772", "secondary", "ephem", "solarf701265905N001_eph1.fits.gz")
    with fits.open(realdata(*path)) as file:
        data = np.array(file[1].data)
    names = {name.lower(): name for name in data.dtype.names}
    given = np.stack([native(data[names[axis]]) for axis in "xyz"], axis=-1)
    given = given / np.linalg.norm(given, axis=1, keepdims=True)
    mine = orbit.sun_direction(native(data[names["time"]]))
    assert np.degrees(np.arccos(np.clip(np.sum(mine * given, axis=1), -1, 1))).max() < 0.02
