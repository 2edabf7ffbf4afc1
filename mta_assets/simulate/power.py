"""Electrical power: array current, battery charge and bus voltage through sunlight and eclipse.

A balance on the coarse grid: in sunlight the arrays carry the load and charge the batteries, in an eclipse the
batteries do. Numbers are of the right size for Chandra (about 1 kW, three 40 Ah batteries); the curves are ours.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.simulate.states import GRID, Environment

Array = NDArray[Any]
CAPACITY_AH = 120.0  # [Ah] three batteries
CHARGE_A = 9.0  # [A] what the arrays put into the batteries until they are full
LOAD_A = (28.0, 34.0)  # [A] bus load without and with ACIS taking data
ARRAY_A = 19.0  # [A] one array wing, sun square on it


class Power:
    """The power system over a span; everything is interpolated from the coarse grid, but light and dark are sharp."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    @cached_property
    def _load(self) -> Array:
        low, high = LOAD_A
        return low + (high - low) * (self.env.lagged["power", 600.0] + 1.0) / 2.0

    @cached_property
    def _charge(self) -> Array:
        """State of charge on the grid, 0 … 1, full at the start."""
        lit = self.env.drivers["lit"] > 0
        step = np.where(lit, CHARGE_A, -self._load) * GRID / 3600.0 / CAPACITY_AH
        charge = np.empty(len(step))
        level = 1.0
        for i, change in enumerate(step):  # clipping makes it a recursion; some thousand steps a day
            level = min(1.0, max(0.0, level + change))
            charge[i] = level
        return charge

    def lit(self, times: Array) -> Array:
        """Whether the spacecraft is in sunlight."""
        return np.asarray(self.env.state("eclipse", times)) == 0

    def load_current(self, times: Array) -> Array:
        """Bus load [A]."""
        return np.interp(times, self.env.grid, self._load)

    def charge(self, times: Array) -> Array:
        """Batteries' state of charge, 0 … 1."""
        return np.interp(times, self.env.grid, self._charge)

    def array_current(self, times: Array) -> Array:
        """One wing's current [A], 0 in eclipse."""
        return np.where(self.lit(times), ARRAY_A, 0.0)

    def charge_current(self, times: Array) -> Array:
        """One battery's charge current [A]: tapers off as it gets full, none in eclipse."""
        room = np.clip((1.0 - self.charge(times)) / 0.05, 0.03, 1.0)
        return np.where(self.lit(times), CHARGE_A / 3.0 * room, 0.0)

    def discharge_current(self, times: Array) -> Array:
        """One battery's discharge current [A], none in sunlight."""
        return np.where(self.lit(times), 0.0, self.load_current(times) / 3.0)

    def bus_shape(self, times: Array) -> Array:
        """Bus voltage between its lowest (-1: dark, batteries low) and highest (1: light, full)."""
        return np.where(self.lit(times), 0.3 + 0.5 * self.charge(times), -0.6 + 0.4 * self.charge(times))
