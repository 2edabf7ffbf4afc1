"""Aspect camera (ACA) telemetry: packets out of the frames, decoded, and put together to images.

Source of the layout: ACA User Manual section 5.3 and ACA specification EQ7-278 F section 3.2.1.15.12, as the public
package sot/chandra_aca describes them (``docs/maude_decom.rst``). Four frames, the counter of the first a multiple of
four, carry one packet of 224 bytes: a header of eight bytes and eight slots of 27 bytes, each seven bytes of header
and 16 pixels of ten bits. A 4x4 image is one packet, a 6x6 image two (types 1, 2), an 8x8 image four (types 4 to 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.telemetry.frames import FrameBlock

Array = NDArray[Any]
FRAMES = 4  # per packet
SLOTS = 8
PIXELS = 16  # per slot and packet, 10 bits each
FRONT, SLOT, HEADER = 8, 27, 7  # [byte] packet header, one slot, header of a slot
PACKET = FRONT + SLOTS * SLOT

# Bit fields (first bit from the left, width) of the first five bytes of a packet: 40 bits.
FRONT_FIELDS = {
    "PIXTLM": (0, 2), "BGDTYP": (2, 1), "INTEG": (6, 10), "GLBSTAT": (16, 8), "COMMCNT": (24, 6),
    "COMMCNT_SYNTAX_ERROR": (30, 1), "COMMCNT_CHECKSUM_FAIL": (31, 1), "COMMPROG": (32, 6), "COMMPROG_REPEAT": (38, 2),
}  # fmt: skip
# The seven header bytes of a slot, 56 bits; negative widths are two's complement.
START_FIELDS = {  # types 0, 1 and 4: the first packet of an image
    "IMGFID": (0, 1), "IMGNUM": (1, 3), "IMGFUNC": (4, 2), "IMGSTAT": (6, 6), "IMGROW0": (12, -10),
    "IMGCOL0": (22, -10), "IMGSCALE": (32, 14), "BGDAVG": (46, 10),
}  # fmt: skip
SECOND_FIELDS = {  # types 2 and 5: the second packet
    "IMGFID": (0, 1), "IMGNUM": (1, 3), "IMGFUNC": (4, 2), "BGDRMS": (6, 10), "TEMPCCD": (16, -8), "TEMPHOUS": (24, -8),
    "TEMPPRIM": (32, -8), "TEMPSEC": (40, -8), "BGDSTAT": (48, 8),
}  # fmt: skip
LATER_FIELDS = {  # types 6 and 7: third and fourth packet, diagnostic words 2 to 7
    "IMGFID": (0, 1), "IMGNUM": (1, 3), "IMGFUNC": (4, 2),
    **{f"WORD{word}": (8 * (word - 1), 8) for word in range(2, 8)},
}  # fmt: skip
FIELDS_OF_TYPE = {
    0: START_FIELDS, 1: START_FIELDS, 2: SECOND_FIELDS, 4: START_FIELDS, 5: SECOND_FIELDS, 6: LATER_FIELDS,
    7: LATER_FIELDS,
}  # fmt: skip
GLBSTAT_BITS = (  # of GLBSTAT, most significant first
    "HIGH_BGD", "RAM_FAIL", "ROM_FAIL", "POWER_FAIL", "CAL_FAIL", "COMM_CHECKSUM_FAIL", "RESET", "SYNTAX_ERROR",
)  # fmt: skip
IMGSTAT_BITS = ("SAT_PIXEL", "DEF_PIXEL", "QUAD_BOUND", "COMMON_COL", "MULTI_STAR", "ION_RAD")  # of IMGSTAT, likewise

PARTS = {4: (0,), 6: (1, 2), 8: (4, 5, 6, 7)}  # image size → types of its packets
_RING = (  # the second packet of a 6x6 image goes once around the inner 4x4 pixels
    *((1, column) for column in range(2, 6)), *((row, 6) for row in range(2, 6)),
    *((6, column) for column in range(5, 1, -1)), *((row, 1) for row in range(5, 1, -1)),
)  # fmt: skip
_INNER = tuple((row, column) for row in range(2, 6) for column in range(2, 6))
PIXEL_PLACE = {  # type → (row, column) of its 16 pixels in the 8x8 frame, in telemetry order
    0: _INNER,
    1: _INNER,
    2: _RING,
    **{4 + part: tuple((2 * part + i // 8, i % 8) for i in range(PIXELS)) for part in range(4)},
}


@dataclass(frozen=True)
class AcaPackets:
    """Raw packets in order of their counter.

    Attributes
    ----------
    data
        (n, 224) bytes.
    counter, time, quality
        Of the first of the four frames; the flags of all four together.
    """

    data: NDArray[np.uint8]
    counter: NDArray[np.int64]
    time: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.counter)


@dataclass(frozen=True)
class AcaTelemetry:
    """Decoded packets.

    Attributes
    ----------
    counter, time, quality
        As in `AcaPackets`.
    front
        Fields of `FRONT_FIELDS`, (n,) integers.
    imgtype
        (n, 8) image type of each slot.
    header
        (n, 8) 56-bit headers, taken apart by `header_fields`.
    pixels
        (n, 8, 16) raw pixel values, 10 bits.
    """

    counter: NDArray[np.int64]
    time: NDArray[np.float64]
    quality: NDArray[np.uint8]
    front: dict[str, NDArray[np.int64]]
    imgtype: NDArray[np.uint8]
    header: NDArray[np.uint64]
    pixels: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.counter)

    def where(self, rows: Array | slice) -> AcaTelemetry:
        """The packets that a mask, index array or slice selects."""
        front = {name: values[rows] for name, values in self.front.items()}
        return AcaTelemetry(
            self.counter[rows], self.time[rows], self.quality[rows], front,
            self.imgtype[rows], self.header[rows], self.pixels[rows],
        )  # fmt: skip


def collect_packets(block: FrameBlock, ranges: Sequence[tuple[int, int]]) -> AcaPackets:
    """Packets of which all four frames are there.

    Parameters
    ----------
    block
        Frames sorted by counter, without duplicates.
    ranges
        Byte ranges of the ACA telemetry in a frame, half open (``mission.toml`` [frame].aca).
    """
    counter = block.counter
    first = np.flatnonzero(counter[: max(len(counter) - FRAMES + 1, 0)] % FRAMES == 0)
    first = first[counter[first + FRAMES - 1] == counter[first] + FRAMES - 1]
    rows = first[:, None] + np.arange(FRAMES)
    columns = np.concatenate([np.arange(start, stop) for start, stop in ranges])
    data = block.data[rows.ravel()[:, None], columns].reshape(len(first), FRAMES * len(columns))
    quality = np.bitwise_or.reduce(block.quality[rows], axis=1)
    return AcaPackets(data, counter[first], block.time[first], quality)


def decode(packets: AcaPackets) -> AcaTelemetry:
    """Take packets apart; every field of all packets at once."""
    data = packets.data
    front = _words(data[:, :5])
    slots = data[:, FRONT:].reshape(len(data), SLOTS, SLOT)
    sizes = _words(data[:, 5:FRONT])
    shift = np.arange(3 * (SLOTS - 1), -1, -3, dtype=np.uint64)
    imgtype = ((sizes[:, None] >> shift) & np.uint64(7)).astype(np.uint8)
    return AcaTelemetry(
        packets.counter,
        packets.time,
        packets.quality,
        {name: field(front, 40, *place) for name, place in FRONT_FIELDS.items()},
        imgtype,
        _words(slots[:, :, :HEADER]),
        _ten_bits(slots[:, :, HEADER:]),
    )


def header_fields(header: NDArray[np.uint64], imgtype: int) -> dict[str, NDArray[np.int64]]:
    """Fields of slot headers that belong to packets of one image type (no fields for a memory dump)."""
    return {name: field(header, 8 * HEADER, *place) for name, place in FIELDS_OF_TYPE.get(imgtype, {}).items()}


def status_bits(value: Array, names: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Single bits of a status field, the first name the most significant: `GLBSTAT_BITS`, `IMGSTAT_BITS`."""
    return {name: (value >> (len(names) - 1 - i) & 1).astype(bool) for i, name in enumerate(names)}


