"""Small files of frames for tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.missions.load import load_mission
from mta_assets.simulate.frames import encode_frames
from mta_assets.telemetry.byte_source import MemoryBytes
from mta_assets.telemetry.frames import FrameIndex, index_frames

FRAME = load_mission("chandra").frame
LENGTH = FRAME.length


def frames(counter: ArrayLike, format: ArrayLike = 2, seed: int = 7) -> NDArray[np.uint8]:
    """Frames of noise with these counters; the content depends on the counter alone."""
    count = np.asarray(counter, dtype=np.int64)
    noise = [np.random.default_rng([seed, int(c) & 0xFFFFFF]).integers(0, 256, LENGTH, dtype=np.uint8) for c in count]
    return encode_frames(count, format, np.array(noise).reshape(-1, LENGTH), FRAME)


def unsealed(counter: ArrayLike) -> NDArray[np.uint8]:
    """Frames as the public ones are: no format stated, so no checksum is expected."""
    return frames(counter, format=0)


def index_of(data: NDArray[np.uint8], reference: int | None = None, span: float = 0.0) -> FrameIndex:
    return index_frames(MemoryBytes(np.ascontiguousarray(data).ravel()), FRAME, reference, span)


def accounted(index: FrameIndex) -> int:
    """Bytes that the index accounts for."""
    whole = len(index) + len(index.again_offset) + len(index.lost_offset)
    return whole * LENGTH + int(np.diff(index.positions.skipped, axis=1).sum()) + index.positions.tail
