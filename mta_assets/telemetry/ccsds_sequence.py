"""Sequence counts of packets: gaps, repeats, steps back; and packets that were sent in segments, put together.

Source: CCSDS 133.0-B-2, 4.1.3.4: the count is kept per APID, modulo 16,384; flags 1, 0 … 0, 2 mark the first,
continuing and last segment of one unit of user data, 3 a packet that stands alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mta_assets.telemetry.ccsds import SEQUENCE, UNSEGMENTED, Flaw, Packets
from mta_assets.telemetry.ccsds_sync import HEADER

CONTINUATION, FIRST, LAST = 0, 1, 2  # sequence flags
ENOUGH, RARE = 8, 0.05  # so many packets show what is usual, and such a part of them may be odd


@dataclass(frozen=True)
class Breaks:
    """Where the sequence counts of the APIDs do not go up by one.

    Attributes
    ----------
    index
        Packet at which it was noticed (index in the block).
    before
        The packet of the same APID before it, -1 if that was in an earlier block.
    step
        Difference of the unwrapped counts: 0 a repeat, 2 and more a gap of step - 1 packets, negative a step back.
    """

    index: NDArray[np.int64]
    before: NDArray[np.int64]
    step: NDArray[np.int64]


@dataclass
class SequenceCheck:
    """Follows the sequence counts through the blocks of a file."""

    counts: dict[int, int] = field(default_factory=dict)  # last unwrapped count of each APID

    def check(self, packets: Packets) -> tuple[NDArray[np.int64], Breaks, NDArray[np.bool_]]:
        """Unwrapped counts, the breaks, and which packets are exact repeats of the one before of their APID."""
        unwrapped = np.zeros(len(packets), np.int64)
        repeat = np.zeros(len(packets), bool)
        found: list[NDArray[np.int64]] = [np.zeros((0, 3), np.int64)]
        for apid, rows in _by_apid(packets):
            count = packets.seqcount[rows]
            before = self.counts.get(apid, int(count[0]) - 1)
            modular = np.empty_like(count)
            modular[0] = (int(count[0]) - before) % SEQUENCE
            np.subtract(count[1:], count[:-1], out=modular[1:])
            modular <<= np.uint16(2)  # the 14 bits with their sign: a step of half the range and more goes back
            step = modular.view(np.int16)
            step >>= np.int16(2)
            total = np.cumsum(step, dtype=np.int64)
            total += before
            unwrapped[rows] = total
            self.counts[apid] = int(total[-1])
            at = np.flatnonzero(step != 1)
            if len(at):
                index = np.arange(len(packets))[rows]
                one, other = index[at], np.where(at > 0, index[at - 1], -1)
                found.append(np.column_stack([one, other, step[at]]))
                equal = (step[at] == 0) & (other >= 0)
                repeat[one[equal]] = _same_bytes(packets, one[equal], other[equal])
        table = np.concatenate(found)
        table = table[np.argsort(table[:, 0], kind="stable")]
        return unwrapped, Breaks(table[:, 0], table[:, 1], table[:, 2]), repeat


def _by_apid(packets: Packets) -> list[tuple[int, slice | NDArray[np.int64]]]:
    """The APIDs and their packets; a slice where there is one only."""
    if not len(packets):
        return []
    if (packets.apid == packets.apid[0]).all():
        return [(int(packets.apid[0]), slice(None))]
    order = np.argsort(packets.apid, kind="stable")
    apids, starts = np.unique(packets.apid[order], return_index=True)
    return list(zip(apids.tolist(), np.split(order, starts[1:]), strict=True))


def _same_bytes(packets: Packets, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether pairs of packets hold the same bytes; done per length, of which repeats have few."""
    same = packets.length[one] == packets.length[other]
    for length in np.unique(packets.length[one[same]]).tolist():
        rows = np.flatnonzero(same & (packets.length[one] == length))
        cells = np.arange(length)
        left = packets.data[packets.offset[one[rows], None] + cells]
        same[rows] = (left == packets.data[packets.offset[other[rows], None] + cells]).all(axis=1)
    return same


def odd_headers(packets: Packets, first_block: bool = True) -> list[tuple[NDArray[np.int64], str]]:
    """Packets whose header flags contradict those of the others of their APID, and in which way.

    Nothing protects the header of a packet; these flags change no value, so that a damaged one shows in no other way.
    What is not rare is the way of the sender and not told of.

    Parameters
    ----------
    packets
        A block, in file order.
    first_block
        False if segments at its beginning may continue those of a block before.
    """
    alone = packets.seqflags == UNSEGMENTED
    found = []
    for _, rows in _by_apid(packets) if len(packets) else []:
        index = np.arange(len(packets))[rows]
        few = max(1, int(RARE * len(index)))
        if len(index) < ENOUGH:
            continue
        secondary = packets.secondary[index]
        usual = 2 * np.count_nonzero(secondary) > len(index)
        odd = index[secondary != usual]
        if 0 < len(odd) <= few:
            found.append((odd, "its secondary header flag is not that of the other packets"))
        place = np.flatnonzero(~alone[index])
        if 0 < len(place) <= few:
            state, _ = _units(packets, index[place])
            last = np.flatnonzero(alone[index])[-1]
            broken = (state == 0) | ((state == 3) & (place < last))
            if not first_block:
                broken &= place != np.arange(len(place))
            if broken.any():
                found.append((index[place[broken]], "its sequence flags say segment, but it stands alone"))
    return found