def field(words: NDArray[np.uint64], bits: int, first: int, width: int) -> NDArray[np.int64]:
    """A bit field of words of so many bits; a negative width is two's complement."""
    size = abs(width)
    value = ((words >> np.uint64(bits - first - size)) & np.uint64((1 << size) - 1)).astype(np.int64)
    return value - ((value >> (size - 1)) << size) if width < 0 else value


def find_images(telemetry: AcaTelemetry, slot: int, size: int) -> NDArray[np.int64]:
    """Packets that make whole images of one slot and size.

    Returns
    -------
    ndarray
        (images, 1, 2 or 4) rows of the packets. Images that lack a packet are left out.
    """
    types = PARTS[size]
    kind, counter = telemetry.imgtype[:, slot], telemetry.counter
    first = np.flatnonzero(kind == types[0])
    rows = first[:, None] + np.arange(len(types))
    rows = rows[rows[:, -1] < len(kind)]
    whole = (kind[rows] == np.array(types)).all(axis=1)
    whole &= (counter[rows] - counter[rows[:, :1]] == FRAMES * np.arange(len(types))).all(axis=1)
    return np.asarray(rows[whole], dtype=np.int64)


def assemble(telemetry: AcaTelemetry, rows: NDArray[np.int64], slot: int, size: int) -> NDArray[np.uint16]:
    """Images (n, 8, 8) of raw pixels in the 8x8 frame from the packets of `find_images`.

    What an image of 4x4 or 6x6 pixels (6x6 without its corners) does not cover is zero.
    """
    images = np.zeros((len(rows), 8, 8), dtype=np.uint16)
    for part, imgtype in enumerate(PARTS[size]):
        row, column = np.array(PIXEL_PLACE[imgtype]).T
        images[:, row, column] = telemetry.pixels[rows[:, part], slot]
    return images


