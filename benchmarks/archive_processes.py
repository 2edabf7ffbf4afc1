"""One process of the test of consistency: ``python -m benchmarks.archive_processes write|read URL ROOT DONE HOURS``.

The writer puts hour after hour into two tables of different rates, then the hour before it once more, as a playback
that was processed again; each time all rows of both carry the number of the commit. A reader takes a snapshot, reads
first one table, then the other: in each hour both must be whole and carry one and the same number. The last line
printed is JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from benchmarks.archive_data import EPOCH
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.samples import SECOND, ParameterInfo, Samples

HOUR = 3600  # [s]
PERIODS = {"COUNTERA": 8.0, "COUNTERB": 1.0}  # [s] of the two tables: whole numbers of rows in an hour


def rows(name: str, hour: int, number: int) -> GroupRows:
    """An hour of one table, all of whose samples are the number of the commit."""
    step = round(PERIODS[name] * SECOND)
    time = (EPOCH + hour * HOUR) * SECOND + np.arange(HOUR * SECOND // step, dtype=np.int64) * step
    info = ParameterInfo(name, name, "i4", period=PERIODS[name])
    return GroupRows(name, (info,), time, {name: np.full(len(time), number, np.int32)}, {}, {}, PERIODS[name])


def write(archive: TelemetryArchive, hours: int) -> int:
    """All hours, each twice; returns the number of commits."""
    number = 0
    for hour in range(hours):
        for which in (hour, hour - 1):
            if which >= 0:
                number += 1
                start = float(EPOCH + which * HOUR)
                parts = [rows(name, which, number) for name in PERIODS]
                archive.commit(f"hour-{which:02d}", parts, start, start + HOUR)
    return number


def state(samples: Samples, period: float) -> tuple[int, ...] | None:
    """Number of the commit of each hour; None if an hour is not whole or has rows of two commits."""
    table = samples.values.reshape(-1, int(HOUR / period)) if len(samples) % int(HOUR / period) == 0 else None
    if table is None or not (table == table[:, :1]).all():
        return None
    return tuple(table[:, 0].tolist())


def read(archive: TelemetryArchive, done: Path) -> dict[str, int]:
    """Read both tables until the writer has ended and once more; an error counts as a wrong read."""
    reads = wrong = 0
    states: set[tuple[int, ...]] = set()
    last = False
    while not last:
        last = done.exists()
        try:
            snapshot = archive.snapshot()
            if len(snapshot.names()) < len(PERIODS):
                continue  # before the first commit
            a, b = (state(snapshot.read([name])[name], PERIODS[name]) for name in PERIODS)
        except Exception as error:
            if not wrong:
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
            a, b = None, None
        reads += 1
        wrong += a is None or a != b
        states.add(a or ())
    return {"reads": reads, "wrong": wrong, "states": len(states)}


def main(arguments: list[str]) -> None:
    role, url, root, done, hours = arguments
    with TelemetryArchive(url, Path(root)) as archive:
        if role == "write":
            found = {"commits": write(archive, int(hours))}
            Path(done).touch()
        else:
            found = read(archive, Path(done))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
