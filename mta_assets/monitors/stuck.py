"""Stuck sensors: raw counts that do not change for longer than noise allows.

Only parameters that a table row gives ``stuck_seconds`` are looked at. A quiet sensor whose noise is below one
count shows the same count for hours in good health, so there is no default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.monitors.limits import MAX_GAP


@dataclass(frozen=True)
class Stretch:
    """One stretch without change: first and last good sample (positions and times) and the samples in it."""

    first: int
    last: int
    tstart: float
    tstop: float
    count: int


def stuck(
    time: NDArray[Any], raw: NDArray[Any], bad: NDArray[Any] | None, seconds: float, max_gap: float = MAX_GAP
) -> list[Stretch]:
    """Stretches of the same raw count that last at least ``seconds``.

    Parameters
    ----------
    time
        (n,) TT seconds, increasing.
    raw
        (n,) raw counts.
    bad
        (n,) quality flags or booleans; samples that are not good are left out. None: all are good.
    seconds
        Length from which a stretch counts, > 0.
    max_gap
        A longer time without a good sample ends a stretch.
    """
    where = np.flatnonzero(np.asarray(bad) == 0) if bad is not None else np.arange(len(time))
    if len(where) < 2 or not seconds > 0:
        return []
    at, counts = time[where], raw[where]
    breaks = np.flatnonzero((counts[1:] != counts[:-1]) | (np.diff(at) > max_gap)) + 1
    first = np.concatenate([[0], breaks])
    last = np.concatenate([breaks, [len(where)]]) - 1
    long = np.flatnonzero((at[last] - at[first] >= seconds) & (last > first))
    return [
        Stretch(int(where[i]), int(where[j]), float(at[i]), float(at[j]), int(j - i + 1))
        for i, j in zip(first[long], last[long], strict=True)
    ]
