"""Which detections are the same source: neighbours on the sky, and groups of them.

Detections are put into cells of a cube around the celestial sphere, whose side is the search radius: a neighbour
lies in one of 27 cells, so that the work grows with the number of pairs, not with the square of the detections, and
no place is special (poles, 0 h). All pairs of two cells are made at once from sorted cell numbers; no loop goes over
pairs or detections.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.errors import BadData

Array = NDArray[np.float64]
Index = NDArray[np.int64]
ARCSEC = np.pi / 180 / 3600  # [rad]
WIDEST = 3600.0  # [arcsec] of a search: beyond, the chord is no angle any more
BITS = 21  # of a cell number along one axis: 2 million cells, of 0.2 arcsec at least


def directions(ra: ArrayLike, dec: ArrayLike) -> Array:
    """Unit vectors, shape (n, 3), of right ascension and declination [deg]."""
    a, d = np.radians(np.asarray(ra, float)), np.radians(np.asarray(dec, float))
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


def pairs(first: Array, second: Array, radius: float) -> tuple[Index, Index, Array]:
    """Pairs of directions of two lists that are at most ``radius`` arcsec apart.

    Parameters
    ----------
    first, second
        Unit vectors, shapes (n, 3) and (m, 3).

    Returns
    -------
    i, j
        Index in either list, sorted by i and distance.
    distance
        [arcsec]

    Raises
    ------
    BadData
        If a direction is no number, or the radius none that can be searched.
    """
    if not 0 < radius <= WIDEST:
        raise BadData(f"search radius {radius} arcsec: expected more than 0 and at most {WIDEST:.0f}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise BadData("a source has a position that is no number: see the source list that it comes from")
    side = max(2 * np.sin(radius * ARCSEC / 2) * (1 + 1e-9), 2.0**-BITS * 4)
    cells = _cells(second, side)
    order = np.argsort(cells, kind="stable")
    sorted_ = cells[order]
    home = np.floor((first + 1) / side).astype(np.int64) + 1
    found_i, found_j = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for step in itertools.product((-1, 0, 1), repeat=3):  # 27 cells
        wanted = _number(home + np.array(step))
        low, high = np.searchsorted(sorted_, wanted), np.searchsorted(sorted_, wanted, side="right")
        many = high - low
        i = np.repeat(np.arange(len(first)), many)
        within = np.arange(len(i)) - np.repeat(np.cumsum(many) - many, many)
        found_i.append(i)
        found_j.append(order[np.repeat(low, many) + within])
    i, j = np.concatenate(found_i), np.concatenate(found_j)
    chord = np.linalg.norm(first[i] - second[j], axis=1)
    distance = 2 * np.arcsin(np.minimum(chord / 2, 1)) / ARCSEC
    near = distance <= radius
    i, j, distance = i[near], j[near], distance[near]
    best = np.lexsort((j, distance, i))
    return i[best], j[best], distance[best]


def _cells(vectors: Array, side: float) -> Index:
    return _number(np.floor((vectors + 1) / side).astype(np.int64) + 1)


def _number(cell: Index) -> Index:
    return np.asarray((cell[..., 0] << (2 * BITS)) | (cell[..., 1] << BITS) | cell[..., 2])


def mutual(i: Index, j: Index, measure: Array) -> NDArray[np.bool_]:
    """Pairs that are the best of both of their members (smallest ``measure``)."""
    order = np.argsort(measure, kind="stable")
    best_i = np.zeros(len(i), bool)
    best_j = np.zeros(len(i), bool)
    best_i[order[np.unique(i[order], return_index=True)[1]]] = True
    best_j[order[np.unique(j[order], return_index=True)[1]]] = True
    return best_i & best_j


def groups(number: int, i: Index, j: Index) -> Index:
    """Number of the group of each of ``number`` members, from 0, if pairs (i, j) belong together.

    Each takes the smallest number among its neighbours, and then the number's own number, until nothing changes: a
    handful of rounds, whatever the groups' shape.
    """
    label = np.arange(number)
    while len(i):
        low = np.minimum(label[i], label[j])
        new = label.copy()
        np.minimum.at(new, label[i], low)
        np.minimum.at(new, label[j], low)
        new = new[new]
        if np.array_equal(new, label):
            break
        label = new
    return np.unique(label, return_inverse=True)[1].astype(np.int64)
