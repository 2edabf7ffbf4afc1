"""Chances of counts: is there more in a cell than its surroundings allow?

If cell and surroundings see the same background, each of their N events falls into the cell with a probability that
only depends on the two exposures: the count in the cell is binomial, whatever the background is. So the chance of a
false alarm is exact also where the background is measured with few counts (Przyborowski & Wilenski 1940, Biometrika
31, 313; Weisskopf et al. 2007, ApJ 657, 1026, appendix A2 for X-ray sources).
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
STEPS = 20_000  # of the continued fraction: it needs about the square root of the counts
TINY = 1e-300
# coefficients of the Stirling series (Abramowitz & Stegun 6.1.41)
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680)


def log_gamma(x: ArrayLike) -> Array:
    """ln Γ(x) for x > 0, to 1e-12: Stirling's series above 10, the recurrence below."""
    at = np.asarray(x, dtype=np.float64)
    up = np.where(at < 10, at + 10, at)
    below = np.prod(at[..., None] + np.arange(10), axis=-1, where=(at < 10)[..., None])
    series = sum(c / up ** (2 * k + 1) for k, c in enumerate(STIRLING))
    return np.asarray((up - 0.5) * np.log(up) - up + 0.5 * np.log(2 * np.pi) + series - np.log(below))


def log_chance(counts: ArrayLike, total: ArrayLike, share: ArrayLike) -> Array:
    """ln of the probability that a binomial count of ``total`` trials with chance ``share`` reaches ``counts``.

    The incomplete beta function by its continued fraction (Abramowitz & Stegun 26.5.8, evaluated by Lentz's method).

    Parameters
    ----------
    counts, total
        Events in the cell, and in cell and surroundings together.
    share
        Exposure of the cell over that of both, between 0 and 1.
    """
    k, n, p = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (counts, total, share)))
    found = np.zeros(k.shape)
    some = (k > 0) & (p < 1)
    none = some & (p <= 0)
    found[none] = -np.inf
    some &= ~none
    a, b, x = k[some], n[some] - k[some] + 1, p[some]
    swap = x > (a + 1) / (a + b + 2)  # the fraction converges fast on the other side only
    a, b, x = np.where(swap, b, a), np.where(swap, a, b), np.where(swap, 1 - x, x)
    front = log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * np.log(x) + b * np.log1p(-x) - np.log(a)
    tail = front + np.log(_fraction(a, b, x))
    with np.errstate(divide="ignore"):
        found[some] = np.where(swap, np.log1p(-np.exp(np.minimum(tail, -1e-16))), tail)
    return np.asarray(np.minimum(found, 0.0))


def _fraction(a: Array, b: Array, x: Array) -> Array:
    """The continued fraction of the incomplete beta function."""
    c = np.ones_like(x)
    d = 1 - (a + b) * x / (a + 1)
    d = 1 / np.where(np.abs(d) < TINY, TINY, d)
    found = d.copy()
    for m in range(1, STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / _apart(1 + even * d)
        c = _apart(1 + even / c)
        found = found * (c * d)
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / _apart(1 + odd * d)
        c = _apart(1 + odd / c)
        step = c * d
        found = found * step
        if not len(x) or np.abs(step - 1).max() < 1e-13:
            break
    return found


def _apart(value: Array) -> Array:
    return np.where(np.abs(value) < TINY, TINY, value)


def excess(counts: Array, total: Array, share: Array) -> Array:
    """Log-likelihood ratio of the excess of a cell, 0 where there is none: cheap, and as good for ranking as the
    chance.

    The chance of such an excess is at most ``exp(-excess)`` (Chernoff's bound), and at least
    ``exp(-excess) / sqrt(8 counts (1 - counts / total))`` (Robbins's form of Stirling's formula).
    """
    rest, left = total - counts, 1 - share
    with np.errstate(divide="ignore", invalid="ignore"):
        up = counts * np.log(counts / (total * share))
        down = np.where(rest > 0, rest * np.log(rest / (total * left)), 0.0)
        return np.asarray(np.where((counts > total * share) & (share > 0), up + down, 0.0))


@lru_cache(maxsize=4096)
def _sigma(log_p: float) -> float:
    if log_p > -700:
        return -NormalDist().inv_cdf(float(np.exp(log_p))) if log_p < -1e-12 else -np.inf
    # far out: ln p = −z²/2 − ln(z √(2π)) + ln(1 − 1/z²)
    z = np.sqrt(-2 * log_p)
    for _ in range(20):
        z = np.sqrt(-2 * (log_p + np.log(z * np.sqrt(2 * np.pi)) - np.log1p(-1 / z**2)))
    return float(z)


def sigmas(log_p: ArrayLike) -> Array:
    """One-sided significances of a normal variable whose chances have these logarithms."""
    at = np.asarray(log_p, np.float64)
    return np.array([_sigma(value) for value in at.ravel().tolist()], np.float64).reshape(at.shape)


def upper_error(counts: ArrayLike) -> Array:
    """Upper 1 σ error of counts: ``1 + sqrt(n + 3/4)`` (Gehrels 1986, ApJ 303, 336, eq. 7)."""
    return np.asarray(1 + np.sqrt(np.asarray(counts, float) + 0.75))


def lower_error(counts: ArrayLike) -> Array:
    """Lower 1 σ error of counts: ``n − n (1 − 1/9n − 1/3√n)³`` (Gehrels 1986, eq. 14); 0 without counts."""
    n = np.asarray(counts, float)
    safe = np.maximum(n, 1e-9)
    low = n * np.maximum(1 - 1 / (9 * safe) - 1 / (3 * np.sqrt(safe)), 0) ** 3
    return np.asarray(np.where(n > 0, n - low, 0.0))
