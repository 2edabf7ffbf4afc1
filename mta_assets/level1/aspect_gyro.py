"""Gyro counts of engineering telemetry as the angle that the spacecraft turned about its axes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Product, Table
from mta_assets.instruments import gyro

Array = NDArray[Any]

MSIDS = ("AOGYRCT1", "AOGYRCT2", "AOGYRCT3", "AOGYRCT4")  # accumulated pulses of the selected axes
LONGEST_GAP = 2.0  # [s] between samples: the angle in between is known at both ends and moves by less than it dithers
GLITCH = 0.5  # [arcsec] a jump of the fourth axis against the other three within one sample is a fault of one of them


@dataclass(frozen=True)
class Gyros:
    """Angles turned.

    Attributes
    ----------
    time
        (n,) ascending [s].
    angle
        (n, 3) [arcsec] about roll, pitch and yaw since the first sample, gyro drift included.
    glitch
        (n,) the axes disagree by a jump here.
    """

    time: Array
    angle: Array
    glitch: NDArray[np.bool_]

    @property
    def gaps(self) -> Array:
        """(m, 2) [s] times between samples farther apart than `LONGEST_GAP`."""
        cut = np.flatnonzero(np.diff(self.time) > LONGEST_GAP)
        return np.column_stack([self.time[cut] + gyro.PERIOD, self.time[cut + 1]])

    def at(self, times: Array) -> Array:
        """(m, 3) angles at other times, straight between samples."""
        return np.stack([np.interp(times, self.time, self.angle[:, k]) for k in range(3)], axis=-1)


def read_gyros(products: Iterable[Product], tstart: float, tstop: float) -> Gyros:
    """Angles of an interval out of engineering products (``PCAD_ENG0``) in any order; bad samples are left out.

    An interval without any gives empty arrays.
    """
    parts = [
        _counts(table, tstart, tstop)
        for product in products
        for table in product.tables[:1]
        if all(msid in table for msid in MSIDS)
    ]
    if not parts:
        return Gyros(np.zeros(0), np.zeros((0, 3)), np.zeros(0, bool))
    time, first = np.unique(np.concatenate([time for time, _ in parts]), return_index=True)
    return angles(time, np.concatenate([counts for _, counts in parts])[first])


def angles(time: Array, counts: Array) -> Gyros:
    """Angles of wrapped counts (n, 4) at ascending times (n,)."""
    if not len(time):
        return Gyros(np.zeros(0), np.zeros((0, 3)), np.zeros(0, bool))
    pulses = gyro.unwrap(counts)
    pulses = pulses - pulses[0]
    odd = np.diff(gyro.inconsistency(pulses), prepend=0.0)
    steady = float(np.median(odd[1:])) if len(odd) > 1 else 0.0  # drifts disagree too, but evenly
    glitch = np.abs(odd - steady) > GLITCH + np.abs(steady)
    glitch[0] = False
    return Gyros(np.asarray(time, float), gyro.body_angle(pulses), glitch)


def _counts(table: Table, tstart: float, tstop: float) -> tuple[Array, Array]:
    time = table["TIME"]
    use = (time >= tstart) & (time < tstop)
    if "QUALITY" in table:
        names = list(table.columns)
        use &= ~table["QUALITY"][:, [names.index(msid) for msid in MSIDS]].astype(bool).any(axis=1)
    return time[use], np.stack([table[msid][use] for msid in MSIDS], axis=-1)
