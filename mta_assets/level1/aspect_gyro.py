"""Gyro counts of engineering telemetry as the angle that the spacecraft turned about its axes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Product, Table
from mta_assets.instruments import gyro

Array = NDArray[Any]

MSIDS = ("AOGYRCT1", "AOGYRCT2", "AOGYRCT3", "AOGYRCT4")  # accumulated pulses of the selected axes
LONGEST_GAP = 2.0  # [s] between samples: the angle in between is known at both ends and moves by less than it dithers
LONGEST_SPIKE = 8  # samples that may be wrong between two good ones: as long as the longest gap
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
    dropped
        Samples that were left out because an axis jumped to them and back: damaged telemetry, no rotation.
    """

    time: Array
    angle: Array
    glitch: NDArray[np.bool_]
    dropped: int = 0

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
        _counts(product.file_id, table, tstart, tstop)
        for product in products
        for table in product.tables[:1]
        if all(msid in table for msid in MSIDS)
    ]
    if not parts:
        return Gyros(np.zeros(0), np.zeros((0, 3)), np.zeros(0, bool))
    time, first = np.unique(np.concatenate([time for time, _ in parts]), return_index=True)
    return angles(time, np.concatenate([counts for _, counts in parts])[first])


def angles(time: Array, counts: Array) -> Gyros:
    """Angles of wrapped counts (n, 4) at ascending times (n,); spikes are left out, what follows is a glitch."""
    if not len(time):
        return Gyros(np.zeros(0), np.zeros((0, 3)), np.zeros(0, bool))
    spikes = _spikes(*_jumps(gyro.unwrap(counts)))
    kept = np.flatnonzero(~spikes)
    pulses = gyro.unwrap(counts[kept])
    _, glitch = _jumps(pulses)
    glitch[1:] |= np.diff(kept) > 1
    return Gyros(np.asarray(time, float)[kept], gyro.body_angle(pulses - pulses[0]), glitch, int(spikes.sum()))


def _jumps(pulses: Array) -> tuple[Array, NDArray[np.bool_]]:
    """By how much the axes disagree otherwise than in the sample before [arcsec], and where that is a jump."""
    odd = np.diff(gyro.inconsistency(pulses - pulses[0]), prepend=0.0)
    steady = float(np.median(odd[1:])) if len(odd) > 1 else 0.0  # drifts disagree too, but evenly
    jump = odd - steady
    jump[0] = 0.0
    return jump, np.abs(jump) > GLITCH + np.abs(steady)


def _spikes(jump: Array, glitch: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Samples between a jump and one back, as far as counts that wrap tell."""
    wrap = gyro.MODULUS * gyro.inconsistency(np.eye(4)).max()
    found = np.zeros(len(jump), bool)
    until = 0
    for first in np.flatnonzero(glitch).tolist():
        if first < until:
            continue
        level = np.cumsum(jump[first : first + LONGEST_SPIKE + 1])
        back = np.flatnonzero(np.abs((level + wrap / 2) % wrap - wrap / 2) < GLITCH)
        if len(back):
            until = first + int(back[0]) + 1
            found[first : until - 1] = True
    return found


def _counts(file_id: str, table: Table, tstart: float, tstop: float) -> tuple[Array, Array]:
    wrong = [msid for msid in MSIDS if table[msid].dtype.kind not in "iu" or table[msid].ndim != 1]
    if wrong:
        raise BadData(f"{file_id}[{table.name}]: {', '.join(wrong)}: expected a whole number a row; make it again")
    if "QUALITY" in table and table["QUALITY"].shape != (len(table), len(table.columns)):
        raise BadData(f"{file_id}[{table.name}].QUALITY: expected a bit for each column; make it again")
    time = table["TIME"]
    use = (time >= tstart) & (time < tstop)
    if "QUALITY" in table:
        names = list(table.columns)
        use &= ~table["QUALITY"][:, [names.index(msid) for msid in MSIDS]].astype(bool).any(axis=1)
    return time[use], np.stack([table[msid][use] for msid in MSIDS], axis=-1)
