"""Rows of FITS binary tables written: columns to big-endian rows, and the cards that frame it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from mta_assets.archive.fits_header import Layout, card, checksum, encode_checksum, layout, pad
from mta_assets.core.stored import StoredColumns
from mta_assets.core.tables import Array, Column, Table

PACKED = 4 << 20  # [byte] of rows that are packed at once where not all are wanted


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
    packer = Packer(table)
    return packer.shape, packer.rows(0, len(table))


class Packer:
    """The rows of a table as they lie in the file, as many at a time as are wanted: see `pack_rows`.

    Attributes
    ----------
    shape
        How the columns lie.
    size
        Length of all rows [byte].
    """

    def __init__(self, table: Table) -> None:
        self._declared = {c.name: c for c in table.schema.columns} if table.schema else {}
        # text is turned into bytes once; of what lies in a file no row is read before it is wanted
        self._table = table if isinstance(table.columns, StoredColumns) else replace(table, columns=_stored(table))
        some = _stored(self._table.rows(0, 1))
        self._count = len(table)
        self.shape = layout(
            tuple((self._declared.get(n) or Column(n, ""), _kind(a), a.shape[1:]) for n, a in some.items())
        )
        self.size = self._count * self.shape.row.itemsize

    def rows(self, start: int, stop: int) -> Array:
        """Some rows as a structured big-endian array."""
        some = self._table.rows(start, stop)
        return _rows(_stored(some), self._declared, self.shape, stop - start)

    def blocks(self) -> Iterator[memoryview]:
        """The bytes of all rows, a block at a time; each but the last is whole words."""
        step = 4 * max(1, PACKED // max(4 * self.shape.row.itemsize, 1))
        for start in range(0, self._count if self.size else 0, step):
            yield self.rows(start, min(start + step, self._count)).view("u1").reshape(-1).data


def closed(text: str, datasum: int) -> bytes:
    """Header text closed with DATASUM and CHECKSUM: comments are fixed, the usual ones carry the time of writing."""
    text += card("DATASUM", str(datasum), "data unit checksum")
    place = len(text)
    header = pad(text + card("CHECKSUM", "0" * 16, "HDU checksum"))
    total = checksum([header], datasum)
    return header[:place] + card("CHECKSUM", encode_checksum(total), "HDU checksum").encode() + header[place + 80 :]


def _stored(table: Table) -> dict[str, Array]:
    return {name: _storable(array) for name, array in table.columns.items()}


def _storable(array: Array) -> Array:
    if array.dtype.kind != "U":
        return array
    try:
        return array.astype("S") if array.dtype.itemsize else array.astype("S1")
    except UnicodeEncodeError:
        return np.char.encode(array, "ascii", "replace").astype(f"S{max(array.dtype.itemsize // 4, 1)}")


def _kind(array: Array) -> str:
    if array.dtype.kind == "S":
        return f"S{array.dtype.itemsize}"
    return f"{array.dtype.kind}{array.dtype.itemsize}"


def _rows(stored: Mapping[str, Array], declared: Mapping[str, Column], shape: Layout, count: int) -> Array:
    rows = np.zeros(count, shape.row)
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
