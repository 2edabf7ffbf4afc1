"""From raw counts to engineering values as an XTCE parameter type says: calibrators, enumerations, booleans, texts.

Every result equals what space_packet_parser computes for one packet, to the last bit. Where that is a matter of the
order of floating-point operations the vectorised form keeps the order; where it could differ (powers that do not fit
into 53 bits) each distinct value is calibrated once by space_packet_parser itself.
A count outside its calibration is no reason to lose a packet: the value is NaN (or empty) and flagged OUT_OF_RANGE.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.flags import Quality

Array = NDArray[Any]
EXACT = 2.0**53  # integers up to here are exact as float64


@dataclass(slots=True)
class Value:
    """A parameter of some packets.

    Attributes
    ----------
    converted, raw
        Engineering values and raw counts; the same object where there is no difference. Texts are kept as raw bytes
        of shape (packets, bytes).
    quality
        core.flags.Quality of each, None if all are good.
    size
        Bytes of each raw value, None unless the size varies from packet to packet.
    """

    converted: Array
    raw: Array
    quality: NDArray[np.uint8] | None = None
    size: NDArray[np.int64] | None = None

    def where(self, rows: Array) -> Value:
        raw = self.raw[rows]
        return Value(
            raw if self.converted is self.raw else self.converted[rows],
            raw,
            None if self.quality is None else self.quality[rows],
            None if self.size is None else self.size[rows],
        )


def flagged(converted: Array, raw: Array, bad: NDArray[np.bool_], size: NDArray[np.int64] | None = None) -> Value:
    """A value whose ``bad`` elements have no engineering value."""
    quality = np.where(bad, np.uint8(Quality.OUT_OF_RANGE), np.uint8(0)) if bad.any() else None
    return Value(converted, raw, quality, size)


def calibrate(calibrator: Any, raw: Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Apply a polynomial or spline calibrator of space_packet_parser.

    Returns
    -------
    values, bad
        Calibrated values, NaN where ``bad``: where space_packet_parser has no value either, but for a count on the
        last point of a spline, which it refuses and which here has the value of that point.
    """
    from space_packet_parser.xtce.calibrators import PolynomialCalibrator, SplineCalibrator

    if isinstance(calibrator, SplineCalibrator) and _exact(raw, 1):
        return _spline(calibrator, raw)
    if isinstance(calibrator, PolynomialCalibrator):
        terms = calibrator.coefficients
        powers = [int(term.exponent) for term in terms]
        # Python 3.12 adds floats with compensation, which matters from three terms on.
        plain = len(terms) < 3 or sys.version_info < (3, 12)
        if plain and min(powers, default=0) >= 0 and (max(powers, default=0) < 2 or _exact(raw, max(powers))):
            return _polynomial(terms, raw)
    return _one_by_one(calibrator.calibrate, raw)


def _exact(raw: Array, power: int) -> bool:
    if raw.dtype == object or not len(raw):
        return False
    if raw.dtype.kind == "f":
        return power == 1
    return max(abs(int(raw.min())), abs(int(raw.max()))) ** power <= EXACT


