"""The star catalogue of the simulated plan, and gyros that turn as the spacecraft does."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from mta_assets.core.times import from_utc
from mta_assets.instruments import gyro, quaternions
from mta_assets.missions.load import load_mission
from mta_assets.simulate import attitude, starfield
from mta_assets.simulate.assemble import Plan
from mta_assets.simulate.starcat import star_catalogue, write_star_catalogue

PLAN = Plan(load_mission("chandra"), from_utc("2024-03-01T00:00:00"), 24.0, 60.0, 1, False)
SCHEDULE = PLAN.schedule


def test_every_pointing_has_its_eight_slots_where_the_images_are() -> None:
    rows = star_catalogue(SCHEDULE)
    assert len(rows) == 8 * sum(dwell.kind != "manoeuvre" for dwell in SCHEDULE.dwells)
    dwell = SCHEDULE.dwells[0]
    slots = starfield.slots(SCHEDULE, [dwell.tstart])  # the dither has not begun
    for row, slot in zip(rows[:8], slots, strict=True):
        assert (row["slot"], row["type"]) == (slot.slot, {"fid": "FID", "star": "GUI"}[slot.kind])
        place = starfield.angles_to_pixels(row["yang"], row["zang"])
        np.testing.assert_allclose(place, (slot.row[0], slot.col[0]), atol=0.5)
        assert abs(row["mag"] - slot.mag[0]) < 0.1


def test_the_catalogue_is_written_as_text(tmp_path: Path) -> None:
    write_star_catalogue(SCHEDULE, tmp_path / "starcat.csv")
    with (tmp_path / "starcat.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["yang"]) for row in rows] == [row["yang"] for row in star_catalogue(SCHEDULE)]


def test_the_angle_that_gyros_see_adds_up_to_the_attitude() -> None:
    times = SCHEDULE.tstart + np.arange(9000.0, 21000.0, 0.5)  # dither, a manoeuvre, dither, another manoeuvre
    angle, q = attitude.body_angle(SCHEDULE, times), attitude.quaternion(SCHEDULE, times)
    step = quaternions.difference(q[1:], q[:-1])
    np.testing.assert_allclose(np.diff(angle, axis=0), step, atol=2e-9)


def test_counts_of_gyros_are_the_angle_the_drift_and_a_small_walk() -> None:
    dwell = SCHEDULE.dwells[2]
    times = np.arange(dwell.tstart + 200, dwell.tstart + 2200, 0.25625)
    pointing = PLAN.engineering.bench.pointing
    counts = np.stack([pointing.gyro_counts(axis, times) for axis in range(1, 5)], axis=-1)
    assert counts.min() >= 0
    assert counts.max() < gyro.MODULUS
    angle = gyro.body_angle(gyro.unwrap(counts))
    truth = np.degrees(attitude.body_angle(SCHEDULE, times)) * 3600
    rest = (angle - angle[0]) - (truth - truth[0])
    line = np.polynomial.polynomial.polyfit(times - times[0], rest, 1)
    left = rest - np.polynomial.polynomial.polyval(times - times[0], line).T
    assert 0.01 < left.std() < 0.5  # [arcsec] random walk over half an hour
    np.testing.assert_array_equal(
        counts[50:60], np.stack([pointing.gyro_counts(a, times[50:60]) for a in (1, 2, 3, 4)], -1)
    )
