"""Pixels that fire by themselves: hot ones, and the afterglows of cosmic rays, found in the events of an observation.

Two passes over the level-0 events, the first counts, the second looks for afterglows; what they find goes into the
bad-pixel file, by which level 1 sets STATUS. Method after the description of acis_find_afterglow (CXC): an excess over
what the surroundings make expect, a source that the dither moves over the pixel lights its neighbours too. Afterglows:
in a sliding window of exposures, front-illuminated chips only; hot pixels: in all of the observation. Timed exposures
only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
TERMS = 200  # of the Poisson series: enough where the chance is small, and where it is not it does not matter
Array = NDArray[Any]
Row = tuple[int, int, int, int, float, float, int]


@dataclass
class _Chip:
    """What is remembered of a chip: counts per pixel, exposures seen, the last events, and afterglows found."""

    counts: NDArray[np.int32] = field(default_factory=lambda: np.zeros(SIDE * SIDE, np.int32))
    exposures: list[int] = field(default_factory=list)  # first and last
    rest: tuple[Array, Array, Array] | None = None
    glows: dict[int, list[list[float]]] = field(default_factory=dict)
    _hot: NDArray[np.int64] | None = None

    @property
    def hot(self) -> NDArray[np.int64]:
        """Hot pixels, once all events are counted."""
        if self._hot is None:
            many = np.flatnonzero(self.counts >= LEAST_HOT)
            expected = np.maximum(expected_counts(self.counts, many), float(self.counts.mean()))
            self._hot = many[tail(self.counts[many], expected) < CHANCE]
        return self._hot


class PixelWatch:
    """Finds hot pixels and afterglows in level-0 events, in order of time; memory does not grow with them.

    All blocks are given to `count` and then, once more, to `look`: how they are cut does not matter.
    """

    def __init__(self, window: int = WINDOW) -> None:
        self.window = window
        self._chips: dict[int, _Chip] = {}

    def count(self, events: Table) -> None:
        """Take in a block: columns TIME, EXPNO, CCD_ID, CCDX, CCDY."""
        for number, rows, pixel in _by_chip(events):
            chip = self._chips.setdefault(number, _Chip())
            np.add(chip.counts, np.bincount(pixel, minlength=SIDE * SIDE), out=chip.counts, casting="unsafe")
            ends = [int(of(events["EXPNO"][rows])) for of in (np.min, np.max)] if len(rows) else []
            ends += chip.exposures
            chip.exposures = [min(ends), max(ends)] if ends else []

    def look(self, events: Table) -> None:
        """Look for afterglows in a block, when all are counted."""
        for number, rows, pixel in _by_chip(events):
            if number not in BACK_ILLUMINATED:
                self._afterglows(self._chips[number], pixel, events["EXPNO"][rows], events["TIME"][rows])

    def _afterglows(self, chip: _Chip, pixel: Array, expno: Array, time: Array) -> None:
        """Look at the new events together with those of the window before them."""
        if chip.rest is not None:
            pixel, expno, time = (np.concatenate(pair) for pair in zip(chip.rest, (pixel, expno, time), strict=True))
        if not len(pixel):
            return
        kept = expno > expno[-1] - self.window
        chip.rest = pixel[kept].copy(), expno[kept].copy(), time[kept].copy()
        few = np.flatnonzero(chip.counts[pixel] >= LEAST)
        order = few[np.lexsort((expno[few], pixel[few]))]
        last = LEAST - 1
        same = pixel[order[last:]] == pixel[order[:-last]] if len(order) > last else np.zeros(0, np.bool_)
        near = expno[order[last:]] - expno[order[: len(same)]] < self.window
        firsts = np.flatnonzero(same & near)
        places = pixel[order[firsts]]
        span = chip.exposures[1] - chip.exposures[0] + 1
        expected = expected_counts(chip.counts, places) * min(1.0, self.window / span)
        found = (tail(np.full(len(places), LEAST), expected) < CHANCE) & ~np.isin(places, chip.hot)
        for first in firsts[found].tolist():
            start, stop = float(time[order[first]]), float(time[order[first + last]])
            spans = chip.glows.setdefault(int(pixel[order[first]]), [])
            if spans and start <= spans[-1][1]:
                spans[-1][1] = max(spans[-1][1], stop)
            else:
                spans.append([start, stop])

    def hot_pixels(self, ccd: int) -> list[tuple[int, int, int]]:
        """Hot pixels of a chip: column, row (from 1) and events."""
        chip = self._chips.get(ccd)
        if chip is None:
            return []
        return [(place % SIDE + 1, place // SIDE + 1, int(chip.counts[place])) for place in chip.hot.tolist()]

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


def _by_chip(events: Table) -> list[tuple[int, Array, Array]]:
    """Chip, rows and pixels (row * 1024 + column) of the events on each chip."""
    ccd = events["CCD_ID"]
    x, y = events["CCDX"].astype(np.intp), events["CCDY"].astype(np.intp)
    fits = (x >= 0) & (x < SIDE) & (y >= 0) & (y < SIDE)
    found = []
    for number in np.unique(ccd[(ccd >= 0) & (ccd < CHIPS)]).tolist():
        rows = np.flatnonzero((ccd == number) & fits)
        found.append((number, rows, y[rows] * SIDE + x[rows]))
    return found


def expected_counts(counts: NDArray[np.int32], places: Array) -> NDArray[np.float64]:
    """Counts that the surroundings of pixels make expect.

    The mean of the ring beyond their neighbours, and at least the highest of these: where the dither turns, a source
    draws a sharp line, which neighbours along it share and the ring does not.

    Parameters
    ----------
    counts
        Of all pixels of a chip, row by row.
    places
        Of the pixels in it.
    """
    reach = REACH + 1
    grid = np.pad(counts.reshape(SIDE, SIDE), reach, constant_values=-1)  # -1: beyond the chip
    step = np.arange(-reach, reach + 1)
    different, which = np.unique(places, return_inverse=True)
    found = np.empty(len(different))
    for start in range(0, len(different), 1 << 14):
        some = different[start : start + (1 << 14)]
        y, x = some // SIDE + reach, some % SIDE + reach
        box = grid[y[:, None, None] + step[:, None], x[:, None, None] + step]
        core = box[:, REACH:-REACH, REACH:-REACH].reshape(len(some), 9)
        sizes = np.count_nonzero(box >= 0, axis=(1, 2)) - np.count_nonzero(core >= 0, axis=1)
        ring = np.maximum(box, 0).sum(axis=(1, 2)) - np.maximum(core, 0).sum(axis=1)
        beside = np.delete(core, 4, axis=1).max(axis=1)
        # one event more than there were: a mean of nothing would make anything improbable
        found[start : start + len(some)] = np.maximum((ring + 1) / sizes, beside)
    return found[which]


def tail(counts: Array, expected: Array) -> NDArray[np.float64]:
    """Probability of so many events or more (Poisson); 1 where there are no more than expected."""
    most = int(np.max(counts, initial=0))
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, most + 1)))])
    rare = np.flatnonzero(counts > expected)
    k, mean = np.asarray(counts, float)[rare], np.asarray(expected, float)[rare]
    total = term = np.ones(len(rare))
    for n in range(1, TERMS):
        term = term * mean / (k + n)
        total = total + term
        if not np.any(term > 1e-3 * total):
            break
    chance = np.ones(len(counts))
    chance[rare] = np.exp(k * np.log(mean) - mean - log_factorial[counts[rare]]) * total
    return chance
