"""What the sources of the observing catalogue share: one state of it, and which intervals a query's times meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.observing import Observing
from mta_assets.archive.observing_read import NameSummary
from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import ParameterInfo, Samples, to_nanoseconds
from mta_assets.query.sources import FAR

BLOCK = 1 << 16  # [row] given out at once


class CatalogueState:
    """The observing catalogue as it stands when it is first asked: whatever is imported after is not seen."""

    def __init__(self, observing: Observing) -> None:
        self.observing = observing
        self._names: dict[str, dict[str, NameSummary]] = {}

    @cached_property
    def moment(self) -> float:
        """The newest import that is seen."""
        latest = self.observing.latest()
        return -FAR if latest is None else latest

    def at(self, as_of: float | None) -> float:
        """The moment that a question is about."""
        return self.moment if as_of is None else as_of

    def names(self, kind: str) -> dict[str, NameSummary]:
        """All names of a kind."""
        if kind not in self._names:
            self._names[kind] = self.observing.names(kind, self.moment)
        return self._names[kind]

    def summary(self, kind: str, name: str) -> NameSummary | None:
        """What is known of one name, without reading the others."""
        if kind in self._names:
            return self._names[kind].get(name)
        return self.observing.names(kind, self.moment, [name]).get(name)


def bounds(intervals: Intervals | None) -> tuple[float | None, float | None]:
    """First start and last stop of intervals; None where it is open."""
    if intervals is None or not len(intervals):
        return None, None
    first, last = float(np.min(intervals[:, 0])), float(np.max(intervals[:, 1]))
    return (first if first > -FAR else None), (last if last < FAR else None)


def edges(intervals: Intervals) -> NDArray[np.int64]:
    """Intervals in int64 ns (n, 2), in order."""
    clipped = np.clip(np.asarray(intervals, dtype=np.float64).reshape(-1, 2), -FAR, FAR)
    found = to_nanoseconds(clipped.ravel()).reshape(-1, 2)
    return found[np.argsort(found[:, 0], kind="stable")]


def meeting(time: NDArray[np.int64], until: NDArray[np.int64], intervals: Intervals | None) -> NDArray[np.bool_]:
    """Which of the intervals [time, until) have a moment in common with the asked ones, which are disjoint."""
    if intervals is None:
        return np.ones(len(time), dtype=bool)
    asked = edges(intervals)
    if not len(asked):
        return np.zeros(len(time), dtype=bool)
    first = np.searchsorted(asked[:, 1], time, side="right")  # the first one that ends after the start
    found = np.minimum(first, len(asked) - 1)
    return (first < len(asked)) & (asked[found, 0] < until)


def inside(time: NDArray[np.int64], intervals: Intervals | None) -> NDArray[np.bool_]:
    """Which times lie in the intervals, half open."""
    return meeting(time, time + 1, intervals)


def in_portions(samples: Mapping[str, Samples]) -> Iterator[Mapping[str, Samples]]:
    """Samples in order of time, a bounded number at once; an interval is where it starts.

    The samples are in memory already: catalogues are small, and it is what a query makes of them that grows.
    """
    if not samples:
        return
    starts = np.sort(np.concatenate([one.time for one in samples.values()]))
    cuts = np.unique(starts[BLOCK::BLOCK])
    cuts = cuts[cuts > starts[:1]]  # before the first start there is nothing
    for low, high in zip([None, *cuts.tolist()], [*cuts.tolist(), None], strict=True):
        yield {name: one.where(_between(one.time, low, high)) for name, one in samples.items()}


def _between(time: NDArray[np.int64], low: int | None, high: int | None) -> slice:
    first = 0 if low is None else int(np.searchsorted(time, low))
    return slice(first, len(time) if high is None else int(np.searchsorted(time, high)))


def span_of(entries: Sequence[NameSummary]) -> tuple[float, float] | None:
    """First and last time of names together; what still holds, holds until the end."""
    if not entries:
        return None
    stops = [FAR if entry.tstop is None else entry.tstop for entry in entries]
    return min(entry.tstart for entry in entries), max(stops)


def value_bytes(info: ParameterInfo, width: int) -> int:
    """Bytes of a sample with its time and its end."""
    return 16 + (4 * max(width, 1) if info.dtype.startswith("U") else np.dtype(info.dtype).itemsize)
