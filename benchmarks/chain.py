"""Playbacks through the whole chain in a process of its own: ``python -m benchmarks.chain FOLDER FILE …``.

Each file is put into the incoming folder, taken in, and goes through all pipelines of a playback in all their streams,
into archive and catalog; no scheduler. The last line printed is JSON: seconds and files made, for each playback.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from mta_assets.pipelines.incoming import Watch
from mta_assets.pipelines.ingest import put, take_in
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings


def measure(data: Path, files: list[Path]) -> list[dict[str, Any]]:
    """One record for each playback."""
    platform = Platform(Settings(data=data, mission="chandra"))
    return [_through(platform, file) for file in files]


def _through(platform: Platform, file: Path) -> dict[str, Any]:
    began = time.perf_counter()
    put(platform, file)
    (arrival,), _ = take_in(platform, Watch())
    if arrival.partition is None:
        raise RuntimeError(f"{file.name}: {arrival.state}: {arrival.reason}")
    results = [
        platform.execute(pipeline.id, stream, arrival.partition)
        for pipeline in platform.registry.pipelines_of("playback")
        for stream in pipeline.streams
    ]
    bad = [result for result in results if result.outcome not in ("done", "nothing to do")]
    if bad:
        raise RuntimeError(f"{file.name}: {bad[0].pipe_id}: {bad[0].message}")
    made = sum(len(result.products) + len(result.plots) for result in results)
    return {"seconds": time.perf_counter() - began, "runs": len(results), "files": made}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])))
