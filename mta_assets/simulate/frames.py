"""Frames from their content: header, sync, counter, format and checksum; the inverse of `telemetry.frames`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.missions.load import FrameSection, load_mission
from mta_assets.telemetry.checksum import crc16
from mta_assets.telemetry.sync import pattern

VIRTUAL_CHANNEL = 11  # of the first run of the public frames of 2023:297; their repeat is on channel 3
REPLAY = 0x80  # byte 5 of the public frames: replay flag set
ODD, EVEN = 0xE7, 0x3F  # byte 8 of the public frames with odd and even counters


def encode_frames(
    counter: ArrayLike,
    format: ArrayLike,
    engineering: NDArray[np.uint8],
    frame: FrameSection | None = None,
    virtual_channel: int = VIRTUAL_CHANNEL,
) -> NDArray[np.uint8]:
    """Frames ready to be written.

    Parameters
    ----------
    counter
        (n,) unwrapped frame counters; the frame carries the lowest bits.
    format
        Telemetry format number of each frame, or one for all.
    engineering
        (n, length) bytes with engineering, ACA and science data already in their places.
    frame
        Layout; that of the built-in mission ``chandra`` if None.
    virtual_channel
        In the low six bits of byte 1.

    Returns
    -------
    ndarray
        A new (n, length) array.
    """
    layout = frame if frame is not None else load_mission("chandra").frame
    count = np.asarray(counter, dtype=np.int64)
    frames = np.array(engineering, dtype=np.uint8)
    sync, mask = pattern(layout)
    frames[:, : len(sync)] = (frames[:, : len(sync)] & ~mask) | sync
    frames[:, 1] = (frames[:, 1] & mask[1]) | (virtual_channel & ~mask[1] & 0xFF)
    width = layout.counter_bits // 8
    for byte in range(width):
        frames[:, layout.counter_offset + byte] = (count >> (8 * (width - 1 - byte))) & 0xFF
    frames[:, 5] = REPLAY
    frames[:, 8] = np.where(count % 2, ODD, EVEN)
    frames[:, layout.format_offset] = format
    return seal(frames, layout)


def seal(frames: NDArray[np.uint8], frame: FrameSection) -> NDArray[np.uint8]:
    """The same frames with a right checksum, as a new array."""
    sealed = np.array(frames, dtype=np.uint8)
    at = frame.checksum_offset
    if at is not None:
        crc = crc16(sealed, slice(at, at + 2))
        sealed[:, at], sealed[:, at + 1] = crc >> 8, crc & 0xFF
    return sealed
