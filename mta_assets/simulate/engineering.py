"""Every engineering parameter of the dictionary as a function of (seed, time).

Which model a parameter follows is data: the first row of ``models.csv`` that fits its name, subsystem, unit and
description. Shapes are scaled to the range in which the parameter is healthy (``healthy``), so that a day without
injected faults gives no finding; injected faults come as overrides from ``faults``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import ConfigError
from mta_assets.simulate import noise
from mta_assets.simulate.healthy import Limits, band, count_size
from mta_assets.simulate.models import SHAPES, STATES, VALUES, Item
from mta_assets.simulate.pcad import Pointing
from mta_assets.simulate.power import Power
from mta_assets.simulate.states import Environment
from mta_assets.telemetry.clock import Clock
from mta_assets.telemetry.odb import Dictionary, Parameter

Array = NDArray[Any]
NO_RANGE = (-1.0e30, 1.0e30)
MODELS = Path(__file__).with_name("models.csv")
QUIET_NOISE = 1.5  # [count] noise of an ordinary sensor, at most
LIVELY_NOISE = 4.5  # [count] noise where the limit table looks for stuck sensors: never the same count for long
SWING = 0.5  # part of the healthy range that a shape uses where limits give the range
FREE_SPREAD = 0.12  # part of the half scale that a shape uses where there are none


@dataclass(frozen=True)
class Rule:
    """One row of ``models.csv``; an empty cell fits everything."""

    pattern: str
    subsystem: str
    unit: str
    description: str
    kind: str
    model: str
    params: Mapping[str, Any]

    @cached_property
    def _names(self) -> re.Pattern[str]:
        return re.compile("|".join(translate(pattern) for pattern in self.pattern.split()))

    def fits(self, p: Parameter) -> bool:
        """Whether a parameter is one of those that the row is for."""
        return (
            self.subsystem in ("", p.subsystem)
            and self._names.match(p.msid) is not None
            and (not self.unit or p.unit in self.unit.split())
            and (not self.description or re.search(self.description, p.description, re.IGNORECASE) is not None)
            and self.kind in ("", "states" if p.states else "number")
        )


@lru_cache(maxsize=4)
def read_rules(path: Path = MODELS) -> tuple[Rule, ...]:
    """Rows of a model table, in order.

    Raises
    ------
    ConfigError
        If a row names a model that there is not.
    """
    rules = []
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(line for line in stream if not line.startswith("#")):
            known = {**SHAPES, **VALUES, **STATES}
            if row["model"] not in known:
                raise ConfigError(f"{path}: no model {row['model']!r}; known: {', '.join(sorted(known))}")
            params = dict(part.split("=", 1) for part in row["parameters"].split())
            cells: dict[str, Any] = {name: row[name] for name in row if name != "parameters"}
            rules.append(Rule(**cells, params=params))
    return tuple(rules)


@dataclass(frozen=True)
class Override:
    """An injected fault of one sensor: from ``tstart`` to ``tstop`` it reads ``value`` (± ``noise``), or is stuck.

    ``value`` None freezes the value that it had at ``tstart``.
    """

    msid: str
    tstart: float
    tstop: float
    value: float | None = None
    noise: float = 0.0


@dataclass(frozen=True)
class Bench:
    """What the models draw on."""

    env: Environment
    power: Power
    pointing: Pointing
    clock: Clock
    seed: int


class Engineering:
    """Values of all parameters.

    Parameters
    ----------
    dictionary
        Where the parameters come from.
    bench
        Surroundings, power and pointing over the simulated span.
    limits
        Limits in force, by MSID (``healthy.read_limits``).
    overrides
        Injected sensor faults.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        bench: Bench,
        limits: Mapping[str, Limits] | None = None,
        overrides: Iterable[Override] = (),
    ) -> None:
        self.dictionary, self.bench = dictionary, bench
        self.limits = dict(limits or {})
        self.overrides: dict[str, list[Override]] = {}
        for override in overrides:
            self.overrides.setdefault(override.msid, []).append(override)
        self._channels: dict[str, Channel] = {}

    def channel(self, msid: str) -> Channel:
        """The prepared model of one parameter."""
        if msid not in self._channels:
            parameter = self.dictionary[msid]
            rule = next((rule for rule in read_rules() if rule.fits(parameter)), None)
            if rule is None:
                raise ConfigError(f"{MODELS}: no row fits {msid} ({parameter.subsystem}, {parameter.unit!r})")
            follows = self._temperatures.get(msid, "") if rule.model == "heater" else ""
            self._channels[msid] = Channel(parameter, rule, self.bench, self.limits.get(msid), follows)
        return self._channels[msid]

    def values(self, msid: str, times: Array) -> Array:
        """Values of a parameter at times, injected faults included: numbers, or codes or names of states."""
        values = self.channel(msid).values(times)
        for override in self.overrides.get(msid, ()):
            values = self._overridden(override, times, values)
        return values

    def sources(self) -> dict[str, Callable[[Array], Array]]:
        """For each parameter the function of time that `engineering_encode` asks for."""
        return {msid: self._source(msid) for msid in self.dictionary.msids}

    def _source(self, msid: str) -> Callable[[Array], Array]:
        return lambda times: self.values(msid, times)

    def _overridden(self, override: Override, times: Array, values: Array) -> Array:
        inside = (times >= override.tstart) & (times < override.tstop)
        if not inside.any():
            return values
        if override.value is None:
            return np.where(inside, self.channel(override.msid).values(np.array([override.tstart]))[0], values)
        stream = noise.key(self.bench.seed, override.msid, "fault")
        wiggle = override.noise * noise.bell(stream, np.rint(times * 1000.0)) if override.noise else 0.0
        return np.where(inside, override.value + wiggle, values)

    @cached_property
    def _temperatures(self) -> dict[str, str]:
        """For each heater state a temperature of its subsystem: dealt out in order, the same for every seed."""
        pairs: dict[str, str] = {}
        for subsystem in self.dictionary.subsystems:
            members = [p for p in self.dictionary.msids.values() if p.subsystem == subsystem]
            warm = [p.msid for p in members if not p.states and _heated(p)]
            for number, heater in enumerate(p.msid for p in members if p.states):
                if warm:
                    pairs[heater] = warm[number % len(warm)]
        return pairs


