"""The observing catalogue of a simulated run, as the platform imports it."""

from __future__ import annotations

from pathlib import Path

from mta_assets.archive.import_observations import read_observations
from mta_assets.cli.import_data import guess
from mta_assets.core.times import from_utc
from mta_assets.simulate.obscat_file import write_obscat
from mta_assets.simulate.schedule import make_schedule


def test_every_observation_of_the_plan_and_nothing_else_is_imported(tmp_path: Path) -> None:
    schedule = make_schedule(from_utc("2024-03-01T00:00:00"), 24.0, 1)
    path = tmp_path / "obscat.csv"
    write_obscat(schedule, path)
    assert guess(path) == "observations"
    found = read_observations(path)
    planned = [d for d in schedule.dwells if d.kind == "observation"]
    assert not found.bad
    assert len(found.content.observations) == len(planned) > 4
    for ours, dwell in zip(found.content.observations, planned, strict=True):
        assert (ours.obsid, ours.obi, ours.target) == (dwell.obsid, dwell.obi, dwell.target)
        assert (ours.tstart, ours.tstop) == (dwell.tstart, dwell.tstop)
        assert (ours.ra, ours.dec, ours.roll) == (dwell.ra, dwell.dec, dwell.roll)
        assert (ours.detector, ours.grating, ours.mode) == (dwell.instrument, dwell.grating, dwell.datamode)
    assert [p.name for p in tmp_path.iterdir()] == ["obscat.csv"]
