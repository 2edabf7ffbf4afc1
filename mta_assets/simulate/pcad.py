"""Pointing telemetry: attitude quaternion, body rates, sun angles, reaction wheels, gyro counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments import gyro, quaternions
from mta_assets.simulate import noise, onboard
from mta_assets.simulate.states import GRID, Environment

Array = NDArray[Any]
HALF_STEP = 0.512  # [s] half of the interval over which rates are taken
WALK = 0.006  # [arcsec/s½] angle random walk of a gyro axis
DRIFT_SWING, DRIFT_PERIOD = 0.05, 20000.0  # [pulse/s], [s] slow change of the drift
WHEEL_ANGLES = np.radians(np.arange(0, 360, 60))  # six wheels around the X axis


class Pointing:
    """Attitude and what follows from it.

    Parameters
    ----------
    env
        Surroundings (for the sun pitch).
    quaternion
        Function of times (n,) that gives (n, 4) attitudes, scalar last.
    seed
        Seed of wheel biases and gyros.
    body_angle
        Function of times that gives (n, 3) angles [rad] turned about the body axes since the start.
    """

    def __init__(
        self,
        env: Environment,
        quaternion: Callable[[Array], Array],
        seed: int,
        body_angle: Callable[[Array], Array],
    ) -> None:
        self.env, self.seed = env, seed
        self._quaternion, self._body_angle = quaternion, body_angle
        self._walks: dict[int, Array] = {}
        self._cache: dict[tuple[str, float, float, int], Array] = {}

    def quaternion(self, times: Array) -> Array:
        """(n, 4) attitude at times, positive scalar part."""
        return self._cached("quaternion", times, self._upright)

    def estimate(self, times: Array) -> Array:
        """(n, 4) attitude as the on-board computer estimates it, positive scalar part."""
        return self._cached(
            "estimate", times, lambda at: quaternions.upright(onboard.quaternion(self.env.schedule, at))
        )

    def rates(self, times: Array) -> Array:
        """(n, 3) body rates [rad/s]: twice the vector part of q(t-h)⁻¹ · q(t+h), over 2h."""
        return self._cached("rates", times, self._rates)

    def pitch(self, times: Array) -> Array:
        """Angle between the pointing direction and the sun [deg]."""
        return self._cached("pitch", times, lambda at: np.asarray(self.env.state("pitch", at), float))

    def sun_vector(self, times: Array) -> Array:
        """(n, 3) unit vector to the sun in body axes: the sun stays in the X-Z plane, on the -Z side."""
        angle = np.radians(self.pitch(times))
        return np.stack([np.cos(angle), np.zeros_like(angle), -np.sin(angle)], axis=-1)

    def wheel_shape(self, wheel: int, times: Array) -> Array:
        """Speed of reaction wheel 1 … 6 within -1 … 1: momentum that builds up with the sun's torque, and slews."""
        angle = WHEEL_ANGLES[(wheel - 1) % 6]
        slow = self.env.smooth("sun", 43200.0, times) * np.cos(angle)
        slow += self.env.smooth("orbit", 14400.0, times) * np.sin(angle)
        rate = self.rates(times) @ np.array([0.2, np.cos(angle), np.sin(angle)])
        bias = 0.4 * noise.constant(self.seed, "wheel", wheel) - 0.2
        return np.clip(0.35 * slow + 0.3 * np.clip(rate / 1.5e-3, -1, 1) + bias, -1.0, 1.0)

    def gyro_counts(self, axis: int, times: Array) -> Array:
        """Accumulated pulses of gyro axis 1 … 4 [count], wrapping at 16 bits: the angle turned, drift and random walk.

        The drift is constant but for a thousandth; the walk is that of a good gyro, `WALK` a root second.
        """
        drift = 40.0 + 20.0 * noise.constant(self.seed, "gyro", axis)  # [pulse/s]
        phase = 2.0 * np.pi * noise.constant(self.seed, "gyro phase", axis)
        slow = DRIFT_SWING * DRIFT_PERIOD / (2.0 * np.pi) * np.sin(2.0 * np.pi * times / DRIFT_PERIOD + phase)
        turned = gyro.axis_pulses(np.degrees(self._body_angle(times)) * 3600.0)[:, axis - 1]
        walk = np.interp(times, self.env.grid, self._walk(axis))
        return np.mod(np.floor(drift * times + slow + turned + walk), float(gyro.MODULUS))

    def _walk(self, axis: int) -> Array:
        """Random walk [pulse] of a gyro axis on the grid of the surroundings."""
        if axis not in self._walks:
            step = noise.bell(noise.key(self.seed, "gyro walk", axis), np.arange(len(self.env.grid)))
            sigma = WALK / gyro.PULSE * np.sqrt(GRID) / noise.BELL
            self._walks[axis] = np.cumsum(step * sigma)
        return self._walks[axis]

    def _upright(self, times: Array) -> Array:
        return quaternions.upright(np.asarray(self._quaternion(times), float))

    def _rates(self, times: Array) -> Array:
        before = np.asarray(self._quaternion(times - HALF_STEP), float)
        after = np.asarray(self._quaternion(times + HALF_STEP), float)
        v1, s1, v2, s2 = before[:, :3], before[:, 3:], after[:, :3], after[:, 3:]
        vector = s1 * v2 - s2 * v1 - np.cross(v1, v2)
        scalar = s1 * s2 + np.sum(v1 * v2, axis=1, keepdims=True)
        return np.sign(scalar) * vector / HALF_STEP

    def _cached(self, name: str, times: Array, compute: Callable[[Array], Array]) -> Array:
        """Several parameters share their sample times: what one computed serves the next."""
        if not len(times):
            return compute(times)
        place = (name, float(times[0]), float(times[-1]), len(times))
        if place not in self._cache:
            if len(self._cache) > 24:
                self._cache.pop(next(iter(self._cache)))
            self._cache[place] = compute(times)
        return self._cache[place]
