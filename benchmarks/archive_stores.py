"""The same telemetry in our archive and in cheta's layout, built once for a run, and what both are measured with."""

from __future__ import annotations

import mmap
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.archive_data import DAY, EPOCH, FAST, SLOW, YEAR, Group, group
from benchmarks.cheta_layout import ChetaLayout, five_minutes
from benchmarks.measure import Row
from mta_assets.archive import telemetry_sql as sql
from mta_assets.archive.database import reading
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.core.samples import SECOND, Samples

Array = NDArray[Any]
EVENTS, RARE_EVERY = 456, 38  # events in the whole time, and which of them are the greatest: 12
MONTH = YEAR / 12  # [s]
WEEK = 7 * DAY  # [s]
ROUNDS = 9
SHORT = 0.1  # [s] what takes less is called once more before it counts
STRETCHES = 5  # different weeks that are asked for in turn
LARGE = 1 << 20  # [byte] NumPy and the allocator get new pages for arrays of about this size and more


@dataclass(frozen=True)
class Size:
    """How much of everything; the defaults are what was asked for, tests take less.

    Parameters
    ----------
    years
        Length of the mission.
    parameters
        At 32.8 s over all of it.
    fast_days
        Days at its end that there is a group at 1.025 s for.
    wide, wide_rows
        Parameters and rows of the wide table.
    msids, peer_msids
        Parameters of a playback, and those that are measured of the peer and scaled.
    hours
        Playbacks of the test of consistency.
    rounds
        Runs, of which the median counts.
    """

    years: float = 25.0
    parameters: int = 12
    fast_days: float = 35.0
    wide: int = 300
    wide_rows: int = 1_000_000
    msids: int = 3000
    peer_msids: int = 300
    hours: int = 24
    rounds: int = ROUNDS

    @property
    def span(self) -> float:
        """Length of the mission [s]."""
        return self.years * YEAR


class Stores:
    """Both stores below a folder, filled step by step.

    Parameters
    ----------
    folder
        Room for 2 GB.
    size
        How much.
    """

    def __init__(self, folder: Path, size: Size) -> None:
        self.size = size
        self.root = folder
        self.archive = TelemetryArchive(f"sqlite:///{folder / 'catalog.db'}", folder / "segments")
        self.peer = ChetaLayout(folder / "cheta")
        events = int(size.span / SLOW) // (EVENTS + 1) + 1
        # A low threshold finds all events of the first parameter, a high one the greatest of them.
        self.slow = group("SLOW", SLOW, size.parameters, 1, [(events, RARE_EVERY)])
        self.fast = group("FAST", FAST, 10, 100)
        self.seconds = {"ours": 0.0, "peer": 0.0}

    @cached_property
    def fast_first(self) -> int:
        """First row of the fast group."""
        return self.fast.rows_until(self.size.span - self.size.fast_days * DAY)

    def fill(self, which: Group, first: int, stop: int, raw: bool = True) -> None:
        """Put rows of a group into both stores: in ours as one source, as a year of playbacks ends after compaction."""
        rows = which.rows(first, stop - first, raw)
        start, end = rows.time[0] / SECOND, rows.time[-1] / SECOND
        began = time.perf_counter()
        self.archive.commit(f"{which.name}-{first:09d}", [rows], start, end)
        self.seconds["ours"] += time.perf_counter() - began
        bad = {name: flags != 0 for name, flags in rows.quality.items()}
        began = time.perf_counter()
        self.peer.append(which.name, rows.time, rows.values, bad, which.period)
        self.seconds["peer"] += time.perf_counter() - began

    def fill_slow(self, start: float, stop: float, step: float) -> None:
        """The slow group from one time of the mission to another [s], piece by piece."""
        edges = [*np.arange(start, stop - 1, step), stop]
        for low, high in pairwise(edges):
            self.fill(self.slow, self.slow.rows_until(low), self.slow.rows_until(high))

    def fill_fast(self) -> None:
        """The fast group, a week at a time."""
        stop, step = self.fast.rows_until(self.size.span), self.fast.rows_until(WEEK)
        for first in range(self.fast_first, stop, step):
            self.fill(self.fast, first, min(first + step, stop))

    def fill_peer_statistics(self) -> None:
        """The peer's 5-minute statistics of the first parameter."""
        name = self.names(self.slow, 1)[0]
        times, values, bad = self.peer.read(self.slow.name, [name], -np.inf, np.inf)[name]
        self.peer.append_statistics(self.slow.name, name, five_minutes(times[~bad], values[~bad]))

    @staticmethod
    def names(which: Group, count: int) -> list[str]:
        """The first parameters of a group."""
        return [signal.info.name for signal in which.signals[:count]]

    def files(self, name: str, start: float, stop: float) -> list[str]:
        """Our Parquet files that hold rows of a parameter's group in a time range, for others to read."""
        with reading(self.archive.engine) as connection:
            known = sql.groups_of(connection, name)[0]
            found = sql.segments(
                connection, known.id, "rows", int(start * SECOND), int(stop * SECOND), sql.head(connection)
            )
        return sorted({str(self.archive.root / segment.path) for segment in found})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.archive.close()


