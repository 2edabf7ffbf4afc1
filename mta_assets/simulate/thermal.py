"""Temperatures: sunlight, instrument power and orbit behind a time constant, and thermostats that cycle heaters.

Shapes lie within -1 … 1; ``engineering`` scales them to the range in which the parameter is healthy. The model
is a linear one-node balance per sensor: enough to look like a spacecraft, cheap enough for a thousand sensors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.simulate import noise
from mta_assets.simulate.states import Environment

Array = NDArray[Any]
PERIOD = (1200.0, 5400.0)  # [s] of a thermostat's cycle: heating and coasting together
DUTY = (0.25, 0.6)  # part of the cycle with the heater on


def cycle(name: str, seed: int, times: Array) -> tuple[Array, Array]:
    """A thermostat's phase and duty: the heater is on while phase < duty.

    The period, duty and start are the sensor's own, fixed by the seed.
    """
    period = PERIOD[0] + (PERIOD[1] - PERIOD[0]) * noise.constant(seed, name, "period")
    duty = DUTY[0] + (DUTY[1] - DUTY[0]) * noise.constant(seed, name, "duty")
    phase = np.mod(times / period + noise.constant(seed, name, "phase"), 1.0)
    return phase, np.full(np.shape(phase), duty)


def heater_on(name: str, seed: int, times: Array) -> Array:
    """Whether the heater that holds the temperature ``name`` is on."""
    phase, duty = cycle(name, seed, times)
    return phase < duty


def heater_wave(name: str, seed: int, times: Array) -> Array:
    """Temperature swing of a thermostat, -1 … 1: rises while the heater is on, falls while it is off."""
    phase, duty = cycle(name, seed, times)
    return np.where(phase < duty, 2.0 * phase / duty - 1.0, 1.0 - 2.0 * (phase - duty) / (1.0 - duty))


def temperature(
    env: Environment,
    name: str,
    seed: int,
    times: Array,
    tau: float = 14400.0,
    sun: float = 0.6,
    power: float = 0.0,
    orbit: float = 0.1,
    heater: float = 0.0,
) -> Array:
    """Shape of a temperature.

    Parameters
    ----------
    env, name, seed, times
        Surroundings, the sensor (its own weights within 20 % and heater cycle come from it), seed, TT seconds.
    tau
        Time constant [s].
    sun, power, orbit, heater
        Weights of the sun's warmth, the instrument's, the orbit's and the heater cycle. Their magnitudes are
        scaled to a sum of at most 1, so that the shape stays within -1 … 1.
    """
    weights = {"sun": sun, "power": power, "orbit": orbit, "heater": heater}
    own = {n: w * (0.8 + 0.4 * noise.constant(seed, name, n)) for n, w in weights.items() if w}
    scale = 1.0 / max(1.0, sum(abs(w) for w in own.values()))
    shape = np.zeros(np.shape(times))
    for driver, weight in own.items():
        wave = heater_wave(name, seed, times) if driver == "heater" else env.smooth(driver, tau, times)
        shape += weight * scale * wave
    return shape
