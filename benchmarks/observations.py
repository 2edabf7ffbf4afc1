"""Playbacks to level 2 in a process of its own, no scheduler: ``python -m benchmarks.observations FOLDER FILE …``.

Playbacks go into the incoming folder, FITS files are deliveries. All pipelines of each playback run in all their
streams, then those of the observations that are due. The last line printed is JSON: seconds of the playbacks, of each
observation and each pipeline, and processor time and greatest memory of the process.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.measure import peak_memory
from mta_assets.pipelines.delivery import deliver
from mta_assets.pipelines.due import ObiMarks, due
from mta_assets.pipelines.ingest import Watch, put, take_in
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings

BAD = ("bad data", "failed")


def measure(data: Path, files: list[Path]) -> dict[str, Any]:
    """What every part of the chain takes."""
    platform = Platform(Settings(data=data, mission="chandra"))
    spent: dict[str, float] = defaultdict(float)
    problems: list[str] = []
    for file in files:
        if file.suffix == ".fits":
            deliver(platform, file)
        else:
            put(platform, file)
    take_in(platform, Watch(), limit=len(files))
    for playback in platform.catalog.playbacks():
        _all(platform, "playback", playback.partition, spent, problems)
    playbacks = sum(spent.values())
    observations = {}
    ready, _, _ = due(platform, ObiMarks(), sys.maxsize)
    for one in ready:
        began = time.perf_counter()
        _all(platform, "obi", one.entry.partition, spent, problems)
        observations[one.entry.partition] = time.perf_counter() - began
    return {
        "playbacks": playbacks, "observations": observations, "pipelines": spent,
        "memory": peak_memory(), "processor": time.process_time(), "problems": problems,
    }  # fmt: skip


def _all(platform: Platform, kind: str, partition: str, spent: dict[str, float], problems: list[str]) -> None:
    """Every pipeline of a kind of partition, in the order of their inputs."""
    for pipeline in platform.registry.pipelines_of(kind):
        for stream in pipeline.streams:
            began = time.perf_counter()
            result = platform.execute(pipeline.id, stream, partition)
            spent[f"{pipeline.id} {stream}"] += time.perf_counter() - began
            if result.outcome in BAD:
                problems.append(f"{pipeline.id} {stream} {partition}: {result.outcome}: {result.message}")


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])))
