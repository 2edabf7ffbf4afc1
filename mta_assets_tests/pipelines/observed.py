"""Two simulated observations, HETG with ACIS-S and HRC-I, from playbacks through the registry to source lists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mta_assets.archive.products import read_fits
from mta_assets.core.tables import Table
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.delivery import deliver
from mta_assets.pipelines.ingest import Watch, put, take_in
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings
from mta_assets.simulate import schedule
from mta_assets.simulate.assemble import Plan
from mta_assets.simulate.playbacks import simulate
from mta_assets.simulate.truth import Truth, load

ORDER = (28105, 28101, 62801, 28102)  # the first has no start, the last no stop
ACIS, HRC = "28101_000", "62801_000"
PLAYBACK = ("EDE", "ADE", "HDE", "ACA_TELEMETRY", "OBC_ASPECT", "OBI_SEG", "OBI_DET")


@dataclass(frozen=True)
class Science:
    """A platform with everything run, the plan of the simulation, results by observation, pipeline and stream."""

    platform: Platform
    truth: Truth
    plan: Plan
    results: dict[str, dict[tuple[str, str], Any]]
    without_stars: Any

    def table(self, file_id: str, partition: str, stream: str = "sdp") -> Table:
        (entry,) = self.platform.catalog.products(file_id=file_id, partition=partition, stream=stream)
        return read_fits(Path(entry.path), file_id).tables[0]

    def files(self) -> list[Path]:
        found = [self.platform.catalog.products(partition=key) for key in (ACIS, HRC)]
        return [Path(entry.path) for entries in found for entry in entries]


@contextmanager
def observed(folder: Path) -> Iterator[Science]:
    """Simulate, take in, and run everything, in a folder."""
    entries = {entry.obsid: entry for entry in schedule.load_obscat()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "LEAST_SPAN", 1500.0)
        patch.setattr(schedule, "load_obscat", lambda: tuple(entries[obsid] for obsid in ORDER))
        mission = load_mission("chandra")
        made = simulate(mission, 2.0, folder / "simulated", 3, playback_minutes=45.0, faults=False)
        truth = load(made.truth.parent)
        plan = truth.plan(mission)
        assert plan.schedule.dwells  # made while the order is ours
        platform = Platform(Settings(mission="chandra", data=folder / "data"))
        for written in made.files:
            put(platform, written.path)
        arrivals, _ = take_in(platform, Watch(), limit=len(made.files))
        assert {arrival.state for arrival in arrivals} == {"accepted"}
        for playback in platform.catalog.playbacks():
            for pipeline in platform.registry.pipelines_of("playback"):
                for stream in pipeline.streams if pipeline.id in PLAYBACK else ():
                    result = platform.execute(pipeline.id, stream, playback.partition)
                    assert result.outcome in ("done", "nothing to do"), result.message
        for name in ("OBSPAR", "ASPECT_OBC", "ACIS_BPIX"):
            platform.execute(name, "sdp", ACIS)
        without = platform.execute("ACIS_L1", "sdp", ACIS)
        for path in made.deliveries:
            assert deliver(platform, path).state == "delivered"
        results = {key: observation(platform, key) for key in (ACIS, HRC)}
        yield Science(platform, truth, plan, results, without)


def observation(platform: Platform, key: str) -> dict[tuple[str, str], Any]:
    """All pipelines by observation, in the order of their inputs."""
    return {
        (pipeline.id, stream): platform.execute(pipeline.id, stream, key)
        for pipeline in platform.registry.pipelines_of("obi")
        for stream in pipeline.streams
    }
