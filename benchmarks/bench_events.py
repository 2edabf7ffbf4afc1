"""Science events at the full 24 kbit/s: frames of an hour to level-0 tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.measure import Row, best
from benchmarks.science import acis_science, hrc_science
from mta_assets.core.request import Request
from mta_assets.core.tables import Product
from mta_assets.level0 import acis, hrc
from mta_assets.missions.load import load_mission
from mta_assets.telemetry.frames import FrameBlock
from mta_assets.telemetry.science import format_of, put_science

FRAMES = 14_049  # one hour
FIRST = 3_000_000
MODES = ("FAINT", "VFAINT", "GRADED")


@dataclass
class _Played:
    block: FrameBlock

    def blocks(self, seconds: float) -> Iterator[FrameBlock]:
        yield self.block


def run(frames: int = FRAMES, modes: tuple[str, ...] = MODES) -> list[Row]:
    """One row per instrument and mode."""
    period = load_mission("chandra").frame.period
    rows = [
        _measure(f"ACIS {mode}", "ACIS", acis.extract_events, *acis_science(mode, frames, FIRST, period))
        for mode in modes
    ]
    return [*rows, _measure("HRC", "HRC", hrc.extract_events, *hrc_science(frames, FIRST, period))]


def _measure(name: str, instrument: str, extract: Any, science: np.ndarray, events: int) -> Row:
    mission = load_mission("chandra")
    counter = FIRST + np.arange(len(science), dtype=np.int64)
    data = put_science(np.zeros((len(science), mission.frame.length), np.uint8), science, mission.frame.science)
    number = np.full(len(science), format_of(mission, instrument), np.uint8)
    quality = np.zeros(len(science), np.uint8)
    times = np.asarray(counter * mission.frame.period, np.float64)
    block = FrameBlock(data, counter, times, number, quality)
    request = Request("benchmark", "sdp", 0.0, 1.0, 1.0)

    def decode() -> int:
        made = extract(_Played(block), mission, request)
        return sum(p.rows for p in made if isinstance(p, Product) and p.file_id.endswith("EVT0"))

    found = decode()
    if found != events:
        raise RuntimeError(f"{name}: {events} events were sent, {found} came out")
    seconds, copy = best(decode), best(data.copy)
    what = f"{name}: {events:,} events of an hour at the full rate"
    return Row(what, events / seconds / 1e6, "M events/s", "memcpy of the frames", None, seconds / copy)
