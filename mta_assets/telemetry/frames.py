"""Frames of a file in the order of their counter: placed, checked, duplicates set apart, every fault kept.

The counter of a frame is believed if its checksum is right, or, where frames carry none, if it goes on with the frame
before or after it. A damaged frame is placed by its neighbours if they agree; a frame that nothing confirms is
'unplaced': counted, but never put at a time that may be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.missions.load import FrameSection
from mta_assets.telemetry.byte_source import Bytes, ByteSource
from mta_assets.telemetry.clock import nearest
from mta_assets.telemetry.sync import BLOCK, Mask, Offsets, Positions, checksum_right, counters, find_frames

DAMAGED = int(Quality.BAD_SYNC | Quality.BAD_CHECKSUM)
MARGIN = 86_400.0  # [s] how far a frame may lie from where the playback should be


@dataclass(frozen=True)
class FrameBlock:
    """Frames of one stretch, sorted by counter, duplicates removed.

    Attributes
    ----------
    data
        (n, length) bytes.
    counter
        Unwrapped frame counter; major frame = counter // 128, minor frame = counter % 128.
    time
        Start of the frame [s], TT since 1998.0.
    format
        Telemetry format number.
    quality
        `core.flags.Quality`.
    """

    data: Bytes
    counter: NDArray[np.int64]
    time: NDArray[np.float64]
    format: NDArray[np.uint8]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.counter)


@dataclass(frozen=True)
class FrameIndex:
    """Where each frame of a file is and what is wrong with it.

    Attributes
    ----------
    offset, counter, format, quality
        One entry per counter that the file has, sorted: byte offset, unwrapped counter, format, flags.
    again_offset, again_counter, again_quality, again_differs
        Further copies of frames, in file order, and whether they differ from the kept copy.
    lost_offset, lost_quality
        Unplaced frames.
    positions
        Account of the bytes.
    checksums
        Whether the frames carry a checksum.
    """

    offset: Offsets
    counter: Offsets
    format: NDArray[np.uint8]
    quality: NDArray[np.uint8]
    again_offset: Offsets
    again_counter: Offsets
    again_quality: NDArray[np.uint8]
    again_differs: Mask
    lost_offset: Offsets
    lost_quality: NDArray[np.uint8]
    positions: Positions
    checksums: bool

    def __len__(self) -> int:
        return len(self.counter)


def index_frames(
    source: ByteSource, frame: FrameSection, reference: int | None = None, span: float = 0.0
) -> FrameIndex:
    """Find, check and place the frames of a file.

    Parameters
    ----------
    source
        The bytes.
    frame
        Layout of the frames.
    reference
        Unwrapped counter somewhere near; None leaves the counters as the frames state them (for files without a time).
    span
        How long the playback should last [s]; a counter farther from the reference than this and a day is not believed.

    Raises
    ------
    BadData
        If no frame can be placed.
    """
    positions = find_frames(source, frame)
    raw, stated, good_sum = _read_heads(source, frame, positions.offset)
    sync = positions.sync
    checksums = frame.checksum_offset is not None and bool(2 * np.count_nonzero(stated[sync]) > np.count_nonzero(sync))
    quality = np.where(sync, 0, int(Quality.BAD_SYNC)).astype(np.uint8)
    if checksums:
        quality[~good_sum] |= np.uint8(Quality.BAD_CHECKSUM)
    else:  # nothing but the sync of the next frame shows that all bytes of this one are its own
        quality[positions.loose] |= np.uint8(Quality.BAD_SYNC)
    if reference is None:
        reference = _usual(raw, positions.offset, frame)
    count = nearest(raw, reference, frame.counter_bits)
    near = np.abs(count - reference) <= (span + MARGIN) / frame.period + len(count)
    placed, count = _place(count, positions.offset, good_sum if checksums else None, quality, near, frame.length)
    if not placed.any():
        raise BadData(
            f"none of the {len(placed)} frames can be placed: their counters fit neither each other nor the time that "
            f"the file should have (first counter {raw[0]}); check the name of the file and the clock table"
        )
    return _arrange(source, frame, positions, np.flatnonzero(placed), count, stated, quality, checksums)


def read_frames(source: ByteSource, offset: Offsets, length: int) -> Bytes:
    """Frames at the given places, (n, length); frames that lie behind each other are read in one piece."""
    data = np.empty((len(offset), length), dtype=np.uint8)
    if not len(offset):
        return data
    cut = np.flatnonzero(np.diff(offset) != length) + 1
    for first, last in zip([0, *cut.tolist()], [*cut.tolist(), len(offset)], strict=True):
        begin = int(offset[first])
        data[first:last] = source.read(begin, begin + (last - first) * length).reshape(-1, length)
    return data


def check_times(counter: ArrayLike, times: ArrayLike, period: float, tolerance: float = 0.0015) -> Mask:
    """Which frames come at a time that does not follow from the frame before and the counter.

    Parameters
    ----------
    counter, times
        Unwrapped counters and the times [s] given with the frames, in the order they came.
    period
        Length of a frame [s].
    tolerance
        How far a step may be off [s]; times rounded to the millisecond are off by up to one.
    """
    count, at = np.asarray(counter, dtype=np.int64), np.asarray(times, dtype=np.float64)
    flags = np.zeros(len(count), dtype=bool)
    flags[1:] = ~(np.abs(np.diff(at) - period * np.diff(count)) <= tolerance)
    return flags


def _read_heads(source: ByteSource, frame: FrameSection, offset: Offsets) -> tuple[Offsets, NDArray[np.uint8], Mask]:
    """Counter and format as stated, and whether the checksum is right, of the frames at the places."""
    raw = np.empty(len(offset), dtype=np.int64)
    stated = np.empty(len(offset), dtype=np.uint8)
    right = np.zeros(len(offset), dtype=bool)
    at = frame.checksum_offset
    for start in range(0, len(offset), BLOCK):
        part = slice(start, start + BLOCK)
        rows = read_frames(source, offset[part], frame.length)
        raw[part] = counters(rows, frame)
        stated[part] = rows[:, frame.format_offset]
        if at is not None:
            right[part] = checksum_right(rows, at)
    return raw, stated, right


def _usual(raw: Offsets, offset: Offsets, frame: FrameSection) -> int:
    """A counter in the middle of the most frequent run, where nothing says which time the file is of."""
    slot = offset // frame.length
    shift, times = np.unique((raw - slot) % (1 << frame.counter_bits), return_counts=True)
    return int(shift[np.argmax(times)] + slot[len(slot) // 2])


def _place(
    count: Offsets, offset: Offsets, right: Mask | None, quality: NDArray[np.uint8], near: Mask, length: int
) -> tuple[Mask, Offsets]:
    """Which frames have a place, and their counters."""
    damaged = (quality & DAMAGED) != 0
    if right is not None:
        trusted = right & near
    else:
        follows = (np.diff(offset) == length) & (np.diff(count) == 1) & ~damaged[1:] & ~damaged[:-1]
        trusted = np.concatenate([[False], follows]) | np.concatenate([follows, [False]])
        trusted &= near
        if not trusted.any():  # single frames between gaps: believe the most frequent shift
            shift = count - offset // length
            kinds, first, times = np.unique(shift, return_index=True, return_counts=True)
            best = kinds[np.lexsort((first, -times))[0]]
            trusted = near & ~damaged & (shift == best)
    index = np.arange(len(count))
    before = np.maximum.accumulate(np.where(trusted, index, -1))
    after = np.minimum.accumulate(np.where(trusted, index, len(count))[::-1])[::-1]
    has_before, has_after = before >= 0, after < len(count)
    p, q = np.maximum(before, 0), np.minimum(after, len(count) - 1)
    from_before, in_step_before = _expected(count, offset, p, length)
    from_after, in_step_after = _expected(count, offset, q, length)
    in_step_before &= has_before
    in_step_after &= has_after
    agree = in_step_before & in_step_after & (from_before == from_after)
    fits = (in_step_before & (count == from_before)) | (in_step_after & (count == from_after))
    between = has_before & has_after & (count[p] <= count) & (count <= count[q]) & ~damaged & near
    moved = damaged & agree & ~fits & ~trusted
    placed = trusted | fits | moved
    if right is None:
        placed |= between & ~agree
    return placed, np.where(moved, from_before, count)


def _expected(count: Offsets, offset: Offsets, other: Offsets, length: int) -> tuple[Offsets, Mask]:
    """Counter that follows from another frame of the file, and whether whole frames lie between."""
    frames, rest = np.divmod(offset - offset[other], length)
    return count[other] + frames, rest == 0


def _arrange(
    source: ByteSource,
    frame: FrameSection,
    positions: Positions,
    placed: Offsets,
    count: Offsets,
    stated: NDArray[np.uint8],
    quality: NDArray[np.uint8],
    checksums: bool,
) -> FrameIndex:
    """Sort the placed frames and set further copies apart, the good copy first."""
    counter, flags = count[placed], quality[placed]
    order = np.lexsort((placed, (flags & DAMAGED) != 0, counter))
    new = np.concatenate([[True], np.diff(counter[order]) > 0])
    kept, again = order[new], order[~new]
    keeper = kept[np.cumsum(new) - 1][~new]
    back = np.argsort(again, kind="stable")
    again, keeper = again[back], keeper[back]
    reach = np.concatenate([[counter[0]], np.maximum.accumulate(counter)[:-1]])
    earliest = np.minimum.reduceat(order, np.flatnonzero(new))  # the copy that came first
    final = flags[kept] | np.where((counter < reach)[earliest], int(Quality.OUT_OF_ORDER), 0).astype(np.uint8)
    lost = np.setdiff1d(np.arange(len(count)), placed)
    offset = positions.offset
    return FrameIndex(
        offset[placed[kept]],
        counter[kept],
        _formats(stated[placed[kept]], final, frame.format_default),
        final,
        offset[placed[again]],
        counter[again],
        flags[again] | np.uint8(Quality.DUPLICATE),
        _differ(source, offset[placed[again]], offset[placed[keeper]], frame),
        offset[lost],
        quality[lost],
        positions,
        checksums,
    )


def _formats(stated: NDArray[np.uint8], quality: NDArray[np.uint8], default: int) -> NDArray[np.uint8]:
    """Format of each frame: the default where none is stated, that of the good frame before where one is damaged."""
    formats = np.where(stated == 0, default, stated).astype(np.uint8)
    good = (quality & DAMAGED) == 0
    if good.all() or not good.any():
        return formats
    source = np.maximum.accumulate(np.where(good, np.arange(len(good)), -1))
    return formats[np.where(source < 0, np.argmax(good), source)]


def _differ(source: ByteSource, left: Offsets, right: Offsets, frame: FrameSection) -> Mask:
    """Which frames differ from which, the bytes before the counter (virtual channel) aside."""
    result = np.zeros(len(left), dtype=bool)
    for start in range(0, len(left), BLOCK):
        part = slice(start, start + BLOCK)
        one, other = (read_frames(source, at[part], frame.length)[:, frame.counter_offset :] for at in (left, right))
        result[part] = (one != other).any(axis=1)
    return result
