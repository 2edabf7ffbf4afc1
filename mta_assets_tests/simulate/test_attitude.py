import numpy as np
import pytest

from mta_assets.instruments.geometry import ARCSEC, body_to_sky, quaternion_from_angles, rotate, sky_to_body
from mta_assets.simulate import attitude, orbit
from mta_assets.simulate.schedule import make_schedule

SCHEDULE = make_schedule(825_638_400.0, 24, 1)


def turn(q):
    """Angle between attitudes that follow each other [deg]."""
    dot = np.abs(np.sum(q[1:] * q[:-1], axis=1))
    return np.degrees(2 * np.arccos(np.clip(dot, 0, 1)))


def test_the_attitude_is_of_unit_length_and_continuous_in_value_and_rate():
    at = np.arange(SCHEDULE.tstart, SCHEDULE.tstop, 4.0)
    q = attitude.quaternion(SCHEDULE, at)
    np.testing.assert_allclose(np.linalg.norm(q, axis=1), 1, atol=1e-12)
    rate = turn(q) / 4
    assert rate.max() < 0.2  # [deg/s]
    assert np.abs(np.diff(rate)).max() < 0.005


@pytest.mark.parametrize(("instrument", "amplitude"), [("ACIS", 8.0), ("HRC", 20.0)])
def test_the_dither_is_a_lissajous_figure_of_the_instruments_amplitude(instrument, amplitude):
    dwell = next(d for d in SCHEDULE.dwells if d.kind == "observation" and d.instrument.startswith(instrument))
    at = np.arange(dwell.tstart + 200, dwell.tstop - 200, 1.0)
    ra, dec = body_to_sky(np.array([1.0, 0.0, 0.0]), attitude.quaternion(SCHEDULE, at))
    seen = sky_to_body(ra, dec, quaternion_from_angles(dwell.ra, dwell.dec, dwell.roll)) / ARCSEC
    assert np.abs(seen[:, 1]).max() == pytest.approx(amplitude, rel=0.01)
    assert np.abs(seen[:, 2]).max() == pytest.approx(amplitude, rel=0.01)
    crossings = np.flatnonzero((seen[:-1, 1] < 0) & (seen[1:, 1] >= 0))
    assert np.diff(crossings).mean() == pytest.approx(dwell.dither_period_y, abs=2)


def test_a_manoeuvre_starts_and_ends_at_the_targets():
    number = next(i for i, d in enumerate(SCHEDULE.dwells) if d.kind == "manoeuvre")
    dwell = SCHEDULE.dwells[number]
    ra, dec, roll = attitude.ra_dec_roll(SCHEDULE, [dwell.tstart, dwell.tstop])
    assert (ra[0], dec[0]) == pytest.approx((SCHEDULE.dwells[number - 1].ra, SCHEDULE.dwells[number - 1].dec), abs=1e-6)
    assert (ra[1], dec[1], roll[1]) == pytest.approx((dwell.ra, dwell.dec, dwell.roll), abs=1e-6)


def test_small_turns_move_the_boresight_towards_y_and_z():
    q = attitude.offset_quaternion(np.array([1e-4, 0.0, 0.0]), np.array([0.0, 1e-4, 0.0]))
    seen = rotate(q, np.array([1.0, 0.0, 0.0]))
    np.testing.assert_allclose(seen, [[1, 1e-4, 0], [1, 0, 1e-4], [1, 0, 0]], atol=1e-8)


def test_nominal_roll_puts_the_sun_on_the_minus_z_side():
    sun = orbit.sun_direction(825_638_400.0)
    for ra, dec in ((82.2, -65.4), (332.2, 45.7), (10.0, 0.0)):
        q = quaternion_from_angles(ra, dec, attitude.nominal_roll(ra, dec, sun))
        body = rotate(q * [-1, -1, -1, 1], sun)
        assert abs(body[1]) < 1e-9
        assert body[2] < 0


def test_the_answer_does_not_depend_on_the_other_times():
    at = SCHEDULE.tstart + np.array([10.0, 20000.0, 40000.0])
    together = attitude.quaternion(SCHEDULE, at)
    for time, q in zip(at, together, strict=True):
        np.testing.assert_array_equal(attitude.quaternion(SCHEDULE, time)[0], q)