@dataclass(frozen=True)
class Joined:
    """What became of segments: whole packets, segments that still wait for their last one, and lost ones."""

    packets: Packets
    waiting: Packets
    lost: Packets


def join_segments(packets: Packets, secondary_header: int = 0, waiting: Packets | None = None) -> Joined:
    """Put segments together: the first packet whole, of the others the data behind their headers.

    Parameters
    ----------
    packets
        A block, in file order.
    secondary_header
        Length of the secondary header that every segment repeats [byte]; skipped where a segment's header flag is set.
    waiting
        What ``join_segments`` of the block before left.

    Returns
    -------
    Joined
        A unit stands where its last segment stood. Segments without a first one, units with a step in the sequence
        count and units that another first segment cuts off are ``lost``.
    """
    whole = packets if waiting is None or not len(waiting) else _stack(waiting, packets)
    flags = whole.seqflags
    alone = flags == UNSEGMENTED
    group = np.full(len(whole), -1, np.int64)
    state = np.where(alone, 1, 0)  # 0 lost, 1 alone, 2 part of a whole unit, 3 waiting
    for apid in np.unique(whole.apid[~alone]).tolist():
        rows = np.flatnonzero(~alone & (whole.apid == apid))
        state[rows], group[rows] = _units(whole, rows)
    return Joined(_concatenate(whole, state, group, secondary_header), whole.where(state == 3), whole.where(state == 0))


def segment_flaws(lost: Packets) -> list[Flaw]:
    """One flaw for each segment that could not be joined, with its bytes in the file."""
    rows = np.column_stack([lost.place, lost.length, lost.apid, lost.seqcount]).tolist()
    detail = "APID {}, sequence count {}: a segment whose first, last or next one is missing"
    return [Flaw("bad_packet", at, at + size - 1, detail.format(apid, count)) for at, size, apid, count in rows]


def _units(whole: Packets, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """State of each segment of one APID, and the index of the last segment of its unit."""
    flags, count = whole.seqflags[rows], whole.seqcount[rows].astype(np.int64)
    # A unit begins at a first segment and is over behind a last one: what follows until the next first one is lost.
    behind_last = np.concatenate([[True], flags[:-1] == LAST])
    unit = np.cumsum((flags == FIRST) | behind_last) - 1
    opens = np.concatenate([[True], unit[1:] != unit[:-1]])
    start = np.flatnonzero(opens)
    last = np.append(start[1:], len(rows)) - 1
    step = (np.diff(count, prepend=count[0]) % SEQUENCE == 1) | opens
    in_order = np.logical_and.reduceat(step, start)
    begun = flags[start] == FIRST
    ended = (flags[last] == LAST) & (last > start)
    newest = np.arange(len(start)) == len(start) - 1
    state = np.where(begun & ended & in_order, 2, np.where(begun & newest & (flags[last] != LAST), 3, 0))
    return state[unit], np.where(state == 2, rows[last], -1)[unit]


def _concatenate(whole: Packets, state: NDArray[np.int64], group: NDArray[np.int64], secondary: int) -> Packets:
    if not (state == 2).any():
        return whole.where(state == 1)
    key = np.where(state == 2, group, np.arange(len(whole)))
    part = np.flatnonzero((state == 1) | (state == 2))
    part = part[np.argsort(key[part], kind="stable")]
    first = np.concatenate([[True], key[part][1:] != key[part][:-1]])
    skip = np.where(first, 0, HEADER + np.where(whole.secondary[part], secondary, 0))
    size = np.maximum(whole.length[part] - skip, 0)
    target = np.cumsum(size) - size
    cell = np.arange(int(size.sum())) - np.repeat(target, size)
    data = whole.data[np.repeat(whole.offset[part] + skip, size) + cell]
    head = whole.where(part[first])
    return Packets(
        data, target[first], np.add.reduceat(size, np.flatnonzero(first)), head.place, head.version, head.secondary,
        head.apid, head.seqflags, head.seqcount,
    )  # fmt: skip


def _stack(one: Packets, other: Packets) -> Packets:
    """Packets of two blocks as one; of the first only the bytes that its packets hold are kept."""
    size = one.length
    start = np.cumsum(size) - size
    cell = np.arange(int(size.sum())) - np.repeat(start, size)
    kept = one.data[np.repeat(one.offset, size) + cell]
    names = ("length", "place", "version", "secondary", "apid", "seqflags", "seqcount")
    joined = {name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in names}
    offset = np.concatenate([start, other.offset + len(kept)])
    return Packets(data=np.concatenate([kept, other.data]), offset=offset, **joined)
