"""Reading what a plan needs: one read of each source for a part of the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import ParameterInfo, Samples, to_nanoseconds
from mta_assets.query import spans
from mta_assets.query.plan import Plan, estimate
from mta_assets.query.resolve import Resolved
from mta_assets.query.sources import FAR
from mta_assets.query.spans import Spans

KEPT = 1 << 26  # [byte] of samples that are kept after reading
SKIPPED = 8192  # [sample] that are better read than left out


@dataclass
class Reader:
    """Reads for one plan, part by part. What lies around events was read to find them: the last read, if it is small,
    is kept, and what lies within it is taken from there."""

    plan: Plan
    _times: Intervals | None = None
    _found: dict[str, Samples] = field(default_factory=dict)

    def read(self, names: Sequence[str], part: Spans, beside: int = 0) -> dict[str, Samples]:
        """Samples by name as written (upper case), in the part of the time, ``beside`` [ns] before and after it, and in
        what lies between spans that are near each other: reading on is cheaper than beginning anew."""
        if not len(part):
            return {name: empty(self.plan.names[name].info) for name in names}
        periods = [self.plan.names[name].info.period for name in names]
        gap = SKIPPED * min((period for period in periods if period > 0), default=0.0)
        times = spans.bridged(spans.seconds(part, beside, beside), gap)
        if self._has(names, times):
            own = to_nanoseconds(times.ravel()).reshape(-1, 2)
            return {name: self._found[name].where(spans.inside(own, self._found[name].time)) for name in names}
        found = _from_sources(self.plan, names, times)
        small = sum(one.values.nbytes + one.time.nbytes for one in found.values()) <= KEPT
        if small and all(one.until is None for one in found.values()):
            self._times, self._found = times, found
        return found

    def _has(self, names: Sequence[str], times: Intervals) -> bool:
        if self._times is None or not set(names) <= set(self._found):
            return False
        at = np.minimum(np.searchsorted(self._times[:, 1], times[:, 0], side="right"), len(self._times) - 1)
        return bool(np.all((self._times[at, 0] <= times[:, 0]) & (self._times[at, 1] >= times[:, 1])))


def read_exactly(plan: Plan, names: Sequence[str]) -> dict[str, Samples]:
    """Samples in the query's own periods, half open, as the sources give them."""
    if not len(plan.span):
        return {name: empty(plan.names[name].info) for name in names}
    return _from_sources(plan, names, plan.span / spans.SECOND)


def _from_sources(plan: Plan, names: Sequence[str], times: np.ndarray) -> dict[str, Samples]:
    raw = any(column.is_raw for column in plan.columns)
    found: dict[tuple[int, str], Samples] = {}
    for source, own in plan.by_source(names):
        got = source.read(own, times, raw=raw, as_of=plan.query.as_of)
        found.update(((id(source), name), samples) for name, samples in got.items())
    return {name: found.get(_key(plan.names[name])) or empty(plan.names[name].info) for name in names}


def _key(resolved: Resolved) -> tuple[int, str]:
    return id(resolved.source), resolved.name


def empty(info: ParameterInfo) -> Samples:
    """No samples of a parameter."""
    return Samples(info, np.zeros(0, np.int64), np.zeros(0, np.dtype(info.dtype)))


def bounded(plan: Plan, names: Sequence[str], span: Spans) -> Spans:
    """The span without the open ends where there is no data of any of the names."""
    if not len(span) or (span[0, 0] > -spans.FAR_NS and span[-1, 1] < spans.FAR_NS):
        return span
    edges = [source.span(own) for source, own in plan.by_source(names)]
    found = [edge for edge in edges if edge is not None]
    if not found:
        return spans.NONE
    low = max(np.floor(min(first for first, _ in found)) - 1, -FAR)
    high = min(np.ceil(max(last for _, last in found)) + 1, FAR)
    return spans.common(span, np.array([[int(low) * spans.SECOND, int(high) * spans.SECOND]], np.int64))


def byte_rate(plan: Plan, names: Sequence[str], span: Spans) -> tuple[float, float]:
    """Rows and bytes for each second of the span: of the nominal periods, or as the sources estimate."""
    infos = [plan.names[name].info for name in names]
    if all(info.period > 0 for info in infos):
        rows = sum({plan.names[name].timeline: 1 / plan.names[name].info.period for name in names}.values())
        size = sum((8 + np.dtype(info.dtype).itemsize) / info.period for info in infos)
        return rows, size
    rows, size = estimate(plan.by_source(names), span)
    return rows / max(spans.length(span), 1.0), size / max(spans.length(span), 1.0)
