"""ACIS packets out of the science stream: kept whole across frames and blocks, and every loss reported.

A packet that is not whole is a fault and is never decoded in part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Table
from mta_assets.telemetry.acis_find import Found, find
from mta_assets.telemetry.acis_layouts import FILLER, SCIENCE_FRAME, SEQUENCE_MODULO
from mta_assets.telemetry.bitfields import expand
from mta_assets.telemetry.science import SUSPECT, ScienceStream, fault_table, join

SOURCE = "acis"


@dataclass(frozen=True)
class Packets:
    """Whole packets in the order in which they came down.

    Attributes
    ----------
    words
        uint32 words; packets are runs in it.
    start, length
        (n,) index of the sync word and number of words.
    tag
        (n,) formatTag: the type.
    sequence
        (n,) 16-bit sequence number as telemetered.
    counter, time
        (n,) unwrapped counter and start time of the frame in which the packet starts.
    quality
        (n,) core.flags.Quality collected over the frames that it touches.
    """

    words: NDArray[np.uint32]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    tag: NDArray[np.uint8]
    sequence: NDArray[np.int64]
    counter: NDArray[np.int64]
    time: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.start)

    def select(self, rows: NDArray[Any]) -> Packets:
        """Some of the packets, over the same words."""
        return Packets(
            self.words,
            self.start[rows],
            self.length[rows],
            self.tag[rows],
            self.sequence[rows],
            self.counter[rows],
            self.time[rows],
            self.quality[rows],
        )

    def compact(self) -> Packets:
        """The same packets over their own words alone, so that the block's words can be let go."""
        start = np.cumsum(self.length) - self.length
        return replace(self, words=self.words[expand(self.start, self.length)], start=start)


def no_packets() -> Packets:
    """Nothing, in the shape of packets."""
    none, flags = np.zeros(0, np.int64), np.zeros(0, np.uint8)
    return Packets(np.zeros(0, np.uint32), none, none, flags, none, none, np.zeros(0), flags)


def chain(packets: Packets, following: Packets) -> Packets:
    """Packets of two blocks after each other."""
    if not len(packets):
        return following
    return Packets(
        np.concatenate([packets.words, following.words]),
        np.concatenate([packets.start, following.start + len(packets.words)]),
        *(
            np.concatenate([getattr(packets, name), getattr(following, name)])
            for name in ("length", "tag", "sequence", "counter", "time", "quality")
        ),
    )


@dataclass(frozen=True)
class ClockReadings:
    """Back-end processor counter at the start of science frames."""

    counter: NDArray[np.int64]
    time: NDArray[np.float64]
    value: NDArray[np.int64]


