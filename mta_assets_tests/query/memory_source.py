"""A source of parameters that are held in memory: what the runner is tested against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import SECOND, ParameterInfo, Samples, to_nanoseconds
from mta_assets.core.statistics import WIDTHS, Statistics


def samples(name: str, times: Any, values: Any, **facts: Any) -> Samples:
    """Samples at times in seconds; ``quality``, ``raw`` and ``until`` as arrays, the rest for the `ParameterInfo`."""
    array = np.asarray(values)
    quality, raw, until = (facts.pop(key, None) for key in ("quality", "raw", "until"))
    info = ParameterInfo(name, dtype=array.dtype.str.lstrip("<>|="), **facts)
    return Samples(
        info,
        to_nanoseconds(times),
        array,
        None if quality is None else np.asarray(quality, np.uint8),
        None if raw is None else np.asarray(raw),
        None if until is None else to_nanoseconds(until),
    )


class MemorySource:
    """Samples by name. ``reads`` records what was read, (names, intervals)."""

    def __init__(self, *given: Samples, label: str = "memory") -> None:
        self.label = label
        self.given = {one.info.name.upper(): one for one in given}
        self.reads: list[tuple[tuple[str, ...], Intervals | None]] = []

    def names(self) -> Sequence[str]:
        return [one.info.name for one in self.given.values()]

    def info(self, name: str) -> ParameterInfo | None:
        one = self.given.get(name.upper())
        return None if one is None else one.info

    def read(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Mapping[str, Samples]:
        self.reads.append((tuple(names), intervals))
        return {name: self._read(name, intervals) for name in names}

    def _read(self, name: str, intervals: Intervals | None) -> Samples:
        one = self.given[name.upper()]
        if intervals is None:
            return one
        edges = to_nanoseconds(np.asarray(intervals, float).ravel()).reshape(-1, 2)
        end = one.time + 1 if one.until is None else one.until
        keep = (
            np.any([(one.time < b) & (end > a) for a, b in edges], axis=0) if len(edges) else np.zeros(len(one), bool)
        )
        return one.where(keep)

    def blocks(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Iterator[Mapping[str, Samples]]:
        yield self.read(names, intervals, raw, as_of)

    def span(self, names: Sequence[str]) -> tuple[float, float] | None:
        some = [one for name in names if len(one := self.given[name.upper()])]
        if not some:
            return None
        ends = [one.time[-1] if one.until is None else one.until.max() for one in some]
        return min(one.time[0] for one in some) / SECOND, max(ends) / SECOND

    def estimate(self, names: Sequence[str], intervals: Intervals | None) -> tuple[int, int]:
        rows = [len(self._read(name, intervals)) for name in names]
        return max(rows, default=0), sum(16 * n for n in rows)


class SummarySource(MemorySource):
    """The same with statistics; ``asked`` records the widths."""

    def __init__(self, *given: Samples, label: str = "memory") -> None:
        super().__init__(*given, label=label)
        self.asked: list[str] = []

    def statistics(
        self, name: str, width: str, start: float, stop: float, as_of: float | None = None,
        columns: Sequence[str] | None = None, cut: bool = False,
    ) -> Statistics | None:  # fmt: skip
        self.asked.append(width)
        one, step = self.given[name.upper()], WIDTHS[width]
        one = one.where(~one.bads)
        low, high = to_nanoseconds(np.array([start, stop]))
        if cut:
            one = one.where((one.time >= low) & (one.time < high))
        bucket = one.time // (step * SECOND)
        there = [b for b in np.unique(bucket) if cut or (b * step >= start and (b + 1) * step <= stop)]
        rows = [one.values[bucket == b] for b in there]
        per = {how: np.array([getattr(np, how)(row) for row in rows], float) for how in ("min", "max", "mean", "std")}
        return Statistics(
            one.info, step, np.array(there, np.int64), np.array([len(row) for row in rows], np.int64), per["min"],
            per["max"], per["mean"], per["mean"], per["std"], np.array([row[0] for row in rows]),
            np.array([row[-1] for row in rows]),
        )  # fmt: skip
