"""The spacecraft's surroundings and commanded states as the engineering models see them.

Everything slow is computed once on a coarse grid over the whole simulated span and interpolated afterwards,
so that a temperature at a moment does not depend on which playback asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.simulate.schedule import Schedule

Array = NDArray[Any]
GRID = 32.8  # [s] one major frame: the finest that a thermal model needs
TAUS = (600.0, 3600.0, 14400.0, 43200.0)  # [s] time constants on offer: small boxes … structure and batteries
APOGEE_KM = 140000.0  # [km] altitude scale of the orbit (Chandra: about 10 000 x 140 000 km)


class Environment:
    """Sun, eclipse, radiation and instrument power over a span, and their lagged forms.

    Parameters
    ----------
    schedule
        The plan of the span.
    tstart, tstop
        Span, TT seconds since 1998.0 TT.
    """

    def __init__(self, schedule: Schedule, tstart: float, tstop: float) -> None:
        self.schedule = schedule
        count = int(np.ceil((tstop - tstart) / GRID)) + 2
        self.grid = tstart + GRID * np.arange(count)
        self.tstart, self.tstop = tstart, tstop
        self._recent: dict[tuple[float, float, int], Mapping[str, Array]] = {}

    @cached_property
    def coarse(self) -> dict[str, Array]:
        """States of the schedule on the grid."""
        states = dict(self.schedule.states(self.grid))
        states["format"] = self.schedule.telemetry_format(self.grid)
        return states

    @cached_property
    def drivers(self) -> dict[str, Array]:
        """Inputs of the thermal models on the grid, each within -1 … 1.

        ``sun``: how much sunlight falls on the tail (pitch beyond 90°) against the shade side, -1 in eclipse.
        ``power``: 1 while ACIS takes data (format 2), else -1.  ``orbit``: altitude, perigee -1 … apogee 1.
        """
        state = self.coarse
        lit = 1.0 - np.asarray(state["eclipse"], float)
        sun = -np.cos(np.radians(np.asarray(state["pitch"], float)))
        altitude = np.asarray(state["altitude_km"], float)
        orbit = np.clip(2.0 * altitude / APOGEE_KM - 1.0, -1.0, 1.0)
        power = np.where(np.asarray(state["format"]) == 2, 1.0, -1.0)
        return {"sun": np.where(lit > 0, sun, -1.0), "power": power, "orbit": orbit, "lit": lit}

    @cached_property
    def lagged(self) -> dict[tuple[str, float], Array]:
        """The drivers behind first-order lags, ``{(driver, tau): values on the grid}``.

        ``dT/dt = (drive - T) / tau``, exact for a drive that is constant within a grid step. It starts in
        equilibrium with the drive's mean, as after a long time of such days.
        """
        names = ("sun", "power", "orbit")
        drive = np.stack([self.drivers[name] for name in names])  # (drivers, steps)
        keep = np.exp(-GRID / np.array(TAUS))
        level = np.repeat(drive.mean(axis=1)[:, None], len(TAUS), axis=1)
        out = np.empty((len(self.grid), *level.shape))
        for step in range(len(self.grid)):  # a recursion: some thousand steps a day, all lags at once
            level = drive[:, step, None] + (level - drive[:, step, None]) * keep
            out[step] = level
        return {(n, tau): out[:, i, j].copy() for i, n in enumerate(names) for j, tau in enumerate(TAUS)}

    def smooth(self, driver: str, tau: float, times: Array) -> Array:
        """A lagged driver at times; ``tau`` is the nearest on offer."""
        nearest = min(TAUS, key=lambda t: abs(np.log(t / tau)))
        return np.interp(times, self.grid, self.lagged[driver, nearest])

    def state(self, name: str, times: Array) -> Array:
        """A state of the schedule at times, exact to the moment."""
        if name in DERIVED:
            return DERIVED[name](self, times)
        return np.asarray(self._states(times)[name])

    def _states(self, times: Array) -> Mapping[str, Array]:
        """States of the schedule; parameters of one rate share their times, so the last few answers are kept."""
        if not len(times):
            return self.schedule.states(times)
        place = (float(times[0]), float(times[-1]), len(times))
        if place not in self._recent:
            if len(self._recent) >= 8:
                self._recent.pop(next(iter(self._recent)))
            self._recent[place] = self.schedule.states(times)
        return self._recent[place]


def _format_name(env: Environment, times: Array) -> Array:
    return np.char.add("FMT", np.asarray(env.schedule.telemetry_format(times)).astype(str))


def _mode_name(env: Environment, times: Array) -> Array:
    return np.where(env.state("pcad_mode", times) == 0, "NPNT", "NMAN")


def _aca_name(env: Environment, times: Array) -> Array:
    return np.where(env.state("pcad_mode", times) == 0, "KALM", "AQXN")


def _moving(env: Environment, times: Array) -> Array:
    """Whether the SIM table is on its way: it is elsewhere a moment later."""
    here, soon = env.schedule.states(times), env.schedule.states(times + 0.5)
    return (here["sim_z"] != soon["sim_z"]) | (here["sim_x"] != soon["sim_x"])


DERIVED: dict[str, Callable[[Environment, Array], Array]] = {
    "format": lambda env, times: np.asarray(env.schedule.telemetry_format(times)),
    "format_name": _format_name,
    "pcad_mode_name": _mode_name,
    "aca_mode_name": _aca_name,
    "manoeuvre": lambda env, times: env.state("pcad_mode", times) != 0,
    "sim_moving": _moving,
}
