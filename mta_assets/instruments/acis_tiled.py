"""TDET, the tiled detector plane of ACIS: the ten chips side by side in one integer pixel frame, for displays.

Source: J. McDowell, "Coordinate systems for analysis of on-orbit Chandra data", paper I, equation 5 and the table
ACIS-2.2 (rotation and origin of each chip); ACSYS2 of real event lists names it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

TILED_NULL = 9999  # TNULL of TDETX, TDETY in real event lists

# chip turned by so many degrees, and the TDET coordinates of its corner
ROTATION = (90, 270, 90, 270, 0, 0, 0, 0, 0, 0)
ORIGIN = (
    (3061, 5131), (5131, 4107), (3061, 4085), (5131, 3061),
    (791, 1702), (1833, 1702), (2875, 1702), (3917, 1702), (4959, 1702), (6001, 1702),
)  # fmt: skip


@lru_cache
def _maps() -> NDArray[np.int16]:
    """Per chip ``x0, xx, xy, y0, yx, yy``: TDETX = x0 + xx CHIPX + xy CHIPY; the last row gives the null value."""
    rows = []
    for turned, (x, y) in zip(ROTATION, ORIGIN, strict=True):
        cosine, sine = {0: (1, 0), 90: (0, 1), 270: (0, -1)}[turned]
        # rotation about the corner, which lies half a pixel before the first centre in both frames
        rows.append((x + (1 - cosine - sine) // 2, cosine, sine, y + (1 + sine - cosine) // 2, -sine, cosine))
    rows.append((TILED_NULL, 0, 0, TILED_NULL, 0, 0))
    table = np.array(rows, dtype=np.int16)
    table.setflags(write=False)
    return table


def chip_to_tdet(
    ccd_id: NDArray[np.integer], chipx: ArrayLike, chipy: ArrayLike
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """TDETX, TDETY of chip pixels (n,); the null value for numbers that no chip has."""
    x, y = np.asarray(chipx, np.int16), np.asarray(chipy, np.int16)
    maps = _maps()
    if not len(ccd_id):
        return np.zeros(0, np.int16), np.zeros(0, np.int16)
    low, high = int(ccd_id.min()), int(ccd_id.max())
    if low == high:
        m = list(maps[low if 0 <= low < len(maps) else -1])
    else:
        row = np.where((ccd_id < 0) | (ccd_id >= len(maps)), len(maps) - 1, ccd_id)
        m = [np.take(maps[:, k], row) for k in range(6)]
    return m[0] + m[1] * x + m[2] * y, m[3] + m[4] * x + m[5] * y


def tdet_to_chip(ccd_id: int, tdetx: ArrayLike, tdety: ArrayLike) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """CHIPX, CHIPY of TDET pixels of one chip: the inverse."""
    x0, xx, xy, y0, yx, yy = (int(v) for v in _maps()[ccd_id])
    u, v = np.asarray(tdetx, np.int16) - x0, np.asarray(tdety, np.int16) - y0
    return (xx * u + yx * v).astype(np.int16), (xy * u + yy * v).astype(np.int16)
