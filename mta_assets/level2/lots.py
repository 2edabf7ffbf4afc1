"""Sources that have to be measured together, because points lie near several of them, and lots of a bearable size.

Measuring takes some twenty numbers for each pair of point and source at once; a lot after another it takes them for
the pairs of one lot.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]
LOT = 1 << 16  # pairs in a lot, unless sources that belong together have more


def lots(point: Index, source: Index, sources: int) -> Index:
    """Number of the lot, from 0, of each of ``sources`` sources.

    Parameters
    ----------
    point, source
        Pairs of points and the sources that they are near to.
    """
    group = groups(point, source, sources)
    pairs = np.bincount(group[source], minlength=sources)
    _, lot = np.unique((np.cumsum(pairs) - pairs)[group] // LOT, return_inverse=True)
    return np.asarray(lot, np.int64)


def groups(point: Index, source: Index, sources: int) -> Index:
    """For each source the first of those that it hangs together with, over shared points or over other sources."""
    first = np.zeros(int(point.max(initial=-1)) + 1, np.int64)
    first[point[::-1]] = source[::-1]
    other = first[point]
    shared = np.flatnonzero(other != source)
    one, two = np.divmod(np.unique(other[shared] * sources + source[shared]), max(sources, 1))
    group = np.arange(sources)
    while True:  # as many rounds as the longest chain of neighbours has links, at most
        least = np.minimum(group[one], group[two])
        after = group.copy()
        np.minimum.at(after, one, least)
        np.minimum.at(after, two, least)
        if np.array_equal(after, group):
            return group
        group = after
