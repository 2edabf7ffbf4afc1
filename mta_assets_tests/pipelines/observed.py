"""Two simulated observations, HETG with ACIS-S and HRC-I, from playbacks through the registry to source lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mta_assets.core.request import Stream
from mta_assets_tests.pipelines import science_run

ORDER = (28105, 28101, 62801, 28102)  # the first has no start, the last no stop
ACIS, HRC = "28101_000", "62801_000"


@dataclass(frozen=True)
class Science(science_run.Science):
    """With everything run: results by observation, pipeline and stream, and that of a run before the stars came."""

    results: dict[str, dict[tuple[str, Stream], Any]]
    without_stars: Any

    def files(self) -> list[Path]:
        found = [self.platform.catalog.products(partition=key) for key in (ACIS, HRC)]
        return [Path(entry.path) for entries in found for entry in entries]


def observed(folder: Path) -> Science:
    """Simulate, take in, and run everything, in a folder."""
    run = science_run.taken_in(folder, ORDER, hours=2.0)
    for name in ("OBSPAR", "ASPECT_OBC", "ACIS_BPIX"):
        run.platform.execute(name, "sdp", ACIS)
    without = run.platform.execute("ACIS_L1", "sdp", ACIS)
    run.deliver()
    results = {key: run.observation(key) for key in (ACIS, HRC)}
    return Science(run.platform, run.truth, run.plan, run.deliveries, results, without)
