"""CCSDS space packets: from bytes to arrays of header fields, with everything that is not a packet accounted for.

Source of the layout: CCSDS 133.0-B-2 "Space Packet Protocol", section 4.1: a primary header of six bytes (version 3
bits, type 1, secondary header flag 1, APID 11, sequence flags 2, sequence count 14, data length less one 16).
How the packets are found, also behind damage, is in telemetry.ccsds_walk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mta_assets.telemetry.ccsds_sync import HEADER
from mta_assets.telemetry.ccsds_walk import LOOK_AHEAD, SEQUENCE, Flaw, Part, Walk

BLOCK = 1 << 24  # [byte] read at a time
UNSEGMENTED = 3  # sequence flags


@dataclass(frozen=True)
class Packets:
    """Packets of one stretch of a file, in file order.

    Attributes
    ----------
    data
        The bytes, shape (bytes,).
    offset, length
        Of each packet with its header, in ``data`` [byte].
    place
        Of each packet in the file [byte].
    version, apid, seqflags, seqcount
        Header fields.
    """

    data: NDArray[np.uint8]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    place: NDArray[np.int64]
    version: NDArray[np.uint8]
    secondary: NDArray[np.bool_]
    apid: NDArray[np.uint16]
    seqflags: NDArray[np.uint8]
    seqcount: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.offset)

    def where(self, rows: NDArray[np.generic] | slice) -> Packets:
        """The packets that a mask, an index array or a slice selects (the bytes are shared)."""
        return Packets(
            self.data, self.offset[rows], self.length[rows], self.place[rows], self.version[rows],
            self.secondary[rows], self.apid[rows], self.seqflags[rows], self.seqcount[rows],
        )  # fmt: skip


@dataclass
class Framer:
    """Finds the packets of a byte stream block by block.

    ``known`` marks the first two header bytes (version, type, secondary header flag, APID) of accepted packets: they
    are what a lost stream is found again by. ``counts`` holds the last sequence count of each.
    """

    known: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(65536, dtype=bool))
    counts: NDArray[np.int32] = field(default_factory=lambda: np.zeros(65536, dtype=np.int32))
    look_ahead: int = LOOK_AHEAD
    position: int = 0
    flaws: list[Flaw] = field(default_factory=list)

    def frame(self, data: NDArray[np.uint8], final: bool) -> tuple[Packets, int]:
        """Packets in ``data`` and how many of its bytes are done with; the rest belongs in front of the next block.

        Parameters
        ----------
        data
            Bytes from file position ``self.position`` on.
        final
            True if nothing follows: then all bytes are done with.
        """
        walk = Walk(data, final, self.position, self.known, self.counts, self.look_ahead)
        done = walk.run()
        for flaw in walk.flaws:
            self._note(flaw)
        packets = _packets(data, Part.join(walk.parts), self.position)
        self.position += done
        return packets, done

    def _note(self, flaw: Flaw) -> None:
        """Garbage that goes on over the end of a block is one flaw, not two."""
        if self.flaws and flaw.kind == "bad_sync" == self.flaws[-1].kind and self.flaws[-1].last + 1 == flaw.first:
            self.flaws[-1] = Flaw(flaw.kind, self.flaws[-1].first, flaw.last, flaw.detail)
        else:
            self.flaws.append(flaw)


def headers(data: NDArray[np.uint8], offset: NDArray[np.int64], base: int = 0) -> Packets:
    """Header fields of the packets at known offsets; ``base`` is the place of ``data`` in the file [byte]."""
    return _packets(data, Part.read(data, offset), base)


def _packets(data: NDArray[np.uint8], part: Part, base: int) -> Packets:
    kind, sequence = part.kind, part.sequence
    return Packets(
        data=data,
        offset=part.offset,
        length=part.size.astype(np.int64) + (HEADER + 1),
        place=part.offset + base,
        version=(kind >> 13).astype(np.uint8),
        secondary=(kind & 0x0800) != 0,
        apid=kind & np.uint16(0x07FF),
        seqflags=(sequence >> 14).astype(np.uint8),
        seqcount=sequence & np.uint16(SEQUENCE - 1),
    )


def frame_bytes(data: bytes | NDArray[np.uint8]) -> tuple[Packets, list[Flaw]]:
    """All packets of bytes in memory, and what in them is no packet."""
    array = np.frombuffer(data, np.uint8) if isinstance(data, (bytes, bytearray, memoryview)) else data
    framer = Framer()
    packets, _ = framer.frame(array, final=True)
    return packets, framer.flaws


class Readable(Protocol):
    """A binary file."""

    def readinto(self, buffer: memoryview, /) -> int | None: ...


def frame_stream(stream: Readable, framer: Framer, block: int = BLOCK) -> Iterator[Packets]:
    """Packets of a file of any size, about ``block`` bytes at a time, in constant memory.

    ``framer`` collects the flaws; they are complete when the iterator ends.
    """
    rest = np.zeros(0, np.uint8)
    while True:
        data = np.empty(len(rest) + max(block, 2 * framer.look_ahead), np.uint8)
        data[: len(rest)] = rest
        read = stream.readinto(data[len(rest) :].data) or 0
        final = read == 0
        data = data[: len(rest) + read]
        packets, done = framer.frame(data, final)
        rest = data[done:]
        if len(packets):
            yield packets
        if final:
            return
