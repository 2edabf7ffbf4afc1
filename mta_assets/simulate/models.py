"""The engineering models by name: what a row of ``models.csv`` can ask for.

A *shape* lies within -1 … 1 and is scaled to the healthy range of the parameter; a *value* is in its own unit;
a *state* is a code or a name. Each is a function of (bench, item, times).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.simulate import instruments_hk, noise, orbit, thermal

if TYPE_CHECKING:
    from mta_assets.simulate.engineering import Bench

Array = NDArray[Any]
QUIET_STATES = (
    "NORM", "NRML", "OK", "GOOD", "PASS", "VALD", "ENAB", "ON", "SAFE", "LOCK", "NPNT", "KALM", "GUID", "NO", "NONE",
    "NFIR", "NION", "NOVR", "NFAL", "FALS", "INAC", "IACT", "STOP", "STAR", "AUTO", "NECL", "DISA", "OFF",
)  # fmt: skip
OFF_NAMES = ("OFF", "DISA", "CLOS", "NO", "NLCK", "FALS", "STOP", "NECL", "SUN")
ON_NAMES = ("ON", "ENAB", "OPEN", "YES", "LOCK", "TRUE", "MOVE", "ECL", "ECLP")


@dataclass(frozen=True)
class Item:
    """What a model knows of the parameter it makes.

    Parameters
    ----------
    msid, unit
        Name and unit.
    states
        Code to name.
    params
        Parameters from ``models.csv``: numbers where they are numbers, else text.
    follows
        The temperature that a heater state belongs to.
    largest
        Largest count of the field.
    """

    msid: str
    unit: str
    states: Mapping[int, str]
    params: Mapping[str, Any]
    follows: str = ""
    largest: int = 1

    def number(self, name: str, default: float) -> float:
        return float(self.params.get(name, default))

    def text(self, name: str, default: str = "") -> str:
        return str(self.params.get(name, default))


Model = Callable[["Bench", Item, Array], Array]


def _thermal(bench: Bench, item: Item, times: Array) -> Array:
    names = ("tau", "sun", "power", "orbit", "heater")
    known = {name: float(item.params[name]) for name in names if name in item.params}
    return thermal.temperature(bench.env, item.msid, bench.seed, times, **known)


def _steady(bench: Bench, item: Item, times: Array) -> Array:
    """A regulated quantity: a fixed offset of its own and a slow, small swing."""
    offset = 1.2 * noise.constant(bench.seed, item.msid, "offset") - 0.6
    period = 7200.0 + 36000.0 * noise.constant(bench.seed, item.msid, "period")
    return offset + 0.2 * np.sin(2 * np.pi * times / period)


def _wave(bench: Bench, item: Item, times: Array) -> Array:
    """A slow swing over the whole range."""
    period = item.number("period", 20000.0) * (0.8 + 0.4 * noise.constant(bench.seed, item.msid, "period"))
    return 0.9 * np.sin(2 * np.pi * (times / period + noise.constant(bench.seed, item.msid, "phase")))


def _loaded(bench: Bench, item: Item, times: Array) -> Array:
    """Current or power of a unit that works harder while its instrument observes."""
    on = instruments_hk.observing(bench.env, item.text("instrument", "ACIS"), times)
    return -0.6 + 1.2 * on + 0.2 * (noise.constant(bench.seed, item.msid, "offset") - 0.5)


def _bus(bench: Bench, item: Item, times: Array) -> Array:
    return bench.power.bus_shape(times)


def _charge_shape(bench: Bench, item: Item, times: Array) -> Array:
    return 2.0 * bench.power.charge(times) - 1.0


def _load_shape(bench: Bench, item: Item, times: Array) -> Array:
    return (bench.power.load_current(times) - 31.0) / 3.0


def _wheel(bench: Bench, item: Item, times: Array) -> Array:
    return bench.pointing.wheel_shape(_digit(item.msid), times)


def _particle(bench: Bench, item: Item, times: Array) -> Array:
    return instruments_hk.particle_shape(bench.env, times)


def _rate_shape(bench: Bench, item: Item, times: Array) -> Array:
    rate = bench.pointing.rates(times)[:, int(item.number("axis", 1)) - 1]
    return np.clip(rate / 2.0e-3, -1.0, 1.0)


def _pitch_shape(bench: Bench, item: Item, times: Array) -> Array:
    return np.clip((bench.pointing.pitch(times) - 112.5) / 67.5, -1.0, 1.0)


SHAPES: dict[str, Model] = {
    "thermal": _thermal,
    "steady": _steady,
    "wave": _wave,
    "loaded": _loaded,
    "bus": _bus,
    "charge_shape": _charge_shape,
    "load_shape": _load_shape,
    "wheel": _wheel,
    "particle": _particle,
    "rate_shape": _rate_shape,
    "pitch_shape": _pitch_shape,
}


def _schedule(bench: Bench, item: Item, times: Array) -> Array:
    """A number or state of the schedule: ``of`` names it, ``scale`` and ``zero`` convert it."""
    values = bench.env.state(item.text("of"), times)
    if values.dtype.kind in "US":
        return values
    return values * item.number("scale", 1.0) + item.number("zero", 0.0)


def _fixed(bench: Bench, item: Item, times: Array) -> Array:
    return np.full(len(times), item.number("value", 0.0))


def _vcdu_counter(bench: Bench, item: Item, times: Array) -> Array:
    """The counter of the frame as it stands in its header: 24 bits of the clock."""
    return np.mod(np.rint(bench.clock.counter(times)), 2.0**bench.clock.bits)


def _quaternion(bench: Bench, item: Item, times: Array) -> Array:
    pointing = bench.pointing
    attitude = pointing.estimate if item.text("of") == "estimate" else pointing.quaternion
    return attitude(times)[:, _digit(item.msid) - 1]


def _rate(bench: Bench, item: Item, times: Array) -> Array:
    return bench.pointing.rates(times)[:, _digit(item.msid) - 1] * item.number("scale", 1.0)


def _pitch(bench: Bench, item: Item, times: Array) -> Array:
    return bench.pointing.pitch(times) * item.number("scale", 1.0)


def _sun_vector(bench: Bench, item: Item, times: Array) -> Array:
    return bench.pointing.sun_vector(times)[:, _digit(item.msid) - 1]


def _sun_inertial(bench: Bench, item: Item, times: Array) -> Array:
    return orbit.sun_direction(times)[:, _digit(item.msid) - 1]


def _position(bench: Bench, item: Item, times: Array) -> Array:
    """Geocentric position [km]."""
    return orbit.position(times, bench.env.schedule.elements)[:, _digit(item.msid) - 1]


def _velocity(bench: Bench, item: Item, times: Array) -> Array:
    """Geocentric velocity [km/s], from positions half a second before and after."""
    axis, elements = _digit(item.msid) - 1, bench.env.schedule.elements
    return orbit.position(times + 0.5, elements)[:, axis] - orbit.position(times - 0.5, elements)[:, axis]


def _gyro(bench: Bench, item: Item, times: Array) -> Array:
    return bench.pointing.gyro_counts(_digit(item.msid), times)


def _array_current(bench: Bench, item: Item, times: Array) -> Array:
    return bench.power.array_current(times)


def _charge_current(bench: Bench, item: Item, times: Array) -> Array:
    return bench.power.charge_current(times)


def _discharge_current(bench: Bench, item: Item, times: Array) -> Array:
    return bench.power.discharge_current(times)


def _charge(bench: Bench, item: Item, times: Array) -> Array:
    return bench.power.charge(times) * item.number("scale", 1.0)


def _hrc_rate(bench: Bench, item: Item, times: Array) -> Array:
    return instruments_hk.hrc_rate(bench.env, item.text("kind", "total"), times, bench.seed)


def _radiation(bench: Bench, item: Item, times: Array) -> Array:
    """A particle rate: ``quiet`` outside the belts, ``belts`` inside, logarithmic between."""
    quiet, belts = np.log(item.number("quiet", 10.0)), np.log(item.number("belts", 1.0e5))
    return np.exp(quiet + (belts - quiet) * instruments_hk.radiation(bench.env, times))


VALUES: dict[str, Model] = {
    "schedule": _schedule,
    "fixed": _fixed,
    "vcdu_counter": _vcdu_counter,
    "quaternion": _quaternion,
    "rate": _rate,
    "pitch": _pitch,
    "sun_vector": _sun_vector,
    "sun_inertial": _sun_inertial,
    "position": _position,
    "velocity": _velocity,
    "gyro": _gyro,
    "array_current": _array_current,
    "charge_current": _charge_current,
    "discharge_current": _discharge_current,
    "load_current": lambda bench, item, times: bench.power.load_current(times),
    "charge": _charge,
    "hrc_rate": _hrc_rate,
    "radiation": _radiation,
}


def _constant(bench: Bench, item: Item, times: Array) -> Array:
    """One state for the whole day: the one that ``state`` names, else the quietest, or ``value`` as a count."""
    if not item.states:
        return np.full(len(times), int(item.number("value", 0)) & item.largest)
    wanted = [item.text("state")] if item.text("state") else list(QUIET_STATES)
    codes = {name: code for code, name in reversed(list(item.states.items()))}
    code = next((codes[name] for name in wanted if name in codes), min(item.states))
    return np.full(len(times), code)


def _heater(bench: Bench, item: Item, times: Array) -> Array:
    """A heater's state, as the temperature that it holds says."""
    on = thermal.heater_on(item.follows or item.msid, bench.seed, times)
    off_code, on_code = _pair(item)
    return np.where(on, on_code, off_code)