class Duck:
    """Plain DuckDB in this process, over an explicit list of files."""

    def __init__(self) -> None:
        import duckdb

        self.connection = duckdb.connect()

    def read(self, files: Sequence[str], names: Sequence[str], start: float, stop: float) -> Mapping[str, Array]:
        """Columns of a time range in order of time (DuckDB keeps the order of the files)."""
        columns = ", ".join(f'"{name}"' for name in ["time", *names])
        query = f"SELECT {columns} FROM read_parquet($files, union_by_name=true) WHERE time >= $low AND time < $high"
        bounds = {"files": list(files), "low": int(start * SECOND), "high": int(stop * SECOND)}
        found: dict[str, Array] = self.connection.execute(query, bounds).fetchnumpy()
        return found


def timings(
    functions: Mapping[str, Callable[[int], object]], rounds: int, stretches: int = 1
) -> dict[str, list[float]]:  # fmt: skip
    """Times of several runs of each function [s], which take turns.

    Each is called with the numbers from 0 to ``stretches`` − 1 in turn, so that it asks for something else than the
    time before; all of them once before it counts, so that every file was open before. What is short is called for the
    stretch before it once more, uncounted, when its turn comes: else what is measured is mostly how little the others
    have left of its code in the processor.
    """
    found: dict[str, list[float]] = {name: [] for name in functions}
    lasted = dict.fromkeys(functions, np.inf)
    for turn in range(stretches + rounds):
        for name, function in functions.items():
            if lasted[name] < SHORT and stretches > 1:
                function((turn - 1) % stretches)
            began = time.perf_counter()
            answer = function(turn % stretches)
            lasted[name] = time.perf_counter() - began
            del answer
            if turn >= stretches:
                found[name].append(lasted[name])
    return found


def medians(functions: Mapping[str, Callable[[int], object]], rounds: int, stretches: int = 1) -> dict[str, float]:
    """Median time of each function [s], see `timings`."""
    return {name: statistics.median(times) for name, times in timings(functions, rounds, stretches).items()}


def buffers(samples: Mapping[str, Samples]) -> list[Array]:
    """The arrays that an answer holds, shared ones once."""
    found = {}
    for each in samples.values():
        for array in (each.time, each.values, each.quality):
            if array is not None:
                found[array.__array_interface__["data"][0], array.nbytes] = array
    return list(found.values())


def copied(arrays: Sequence[Array]) -> list[Array]:
    """A plain copy of arrays into memory that is new to the process, as that of an answer is.

    Large arrays get new pages anyway; for small ones the allocator would hand out pages that are in use already.
    """
    out = []
    for array in arrays:
        if array.nbytes >= LARGE or not array.nbytes:
            out.append(np.copy(array))
            continue
        memory = mmap.mmap(-1, array.nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        new = np.frombuffer(memory, array.dtype, len(array))
        np.copyto(new, array)
        out.append(new)
    return out


def peer_row(what: str, ours: float, peer: str, theirs: float, least: float | None) -> Row:
    """Ours against a peer, in milliseconds."""
    ratio = theirs / ours
    required, reached = ("", None) if least is None else (f"≥ {least:g} ×", ratio >= least)
    return Row(what, ours * 1e3, "ms", peer, theirs * 1e3, ratio, required, reached)


def bound_row(what: str, ours: float, beside: str, other: float, most: float, unit: str = "ms") -> Row:
    """Ours as so many times of something that it may take at most ``most`` times of."""
    factor = 1e3 if unit == "ms" else 1.0
    ratio = ours / other
    return Row(what, ours * factor, unit, beside, other * factor, ratio, f"≤ {most:g} ×", ratio <= most)


def at(seconds: float) -> float:
    """Time [TT s since 1998.0] of so many seconds of the mission."""
    return EPOCH + seconds
