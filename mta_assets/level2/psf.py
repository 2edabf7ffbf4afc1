"""The size of the telescope's point image with off-axis angle, and a simple shape for it.

Radii are quadratic fits to the mirror's encircled energy at 1.49 keV that E. Feigelson (Penn State ACIS team, message
0192 to chandra-users, for the Orion field with more than 1000 sources) made public: ``R(50 %) = 0.43 − 0.10 θ + 0.050
θ²`` and ``R(95 %) = 2.05 − 0.55 θ + 0.18 θ²`` arcsec, θ in arcmin. The two fix the shape: with an encircled energy of
``1 − (1 + r²/s²)^−1.5`` (Moffat 1969, A&A 3, 455, with beta 2.5) R(95 %) / R(50 %) is 3.29; the fits give 3.5 at 3′,
3.2 at 5′, 3.3 at 10′ (4.8 on axis, where the wings are wider than this). s follows from R(50 %), which the parabola
would let fall from 0.43 to 0.38 between 0 and 1′: it is held at its value on axis up to 2′, where it is reached
again. Real images off axis are not round: this is their mean over azimuth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

HALF = (0.43, -0.10, 0.050)  # [arcsec, arcsec/arcmin, arcsec/arcmin²] radius of half the light, at 1.49 keV
SLOPE = 1.5  # exponent of the encircled energy


def half_radius(theta: ArrayLike) -> Array:
    """Radius [arcsec] that holds half the light of a source ``theta`` arcmin off axis."""
    angle = np.asarray(theta, float)
    return np.asarray(np.maximum(HALF[0], HALF[0] + HALF[1] * angle + HALF[2] * angle**2))


def scale(theta: ArrayLike) -> Array:
    """s [arcsec] of the shape ``1 − (1 + r²/s²)^−1.5``."""
    return half_radius(theta) / np.sqrt(0.5 ** (-1 / SLOPE) - 1)


def radius(theta: ArrayLike, fraction: float) -> Array:
    """Radius [arcsec] that holds ``fraction`` of the light of a source ``theta`` arcmin off axis."""
    return scale(theta) * np.sqrt((1 - fraction) ** (-1 / SLOPE) - 1)


def enclosed(r: ArrayLike, s: ArrayLike) -> Array:
    """Part of the light within radius ``r`` of a source with scale ``s`` (same unit)."""
    return np.asarray(1 - (1 + (np.asarray(r, float) / s) ** 2) ** -SLOPE)


def density(r2: ArrayLike, s: ArrayLike) -> Array:
    """Light per unit of area at squared distance ``r2`` from a source with scale ``s``."""
    s2 = np.asarray(s, float) ** 2
    v = 1 + np.asarray(r2) / s2
    return np.asarray(SLOPE / np.pi / (s2 * v * v * np.sqrt(v)))  # v ** -2.5, four times as fast
