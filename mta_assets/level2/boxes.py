"""Sums over boxes of an image, however large, at four additions each.

Summed-area tables (Crow 1984, SIGGRAPH 18, 207).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Index = NDArray[np.int64]


class BoxSums:
    """Sums over square boxes of an image; what lies outside of it counts nothing."""

    def __init__(self, image: Array) -> None:
        rows, columns = image.shape
        kind: Any = np.float64
        if image.dtype.kind != "f":  # sums modulo 2^32 differ by the right sum of a box as long as that fits
            kind = np.int32 if image.sum(dtype=np.int64) < 1 << 31 else np.int64
        self.shape = (rows, columns)
        self._table = np.zeros((rows + 1, columns + 1), kind)
        for row in range(rows):  # along columns NumPy would go bin by bin, ten times as slow
            np.add(self._table[row, 1:], image[row], out=self._table[row + 1, 1:])
        np.cumsum(self._table[1:, 1:], axis=1, out=self._table[1:, 1:])
        self._flat = self._table.ravel()

    def __call__(self, row: Index, column: Index, half: Index | int) -> Array:
        """Sums over the boxes of ``2 half + 1`` pixels a side about pixels."""
        rows, columns = self.shape
        wide = columns + 1
        low, high = np.maximum(row - half, 0) * wide, np.minimum(row + half + 1, rows) * wide
        left, right = np.maximum(column - half, 0), np.minimum(column + half + 1, columns)
        flat = self._flat
        return np.asarray(flat[high + right] - flat[high + left] - flat[low + right] + flat[low + left])


class BoxAreas:
    """`BoxSums` of an image of ones, by arithmetic."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape

    def __call__(self, row: Index, column: Index, half: Index | int) -> Array:
        rows, columns = self.shape
        tall = np.minimum(row + half + 1, rows) - np.maximum(row - half, 0)
        wide = np.minimum(column + half + 1, columns) - np.maximum(column - half, 0)
        return np.asarray(tall * wide, dtype=np.float64)
