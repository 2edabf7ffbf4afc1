"""HRC calibration as arrays that a block of events is put through.

The rows have the columns of the CALDB's tables: ``gap`` (degap polynomials of each tap), ``tapring``, ``fptest``
(hyperbola), ``eftest`` (flatness), ``sattest``, ``amp_sf_cor`` and ``gain``. A calibration file of a mission holds them
in three tables with DETNAM beside them; `of_tables` takes those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import ConfigError
from mta_assets.core.tables import Table
from mta_assets.instruments.hrc import PLATES

Array = NDArray[np.float64]
Row = Mapping[str, Any]

AXES = ("V", "U")
TABLES = ("DETECTORS", "AXES", "GAP")
PHA_CHANNELS = 256
MIXED = 0  # in `Calibration.scale`: either of two scales


@dataclass(frozen=True)
class Ringing:
    """Third tap while the amplifiers still ring.

    ``a3 - (a2 + b) / a * sin(2 pi (a2 - beta (a2 / a1)^gamma - 1) / (c a2 + d))``, for events with scale 3, a1 > a3 and
    a1 > threshold * a2 + offset whose width is not exceeded.

    Source: Juda et al., "Improving Chandra High Resolution Camera event positions via corrections to crossed-grid
    charge detector signals", SPIE 4140 (2000), table 1, and memo "event_id". The choice of the events is exact in a
    real HRC-I event list.
    """

    a: float
    b: float
    c: float
    d: float
    beta: float
    gamma: float
    threshold: float
    offset: float


@dataclass(frozen=True)
class Axis:
    """Tests of one axis: hyperbola (b, h, a, dh), flatness, and ringing if it is corrected."""

    hyperbola: tuple[float, float, float, float]
    flat_ratio: float
    ringing: Ringing | None


@dataclass(frozen=True, eq=False)
class Calibration:
    """All that turns the signals of one detector into coordinates, pulse invariants and flags.

    Parameters
    ----------
    detector
        ``HRC-I`` or ``HRC-S``.
    amp_gain
        Sum of the three taps of an axis at scale 1 for one pulse-height channel.
    scale
        (256,) amplifier scale of each pulse height, 0 where it is one of two.
    lower
        (256,) the smaller of the two scales there.
    axes
        Tests by axis, ``V`` and ``U``.
    degap
        Per axis: None if there are no gaps, else (chips, taps, 2 sides, coefficients) of the powers 1, 2 … of the fine
        position, whose sum is the position without gaps.
    tap_range
        (4, 2) least and greatest tap that is usable, by scale from 0.
    grid_ratio, pha_ratio
        Greatest relative difference of the axes' sums, and of pulse height and tap sum.
    pi_gain
        Pulse-invariant channels per channel of the scaled tap sum: one number, or a map over raw pixels.
    pi_bin
        Raw pixels along a side of a bin of that map.
    """

    detector: str
    amp_gain: float
    scale: NDArray[np.int8]
    lower: NDArray[np.int8]
    axes: Mapping[str, Axis]
    degap: Mapping[str, Array | None]
    tap_range: Array
    grid_ratio: float
    pha_ratio: float
    pi_gain: float | Array = 1.0
    pi_bin: int = 256


def from_rows(detector: str, settings: Row, axes: Sequence[Row], gaps: Sequence[Row]) -> Calibration:
    """A calibration from rows of text with the columns of the CALDB.

    Raises
    ------
    ConfigError
        If a column is missing or no number, or a tap or chip does not exist.
    """
    try:
        scale, lower = _scales(settings)
        high = [float(settings[f"SAT_HIGH_{k}"]) for k in (1, 2, 3)]
        middle = np.array([[float(settings["SAT_LOW"]), most] for most in (max(high), *high)])
        return Calibration(
            detector,
            float(settings["AMP_GAIN"]),
            scale,
            lower,
            {row["AXIS"]: _axis(row) for row in axes},
            {axis: _degap(detector, axis, [row for row in gaps if row["AXIS"] == axis]) for axis in AXES},
            middle,
            float(settings["GRID_RATIO"]),
            float(settings["PHA_RATIO"]),
            float(settings["PI_GAIN"]),
        )
    except (KeyError, ValueError, IndexError) as error:
        raise ConfigError(
            f"HRC calibration of {detector}: {type(error).__name__} {error}; docs/observations.md has the columns"
        ) from error


def _scales(settings: Row) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Scale of each pulse height by the range switches; within the width of a switch it is one of two.

    Source: M. Juda, "An Improved AMP_SF Correction Scheme".
    """
    pha = np.arange(PHA_CHANNELS)
    scale = np.full(PHA_CHANNELS, 2, np.int8)
    lower = np.ones(PHA_CHANNELS, np.int8)
    first, second = float(settings["PHA_1TO2"]), float(settings["PHA_2TO3"])
    width = float(settings["W_1TO2"]), float(settings["W_2TO3"])
    scale[pha < first - width[0]] = 1
    scale[pha >= second + width[1]] = 3
    scale[(pha >= first - width[0]) & (pha < first + width[0])] = MIXED
    scale[(pha >= second - width[1]) & (pha < second + width[1])] = MIXED
    lower[pha >= second - width[1]] = 2
    return scale, lower


def _axis(row: Row) -> Axis:
    hyperbola = tuple(float(row[f"HYP_{name}"]) for name in ("B", "H", "A", "DH"))
    names = ("A", "B", "C", "D", "BETA", "GAMMA", "THRESH12", "OFFSET")
    values = [float(row[f"TRING_{name}"] or "nan") for name in names]
    ringing = Ringing(*values) if np.isfinite(values).all() else None
    return Axis(hyperbola, float(row["FLAT_RATIO"]), ringing)  # type: ignore[arg-type]


def _degap(detector: str, axis: str, rows: Sequence[Row]) -> Array | None:
    """Coefficients by chip, tap and side; taps without a row have no gap. None if no tap has."""
    plate = PLATES[detector]
    powers = sorted({name[1:] for row in rows for name in row if name[0] in "LR" and len(name) == 2})
    table = np.zeros((max(plate.raw_offset) + 1, plate.taps_v if axis == "V" else plate.taps_u, 2, max(len(powers), 1)))
    table[..., 0] = 1
    for row in rows:
        for side, letter in enumerate("LR"):
            table[int(row["CHIP_ID"]), int(row["TAPNUM"]), side] = [float(row[letter + power]) for power in powers]
    identity = np.all(table[..., 0] == 1) and not np.any(table[..., 1:])
    return None if identity else table


def of_tables(tables: Sequence[Table], detector: str) -> Calibration:
    """The calibration of a detector from the tables of a file: DETECTORS, AXES and GAP, with DETNAM in each row.

    Raises
    ------
    ConfigError
        If a table or the detector is missing, or a number can not be read.
    """
    found = []
    for name in TABLES:
        rows = rows_of(next((table for table in tables if table.name == name), None), name, detector)
        found.append(rows)
    return from_rows(detector, found[0][0], found[1], found[2])


def rows_of(table: Table | None, name: str, detector: str) -> list[Row]:
    """Rows of a detector in a calibration table.

    Raises
    ------
    ConfigError
        If there is no such table, or none of its rows is of the detector.
    """
    if table is None:
        raise ConfigError(f"HRC calibration: there is no table {name} that holds; deliver its file (mta deliver)")
    wanted = np.flatnonzero(table["DETNAM"] == detector).tolist()
    if not wanted:
        raise ConfigError(f"HRC calibration: table {name} has no row for {detector}")
    return [{column: values[row] for column, values in table.columns.items()} for row in wanted]
