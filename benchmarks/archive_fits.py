"""A query to a FITS file in a process of its own: ``python -m benchmarks.archive_fits URL ROOT FILE START STOP NAMES``.

The last line printed is JSON: seconds, rows, and the greatest memory of the process.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.measure import peak_memory
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.query.language import parse
from mta_assets.query.output import save
from mta_assets.query.run import run
from mta_assets.query.telemetry_source import TelemetrySource

MEMORY = 256 << 20  # [byte] that the answer may take in memory


def main(arguments: list[str]) -> None:
    url, root, path, start, stop, names = arguments
    with TelemetryArchive(url, Path(root)) as archive:
        began = time.perf_counter()
        query = parse(f"GET {names} FROM {start} TO {stop} INCLUDING BAD", now=float(stop))
        written = save(run(query, [TelemetrySource(archive)], memory_limit=MEMORY), Path(path))
        seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "rows": written.rows, "peak": peak_memory()}))


if __name__ == "__main__":
    main(sys.argv[1:])
