"""Injected faults: what, where and when, chosen by the seed. ``damage`` puts them into frames.

The plan is made before anything is simulated, so every process knows all of it. In each playback the first part is
for sensors that misbehave, the last part for frames that are lost or damaged, so that no fault hides another.
``truth`` states what should be found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.simulate.engineering import Engineering, Override
from mta_assets.simulate.healthy import expressible

Array = NDArray[Any]
SENSOR_ZONE = (0.05, 0.55)  # part of a playback in which sensors misbehave
FRAME_ZONE = (0.60, 0.95)  # part in which frames are lost or damaged
SENSOR_KINDS = ("yellow_low", "yellow_high", "red_low", "red_high", "short", "stuck")
FRAME_KINDS = (
    "gap", "repeated_frame", "repeated_stretch", "out_of_order", "bit_engineering", "bit_sync", "bit_counter",
    "bit_science",
)  # fmt: skip
SCIENCE_KINDS = ("gap", "bit_science")
FILE_KINDS = ("truncated", "overlap", "hot_pixel")
KINDS = SENSOR_KINDS + FRAME_KINDS + FILE_KINDS
GAP_FRAMES = 300
STRETCH_FRAMES = 40  # of a repeated stretch, and of each half of a swap
OVERLAP_FRAMES = 512
CUT_FRAMES = 60  # lost at the end of a truncated playback, the one that is cut in two included
CUT_BYTES = 400  # what is left of that one
LEAST_SLOT = 2 * GAP_FRAMES  # [frame] room for a frame fault
LONGEST = 240.0  # [s] of a limit crossing
BEYOND = 3.0  # [count] beyond the limit, at least
HOT_FRACTION = 0.9  # part of the exposures in which an injected hot pixel fires


@dataclass(frozen=True)
class Span:
    """Frames of one playback as the spacecraft recorded them: unwrapped counters first … stop - 1."""

    number: int
    first: int
    stop: int

    @property
    def count(self) -> int:
        return self.stop - self.first

    def at(self, fraction: float) -> int:
        """Counter at a part of the span."""
        return self.first + int(fraction * self.count)


@dataclass(frozen=True)
class Fault:
    """One injected fault.

    Parameters
    ----------
    kind
        One of `KINDS`.
    playback
        Number of the playback that it is in (for an overlap the later of the two).
    first, last
        Unwrapped counters of the frames that it touches.
    params
        What it needs to know besides: MSID, value, byte, bit, CCD, pixel …
    """

    kind: str
    playback: int
    first: int
    last: int
    params: Mapping[str, Any] = field(default_factory=dict)


def plan_faults(
    spans: Sequence[Span], engineering: Engineering, seed: int, hot_ccds: Mapping[int, tuple[int, ...]] | None = None
) -> tuple[Fault, ...]:
    """Choose the faults of a run.

    Parameters
    ----------
    spans
        The playbacks.
    engineering
        The healthy spacecraft; says which parameters have limits.
    seed
        Of the run.
    hot_ccds
        CCDs that take timed exposures all through a playback, by playback number.

    Returns
    -------
    tuple
        Kinds that find no room (a short run, no observation with ACIS) are left out.
    """
    return _Planner(spans, engineering, seed, hot_ccds or {}).plan()


def overrides(faults: Sequence[Fault], engineering: Engineering) -> list[Override]:
    """The sensor faults as overrides of the engineering models."""
    clock = engineering.bench.clock
    made = []
    for fault in faults:
        if fault.kind in SENSOR_KINDS:
            start, stop = clock.time(np.array([fault.first, fault.last + 1]))
            value, level = fault.params.get("value"), fault.params.get("noise", 0.0)
            made.append(Override(fault.params["msid"], float(start), float(stop), value, level))
    return made


class _Planner:
    """Deals the faults out over the playbacks and finds a place for each."""

    def __init__(
        self, spans: Sequence[Span], engineering: Engineering, seed: int, hot_ccds: Mapping[int, tuple[int, ...]]
    ) -> None:
        self.spans, self.engineering, self.hot_ccds = spans, engineering, hot_ccds
        self.random = np.random.default_rng([seed, 0xFA017])
        self.used: set[str] = set()

    def plan(self) -> tuple[Fault, ...]:
        places = self._deal()
        found: list[Fault | None] = []
        for span in self.spans:
            kinds = places[span.number]
            found += [self._sensor(kind, span) for kind in kinds if kind in SENSOR_KINDS]
            in_frames = [kind for kind in kinds if kind in FRAME_KINDS]
            room = span.at(FRAME_ZONE[1]) - span.at(FRAME_ZONE[0])
            in_frames = in_frames[: room // LEAST_SLOT]
            for slot, kind in enumerate(in_frames):
                begin = span.at(FRAME_ZONE[0]) + slot * (room // len(in_frames))
                found.append(self._frames(kind, span, begin))
        found += self._files(places)
        return tuple(sorted((f for f in found if f is not None), key=lambda f: (f.first, f.kind)))

    def _deal(self) -> dict[int, list[str]]:
        """Which kinds go into which playback: dealt out like cards, a shuffled pack over shuffled playbacks.

        Lost and damaged science data goes to playbacks with events, where it can be missed.
        """
        order = self.random.permutation(len(self.spans)).tolist()
        busy = [i for i in order if self.hot_ccds.get(self.spans[i].number)] or order
        pack = self.random.permutation(np.array(SENSOR_KINDS + FRAME_KINDS)).tolist()
        places: dict[int, list[str]] = {span.number: [] for span in self.spans}
        for card, kind in enumerate(SCIENCE_KINDS):
            places[self.spans[busy[card % len(busy)]].number].append(kind)
        free = sorted(range(len(order)), key=lambda i: len(places[self.spans[order[i]].number]))
        for card, kind in enumerate(kind for kind in pack if kind not in SCIENCE_KINDS):
            places[self.spans[order[free[card % len(free)]]].number].append(kind)
        return places

    def _files(self, places: Mapping[int, list[str]]) -> list[Fault | None]:
        """Faults of whole files. The truncated playback is not the one that the next overlaps."""
        made: list[Fault | None] = []
        order = self.random.permutation(len(self.spans)).tolist()
        cut = self.spans[order[0]]
        made.append(Fault("truncated", cut.number, cut.stop - CUT_FRAMES, cut.stop - 1, {"bytes_left": CUT_BYTES}))
        later = [self.spans[i] for i in order if i > 0 and self.spans[i - 1].number != cut.number]
        if later:
            span = later[0]
            made.append(Fault("overlap", span.number, span.first - OVERLAP_FRAMES, span.first - 1))
        able = [span for span in self.spans if self.hot_ccds.get(span.number)]
        if able:
            span = able[int(self.random.integers(len(able)))]
            ccd = int(self.random.choice(self.hot_ccds[span.number]))
            chipx, chipy = (int(place) for place in self.random.integers(100, 900, 2))
            pixel = {"ccd_id": ccd, "chipx": chipx, "chipy": chipy, "fraction": HOT_FRACTION}
            made.append(Fault("hot_pixel", span.number, span.first, span.stop - 1, pixel))
        return made

    def _sensor(self, kind: str, span: Span) -> Fault | None:
        """A sensor that suits the kind, and when it misbehaves."""
        period = self.engineering.dictionary.layout.period
        zone = (span.at(SENSOR_ZONE[0]), span.at(SENSOR_ZONE[1]))
        for msid in self.random.permutation(self._candidates(kind)).tolist():
            parameter, limits = self.engineering.dictionary[msid], self.engineering.limits[msid]
            step = parameter.step
            if kind == "stuck":
                samples = int(np.ceil((limits.stuck_seconds + 200.0) / period / step))
            elif kind == "short":
                samples = limits.samples - 1
            else:
                least = max(limits.samples + 2, int(np.ceil(1.5 * limits.seconds / period / step)))
                samples = max(least, int(LONGEST / period / step * (0.4 + 0.6 * self.random.random())))
            latest = zone[1] - samples * step
            if latest <= zone[0] + step:
                continue
            first = int(self.random.integers(zone[0], latest)) // step * step + step
            params = {"msid": msid, **self._level(kind, msid)}
            self.used.add(msid)
            return Fault(kind, span.number, first, first + samples * step - 1, params)
        return None

    def _candidates(self, kind: str) -> list[str]:
        """MSIDs that can show a kind of fault and nothing else."""
        names = []
        for msid, limits in self.engineering.limits.items():
            if msid in self.used or limits.switch or msid not in self.engineering.dictionary:
                continue
            parameter = self.engineering.dictionary[msid]
            sampled = len(parameter.minor_frames) * parameter.step == self.engineering.dictionary.layout.minor_frames
            if parameter.states or not sampled or not parameter.formats >= {1, 2}:
                continue
            if kind == "stuck":
                suits = limits.stuck_seconds > 0
            else:
                suits = bool(self._level(kind, msid)) and (kind != "short" or limits.samples >= 2)
                quick = max(limits.samples, 3) * parameter.step * self.engineering.dictionary.layout.period
                suits = suits and (limits.stuck_seconds == 0 or limits.stuck_seconds > 2 * LONGEST) and quick <= LONGEST
            if suits:
                names.append(msid)
        return sorted(names)

    def _level(self, kind: str, msid: str) -> dict[str, float]:
        """Value that is beyond the wanted limit and no other; empty if there is no such value."""
        if kind == "stuck":
            return {}
        severity, side = ("yellow", "high") if kind == "short" else kind.split("_")
        limits, channel = self.engineering.limits[msid], self.engineering.channel(msid)
        yellow, red = (getattr(limits, f"{colour}_{side}") for colour in ("yellow", "red"))
        bound, beyond = (yellow, red) if severity == "yellow" else (red, np.nan)
        sign = 1.0 if side == "high" else -1.0
        floor, ceiling = expressible(channel.parameter)
        end = ceiling if side == "high" else floor
        room = sign * ((end if np.isnan(beyond) else beyond) - bound)
        least = BEYOND * max(channel.step, 1e-6 * abs(bound))
        if np.isnan(bound) or room < 2.5 * least:
            return {}
        width = abs(limits.high - limits.low)
        away = min(room / 2, max(least, 0.2 * width if np.isfinite(width) else least))
        return {"value": float(bound + sign * away), "noise": float(0.4 * min(away, least))}

    def _frames(self, kind: str, span: Span, begin: int) -> Fault:
        """A fault of frames from about a counter on."""
        first = begin + int(self.random.integers(20, LEAST_SLOT // 3))
        lengths = {"gap": GAP_FRAMES, "repeated_stretch": STRETCH_FRAMES, "out_of_order": 2 * STRETCH_FRAMES}
        params: dict[str, Any] = {}
        frame_bytes = {"bit_sync": (6, 8), "bit_counter": (3, 4)}
        if kind == "bit_engineering":
            msid, at = self._byte_of_a_sensor(first)
            params = {"msid": msid, "byte": at, "bit": int(self.random.integers(8))}
        elif kind == "bit_science":
            params = {"byte": int(self.random.integers(800, 1020)), "bit": int(self.random.integers(8))}
        elif kind in frame_bytes:
            params = {"byte": int(self.random.integers(*frame_bytes[kind])), "bit": int(self.random.integers(8))}
        return Fault(kind, span.number, first, first + lengths.get(kind, 1) - 1, params)

    def _byte_of_a_sensor(self, counter: int) -> tuple[str, int]:
        """A byte that carries an analogue parameter in a frame."""
        minor = counter % self.engineering.dictionary.layout.minor_frames
        carried = [
            p for p in self.engineering.dictionary.msids.values()
            if minor in p.minor_frames and p.formats >= {1, 2} and p.length >= 8 and p.offset > 9 and not p.states
        ]  # fmt: skip
        chosen = carried[int(self.random.integers(len(carried)))]
        return chosen.msid, chosen.offset
