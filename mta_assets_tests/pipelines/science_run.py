"""Simulated observations from playbacks to level 2 through the pipelines of the registry, and their products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mta_assets.archive.products import read_fits
from mta_assets.cli.import_data import KINDS
from mta_assets.core.request import Stream
from mta_assets.core.tables import Product, Table
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.delivery import deliver
from mta_assets.pipelines.ingest import Watch, put, take_in
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings
from mta_assets.simulate import schedule
from mta_assets.simulate.assemble import Plan
from mta_assets.simulate.playbacks import simulate
from mta_assets.simulate.truth import Truth, load

PLAYBACK = ("EDE", "ADE", "HDE", "ACA_TELEMETRY", "OBC_ASPECT", "OBI_SEG", "OBI_DET")
LEAST_SPAN = 1500.0  # [s] of an observation with its manoeuvre


@dataclass(frozen=True)
class Science:
    """A platform that has taken in a run's playbacks, the plan and truth of the run, what is still to be delivered."""

    platform: Platform
    truth: Truth
    plan: Plan
    deliveries: tuple[Path, ...]

    def product(self, file_id: str, partition: str, stream: Stream = "sdp") -> Product:
        (entry,) = self.platform.catalog.products(file_id=file_id, partition=partition, stream=stream)
        return read_fits(Path(entry.path), file_id)

    def table(self, file_id: str, partition: str, stream: Stream = "sdp") -> Table:
        return self.product(file_id, partition, stream).tables[0]

    def deliver(self) -> None:
        """The star catalogues, as they come with the command loads."""
        for path in self.deliveries:
            assert deliver(self.platform, path).state == "delivered"

    def observation(self, key: str) -> dict[tuple[str, Stream], Any]:
        """All pipelines by observation, in the order of their inputs; none may end badly."""
        results = {
            (pipeline.id, stream): self.platform.execute(pipeline.id, stream, key)
            for pipeline in self.platform.registry.pipelines_of("obi")
            for stream in pipeline.streams
        }
        for which, result in results.items():
            assert result.outcome in ("done", "nothing to do"), (which, result.message)
        return results


def taken_in(folder: Path, order: Sequence[int], hours: float, seed: int = 3) -> Science:
    """Observations in an order of obsids (the first has no start, the last no stop), in playbacks of 45 minutes."""
    entries = {entry.obsid: entry for entry in schedule.load_obscat()}
    mission = load_mission("chandra")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "LEAST_SPAN", LEAST_SPAN)
        patch.setattr(schedule, "load_obscat", lambda: tuple(entries[obsid] for obsid in order))
        made = simulate(mission, hours, folder / "simulated", seed, playback_minutes=45.0, faults=False)
        truth = load(made.truth.parent)
        plan = truth.plan(mission)
        assert plan.schedule.dwells  # made while the order is ours
    platform = Platform(Settings(mission="chandra", data=folder / "data"))
    KINDS["observations"].take(made.obscat, platform, None, False)
    for written in made.files:
        put(platform, written.path)
    arrivals, _ = take_in(platform, Watch(), limit=len(made.files))
    assert {arrival.state for arrival in arrivals} == {"accepted"}
    for playback in platform.catalog.playbacks():
        for pipeline in platform.registry.pipelines_of("playback"):
            for stream in pipeline.streams if pipeline.id in PLAYBACK else ():
                result = platform.execute(pipeline.id, stream, playback.partition)
                assert result.outcome in ("done", "nothing to do"), result.message
    return Science(platform, truth, plan, made.deliveries)
