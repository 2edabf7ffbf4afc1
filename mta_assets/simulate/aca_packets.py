"""ACA packets from their content, and into frames: the inverse of `telemetry.aca_packets`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.telemetry.aca_packets import (
    FIELDS_OF_TYPE,
    FRAMES,
    FRONT,
    FRONT_FIELDS,
    HEADER,
    PACKET,
    PIXEL_PLACE,
    PIXELS,
    SLOT,
    SLOTS,
)


def encode(
    front: Mapping[str, ArrayLike],
    imgtype: NDArray[np.uint8],
    header: NDArray[np.uint64],
    pixels: NDArray[np.uint16],
) -> NDArray[np.uint8]:
    """Packets, (n, 224) bytes.

    Parameters
    ----------
    front
        Fields of `FRONT_FIELDS`, one value for all or one for each packet; what is not named is zero.
    imgtype
        (n, 8) image type of each slot.
    header
        (n, 8) 56-bit headers, as `encode_header` makes them.
    pixels
        (n, 8, 16) raw pixel values of ten bits.
    """
    packets = np.zeros((len(imgtype), PACKET), dtype=np.uint8)
    words = np.zeros(len(imgtype), dtype=np.uint64)
    for name, value in front.items():
        words |= _shifted(value, 40, *FRONT_FIELDS[name])
    packets[:, :5] = _bytes(words, 5)
    shift = np.arange(3 * (SLOTS - 1), -1, -3, dtype=np.uint64)
    sizes = np.bitwise_or.reduce((imgtype.astype(np.uint64) & np.uint64(7)) << shift, axis=1)
    packets[:, 5:FRONT] = _bytes(sizes, 3)
    slots = packets[:, FRONT:].reshape(-1, SLOTS, SLOT)
    slots[:, :, :HEADER] = _bytes(header, HEADER)
    slots[:, :, HEADER:] = _pack_ten_bits(pixels)
    packets[:, FRONT:] = slots.reshape(len(packets), -1)
    return packets


def encode_header(imgtype: int, fields: Mapping[str, ArrayLike]) -> NDArray[np.uint64]:
    """56-bit slot headers for packets of one image type; what is not named is zero."""
    known = FIELDS_OF_TYPE.get(imgtype, {})
    arrays = np.broadcast_arrays(*[_shifted(value, 8 * HEADER, *known[name]) for name, value in fields.items()])
    return np.asarray(np.bitwise_or.reduce(arrays, axis=0), dtype=np.uint64)


def image_pixels(images: NDArray[np.uint16], imgtype: int) -> NDArray[np.uint16]:
    """The 16 raw pixels that a packet of an image type carries of (n, 8, 8) images."""
    row, column = np.array(PIXEL_PLACE[imgtype]).T
    return np.asarray(images[:, row, column], dtype=np.uint16).reshape(-1, PIXELS)


def put_packets(
    frames: NDArray[np.uint8], counter: NDArray[np.int64], packets: NDArray[np.uint8], ranges: Sequence[tuple[int, int]]
) -> NDArray[np.uint8]:
    """Frames with the packets in their ACA bytes, as a new array.

    Parameters
    ----------
    frames, counter
        (n, length) bytes and their unwrapped counters.
    packets
        (m, 224); the first one is that of the first frame's group of four.
    ranges
        Byte ranges of the ACA telemetry in a frame, half open.
    """
    filled = np.array(frames)
    quarter = packets.reshape(len(packets), FRAMES, -1)
    parts = quarter[counter // FRAMES - counter[0] // FRAMES, counter % FRAMES]
    columns = np.concatenate([np.arange(start, stop) for start, stop in ranges])
    filled[:, columns] = parts
    return filled


def _shifted(value: Any, bits: int, first: int, width: int) -> NDArray[np.uint64]:
    size = abs(width)
    number = np.asarray(value, dtype=np.int64)
    low, high = (-(1 << (size - 1)), (1 << (size - 1)) - 1) if width < 0 else (0, (1 << size) - 1)
    if number.size and (number.min() < low or number.max() > high):
        raise ValueError(f"values {number.min()} to {number.max()} do not fit into {size} bits ({low} to {high})")
    return np.asarray((number & ((1 << size) - 1)).astype(np.uint64) << np.uint64(bits - first - size))


def _bytes(words: NDArray[np.uint64], width: int) -> NDArray[np.uint8]:
    shift = np.arange(8 * (width - 1), -1, -8, dtype=np.uint64)
    return ((words[..., None] >> shift) & np.uint64(0xFF)).astype(np.uint8)


def _pack_ten_bits(pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    four = (pixels.astype(np.uint64) & np.uint64(0x3FF)).reshape(*pixels.shape[:-1], -1, 4)
    words = np.bitwise_or.reduce(four << np.array([30, 20, 10, 0], dtype=np.uint64), axis=-1)
    return _bytes(words, 5).reshape(*pixels.shape[:-1], -1)
