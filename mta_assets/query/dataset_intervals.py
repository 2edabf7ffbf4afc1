"""Intervals of samples: how long each state lasted, when a condition held, and intervals in the forms people have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.intervals import Intervals, normalise
from mta_assets.core.samples import Array, to_nanoseconds
from mta_assets.query.utc import as_seconds, to_texts

GAP_PERIODS = 3.0  # periods without a sample that end an interval: nobody knows what the value was

PAIRS = (("tstart", "tstop"), ("datestart", "datestop"), ("start", "stop"))


def bounds_of(intervals: Any) -> Intervals:
    """Intervals (n, 2) [TT s since 1998.0], sorted and merged, from any of their usual forms.

    Parameters
    ----------
    intervals
        Pairs of dates, a table (astropy, pandas, dict of columns) with columns ``tstart`` and ``tstop`` or
        ``datestart`` and ``datestop``, or objects with such attributes.

    Raises
    ------
    ValueError
        If it is none of these, or an interval ends before it begins.
    """
    names = getattr(intervals, "colnames", None) or getattr(intervals, "columns", None)
    if names is None and hasattr(intervals, "keys"):
        names = list(intervals.keys())
    if names is not None:
        first, last = _pair([str(name) for name in names])
        rows = list(zip(intervals[first], intervals[last], strict=True))
    elif isinstance(intervals, np.ndarray) and intervals.ndim == 2 and intervals.shape[1] == 2:
        rows = [tuple(row) for row in intervals.tolist()]
    else:
        rows = [_ends(item) for item in intervals]
    pairs = np.array([(as_seconds(_plain(a)), as_seconds(_plain(b))) for a, b in rows], float).reshape(-1, 2)
    backward = np.flatnonzero(~(pairs[:, 1] >= pairs[:, 0]))
    if len(backward):
        raise ValueError(f"interval {backward[0]} ends at {rows[backward[0]][1]}, before {rows[backward[0]][0]}")
    return normalise(pairs)


def _pair(names: list[str]) -> tuple[str, str]:
    for first, last in PAIRS:
        if first in names and last in names:
            return first, last
    raise ValueError(f"intervals with columns {', '.join(names)}: expected tstart and tstop, or datestart and datestop")


def _ends(item: Any) -> tuple[Any, Any]:
    for first, last in PAIRS:
        if hasattr(item, first) and hasattr(item, last):
            return getattr(item, first), getattr(item, last)
    if isinstance(item, list | tuple | np.ndarray) and len(item) == 2:
        return item[0], item[1]
    raise ValueError(f"{item!r} is no interval: expected (start, stop)")


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, np.str_) else value


def runs(times: NDArray[np.float64], values: Array, period: float, max_gap: float) -> tuple[Array, Array, Array]:
    """Start, stop and first index of each run of equal values.

    The border between two runs lies half-way between their samples; at a step of more than ``max_gap`` seconds, and
    at both ends, half a period beside the sample.
    """
    if not len(times):
        return np.zeros(0), np.zeros(0), np.zeros(0, np.int64)
    gap = np.diff(times) > max_gap
    cut = np.flatnonzero(gap | (values[1:] != values[:-1]))
    first = np.concatenate([[0], cut + 1])
    last = np.concatenate([cut, [len(times) - 1]])
    middle = (times[cut] + times[cut + 1]) / 2
    half = period / 2
    starts = np.concatenate([[times[0] - half], np.where(gap[cut], times[cut + 1] - half, middle)])
    stops = np.concatenate([np.where(gap[cut], times[cut] + half, middle), [times[last[-1]] + half]])
    return starts, stops, first


def complete(starts: Array, stops: Array) -> NDArray[np.bool_]:
    """Runs that have a neighbour at both sides, so that both their borders were seen."""
    touches = starts[1:] == stops[:-1]
    return np.concatenate([[False], touches]) & np.concatenate([touches, [False]]) if len(starts) else touches


def interval_table(starts: Array, stops: Array, **columns: Array) -> Any:
    """astropy Table of intervals: datestart, datestop, duration, tstart, tstop, and what else is given."""
    from astropy.table import Table

    dates = [to_texts(to_nanoseconds(edge)) if len(edge) else np.zeros(0, "U23") for edge in (starts, stops)]
    table = Table(
        [*dates, stops - starts, starts, stops], names=("datestart", "datestop", "duration", "tstart", "tstop")
    )
    for name in ("duration", "tstart", "tstop"):
        table[name].unit = "s"
    for name, values in columns.items():
        table[name] = values
    return table
