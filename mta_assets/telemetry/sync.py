"""Where the frames lie in a file: sync pattern, lost and regained alignment, bytes that belong to no frame.

A file whose frames all stand in place is checked with one comparison per block. Otherwise the whole file is searched
for the pattern; patterns one frame length apart whose counters go on by one make chains, chains decide about each
other, and single patterns fill what is left. Nothing is repaired: what does not fit is listed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.missions.load import FrameSection
from mta_assets.telemetry.byte_source import Bytes, ByteSource
from mta_assets.telemetry.checksum import crc16

BLOCK = 4096  # [frame] read at a time: 4 MB of Chandra frames
DENSITY = 16  # more patterns than this per frame length: the file is not telemetry (a guard for memory)

Offsets = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Positions:
    """What the bytes of a file are.

    Attributes
    ----------
    offset
        Places of whole frames in the order of the file; frame lengths between them are never shared.
    sync
        Whether the sync pattern stands there. Without it the place follows from the frames around it.
    loose
        Whether bytes that belong to no frame come directly after it: then some of its own may be foreign.
    skipped
        (m, 2) ranges of bytes that belong to no frame, the tail not included.
    short
        For each of them whether it begins with a sync pattern: a frame in which bytes are missing.
    tail
        Bytes at the end, fewer than a frame.
    size
        Of the file [byte].
    """

    offset: Offsets
    sync: Mask
    loose: Mask
    skipped: Offsets
    short: Mask
    tail: int
    size: int


def pattern(frame: FrameSection) -> tuple[Bytes, Bytes]:
    """Sync pattern and mask as bytes, the pattern already masked."""
    sync = np.frombuffer(bytes.fromhex(frame.sync), dtype=np.uint8)
    mask = np.frombuffer(bytes.fromhex(frame.sync_mask), dtype=np.uint8)
    return sync & mask, mask


def has_sync(rows: Bytes, frame: FrameSection) -> Mask:
    """Which of the (n, ≥ 8) rows begin with the sync pattern."""
    sync, mask = pattern(frame)
    return np.asarray(((rows[:, : len(sync)] & mask) == sync).all(axis=1))


def counters(rows: Bytes, frame: FrameSection) -> NDArray[np.int64]:
    """Counter as it stands in the rows (big-endian)."""
    value = np.zeros(len(rows), dtype=np.int64)
    for byte in range(frame.counter_offset, frame.counter_offset + frame.counter_bits // 8):
        value = (value << 8) | rows[:, byte]
    return value


def find_frames(source: ByteSource, frame: FrameSection) -> Positions:
    """Account for every byte of a file: frames in place, bytes between them, the tail.

    Raises
    ------
    BadData
        If there is no frame at all, or the pattern is so frequent that the file can not be telemetry.
    """
    length = frame.length
    whole = source.size // length
    if whole and _all_in_place(source, frame, whole) and _begins_frame(source, frame, whole * length):
        offset = np.arange(whole, dtype=np.int64) * length
        yes = np.ones(whole, dtype=bool)
        none = np.zeros((0, 2), dtype=np.int64)
        return Positions(offset, yes, ~yes, none, yes[:0], source.size - whole * length, source.size)
    hits, count = _search(source, frame)
    hits, count = hits[hits + length <= source.size], count[hits + length <= source.size]
    if not len(hits):
        raise BadData(_nothing_found(source, frame))
    return _account(_choose(source, hits, count, frame), hits, source.size, length)


def _nothing_found(source: ByteSource, frame: FrameSection) -> str:
    if source.size < frame.length:
        return f"{source.size} bytes are less than one frame of {frame.length} bytes: empty or cut off, copy it again"
    first = source.read(0, min(len(frame.sync) // 2, source.size)).tobytes().hex()
    return (
        f"no frame found in {source.size} bytes: they begin with {first}, expected the sync pattern {frame.sync} "
        f"(mask {frame.sync_mask}) every {frame.length} bytes; is it of another mission?"
    )


def _all_in_place(source: ByteSource, frame: FrameSection, whole: int) -> bool:
    for start in range(0, whole, BLOCK):
        stop = min(start + BLOCK, whole)
        rows = source.read(start * frame.length, stop * frame.length).reshape(-1, frame.length)
        if not has_sync(rows, frame).all():
            return False
    return True


def _begins_frame(source: ByteSource, frame: FrameSection, start: int) -> bool:
    """Whether the bytes from here to the end, if any, look like the beginning of a frame."""
    sync, mask = pattern(frame)
    tail = source.read(start, min(start + len(sync), source.size))
    return bool(np.array_equal(tail & mask[: len(tail)], sync[: len(tail)]))


def _search(source: ByteSource, frame: FrameSection) -> tuple[Offsets, Offsets]:
    """Every place with the sync pattern, and the counter there."""
    sync, mask = pattern(frame)
    width = max(len(sync), frame.counter_offset + frame.counter_bits // 8)
    order = sorted(range(len(sync)), key=lambda byte: (mask[byte] != 0xFF, -byte))  # the most telling byte first
    limit = DENSITY * (source.size // frame.length + 1)
    hits, values, found = [], [], 0
    step = BLOCK * frame.length
    for start in range(0, source.size, step):
        data = source.read(start, min(start + step + width - 1, source.size))
        room = max(len(data) - width + 1, 0)
        first = order[0]
        candidates = np.flatnonzero((data[first : first + room] & mask[first]) == sync[first])
        for byte in order[1:]:
            if mask[byte]:
                candidates = candidates[(data[candidates + byte] & mask[byte]) == sync[byte]]
        found += len(candidates)
        if found > limit:
            raise BadData(f"more than {limit} sync patterns in {source.size} bytes: these are not telemetry frames")
        rows = data[candidates[:, None] + np.arange(width)] if len(candidates) else np.zeros((0, width), np.uint8)
        hits.append(candidates + start)
        values.append(counters(rows, frame))
    empty = [np.zeros(0, dtype=np.int64)]
    return np.concatenate(hits or empty), np.concatenate(values or empty)


def _choose(source: ByteSource, hits: Offsets, count: Offsets, frame: FrameSection) -> Offsets:
    """Places among the hits that do not overlap: proven single frames, chains, then other single hits."""
    length = frame.length
    keep = ~_cut_short(hits, count, frame)
    hits, count = hits[keep], count[keep]
    order = np.lexsort((hits, hits % length))
    place, value = hits[order], count[order]
    start = np.concatenate([[True], ~_goes_on(place, value, frame)])
    first = np.flatnonzero(start)
    size = np.diff(np.append(first, len(place)))
    chains = sorted((int(place[f]), int(n)) for f, n in zip(first, size, strict=True) if n > 1)
    parts = [np.arange(n, dtype=np.int64) * length + f for f, n in _settle(chains, length)]
    single = np.sort(place[first[size == 1]])
    proven = _proven(source, single, frame)
    taken = _add(np.concatenate([np.zeros(0, dtype=np.int64), *parts]), single[proven], length, new_wins=True)
    return _add(taken, single[~proven], length, new_wins=False)


def _proven(source: ByteSource, place: Offsets, frame: FrameSection) -> Mask:
    """Which places hold a frame that states a format and has a right checksum."""
    right = np.zeros(len(place), dtype=bool)
    at = frame.checksum_offset
    if at is None:
        return right
    for start in range(0, len(place), BLOCK):
        part = slice(start, start + BLOCK)
        rows = np.array([source.read(begin, begin + frame.length) for begin in place[part].tolist()])
        right[part] = checksum_right(rows, at) & (rows[:, frame.format_offset] != 0)
    return right


def checksum_right(rows: Bytes, at: int) -> Mask:
    """Whether the checksum at this byte of the (n, length) rows is that of the rows without it."""
    return np.asarray(crc16(rows, slice(at, at + 2)) == (rows[:, at].astype(np.uint16) << 8 | rows[:, at + 1]))


def _goes_on(place: Offsets, value: Offsets, frame: FrameSection) -> Mask:
    """Whether the next entry is one frame length on and has the next counter."""
    return (np.diff(place) == frame.length) & (np.diff(value) % (1 << frame.counter_bits) == 1)


def _cut_short(hits: Offsets, count: Offsets, frame: FrameSection) -> Mask:
    """Hits where a frame begins in which the next frame begins too early: bytes are missing in it."""
    cut = np.zeros(len(hits), dtype=bool)
    early = (np.diff(hits) < frame.length) & (np.diff(count) % (1 << frame.counter_bits) == 1)
    at = np.flatnonzero(early)
    beyond = np.searchsorted(hits, hits[at] + frame.length)
    other = np.minimum(beyond, len(hits) - 1)
    follows = (hits[other] == hits[at] + frame.length) & ((count[other] - count[at]) % (1 << frame.counter_bits) == 1)
    cut[at[~follows]] = True
    return cut


def _settle(chains: list[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """Chains (first place, frames), sorted, without overlap."""
    kept: list[tuple[int, int]] = []
    for first, count in chains:
        while kept and count:
            begin, frames = kept[-1]
            excess = begin + frames * length - first
            if excess <= 0:
                break
            overlap = -(-excess // length)
            if overlap == 1 or count > frames:  # the last frame before a new chain is short: bytes are missing in it
                kept.pop()
                if frames > overlap:
                    kept.append((begin, frames - overlap))
            else:  # a pattern repeated inside the data of a longer chain
                first, count = first + overlap * length, count - overlap
        if count > 0:
            kept.append((first, count))
    return kept


def _add(taken: Offsets, new: Offsets, length: int, new_wins: bool) -> Offsets:
    """Add places; of taken and new ones that overlap one kind wins, of new ones among each other the later.

    (Where the next frame begins too early, bytes are missing in the one before.)
    """
    if new_wins:
        taken = taken[_free(taken, new, length)]
    else:
        new = new[_free(new, taken, length)]
    complete = np.append(np.diff(new) >= length, True)[: len(new)]
    return np.sort(np.concatenate([taken, new[complete]]))


def _free(place: Offsets, others: Offsets, length: int) -> Mask:
    """Which places overlap none of the others (sorted)."""
    if not len(others):
        return np.ones(len(place), dtype=bool)
    after = np.searchsorted(others, place)
    free = (after == 0) | (others[np.maximum(after - 1, 0)] + length <= place)
    free &= (after == len(others)) | (place + length <= others[np.minimum(after, len(others) - 1)])
    return np.asarray(free)


def _account(place: Offsets, hits: Offsets, size: int, length: int) -> Positions:
    """Fill whole frame lengths between the chosen places; the rest is skipped."""
    begin = np.concatenate([[0], place + length])
    free = np.append(place, size) - begin
    slots = np.where(free % length == 0, free // length, 0)
    slots[-1] = free[-1] // length
    offset = np.repeat(begin, slots) + length * (np.arange(slots.sum()) - np.repeat(np.cumsum(slots) - slots, slots))
    rest = (free > 0) & (slots == 0)
    rest[-1] = False
    everything = np.concatenate([place, offset])
    order = np.argsort(everything, kind="stable")
    sync = np.concatenate([np.ones(len(place), bool), np.zeros(len(offset), bool)])[order]
    everything = everything[order]
    skipped = np.column_stack([begin[rest], begin[rest] + free[rest]])
    short = np.isin(skipped[:, 0], hits)
    loose = np.isin(everything + length, skipped[~short, 0])
    return Positions(everything, sync, loose, skipped, short, int(free[-1] % length), size)
