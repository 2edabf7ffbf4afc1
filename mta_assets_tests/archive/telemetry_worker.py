"""Two groups of rows that are a function of their source and a counter, and what the archive must answer for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mta_assets.archive.telemetry_read import Snapshot
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.samples import ParameterInfo, to_nanoseconds

SOURCES = 8
STEP = 6 * 3600.0  # [s] from the start of one source to that of the next
LENGTH = 8 * 3600.0  # [s] of a source: it shares two hours with the next one
PERIODS = {"FASTENG": 60.0, "SLOWENG": 328.0}  # [s]
COUNT = {"FASTENG": "FASTCNT", "SLOWENG": "SLOWCNT"}
WAVE = {"FASTENG": "FASTTEMP", "SLOWENG": "SLOWTEMP"}
BAD = (30_000.0, 90_000.0)  # [s] where the temperature of the slow group is declared bad, if it is


@dataclass(frozen=True)
class Expected:
    """What the archive holds: counter of each source, and whether the correction stands."""

    counters: tuple[tuple[str, int], ...] = ()
    corrected: bool = False

    def put(self, source: str, counter: int | None) -> Expected:
        """After a commit of the source, or its withdrawal."""
        counters = {**dict(self.counters)}
        counters.pop(source, None)
        if counter is not None:
            counters[source] = counter
        return Expected(tuple(sorted(counters.items())), self.corrected)


def name_of(number: int) -> str:
    return f"s{number}"


def rows_of(source: str, counter: int) -> list[GroupRows]:
    """The rows of one commit. Sources with numbers of one parity share their times; a repeat may be shorter."""
    number = int(source[1:])
    length = LENGTH - 1800.0 * (counter % 3)
    found = []
    for group, period in PERIODS.items():
        first = number * STEP // period * period
        times = np.arange(first, first + length, period) + 7.0 * (number % 4 // 2)
        infos = (ParameterInfo(COUNT[group], group, "i8"), ParameterInfo(WAVE[group], group, "f8", "K"))
        values = {COUNT[group]: np.full(len(times), counter), WAVE[group]: np.cos(times / 5e3) + counter}
        found.append(GroupRows(group, infos, to_nanoseconds(times), values, period=period))
    return found


def answer(expected: Expected) -> dict[str, bytes]:
    """What a snapshot must say, computed without the archive: of one time, the source of the smallest name wins."""
    found = {}
    for place, group in enumerate(PERIODS):
        cells: dict[int, tuple[int, float]] = {}
        for source, counter in reversed(expected.counters):
            rows = rows_of(source, counter)[place]
            columns = rows.values[COUNT[group]].tolist(), rows.values[WAVE[group]].tolist()
            cells.update(zip(rows.time.tolist(), zip(*columns, strict=True), strict=True))
        time = np.array(sorted(cells), np.int64)
        bads = np.zeros(len(time), bool)
        if expected.corrected and group == "SLOWENG":
            low, high = to_nanoseconds(BAD)
            bads = (time >= low) & (time < high)
        counts, waves = (np.array([cells[int(t)][i] for t in time]) for i in (0, 1))
        found[COUNT[group]] = _bytes(time, counts.astype(np.int64), np.zeros(len(time), bool))
        found[WAVE[group]] = _bytes(time, waves.astype(np.float64), bads)
    return found


def read(snapshot: Snapshot) -> dict[str, bytes]:
    """What a snapshot says, in the form of `answer`."""
    names = [*COUNT.values(), *WAVE.values()]
    there = [name for name in names if snapshot.info(name) is not None]
    samples = snapshot.read(there) if there else {}
    nothing = _bytes(*(np.zeros(0, kind) for kind in (np.int64, np.int64, bool)))
    return {n: _bytes(samples[n].time, samples[n].values, samples[n].bads) if n in samples else nothing for n in names}


def _bytes(*arrays: Any) -> bytes:
    return b"|".join(array.tobytes() for array in arrays)


def differences(found: Mapping[str, bytes], expected: Mapping[str, bytes]) -> list[str]:
    """Parameters that do not say what they must."""
    return [name for name in expected if found[name] != expected[name]]
