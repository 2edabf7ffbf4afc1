"""Where ACIS events are in their pixel: sub-pixel repositioning by the way the charge was split, or randomisation.

A photon that shares its charge with the pixel on its left came down near that side. The table (CALDB subpix form:
CCD_ID, FLTGRADE, NPOINTS, ENERGY [eV], CHIPX_OFFSET and CHIPY_OFFSET [pixel]) holds the mean offset from the pixel's
centre; source of the method: Li et al. 2004, ApJ 610, 1204 (EDSER), "ACIS Energy-Dependent Subpixel Event
Repositioning" (CXC).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table
from mta_assets.level1.acis_random import uniform
from mta_assets.level1.acis_tables import CHIPS, Index

ADJUSTMENTS = ("EDSER", "RANDOMIZE", "NONE")  # values of PIX_ADJ
BIN, BINS = 100.0, 128  # [eV] of the look-up table: offsets change by 0.01 pixels over a bin
Offsets = tuple[NDArray[np.float32], NDArray[np.float32]]


class SubPixel:
    """Mean offset of a photon from the centre of its pixel, by chip, flight grade and energy.

    Raises
    ------
    BadData
        If an offset leads out of the pixel, or a row names no chip or grade.
    """

    def __init__(self, table: Table) -> None:
        ccd, flight = np.asarray(table["CCD_ID"], int), np.asarray(table["FLTGRADE"], int)
        if np.any((ccd < 0) | (ccd >= CHIPS) | (flight < 0) | (flight > 255)):
            raise BadData(f"calibration table {table.name}: a row is of no chip or flight grade")
        middles = (np.arange(BINS) + 0.5) * BIN
        tables = np.zeros((2, CHIPS + 1, 256, BINS), np.float32)
        for axis, name in enumerate(("CHIPX_OFFSET", "CHIPY_OFFSET")):
            for row, count in enumerate(np.asarray(table["NPOINTS"], int).tolist()):
                curve = np.interp(middles, table["ENERGY"][row][:count], table[name][row][:count])
                tables[axis, ccd[row], flight[row]] = curve
        if np.max(np.abs(tables)) > 0.5:
            raise BadData(f"calibration table {table.name}: an offset leads out of the pixel")
        # chips of one kind share their numbers: the smaller the table, the nearer it stays
        kinds, self._kind = np.unique(tables.transpose(1, 0, 2, 3).reshape(CHIPS + 1, -1), axis=0, return_inverse=True)
        pairs = kinds.reshape(len(kinds), 2, -1)
        self._x, self._y = (np.ascontiguousarray(pairs[:, axis]).ravel() for axis in (0, 1))
        self._kind = np.ravel(self._kind).astype(np.intp)

    def __call__(self, ccd: Index, flight: NDArray[np.uint8], energy: NDArray[np.float32]) -> Offsets:
        """Offsets in columns and rows [pixel]."""
        place = np.clip(np.nan_to_num(energy) * np.float32(1 / BIN), 0, BINS - 1).astype(np.intp)
        place += (np.take(self._kind, ccd) * 256 + flight) * BINS
        return np.take(self._x, place), np.take(self._y, place)


def adjusted(
    adjustment: str,
    x: Index,
    y: NDArray[Any],
    ccd: Index,
    flight: NDArray[np.uint8],
    energy: NDArray[np.float32],
    table: SubPixel | None,
    seed: int,
    first: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chip coordinates [pixel] of events after the adjustment that PIX_ADJ names.

    Parameters
    ----------
    first
        Number of the first event in the list, which its random numbers follow.

    Raises
    ------
    BadData
        If EDSER is asked for without its table.
    """
    columns, rows = x.astype(np.float64), y.astype(np.float64)
    if adjustment == "EDSER":
        if table is None:
            raise BadData("sub-pixel repositioning needs its calibration table: give it, or set pix_adj to NONE")
        dx, dy = table(ccd, flight, energy)
        columns += dx
        rows += dy
    elif adjustment == "RANDOMIZE":
        columns += uniform(seed, 1, first, len(x)) - np.float32(0.5)
        rows += uniform(seed, 2, first, len(x)) - np.float32(0.5)
    elif adjustment != "NONE":
        raise BadData(f"pix_adj {adjustment!r} is not known; expected one of {', '.join(ADJUSTMENTS)}")
    return columns, rows
