"""The smoother of the aspect solution: an angle and its drift from scattered measurements, all times at once.

The model is that of the Kalman filter and Rauch-Tung-Striebel smoother of Chandra's aspect determination (Hain et al.
2001, ASP Conf. Ser. 238, 471): state = error of the angles that the gyros give, and rate at which it grows, for three
axes; the angle walks at random with the gyro noise, the rate with its drift. What filter and smoother find one after
the other is the minimum of one sum of squares, whose normal equations are block tridiagonal. Those are solved here by
cyclic reduction: every other node is eliminated, all at the same time, until one is left, and put in again on the way
back. So there is no loop over times, only one over log₂ n levels of batched 6x6 algebra, and the result, estimates and
covariances, is that of filter and smoother to rounding (a test holds them side by side).

Source of the elimination: Heller, SIAM J. Numer. Anal. 13 (1976) 484; of the covariances: the same partition of the
inverse (Takahashi's relations), block by block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

AXES = 3
STATE = 2 * AXES  # angles, then drift rates


@dataclass(frozen=True)
class GyroNoise:
    """Noise of the gyros and what is known before any star is seen.

    Parameters
    ----------
    walk
        [arcsec/s½] angle random walk.
    drift
        [arcsec/s^(3/2)] random walk of the drift rate.
    first_angle, first_rate
        [arcsec], [arcsec/s] standard deviations of the state at the first node.
    """

    walk: float = 0.01
    drift: float = 2e-5
    first_angle: float = 3600.0
    first_rate: float = 20.0


@dataclass(frozen=True)
class Smoothed:
    """Estimates at the nodes: angle (n, 3) [arcsec], rate (n, 3) [arcsec/s], covariance (n, 6, 6) of both."""

    angle: Array
    rate: Array
    covariance: Array


def smooth(times: Array, information: Array, right: Array, noise: GyroNoise | None = None) -> Smoothed:
    """Smoothed state at the times of measurements.

    Parameters
    ----------
    times
        (n,) [s], strictly ascending; n ≥ 1.
    information
        (n, 3, 3) [1/arcsec²] sum of Hᵀ W H of the measurements at each time; may be singular, or zero.
    right
        (n, 3) [1/arcsec] sum of Hᵀ W z.
    noise
        Of the gyros.
    """
    noise = noise or GyroNoise()
    diagonal, off = _normal_equations(np.asarray(times, float), np.asarray(information, float), noise)
    load = np.concatenate([right, np.zeros_like(right)], axis=1)[..., None]
    state, covariance, _ = _reduce(diagonal, off, load)
    return Smoothed(state[:, :AXES, 0], state[:, AXES:, 0], covariance)


def between(times: Array, smoothed: Smoothed, at: Array) -> tuple[Array, Array]:
    """Angle and rate at other times: the cubic through angles and rates of the neighbours; outside, a straight line.

    Between two nodes without measurements that is the mean of the model itself as far as the drift goes (for an
    integrated random walk the cubic Hermite is exact); the walk of the angle is below the star noise.
    """
    if len(times) == 1:
        since = (at - times[0])[:, None]
        return smoothed.angle[:1] + smoothed.rate[:1] * since, np.repeat(smoothed.rate[:1], len(at), axis=0)
    low = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    step = (times[low + 1] - times[low])[:, None]
    x = (at - times[low])[:, None] / step
    inside = np.clip(x, 0.0, 1.0)
    a0, a1 = smoothed.angle[low], smoothed.angle[low + 1]
    r0, r1 = smoothed.rate[low], smoothed.rate[low + 1]
    u = inside
    angle = (
        a0 * (1 + 2 * u) * (1 - u) ** 2 + a1 * u**2 * (3 - 2 * u)
        + step * (r0 * u * (1 - u) ** 2 - r1 * u**2 * (1 - u))
    )  # fmt: skip
    rate = r0 + (r1 - r0) * u
    return angle + rate * step * (x - inside), rate


def _normal_equations(times: Array, information: Array, noise: GyroNoise) -> tuple[Array, Array]:
    """Diagonal blocks (n, 6, 6) and blocks (n - 1, 6, 6) from each node to the next."""
    count = len(times)
    diagonal = np.zeros((count, STATE, STATE))
    diagonal[:, :AXES, :AXES] = information
    first = np.repeat([noise.first_angle**-2, noise.first_rate**-2], AXES)
    diagonal[0] += np.diag(first)
    dt = np.diff(times)
    # inverse of the 2x2 process noise [[a dt + b dt³/3, b dt²/2], [b dt²/2, b dt]], the same for each axis
    a, b = noise.walk**2, noise.drift**2
    q11, q12, q22 = a * dt + b * dt**3 / 3, b * dt**2 / 2, b * dt
    determinant = q11 * q22 - q12**2
    w11, w12, w22 = q22 / determinant, -q12 / determinant, q11 / determinant
    weight = _expand(w11, w12, w12, w22)
    forward = _expand(np.ones_like(dt), dt, np.zeros_like(dt), np.ones_like(dt))
    pushed = np.matmul(forward.transpose(0, 2, 1), weight)
    diagonal[:-1] += np.matmul(pushed, forward)
    diagonal[1:] += weight
    return diagonal, -pushed


def _expand(a: Array, b: Array, c: Array, d: Array) -> Array:
    """(n, 6, 6) matrices [[a, b], [c, d]] ⊗ 1₃."""
    out = np.zeros((len(a), STATE, STATE))
    for k in range(AXES):
        out[:, k, k], out[:, k, AXES + k], out[:, AXES + k, k], out[:, AXES + k, AXES + k] = a, b, c, d
    return out


def _reduce(diagonal: Array, off: Array, load: Array) -> tuple[Array, Array, Array]:
    """Solution (n, 6, 1), diagonal blocks of the inverse (n, 6, 6) and those next to them (n - 1, 6, 6).

    ``off[k]`` is the block of row k and column k + 1; the matrix is symmetric.
    """
    count = len(diagonal)
    if count == 1:
        inverse = np.linalg.inv(diagonal)
        return np.matmul(inverse, load), inverse, np.zeros((0, STATE, STATE))
    odd = slice(1, None, 2)
    inverse = np.linalg.inv(diagonal[odd])
    left = off[0::2].transpose(0, 2, 1)  # row: odd node, column: the even node before
    right = off[1::2]  # row: odd node, column: the even node after
    after = len(right)  # the last odd node has none if the count is even
    up_left = np.matmul(inverse, left)
    up_right = np.matmul(inverse[:after], right)
    solved = np.matmul(inverse, load[odd])
    even_diagonal, even_load = diagonal[0::2].copy(), load[0::2].copy()
    befores = len(left)
    even_diagonal[:befores] -= np.matmul(left.transpose(0, 2, 1), up_left)
    even_load[:befores] -= np.matmul(left.transpose(0, 2, 1), solved)
    even_diagonal[1 : after + 1] -= np.matmul(right.transpose(0, 2, 1), up_right)
    even_load[1 : after + 1] -= np.matmul(right.transpose(0, 2, 1), solved[:after])
    even_off = -np.matmul(left[:after].transpose(0, 2, 1), up_right)
    x_even, p_even, c_even = _reduce(even_diagonal, even_off, even_load)
    return _put_back(count, inverse, up_left, up_right, solved, x_even, p_even, c_even)


def _put_back(
    count: int, inverse: Array, up_left: Array, up_right: Array, solved: Array, x: Array, p: Array, c: Array
) -> tuple[Array, Array, Array]:
    """Odd nodes from the even ones: estimate, covariance, and covariances with both neighbours."""
    befores, after = len(up_left), len(up_right)
    x_odd = solved - np.matmul(up_left, x[:befores])
    x_odd[:after] -= np.matmul(up_right, x[1 : after + 1])
    # covariance of the odd node with its neighbours: -(L P_ll + R P_rl), -(L P_lr + R P_rr)
    with_left = -np.matmul(up_left, p[:befores])
    with_left[:after] -= np.matmul(up_right, c[:after].transpose(0, 2, 1))
    with_right = -np.matmul(up_left[:after], c[:after]) - np.matmul(up_right, p[1 : after + 1])
    p_odd = inverse - np.matmul(with_left, up_left.transpose(0, 2, 1))
    p_odd[:after] -= np.matmul(with_right, up_right.transpose(0, 2, 1))
    state, covariance = np.empty((count, STATE, 1)), np.empty((count, STATE, STATE))
    state[0::2], state[1::2], covariance[0::2], covariance[1::2] = x, x_odd, p, p_odd
    neighbours = np.empty((count - 1, STATE, STATE))
    neighbours[0::2] = with_left.transpose(0, 2, 1)
    neighbours[1::2] = with_right
    return state, covariance, neighbours
