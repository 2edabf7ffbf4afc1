"""Telemetry to fill an archive with: any row of any parameter is a function of its number alone, so nothing is kept.

A parameter is counts of 8 to 16 bits that follow the orbit, the year and a slow drift, with about one count of noise;
a fixed curve makes float32 values of them (or they stay as they are). Some rows in 200,000 came in damaged frames: none
of their samples is good. Rare events go beyond two thresholds, so that queries have something to look for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.flags import Quality
from mta_assets.core.samples import SECOND, ParameterInfo

Array = NDArray[Any]
EPOCH = 63_072_000  # [s, TT since 1998.0] the first sample: 2000-01-01
YEAR = 31_557_600.0  # [s]
DAY = 86_400.0  # [s]
ORBIT = 228_600.0  # [s] 63.5 h
SLOW = 32.8  # [s] one major frame
FAST = 1.025  # [s]
MINOR_FRAME = 0.25625  # [s]
BAD_EVERY, BAD_ROWS = 200_000, 10  # rows from one stretch of damaged frames to the next, and its length
EVENT_ROWS = 20  # samples that an event lasts
BLOCK = 1 << 20  # rows made at a time
CLOCK = 6.1e-8  # rate of the spacecraft's clock: from the times of Chandra's aspect solutions of 2020 and 2023
RARE, FREQUENT = 230, 205  # [count] thresholds: what the greatest events pass, what all events pass
BITS = (8, 8, 12, 8, 12, 8, 16)  # widths in turn, about as the dictionary of Chandra has them


@dataclass(frozen=True)
class Signal:
    """One parameter.

    Parameters
    ----------
    info
        As the archive is to know it.
    seed
        Tells its noise, phase and level from those of others.
    bits
        Width of the counts; 1 is a switch.
    events
        Rows from one event beyond FREQUENT to the next, and which of them (every n-th) goes beyond RARE; none at 0.
    """

    info: ParameterInfo
    seed: int
    bits: int = 8
    events: tuple[int, int] = (0, 0)

    @cached_property
    def curve(self) -> Array | None:
        """Value of each count; None where counts are values."""
        if self.info.dtype != "f4":
            return None
        knots = np.linspace(0, 2**self.bits - 1, 9)
        values = np.array([-53.0, -44.5, -32.3, -17.7, -1.0, 16.1, 32.3, 46.4, 56.1]) * (1 + self.seed % 5 / 8)
        return np.interp(np.arange(2**self.bits), knots, values).astype(np.float32)

    def counts(self, first: int, rows: int) -> Array:
        """Raw counts of so many rows from a row on."""
        at = np.arange(first, first + rows, dtype=np.uint64)
        noise = _hash(at, self.seed)
        if self.bits == 1:  # a switch that is thrown every few hours
            return (_hash(at // np.uint64(1000), self.seed) & np.uint64(1)).astype(np.uint8)
        seconds = at.astype(np.float64) * self.info.period
        wave = 0.16 * np.sin(seconds * (2 * np.pi / ORBIT) + self.seed) + 0.10 * np.sin(seconds * (2 * np.pi / YEAR))
        wave += 0.45 + 0.0025 * seconds / YEAR
        wave *= 2**self.bits
        # The halves of the hash, each uniform, make a triangle of about one count.
        wave += (noise >> np.uint64(32)).astype(np.float64) / 2**32
        wave += (noise & np.uint64(0xFFFFFFFF)).astype(np.float64) / 2**32
        counts = wave.astype(np.uint8 if self.bits <= 8 else np.uint16)
        if self.events[0]:
            number, inside = np.divmod(at, np.uint64(self.events[0]))
            event = (inside < EVENT_ROWS) & (number > 0)
            rare = number % np.uint64(self.events[1]) == 0
            counts[event] = np.where(rare[event], RARE + 10, FREQUENT + 10)
        return counts

    def values(self, counts: Array) -> Array:
        """Engineering values of counts."""
        return counts if self.curve is None else self.curve[counts]


def _hash(at: Array, seed: int) -> Array:
    """A random 64-bit number for each row (the finaliser of SplitMix64)."""
    mixed = (at + np.uint64(seed * 1_000_003 + 1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@dataclass(frozen=True)
class Group:
    """Parameters with the same times."""

    name: str
    period: float
    signals: tuple[Signal, ...]

    def rows_until(self, seconds: float) -> int:
        """Rows in so many seconds from the first."""
        return int(seconds / self.period)

    def time(self, first: int, rows: int) -> NDArray[np.int64]:
        """Times [ns] by the clock of the spacecraft, whose rate is a little off and drifts."""
        at = np.arange(first, first + rows, dtype=np.int64)
        step = round(self.period * (1 + CLOCK) * SECOND)
        drift = np.rint(2e5 * np.sin(at * (self.period / (90 * DAY)))).astype(np.int64)
        return EPOCH * SECOND + at * step + drift

    def rows(self, first: int, rows: int, raw: bool = True) -> GroupRows:
        """Rows as the archive takes them; raw counts of what has a curve, if they are wanted."""
        values, counts = {}, {}
        damaged = (np.arange(first, first + rows) + len(self.name) * 997) % BAD_EVERY < BAD_ROWS
        flags = np.where(damaged, Quality.BAD_CHECKSUM, Quality.GOOD).astype(np.uint8)
        for signal in self.signals:
            name = signal.info.name
            found = signal.counts(first, rows)
            values[name] = signal.values(found)
            if raw and signal.curve is not None:
                counts[name] = found
        quality = dict.fromkeys(values, flags) if damaged.any() else {}
        infos = tuple(signal.info for signal in self.signals)
        return GroupRows(self.name, infos, self.time(first, rows), values, counts, quality, self.period)

    def blocks(self, first: int, stop: int, block: int = BLOCK) -> Iterator[tuple[int, int]]:
        """First row and number of rows of pieces of a range of rows."""
        for start in range(first, stop, block):
            yield start, min(block, stop - start)


def group(name: str, period: float, count: int, seed: int, events: Sequence[tuple[int, int]] = ()) -> Group:
    """A group of so many parameters; the first of them have the events that are given."""
    signals = []
    for index in range(count):
        bits = 8 if index < len(events) else BITS[index % len(BITS)]
        info = ParameterInfo(
            f"{name}{index:03d}", name, "u2" if bits == 16 else "f4", "" if bits == 16 else "DEGC", period=period
        )
        signals.append(Signal(info, seed + index, bits, events[index] if index < len(events) else (0, 0)))
    return Group(name, period, tuple(signals))


@lru_cache(maxsize=1)
def dictionary_rates() -> tuple[tuple[str, float, tuple[int, ...]], ...]:
    """Groups of the dictionary of Chandra: name, period [s], widths of the parameters [bit]."""
    from mta_assets.missions.load import load_mission
    from mta_assets.telemetry.odb import dictionary_of

    dictionary = dictionary_of(load_mission("chandra"))
    return tuple(
        (rate.content, rate.step * MINOR_FRAME, tuple(dictionary.msids[msid].length for msid in rate.msids))
        for rate in dictionary.groups.values()
    )


def spacecraft(parameters: int) -> tuple[Group, ...]:
    """So many parameters in groups of the sizes, rates and widths that the dictionary of Chandra has."""
    rates = dictionary_rates()
    edges = np.cumsum([0, *(len(widths) for _, _, widths in rates)])
    edges = np.rint(edges * parameters / edges[-1]).astype(int)
    groups = []
    for number, (name, period, widths) in enumerate(rates):
        signals = []
        for index in range(edges[number + 1] - edges[number]):
            bits = min(widths[index % len(widths)], 16)
            dtype = "u1" if bits < 8 else "u2" if bits == 16 else "f4"
            states = {0: "OFF", 1: "ON"} if bits == 1 else {}
            info = ParameterInfo(f"{name}_{index:03d}", name, dtype, "", states=states, period=period)
            signals.append(Signal(info, 1000 * number + index, bits))
        if signals:
            groups.append(Group(name, period, tuple(signals)))
    return tuple(groups)


def playback(groups: Iterable[Group], start: float, stop: float) -> list[GroupRows]:
    """What comes down in one playback: the rows of all groups in seconds from the first."""
    out = []
    for each in groups:
        first = each.rows_until(start)
        if (rows := each.rows_until(stop) - first) > 0:
            out.append(each.rows(first, rows))
    return out
