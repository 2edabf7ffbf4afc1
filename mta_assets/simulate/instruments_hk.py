"""Housekeeping of the instruments and the particle detector: rates that follow what the sky and the belts send.

Rates are on a scale of their own; ``engineering`` adds noise and keeps them in the range of the parameter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments.hrc import ROW
from mta_assets.simulate import noise
from mta_assets.simulate.hrc_rates import row_counts
from mta_assets.simulate.states import Environment

Array = NDArray[Any]
BELT_KM = (20000.0, 70000.0)  # [km] altitude below which the radiation is full, above which it is gone
HRC_RATES = {"total": (240.0, 900.0, 9.0), "valid": (60.0, 80.0, 6.0), "shield": (2200.0, 25000.0, 60.0)}
# [count/s] of the HRC outside its observations: background, what the belts add, scatter


def radiation(env: Environment, times: Array) -> Array:
    """How deep in the radiation belts the spacecraft is, 0 (outside) … 1."""
    altitude = np.interp(times, env.grid, np.asarray(env.coarse["altitude_km"], float))
    x = np.clip((BELT_KM[1] - altitude) / (BELT_KM[1] - BELT_KM[0]), 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def observing(env: Environment, instrument: str, times: Array) -> Array:
    """1 where the telemetry carries the instrument's science (HRC format 1, ACIS format 2), else 0."""
    wanted = 1 if instrument == "HRC" else 2
    return (np.asarray(env.state("format", times)) == wanted).astype(float)


def hrc_rate(env: Environment, kind: str, times: Array, seed: int) -> Array:
    """Event rate of the HRC [count/s] in the row that begins at each time: ``total``, ``valid`` or ``shield``.

    While the HRC observes, the total and valid ones are those of its events; else a background.
    """
    base, belts, scatter = HRC_RATES[kind]
    rate = base + belts * radiation(env, times)
    rate = rate + scatter * noise.bell(noise.key(seed, f"HRC {kind}", "rate"), np.rint(times * 1000.0))
    if kind == "shield":
        return rate
    rows = row_counts(env.schedule, times, seed)
    return np.where(rows["obsid"] > 0, rows[kind] / ROW, rate)


def particle_shape(env: Environment, times: Array) -> Array:
    """Rate of a particle channel on a logarithmic scale, -1 (quiet) … 1 (in the belts)."""
    return 2.0 * radiation(env, times) - 1.0
