"""Properties of sources from those of their detections: weighted means, and whether the detections agree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.level3.identify import Rows
from mta_assets.level3.matching import ARCSEC, directions

Array = NDArray[np.float64]
Index = NDArray[np.int64]
MANY = 200  # degrees of freedom from which on chi-squared is taken as normal after Wilson & Hilferty


@dataclass(frozen=True)
class Merged:
    """One value for each source: places [deg], errors [arcsec], rates [count/s], and chi-squared about the means."""

    ra: Array
    dec: Array
    error: Array
    chi2: Array
    rate: Array
    rate_error: Array
    rate_chi2: Array
    rate_min: Array
    rate_max: Array
    members: Index


def merged(rows: Rows, group: Index, number: int) -> Merged:
    """Weighted means of the detections of each of ``number`` sources."""
    weight = 1 / rows.error**2
    total = np.bincount(group, weight, number)
    vectors = directions(rows.ra, rows.dec)
    mean = np.stack([np.bincount(group, weight * vectors[:, axis], number) for axis in range(3)], axis=-1)
    ra = np.degrees(np.arctan2(mean[:, 1], mean[:, 0])) % 360
    dec = np.degrees(np.arctan2(mean[:, 2], np.hypot(mean[:, 0], mean[:, 1])))
    away = separation(rows.ra, rows.dec, ra[group], dec[group])
    # a rate without an error says nothing
    known = np.isfinite(rows.rate) & (rows.rate_error > 0)
    trust = np.where(known, 1 / np.where(known, rows.rate_error, 1.0) ** 2, 0.0)
    value = np.where(known, rows.rate, 0.0)
    sum_ = np.bincount(group, trust, number)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(sum_ > 0, np.bincount(group, trust * value, number) / sum_, np.nan)
        rate_error = np.where(sum_ > 0, 1 / np.sqrt(sum_), np.nan)
    low, high = np.full(number, np.inf), np.full(number, -np.inf)
    np.minimum.at(low, group[known], value[known])
    np.maximum.at(high, group[known], value[known])
    return Merged(
        ra,
        dec,
        1 / np.sqrt(total),
        np.asarray(np.bincount(group, weight * away**2, number), float),
        rate,
        rate_error,
        np.asarray(np.bincount(group, trust * (value - np.nan_to_num(rate)[group]) ** 2, number), float),
        np.where(np.isfinite(low), low, np.nan),
        np.where(np.isfinite(high), high, np.nan),
        np.bincount(group, minlength=number),
    )


def separation(ra: Array, dec: Array, ra2: Array, dec2: Array) -> Array:
    """Distance of places [deg] from each other [arcsec]; exact for small ones too."""
    chord = np.linalg.norm(directions(ra, dec) - directions(ra2, dec2), axis=-1)
    return np.asarray(2 * np.arcsin(np.minimum(chord / 2, 1)) / ARCSEC)


def chi_chance(chi2: Array, freedom: Index) -> Array:
    """Probability that chi-squared exceeds ``chi2`` with so many degrees of freedom; 1 for none.

    The closed sums for even and odd degrees (Abramowitz & Stegun 26.4.4 and 26.4.5); above 200 the normal
    approximation of the cube root (Wilson & Hilferty 1931), good to 1e-4 there.
    """
    x, nu = np.asarray(chi2, float), np.asarray(freedom, np.int64)
    tail = np.array([math.erfc(math.sqrt(v / 2)) for v in np.maximum(x, 0).tolist()], float)
    odd = nu % 2 == 1
    found = np.where(odd, tail, 0.0)
    # terms of the sums: (x/2)^k e^(-x/2) / Γ(k + 1), k whole or half
    half = np.maximum(x, 1e-300) / 2
    power = np.where(odd, 0.5, 0.0)
    log_term = power * np.log(half) - half - np.where(odd, math.lgamma(1.5), 0.0)
    top = int(min(nu.max(initial=0), MANY))
    for _ in range(0, top, 2):
        found = found + np.where(2 * power < nu, np.exp(log_term), 0.0)
        power = power + 1
        log_term = log_term + np.log(half / power)
    cube = np.cbrt(x / np.maximum(nu, 1))
    z = (cube - (1 - 2 / (9 * np.maximum(nu, 1)))) / np.sqrt(2 / (9 * np.maximum(nu, 1)))
    normal = np.array([0.5 * math.erfc(v / math.sqrt(2)) for v in z.tolist()], float)
    found = np.where(nu > MANY, normal, found)
    return np.asarray(np.where(nu > 0, np.minimum(found, 1.0), 1.0))
