"""ACIS: what is fixed about its chips, nodes, thresholds, grades and clocking."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

CCD_NAMES = ("I0", "I1", "I2", "I3", "S0", "S1", "S2", "S3", "S4", "S5")  # by ccd_id
BACK_ILLUMINATED = (5, 7)  # S1 and S3; the other chips are front-illuminated (POG, chapter 6)
ROWS = COLUMNS = 1024
NO_CCD = 10  # CCD_ID of a front-end processor without a chip, in parameter blocks
NODE_COLUMNS = 256  # columns that one output node reads
FEPS = 6  # front-end processors: at most so many chips at once
SPLIT_THRESHOLD = 13  # [adu] a neighbour at or above it belongs to the event (EVTSPLT of the CALDB)
EVENT_THRESHOLD_FI = 38  # [adu] smallest central pulse height of an event, front-illuminated
EVENT_THRESHOLD_BI = 20  # [adu] the same, back-illuminated
PHA_MIN, PHA_RANGE = 0, 3750  # [adu] summed pulse heights outside are discarded on board (mask file PHAMIN, PHARANGE)
REJECTED_GRADES = (24, 66, 107, 214, 255)  # flight grades that the usual on-board filter discards

FRAME_TRANSFER = 0.04104  # [s] part of the exposure period in which the image moves to the frame store
ROW_TIME = 0.00285  # [s] continuous clocking: one row
CC_ROWS = 512  # rows of one continuous-clocking "exposure"
STORE_ROWS = 1028  # rows before the first one of the chip: frame store and two unused ("ACIS CC mode absolute time")

# bit of each neighbour in the flight grade, [row, column] of the 3x3 island with the lowest row first
GRADE_BITS = np.array([[1, 2, 4], [8, 0, 16], [32, 64, 128]], dtype=np.uint8)


def is_back_illuminated(ccd_id: ArrayLike) -> NDArray[np.bool_]:
    """For each chip whether it is back-illuminated."""
    return np.isin(np.asarray(ccd_id), BACK_ILLUMINATED)


def event_threshold(ccd_id: ArrayLike) -> NDArray[np.int16]:
    """Smallest central pulse height [adu] of an event on each chip."""
    return np.where(is_back_illuminated(ccd_id), EVENT_THRESHOLD_BI, EVENT_THRESHOLD_FI).astype(np.int16)


def node_id(chipx: ArrayLike) -> NDArray[np.int16]:
    """Output node 0 to 3 that reads a column (chipx from 1)."""
    return ((np.asarray(chipx) - 1) // NODE_COLUMNS).astype(np.int16)


def fltgrade(phas: NDArray[np.int16], split: int = SPLIT_THRESHOLD) -> NDArray[np.int16]:
    """Flight grade 0 to 255 of islands of shape (n, 3, 3), or of the inner 3x3 of (n, 5, 5), [row, column]."""
    inner = phas[:, 1:4, 1:4] if phas.shape[-1] == 5 else phas
    return np.sum((inner >= split) * GRADE_BITS, axis=(1, 2), dtype=np.int16)


@lru_cache
def _grade_table() -> NDArray[np.int16]:
    """GRADE of each FLTGRADE, by the rule that the published table follows (ACIS calibration report, table A.1).

    An edge neighbour touches the two corners at its ends. 0: no neighbour. 1: corners only. 2, 3, 4: one edge
    (vertical, left, right) and none of its own corners. 5: one edge with a corner of its own. 6: two edges at a
    right angle, with or without the corner between them, and no other corner that touches them. 7: the rest.
    """
    own = {2: 1 | 4, 64: 32 | 128, 8: 1 | 32, 16: 4 | 128}
    between = {8 | 64: 32, 64 | 16: 128, 16 | 2: 4, 2 | 8: 1}
    single = {2: 2, 64: 2, 8: 3, 16: 4}
    table = np.full(256, 7, dtype=np.int16)
    for flight in range(256):
        edges, corners = flight & 0x5A, flight & 0xA5
        if not edges:
            table[flight] = 1 if corners else 0
        elif edges in single:
            table[flight] = 5 if corners & own[edges] else single[edges]
        elif edges in between:
            touched = 0
            for edge, ends in own.items():
                touched |= ends if edges & edge else 0
            if not corners & touched & ~between[edges]:
                table[flight] = 6
    table.setflags(write=False)
    return table


def grade(flight: ArrayLike) -> NDArray[np.int16]:
    """ASCA-like GRADE 0 to 7 of flight grades 0 to 255."""
    return _grade_table()[np.asarray(flight, dtype=np.int64)]


def pha(phas: NDArray[np.int16], split: int = SPLIT_THRESHOLD) -> NDArray[np.int32]:
    """Summed pulse height [adu] of islands (3x3, or the inner 3x3 of 5x5).

    The centre, the edge neighbours at or above the split threshold, and the corners that are so too and
    have such an edge neighbour beside them (ACIS software requirements 3.2.2.3.14).
    """
    inner = (phas[:, 1:4, 1:4] if phas.shape[-1] == 5 else phas).astype(np.int32)
    above = inner >= split
    counted = above.copy()
    for row, column in ((0, 0), (0, 2), (2, 0), (2, 2)):
        counted[:, row, column] &= above[:, 1, column] | above[:, row, 1]
    counted[:, 1, 1] = True
    return np.sum(inner * counted, axis=(1, 2), dtype=np.int32)


def frame_time(datamode: str, ccds: tuple[int, ...]) -> float:
    """Time between exposures [s]: 3.1 s (3.2 s with six chips) and the frame transfer; 512 rows if clocked on."""
    if datamode.startswith("CC"):
        return CC_ROWS * ROW_TIME
    return (3.2 if len(ccds) >= FEPS else 3.1) + FRAME_TRANSFER


def island_size(datamode: str) -> int:
    """Pixels along a side of the event island that the mode telemeters."""
    return 5 if datamode == "VFAINT" else 3


def fep_ids(ccds: tuple[int, ...]) -> dict[int, int]:
    """Front-end processor of each chip: in the order in which the observation names its chips."""
    return {ccd: fep for fep, ccd in enumerate(ccds)}


@lru_cache
def gains() -> NDArray[np.float64]:
    """Electronvolts per adu of each chip and node, shape (10, 4), from ``acis_gain.csv``.

    S2 and S3 as in a real event list of 2024; the others are ours, near what front- and back-illuminated chips have.
    """
    table = np.zeros((len(CCD_NAMES), COLUMNS // NODE_COLUMNS))
    with (Path(__file__).parent / "acis_gain.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            table[int(row["ccd_id"]), int(row["node_id"])] = float(row["ev_per_adu"])
    table.setflags(write=False)
    return table
