"""Stretches of time in exact nanoseconds: int64 arrays (n, 2), sorted, disjoint, half open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import SECOND, Samples, to_nanoseconds
from mta_assets.query.model import Period
from mta_assets.query.sources import FAR

Spans = NDArray[np.int64]
FAR_NS = int(FAR) * SECOND
EVER: Spans = np.array([[-FAR_NS, FAR_NS]], dtype=np.int64)
NONE: Spans = np.zeros((0, 2), np.int64)
MANY = 512  # spans that are read at once
MARGIN = 1e-6  # [s] more than what a float64 second may be off


def merged(spans: NDArray[np.int64]) -> Spans:
    """Sorted, with overlapping and touching ones made one, without empty ones."""
    kept = spans.reshape(-1, 2)
    kept = kept[kept[:, 1] > kept[:, 0]]
    if len(kept) < 2:
        return kept
    kept = kept[np.argsort(kept[:, 0], kind="stable")]
    reach = np.maximum.accumulate(kept[:, 1])
    first = np.concatenate([[True], kept[1:, 0] > reach[:-1]])
    last = np.concatenate([first[1:], [True]])
    return np.column_stack([kept[first, 0], reach[last]])


def common(a: Spans, b: Spans) -> Spans:
    """Times in both: every pair that overlaps, found by bisection."""
    if not len(a) or not len(b):
        return NONE
    low = np.searchsorted(b[:, 1], a[:, 0], side="right")
    high = np.searchsorted(b[:, 0], a[:, 1], side="left")
    count = np.maximum(high - low, 0)
    left = np.repeat(np.arange(len(a)), count)
    right = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(low, count)
    both = np.column_stack([np.maximum(a[left, 0], b[right, 0]), np.minimum(a[left, 1], b[right, 1])])
    return both[both[:, 1] > both[:, 0]]


def without(a: Spans, b: Spans) -> Spans:
    """Times in ``a`` that are not in ``b``."""
    edges = np.concatenate([[-FAR_NS], b.ravel(), [FAR_NS]])
    return common(a, merged(edges.reshape(-1, 2)))


def of_periods(periods: Iterable[Period]) -> Spans:
    """The periods of a query; none is ever."""
    given = [(-FAR if p.start is None else p.start, FAR if p.stop is None else p.stop) for p in periods]
    if not given:
        return EVER
    edges = np.clip(np.array(given, dtype=np.float64), -FAR, FAR)
    return merged(to_nanoseconds(edges.ravel()).reshape(-1, 2))


def of_samples(samples: Samples) -> Spans:
    """What intervals (observations, blocks) cover."""
    if samples.until is None:
        return NONE
    return merged(np.column_stack([samples.time, samples.until]))


def seconds(spans: Spans, before: int = 0, after: int = 0) -> Intervals:
    """As intervals for a source: widened [ns], and never smaller than they are for all the rounding."""
    wide = merged(np.column_stack([spans[:, 0] - before, spans[:, 1] + after]))
    out = wide / SECOND
    out[:, 0] -= MARGIN
    out[:, 1] += MARGIN
    return np.clip(out, -FAR, FAR)


def length(spans: Spans) -> float:
    """Summed length [s]."""
    return float(np.sum(spans[:, 1] / SECOND - spans[:, 0] / SECOND))  # int64 would not hold the whole of ever


def inside(spans: Spans, time: NDArray[np.int64]) -> slice | NDArray[np.bool_]:
    """Which of ascending times lie in the spans: a slice if they are one stretch."""
    low = np.searchsorted(time, spans[:, 0], side="left")
    high = np.searchsorted(time, spans[:, 1], side="left")
    if len(spans) == 1:
        return slice(int(low[0]), int(high[0]))
    step = np.zeros(len(time) + 1, np.int64)
    np.add.at(step, low, 1)
    np.add.at(step, high, -1)
    return np.cumsum(step[:-1]) > 0


def bridged(intervals: Intervals, gap: float) -> Intervals:
    """Intervals less than ``gap`` seconds apart made one."""
    if len(intervals) < 2:
        return intervals
    cut = np.flatnonzero(intervals[1:, 0] - intervals[:-1, 1] >= gap)
    return np.column_stack([intervals[np.append(0, cut + 1), 0], intervals[np.append(cut, -1), 1]])


def pieces(spans: Spans, longest: int, every: int = 0) -> Iterator[Spans]:
    """The spans in portions of about ``longest`` ns together, in order of time, at most `MANY` in one.

    With ``every`` a bin of so many ns never is in two portions.
    """
    longest = max(longest, every, 1)
    edges = spans.tolist()
    portion: list[tuple[int, int]] = []
    used = 0
    for i, (start, stop) in enumerate(edges):
        at = start
        while at < stop:
            end = min(at + max(longest - used, 1), stop)
            if end < stop and every:
                end = min(max(-(-end // every), at // every + 1) * every, stop)
            portion.append((at, end))
            used += end - at
            at = end
            following = at if at < stop else edges[i + 1][0] if i + 1 < len(edges) else None
            apart = not every or following is None or following // every > (at - 1) // every
            if apart and (used >= longest or len(portion) >= MANY):
                yield np.array(portion, np.int64)
                portion, used = [], 0
    if portion:
        yield np.array(portion, np.int64)
