"""The telemetry archive as a source of queries: one snapshot for all that a query reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_columns import COLUMNS
from mta_assets.archive.telemetry_read import Snapshot
from mta_assets.core.intervals import Intervals, total
from mta_assets.core.samples import ParameterInfo, Samples
from mta_assets.core.statistics import Statistics
from mta_assets.query.sources import FAR, Width

ASKED = 20  # intervals that are estimated one by one; of more, the share of the whole


class TelemetrySource:
    """Parameters of an archive as it stands when the source is first asked. Made for one query."""

    label = "telemetry"

    def __init__(self, archive: TelemetryArchive) -> None:
        self.archive = archive
        self._snapshots: dict[float | None, Snapshot] = {}

    def _at(self, as_of: float | None = None) -> Snapshot:
        if as_of not in self._snapshots:
            self._snapshots[as_of] = self.archive.snapshot(as_of)
        return self._snapshots[as_of]

    def transaction(self, as_of: float | None = None) -> int:
        """Number of the newest transaction that is read: what a file says of the state of the archive."""
        return self._at(as_of).transaction

    @property
    def notes(self) -> list[str]:
        """What could not be served, damaged segments for example."""
        return list(dict.fromkeys(text for snapshot in self._snapshots.values() for text in snapshot.warnings))

    def names(self) -> Sequence[str]:
        """All parameters."""
        return self._at().names()

    def info(self, name: str) -> ParameterInfo | None:
        """What is known of a parameter; None if the archive does not have it."""
        return self._at().info(name)

    def read(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Mapping[str, Samples]:
        """Samples in the intervals, half open; None is everything."""
        snapshot = self._at(as_of)
        if intervals is None:
            return snapshot.read(names, raw=raw)
        if len(intervals) != 1:
            return snapshot.read_intervals(names, intervals, raw)
        start, stop = _edge(intervals[0, 0]), _edge(intervals[0, 1])
        return snapshot.read(names, start, stop, raw)

    def blocks(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Iterator[Mapping[str, Samples]]:
        """The same in order of time, some at once."""
        snapshot = self._at(as_of)
        for start, stop in [(None, None)] if intervals is None else [(_edge(a), _edge(b)) for a, b in intervals]:
            yield from snapshot.blocks(names, start, stop, raw)

    def span(self, names: Sequence[str]) -> tuple[float, float] | None:
        """First and last time that there are rows for any of the names."""
        return self._at().span(names)

    def estimate(self, names: Sequence[str], intervals: Intervals | None) -> tuple[int, int]:
        """Upper bounds of rows and bytes, from the catalog."""
        snapshot = self._at()
        if intervals is None or not len(intervals):
            return snapshot.estimate(names, None, None) if intervals is None else (0, 0)
        if len(intervals) > ASKED:
            low, high = float(intervals[0, 0]), float(intervals[-1, 1])
            rows, size = snapshot.estimate(names, _edge(low), _edge(high))
            share = min(total(intervals) / (high - low), 1.0)
            return int(rows * share) + len(intervals), int(size * share) + len(intervals)
        found = [snapshot.estimate(names, _edge(start), _edge(stop)) for start, stop in intervals]
        return sum(rows for rows, _ in found), sum(size for _, size in found)

    def statistics(
        self, name: str, width: Width, start: float, stop: float, as_of: float | None = None,
        columns: Sequence[str] | None = None, cut: bool = False,
    ) -> Statistics | None:  # fmt: skip
        """Roll-ups of the whole buckets in [start, stop), and of those that the edges cut, if they are wanted."""
        low, high, own = _edge(start), _edge(stop), columns is not None
        return self._at(as_of).statistics(name, width, low, high, columns or COLUMNS, cut=cut, own_type=own)


def _edge(time: float) -> float | None:
    """An open edge of an interval is None for the archive."""
    return None if not np.isfinite(time) or abs(time) >= FAR else float(time)