class PacketReader:
    """Packets of a playback, block after block; a packet that continues in the next block waits for it.

    ``faults`` collects rows of core.records.FAULTS; ``table`` makes the table of them.
    """

    def __init__(self) -> None:
        self._stream: ScienceStream | None = None
        self._skip = 0
        self._synced = False
        self._seen_any = False
        self._last: tuple[int, int, float] | None = None  # sequence, counter, time of the last trusted packet
        self._since = 0  # packets accepted after that one
        self._rows: list[tuple[Any, ...]] = []

    def read(self, stream: ScienceStream) -> tuple[Packets, ClockReadings]:
        """The packets that the new frames complete, and the clock readings in the new frames."""
        clock = _readings(stream)
        if self._stream is not None and len(self._stream):
            stream = join(self._stream, stream)
        return self._take(stream, final=False), clock

    def finish(self) -> Packets:
        """The last packets; what is still incomplete becomes a fault."""
        stream, self._stream = self._stream, None
        if stream is None:
            return no_packets()
        return self._take(stream, final=True)

    def table(self) -> Table:
        """All faults so far."""
        return fault_table(self._rows)

    def _take(self, stream: ScienceStream, final: bool) -> Packets:
        words, base = _words(stream)
        words, first = words[self._skip :], np.maximum(base - self._skip, 0)
        cuts = first[stream.breaks]
        self._synced &= not (len(cuts) and cuts[0] == 0)
        found = find(words, cuts, self._synced, final)
        frame = np.searchsorted(first, found.start, side="right") - 1
        last = np.searchsorted(first, found.start + found.length - 1, side="right") - 1
        header = words[found.start + 1]
        packets = Packets(
            words,
            found.start,
            found.length,
            ((header >> 10) & 0x3F).astype(np.uint8),
            (header >> 16).astype(np.int64),
            stream.counter[frame],
            stream.time[frame],
            _touched(stream.quality, frame, last),
        )
        self._report_lost_words(stream, words, first, cuts, found, final)
        self._check_sequence(packets)
        # the last frame stays although it may be used up: a gap after it must be seen
        keep = max(int(np.searchsorted(first, min(found.rest, len(words) - 1), side="right")) - 1, 0)
        self._skip += found.rest - int(base[keep]) if len(stream) else 0
        self._stream = stream.since(keep)
        self._synced = found.synced
        self._seen_any |= bool(len(found.start))
        return packets

    def _report_lost_words(
        self,
        stream: ScienceStream,
        words: NDArray[np.uint32],
        first: NDArray[np.int64],
        cuts: NDArray[np.int64],
        found: Found,
        final: bool,
    ) -> None:
        """A fault for every stretch between packets that holds anything but filler."""
        low = np.append(0, found.start + found.length)
        high = np.append(found.start, found.rest)
        rows = np.flatnonzero(high > low)
        if not len(rows):
            return
        foreign = np.append(words != np.uint32(FILLER), False)
        edges = np.column_stack([low[rows], high[rows]]).ravel()
        dirty = np.logical_or.reduceat(foreign, edges)[::2]
        for row in rows[dirty]:
            a, b = int(low[row]), int(high[row])
            inside = np.flatnonzero(foreign[a:b])
            begin, end = a + int(inside[0]), a + int(inside[-1])
            f0, f1 = (int(np.searchsorted(first, w, side="right") - 1) for w in (begin, end))
            reasons = [text for at, text in found.refused.items() if a <= at < b]
            cut = bool(np.any((cuts >= a) & (cuts <= b)))
            edge = (row == 0 and not self._seen_any and not self._synced) or (final and b == len(words))
            if cut and "it is cut by a gap" not in reasons:
                reasons.insert(0, "cut by a gap")
            detail = "; ".join(dict.fromkeys(reasons)) or (
                "the packet began before the data" if edge else "words that belong to no packet"
            )
            self._rows.append(
                (
                    "truncated" if edge and not cut else "bad_packet",
                    SOURCE,
                    float(stream.time[f0]),
                    float(stream.time[f1]),
                    int(stream.counter[f0]),
                    int(stream.counter[f1]),
                    1,
                    f"{end - begin + 1} words lost: {detail}",
                )
            )

    def _check_sequence(self, packets: Packets) -> None:
        """A fault wherever the sequence numbers of two trusted packets do not continue."""
        trusted = np.flatnonzero((packets.quality & SUSPECT) == 0)
        if not len(trusted):
            self._since += len(packets)
            return
        number = packets.sequence[trusted]
        counter, time = packets.counter[trusted], packets.time[trusted]
        position = trusted.astype(np.int64)
        if self._last is not None:
            number = np.append(self._last[0], number)
            counter, time = np.append(self._last[1], counter), np.append(self._last[2], time)
            position = np.append(-1 - self._since, position)
        missing = (np.diff(number) - np.diff(position)) % SEQUENCE_MODULO
        for i in np.flatnonzero(missing):
            back = missing[i] >= SEQUENCE_MODULO // 2
            self._rows.append(
                (
                    "sequence_gap",
                    SOURCE,
                    float(time[i]),
                    float(time[i + 1]),
                    int(number[i]),
                    int(number[i + 1]),
                    0 if back else int(missing[i]),
                    f"sequence number {number[i]} is followed by {number[i + 1]}: "
                    + ("the count went back" if back else f"{missing[i]} packets missing"),
                )
            )
        self._last = (int(number[-1]), int(counter[-1]), float(time[-1]))
        self._since = len(packets) - 1 - int(trusted[-1])


def _words(stream: ScienceStream) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Packet words of a stream without the clock readings, and the index of each frame's first one."""
    table = np.ascontiguousarray(stream.data).view("<u4").astype(np.uint32, copy=False)
    has_clock = stream.counter % SCIENCE_FRAME == 0
    per_frame = table.shape[1] - has_clock.astype(np.int64)
    first = np.cumsum(per_frame) - per_frame
    keep = np.ones(table.shape, bool)
    keep[has_clock, 0] = False
    return table[keep], first


def _readings(stream: ScienceStream) -> ClockReadings:
    rows = np.flatnonzero((stream.counter % SCIENCE_FRAME == 0) & ((stream.quality & SUSPECT) == 0))
    value = np.ascontiguousarray(stream.data[rows, :4]).view("<u4").ravel().astype(np.int64)
    return ClockReadings(stream.counter[rows], stream.time[rows], value)


def _touched(quality: NDArray[np.uint8], first: NDArray[Any], last: NDArray[Any]) -> NDArray[np.uint8]:
    """Flags that any of the frames first … last carries."""
    flags = np.zeros(len(first), np.uint8)
    for bit in (1 << k for k in range(8)):
        if not (quality & bit).any():
            continue
        count = np.append(0, np.cumsum((quality & bit) != 0))
        flags[count[last + 1] > count[first]] |= bit
    return flags
