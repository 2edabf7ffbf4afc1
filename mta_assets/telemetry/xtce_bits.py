"""Bit fields of many packets at once: unsigned and signed integers, floats, byte strings.

The position of a field is one number where all packets share it (the usual case: one strided view of the block) or one
per packet (behind a field of varying size: bytes are gathered). Bits count from the most significant one of the first
byte, as in CCSDS 133.0-B-2, 1.6.4. What a value means in odd cases (sizes that are not whole bytes with least
significant byte first) follows space_packet_parser, so that both give the same.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Position = int | NDArray[np.int64]  # [bit] from the start of a packet
Array = NDArray[Any]


class Source:
    """The bytes of some packets.

    Parameters
    ----------
    data
        Block of bytes.
    offset, length
        Of each packet in it [byte].
    """

    def __init__(self, data: NDArray[np.uint8], offset: NDArray[np.int64], length: NDArray[np.int64]) -> None:
        self.offset, self.length = offset, length
        self.width = int(length.min()) if len(length) else 0  # what every packet has
        self.longest = int(length.max()) if len(length) else 0
        self.data, self.base, self.stride = self._regular(data)
        self.gathered = data

    def __len__(self) -> int:
        return len(self.offset)

    def where(self, rows: Array) -> Source:
        return Source(self.gathered, self.offset[rows], self.length[rows])

    def _regular(self, data: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int, int]:
        """A buffer with the packets at one distance from each other: the block itself, or a copy of the packets."""
        count = len(self.offset)
        if count == 0:
            return data, 0, 0
        stride = int(self.offset[-1] - self.offset[0]) // max(count - 1, 1)
        if (np.diff(self.offset) == stride).all():
            return data, int(self.offset[0]), stride
        items = np.ndarray((len(data) - self.width + 1,), f"V{self.width}", data, strides=(1,))
        return items[self.offset].view(np.uint8), 0, self.width

    def view(self, start: int, dtype: np.dtype[Any]) -> Array:
        """A column of machine numbers at byte ``start`` of each packet, without a copy."""
        return np.ndarray((len(self),), dtype, self.data, self.base + start, (self.stride,))

    def cells(self, start: int, count: int) -> NDArray[np.uint8]:
        """Bytes ``start`` … ``start + count`` of each packet, shape (packets, count), without a copy."""
        return np.ndarray((len(self), count), np.uint8, self.data, self.base + start, (self.stride, 1))

    def gather(self, start: NDArray[np.int64], count: int) -> NDArray[np.uint8]:
        """``count`` bytes of each packet from its own start on; past the end of the block the last byte repeats."""
        place = (self.offset + start)[:, None] + np.arange(count)
        return self.gathered[np.minimum(place, len(self.gathered) - 1)]

    def holds(self, position: Position, bits: Any) -> NDArray[np.bool_] | bool:
        """Whether the packets are long enough for a field."""
        stop = position + bits
        if isinstance(stop, int) and stop <= 8 * self.width:
            return True
        return np.asarray(stop <= 8 * self.length)


@cache
def _smallest(bits: int) -> np.dtype[Any]:
    return np.dtype(f"u{next(size for size in (1, 2, 4, 8) if bits <= 8 * size)}")


@cache
def _window(position: int, bits: int, width: int) -> tuple[int, Any, Any, Any, Any, Any] | None:
    """Which machine number holds a field: its first byte, type in the packet and in memory, shift, mask, final type.

    None if no number of up to 8 bytes within the first ``width`` bytes does.
    """
    first, stop = position >> 3, (position + bits + 7) >> 3
    size = next((size for size in (1, 2, 4, 8) if stop - first <= size), 9)
    start = first if first + size <= width else stop - size
    if size == 9 or start < 0 or stop > width:
        return None
    packed, memory = np.dtype(f">u{size}"), np.dtype(f"u{size}")
    if bits == 8 * size:
        return start, packed, memory, None, None, memory
    shift = memory.type(8 * (start + size) - (position + bits))
    final = _smallest(bits)
    return start, packed, memory, shift, memory.type((1 << bits) - 1), memory if final == memory else final


def unsigned(source: Source, position: Position, bits: int, out: Array | None = None) -> Array:
    """Unsigned integers of 0 to 64 bits, in the smallest type that holds them (Python integers above 64 bits).

    Here and below they are put into ``out`` if it is given, an array of the type that comes without it.
    """
    if bits > 64:
        return _put(_wide(source, position, bits), out)
    if bits == 0:
        return _put(np.zeros(len(source), np.uint8), out)
    if not isinstance(position, int):
        return _put(_gathered(source, position, bits), out)
    window = _window(position, bits, source.width)
    if window is None:
        return _put(_gathered(source, np.full(len(source), position), bits), out)
    start, packed, memory, shift, mask, final = window
    if final is memory:
        value = np.empty(len(source), memory) if out is None else out
        value[...] = source.view(start, packed)
    else:
        value = source.view(start, packed).astype(memory)
    if shift:
        value >>= shift
    if mask is not None:
        value &= mask
    return value if final is memory else _put(value.astype(final), out)


def _put(value: Array, out: Array | None) -> Array:
    if out is None:
        return value
    out[...] = value
    return out


def _gathered(source: Source, position: NDArray[np.int64], bits: int) -> Array:
    if bits > 48:
        high = _gathered(source, position, bits - 32).astype(np.uint64)
        low = _gathered(source, position + (bits - 32), 32)
        return high << np.uint64(32) | low
    size = (bits + 14) // 8
    cells = source.gather(position >> 3, size)
    value = np.zeros(len(source), np.uint64)
    for column in range(size):
        value = value << np.uint64(8) | cells[:, column]
    shift = (8 * size - bits - (position & 7)).astype(np.uint64)
    return (value >> shift & np.uint64((1 << bits) - 1)).astype(_smallest(bits))


def _wide(source: Source, position: Position, bits: int) -> Array:
    """Integers that no machine number holds: rare, and one at a time."""
    rows = right_aligned(source, position, bits)
    value = np.empty(len(source), object)
    value[:] = [int.from_bytes(row.tobytes(), "big") for row in rows]
    return value


def integer(
    source: Source, position: Position, bits: int, signed: bool, little: bool, out: Array | None = None
) -> Array:
    """Integers as an XTCE IntegerDataEncoding describes them; every encoding but ``unsigned`` is two's complement."""
    size = (bits + 7) // 8
    turned = little and size > 1
    if not turned and (not signed or bits == 0):
        return unsigned(source, position, bits, out)
    if out is not None and not little and bits <= 64:
        return _twos_complement(unsigned(source, position, bits, out.view(_smallest(bits))), bits, exact=True)
    value = unsigned(source, position, bits)
    if turned:
        value = _turned(value, bits, signed)
    if not signed:
        return _put(value, out)
    if value.dtype == object:
        return _put(np.where((value >> (bits - 1)) & 1 != 0, value - (1 << bits), value), out)
    return _put(_twos_complement(value, bits, exact=not (little and bits % 8)), out)


