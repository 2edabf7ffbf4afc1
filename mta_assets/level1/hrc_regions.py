"""Bad regions and the mask of an HRC observation: bpix1 and msk1, and which events lie on a bad region.

Source: the bpix1 and msk1 files of two real observations. The mask is the largest rectangle without an edge region.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Header, Product, Table
from mta_assets.instruments.hrc import PHA_MAX
from mta_assets.level1.hrc_calibration import rows_of
from mta_assets.level1.hrc_columns import CHIP_LIMITS, badpix_schema, mask_schema

LAST_CHIP = 3  # 0 of HRC-I, 1 to 3 of HRC-S
MOST = 62  # rectangles of one chip: one bit each
BEYOND_X, BEYOND_Y = np.uint64(1 << 62), np.uint64(1 << 63)  # the bits of what lies beside the chip
PLACE: Header = {"MTYPE1": ("CHIP", "pair of columns"), "MFORM1": ("CHIPX,CHIPY", "[pixel]")}
EDGE = 1  # STATUS bit (from 0) of the regions at the edges, as the archive sets it


@dataclass(frozen=True, eq=False)
class BadRegions:
    """Rectangles as bits by coordinate: a pixel is bad if its x and y have a bit in common.

    Attributes
    ----------
    by_x, by_y
        (chips, pixels + 2) uint64.
    """

    by_x: NDArray[np.uint64]
    by_y: NDArray[np.uint64]

    def hit(self, chip_id: NDArray[np.int16] | int, chipx: NDArray[Any], chipy: NDArray[Any]) -> NDArray[np.bool_]:
        """Which pixels are bad; those beside the chip are."""
        x, y = (np.clip(value, 0, table.shape[1] - 1) for value, table in ((chipx, self.by_x), (chipy, self.by_y)))
        if isinstance(chip_id, int):
            return (self.by_x[chip_id][x] & self.by_y[chip_id][y]) != 0
        return (self.by_x[chip_id, x] & self.by_y[chip_id, y]) != 0


def bad_regions(table: Table, detector: str) -> BadRegions:
    """The lookup of a BADPIX table.

    Raises
    ------
    BadData
        If a shape is no rectangle or a chip has too many of them.
    """
    shapes = {str(shape).strip().upper() for shape in table["SHAPE"]} - {"RECTANGLE"}
    if shapes:
        raise BadData(f"bad pixels: shapes {sorted(shapes)}; HRC files have rectangles only")
    chips = np.asarray(table["CHIP_ID"], np.int64)
    if np.any((chips < 0) | (chips > LAST_CHIP)):
        strange = sorted(set(chips[(chips < 0) | (chips > LAST_CHIP)].tolist()))
        raise BadData(f"bad pixels: CHIP_ID {strange}, HRC has chips 0 to {LAST_CHIP}; deliver another bpix1")
    nx, ny = CHIP_LIMITS[detector]
    by_x, by_y = (np.zeros((LAST_CHIP + 1, n + 2), np.uint64) for n in (nx, ny))
    by_x[:, [0, nx + 1]] = BEYOND_X
    by_y[:, [0, ny + 1]] = BEYOND_Y
    by_x |= BEYOND_Y
    by_y |= BEYOND_X
    for chip in np.unique(chips):
        rows = np.flatnonzero(chips == chip)
        if len(rows) > MOST:
            raise BadData(f"bad pixels: {len(rows)} regions of chip {chip}, at most {MOST} can be taken")
        for bit, row in enumerate(rows):
            for lookup, name in ((by_x, "CHIPX"), (by_y, "CHIPY")):
                low, high = (int(edge) for edge in table[name][row])
                lookup[chip, max(low, 0) : high + 1] |= np.uint64(1 << bit)
    return BadRegions(by_x, by_y)


def bad_pixel_table(
    rows: Iterable[tuple[int, tuple[int, int], tuple[int, int], int]], detector: str = "HRC-I"
) -> Table:
    """The BADPIX table of (chip_id, chipx range, chipy range, status byte); the detector gives the limits of both."""
    found = list(rows)
    status = np.array([row[3] for row in found], np.uint8).reshape(-1, 1)
    return badpix_schema(detector).build(
        {
            "CHIP_ID": np.array([row[0] for row in found], np.int16),
            "SHAPE": np.full(len(found), "RECTANGLE", "U16"),
            "COMPONENT": np.ones(len(found), np.int16),
            "CHIPX": np.array([row[1] for row in found], np.int16).reshape(-1, 2),
            "CHIPY": np.array([row[2] for row in found], np.int16).reshape(-1, 2),
            "STATUS": np.unpackbits(status, axis=1, bitorder="little").astype(bool),
        },
        {"HDUCLASS": ("ASC", "format"), "HDUCLAS1": ("REGION", "kind"), "HDUCLAS2": ("BADPIX", "which one"), **PLACE},
    )


def bad_pixels_of(table: Table | None, detector: str) -> Table:
    """The bad regions of a detector in a calibration table: DETNAM, CHIP_ID, CHIPX_LOW … CHIPY_HIGH, STATUS."""
    rows = rows_of(table, "BADPIX", detector)
    regions = (
        (
            int(row["CHIP_ID"]),
            (int(row["CHIPX_LOW"]), int(row["CHIPX_HIGH"])),
            (int(row["CHIPY_LOW"]), int(row["CHIPY_HIGH"])),
            int(row["STATUS"]),
        )
        for row in rows
    )
    return bad_pixel_table(regions, detector)


def mask_table(bad: Table, detector: str) -> Table:
    """The MASK0 table: on each chip the rectangle that the regions at the edges leave, its own edge pixels included.

    A real HRC-I file ends its left region at 640 and begins its mask there: the mask overlaps the edges by one pixel.
    """
    nx, ny = CHIP_LIMITS[detector]
    first, last = (0, 0) if detector == "HRC-I" else (1, 3)
    columns: dict[str, list[Any]] = {name: [] for name in ("CHIPX", "CHIPY")}
    for chip in range(first, last + 1):
        for name, most, other in (("CHIPX", nx, "CHIPY"), ("CHIPY", ny, "CHIPX")):
            low, high = 1, most
            for row in np.flatnonzero((bad["CHIP_ID"] == chip) & bad["STATUS"][:, EDGE]):
                begin, end = (int(edge) for edge in bad[name][row])
                width = int(bad[other][row][1]) - int(bad[other][row][0])
                if width < (ny if other == "CHIPY" else nx) // 2:
                    continue  # a spot, not an edge
                low = max(low, end) if begin == 1 and end < most else low
                high = min(high, begin) if end == most and begin > 1 else high
            columns[name].append((low, high))
    count = last - first + 1
    rest = {"COMPONENT": range(count), "SAMP_CYC": [1] * count, "PHAMIN": [0] * count, "PHAMAX": [PHA_MAX] * count}
    header: Header = {
        "EXTVER": (0, "version of this extension, as the archive numbers it"),
        "HDUCLASS": ("ASC", "format"), "HDUCLAS1": ("REGION", "kind"), "HDUCLAS2": ("MASK", "which one"), **PLACE,
    }  # fmt: skip
    if detector == "HRC-I":  # the rectangles of the HRC-S are of three chips: COMPONENT tells them apart
        header["CCD_ID"] = (0, "chip")
    return mask_schema(detector).build({"SHAPE": np.full(count, "rectangle", "U16"), **columns, **rest}, header)


def products(bad: Table, detector: str, tstart: float, tstop: float) -> tuple[Product, Product]:
    """The bpix1 and msk1 products of an observation."""
    return (
        Product("HRC_BPIX", (bad,), tstart, tstop, {"CONTENT": ("BADPIX", "data product")}),
        Product("HRC_MSK", (mask_table(bad, detector),), tstart, tstop, {"CONTENT": ("MSK", "data product")}),
    )
