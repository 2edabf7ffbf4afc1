"""How ACIS calibration tables are looked up: regions of the chips, and curves given by points, for many events at once.

Regions are rows of a table with CCD_ID and the first and last column and row (CALDB: CHIPX_LO … CHIPY_HI, in older
files CHIPX_MIN … CHIPY_MAX); curves have NPOINTS points in two vector columns, straight between them and beyond.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table

Index = NDArray[np.intp]
CHIPS, SIDE = 10, 1024
MOST_BINS = 1 << 22  # of the look-up table of all curves together


class Regions:
    """Which row of a calibration table holds for a pixel.

    Parameters
    ----------
    table
        Columns CCD_ID and the four edges, first and last pixel included.

    Raises
    ------
    BadData
        If the edges are missing or beyond the chip, or two regions overlap.
    """

    def __init__(self, table: Table) -> None:
        edges = [_edge(table, axis, end) for axis in "XY" for end in ("LO", "HI")]
        x0, x1, y0, y1 = (np.asarray(edge, np.intp) for edge in edges)
        ccd = np.asarray(table["CCD_ID"], np.intp)
        wrong = (x0 < 1) | (y0 < 1) | (x1 > SIDE) | (y1 > SIDE) | (x1 < x0) | (y1 < y0) | (ccd < 0) | (ccd >= CHIPS)
        if wrong.any():
            raise BadData(f"calibration table {table.name}: row {int(np.argmax(wrong))} is no region of a chip")
        self.none = len(ccd)
        cut_x, cut_y = (np.unique(np.concatenate([[1], low, high + 1])) for low, high in ((x0, x1), (y0, y1)))
        pixel = np.arange(SIDE + 2)
        self._column = np.clip(np.searchsorted(cut_x, pixel, side="right") - 1, 0, None).astype(np.intp)
        self._row = np.clip(np.searchsorted(cut_y, pixel, side="right") - 1, 0, None).astype(np.intp)
        self._shape = (CHIPS + 1, len(cut_y), len(cut_x))
        grid = np.full(self._shape, self.none, np.int32)
        for row in range(len(ccd)):
            rows = slice(self._row[y0[row]], self._row[y1[row]] + 1)
            columns = slice(self._column[x0[row]], self._column[x1[row]] + 1)
            if np.any(grid[ccd[row], rows, columns] != self.none):
                raise BadData(f"calibration table {table.name}: row {row} overlaps another one of CCD {ccd[row]}")
            grid[ccd[row], rows, columns] = row
        self._grid = grid.ravel()
        self._row *= self._shape[2]

    def __call__(self, ccd: Index, x: Index, y: Index) -> Index:
        """Row of the table for each pixel (0 to 1025 along both axes, chip 0 to 10), `none` where there is none."""
        place = np.take(self._column, x)
        place += np.take(self._row, y)
        place += ccd * (self._shape[1] * self._shape[2])
        return np.take(self._grid, place).astype(np.intp)


def _edge(table: Table, axis: str, end: str) -> NDArray[Any]:
    older = {"LO": "MIN", "HI": "MAX"}[end]
    name = next((n for n in (f"CHIP{axis}_{end}", f"CHIP{axis}_{older}") if n in table), f"CHIP{axis}_{end}")
    return table[name]


class Curves:
    """Functions given by points, one per row of a table, and after the last a row that is NaN everywhere.

    Parameters
    ----------
    points
        (r,) number of points of each, at least two.
    x, y
        (r, k) abscissae, ascending, and ordinates; only the first ``points`` count.

    Raises
    ------
    BadData
        If there are too few points or they do not ascend.
    """

    def __init__(self, points: Sequence[int] | NDArray[Any], x: NDArray[Any], y: NDArray[Any], name: str) -> None:
        slopes, offsets, uppers, starts = [], [], [], [0]
        for row, count in enumerate(np.asarray(points, np.intp).tolist()):
            u, v = np.asarray(x[row][:count], float), np.asarray(y[row][:count], float)
            if count < 2 or len(u) < count or np.any(np.diff(u) <= 0) or not np.isfinite([u, v]).all():
                raise BadData(f"calibration table {name}: row {row} needs two or more ascending points")
            slope = np.diff(v) / np.diff(u)
            slopes.append(slope)
            offsets.append(v[:-1] - slope * u[:-1])
            uppers.append(np.append(u[1:-1], np.inf))
            starts.append(starts[-1] + count - 1)
        nothing = np.array([np.nan])
        self._slope = np.concatenate([*slopes, nothing]).astype(np.float32)
        self._offset = np.concatenate([*offsets, nothing]).astype(np.float32)
        self._upper = np.concatenate([*uppers, [np.inf]]).astype(np.float32)
        self._first, self._steps, self._per_unit, self._bins = self._look_up(np.array(starts), uppers)

    def _look_up(self, starts: NDArray[Any], uppers: list[NDArray[Any]]) -> tuple[NDArray[Any], int, float, int]:
        """Segment at the start of each bin of each curve, and how many more may begin within a bin."""
        inner = [upper[:-1] for upper in uppers]
        if not any(len(nodes) for nodes in inner):
            return starts, 0, 0.0, 1
        top = max(float(nodes[-1]) for nodes in inner if len(nodes))
        least = min(float(np.diff(nodes, prepend=0.0).min()) for nodes in inner if len(nodes))
        width = max(least, 1.0, top * (len(inner) + 1) / MOST_BINS)
        bins = int(top / width) + 2
        edges = np.arange(bins) * width
        edges[0] = -np.inf
        first = [
            start + np.searchsorted(nodes, edges, side="right") for start, nodes in zip(starts, inner, strict=False)
        ]
        first.append(np.full(bins, starts[-1]))
        # a bin may hold a node or two: as many further steps find the segment
        ends = np.append(edges[1:], np.inf)
        counts = [np.searchsorted(n, ends, side="right") - np.searchsorted(n, edges, side="right") for n in inner]
        return np.concatenate(first), int(np.max(counts)), 1 / width, bins

    def __call__(self, row: Index, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values at ``x`` of the curves ``row``."""
        if self._steps or self._bins > 1:
            place = np.clip(x * np.float32(self._per_unit), 0, self._bins - 1).astype(np.intp)
            place += row * self._bins
            segment = np.take(self._first, place)
            for _ in range(self._steps):
                segment += x >= np.take(self._upper, segment)
        else:
            segment = np.take(self._first, row)
        return np.take(self._offset, segment) + np.take(self._slope, segment) * x