def _turned(value: Array, bits: int, signed: bool) -> Array:
    """The bytes of each in the other order."""
    size = (bits + 7) // 8
    if value.dtype == object or (signed and bits % 8 and bits > 56):
        turned = np.empty(len(value), object)
        turned[:] = [int.from_bytes(int(v).to_bytes(size, "little"), "big") for v in value]
        return turned
    wide = value.dtype.itemsize
    return (value << value.dtype.type(8 * (wide - size))).byteswap()


def _twos_complement(value: Array, bits: int, exact: bool) -> Array:
    """Signed integers of ``bits`` bits; ``exact`` ones in the memory of ``value``."""
    wide = value.dtype.itemsize
    if exact:
        number = value.view(f"i{wide}")
        if shift := 8 * wide - bits:
            value <<= value.dtype.type(shift)
            number >>= number.dtype.type(shift)
        return number
    negative = (value >> value.dtype.type(bits - 1)) & value.dtype.type(1) != 0
    plain = value.astype(np.int64)
    return np.where(negative, plain - (1 << bits), plain)


def real(source: Source, position: Position, bits: int, little: bool, mil: bool, out: Array | None = None) -> Array:
    """IEEE 754 floats of 16, 32 or 64 bits, or MIL-STD-1750A ones of 32 (24-bit mantissa, 8-bit exponent).

    Half precision comes as single: the same values, in a type that files know.
    """
    if out is not None and not mil and bits == 8 * out.itemsize:
        value = unsigned(source, position, bits, out.view(f"u{out.itemsize}"))
        if little:
            value.byteswap(inplace=True)
        return out
    value = unsigned(source, position, bits)
    if little:
        value = value.byteswap()
    if mil:
        word = value.view(np.int32)
        exponent = (word << np.int32(24)) >> np.int32(24)
        return _put(np.ldexp((word >> np.int32(8)).astype(np.float64), exponent - 23), out)
    number = value.view(f"f{bits // 8}")
    return _put(number.astype(np.float32) if bits == 16 else number, out)


def right_aligned(source: Source, position: Position, bits: int) -> NDArray[np.uint8]:
    """A bit string as whole bytes, the unused bits in front: what space_packet_parser makes of binary fields."""
    size = (bits + 7) // 8
    if size == 0:
        return np.zeros((len(source), 0), np.uint8)
    return _shifted(source, position - (-bits % 8), size, mask_front=-bits % 8)


def left_aligned(source: Source, position: Position, bits: int) -> NDArray[np.uint8]:
    """A bit string as whole bytes, the unused bits behind: what it makes of strings."""
    size = (bits + 7) // 8
    rows = _shifted(source, position, size, mask_front=0) if size else np.zeros((len(source), 0), np.uint8)
    if bits % 8:
        rows[:, -1] &= np.uint8(0xFF << (-bits % 8) & 0xFF)
    return rows


def _shifted(source: Source, position: Position, size: int, mask_front: int) -> NDArray[np.uint8]:
    """``size`` bytes from any bit on (it may lie up to 7 bits before the packet if those are masked)."""
    if isinstance(position, int) and position % 8 == 0 and position >= 0 and (position >> 3) + size <= source.width:
        rows = source.cells(position >> 3, size).copy()
    else:
        at = np.broadcast_to(np.asarray(position, np.int64), len(source))
        # One byte earlier and one more, so that no index is negative and every shifted byte has its neighbour.
        place = np.clip((source.offset + (at >> 3))[:, None] + np.arange(size + 1), 0, len(source.gathered) - 1)
        pair = source.gathered[place].astype(np.uint16)
        shift = (8 - (at & 7)).astype(np.uint16)[:, None]
        rows = ((pair[:, :-1] << np.uint16(8) | pair[:, 1:]) >> shift & np.uint16(0xFF)).astype(np.uint8)
    if mask_front:
        rows[:, 0] &= np.uint8(0xFF >> mask_front)
    return rows
