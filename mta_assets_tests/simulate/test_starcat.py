"""The star catalogue of the simulated plan, and gyros that turn as the spacecraft does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mta_assets.archive.products import read_fits
from mta_assets.core.times import from_utc
from mta_assets.instruments import gyro, quaternions
from mta_assets.level1.aca_tables import STARCAT
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.delivery_check import examine
from mta_assets.pipelines.registry import load_registry
from mta_assets.simulate import attitude, starfield
from mta_assets.simulate.assemble import Plan
from mta_assets.simulate.schedule import make_schedule
from mta_assets.simulate.starcat import star_catalogue, write_star_catalogues

PLAN = Plan(load_mission("chandra"), from_utc("2024-03-01T00:00:00"), 24.0, 60.0, 1, False)
SCHEDULE = PLAN.schedule
POINTINGS = [dwell for dwell in SCHEDULE.dwells if dwell.kind != "manoeuvre"]


def test_every_pointing_has_its_eight_slots_where_the_images_are() -> None:
    rows = star_catalogue(SCHEDULE.dwells)
    assert {len(column) for column in rows.values()} == {8 * len(POINTINGS)}
    dwell = SCHEDULE.dwells[0]
    slots = starfield.slots(SCHEDULE, [dwell.tstart])  # the dither has not begun
    for row, slot in enumerate(slots):
        assert (rows["slot"][row], rows["type"][row]) == (slot.slot, {"fid": "FID", "star": "GUI"}[slot.kind])
        assert np.isnan(rows["ra"][row]) == (slot.kind == "fid")
        place = starfield.angles_to_pixels(rows["yang"][row], rows["zang"][row])
        np.testing.assert_allclose(place, (slot.row[0], slot.col[0]), atol=0.5)
        assert abs(rows["mag"][row] - slot.mag[0]) < 0.1


def test_the_catalogue_is_delivered_as_a_file_for_each_day_that_the_registry_knows(tmp_path: Path) -> None:
    registry = load_registry(load_mission("chandra"))
    days = make_schedule(from_utc("2024-03-01T12:00:00"), 24.0, 1)
    files = write_star_catalogues(days, tmp_path / "here", "CHANDRA")
    found = [examine(registry, path) for path in files]
    pointings = [dwell for dwell in days.dwells if dwell.kind != "manoeuvre"]
    midnight = from_utc("2024-03-02T00:00:00")
    count = sum(dwell.tstart < midnight for dwell in pointings)
    assert [f.rows for f in found] == [8 * count, 8 * (len(pointings) - count)]
    assert [f.spec.id for f in found] == ["STARCAT", "STARCAT"]
    assert (found[0].tstart, found[0].tstop) == (pointings[0].tstart, pointings[count - 1].tstop)
    assert (found[1].tstart, found[1].tstop) == (pointings[count].tstart, days.tstop)
    table = read_fits(files[0], "STARCAT").tables[0]
    expected = star_catalogue(pointings[:count])
    for name in STARCAT.names:
        np.testing.assert_array_equal(table[name], expected[name].astype(table[name].dtype))
    again = write_star_catalogues(days, tmp_path / "again", "CHANDRA")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in files]


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
