"""Edges of what is asked of the telemetry archive: seconds as nanoseconds, open where there can be no rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mta_assets.core.errors import BadData
from mta_assets.core.samples import SECOND, nanosecond

BEGINNING, END = -(2**62), 2**62  # [ns]


def bounds(start: float | None, stop: float | None) -> tuple[int, int]:
    """Both edges [ns] of an interval [TT s since 1998.0]; None is open."""
    return BEGINNING if start is None else edge(start), END if stop is None else edge(stop)


def edge(time: float) -> int:
    """An edge [ns]; one beyond all rows that there can be is open.

    Raises
    ------
    BadData
        If it is no time.
    """
    if math.isnan(time):
        raise BadData("an edge of the interval is no time (NaN); expected TT seconds since 1998.0, None if it is open")
    if abs(time) >= END // SECOND:
        return END if time > 0 else BEGINNING
    return nanosecond(time)


def cuts(found: Sequence[tuple[int, int, int]], low: int, high: int, rows: int) -> list[int]:
    """Instants [ns] that cut a stretch into blocks of about so many rows, its ends included.

    Parameters
    ----------
    found
        Start, stop and rows of all segments that meet the stretch.
    """
    if not found:
        return [low, high]
    first, last = max(low, min(start for start, _, _ in found)), min(high, max(stop for _, stop, _ in found))
    pieces = max(1, -(-sum(count for _, _, count in found) // rows))
    ends = np.array(sorted((stop, count) for _, stop, count in found))
    level = np.searchsorted(np.cumsum(ends[:, 1]), np.arange(1, pieces) * ends[:, 1].sum() / pieces)
    inner = sorted({int(t) for t in ends[level, 0]} - {first, last})
    if len(found) < pieces:  # segments larger than a block are cut evenly
        inner = np.linspace(first, last, pieces + 1)[1:-1].astype(np.int64).tolist()
    return [first, *(t for t in inner if first < t < last), last]
