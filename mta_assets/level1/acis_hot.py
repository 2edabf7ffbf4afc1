"""Pixels that fire by themselves: hot ones, and the afterglows of cosmic rays, found in the events of an observation.

A first pass over the level-0 events; what it finds goes into the bad-pixel file, by which level 1 sets STATUS. Method
after the description of acis_find_afterglow (CXC): an excess over what the surroundings make expect, a source that the
dither moves over the pixel lights its neighbours too. Afterglows: in a sliding window of exposures, front-illuminated
chips only; hot pixels: in all of the observation. Timed exposures only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Table, plain
from mta_assets.instruments.acis import BACK_ILLUMINATED
from mta_assets.level1.acis_columns import BADPIX
from mta_assets.level1.acis_status import BADPIX_BITS, badpix_table
from mta_assets.level1.acis_tables import CHIPS, SIDE

WINDOW = 10  # exposures in which the events of an afterglow have to come (expnowindow is of that order)
LEAST = 4  # events of an afterglow ("essentially all … that have four or more")
LEAST_HOT = 6  # events of a hot pixel
CHANCE = 1e-9  # of so many events by themselves: of 1e6 pixels and 1e3 windows one in a million observations
REACH = 2  # pixels around, the mean of which says what to expect
Row = tuple[int, int, int, int, float, float, int]


@dataclass
class _Chip:
    """What is remembered of a chip: counts per pixel, exposures seen, the last events, and afterglows found."""

    counts: NDArray[np.int32] = field(default_factory=lambda: np.zeros(SIDE * SIDE, np.int32))
    rest: tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None = None
    glows: dict[int, list[list[float]]] = field(default_factory=dict)


class PixelWatch:
    """Finds hot pixels and afterglows in blocks of level-0 events, in order of time; memory does not grow with them."""

    def __init__(self, window: int = WINDOW) -> None:
        self.window = window
        self._chips: dict[int, _Chip] = {}

    def add(self, events: Table) -> None:
        """Take in a block: columns TIME, EXPNO, CCD_ID, CCDX, CCDY."""
        ccd = events["CCD_ID"]
        x, y = events["CCDX"].astype(np.intp), events["CCDY"].astype(np.intp)
        fits = (x >= 0) & (x < SIDE) & (y >= 0) & (y < SIDE)
        for number in np.unique(ccd[(ccd >= 0) & (ccd < CHIPS)]).tolist():
            rows = np.flatnonzero((ccd == number) & fits)
            chip = self._chips.setdefault(number, _Chip())
            pixel = y[rows] * SIDE + x[rows]
            np.add(chip.counts, np.bincount(pixel, minlength=SIDE * SIDE), out=chip.counts, casting="unsafe")
            if number not in BACK_ILLUMINATED:
                self._afterglows(chip, pixel, events["EXPNO"][rows], events["TIME"][rows])

    def _afterglows(self, chip: _Chip, pixel: NDArray[Any], expno: NDArray[Any], time: NDArray[Any]) -> None:
        """Look at the new events together with those of the window before them."""
        if chip.rest is not None:
            pixel, expno, time = (np.concatenate(pair) for pair in zip(chip.rest, (pixel, expno, time), strict=True))
        if not len(pixel):
            return
        kept = expno > expno[-1] - self.window
        chip.rest = pixel[kept].copy(), expno[kept].copy(), time[kept].copy()
        counts = np.bincount(pixel, minlength=SIDE * SIDE)
        few = np.flatnonzero(counts[pixel] >= LEAST)
        order = few[np.lexsort((expno[few], pixel[few]))]
        last = LEAST - 1
        same = pixel[order[last:]] == pixel[order[:-last]] if len(order) > last else np.zeros(0, np.bool_)
        near = expno[order[last:]] - expno[order[: len(same)]] < self.window
        span = max(1, int(expno.max() - expno.min()) + 1)
        for first in np.flatnonzero(same & near).tolist():
            place = int(pixel[order[first]])
            expected = _around(counts, place) * min(1.0, self.window / span)
            if _chance(LEAST, expected) < CHANCE:
                start, stop = float(time[order[first]]), float(time[order[first + last]])
                found = chip.glows.setdefault(place, [])
                if found and start <= found[-1][1]:
                    found[-1][1] = max(found[-1][1], stop)
                else:
                    found.append([start, stop])

    def hot_pixels(self, ccd: int) -> list[tuple[int, int, int]]:
        """Hot pixels of a chip: column, row (from 1) and events."""
        chip = self._chips.get(ccd)
        if chip is None:
            return []
        found = []
        for place in np.flatnonzero(chip.counts >= LEAST_HOT).tolist():
            count = int(chip.counts[place])
            if _chance(count, max(_around(chip.counts, place), float(chip.counts.mean()))) < CHANCE:
                found.append((place % SIDE + 1, place // SIDE + 1, count))
        return found

    def bad_pixels(self, known: list[Table], tstart: float, tstop: float, exposure: float) -> list[Table]:
        """Bad-pixel tables (one per CCD): the known ones, hot pixels and afterglows, and what lies beside the new ones.

        Parameters
        ----------
        known
            Tables of a bad-pixel calibration file, with the keyword CCD_ID.
        tstart, tstop
            Interval of the observation [s], in which hot pixels are bad.
        exposure
            Length of an exposure [s]: an afterglow lasts from the first exposure to the end of the last.
        """
        rows: dict[int, list[Row]] = {}
        for table in known:
            ccd = table.header["CCD_ID"]
            rows.setdefault(int(plain(ccd)), []).extend(_rows(table))
        for ccd, chip in sorted(self._chips.items()):
            mine = rows.setdefault(ccd, [])
            hot = {(x, y) for x, y, _ in self.hot_pixels(ccd)}
            listed = {(r[0], r[2]) for r in mine if r[:2] == (r[0], r[0]) and r[2] == r[3]}
            for x, y in sorted(hot - listed):
                mine += _with_rim(x, y, tstart, tstop, "hot")
            for place, spans in sorted(chip.glows.items()):
                x, y = place % SIDE + 1, place // SIDE + 1
                if (x, y) not in hot | listed:
                    mine += [row for a, b in spans for row in _with_rim(x, y, a, b + exposure, "afterglow")]
        return [badpix_table(ccd, mine, BADPIX) for ccd, mine in sorted(rows.items())]


def _rows(table: Table) -> list[Row]:
    from mta_assets.level1.acis_columns import status_number

    status = status_number(table["STATUS"])
    return [
        (int(x[0]), int(x[1]), int(y[0]), int(y[1]), float(a), float(b), int(bit))
        for x, y, a, b, bit in zip(
            table["CHIPX"], table["CHIPY"], table["TIME"], table["TIME_STOP"], status, strict=True
        )
    ]


def _with_rim(x: int, y: int, start: float, stop: float, kind: str) -> list[Row]:
    """A bad pixel and the rectangles around it that make its eight neighbours."""
    beside = 1 << BADPIX_BITS["adjacent"]
    low_x, high_x = max(1, x - 1), min(SIDE, x + 1)
    rows: list[Row] = [(x, x, y, y, start, stop, 1 << BADPIX_BITS[kind])]
    rows += [(low_x, high_x, line, line, start, stop, beside) for line in (y - 1, y + 1) if 1 <= line <= SIDE]
    rows += [(column, column, y, y, start, stop, beside) for column in (x - 1, x + 1) if 1 <= column <= SIDE]
    return rows


def _around(counts: NDArray[Any], place: int) -> float:
    """Count that the surroundings of a pixel make expect.

    The mean of the ring beyond its neighbours, and at least the highest of these: where the dither turns, a source
    draws a sharp line, which neighbours along it share and the ring does not.
    """
    x, y = place % SIDE, place // SIDE
    grid = counts.reshape(SIDE, SIDE)
    reach = REACH + 1
    box = grid[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    core = grid[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
    beside = np.partition(core.ravel(), -2)[-2] if core.max() == grid[y, x] else core.max()
    # one event more than there were: a mean of nothing would make anything improbable
    return max(float(box.sum() - core.sum() + 1) / (box.size - core.size), float(beside))


def _chance(count: int, expected: float) -> float:
    """Probability of so many events or more (Poisson)."""
    term = exp(-expected) if expected < 700 else 0.0
    if term == 0.0:
        return 1.0 if count <= expected else 0.0
    below = 0.0
    for n in range(count):
        below += term
        term *= expected / (n + 1)
    if below < 0.999:
        return 1 - below
    total = 0.0
    for n in range(count, count + 200):
        total += term
        term *= expected / (n + 1)
    return total
