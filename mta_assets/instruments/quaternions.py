"""Small rotations: attitude errors as three angles, rotation vectors, means. Scalar last, body to sky.

`geometry` has product, conjugate, rotation and angles; here is what estimation needs of them. An error is a rotation
vector (roll, pitch, yaw) about the body axes: ``q_true = q ⊗ turn(error)``. Source of the algebra: Markley & Crassidis,
"Fundamentals of Spacecraft Attitude Determination and Control" (2014), sections 2.7, 2.9 and 5.5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments.geometry import conjugate, multiply

Array = NDArray[np.float64]


def turn(vector: Array) -> Array:
    """Quaternions (…, 4) of rotation vectors (…, 3) [rad]."""
    angle = np.linalg.norm(vector, axis=-1, keepdims=True)
    half = angle / 2
    scale = np.sinc(half / np.pi) / 2  # sin(half) / angle, also at zero
    return np.concatenate([vector * scale, np.cos(half)], axis=-1)


def rotation_vector(q: Array) -> Array:
    """Rotation vectors (…, 3) [rad], at most π long, of quaternions."""
    q = np.where(q[..., 3:] < 0, -q, q)
    sine = np.linalg.norm(q[..., :3], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., 3:])
    scale = np.where(sine > 0, angle / np.where(sine > 0, sine, 1.0), 2.0)
    return np.asarray(q[..., :3] * scale, dtype=np.float64)


def difference(q: Array, reference: Array) -> Array:
    """Rotation vectors (…, 3) [rad] in the body frame that turn attitudes ``reference`` into ``q``."""
    return rotation_vector(multiply(conjugate(np.asarray(reference, float)), np.asarray(q, float)))


def upright(q: Array) -> Array:
    """Quaternions of length one with a scalar part that is not negative (q and −q are one attitude)."""
    q = np.asarray(q, float)
    unit = q / np.linalg.norm(q, axis=-1, keepdims=True)
    return np.where(unit[..., 3:] < 0, -unit, unit)


def continuous(q: Array) -> Array:
    """A series (n, 4) of unit quaternions with the signs of neighbours alike, so that they can be interpolated."""
    if len(q) < 2:
        return np.array(q, dtype=np.float64)
    flips = np.cumprod(np.where(np.sum(q[1:] * q[:-1], axis=1) < 0, -1.0, 1.0))
    return np.concatenate([q[:1], q[1:] * flips[:, None]])


def mean(q: Array, weights: Array | None = None) -> Array:
    """Mean attitude of (n, 4) quaternions: the eigenvector of the largest eigenvalue of Σ w q qᵀ.

    Source: Markley, Cheng, Crassidis & Oshman, J. Guidance 30 (2007) 1193, equation 12.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not len(q):
        raise ValueError("no attitude to average: expected at least one quaternion")
    q = np.asarray(q, float)
    weighted = q if weights is None else q * np.asarray(weights, float)[:, None]
    _, vectors = np.linalg.eigh(weighted.T @ q)
    return upright(vectors[:, -1])


def interpolate(times: Array, q: Array, at: Array) -> Array:
    """Attitudes at other times, along the shorter turn between neighbours; outside, the nearest one.

    Linear in the components and normalised: between samples of a dither (some arcsec apart) that is exact to 1e-12 rad.

    Parameters
    ----------
    times, q
        (n,) ascending [s] and (n, 4).
    at
        (m,) [s].
    """
    q = continuous(q)
    out = np.stack([np.interp(at, times, q[:, k]) for k in range(4)], axis=-1)
    return np.asarray(out / np.linalg.norm(out, axis=-1, keepdims=True), dtype=np.float64)
