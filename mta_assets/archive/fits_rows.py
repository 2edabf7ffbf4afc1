"""Rows of FITS binary tables written: columns in memory to one big-endian array, and the cards that frame it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mta_assets.archive.fits_header import Layout, card, checksum, encode_checksum, layout, pad
from mta_assets.core.tables import Array, Column, Table


def primary_structure() -> str:
    """Structural cards of the empty primary HDU."""
    return (
        card("SIMPLE", True, "file does conform to FITS standard")
        + card("BITPIX", 8, "number of bits per data pixel")
        + card("NAXIS", 0, "number of data axes")
        + card("EXTEND", True, "FITS dataset may contain extensions")
    )


def table_structure(shape: Layout, rows: int) -> str:
    """Structural cards of a binary table of so many rows."""
    return (
        card("XTENSION", "BINTABLE", "binary table extension")
        + card("BITPIX", 8, "8-bit bytes")
        + card("NAXIS", 2, "2-dimensional binary table")
        + card("NAXIS1", shape.row.itemsize, "width of table in bytes")
        + card("NAXIS2", rows, "number of rows in table")
        + card("PCOUNT", 0, "size of special data area")
        + card("GCOUNT", 1, "one data group (required keyword)")
        + card("TFIELDS", len(shape.zeros), "number of fields in each row")
    )


def pack_rows(table: Table) -> tuple[Layout, Array]:
    """How the columns of a table lie in the file, and its rows as one structured big-endian array.

    Raises
    ------
    ToolFailed
        If a column has no FITS form or two names are the same to FITS.
    """
    declared = {c.name: c for c in table.schema.columns} if table.schema else {}
    stored = {n: _storable(a) for n, a in table.columns.items()}
    shape = layout(tuple((declared.get(n) or Column(n, ""), _kind(a), a.shape[1:]) for n, a in stored.items()))
    return shape, _rows(table, stored, declared, shape)


def closed(text: str, datasum: int) -> bytes:
    """Header text closed with DATASUM and CHECKSUM: comments are fixed, the usual ones carry the time of writing."""
    text += card("DATASUM", str(datasum), "data unit checksum")
    place = len(text)
    header = pad(text + card("CHECKSUM", "0" * 16, "HDU checksum"))
    total = checksum([header], datasum)
    return header[:place] + card("CHECKSUM", encode_checksum(total), "HDU checksum").encode() + header[place + 80 :]


def _storable(array: Array) -> Array:
    if array.dtype.kind != "U":
        return array
    try:
        return array.astype("S") if array.dtype.itemsize else array.astype("S1")
    except UnicodeEncodeError:
        return np.char.encode(array, "ascii", "replace")


def _kind(array: Array) -> str:
    if array.dtype.kind == "S":
        return f"S{array.dtype.itemsize}"
    return f"{array.dtype.kind}{array.dtype.itemsize}"


def _rows(table: Table, stored: Mapping[str, Array], declared: Mapping[str, Column], shape: Layout) -> Array:
    rows = np.zeros(len(table), shape.row)
    for field, zero, (name, array) in zip(shape.row.names or (), shape.zeros, stored.items(), strict=True):
        if name in declared and declared[name].bits:
            rows[field] = np.packbits(array.astype(bool).reshape(len(array), math.prod(array.shape[1:])), axis=1)
        elif array.dtype.kind == "b":
            rows[field] = np.where(array, ord("T"), ord("F"))
        elif zero:
            rows[field] = _offset(array)
        else:
            rows[field] = array
    return rows


def _offset(array: Array) -> Array:
    """Integers with the other signedness, moved by half the range: the sign bit turned over."""
    size = array.dtype.itemsize
    bits = np.ascontiguousarray(array).view(f"u{size}") ^ np.array(1 << (8 * size - 1), f"u{size}")
    return bits if size == 1 else bits.view(f"i{size}")
