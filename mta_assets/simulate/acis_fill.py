"""ACIS packets into the science bytes of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.simulate.acis_batch import PacketBatch
from mta_assets.telemetry.acis_layouts import BEP_MODULO, FILLER, SCIENCE_FRAME, SEQUENCE_MODULO, TICKS_PER_FRAME
from mta_assets.telemetry.bitfields import expand

FRAME_WORDS = 192  # 768 science bytes of a frame


@dataclass(frozen=True)
class Filled:
    """Science bytes of frames and what became of the packets.

    Attributes
    ----------
    data
        (n_frames, 768) uint8.
    frame
        (p,) index of the frame in which each packet starts, −1 for packets that found no place.
    delay
        (p,) frames that each waited for room (0 where it found none).
    left
        Packets without a place, for the next frames.
    carry
        Words of a packet that is cut by the end of the frames, for the next frames.
    sequence
        Sequence number of the next packet.
    """

    data: NDArray[np.uint8]
    frame: NDArray[np.int64]
    delay: NDArray[np.int64]
    left: PacketBatch
    carry: NDArray[np.uint32]
    sequence: int


def fill_science(
    packets: PacketBatch,
    available: ArrayLike,
    n_frames: int,
    first_counter: int = 0,
    sequence: int = 0,
    carry: NDArray[np.uint32] | None = None,
    boundaries: Sequence[int] = (),
    split: bool = False,
    clock: ArrayLike | None = None,
) -> Filled:
    """Put packets into the science bytes of consecutive frames, back to back, as soon as they are available.

    Between packets stands filler. A packet that finds the stream occupied waits (back-pressure), so that
    the 768 bytes a frame (24 kbit/s) are never exceeded. The first word of every eighth frame is the back-end
    processor's counter.

    Parameters
    ----------
    packets
        In the order in which they are to go down.
    available
        (p,) index of the frame (from 0) from which on each may go down.
    n_frames
        How many frames there are.
    first_counter
        Unwrapped counter of the first frame.
    sequence
        Sequence number of the first packet.
    carry
        What `Filled.carry` of the frames before holds.
    boundaries
        Indices of frames that no packet may cross into (the first frame of a playback).
    split
        Whether the last packet may continue in later frames (``carry``); else it waits whole.
    clock
        (n_frames,) back-end processor counter at the start of each frame; default `bep_counter`.
    """
    counter = first_counter + np.arange(n_frames, dtype=np.int64)
    has_clock = counter % SCIENCE_FRAME == 0
    room = FRAME_WORDS - has_clock.astype(np.int64)
    edge = np.append(0, np.cumsum(room))
    rest = np.zeros(0, np.uint32) if carry is None else carry
    total = int(edge[-1])
    stream = np.full(total, FILLER, np.uint32)
    stream[: len(rest)] = rest[:total]

    length = packets.length
    before = np.cumsum(length) - length
    wish = np.asarray(available, dtype=np.int64) * np.ones(len(packets), np.int64)
    earliest = np.maximum(edge[np.clip(wish, 0, n_frames)], len(rest))
    place = before + np.maximum.accumulate(earliest - before) if len(packets) else before
    for boundary in sorted(boundaries):
        limit = int(edge[boundary])
        crossing = np.flatnonzero((place < limit) & (place + length > limit))
        if len(crossing):
            earliest[crossing[0]] = limit
            place = before + np.maximum.accumulate(earliest - before)
    # places only grow, so the packets that fit are the first ones
    fits = int(np.searchsorted(place + length, total, side="right"))
    begun = fits + int(split and fits < len(packets) and int(place[fits]) < total)
    number = (sequence + np.arange(begun, dtype=np.int64)) % SEQUENCE_MODULO
    words = packets.words[: int(length[:begun].sum())].copy()
    words[before[:begun] + 1] |= (number << 16).astype(np.uint32)
    target = expand(place[:begun], length[:begun])
    over = max(int(place[begun - 1] + length[begun - 1]) - total, 0) if begun else 0
    stream[target[: len(target) - over]] = words[: len(words) - over]

    table = np.empty((n_frames, FRAME_WORDS), np.uint32)
    keep = np.ones(table.shape, bool)
    keep[has_clock, 0] = False
    table[keep] = stream
    ticks = bep_counter(counter) if clock is None else np.asarray(clock, dtype=np.int64)
    table[has_clock, 0] = ticks[has_clock] % BEP_MODULO
    frame = np.full(len(packets), -1, np.int64)
    frame[:begun] = np.searchsorted(edge, place[:begun], side="right") - 1
    left = slice(begun, None)
    return Filled(
        table.astype("<u4").view(np.uint8),
        frame,
        np.where(frame >= 0, frame - np.maximum(wish, 0), 0),
        PacketBatch(packets.words[int(length[:begun].sum()) :], length[left], packets.exposure[left]),
        np.concatenate([rest[total:], words[len(words) - over :]]),
        int((sequence + begun) % SEQUENCE_MODULO),
    )


def bep_counter(counter: NDArray[np.int64]) -> NDArray[np.int64]:
    """Unwrapped back-end processor counter at the start of frames, for a clock that ticks exactly 10 µs.

    Its lowest 25 bits are the front-end processors' counter (our own convention).
    """
    return counter * TICKS_PER_FRAME
