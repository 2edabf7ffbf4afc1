"""Stand-ins for the tests of the science extractors: frames around science bytes, and a playback of such frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mta_assets.core.request import Request
from mta_assets.missions.load import Mission, load_mission
from mta_assets.telemetry.frames import FrameBlock
from mta_assets.telemetry.science import format_of, put_science

T0 = 800_000_000.0  # [s] time of counter 0 in these tests
PERIOD = 0.25625
REQUEST = Request("20240301T000000-1a2b3c4d", "sdp", T0, T0 + 3600, T0 + 4000)


def chandra() -> Mission:
    return load_mission("chandra")


def frame_block(science: np.ndarray, first_counter: int, instrument: str) -> FrameBlock:
    """Frames that hold nothing but their science bytes."""
    mission = chandra()
    frames = put_science(np.zeros((len(science), 1025), np.uint8), science, mission.frame.science)
    counter = first_counter + np.arange(len(science), dtype=np.int64)
    number = np.full(len(science), format_of(mission, instrument), np.uint8)
    return FrameBlock(frames, counter, T0 + counter * PERIOD, number, np.zeros(len(science), np.uint8))


def cut(block: FrameBlock, rows: Any) -> FrameBlock:
    return FrameBlock(block.data[rows], block.counter[rows], block.time[rows], block.format[rows], block.quality[rows])


@dataclass
class Played:
    """A playback of given blocks."""

    parts: list[FrameBlock]

    def blocks(self, seconds: float = 3600.0) -> Any:
        return iter(self.parts)
