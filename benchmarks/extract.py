"""One playback file to all its level-0 tables, in a process of its own: ``python -m benchmarks.extract FILE``.

``--stream`` lets go of each product as the archive does after writing it; without it all are held in memory at once.
The last line printed is JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import peak_memory
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.level0 import acis, aspect, engineering, hrc
from mta_assets.missions.load import Mission, load_mission
from mta_assets.telemetry.playback import open_playback

TOOLS = (
    engineering.extract, acis.extract_events, hrc.extract_events, aspect.extract_aca, aspect.extract_osol
)  # fmt: skip


def products(path: Path, mission: Mission) -> Iterator[Product]:
    """Everything that the extractors make of a playback; the instruments that it has no data of are left out."""
    playback = open_playback(path, mission)
    request = Request("benchmark", "sdp", playback.tstart, playback.tstop, playback.tstop, playback.facts)
    needs = {acis.extract_events: "ACIS", hrc.extract_events: "HRC"}
    for tool in TOOLS:
        if needs.get(tool) in (None, *playback.facts["instruments"]):
            made: Any = tool(playback, mission, request)
            yield from _only_products(made)


def _only_products(made: Any) -> Iterator[Product]:
    if isinstance(made, Product):
        yield made
    elif isinstance(made, Iterable) and not isinstance(made, Table | dict):
        for item in made:
            yield from _only_products(item)


def measure(path: Path, repeats: int, stream: bool) -> dict[str, Any]:
    """Seconds of the first and of the fastest time, what came out, and the peak memory [byte]."""
    mission = load_mission("chandra")
    seconds, counts = [], {}
    for _ in range(repeats):
        began = time.perf_counter()
        made: Iterable[Product] = products(path, mission)
        if not stream:
            made = list(made)
        files = rows = size = 0
        events = {"ACIS_EVT0": 0, "HRC_EVT0": 0}
        for product in made:
            files, rows = files + 1, rows + product.rows
            size += sum(table.nbytes for table in product.tables)
            if product.file_id in events:
                events[product.file_id] += product.rows
        del made
        seconds.append(time.perf_counter() - began)
        counts = {"products": files, "rows": rows, "bytes": size, **events}
    return {"first": seconds[0], "best": min(seconds), "peak": peak_memory(), "input": path.stat().st_size, **counts}


def main() -> None:
    """Measure one file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--stream", action="store_true")
    given = parser.parse_args()
    print(json.dumps(measure(given.file, given.repeats, given.stream)))


if __name__ == "__main__":
    main()
