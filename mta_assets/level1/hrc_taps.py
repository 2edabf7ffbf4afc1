"""From tap and amplifier signals of HRC events to raw positions, pulse invariants and the flags of the signals.

Sources: `level1.hrc_calibration` for the corrections; M. Juda, "HRC Status Bit Definitions"; the hyperbola as in
PINTofALE ``hrcs_process_evt``. What the documents leave open is as in a real HRC-I event list (2886, 50 760 events),
exact there for every event in which no tap rings (for which HRC-I's coefficients are not at hand):

- the position before degap is ``256 (coarse + 1/2 + (a3 - a1) / (a1 + a2 + a3))``, rounded;
- SUMAMPS is the sum of the six taps after the ringing correction, not scaled;
- ringing is corrected where the (corrected) scale is 3, a1 > a3 and the width bit of the axis is clear;
- amplitude = ``floor(SUMAMPS 2^(scale - 1) / (2 gain))``; where it is zero bit 22 is set and bit 21 is not tested;
- bit 21: ``|PHA - amplitude| > 0.5 amplitude``; bit 23: ``|sum_v - sum_u| > 0.5 sum_v``;
- bits 18 and 24: an axis' sum is zero; bits 27, 28: both outer taps at or above half the middle one, which is not zero;
- bits 29, 30: fewer than two taps lie in 20 … 4094, or at scale 3 not all three (the third one corrected) in 20 … 3550;
- bits 31, 32: the hyperbola with one set of four numbers for each axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments import hrc_status as status
from mta_assets.instruments.hrc import PHA_MAX, TAP_PIXELS
from mta_assets.level1.hrc_calibration import MIXED, PHA_CHANNELS, Axis, Calibration, Ringing

Array = NDArray[np.float64]
Bits = NDArray[np.uint32]

RINGING_SCALE = 3
NEEDED = (3, 2, 2, 3)  # usable taps that an axis needs, by scale from 0
PI_MAX = 1023  # TLMAX of PI

BIT = {
    "V": (status.RINGING_V, status.WIDTH_V, status.BAD_CENTRE_V, status.FLAT_V, status.SATURATED_V, status.HYPERBOLA_V),
    "U": (status.RINGING_U, status.WIDTH_U, status.BAD_CENTRE_U, status.FLAT_U, status.SATURATED_U, status.HYPERBOLA_U),
}


@dataclass(frozen=True, eq=False)
class Signals:
    """One axis of a block of events.

    Attributes
    ----------
    total
        Sum of the three taps, the third corrected.
    fine
        Fine position [taps], -1 to 1; 0 where the sum is zero.
    """

    total: Array
    fine: Array


def scales(pha: NDArray[Any], amplitude: Array, calibration: Calibration) -> NDArray[np.int8]:
    """Amplifier scale (1, 2, 3) of each event from its pulse height.

    ``amplitude`` is the sum of the six taps as telemetered: where the pulse height allows two scales, the one is taken
    for which it is closer to the pulse height.
    """
    found = calibration.scale[pha]
    mixed = np.flatnonzero(found == MIXED)
    if len(mixed):
        low = calibration.lower[pha[mixed]]
        value, unit = pha[mixed].astype(np.float64), amplitude[mixed] / (2 * calibration.amp_gain)
        small, large = unit * 2.0 ** (low - 1), unit * 2.0**low
        found[mixed] = np.where(np.abs(value - large) < np.abs(value - small), low + 1, low)
    return found


def ring(taps: tuple[Array, Array, Array], where: NDArray[np.intp], model: Ringing) -> Array:
    """The third tap of the events ``where``, without what the amplifier's ringing added."""
    first, middle, last = (tap[where] for tap in taps)
    ratio = np.divide(middle, first, out=np.zeros_like(middle), where=first > 0)
    phase = (middle - model.beta * ratio**model.gamma - 1) / (model.c * middle + model.d)
    return last - (middle + model.b) / model.a * np.sin(2 * np.pi * phase)


def axis_signals(
    taps: tuple[Array, Array, Array], scale: NDArray[np.int8], name: str, calibration: Calibration, flags: Bits
) -> Signals:
    """Fine position and sum of one axis; its bits are set in ``flags``, the array of the block that is being made."""
    axis = calibration.axes[name]
    ringing, width, centre, flat, saturated, hyperbola = BIT[name]
    first, middle, last = taps
    if axis.ringing is not None:
        hit = (scale == RINGING_SCALE) & (first > last) & ((flags & status.mask(width)) == 0)
        where = np.flatnonzero(hit & (first > axis.ringing.threshold * middle + axis.ringing.offset))
        if len(where):
            last = last.copy()
            last[where] = ring(taps, where, axis.ringing)
            flags[where] |= status.mask(ringing)
    outer = first + last
    total = outer + middle
    safe = np.where(total > 0, total, np.inf)
    fine = (last - first) / safe
    _set(flags, np.maximum(first, taps[2]) > middle, centre)
    _set(flags, np.minimum(first, last) >= axis.flat_ratio * middle, flat, middle > 0)
    _set(flags, too_few_taps((first, middle, last), scale, calibration), saturated)
    _set(flags, misfit(middle / safe, fine, axis), hyperbola, total > 0)
    return Signals(total, fine)