def covered(size: int) -> NDArray[np.bool_]:
    """(8, 8) mask of the pixels that an image of this size has."""
    mask = np.zeros((8, 8), dtype=bool)
    for imgtype in PARTS[size]:
        mask[tuple(np.array(PIXEL_PLACE[imgtype]).T)] = True
    return mask


def joined(first: AcaTelemetry, second: AcaTelemetry) -> AcaTelemetry:
    """Packets of two stretches after each other."""
    front = {name: np.concatenate([first.front[name], second.front[name]]) for name in FRONT_FIELDS}
    return AcaTelemetry(
        np.concatenate([first.counter, second.counter]),
        np.concatenate([first.time, second.time]),
        np.concatenate([first.quality, second.quality]),
        front,
        np.concatenate([first.imgtype, second.imgtype]),
        np.concatenate([first.header, second.header]),
        np.concatenate([first.pixels, second.pixels]),
    )


def _words(data: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Big-endian numbers of the bytes along the last axis."""
    words = np.zeros(data.shape[:-1], dtype=np.uint64)
    for byte in range(data.shape[-1]):
        words = (words << np.uint64(8)) | data[..., byte]
    return words


def _ten_bits(data: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Four values of ten bits from every five bytes along the last axis."""
    five = _words(data.reshape(*data.shape[:-1], -1, 5))
    shift = np.array([30, 20, 10, 0], dtype=np.uint64)
    values = (five[..., None] >> shift) & np.uint64(0x3FF)
    return values.astype(np.uint16).reshape(*data.shape[:-1], -1)
