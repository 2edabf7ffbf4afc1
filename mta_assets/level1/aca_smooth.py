"""Smoothed centroids: a Savitzky-Golay filter that leaves out what stands off by more than three sigma.

Method and parameters are those of the archive's ``aca_filter_centr`` as its public notes give them: polynomials of
order four over 40 s, three sigma, five rounds; a rejected sample has a status bit and is replaced by its neighbours.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

ORDER = 4
SPAN = 40.0  # [s]
SIGMA, ROUNDS = 3.0, 5
GAP = 3.0  # periods without a sample end a stretch: a polynomial does not reach across


def smooth_series(
    times: Array, values: Array, good: Mask, span: float = SPAN, order: int = ORDER
) -> tuple[Array, Mask]:
    """Smoothed values and which samples were rejected.

    Parameters
    ----------
    times
        (n,) ascending [s], even but for gaps.
    values
        (n,); NaN is not good.
    good
        (n,) samples that may be used.

    Returns
    -------
    smoothed
        (n,) NaN in stretches without a good sample.
    rejected
        (n,) good samples that stand off by more than three sigma.
    """
    smoothed, rejected = np.full(len(times), np.nan), np.zeros(len(times), bool)
    if not len(times):
        return smoothed, rejected
    period = float(np.median(np.diff(times))) if len(times) > 1 else span
    edges = [0, *(np.flatnonzero(np.diff(times) > GAP * period) + 1).tolist(), len(times)]
    box = max(2 * int(span / period / 2) + 1, order + 3 - order % 2)
    for first, stop in pairwise(edges):
        here = slice(first, stop)
        smoothed[here], rejected[here] = _stretch(values[here], good[here] & np.isfinite(values[here]), box, order)
    return smoothed, rejected


def savitzky_golay(values: Array, box: int, order: int) -> Array:
    """Even series smoothed by polynomials of an order over ``box`` samples; the ends by the first and last of them.

    Source: Savitzky & Golay, Anal. Chem. 36 (1964) 1627.
    """
    count = len(values)
    box = min(box, count if count % 2 else count - 1)
    if box <= order:
        return _polynomial(values, np.arange(count), min(order, max(count - 1, 0)))
    half = box // 2
    hat = _hat(box, order)
    inner = np.convolve(values, hat[half][::-1], mode="valid")
    return np.concatenate([hat[:half] @ values[:box], inner, hat[half + 1 :] @ values[-box:]])


def _hat(box: int, order: int) -> Array:
    """(box, box) matrix that takes samples to their polynomial."""
    x = np.linspace(-1.0, 1.0, box)
    basis, _ = np.linalg.qr(np.vander(x, order + 1))
    return np.asarray(basis @ basis.T, dtype=np.float64)


def _polynomial(values: Array, place: NDArray[np.int64], order: int) -> Array:
    return np.asarray(np.polynomial.Polynomial.fit(place, values, order)(place), dtype=np.float64)


def _stretch(values: Array, good: Mask, box: int, order: int) -> tuple[Array, Mask]:
    if not good.any():
        return np.full(len(values), np.nan), np.zeros(len(values), bool)
    used = good.copy()
    place = np.arange(len(values))
    smoothed = values
    for _ in range(ROUNDS):
        smoothed = savitzky_golay(np.interp(place, place[used], values[used]), box, order)
        rest = values - smoothed
        sigma = 1.4826 * np.median(np.abs(rest[used]))
        keep = good & (np.abs(rest) <= SIGMA * sigma) if sigma > 0 else used
        if not keep.any() or np.array_equal(keep, used):
            break
        used = keep
    return smoothed, good & ~used
