"""Pulse heights of ACIS events: bias, flight grade, grade, sum.

Islands are turned into planes first, one contiguous array per pixel of the inner 3x3: all else is then arithmetic on
whole arrays. Sources: the flight grade and its ASCA-like grade as in `instruments.acis`; the sum: the ASCA rule that
CORNERS = 2 in the headers of real event lists names: the centre, every edge neighbour at or above the split
threshold, and the corner between two of them where the island is an L or a square, that is, of grade 6. It gives
PHA_RO of each of the 42 262 real events with islands that were at hand, 1999 to 2025.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.instruments import acis
from mta_assets.level1.acis_columns import BIAS_BAD, BIAS_PARITY, BIAS_UNKNOWN, NOT_MAXIMUM, OVERFLOW, SUM_OVERFLOW

Planes = NDArray[Any]  # (9, n): pixels of the inner island row by row, the lowest row first

CENTRE = 4
NEIGHBOURS = (0, 1, 2, 3, 5, 6, 7, 8)  # planes in the order of their bits in the flight grade: 1, 2, 4 … 128
EDGES = 2 | 8 | 16 | 64
RIM = np.array([i for i in range(25) if i // 5 in (0, 4) or i % 5 in (0, 4)])  # outer pixels of a 5x5 island
LARGEST, LARGEST_SUM = 4095, 32767


def planes(phas: NDArray[Any]) -> Planes:
    """Planes (9, n) of islands (n, 3, 3), (n, 5, 5), or (n, 3): one row, continuous clocking, its neighbours 0.

    Raises
    ------
    BadData
        If the islands have another shape.
    """
    shape = phas.shape[1:]
    if shape == (3, 3):
        return np.ascontiguousarray(phas.reshape(len(phas), 9).T)
    if shape == (5, 5):
        return np.ascontiguousarray(phas[:, 1:4, 1:4].transpose(1, 2, 0)).reshape(9, len(phas))
    if shape == (3,):
        row = np.zeros((9, len(phas)), phas.dtype)
        row[3:6] = phas.T
        return row
    raise BadData(f"column phas: islands of shape {shape}; expected 3x3, 5x5 or 1x3 pulse heights")


def subtract_bias(
    phas: NDArray[np.integer],
    chipx: NDArray[np.integer],
    chipy: NDArray[np.integer],
    bias: NDArray[Any] | None,
    overclock: NDArray[np.integer] | None = None,
) -> tuple[NDArray[np.int16], NDArray[np.uint32]]:
    """Pulse heights above the bias, and STATUS.

    Parameters
    ----------
    phas
        (n, k, k) raw pulse heights of one chip.
    chipx, chipy
        (n,) centres, from 1.
    bias
        (1024, 1024) bias map [row, column] of the chip; None if it did not come: nothing is subtracted and every
        event has its bit set.
    overclock
        (n,) difference of the overclock to that of the bias (DELTOCL of node and exposure) [adu].

    Source: ACIS science instrument software requirements, 3.2.2.3 (pixel minus bias minus delta overclock).
    """
    status = np.zeros(len(phas), np.uint32)
    if bias is None:
        return phas.astype(np.int16), status | np.uint32(BIAS_UNKNOWN)
    half = phas.shape[-1] // 2
    step = np.arange(-half, half + 1)
    rows = np.clip(chipy.astype(np.intp)[:, None] - 1 + step, 0, bias.shape[0] - 1)
    columns = np.clip(chipx.astype(np.intp)[:, None] - 1 + step, 0, bias.shape[1] - 1)
    level = bias[rows[:, :, None], columns[:, None, :]].astype(np.int16)
    middle = level[:, half, half]
    status[middle == LARGEST] |= np.uint32(BIAS_BAD)
    status[middle == LARGEST - 1] |= np.uint32(BIAS_PARITY)
    found = phas.astype(np.int16) - level
    if overclock is not None:
        found -= overclock.astype(np.int16)[:, None, None]
    return found, status


def flight_grade(pulses: Planes, split: float) -> NDArray[np.uint8]:
    """FLTGRADE 0 to 255: which neighbours are at or above the split threshold [adu]."""
    found = np.zeros(pulses.shape[1], np.uint8)
    for bit, plane in enumerate(NEIGHBOURS):
        found |= (pulses[plane] >= split).view(np.uint8) << np.uint8(bit)
    return found


@lru_cache
def summed_pixels() -> NDArray[np.uint8]:
    """Per FLTGRADE the bits of the neighbours whose pulse heights are summed."""
    between = {2 | 8: 1, 2 | 16: 4, 8 | 64: 32, 16 | 64: 128}
    flight = np.arange(256)
    table = (flight & EDGES).astype(np.uint8)
    for edges, corner in between.items():
        square = (acis.grade(flight) == 6) & (flight & EDGES == edges) & (flight & corner != 0)
        table[square] |= np.uint8(corner)
    table.setflags(write=False)
    return table


def summed(pulses: Planes, flight: NDArray[np.uint8]) -> NDArray[Any]:
    """Pulse height of each event [adu], int32 of whole numbers, float32 of others."""
    whole = pulses.dtype.kind in "iu"
    total = pulses[CENTRE].astype(np.int32 if whole else np.float32)
    counted = np.take(summed_pixels(), flight)
    for bit, plane in enumerate(NEIGHBOURS):
        take = (counted >> np.uint8(bit)) & np.uint8(1)
        total += pulses[plane] * take.astype(pulses.dtype)
    return total


def grades(flight: NDArray[np.uint8]) -> NDArray[np.int16]:
    """GRADE 0 to 7 of FLTGRADE."""
    return np.take(acis.grade(np.arange(256)), flight)


def pulse_status(pulses: Planes, total: NDArray[np.integer], split: float) -> NDArray[np.uint32]:
    """STATUS bits 1 (not a maximum, or below the threshold), 2 and 3 (too large) of raw pulse heights."""
    highest = pulses[0]
    for plane in NEIGHBOURS[1:]:
        highest = np.maximum(highest, pulses[plane])
    centre = pulses[CENTRE]
    status = ((highest > centre) | (centre < split)).astype(np.uint32) * np.uint32(NOT_MAXIMUM)
    if max(int(np.max(highest, initial=0)), int(np.max(centre, initial=0))) > LARGEST:
        status |= (np.maximum(highest, centre) > LARGEST).astype(np.uint32) * np.uint32(OVERFLOW)
    if int(np.max(total, initial=0)) >= LARGEST_SUM:
        status |= (total >= LARGEST_SUM).astype(np.uint32) * np.uint32(SUM_OVERFLOW)
    return status


def rim_charge(phas: NDArray[np.integer], split: float) -> NDArray[np.bool_]:
    """Which 5x5 islands (n, 5, 5) hold more than the split threshold in one of their sixteen outer pixels.

    Such events are mostly the ends of particle tracks (A. Vikhlinin, "Reducing ACIS quiescent background using very
    faint mode", 2001).
    """
    return np.asarray(np.max(phas.reshape(len(phas), 25)[:, RIM], axis=1, initial=0) > split)
