"""In which range a parameter is healthy: the middle of its limits, or of what its counts can express.

The limit table is read here with nothing but the csv module, so that the simulator does not judge itself by the
code that it is there to test.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mta_assets.core.times import from_utc
from mta_assets.telemetry.calibrate import Points
from mta_assets.telemetry.odb import Parameter

MIDDLE = 0.6  # part of the distance between the limits that nominal values may use
NAN = float("nan")


@dataclass(frozen=True)
class Limits:
    """What the table says of one parameter over a span; NaN where there is no limit."""

    yellow_low: float = NAN
    yellow_high: float = NAN
    red_low: float = NAN
    red_high: float = NAN
    samples: int = 1
    seconds: float = 0.0
    hysteresis: float = 0.0
    stuck_seconds: float = 0.0
    switch: str = ""

    @property
    def low(self) -> float:
        return self.red_low if np.isnan(self.yellow_low) else self.yellow_low

    @property
    def high(self) -> float:
        return self.red_high if np.isnan(self.yellow_high) else self.yellow_high


def read_limits(path: Path, tstart: float, tstop: float) -> dict[str, Limits]:
    """Rows of ``limits.csv`` in force anywhere in a span, by MSID; of several the narrowest band counts.

    An absent file gives none: a mission without limits can be simulated too.
    """
    if not path.is_file():
        return {}
    history: dict[tuple[str, str], list[tuple[float, dict[str, str]]]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            start = from_utc(row["valid_from"])
            if start < tstop:
                history.setdefault((row["msid"], row.get("set") or "0"), []).append((start, row))
    found: dict[str, Limits] = {}
    for (msid, _), rows in history.items():
        rows.sort(key=lambda entry: entry[0])
        before = [entry for entry in rows if entry[0] <= tstart]
        for _, row in before[-1:] + [entry for entry in rows if entry[0] > tstart]:
            if row.get("enabled", "1") != "0":
                found[msid] = _narrower(found.get(msid), _limits(row))
    return found


def _limits(row: Mapping[str, str]) -> Limits:
    def number(name: str, default: float) -> float:
        return float(row[name]) if row.get(name) else default

    return Limits(
        yellow_low=number("yellow_low", NAN),
        yellow_high=number("yellow_high", NAN),
        red_low=number("red_low", NAN),
        red_high=number("red_high", NAN),
        samples=int(number("persistence_samples", 1)),
        seconds=number("persistence_seconds", 0.0),
        hysteresis=number("hysteresis", 0.0),
        stuck_seconds=number("stuck_seconds", 0.0),
        switch=row.get("switch") or "",
    )


def _narrower(first: Limits | None, second: Limits) -> Limits:
    if first is None:
        return second
    return Limits(
        float(np.fmax(first.yellow_low, second.yellow_low)),
        float(np.fmin(first.yellow_high, second.yellow_high)),
        float(np.fmax(first.red_low, second.red_low)),
        float(np.fmin(first.red_high, second.red_high)),
        max(first.samples, second.samples),
        max(first.seconds, second.seconds),
        max(first.hysteresis, second.hysteresis),
        max(first.stuck_seconds, second.stuck_seconds),
        first.switch or second.switch,
    )


def expressible(parameter: Parameter) -> tuple[float, float]:
    """Lowest and highest value that counts of the parameter can express within its calibration."""
    if parameter.type == "float":
        return -1.0e30, 1.0e30
    low, high = float(parameter.smallest), float(parameter.largest)
    if isinstance(parameter.calibration, Points):
        low, high = max(low, parameter.calibration.counts[0]), min(high, parameter.calibration.counts[-1])
    counts = np.unique(np.linspace(low, high, 257).round())  # a curve need not be monotonic
    values = np.asarray(parameter.convert(counts.astype(np.int64))[0], float)
    return float(values.min()), float(values.max())


def count_size(parameter: Parameter, value: float) -> float:
    """How much one count is worth around a value (0 for floating-point fields)."""
    from mta_assets.simulate.engineering_encode import counts_of

    if parameter.type == "float":
        return 0.0
    middle = int(counts_of(parameter, np.array([value]))[0])
    around = np.clip([middle - 1, middle + 1], parameter.smallest, parameter.largest)
    low, high = np.asarray(parameter.convert(around)[0], float)
    return abs(high - low) / max(1, int(around[1] - around[0]))


def band(parameter: Parameter, limits: Limits | None) -> tuple[float, float]:
    """Lowest and highest healthy value: the middle 60 % of the limits, or all that is expressible without limits.

    A side without a limit is free to the end of the scale.
    """
    floor, ceiling = expressible(parameter)
    if limits is None or (np.isnan(limits.low) and np.isnan(limits.high)):
        return floor, ceiling
    low = floor if np.isnan(limits.low) else max(limits.low, floor)
    high = ceiling if np.isnan(limits.high) else min(limits.high, ceiling)
    margin = (1 - MIDDLE) * (high - low) / 2
    return low + margin * (not np.isnan(limits.low)), high - margin * (not np.isnan(limits.high))
