"""The gyros: four selected axes that count pulses of angle, and the body angles that they mean.

On Chandra the on-board computer accumulates the pulses of the four selected axes of two inertial reference units,
modulo 2¹⁶, every minor frame (AOGYRCT1 to AOGYRCT4). Pulse weight and axes are not public: the numbers here are our
own, those of the simulated spacecraft (any three of the axes see all rotations, as on the real one).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PULSE = 0.02  # [arcsec] of a count
MODULUS = 1 << 16  # counts wrap
PERIOD = 0.25625  # [s] one minor frame
# directions of the four axes in the body frame, (4, 3): an octant each, so that they weigh all axes alike
AXES: Array = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]) / np.sqrt(3.0)


def body_angle(pulses: Array) -> Array:
    """Accumulated body angles (n, 3) [arcsec] about roll, pitch, yaw of unwrapped counts (n, 4): least squares."""
    return np.asarray(np.asarray(pulses, float) @ np.linalg.pinv(AXES).T * PULSE, dtype=np.float64)


def axis_pulses(angle: Array) -> Array:
    """Counts (n, 4), not rounded or wrapped, of accumulated body angles (n, 3) [arcsec]: the inverse."""
    return np.asarray(np.asarray(angle, float) @ AXES.T / PULSE, dtype=np.float64)


def inconsistency(pulses: Array) -> Array:
    """What the fourth axis says otherwise than the other three (n,) [arcsec]: zero when all four agree.

    The null vector of the axes: with four axes and three rotations one combination must always vanish.
    """
    _, _, rows = np.linalg.svd(AXES.T)
    return np.asarray(np.asarray(pulses, float) @ rows[-1] * PULSE, dtype=np.float64)


def unwrap(counts: Array) -> Array:
    """Counts (n,) that wrap at `MODULUS` as a continuous series, from the first one on.

    A step is taken the shorter way: right as long as fewer than 32 768 pulses (655 arcsec) come between two samples.
    """
    whole: NDArray[np.int64] = np.asarray(counts, dtype=np.int64)
    step = np.mod(np.diff(whole, axis=0) + MODULUS // 2, MODULUS) - MODULUS // 2
    first = whole[:1]
    return np.asarray(np.concatenate([first, first + np.cumsum(step, axis=0)]), dtype=np.float64)
