"""The telemetry of the simulated half year: NumPy arrays per packet type, counts and engineering values.

Counts are simulated first and calibrated as the mission's dictionary says (``missions/spire/xtce``), so the values are
the ones that decommutated packets would have. Telemetry is lost now and then, and some samples are damaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mta_assets_tests.spire import schedule
from mta_assets_tests.spire.schedule import DAY, HOUR, SEED, SPECTROMETER, START, STOP, inside, of_aot, spans

NS = 1_000_000_000
BAD_CHECKSUM = 4  # flag of a sample whose packet fails its error control word
# Packet type → (period [s], offset of its first sample [ns])
CADENCE = {
    "SPIRE_NHK": (16.0, 250_000_000),
    "SPIRE_BSM": (20.0, 3_125_000_000),
    "SPIRE_THERM": (64.0, 11_000_000_000),
    "SPIRE_SMEC": (1.0, 300_000_001),
    "SPIRE_LVDT": (0.5, 112_000_000),
    "SPIRE_MCUENG": (0.0125, 5_000_000),
}
# Parameter → (unit, c0, c1) of value = c0 + c1 * count; what is not listed is its own count.
THERMISTORS = tuple(f"{array}{t}V" for array in ("PSW", "PMW", "PLW", "SSW", "SLW") for t in ("T1", "T2"))
LINEAR = {
    "SUBKTEMP": ("K", 0.0, 1e-5),
    "PUMPHSTEMP": ("K", 0.0, 0.001),
    "SCAL2TEMP": ("K", 0.0, 0.002),
    "SCAL2CURR": ("mA", 0.0, 1e-4),
    "CHOPPOSN": ("arcsec", -163.84, 0.005),
    "JIGGPOSN": ("arcsec", -163.84, 0.005),
    "SMECLVDTPOSN": ("mm", -2.0, 0.0005),
    **dict.fromkeys(THERMISTORS, ("V", 0.0, 2e-6)),
}
STATES = {"SCAL2STAT": {0: "OFF", 1: "ON"}}


@dataclass(frozen=True)
class Group:
    """One packet type: times [ns], counts by parameter, and which samples are damaged."""

    name: str
    time: np.ndarray
    counts: dict[str, np.ndarray]
    bad: dict[str, np.ndarray]

    @property
    def seconds(self) -> np.ndarray:
        return self.time / NS  # of these sizes exact to 60 ns, for simulating; times are compared in nanoseconds

    def value(self, name: str) -> np.ndarray:
        """Engineering values, float64; counts or codes where there is no calibration."""
        if name not in LINEAR:
            return self.counts[name]
        _, c0, c1 = LINEAR[name]
        return c0 + c1 * self.counts[name]

    def good(self, name: str) -> np.ndarray:
        """Which samples are good."""
        return ~self.bad[name] if name in self.bad else np.ones(len(self.time), bool)


@lru_cache(maxsize=1)
def losses() -> np.ndarray:
    """Intervals without any telemetry: one in most weeks, ten minutes to four hours (n, 2) [s]."""
    rng = np.random.default_rng(SEED + 1)
    weeks = np.arange(START + 5 * DAY, STOP - DAY, 7 * DAY)
    starts = weeks + rng.integers(0, 5 * DAY, len(weeks))
    return np.column_stack([starts, starts + rng.integers(600, 4 * HOUR, len(starts))]).astype(float)


def _grid(name: str, intervals: np.ndarray) -> np.ndarray:
    """Times of a packet type [ns] in some intervals, without what was lost."""
    period, offset = CADENCE[name]
    step = round(period * NS)
    parts = [
        np.arange(int(first) * NS + offset, int(last) * NS, step, dtype=np.int64) for first, last in intervals.tolist()
    ]
    time = np.concatenate(parts)
    return time[~inside(time / NS, losses())]


def _counts(values: np.ndarray, name: str) -> np.ndarray:
    _, c0, c1 = LINEAR[name]
    return np.clip(np.rint((values - c0) / c1), 0, 65535).astype(np.uint16)


def _damage(rng: np.random.Generator, names: list[str], size: int) -> dict[str, np.ndarray]:
    return {name: rng.random(size) < 2e-4 for name in names}


@lru_cache(maxsize=1)
def housekeeping() -> Group:
    """Sub-kelvin cooler, its pump and the second spectrometer calibration source, every 16 s."""
    rng = np.random.default_rng(SEED + 2)
    time = _grid("SPIRE_NHK", np.array([[START, STOP]], float))
    at = time / NS
    cold, pump = np.full(len(at), 1.65), 1.8 + rng.normal(0, 0.02, len(at))
    for obs in of_aot("CoolerRecycle"):
        since = at - (obs.tstart + 600)
        warm = (since >= 0) & (since < 2 * HOUR)
        pump[warm] = np.interp(since[warm], [0, 900, 3600, 5400, 7200], [1.8, 45.0, 45.0, 12.0, 1.8])
        pump[warm] += rng.normal(0, 0.02, warm.sum())
        hold = (since >= 1.5 * HOUR) & (since < 46 * HOUR)
        cold[hold] = 0.284 + 0.012 * (since[hold] / (46 * HOUR)) + 0.08 * np.exp(-(since[hold] - 1.5 * HOUR) / 2500)
    cold = np.minimum(cold + rng.normal(0, 0.0004, len(at)), 0.65)
    warmth, current, state = _calibration_source(rng, at)
    counts = {
        "SUBKTEMP": _counts(cold, "SUBKTEMP"),
        "PUMPHSTEMP": _counts(pump, "PUMPHSTEMP"),
        "SCAL2TEMP": _counts(warmth, "SCAL2TEMP"),
        "SCAL2CURR": _counts(current, "SCAL2CURR"),
        "SCAL2STAT": state,
    }
    return Group("SPIRE_NHK", time, counts, _damage(rng, ["SUBKTEMP", "PUMPHSTEMP", "SCAL2TEMP"], len(time)))


def _calibration_source(rng: np.random.Generator, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """SCAL2 is on in observations of the spectrometer, with one of three currents; it warms and cools slowly."""
    warmth, current = np.full(len(at), 4.5), np.zeros(len(at))
    state = np.zeros(len(at), np.uint8)
    for number, obs in enumerate(of_aot(*SPECTROMETER)):
        level = (1.0, 3.2, 4.1)[number % 3]  # [mA]
        goal = 4.5 + 22.0 * level  # [K]
        on = (at >= obs.tstart) & (at < obs.tstop)
        current[on], state[on] = level + rng.normal(0, 0.003, on.sum()), 1
        peak = goal - (goal - 4.5) * np.exp(-(obs.tstop - obs.tstart) / 900)
        warmth[on] = goal - (goal - 4.5) * np.exp(-(at[on] - obs.tstart) / 900)
        off = (at >= obs.tstop) & (at < obs.tstop + 3 * HOUR)
        warmth[off] = 4.5 + (peak - 4.5) * np.exp(-(at[off] - obs.tstop) / 600)
    return warmth + rng.normal(0, 0.02, len(at)), current, state


@lru_cache(maxsize=1)
def mirror() -> Group:
    """Beam steering mirror every 20 s: at rest, slowly drifting, but in the AOTs that chop and jiggle."""
    rng = np.random.default_rng(SEED + 3)
    time = _grid("SPIRE_BSM", np.array([[START, STOP]], float))
    at = time / NS
    chop = 31800 + 40 * (at - START) / DAY / 30 + rng.normal(0, 6, len(at))
    jigg = 33100 - 25 * (at - START) / DAY / 30 + rng.normal(0, 6, len(at))
    moves = inside(at, spans(*schedule.MOVING))
    chop[moves] += rng.choice([-20000, -9000, 0, 9000, 18250, 20000], moves.sum())
    jigg[moves] += rng.choice([-8000, -4000, 0, 4000, 8000], moves.sum())
    raw = {"BSMCHOPPOSN": np.rint(chop).astype(np.uint16), "BSMJIGGPOSN": np.rint(jigg).astype(np.uint16)}
    counts = {"CHOPPOSN": raw["BSMCHOPPOSN"], "JIGGPOSN": raw["BSMJIGGPOSN"], **raw}
    return Group("SPIRE_BSM", time, counts, _damage(rng, ["CHOPPOSN", "BSMCHOPPOSN"], len(time)))


@lru_cache(maxsize=1)
def thermistors() -> Group:
    """Voltages of the thermistors of the five detector arrays, every 64 s."""
    rng = np.random.default_rng(SEED + 4)
    time = _grid("SPIRE_THERM", np.array([[START, STOP]], float))
    at = time / NS
    counts = {}
    for number, name in enumerate(THERMISTORS):
        wave = 0.031 + 0.002 * number + 0.0006 * np.sin(2 * np.pi * (at - START) / (DAY * (1 + 0.1 * number)))
        counts[name] = _counts(wave + rng.normal(0, 4e-5, len(at)), name)
    return Group("SPIRE_THERM", time, counts, _damage(rng, ["SSWT1V"], len(time)))


@lru_cache(maxsize=1)
def encoder() -> Group:
    """Optical encoder of the spectrometer mechanism, once a second while the spectrometer observes."""
    time = _grid("SPIRE_SMEC", spans(*SPECTROMETER))
    return Group("SPIRE_SMEC", time, {"SMECENCPOSN": np.rint(_carriage(time)).astype(np.int32)}, {})


@lru_cache(maxsize=1)
def position_sensor() -> Group:
    """The coarse position sensor (LVDT) of the same mechanism, twice a second."""
    rng = np.random.default_rng(SEED + 5)
    time = _grid("SPIRE_LVDT", spans(*SPECTROMETER))
    position = _carriage(time) / 40000 * 14.0 + rng.normal(0, 0.004, len(time))
    return Group(
        "SPIRE_LVDT", time, {"SMECLVDTPOSN": _counts(position, "SMECLVDTPOSN")},
        _damage(rng, ["SMECLVDTPOSN"], len(time)),
    )  # fmt: skip


def _carriage(time: np.ndarray) -> np.ndarray:
    """Where the carriage is: back and forth in 137 s between 0 and 40,000 steps of the encoder."""
    phase = (time / NS - START) % 137.0 / 137.0
    return 40000 * (1 - np.abs(2 * phase - 1))


@lru_cache(maxsize=1)
def engineering() -> Group:
    """The fast engineering word of the mechanism control unit: 80 Hz in engineering observations."""
    rng = np.random.default_rng(SEED + 6)
    time = _grid("SPIRE_MCUENG", spans("Engineering"))
    walk = np.rint(2048 + 600 * np.sin(np.arange(len(time)) / 37.0) + rng.normal(0, 20, len(time)))
    return Group("SPIRE_MCUENG", time, {"MCUENG": walk.astype(np.uint16)}, {})


def groups() -> tuple[Group, ...]:
    return housekeeping(), mirror(), thermistors(), encoder(), position_sensor(), engineering()


def group_of(name: str) -> Group:
    """The group that carries a parameter."""
    return next(group for group in groups() if name in group.counts)
