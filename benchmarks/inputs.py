"""Playbacks to measure with, simulated when first asked for: hours of ACIS, HRC and the full rate, and a day."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.science import acis_science
from mta_assets.missions.load import load_mission
from mta_assets.simulate.assemble import put_bytes
from mta_assets.simulate.frames import encode_frames
from mta_assets.simulate.playbacks import Summary, Written, simulate
from mta_assets.telemetry.playback import open_playback
from mta_assets.telemetry.science import format_of

SEED = 1
HOURS = 3.0  # it begins with ACIS and goes on with HRC


class Inputs:
    """Files below a folder.

    Parameters
    ----------
    folder
        A temporary folder with room for 0.8 GB.
    minutes
        Length of the playbacks that stand for an hour; tests make it shorter.
    hours
        Length of the run that they are taken from.
    day_hours
        Length of the playback that stands for a day.
    """

    def __init__(self, folder: Path, minutes: float = 60.0, hours: float = HOURS, day_hours: float = 24.0) -> None:
        self.folder, self.minutes, self.hours, self.day_hours = folder, minutes, hours, day_hours
        self.mission = load_mission("chandra")

    @cached_property
    def _hours(self) -> tuple[Written, ...]:
        to = self.folder / "hours"
        return simulate(self.mission, self.hours, to, SEED, playback_minutes=self.minutes, faults=False).files

    @cached_property
    def acis_hour(self) -> Written:
        """The playback with the most ACIS events."""
        return max(self._hours, key=lambda written: written.acis_events)

    @cached_property
    def hrc_hour(self) -> Written:
        """The playback with the most HRC events."""
        return max(self._hours, key=lambda written: written.hrc_events)

    @cached_property
    def full_hour(self) -> Written:
        """The ACIS hour with its science bytes replaced by packets of FAINT events back to back: 24 kbit/s."""
        block = next(open_playback(self.acis_hour.path, self.mission).blocks(1e9))
        science, events = acis_science("FAINT", len(block.counter), int(block.counter[0]), self.mission.frame.period)
        data = block.data.copy()
        put_bytes(data, np.arange(len(data)), science, self.mission.frame.science)
        frames = encode_frames(block.counter, format_of(self.mission, "ACIS"), data, self.mission.frame)
        path = self.folder / "full" / self.acis_hour.path.name
        path.parent.mkdir()
        path.write_bytes(frames.tobytes())
        return replace(self.acis_hour, path=path, acis_events=events, hrc_events=0)

    @cached_property
    def day_run(self) -> Summary:
        """A day in one file, and how long it took to simulate."""
        return simulate(
            self.mission, self.day_hours, self.folder / "day", SEED, playback_minutes=60 * self.day_hours, faults=False
        )
