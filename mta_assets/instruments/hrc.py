"""HRC: taps, amplitude scale and the raw coordinates that they encode.

Checked against a real HRC-I event list: ``raw = 256 * (coarse + 1/2 + fine)`` with
``fine = (a3 - a1) / (a1 + a2 + a3)`` holds to 2 pixels before the degap correction of level 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

TAP_PIXELS = 256  # raw pixels between two taps
ADC_MAX = 4095  # largest amplitude of a 12-bit ADC
PHA_MAX = 255
TICK = 1.5625e-5  # [s] unit of CLKTICKS (TIMEDEL of real HRC event files)
TELEMETRY_LIMIT = 184.0  # [events/s] what the 24 kbit/s of format 1 carry
# what an event holds the electronics for (M. Juda & A. Dobrzycki 1999, "HRC dead time and telemetry saturation")
GATE_CHECK = 19.5e-6  # [s] hardware checks of every event
GATE_PROCESS = 49.0e-6  # [s] processing of an event that passes them
ROW = 2.05  # [s] one row of secondary science, where the rates stand: eight minor frames

# bits of the veto byte (order of status bits 9 to 16 of the level-1 event list)
VETO_BITS = {
    "center_blank_v": 0x80,
    "center_blank_u": 0x40,
    "width_v": 0x20,
    "width_u": 0x10,
    "antico": 0x08,
    "spare": 0x04,
    "uld": 0x02,
    "lld_not": 0x01,
}


@dataclass(frozen=True)
class Plate:
    """Taps along each axis and, per chip, what added to chipy (v axis) gives rawy."""

    taps_u: int
    taps_v: int
    raw_offset: dict[int, float]


# HRC-S: CHIPY = rawy + 12.5, - 16459.5, - 32929.5 (MARX hrc_s_geom table, after the coordinate memo)
PLATES = {
    "HRC-I": Plate(64, 64, {0: 0.0}),
    "HRC-S": Plate(16, 192, {1: -12.5, 2: 16459.5, 3: 32929.5}),
}


def raw_position(coarse: ArrayLike, a1: ArrayLike, a2: ArrayLike, a3: ArrayLike) -> NDArray[np.float64]:
    """Raw coordinate [pixel] along one axis from the coarse position and the three tap amplitudes."""
    first, middle, last = (np.asarray(a, float) for a in (a1, a2, a3))
    total = first + middle + last
    fine = np.divide(last - first, total, out=np.zeros_like(total), where=total > 0)
    return (np.asarray(coarse) + 0.5 + fine) * TAP_PIXELS
