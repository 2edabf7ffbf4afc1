"""CCSDS space packets: from bytes to arrays of header fields, with everything that is not a packet accounted for.

Source of the layout: CCSDS 133.0-B-2 "Space Packet Protocol", section 4.1: a primary header of six bytes (version 3
bits, type 1, secondary header flag 1, APID 11, sequence flags 2, sequence count 14, data length less one 16).
How the packets are found, also behind damage, is in telemetry.ccsds_walk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import ref

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mta_assets.telemetry.ccsds_sync import HEADER
from mta_assets.telemetry.ccsds_walk import LOOK_AHEAD, SEQUENCE, Flaw, Part, Walk

BLOCK = 1 << 24  # [byte] read at a time
UNSEGMENTED = 3  # sequence flags
SMALL = 1024  # parts with fewer packets on average are put together first
ALIGN = 64  # [byte] columns begin at multiples of it, as the lines of the processor's cache do


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
        packets = _packets(data, walk.parts, self.position)
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
    return _packets(data, [Part.read(data, offset)], base)


def _packets(data: NDArray[np.uint8], parts: list[Part], base: int) -> Packets:
    count = sum(len(part.offset) for part in parts)
    if SMALL * len(parts) > count:
        parts = [Part.join(parts)]
    packets = Packets(data, *one_piece(count, ["i8", "i8", "i8", "u1", "bool", "u2", "u1", "u2"]))
    low = 0
    for part in parts:  # each is still in the processor's cache when its next field is made
        to = packets.where(slice(low, low + len(part.offset)))
        to.offset[:] = part.offset
        np.add(part.size, HEADER + 1, out=to.length, dtype=np.int64)
        np.add(part.offset, base, out=to.place)
        np.right_shift(part.kind, 13, out=to.version, casting="unsafe")
        np.not_equal(part.kind & np.uint16(0x0800), 0, out=to.secondary)
        np.bitwise_and(part.kind, np.uint16(0x07FF), out=to.apid)
        np.right_shift(part.sequence, 14, out=to.seqflags, casting="unsafe")
        np.bitwise_and(part.sequence, np.uint16(SEQUENCE - 1), out=to.seqcount)
        low += len(part.offset)
    return packets


def one_piece(rows: int, types: Sequence[DTypeLike]) -> list[NDArray[Any]]:
    """Empty columns in one piece of memory: the system gives a large piece much faster than many of middle size.

    As long as one of the columns is in use the memory of all is.
    """
    kinds = [np.dtype(kind) for kind in types]
    size = [-(-rows * kind.itemsize // ALIGN) * ALIGN for kind in kinds]
    memory = np.empty(sum(size), np.uint8)
    begin = [sum(size[:place]) for place in range(len(size))]
    return [np.ndarray((rows,), kind, memory, at) for kind, at in zip(kinds, begin, strict=True)]


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

    ``framer`` collects the flaws; they are complete when the iterator ends. The next block is read meanwhile.
    """
    room = framer.look_ahead  # in front of what is read: for what the block before leaves over, never more
    size = max(block, 2 * framer.look_ahead)
    rest = np.zeros(0, np.uint8)
    with ThreadPoolExecutor(1, "read") as reader:
        memory = _Memory(room + size)
        coming = reader.submit(_read, stream, memory.piece(), room)
        while True:
            data, read = coming.result()
            if final := read == 0:
                data = rest
            else:
                coming = reader.submit(_read, stream, memory.piece(), room)
                data[room - len(rest) : room] = rest
                data = data[room - len(rest) : room + read]
            packets, done = framer.frame(data, final)
            rest = data[done:]
            if len(packets):
                yield packets
            if final:
                return


class _Memory:
    """Pieces of memory of one size, each used again as soon as no array in it is left: fresh memory costs time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.pieces: list[tuple[NDArray[np.uint8], ref[NDArray[np.uint8]]]] = []

    def piece(self) -> NDArray[np.uint8]:
        free = [memory for memory, user in self.pieces if user() is None]
        memory = free[0] if free else np.empty(self.size, np.uint8)
        user = np.frombuffer(memory.data, np.uint8)  # it lives as long as any array made from it
        self.pieces = [(other, its) for other, its in self.pieces if its() is not None]
        self.pieces.append((memory, ref(user)))
        return user


def _read(stream: Readable, data: NDArray[np.uint8], room: int) -> tuple[NDArray[np.uint8], int]:
    return data, stream.readinto(data[room:].data) or 0
