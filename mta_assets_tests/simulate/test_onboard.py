"""The error of the on-board attitude: its size, that it does not depend on how a day is cut, where it moves sources."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mta_assets.core.times import from_utc
from mta_assets.instruments import quaternions
from mta_assets.instruments.geometry import ARCSEC, body_to_sky, sky_to_body
from mta_assets.simulate import attitude, onboard
from mta_assets.simulate.schedule import make_schedule

SCHEDULE = make_schedule(from_utc("2024-03-01T00:00:00"), 6.0, 1)
DWELL = next(dwell for dwell in SCHEDULE.dwells if dwell.kind == "observation")


def test_the_error_wanders_within_minutes_by_what_the_archive_shows() -> None:
    """Over twenty days, in stretches of an hour: scatter in each, and how the means move."""
    times = SCHEDULE.tstart + np.arange(0.0, 20 * 86400.0, 5.0)
    hours = onboard.error(SCHEDULE, times).reshape(-1, 720, 3) / ARCSEC
    scatter, means = hours.std(axis=1).mean(axis=0), hours.mean(axis=1).std(axis=0)
    print(f"scatter within an hour {scatter.round(3)}, of the hours' means {means.round(3)} arcsec (roll, pitch, yaw)")
    assert np.all((scatter > (3, 0.2, 0.3)) & (scatter < (6, 0.45, 0.5)))
    assert np.all((means > (3.5, 0.35, 0.35)) & (means < (6.5, 0.65, 0.65)))
    steps = np.diff(onboard.error(SCHEDULE, SCHEDULE.tstart + np.arange(0.0, 3600.0, 1.025)), axis=0) / ARCSEC
    assert steps.std(axis=0) / np.sqrt(2) == pytest.approx((0.05, 0.016, 0.018), rel=0.3)


def test_the_error_of_a_moment_is_the_same_however_it_is_asked_for_and_another_for_another_seed() -> None:
    times = SCHEDULE.tstart + np.linspace(0.0, 21600.0, 1001)
    whole = onboard.error(SCHEDULE, times)
    np.testing.assert_array_equal(whole[500:], onboard.error(SCHEDULE, times[500:]))
    np.testing.assert_array_equal(whole[7], onboard.error(SCHEDULE, times[7])[0])
    other = onboard.error(make_schedule(SCHEDULE.epoch, 6.0, 2), times)
    assert np.abs(np.corrcoef(whole[:, 1], other[:, 1])[0, 1]) < 0.9
    assert not np.allclose(whole, other, atol=0.01 * ARCSEC)


def test_the_estimate_is_the_flown_attitude_turned_by_the_error() -> None:
    times = SCHEDULE.tstart + np.linspace(0.0, 21600.0, 501)
    apart = quaternions.difference(onboard.quaternion(SCHEDULE, times), attitude.quaternion(SCHEDULE, times))
    np.testing.assert_allclose(apart, onboard.error(SCHEDULE, times), atol=1e-12)


def test_sources_are_seen_where_photons_with_the_estimated_attitude_fall_on_average() -> None:
    times = np.arange(DWELL.tstart, DWELL.tstop, 3.0)
    for east, north in ((0.0, 0.0), (0.1, -0.12)):
        ra, dec = DWELL.ra + east / np.cos(np.radians(DWELL.dec)), DWELL.dec + north
        body = sky_to_body(ra, dec, attitude.quaternion(SCHEDULE, times))
        falls = np.mean(body_to_sky(body, onboard.quaternion(SCHEDULE, times)), axis=1)
        seen = np.array(onboard.seen(SCHEDULE, DWELL, ra, dec))
        away = (seen - falls) * (3600 * np.cos(np.radians(dec)), 3600)
        moved = (seen - (ra, dec)) * (3600 * np.cos(np.radians(dec)), 3600)
        print(f"moved by {moved.round(3)} arcsec, {np.hypot(*away):.4f} from where photons fall")
        assert np.hypot(*away) < 0.01
        assert np.hypot(*moved) > 0.1


def test_the_mean_error_of_a_part_of_a_pointing_is_about_that_of_the_whole_by_what_is_said() -> None:
    """One stretch of each of 300 pointings of 3000 s."""
    starts = SCHEDULE.tstart + 3000.0 * np.arange(300)
    errors = onboard.error(SCHEDULE, (starts[:, None] + np.arange(0.0, 3000.0, 5.0)).ravel()).reshape(300, 600, 3)
    errors = errors[..., 1:] / ARCSEC
    dwell = replace(DWELL, tstart=0.0, tstop=3000.0)
    for every, seconds in ((10, 300.0), (2, 1500.0), (1, 3000.0)):
        apart = errors[:, : 600 // every].mean(axis=1) - errors.mean(axis=1)
        found, said = np.sqrt(np.mean(np.sum(apart**2, axis=1))), onboard.of_a_part(dwell, np.array([seconds]))[0]
        print(f"{seconds:.0f} of 3000 s: {found:.3f} arcsec, said {said:.3f}")
        assert found == pytest.approx(said, rel=0.5, abs=1e-9)
