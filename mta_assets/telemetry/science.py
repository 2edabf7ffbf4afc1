"""The science bytes of the frames as one byte stream, with its discontinuities marked.

A frame carries 768 science bytes in the ranges that ``mission.toml`` [frame].science names. Which
instrument they belong to follows from the telemetry format of the frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import ConfigError
from mta_assets.core.flags import Quality
from mta_assets.core.records import FAULTS
from mta_assets.core.tables import Table

if TYPE_CHECKING:
    from mta_assets.missions.load import Mission
    from mta_assets.telemetry.frames import FrameBlock

SUSPECT = int(Quality.BAD_SYNC | Quality.BAD_CHECKSUM)  # any bit of such a frame may be wrong


@dataclass(frozen=True)
class ScienceStream:
    """Science bytes of the frames of one telemetry format, in order of their counter.

    Attributes
    ----------
    data
        (n, bytes per frame) uint8.
    counter
        (n,) unwrapped frame counter; a step of more than one is a gap in the stream.
    time
        (n,) start of the frame, TT seconds since 1998.0 TT.
    quality
        (n,) core.flags.Quality of the frame.
    """

    data: NDArray[np.uint8]
    counter: NDArray[np.int64]
    time: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.counter)

    @property
    def breaks(self) -> NDArray[np.intp]:
        """Indices of the frames that do not continue the frame before them."""
        return np.flatnonzero(np.diff(self.counter) != 1) + 1

    def since(self, frame: int) -> ScienceStream:
        """The frames from an index on, copied, so that the rest can be let go."""
        return ScienceStream(
            self.data[frame:].copy(), self.counter[frame:].copy(), self.time[frame:].copy(), self.quality[frame:].copy()
        )


def join(first: ScienceStream, second: ScienceStream) -> ScienceStream:
    """Two streams after each other: what is left of the block before, and the new block."""
    return ScienceStream(
        np.concatenate([first.data, second.data]),
        np.concatenate([first.counter, second.counter]),
        np.concatenate([first.time, second.time]),
        np.concatenate([first.quality, second.quality]),
    )


def format_of(mission: Mission, instrument: str) -> int:
    """Number of the telemetry format that carries the science of an instrument (``ACIS``, ``HRC``).

    Raises
    ------
    ConfigError
        If no format of the mission does.
    """
    known = mission.frame.science_formats
    for number, name in known.items():
        if name == instrument:
            return number
    raise ConfigError(
        f"mission {mission.name}: no telemetry format carries {instrument} science; "
        f"science_formats in mission.toml knows {', '.join(sorted(known.values())) or 'none'}"
    )


def science_stream(block: FrameBlock, telemetry_format: int, ranges: Sequence[tuple[int, int]]) -> ScienceStream:
    """Cut the science bytes out of the frames of one format.

    Parameters
    ----------
    block
        Frames sorted by counter, without duplicates.
    telemetry_format
        Number of the format; frames of others are left out (and thereby break the stream).
    ranges
        Byte ranges of the frame, half open.
    """
    rows = np.flatnonzero(block.format == telemetry_format)
    whole = len(rows) == len(block.counter)
    frames = block.data if whole else block.data[rows]
    width = sum(stop - start for start, stop in ranges)
    data = np.empty((len(rows), width), np.uint8)
    at = 0
    for start, stop in ranges:
        data[:, at : at + stop - start] = frames[:, start:stop]
        at += stop - start
    if whole:
        return ScienceStream(data, block.counter, block.time, block.quality)
    return ScienceStream(data, block.counter[rows], block.time[rows], block.quality[rows])


def put_science(
    frames: NDArray[np.uint8], science: NDArray[np.uint8], ranges: Sequence[tuple[int, int]]
) -> NDArray[np.uint8]:
    """Frames with science bytes put in at their ranges: the inverse of `science_stream`. Returns a new array."""
    filled = frames.copy()
    at = 0
    for start, stop in ranges:
        filled[:, start:stop] = science[:, at : at + stop - start]
        at += stop - start
    return filled


def fault_table(rows: Iterable[tuple[Any, ...]]) -> Table:
    """Rows in the order of the FAULTS columns as a table."""
    listed = list(rows)
    if not listed:
        return FAULTS.empty()
    columns = {name: np.array(column) for name, column in zip(FAULTS.names, zip(*listed, strict=True), strict=True)}
    return FAULTS.build(columns)
