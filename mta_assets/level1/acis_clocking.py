"""Continuous clocking: when and on which row photons fell whose row number is a time.

The chip is read row by row without a pause, so that a row of the telemetry is a moment of readout. A photon of the
target fell on the row where the target was imaged, and its charge took as many row times to the readout as there were
rows before it, and those of the frame store. Source: "ACIS CC mode absolute time" (MSFC): delay = (CHIPY(t) + 1028)
2.85 ms, with two unused rows and the 1026 of the frame store.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments import geometry_sky
from mta_assets.instruments.acis import ROW_TIME, STORE_ROWS
from mta_assets.instruments.geometry_sky import Aspect

ROUNDS = 3  # the target's row moves by less than 0.2 rows/s, the delay is 6 s: 1, 0.001, 1e-6 rows
Array = NDArray[np.float64]


def target_rows(
    aspect: Aspect, times: Array, ccd: int, sim: tuple[float, float], nominal: tuple[float, float], target: Array
) -> Array:
    """Row (chipy, continuous) of a chip's plane on which a target is imaged at times [s]; NaN without aspect.

    Parameters
    ----------
    sim
        SIM offset (SIM_X, SIM_Z) [mm].
    nominal
        RA_NOM, DEC_NOM [deg].
    target
        RA_TARG, DEC_TARG [deg].
    """
    q, offsets = geometry_sky.attitudes(aspect, times)
    maps = geometry_sky.sky_maps("ACIS", q, *nominal)
    skyx, skyy = geometry_sky.sky_pixel("ACIS", target[0], target[1], *nominal)
    index = np.arange(len(times))
    skyx, skyy = np.full(len(times), float(skyx)), np.full(len(times), float(skyy))
    detx, dety = geometry_sky.sky_to_det("ACIS", maps, index, skyx, skyy)
    x, y = geometry_sky.det_to_chip("ACIS", ccd, detx, dety, *sim)
    if offsets is None:
        return y
    # the inverse knows no offsets of the aspect: what they move the place by is taken off
    there = geometry_sky.chip_to_det("ACIS", geometry_sky.det_maps("ACIS", *sim), np.full(len(x), ccd), x, y, offsets)
    return geometry_sky.det_to_chip("ACIS", ccd, 2 * detx - there[0], 2 * dety - there[1], *sim)[1]


def readout_times(start: Array, row: NDArray[np.integer]) -> Array:
    """Middle of the readout [s] of rows 0 to 511 of an exposure that began at ``start``."""
    return np.asarray(start + (row + 0.5) * ROW_TIME, dtype=np.float64)


def arrivals(
    aspect: Aspect,
    read_out: Array,
    ccd: int,
    sim: tuple[float, float],
    nominal: tuple[float, float],
    target: Array,
) -> tuple[Array, Array]:
    """Times of arrival [s] and target's rows then (CHIPY_ADJ) of events read out at some times.

    Without aspect both are NaN: when a photon came is not known then.
    """
    delay = (512 + STORE_ROWS) * ROW_TIME
    # the row is a smooth function of time: whole tenths of a second, the same for every block, are near enough
    first, last = np.floor((read_out.min() - 2 * delay) * 10) - 10, np.ceil(read_out.max() * 10) + 2
    grid = np.arange(first, last) / 10
    rows = target_rows(aspect, grid, ccd, sim, nominal, target)
    row = np.full(len(read_out), 512.0)
    for _ in range(ROUNDS):
        row = np.interp(read_out - (row + STORE_ROWS) * ROW_TIME, grid, rows)
    return read_out - (row + STORE_ROWS) * ROW_TIME, row