def _polynomial(terms: Any, raw: Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    total = np.zeros(len(raw))
    for term in terms:
        if term.exponent == 0:
            power: Any = 1.0
        elif term.exponent == 1:
            power = raw.astype(np.float64)
        else:
            power = (raw.astype(np.int64) ** int(term.exponent)).astype(np.float64)
        total = total + term.coefficient * power
    return total, np.zeros(len(raw), bool)


def _spline(calibrator: Any, raw: Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    x = np.array([point.raw for point in calibrator.points], float)
    y = np.array([point.calibrated for point in calibrator.points], float)
    if len(x) < 2 or (np.diff(x) == 0).any():
        return _one_by_one(calibrator.calibrate, raw)
    at = raw.astype(np.float64)
    above = np.searchsorted(x, at, side="right")
    inside = (at >= x[0]) & (at <= x[-1])
    if calibrator.order == 0:
        value = y[np.clip(above - 1, 0, len(y) - 1)]
    else:
        high = np.clip(above, 1, len(x) - 1)
        slope = (y[high] - y[high - 1]) / (x[high] - x[high - 1])
        value = slope * (at - x[high - 1]) + y[high - 1]
        last = (y[-1] - y[-2]) / (x[-1] - x[-2]) * (at - x[-2]) + y[-2]
        value = np.where(at > x[-1], last, value)
        value = np.where(at == x[-1], y[-1], value)
    bad = np.isnan(at) if calibrator.extrapolate else ~inside
    return np.where(bad, np.nan, value), bad


def _one_by_one(function: Callable[[Any], float], raw: Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Each distinct count once, by the function that does it for one packet."""
    from space_packet_parser.exceptions import CalibrationError

    distinct, inverse = np.unique(raw, return_inverse=True)
    value = np.full(len(distinct), np.nan)
    bad = np.zeros(len(distinct), bool)
    for place, count in enumerate(distinct.tolist()):
        try:
            value[place] = function(count)
        except (CalibrationError, ValueError, ArithmeticError, IndexError, TypeError):
            bad[place] = True
    return value[inverse.reshape(-1)], bad[inverse.reshape(-1)]


def labels(enumeration: dict[Any, str], raw: Array) -> Value:
    """States of integer or float counts; a count without a state is empty and flagged."""
    kept = {key: label for key, label in enumeration.items() if _fits(key, raw.dtype)}
    if raw.dtype == object or not kept:
        table = [enumeration.get(count) for count in raw.tolist()]
        texts = np.array([label or "" for label in table], str)
        return flagged(texts, raw, np.array([label is None for label in table], bool))
    keys = np.array(list(kept), raw.dtype)
    order = np.argsort(keys)
    names = np.array([*kept.values(), ""], str)
    place = np.minimum(np.searchsorted(keys[order], raw), len(keys) - 1)
    missing = keys[order][place] != raw
    return flagged(names[np.where(missing, len(keys), order[place])], raw, missing)


def _fits(key: Any, dtype: np.dtype[Any]) -> bool:
    if dtype.kind not in "iu":
        return True
    return isinstance(key, int) and int(np.iinfo(dtype).min) <= key <= int(np.iinfo(dtype).max)


def texts(encoding: Any, raw: NDArray[np.uint8], size: NDArray[np.int64] | None, whole: int) -> Value:
    """Strings of raw bytes (packets, bytes), by space_packet_parser, each distinct one once.

    Parameters
    ----------
    size
        Bytes of each where they vary.
    whole
        Bytes of all where they do not.

    NumPy texts do not keep trailing NUL characters; the raw bytes do.
    """
    import space_packet_parser as spp

    def decode(content: bytes) -> str | None:
        fixed = copy.copy(encoding)
        fixed.fixed_length, fixed.dynamic_length_reference, fixed.discrete_lookup_length = 8 * len(content), None, None
        if not content:
            return None if encoding.termination_character or encoding.leading_length_size else ""
        try:
            return str(fixed.parse_value(spp.SpacePacket(binary_data=content)))
        except (ValueError, UnicodeError):
            return None

    return _distinct(decode, raw, size, whole)


def byte_labels(enumeration: dict[bytes, str], raw: NDArray[np.uint8], size: Any, whole: int) -> Value:
    """States of counts that are strings."""
    return _distinct(enumeration.get, raw, size, whole)


def _distinct(function: Callable[[bytes], str | None], raw: NDArray[np.uint8], size: Any, whole: int) -> Value:
    lengths = np.full(len(raw), whole, np.int64) if size is None else size
    key = np.concatenate([lengths.astype(">u4").view(np.uint8).reshape(-1, 4), raw], axis=1)
    items = np.ascontiguousarray(key).view(f"V{key.shape[1]}")[:, 0]
    distinct, inverse = np.unique(items, return_inverse=True)
    found = [function(item.tobytes()[4 : 4 + int.from_bytes(item.tobytes()[:4], "big")]) for item in distinct]
    names = np.array([name or "" for name in found], str)
    bad = np.array([name is None for name in found], bool)
    return flagged(names[inverse.reshape(-1)], raw, bad[inverse.reshape(-1)], size)
