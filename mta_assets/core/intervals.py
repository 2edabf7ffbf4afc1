"""Good-time-interval algebra on sorted, disjoint, half-open intervals.

Intervals are float64 arrays of shape (n, 2): start and stop in TT seconds since 1998.0 TT.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Intervals = NDArray[np.float64]

EMPTY: Intervals = np.zeros((0, 2))


def normalise(intervals: ArrayLike) -> Intervals:
    """Sorted, merged (touching ones too), without empty ones."""
    array = np.asarray(intervals, dtype=np.float64).reshape(-1, 2)
    array = array[array[:, 1] > array[:, 0]]
    if len(array) < 2:
        return array
    array = array[np.argsort(array[:, 0], kind="stable")]
    reach = np.maximum.accumulate(array[:, 1])
    first = np.concatenate([[True], array[1:, 0] > reach[:-1]])
    last = np.concatenate([first[1:], [True]])
    return np.column_stack([array[first, 0], reach[last]])


def union(a: ArrayLike, b: ArrayLike) -> Intervals:
    """Times in either."""
    return normalise(np.vstack([np.asarray(a, float).reshape(-1, 2), np.asarray(b, float).reshape(-1, 2)]))


def joined(intervals: ArrayLike, gap: float) -> Intervals:
    """`normalise`, with neighbours made one that are at most ``gap`` [s] apart."""
    array = normalise(intervals)
    if len(array) < 2:
        return array
    apart = array[1:, 0] - array[:-1, 1] > gap
    return np.column_stack([array[np.append(True, apart), 0], array[np.append(apart, True), 1]])


def intersect(a: ArrayLike, b: ArrayLike) -> Intervals:
    """Times in both."""
    left, right = normalise(a), normalise(b)
    if not len(left) or not len(right):
        return EMPTY.copy()
    edges = np.unique(np.concatenate([left.ravel(), right.ravel()]))
    middle = (edges[:-1] + edges[1:]) / 2
    inside = contains(left, middle) & contains(right, middle)
    return normalise(np.column_stack([edges[:-1][inside], edges[1:][inside]]))


def subtract(a: ArrayLike, b: ArrayLike) -> Intervals:
    """Times in ``a`` that are not in ``b``."""
    left, right = normalise(a), normalise(b)
    if not len(left) or not len(right):
        return left
    low = min(left[0, 0], right[0, 0])
    high = max(left[-1, 1], right[-1, 1])
    outside = np.column_stack([np.append(low, right[:, 1]), np.append(right[:, 0], high)])
    return intersect(left, outside)


def contains(intervals: ArrayLike, times: ArrayLike) -> NDArray[np.bool_]:
    """For each time, whether it lies in one of the intervals (start included, stop not)."""
    gti = normalise(intervals)
    at = np.asarray(times, dtype=np.float64)
    if not len(gti):
        return np.zeros(at.shape, dtype=bool)
    index = np.searchsorted(gti[:, 0], at, side="right") - 1
    return (index >= 0) & (at < gti[np.maximum(index, 0), 1])


def total(intervals: ArrayLike) -> float:
    """Summed length in seconds."""
    gti = normalise(intervals)
    return float(np.sum(gti[:, 1] - gti[:, 0]))


def from_samples(times: ArrayLike, period: float, tolerance: float = 0.5) -> Intervals:
    """Intervals covered by samples that each stand for ``period`` seconds from their time on.

    A step of more than ``(1 + tolerance) * period`` ends an interval.
    """
    at = np.asarray(times, dtype=np.float64)
    if not len(at):
        return EMPTY.copy()
    cut = np.flatnonzero(np.diff(at) > (1 + tolerance) * period)
    starts = at[np.concatenate([[0], cut + 1])]
    stops = at[np.concatenate([cut, [len(at) - 1]])] + period
    return np.column_stack([starts, stops])
