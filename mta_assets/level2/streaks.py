"""Readout streaks: a bright source also sends events to ACIS while its frame moves to the frame store.

Moving takes 1024 steps of 40 µs, so a source has 0.04104 s / EXPTIME of its events spread evenly over its column of
the chip (POG, chapter 6, "trailed images"). How bright a streak is, is measured on the streak itself: the source may
be piled up, or lie on rows of the chip that are not read (the streak of AX J1745.6−2901 crosses the 128 rows of
observation 28229).

Events are counted in chip coordinates at the mean of the dither, in columns one pixel wide and pieces of rows. A
streak is a column with more events than the columns around it in nearly all pieces: the fullest quarter of the
pieces is left out everywhere, so that a source is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.level2 import poisson
from mta_assets.level2.exposure import ChipPlace

Array = NDArray[np.float64]
PIECES = 16  # of the rows that are read
KEPT = 12  # of them, the emptiest
MARGIN = 32  # [pixel] beyond the first and last column: the dither reaches there
WINDOW = 3  # [pixel] width in which a streak is looked for
NEAR, FAR = 5, 25  # [pixel] distance of the columns that it is compared with
CHANCE = 1e-7  # per column: one false streak in a thousand fields of ten chips
WIDE = 2  # [pixel] streaks reach so far beyond the columns in which they are found


class Columns:
    """Events by column and piece of rows, summed up block by block."""

    def __init__(self, places: Mapping[int, ChipPlace]) -> None:
        self.places = places
        self.counts = {ccd: np.zeros((PIECES, self._width(place)), np.int64) for ccd, place in places.items()}

    @staticmethod
    def _width(place: ChipPlace) -> int:
        return int(place.high[0] - place.low[0]) + 1 + 2 * MARGIN

    def add(self, x: Array, y: Array) -> None:
        """Count the events of a block (sky coordinates)."""
        for ccd, place in self.places.items():
            u, v = place.chip(x, y)
            with np.errstate(invalid="ignore"):
                column = np.floor(u - place.low[0] + 0.5 + MARGIN)
                piece = np.floor((v - place.low[1] + 0.5) / (place.high[1] - place.low[1] + 1) * PIECES)
                wide = self.counts[ccd].shape[1]
                good = (column >= 0) & (column < wide) & (piece >= 0) & (piece < PIECES)
            flat = piece[good].astype(np.int64) * wide + column[good].astype(np.int64)
            self.counts[ccd] += np.bincount(flat, minlength=PIECES * wide).reshape(PIECES, wide)

    def streaks(self) -> list[Streak]:
        """Chips with streaks, and how bright these are."""
        found = []
        for ccd, counts in self.counts.items():
            rate = streak_rates(counts)
            if rate.any():
                place = self.places[ccd]
                rows = (place.high[1] - place.low[1] + 1) * KEPT / PIECES
                found.append(Streak(place, np.concatenate([[0.0], np.cumsum(rate / rows)])))
        return found


def streak_rates(counts: NDArray[np.int64]) -> Array:
    """Events of streaks in each column, in the emptiest pieces together; 0 where there is no streak.

    Parameters
    ----------
    counts
        By piece and column.
    """
    wide = counts.shape[1]
    padded = np.pad(counts, ((0, 0), (1, 1)))
    window = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    three = np.sort(window, axis=0)[:KEPT].sum(axis=0).astype(np.float64)
    one = np.sort(counts, axis=0)[:KEPT].sum(axis=0).astype(np.float64)
    steps = np.arange(NEAR, FAR + 1)
    here = np.arange(wide)[:, None]
    sides = [np.clip(here + sign * steps, 0, wide - 1) for sign in (-1, 1)]
    # more than on either side: the edge of a chip, smeared by the dither, is a step
    around = np.maximum(*(np.median(three[side], axis=1) for side in sides))
    share = WINDOW / (len(steps) + WINDOW)
    trials = np.rint(three + around * len(steps) / WINDOW)
    chance = poisson.log_chance(three, trials, np.full(wide, share))
    hit = (chance < np.log(CHANCE)) & (three > around)
    near = np.convolve(hit, np.ones(2 * WIDE + 1), "same") > 0
    return np.asarray(
        np.where(near, np.maximum(one - np.maximum(*(np.mean(one[side], axis=1) for side in sides)), 0), 0.0)
    )


@dataclass(frozen=True)
class Streak:
    """Streaks of a chip: ``sums`` are events per row in all columns before each."""

    place: ChipPlace
    sums: Array

    def events(self, x: Array, y: Array, side: Array) -> Array:
        """Events of streaks in square cells of a side [sky pixel] about sky coordinates."""
        u, _ = self.place.chip(x, y)
        edge = u - self.place.low[0] + 0.5 + MARGIN
        at = np.arange(len(self.sums))
        inside = np.interp(edge + side / 2, at, self.sums) - np.interp(edge - side / 2, at, self.sums)
        return np.asarray(np.where(self.place.contains(x, y), inside * side, 0.0))
