"""STATUS of ACIS events from where and when they fell: bad pixels, hot pixels, afterglows, streaks.

Bad pixels come as the tables of a bpix1 file, one per CCD: rectangles with an interval and bits that say why. What
the bits are was read off real files (obsids 14392 and 28229), in none of whose level-2 lists an event lies on a pixel
of the file in its interval:

====  ==========================================  ==============================
bit   pixel                                       STATUS of its events
====  ==========================================  ==============================
0     bad pixel                                   bit 4
1     bad column                                  bit 4
2, 3  bias parity error, bad bias                 bit 4
8     beside one of those                         bit 5
11    columns 512 and 513, between two FEP's      bit 4
12    columns at the other node boundaries        bit 4
14    hot pixel                                   bits 4 and 14
15    cosmic-ray afterglow                        bits 4 and 16
16    bias too low or too high                    bit 4
17    shadow of the frame store, lowest rows      bit 4
====  ==========================================  ==============================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table, plain
from mta_assets.level1.acis_columns import (
    AFTERGLOW,
    BAD_PIXEL,
    HOT_PIXEL,
    NEAR_BAD_PIXEL,
    STATUS_BITS,
    STREAK,
    status_number,
)
from mta_assets.level1.acis_tables import CHIPS, SIDE, Index

BADPIX_BITS = {
    "pixel": 0, "column": 1, "parity": 2, "bias": 3, "adjacent": 8, "centre": 11, "node": 12, "hot": 14,
    "afterglow": 15, "bias_range": 16, "shadow": 17,
}  # fmt: skip
PACKED = (BAD_PIXEL, NEAR_BAD_PIXEL, HOT_PIXEL, AFTERGLOW)  # STATUS bits of the codes' bits 0 to 3
SOMETIMES = 128  # in the code of a pixel: bad in a part of the time, ask its rows
STREAK_CHIPS = (8,)  # ACIS-S4
STREAK_MAX = 1  # events that a row of a node may have in one exposure (destreak, parameter max)


class BadPixels:
    """Bad pixels of an observation, looked up per event.

    Parameters
    ----------
    tables
        Tables of a bpix1 file, each with the keyword CCD_ID.
    tstart, tstop
        Interval of the observation [s]: pixels that are bad all the time need no second look.

    Raises
    ------
    BadData
        If a table has no CCD_ID or a region is not on the chip.
    """

    def __init__(self, tables: Sequence[Table], tstart: float, tstop: float) -> None:
        # one byte per pixel: the event bits of what is bad all the time, packed, and SOMETIMES
        self._codes = np.zeros((len(tables) + 1) * SIDE * SIDE, np.uint8)
        self._plane = np.full(CHIPS + 1, len(tables) * SIDE * SIDE, np.intp)
        self._rows: list[tuple[int, int, int, int, int, float, float, int]] = []
        for number, table in enumerate(tables):
            ccd = _ccd_of(table)
            self._plane[ccd] = number * SIDE * SIDE
            chip = self._codes[self._plane[ccd] :][: SIDE * SIDE].reshape(SIDE, SIDE)
            bits = event_bits(status_number(_bits(table)))
            columns, lines = np.asarray(table["CHIPX"], int), np.asarray(table["CHIPY"], int)
            if np.any((columns < 1) | (columns > SIDE) | (lines < 1) | (lines > SIDE)):
                raise BadData(f"bad pixels of CCD {ccd}: a region reaches beyond the chip")
            for (x0, x1), (y0, y1), start, stop, bit in zip(
                columns.tolist(), lines.tolist(), table["TIME"].tolist(), table["TIME_STOP"].tolist(), bits.tolist(),
                strict=True,
            ):  # fmt: skip
                here = np.s_[y0 - 1 : y1, x0 - 1 : x1]
                if start <= tstart and stop >= tstop:
                    chip[here] |= np.uint8(sum(1 << k for k, flag in enumerate(PACKED) if bit & flag))
                else:
                    chip[here] |= np.uint8(SOMETIMES)
                    self._rows.append((ccd, x0, x1, y0, y1, start, stop, bit))

    def status(self, ccd: Index, x: Index, y: Index, time: NDArray[np.float64]) -> NDArray[np.uint32]:
        """STATUS bits of events on pixels (from 1; on the chip) at times [s]."""
        place = y * SIDE
        place += x
        place += np.take(self._plane, ccd) - (SIDE + 1)
        code = np.take(self._codes, place)
        found = np.take(_unpacked(), code)
        if self._rows:
            few = np.flatnonzero(code & np.uint8(SOMETIMES))
            for row in self._rows if len(few) else ():
                ours, x0, x1, y0, y1, start, stop, bit = row
                hit = (ccd[few] == ours) & (x[few] >= x0) & (x[few] <= x1) & (y[few] >= y0) & (y[few] <= y1)
                hit &= (time[few] >= start) & (time[few] <= stop)
                found[few[hit]] |= np.uint32(bit)
        return found


@lru_cache
def _unpacked() -> NDArray[np.uint32]:
    """STATUS of each code."""
    codes = np.arange(256)
    return sum(((codes >> k) & 1).astype(np.uint32) * np.uint32(flag) for k, flag in enumerate(PACKED))  # type: ignore


def _ccd_of(table: Table) -> int:
    value = table.header.get("CCD_ID")
    ccd = plain(value)
    if isinstance(ccd, bool) or not isinstance(ccd, int) or not 0 <= ccd < CHIPS:
        raise BadData(f"bad-pixel table {table.name}: keyword CCD_ID is {ccd!r}; expected 0 to {CHIPS - 1}")
    return ccd


def _bits(table: Table) -> NDArray[np.bool_]:
    bits = np.asarray(table["STATUS"], np.bool_)
    if bits.shape != (len(table), STATUS_BITS):
        raise BadData(f"bad-pixel table {table.name}: STATUS has shape {bits.shape}; expected 32 bits a row")
    return bits


def event_bits(why: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """STATUS bits of events on pixels that are bad for some reasons (bits of a bad-pixel file)."""

    def has(*names: str) -> NDArray[np.bool_]:
        return np.asarray(why & np.uint32(sum(1 << BADPIX_BITS[name] for name in names)) != 0)

    beside = has("adjacent")
    only_beside = beside & (why & ~np.uint32(1 << BADPIX_BITS["adjacent"]) == 0)
    found = np.where(why == 0, 0, np.where(only_beside, 0, BAD_PIXEL)).astype(np.uint32)
    found[beside] |= np.uint32(NEAR_BAD_PIXEL)
    found[has("hot")] |= np.uint32(HOT_PIXEL)
    found[has("afterglow")] |= np.uint32(AFTERGLOW)
    return found


def streaks(
    ccd: NDArray[np.integer],
    node: NDArray[np.integer],
    y: NDArray[np.integer],
    expno: NDArray[np.integer],
    most: int = STREAK_MAX,
    chips: Sequence[int] = STREAK_CHIPS,
) -> NDArray[np.uint32]:
    """STATUS bit 15 of events in a row of a node that has more than ``most`` events in one exposure.

    The serial readout of ACIS-S4 now and then strews charge along a row; no other chip is treated, in timed exposures
    and in continuous clocking, with any grating (CXC, "Destreaking ACIS Data"; the HISTORY of 13838, 13839 and 14392
    has ccd_id=8). A row of a node with more than one event in an exposure is one (CIAO 3.4, the same page: M = 1).
    Whole exposures have to be given: a row cut in two is not recognised.

    Since then destreak finds the number of events itself (max=INDEF, max_rowloss_fraction=5e-5), in a way that is not
    public. It spares more: 0.3, 1 and 5 per cent of the S4 events in the level-2 lists of 14392, 13838 and 13839, which
    hold the arms only, are in rows that are streaks here (a real test prints them); those of 13839 are at the same few
    columns in exposure after exposure, as streaks are.
    """
    status = np.zeros(len(ccd), np.uint32)
    rows = np.flatnonzero(np.isin(ccd, chips))
    if not len(rows):
        return status
    place = (node[rows].astype(np.int64) << 11) | y[rows].astype(np.int64)
    key = ((expno[rows].astype(np.int64) << 4) | ccd[rows].astype(np.int64)) << 13 | place
    _, which, count = np.unique(key, return_inverse=True, return_counts=True)
    status[rows[count[which] > most]] = np.uint32(STREAK)
    return status


def badpix_table(ccd: int, rows: Sequence[tuple[Any, ...]], schema: Any) -> Table:
    """Table of bad pixels of a chip from rows (x0, x1, y0, y1, start, stop, bits), sorted by place.

    Parameters
    ----------
    rows
        Edges in pixels from 1, interval [s], and the bits (a number) of a bad-pixel file.
    schema
        `acis_columns.BADPIX`.
    """
    from mta_assets.level1.acis_columns import bit_array

    kept = sorted(set(rows))
    edges = np.array([row[:4] for row in kept], np.int16).reshape(-1, 4)
    point = (edges[:, 0] == edges[:, 1]) & (edges[:, 2] == edges[:, 3])
    columns = {
        "SHAPE": np.where(point, "point", "rectangle").astype("U16"),
        "COMPONENT": np.arange(1, len(kept) + 1, dtype=np.int16),
        "CHIPX": edges[:, :2],
        "CHIPY": edges[:, 2:],
        "TIME": np.array([row[4] for row in kept], float),
        "TIME_STOP": np.array([row[5] for row in kept], float),
        "STATUS": bit_array(np.array([row[6] for row in kept], np.uint32)),
    }
    header = {
        "HDUCLASS": ("ASC", "format"), "HDUCLAS1": ("REGION", "kind of table"), "HDUCLAS2": ("BADPIX", "which one"),
        "MTYPE1": ("CHIP", "pair of columns"), "MFORM1": ("CHIPX,CHIPY", "[pixel]"),
        "CCD_ID": (ccd, "CCD of the pixels"), "EXTVER": (ccd, "version of this extension: its CCD"),
    }  # fmt: skip
    table: Table = schema.build(columns, header)
    return replace(table, name=f"{schema.name}{ccd}")
