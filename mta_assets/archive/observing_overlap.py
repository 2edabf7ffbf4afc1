"""Intervals that overlap, made disjoint: at each time one value holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def disjoint(
    start: NDArray[np.int64], stop: NDArray[np.int64], rank: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Pieces of intervals such that each time is in at most one.

    Where several hold, the one of the highest rank (the newest import) wins, among those the one that starts last:
    what it covered goes on after it.

    Parameters
    ----------
    start, stop
        Half-open intervals in any order, shape (n,).
    rank
        Of each interval.

    Returns
    -------
    start, stop, index
        Pieces in order of time and the interval that each is of. An interval that nothing overlaps is one piece.
    """
    order = np.argsort(start, kind="stable")
    if len(order) < 2 or (stop[order][:-1] <= start[order][1:]).all():
        return start[order], stop[order], order
    edges = np.unique(np.concatenate([start, stop]))
    first, last = np.searchsorted(edges, start), np.searchsorted(edges, stop)
    winner = np.full(len(edges), -1)
    # Painted over each other from the lowest to the highest: intervals are few, the edges between them are slices.
    for index in np.lexsort((start, rank)).tolist():
        winner[first[index] : last[index]] = index
    begin = np.flatnonzero(np.concatenate([[True], winner[1:] != winner[:-1]]))
    end = np.append(begin[1:], len(edges) - 1)
    kept = winner[begin] >= 0
    return edges[begin[kept]], edges[end[kept]], winner[begin[kept]]
