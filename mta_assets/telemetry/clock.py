"""Frame counter ↔ time: dated linear-plus-drift correlations of the spacecraft clock.

Source of the method: the keywords BTIMNULL [s], BTIMRATE [s/frame] and BTIMDRFT [s/frame²] in the headers of
Chandra products (ASC-FITS-2.0): ``time = BTIMNULL + BTIMRATE·v + BTIMDRFT·v²`` with ``v`` the frames counted since the
roll-over of the 24-bit counter at BTIMNULL. The unwrapped counter of this package is ``v + 2²⁴·rollovers``, with
``rollovers`` a column of the table, so that it grows for ever, also over a change of the correlation
(docs/telemetry.md has the account).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.errors import ConfigError
from mta_assets.core.tables import Header
from mta_assets.core.times import from_utc
from mta_assets.missions.load import Mission

COLUMNS = ("valid_from_utc", "btimnull", "btimrate", "btimdrft", "rollovers")


@dataclass(frozen=True)
class Clock:
    """Correlations in force one after the other, sorted by time.

    Parameters
    ----------
    valid_from
        From when each correlation is used [s], TT since 1998.0.
    null, rate, drift
        BTIMNULL [s], BTIMRATE [s/frame], BTIMDRFT [s/frame²].
    origin
        Unwrapped counter at BTIMNULL.
    bits
        Width of the counter in the frame.
    """

    valid_from: NDArray[np.float64]
    null: NDArray[np.float64]
    rate: NDArray[np.float64]
    drift: NDArray[np.float64]
    origin: NDArray[np.int64]
    bits: int = 24

    @property
    def first(self) -> NDArray[np.int64]:
        """First unwrapped counter of each correlation."""
        return self.origin + np.rint((self.valid_from - self.null) / self.rate).astype(np.int64)

    def time(self, counter: ArrayLike) -> NDArray[np.float64]:
        """Start of the frames with these unwrapped counters [s], TT since 1998.0."""
        count = np.asarray(counter, dtype=np.int64)
        row = np.maximum(np.searchsorted(self.first, count, side="right") - 1, 0)
        v = (count - self.origin[row]).astype(np.float64)
        return np.asarray(self.null[row] + self.rate[row] * v + self.drift[row] * v * v, dtype=np.float64)

    def counter(self, time: ArrayLike) -> NDArray[np.float64]:
        """Unwrapped counter, with its fraction, at these times [s]; the inverse of `time`."""
        at = np.asarray(time, dtype=np.float64)
        row = np.maximum(np.searchsorted(self.valid_from, at, side="right") - 1, 0)
        null, rate, drift = self.null[row], self.rate[row], self.drift[row]
        v = (at - null) / rate
        for _ in range(2):  # Newton; the drift moves v by less than a frame, so two steps are exact
            v = v - (null + rate * v + drift * v * v - at) / (rate + 2 * drift * v)
        return np.asarray(self.origin[row] + v, dtype=np.float64)

    def keywords(self, counter: int) -> Header:
        """The correlation in force at a counter, as the keywords that products carry."""
        row = max(int(np.searchsorted(self.first, counter, side="right")) - 1, 0)
        return {
            "BTIMNULL": (float(self.null[row]), "[s] Basic Time offset"),
            "BTIMRATE": (float(self.rate[row]), "[s] Basic Time clock rate, per frame"),
            "BTIMDRFT": (float(self.drift[row]), "[s] Basic Time clock drift, per frame squared"),
            "BTIMCORR": (0.0, "[s] correction applied to the rate"),
        }

    def unwrap(self, raw: ArrayLike, near: float) -> NDArray[np.int64]:
        """Unwrapped counters of counters as they stand in the frames: the ones nearest to the time ``near`` [s].

        Unambiguous as long as the frames lie within half a roll-over (24.9 days) of ``near``.
        """
        return nearest(raw, int(self.counter(near)), self.bits)


def nearest(raw: ArrayLike, reference: int, bits: int = 24) -> NDArray[np.int64]:
    """Unwrapped counters nearest to a reference counter; the order of the counters does not matter."""
    count = np.asarray(raw, dtype=np.int64)
    half, full = 1 << (bits - 1), 1 << bits
    return np.asarray(reference + (count - reference + half) % full - half, dtype=np.int64)


def load_clock(path: Path, bits: int = 24) -> Clock:
    """Read a clock table: CSV with the columns of `COLUMNS`, further ones (``source``) are for the reader.

    Raises
    ------
    ConfigError
        If a column is missing, a value is not a number, or rows are not in the order of time and counter.
    """
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
        if missing:
            raise ConfigError(f"{path}: columns {missing} are missing; a clock table has {', '.join(COLUMNS)}")
        rows = list(reader)
    if not rows:
        raise ConfigError(f"{path}: no rows; a clock needs at least one correlation")
    try:
        valid = np.array([from_utc(row["valid_from_utc"]) for row in rows])
        null, rate, drift = (np.array([float(row[name]) for row in rows]) for name in COLUMNS[1:4])
        origin = np.array([int(row["rollovers"]) << bits for row in rows], dtype=np.int64)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}; expected a UTC date and numbers") from error
    clock = Clock(valid, null, rate, drift, origin, bits)
    if np.any(rate <= 0) or np.any(np.diff(valid) <= 0) or np.any(np.diff(clock.first) <= 0):
        raise ConfigError(f"{path}: rates must be positive, valid_from_utc and the counters must grow from row to row")
    return clock


def mission_clock(mission: Mission) -> Clock:
    """The clock that ``mission.toml`` names, read once per process and again when its file has changed."""
    name = mission.file.telemetry.clock
    if name is None:
        raise ConfigError(f"mission {mission.name}: [telemetry] names no clock table, so frames have no time")
    path = mission.path(name)
    return _load_once(path, mission.frame.counter_bits, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _load_once(path: Path, counter_bits: int, modified: int) -> Clock:
    return load_clock(path, counter_bits)
