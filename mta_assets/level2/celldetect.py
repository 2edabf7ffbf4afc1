"""Cell detect: pixels whose cell holds more counts than the frame around it allows, and their peaks.

The method of the Einstein, ROSAT and Chandra cell detects (CIAO Detect Manual, part "celldetect: theory"; Harnden et
al. 1984, SAO Special Report 393): a square cell of about the size of the point image slides over the image, the
background comes from a square frame around it. Instead of a signal-to-noise ratio the exact binomial chance decides
(`poisson`), so that the rate of false alarms is what is asked for, also with few counts, with a frame that is cut by
the edge, or with an uneven exposure: all sums are weighted with it. A gap is left between cell and frame, so that few
of the source's own counts are in the frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.level2 import poisson
from mta_assets.level2.boxes import BoxAreas, BoxSums

Array = NDArray[np.float64]
Index = NDArray[np.int64]
ENCLOSED = 0.8  # part of a point source's light in the cell: default of celldetect (parameter eenergy)
SMALLEST, LARGEST = 1, 40  # [pixel] half-widths of cells
MARGIN = 8  # [pixel] least width of the frame
NEARBY = 2.0  # sides of a cell within which two peaks may be one image
VALLEY = 3.0  # [sigma]
WAY = np.arange(1, 10) / 10  # places between two peaks
LEAST_COUNTS = 3  # fewer counts in a cell are no source, whatever the background
LEAST_FRAME = 0.5  # of the cell's exposure: without surroundings there is nothing to compare with
BAND = 1 << 18  # [pixel] looked at at once
TILE = 16  # [pixel] side of the tiles in which it is told where to look at all
LEAST_EXPOSURE = 0.1  # of the greatest: cells that saw less are left out


@dataclass(frozen=True)
class Cells:
    """Pixels with what their cell and frame hold.

    Attributes
    ----------
    row, column
        Pixel.
    half
        Half-width of the cell [pixel].
    counts, exposure
        Events and summed relative exposure in the cell.
    around, frame
        Events and summed relative exposure in the frame.
    score
        Log-likelihood ratio of the excess.
    """

    row: Index
    column: Index
    half: Index
    counts: Array
    exposure: Array
    around: Array
    frame: Array
    score: Array

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: NDArray[np.bool_] | Index) -> Cells:
        """Some of them."""
        return Cells(**{name: array[rows] for name, array in vars(self).items()})

    @property
    def background(self) -> Array:
        """Expected background events in the cell."""
        return self.around * self.exposure / self.frame

    def log_chance(self, extra: Array | float = 0.0) -> Array:
        """ln of the chance of so many counts; ``extra`` are known background events in the cell beside those of the
        frame.

        Known extra events make the cell's share of the background larger by the same factor.
        """
        # where the frame is empty the extra ones stand alone: a tenth of an event keeps the share finite
        background = np.maximum(self.background, 0.1 * self.exposure / self.frame)
        cell = self.exposure * (1 + extra / background)
        return poisson.log_chance(self.counts, self.counts + self.around, cell / (cell + self.frame))


def half_widths(radius: Array) -> Index:
    """Half-width of the cell [pixel] whose area is nearest to that of a circle with this radius [pixel]."""
    side = np.sqrt(np.pi) * radius
    return np.clip(np.rint((side - 1) / 2), SMALLEST, LARGEST).astype(np.int64)


def gap(half: Index) -> Index:
    """Half-width of the inner edge of the frame: the box with twice the side of the cell, and a pixel."""
    return 2 * half + 1


def reach(half: Index) -> Index:
    """Half-width of the outer edge of the frame."""
    return gap(half) + np.maximum(half, MARGIN)


class Look:
    """An image whose cells are looked at, first as it is, then with the known sources masked in the frames.

    Parameters
    ----------
    counts
        Image, shape (ny, nx).
    half
        Half-width of the cell at each pixel, same shape.
    chance
        Threshold.
    exposure
        Relative exposure of each pixel, greatest about 1; everything 1 if None.
    """

    def __init__(
        self, counts: NDArray[np.integer], half: NDArray[np.integer], chance: float, exposure: Array | None = None
    ) -> None:
        self.counts, self.half, self.chance, self.exposure = counts, half, chance, exposure
        self.sums = BoxSums(counts)
        self.area = BoxAreas(counts.shape) if exposure is None else BoxSums(np.asarray(exposure, np.float64))
        self.widest = _tiles(half, np.maximum).astype(np.int64)

    def excesses(self) -> Cells:
        """Pixels whose chance of being background may be below the threshold (a few that are not are among them)."""
        some = self._near(self.counts, self.widest, LEAST_COUNTS)
        return self._judged(some, self.sums, self.area)

    def again(self, first: Cells, masked: NDArray[np.bool_]) -> Cells:
        """The same with masked pixels that do not count as surroundings.

        Only cells whose frame meets such a pixel are judged anew: the others are what they were.

        Parameters
        ----------
        first
            What `excesses` found.
        """
        some = self._near(masked, reach(self.widest), 1)
        near = BoxSums(np.where(masked, 0, self.counts))
        open_area = BoxSums(np.where(masked, 0.0, 1.0 if self.exposure is None else self.exposure))
        parts = (first.take(~some[first.row, first.column]), self._judged(some, near, open_area))
        return Cells(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(first)})

    def _near(self, image: NDArray[Any], size: Index, least: int) -> NDArray[np.bool_]:
        """Whether the box about each pixel may hold so much of an image, counted in whole tiles: cheap.

        ``size`` is the half-width of the greatest box of each tile.
        """
        rows, columns = image.shape
        row, column = np.indices(size.shape, dtype=np.int64).reshape(2, -1)
        found = BoxSums(_tiles(image, np.add))(row, column, -(-size.ravel() // TILE)).reshape(size.shape) >= least
        return np.asarray(np.repeat(np.repeat(found, TILE, axis=0)[:rows], TILE, axis=1)[:, :columns])

    def _judged(self, some: NDArray[np.bool_], near: BoxSums, open_area: BoxSums | BoxAreas) -> Cells:
        """Cells about some of the pixels that may be sources, in the order of the image."""
        parts = []
        band = max(1, BAND // some.shape[1])
        for top in range(0, some.shape[0], band):
            row, column = np.nonzero(some[top : top + band])
            size = self.half[top : top + band][row, column].astype(np.int64)
            parts.append(_judged(row + top, column, size, self.chance, (self.sums, self.area, near, open_area)))
        return Cells(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def _tiles(image: NDArray[Any], of: np.ufunc) -> NDArray[np.integer]:
    """Sum, or whatever the function is, of each tile."""
    kind = np.int32 if of is np.add else None
    for axis in (0, 1):
        image = of.reduceat(image, np.arange(0, image.shape[axis], TILE), axis=axis, dtype=kind)
    return image


def _judged(
    row: Index,
    column: Index,
    size: Index,
    chance: float,
    sums: tuple[BoxSums, BoxSums | BoxAreas, BoxSums, BoxSums | BoxAreas],
) -> Cells:
    """Cells about some pixels that may be sources."""
    cell, area, near, open_area = sums
    found = cell(row, column, size)
    some = np.flatnonzero(found >= LEAST_COUNTS)
    row, column, size, found = row[some], column[some], size[some], found[some].astype(np.float64)
    inside = area(row, column, size)
    inner, outer = gap(size), reach(size)
    around = (near(row, column, outer) - near(row, column, inner)).astype(np.float64)
    frame = open_area(row, column, outer) - open_area(row, column, inner)
    frame = np.maximum(frame, 1e-3)  # sums of floats may leave a rounding error where there is nothing
    good = inside > LEAST_EXPOSURE * (2 * size + 1) ** 2
    good &= frame > LEAST_FRAME * inside
    total = found + around
    score = np.where(good, poisson.excess(found, total, inside / (inside + frame)), 0.0)
    # Robbins: the chance is not below exp(-score) / sqrt(8 k (1 - k/n))
    least = -score - 0.5 * np.log(np.maximum(8 * found * (1 - found / total), 1.0))
    keep = (score > 0) & (least <= np.log(chance))
    return Cells(row, column, size, found, inside, around, frame, score).take(keep)


def peaks(cells: Cells, shape: tuple[int, int]) -> Cells:
    """Cells whose score no neighbouring candidate exceeds: one for each hill of cells that hang together, or a few."""
    if not len(cells):
        return cells
    rows, columns = shape
    rank = np.zeros((rows + 2, columns + 2), np.int64)  # 0: no candidate; equal scores differ in rank
    order = np.argsort(cells.score, kind="stable")
    place = (cells.row + 1) * (columns + 2) + cells.column + 1
    flat = rank.ravel()
    flat[place[order]] = np.arange(1, len(cells) + 1)
    best = flat[place]
    for step in (-columns - 3, -columns - 2, -columns - 1, -1, 1, columns + 1, columns + 2, columns + 3):
        best = np.maximum(best, flat[place + step])
    target = order[best - 1]  # index of the best neighbour, itself at a peak
    return cells.take(np.flatnonzero(target == np.arange(len(cells))))


def apart(cells: Cells) -> Cells:
    """Without those whose pixel lies in the cell of a better one, best first."""
    order = np.argsort(-cells.score, kind="stable")
    sorted_ = cells.take(order)
    free = np.ones(len(order), bool)
    for i in range(len(order)):
        if free[i]:
            far = np.maximum(np.abs(sorted_.row - sorted_.row[i]), np.abs(sorted_.column - sorted_.column[i]))
            free[i + 1 :] &= far[i + 1 :] > np.maximum(sorted_.half[i], sorted_.half[i + 1 :])
    return sorted_.take(free)


def distinct(cells: Cells, sums: BoxSums) -> Cells:
    """Without those that no valley divides from a better one nearby: second peaks of an image wider than the model.

    The least count of cells along the way between two peaks has to lie `VALLEY` sigma below that of the fainter one.

    Parameters
    ----------
    sums
        Of the image of counts.
    """
    order = np.argsort(-cells.score, kind="stable")
    ranked = cells.take(order)
    free = np.ones(len(order), bool)
    for j in range(len(order)):  # sources
        away_row, away_column = ranked.row - ranked.row[j], ranked.column - ranked.column[j]
        near = np.maximum(np.abs(away_row), np.abs(away_column)) <= NEARBY * (2 * ranked.half + 1)
        near[: j + 1] = False
        near &= free & free[j]
        i = np.flatnonzero(near)
        if not len(i):
            continue
        row = ranked.row[j] + np.rint(away_row[i] * WAY[:, None]).astype(np.int64)
        column = ranked.column[j] + np.rint(away_column[i] * WAY[:, None]).astype(np.int64)
        least = sums(row, column, ranked.half[i]).min(axis=0)
        free[i] = ranked.counts[i] - least > VALLEY * np.sqrt(least + 1)
    return ranked.take(free)
