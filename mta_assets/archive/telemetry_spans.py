"""Edges of what is asked of the telemetry archive: seconds as nanoseconds, open where there can be no rows."""

from __future__ import annotations

import math

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
