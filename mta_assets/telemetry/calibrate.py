"""Counts to engineering units and states, and back.

Three kinds of calibration, as operational databases have them: a polynomial in counts, point pairs with straight
lines between them, and a table of states. The way back (for a simulator or a command) gives the nearest count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.errors import BadData

Array = NDArray[Any]
LOOKUP_BITS = 16  # up to here the way back of a curve goes over a table of all counts


@dataclass(frozen=True)
class Polynomial:
    """Engineering value = c0 + c1·n + c2·n² + … of the count n."""

    coefficients: tuple[float, ...]


@dataclass(frozen=True)
class Points:
    """Straight lines between (count, engineering value) pairs; counts ascend, values ascend or descend.

    Outside the first and last count the end value is held and the sample flagged OUT_OF_RANGE: a sensor at the
    end of its scale still shows on which side it is.
    """

    counts: tuple[float, ...]
    values: tuple[float, ...]


Calibration = Polynomial | Points


def parse_calibration(text: str) -> Calibration | None:
    """Calibration from its text: empty, ``poly c0 c1 …`` or ``points count:value count:value …``.

    Raises
    ------
    ValueError
        If it is none of these, or the points are not strictly monotonic.
    """
    words = text.split()
    if not words:
        return None
    kind, terms = words[0], words[1:]
    if kind == "poly":
        coefficients = tuple(float(word) for word in terms)
        if len(coefficients) < 2 or not any(coefficients[1:]) or not np.all(np.isfinite(coefficients)):
            raise ValueError(f"{text!r}: a polynomial needs c0 and at least one coefficient that is not 0")
        return Polynomial(coefficients)
    if kind == "points":
        pairs = [word.split(":") for word in terms]
        if len(pairs) < 2 or any(len(pair) != 2 for pair in pairs):
            raise ValueError(f"{text!r}: expected at least two count:value pairs")
        counts = tuple(float(pair[0]) for pair in pairs)
        values = tuple(float(pair[1]) for pair in pairs)
        steps = [b - a for a, b in pairwise(values)]
        rising = all(b > a for a, b in pairwise(counts))
        if not rising or not (all(s > 0 for s in steps) or all(s < 0 for s in steps)):
            raise ValueError(f"{text!r}: counts must ascend and values must ascend or descend")
        return Points(counts, values)
    raise ValueError(f"unknown calibration {kind!r}; known: poly, points")


def parse_states(text: str) -> dict[int, str]:
    """States from ``0:OFF;1:ON``.

    Raises
    ------
    ValueError
        If an entry is not ``code:name`` or a code comes twice.
    """
    states: dict[int, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        code, found, name = entry.partition(":")
        if not found or not name.strip() or not code.strip().lstrip("-").isdigit():
            raise ValueError(f"state {entry!r}: expected code:name")
        if int(code) in states:
            raise ValueError(f"state code {code} comes twice")
        states[int(code)] = name.strip()
    return states


def to_engineering(counts: ArrayLike, calibration: Calibration) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None]:
    """Engineering values of counts.

    Returns
    -------
    values
        float64, same shape.
    out_of_range
        Which counts lie outside the calibration; None if it has no ends.
    """
    raw = np.asarray(counts, dtype=np.float64)
    if isinstance(calibration, Polynomial):
        return _horner(raw, calibration.coefficients), None
    values = np.interp(raw, calibration.counts, calibration.values)
    return values, (raw < calibration.counts[0]) | (raw > calibration.counts[-1])


def to_counts(values: ArrayLike, calibration: Calibration | None, smallest: int, largest: int) -> NDArray[np.int64]:
    """Nearest counts of engineering values, held at the ends ``smallest`` and ``largest`` of the field.

    Raises
    ------
    BadData
        If a value is not a number, or a curve of more than 16 bits is neither a line nor point pairs.
    """
    wanted = np.asarray(values, dtype=np.float64)
    if np.isnan(wanted).any():
        raise BadData("a value to be encoded is NaN: expected a number for each sample")
    if calibration is None:
        counts = wanted
    elif isinstance(calibration, Points):
        order = slice(None) if calibration.values[-1] > calibration.values[0] else slice(None, None, -1)
        counts = np.interp(wanted, calibration.values[order], calibration.counts[order])
    elif len(calibration.coefficients) == 2:
        counts = (wanted - calibration.coefficients[0]) / calibration.coefficients[1]
    else:
        return _nearest_on_curve(wanted, calibration, smallest, largest)
    return _clip_round(counts, smallest, largest)


def state_names(codes: ArrayLike, states: Mapping[int, str]) -> tuple[Array, NDArray[np.bool_]]:
    """Names of state codes (fixed-width text, empty where there is none), and which codes have no name."""
    given = np.asarray(codes)
    known = np.array(sorted(states), dtype=np.int64)
    names = np.array([states[code] for code in known.tolist()] + [""])
    index = np.minimum(np.searchsorted(known, given), len(known) - 1)
    unknown = known[index] != given
    return names[np.where(unknown, len(known), index)], unknown


def state_codes(names: ArrayLike, states: Mapping[int, str]) -> NDArray[np.int64]:
    """Codes of state names, the lowest where several have one name; numbers are taken for codes already.

    Raises
    ------
    BadData
        If a name is none of the states.
    """
    given = np.asarray(names)
    if given.dtype.kind in "biu":
        return given.astype(np.int64)
    codes = {name: min(c for c, n in states.items() if n == name) for name in states.values()}
    distinct, inverse = np.unique(given.astype(str), return_inverse=True)
    unknown = [name for name in distinct.tolist() if name not in codes]
    if unknown:
        raise BadData(f"unknown states {unknown}; known: {', '.join(codes)}")
    return np.array([codes[name] for name in distinct.tolist()], dtype=np.int64)[inverse].reshape(given.shape)


def _horner(counts: NDArray[np.float64], coefficients: tuple[float, ...]) -> NDArray[np.float64]:
    result = counts * coefficients[-1]
    for coefficient in coefficients[-2:0:-1]:
        result += coefficient
        result *= counts
    result += coefficients[0]
    return result


def _clip_round(counts: NDArray[np.float64], smallest: int, largest: int) -> NDArray[np.int64]:
    rounded = np.rint(counts)
    inside = np.clip(rounded, smallest, min(largest, 2**62)).astype(np.int64)  # float64 can not hold 2**63 - 1
    return np.where(rounded >= largest, np.int64(largest), inside) if largest < 2**62 else inside


def _nearest_on_curve(
    wanted: NDArray[np.float64], calibration: Polynomial, smallest: int, largest: int
) -> NDArray[np.int64]:
    if largest - smallest >= 1 << LOOKUP_BITS:
        raise BadData(f"{calibration}: only a line can be inverted over more than {LOOKUP_BITS} bits")
    counts = np.arange(smallest, largest + 1)
    curve = _horner(counts.astype(np.float64), calibration.coefficients)
    order = np.argsort(curve, kind="stable")
    above = np.clip(np.searchsorted(curve[order], wanted), 1, len(order) - 1)
    low, high = order[above - 1], order[above]
    return counts[np.where(wanted - curve[low] <= curve[high] - wanted, low, high)].astype(np.int64)