def _when(bench: Bench, item: Item, times: Array) -> Array:
    """A two-state parameter that is on while a yes-or-no state of the schedule holds (or ``value`` equals it)."""
    values = np.asarray(bench.env.state(item.text("of"), times))
    held = values.astype(str) == item.text("value") if item.text("value") else values.astype(bool)
    off_code, on_code = _pair(item)
    return np.where(held, on_code, off_code)


def _named(bench: Bench, item: Item, times: Array) -> Array:
    """A state of the schedule by its own name, or the quietest state where the dictionary does not know it."""
    values = np.asarray(bench.env.state(item.text("of"), times)).astype(str)
    fallback = item.states[int(_constant(bench, item, times[:1])[0])] if len(times) else ""
    return np.where(np.isin(values, list(item.states.values())), values, fallback)


def _counter(bench: Bench, item: Item, times: Array) -> Array:
    """A counter that grows with time and wraps: one count per ``period`` seconds."""
    place = np.floor(times / item.number("period", 0.25625)).astype(np.int64)
    return place % (item.largest + 1) if item.largest < 2**40 else place


def _toggle(bench: Bench, item: Item, times: Array) -> Array:
    off_code, on_code = _pair(item)
    return np.where(np.floor(times / item.number("period", 32.8)).astype(np.int64) % 2 == 1, on_code, off_code)


STATES: dict[str, Model] = {
    "constant": _constant,
    "heater": _heater,
    "when": _when,
    "named": _named,
    "counter": _counter,
    "toggle": _toggle,
}


def _pair(item: Item) -> tuple[int, int]:
    """Codes of off and on: by name if they are named so, else the two lowest."""
    codes = {name: code for code, name in item.states.items()} or {"OFF": 0, "ON": 1}
    ordered = sorted(codes.values())
    off = next((codes[n] for n in (item.text("off"), *OFF_NAMES) if n in codes), ordered[0])
    on = next((codes[n] for n in (item.text("on"), *ON_NAMES) if n in codes), ordered[-1])
    return (off, on) if off != on else (ordered[0], ordered[-1])


def _digit(msid: str) -> int:
    """The number in a name that says which of several it is: the last digit."""
    return next((int(c) for c in reversed(msid) if c.isdigit()), 1)
