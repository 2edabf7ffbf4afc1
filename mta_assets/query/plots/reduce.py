"""Fewer points that look the same: least and greatest value of each column of pixels, states without slivers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.samples import SECOND, Array, Nanoseconds
from mta_assets.query.plots.series import Series, days_of

COLUMNS = 1000  # about one for each pixel of a panel

Points = tuple[NDArray[Any], NDArray[Any]]


def line_points(series: Series, columns: int = COLUMNS) -> Points:
    """x [day] and y of a line that breaks (NaN) where samples are missing.

    Of more samples than four in a column of pixels the line goes through the least and the greatest of each column.
    Values of intervals are level until their end.
    """
    if series.until is not None:
        return _steps(series, series.until)
    x, y = series.days, np.asarray(series.values, np.float64)
    cut = np.flatnonzero(np.diff(series.time) > series.gap_limit * SECOND) + 1
    if len(x) > 4 * columns:
        edges = np.unique(np.concatenate([_edges(x, columns), cut]))
        low, high = extremes(y, edges)
        x = np.repeat(x[edges], 2)
        y = np.column_stack([low, high]).ravel()
        cut = 2 * np.searchsorted(edges, cut)
    return np.insert(x, cut, x[cut]), np.insert(y, cut, np.nan)


def _steps(series: Series, until: Nanoseconds) -> Points:
    x = np.column_stack([series.days, days_of(until)]).ravel()
    y = np.repeat(np.asarray(series.values, np.float64), 2)
    cut = 2 * (np.flatnonzero(series.time[1:] > until[:-1]) + 1)
    return np.insert(x, cut, x[cut]), np.insert(y, cut, np.nan)


def _edges(x: NDArray[Any], columns: int) -> NDArray[np.int64]:
    """First sample of each column of pixels that has any."""
    found = np.searchsorted(x, np.linspace(x[0], x[-1], columns + 1)[:-1])
    return np.unique(found)


def extremes(values: Array, edges: NDArray[np.int64]) -> tuple[Array, Array]:
    """Least and greatest value from each edge to the next; what is no number is passed over."""
    return np.fmin.reduceat(values, edges), np.fmax.reduceat(values, edges)


def envelope_points(series: Series, columns: int = COLUMNS) -> tuple[Array, Array, Array]:
    """x [day], low and high of the envelope, reduced like a line; NaN where it breaks."""
    x = series.days
    low, high = np.asarray(series.low, np.float64), np.asarray(series.high, np.float64)
    cut = np.flatnonzero(np.diff(series.time) > series.gap_limit * SECOND) + 1
    if len(x) > 4 * columns:
        edges = np.unique(np.concatenate([_edges(x, columns), cut]))
        cut = np.searchsorted(edges, cut)
        low, high, x = np.fmin.reduceat(low, edges), np.fmax.reduceat(high, edges), x[edges]
    return np.insert(x, cut, x[cut]), np.insert(low, cut, np.nan), np.insert(high, cut, np.nan)


def spans(series: Series, is_there: NDArray[np.bool_], shortest: float) -> list[tuple[float, float]]:
    """Where a state lasts: (start [day], length), none shorter than ``shortest``, those nearer than it as one.

    A value lasts until the next sample, or half a gap limit where none follows.
    """
    if not is_there.any():
        return []
    x = series.days
    hold = min(series.gap_limit / 2, series.period or np.inf) / 86400
    ends = np.append(x[1:], x[-1] + (hold if np.isfinite(hold) else 0.0))
    if series.until is not None:
        ends = days_of(series.until)
    elif np.isfinite(series.gap_limit):
        ends = np.where(ends - x > series.gap_limit / 86400, x + hold, ends)
    starts, ends = x[is_there], ends[is_there]
    new = np.concatenate([[True], starts[1:] > ends[:-1] + shortest])
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(starts)) - 1
    lengths = np.maximum(np.maximum.accumulate(ends)[last] - starts[first], shortest)
    return list(zip(starts[first].tolist(), lengths.tolist(), strict=True))