def _heated(parameter: Parameter) -> bool:
    """Whether the model of a temperature has a heater in it."""
    rule = next((rule for rule in read_rules() if rule.fits(parameter)), None)
    return rule is not None and rule.model == "thermal" and float(rule.params.get("heater", 0)) > 0


class Channel:
    """One parameter, prepared: its model, its healthy range and its noise."""

    def __init__(self, parameter: Parameter, rule: Rule, bench: Bench, limits: Limits | None, follows: str) -> None:
        self.parameter, self.rule, self.bench, self.limits = parameter, rule, bench, limits
        self.item = Item(
            parameter.msid, parameter.unit, parameter.states, rule.params, follows, min(parameter.largest, 2**62)
        )
        self.low, self.high = NO_RANGE
        if not parameter.states and rule.model not in STATES and parameter.type != "bool":
            self._scale()

    def _scale(self) -> None:
        self.low, self.high = band(self.parameter, self.limits)
        if self.rule.model in SHAPES:
            middle = self.item.number("centre", (self.low + self.high) / 2)
            part = SWING if self.limits is not None else FREE_SPREAD
            half = self.item.number("spread", part * (self.high - self.low) / 2)
            low, high = max(self.low, middle - half), min(self.high, middle + half)
            if low < high:  # else the table's typical range lies outside the healthy one, which goes first
                self.low, self.high = low, high
        self.step = count_size(self.parameter, (self.low + self.high) / 2)
        lively = self.limits is not None and self.limits.stuck_seconds > 0
        usual = QUIET_NOISE if self.rule.model in SHAPES else 0.0
        counts = LIVELY_NOISE if lively else self.item.number("noise", usual)
        amplitude = counts * self.step if self.step else counts * (self.high - self.low) / 1000.0 * (self.high < 1e29)
        self.amplitude = min(amplitude, (self.high - self.low) / 2)
        self.stream = noise.key(self.bench.seed, self.parameter.msid, "noise")

    def values(self, times: Array) -> Array:
        """Nominal values at times."""
        name = self.rule.model
        if name in STATES:
            return STATES[name](self.bench, self.item, times)
        low, high = self.low + self.amplitude, self.high - self.amplitude
        if name in SHAPES:
            shape = SHAPES[name](self.bench, self.item, times)
            values = (low + high) / 2 + (high - low) / 2 * np.clip(shape, -1.0, 1.0)
        else:
            values = VALUES[name](self.bench, self.item, times)
            if values.dtype.kind in "US" or self.parameter.states:
                return values
            values = np.clip(values, low, high)
        if not self.amplitude:
            return values
        return values + self.amplitude * noise.bell(self.stream, np.rint(times * 1000.0))
