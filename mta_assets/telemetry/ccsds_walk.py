"""One walk over a block of bytes from packet header to packet header, with a decision wherever that does not work.

Stretches of packets of one length are checked as strided columns; only where the length varies a plain loop jumps from
header to header. A header of a kind not met before, a bad one, or one that leads nowhere is judged by the headers that
follow (telemetry.ccsds_sync).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mta_assets.telemetry.ccsds_sync import CHAIN_UNKNOWN, HEADER, LONGEST, find_chain, is_header

LOOK_AHEAD = 6 * LONGEST  # [byte] kept back at the end of a block, so that a chain of headers can be judged
SEQUENCE = 1 << 14  # modulus of the sequence count
FIRST_RUN = 64  # packets checked at once when a stretch of equal length begins; eight times more each time it holds …
RECENT = 8192  # … and not more; the newest sequence counts are those of so many packets


@dataclass(frozen=True)
class Flaw:
    """Bytes that are no packet: ``kind`` of core.records.FAULTS, place in the file, and why."""

    kind: str
    first: int
    last: int
    detail: str


class Part(NamedTuple):
    """Some packets: where they begin, and the three 16-bit words of their headers."""

    offset: NDArray[np.int64]
    kind: NDArray[np.uint16]
    sequence: NDArray[np.uint16]
    size: NDArray[np.uint16]

    @classmethod
    def read(cls, data: NDArray[np.uint8], offset: NDArray[np.int64]) -> Part:
        if not len(offset):
            return cls(offset, *[np.zeros(0, np.uint16)] * 3)
        items = np.ndarray((len(data) - HEADER + 1,), f"V{HEADER}", data, strides=(1,))
        words = items[offset].view(">u2").reshape(-1, 3).astype(np.uint16)
        return cls(offset, *(words[:, k] for k in range(3)))

    @classmethod
    def join(cls, parts: list[Part]) -> Part:
        empty = cls.read(np.zeros(0, np.uint8), np.zeros(0, np.int64))
        kept = parts or [empty]
        return cls(
            np.concatenate([part.offset for part in kept]),
            *(np.concatenate([part[k] for part in kept]).astype(np.uint16, copy=False) for k in (1, 2, 3)),
        )

    def cut(self, rows: slice) -> Part:
        return Part(self.offset[rows], self.kind[rows], self.sequence[rows], self.size[rows])


def _column(data: NDArray[np.uint8], start: int, count: int, step: int) -> NDArray[np.uint16]:
    """16-bit numbers at one distance from each other, without a copy."""
    return np.ndarray((count,), ">u2", data, start, (step,))


class Walk:
    """One pass over one block; offsets in the block."""

    def __init__(
        self,
        data: NDArray[np.uint8],
        final: bool,
        base: int,
        known: NDArray[np.bool_],
        counts: NDArray[np.int32],
        look_ahead: int,
    ) -> None:
        self.data, self.final, self.base, self.look_ahead = data, final, base, look_ahead
        self.known, self.counts = known, counts  # both are brought up to date
        self.counted = 0  # parts whose sequence counts are in ``counts``
        self.view = np.ascontiguousarray(data).data
        self.end = len(data)
        self.parts: list[Part] = []
        self.flaws: list[Flaw] = []
        self.last: int | None = None  # where the newest packet begins

    def run(self) -> int:
        at = 0
        stop = self.end if self.final else self.end - self.look_ahead
        while at < stop:
            at = self._jump(at, stop)
            if at < stop:
                at = self._decide(at)
        self._count()
        return min(max(at, 0), self.end)

    def _count(self) -> None:
        for part in self.parts[self.counted :]:
            one_kind = len(part.kind) and (part.kind == part.kind[-1]).all()
            rows = slice(-1 if one_kind else -RECENT, None)  # of one kind only the last packet counts
            self.counts[part.kind[rows]] = part.sequence[rows] & np.uint16(SEQUENCE - 1)
        self.counted = len(self.parts)

    def _jump(self, at: int, stop: int) -> int:
        """Follow lengths as long as headers are of known kind; return where that ends."""
        view, end, known = self.view, self.end, self.known.view(np.uint8).data
        found: list[int] = []
        same, before = 0, -1
        while at < stop and at + HEADER < end and known[view[at] << 8 | view[at + 1]]:
            length = (view[at + 4] << 8 | view[at + 5]) + HEADER + 1
            if at + length > end:
                break
            same = same + 1 if length == before else 0
            before = length
            if same < 4:
                found.append(at)
                at += length
                continue
            self._keep(found)
            at = self._run(at, length, stop)
            found, same, before = [], 0, -1
        self._keep(found)
        return at

    def _keep(self, found: list[int]) -> None:
        if found:
            self.parts.append(Part.read(self.data, np.array(found, np.int64)))
            self.last = found[-1]

    def _run(self, at: int, length: int, stop: int) -> int:
        """Take all packets of this length that follow each other from here on (the first is checked); where it ends."""
        most = min((self.end - at) // length, -(-(stop - at) // length))
        done, step, first = 0, FIRST_RUN, _column(self.data, at, 1, 1)[0]
        while done < most:
            count, start = min(step, most - done), at + done * length
            kind, sequence, size = (_column(self.data, start + k, count, length).astype(np.uint16) for k in (0, 2, 4))
            good = size == length - HEADER - 1
            if not (kind == first).all():
                good &= self.known[kind]
            part = Part(np.arange(start, start + count * length, length), kind, sequence, size)
            held = count if good.all() else int(np.argmin(good))
            if held:
                self.parts.append(part if held == count else part.cut(slice(held)))
            done, step = done + held, min(step * 8, RECENT)
            if held < count:
                break
        self.last = at + (done - 1) * length
        return at + done * length

    def _decide(self, at: int) -> int:
        """At something that is not a complete packet of known kind: accept it, skip, or end. Return where to go on."""
        view, end = self.view, self.end
        since = at if self.last is None else min(self.last + HEADER, at)
        complete = False
        if at + HEADER < end and is_header(view, at):
            after = at + (view[at + 4] << 8 | view[at + 5]) + HEADER + 1
            complete = after <= end
            fresh = not self.known[view[at] << 8 | view[at + 1]]
            if complete and fresh and self._welcome(since, at, after):
                self.known[view[at] << 8 | view[at + 1]] = True
                return at
        # Within the packet before only a chain that goes on with its counts is believed, behind it any good one.
        found = self._resume(since, at)
        if found is None:
            found = find_chain(self.data, at, end, self.known, self.final)
        if found is not None:
            first = not self.known.any()
            self.known[view[found] << 8 | view[found + 1]] = True
            # Damage near the beginning of a file: now that a kind is known, packets before it are believed too.
            return at if first else self._skip(at, found)
        if not self.final:  # nothing certain in this block: all but the look-ahead is lost
            return self._skip(at, max(at + 1, end - self.look_ahead))
        if at + HEADER >= end or (is_header(view, at) and not complete):
            self._flaw("truncated", at, end, "the last packet is not complete")
            return end
        return self._skip(at, end)

    def _welcome(self, since: int, at: int, after: int) -> bool:
        """Whether a header of a kind not seen before is one, and not bytes that a damaged length led to."""
        view, end = self.view, self.end
        follows = after == end or (after + HEADER < end and is_header(view, after)) or (end - after <= HEADER)
        if not follows:
            return False
        if not self.known.any():
            return at == 0 and self.base == 0 and self._start(at)
        return self._continues(at) or self._resume(since, min(after, end)) is None

    def _continues(self, at: int) -> bool:
        """Whether headers lead to a packet of known kind whose sequence count is the next, or are many."""
        self._count()
        view = self.view
        for _ in range(CHAIN_UNKNOWN):
            if at == self.end:
                return self.final
            if at + HEADER >= self.end or not is_header(view, at):
                return False
            word = view[at] << 8 | view[at + 1]
            if self.known[word]:
                return ((view[at + 2] << 8 | view[at + 3]) - int(self.counts[word])) % SEQUENCE == 1
            at += (view[at + 4] << 8 | view[at + 5]) + HEADER + 1
        return True

    def _resume(self, start: int, stop: int) -> int | None:
        """Where between two places a chain begins that goes on with the sequence counts of the packets so far."""
        if start >= stop or not self.known.any():
            return None
        self._count()
        return find_chain(self.data, start, stop, self.known, self.final, self.counts)

    def _start(self, at: int) -> bool:
        """The beginning of a file needs no proof but four headers in a row, or the file's end."""
        for _ in range(4):
            if at == self.end or at + HEADER >= self.end:
                return True
            if not is_header(self.view, at):
                return False
            at += (self.view[at + 4] << 8 | self.view[at + 5]) + HEADER + 1
        return True

    def _skip(self, at: int, to: int) -> int:
        if to < at and self.last is not None:  # the length of the packet before leads into a good one
            self.parts[-1] = self.parts[-1].cut(slice(-1))
            self._flaw("bad_packet", self.last, to, "the length in the header does not lead to the next packet")
        elif to > at:
            self._flaw("bad_sync", at, to, "bytes that are no packet")
        self.last = None
        return to

    def _flaw(self, kind: str, first: int, end: int, detail: str) -> None:
        self.flaws.append(Flaw(kind, self.base + first, self.base + end - 1, detail))
