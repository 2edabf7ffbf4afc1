"""FITS images written and read: pixels in memory to big-endian blocks and back (FITS standard 4.0, section 3.3).

Unsigned integers are stored as signed ones with BZERO, as section 4.4.2.5 has it; bytes as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mta_assets.archive.fits_header import block_name, card
from mta_assets.core.errors import BadData, ToolFailed
from mta_assets.core.tables import Array, Image, image

BITPIX = {"u1": 8, "i2": 16, "u2": 16, "i4": 32, "u4": 32, "i8": 64, "u8": 64, "f4": -32, "f8": -64}
AT_ONCE = 1 << 22  # [byte] of pixels that are turned over at once


def image_structure(given: Image, primary: bool) -> str:
    """Structural cards of an image, as the primary HDU or as an extension.

    Raises
    ------
    ToolFailed
        If FITS has no form for pixels of that type.
    """
    pixels = given.pixels
    kind = f"{pixels.dtype.kind}{pixels.dtype.itemsize}"
    if kind not in BITPIX:
        raise ToolFailed(f"image {given.name}: FITS has no form for pixels of type {kind}; it has {', '.join(BITPIX)}")
    if primary:
        text = card("SIMPLE", True, "file does conform to FITS standard")
    else:
        text = card("XTENSION", "IMAGE", "image extension")
    text += card("BITPIX", BITPIX[kind], "number of bits per data pixel") + card("NAXIS", 2, "number of data axes")
    rows, columns = pixels.shape
    text += card("NAXIS1", columns, "length of data axis") + card("NAXIS2", rows, "length of data axis")
    if primary:
        text += card("EXTEND", True, "FITS dataset may contain extensions")
    else:
        text += card("PCOUNT", 0, "size of special data area") + card("GCOUNT", 1, "one data group (required keyword)")
    if _unsigned(pixels):
        text += card("BSCALE", 1, "scale of the values") + card("BZERO", _half(pixels), "offset for unsigned integers")
    return text


def image_blocks(pixels: Array) -> Iterator[memoryview]:
    """Bytes of an image as they stand in the file, some rows at a time; each block of whole words but the last."""
    step = max(AT_ONCE // (pixels.shape[1] * pixels.dtype.itemsize) // 4 * 4, 4)
    for start in range(0, len(pixels), step):
        block = pixels[start : start + step]
        if _unsigned(pixels):
            size = pixels.dtype.itemsize
            block = (block ^ np.array(_half(pixels), f"u{size}")).view(f"i{size}")
        yield np.ascontiguousarray(block, block.dtype.newbyteorder(">")).view("u1").reshape(-1).data


def _unsigned(pixels: Array) -> bool:
    return pixels.dtype.kind == "u" and pixels.dtype.itemsize > 1


def _half(pixels: Array) -> int:
    """Half the range of an integer type: what is added to the signed value."""
    return 1 << (8 * pixels.dtype.itemsize - 1)


def read_image(header: Mapping[str, Any], keywords: Mapping[str, Any], data: memoryview, where: str) -> Image:
    """An image of two axes, its values scaled as BSCALE and BZERO say.

    Parameters
    ----------
    header
        All cards, the structural ones included.
    keywords
        Those that the image keeps.
    data
        Its bytes without the filling.
    where
        The file, for messages.

    Raises
    ------
    BadData
        If it has not two axes, or no pixels.
    """
    name = block_name(header) or "PRIMARY"
    if int(header["NAXIS"]) != 2:
        raise BadData(f"{where}[{name}]: an image of {header['NAXIS']} axes, expected 2")
    bits = int(header["BITPIX"])
    kind = f">{'f' if bits < 0 else 'u' if bits == 8 else 'i'}{abs(bits) // 8}"
    stored = np.frombuffer(data, kind).reshape(int(header["NAXIS2"]), int(header["NAXIS1"]))
    values: Array = stored.astype(stored.dtype.newbyteorder("="))
    scale, zero = float(header.get("BSCALE", 1.0)), float(header.get("BZERO", 0.0))
    if bits > 8 and scale == 1.0 and zero == 2.0 ** (bits - 1):  # how unsigned integers are written
        unsigned = np.dtype(f"u{bits // 8}")
        values = values.view(unsigned) ^ unsigned.type(1 << (bits - 1))
    elif (scale, zero) != (1.0, 0.0):
        values = values * scale + zero
    return image(name, values, keywords)