def too_few_taps(
    taps: tuple[Array, Array, Array], scale: NDArray[np.int8], calibration: Calibration
) -> NDArray[np.bool_]:
    """Whether fewer taps lie in the range of their amplifier than a position takes: two, and all three at scale 3."""
    low, high = calibration.tap_range[0, 0], calibration.tap_range[:, 1]
    most: Any = high[0] if np.all(high == high[0]) else high[scale]
    usable = np.zeros(len(scale), np.int8)
    for tap in taps:
        usable += ((tap >= low) & (tap <= most)).view(np.int8)
    return np.asarray(usable < np.array(NEEDED, np.int8)[scale], dtype=np.bool_)


def misfit(share: Array, fine: Array, axis: Axis) -> NDArray[np.bool_]:
    """Whether the middle tap's share does not lie within the band about the hyperbola of the fine position.

    ``((share - (h ± dh)) / a)² - (fine / b)² = 1`` are its edges; X-rays lie between them.
    """
    b, h, a, dh = axis.hyperbola
    # on the branch of small shares: share = h ± dh - a sqrt(1 + (fine / b)²)
    curve = fine * (a / b)
    curve *= curve
    curve += a * a
    np.sqrt(curve, out=curve)
    curve += share
    return (curve < h - dh) | (curve > h + dh)


def degap(fine: Array, tap: NDArray[Any], chip_id: NDArray[np.int16] | int, table: Array | None) -> Array:
    """Fine position without the gaps between the taps: a polynomial of its absolute value for each side of each tap."""
    if table is None:
        return fine
    size = np.abs(fine)
    rows = table[chip_id, tap, (fine >= 0).view(np.int8)]
    value = rows[:, -1]
    for power in range(table.shape[-1] - 2, -1, -1):
        value = value * size + rows[:, power]
    return np.copysign(value * size, fine)


def raw(coarse: Array, fine: Array) -> Array:
    """Raw coordinate [pixel, continuous]."""
    return (coarse + 0.5 + fine) * TAP_PIXELS


def sum_flags(v: Array, u: Array, pha: NDArray[Any], scaled: Array, calibration: Calibration, flags: Bits) -> None:
    """Bits 18, 21 to 24 of the block's ``flags``.

    Parameters
    ----------
    v, u
        Sums of the taps of each axis.
    scaled
        Both, times 2^(scale - 1).
    """
    amplitude = np.floor(scaled / (2 * calibration.amp_gain))
    _set(flags, amplitude == 0, status.NO_AMPLITUDE)
    _set(flags, np.abs(pha - amplitude) > calibration.pha_ratio * amplitude, status.PHA_RATIO, amplitude != 0)
    _set(flags, np.abs(v - u) > calibration.grid_ratio * v, status.GRID_RATIO, v > 0)
    least = np.minimum(v, u)
    none = np.flatnonzero(least <= 0)
    flags[none] |= status.mask(status.NO_SUM)
    flags[none[least[none] == 0]] |= status.mask(status.ZERO_SUM)


def pulse_invariant(
    scaled: Array, raw_u: Array, raw_v: Array, calibration: Calibration, flags: Bits
) -> NDArray[np.int16]:
    """PI [channel] from the scaled tap sum and the gain at the place of the event; overflow sets bit 25."""
    gain: Any = calibration.pi_gain
    if isinstance(gain, np.ndarray):
        size = calibration.pi_bin
        across = np.clip(raw_u // size, 0, gain.shape[1] - 1).astype(np.intp)
        gain = gain[np.clip(raw_v // size, 0, gain.shape[0] - 1).astype(np.intp), across]
    value = scaled / (2 * calibration.amp_gain) * gain
    _set(flags, value > PI_MAX, status.PI_OVERFLOW)
    return np.clip(value, 0, PI_MAX).astype(np.int16)


def pulse_heights(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.intp]:
    """PHA as an index of the tables by pulse height."""
    return np.clip(columns["PHA"], 0, PHA_MAX).astype(np.intp) % PHA_CHANNELS


def _set(flags: Bits, where: NDArray[np.bool_], bit: int, only: NDArray[np.bool_] | None = None) -> None:
    chosen = where if only is None else where & only
    flags |= chosen.astype(np.uint32) << np.uint32(status.BITS - bit)
