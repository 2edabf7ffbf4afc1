"""Columns of FITS binary tables read: declarations, and the bytes of cells as native NumPy arrays."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mta_assets.archive.fits_cards import cards_of, parse
from mta_assets.archive.fits_header import FORMATS
from mta_assets.core.errors import BadData
from mta_assets.core.tables import Array, Column

FORM = re.compile(r"(\d*)([A-Z])(.*)")
LETTERS = {"L": "u1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8", "C": ">c8", "M": ">c16"}
OFFSETS = {(FORMATS[k][0], FORMATS[k][1]): k for k in ("i1", "u2", "u4", "u8")}


@dataclass(frozen=True)
class Field:
    """One column as the header declares it."""

    label: str
    letter: str
    repeat: int
    size: int
    dims: tuple[int, ...]
    scale: float
    zero: float


@lru_cache(maxsize=256)
def declared(text: str) -> tuple[tuple[Field, ...], tuple[Column, ...]]:
    """Columns declared by the cards of a table: kept, because most files of a kind declare the same."""
    cards = [parse(card) for card in cards_of(text)]
    values = {card.keyword: card.value for card in cards}
    docs = {card.keyword: card.comment for card in cards if card.keyword.startswith("TTYPE")}
    fields: list[Field] = []
    columns: list[Column] = []
    for number in range(1, sum(key.startswith("TFORM") for key in values) + 1):
        label = str(values.get(f"TTYPE{number}", "")).strip() or f"COL{number}"
        found = FORM.fullmatch(str(values[f"TFORM{number}"]).strip())
        if not found or found[2] not in "LXBIJKEDACM":
            raise BadData(f"column {label} has form {values[f'TFORM{number}']!r}, which is not read here")
        repeat, letter = int(found[1] or 1), found[2]
        size = {"X": (repeat + 7) // 8, "A": repeat}.get(letter, repeat * np.dtype(LETTERS.get(letter, "u1")).itemsize)
        dims = tuple(int(d) for d in re.findall(r"\d+", str(values.get(f"TDIM{number}", ""))))
        field = Field(
            label, letter, repeat, size, dims, values.get(f"TSCAL{number}", 1), values.get(f"TZERO{number}", 0)
        )
        fields.append(field)
        columns.append(
            _column(
                label,
                cells_of(np.zeros((0, size), "u1"), field),
                letter == "X",
                docs.get(f"TTYPE{number}", ""),
                values,
                number,
            )
        )
    return tuple(fields), tuple(columns)


def cells_of(cells: Array, field: Field) -> Array:
    """Values of one column.

    Parameters
    ----------
    cells
        (n, bytes of a cell) bytes as they stand in the file.
    """
    count, repeat, dims = len(cells), field.repeat, field.dims
    if field.letter == "X":
        return np.unpackbits(np.ascontiguousarray(cells), axis=1)[:, :repeat].astype(bool)
    if field.letter == "A":
        length = dims[0] if dims else repeat
        shape = tuple(reversed(dims[1:]))
        if not length or not repeat:
            return np.zeros((count, *shape), "U1")
        return _text(np.ascontiguousarray(cells).view(f"S{length}").reshape(count, *shape))
    raw: Array = np.ascontiguousarray(cells).view(LETTERS[field.letter]).reshape(count, repeat)
    if dims and math.prod(dims) == repeat:
        raw = raw.reshape(count, *reversed(dims))
    elif repeat == 1:
        raw = raw.reshape(count)
    return _scaled(raw, field.letter, field.scale, field.zero)


def _scaled(raw: Array, letter: str, scale: float, zero: float) -> Array:
    if letter == "L":
        return raw == ord("T")
    native = raw.astype(raw.dtype.newbyteorder("="))
    if scale == 1 and zero == 0:
        return native
    kind = OFFSETS.get((letter, int(zero))) if scale == 1 else None
    if kind is None:
        return native * float(scale) + float(zero)
    size = native.dtype.itemsize
    return (native.view(f"u{size}") ^ np.array(1 << (8 * size - 1), f"u{size}")).view(kind)


def _text(raw: Array) -> Array:
    try:
        text = raw.astype("U")
    except UnicodeDecodeError:
        text = np.char.decode(raw, "latin-1")
    return np.char.rstrip(text).astype(f"U{raw.dtype.itemsize}")


def _column(label: str, array: Array, bits: bool, doc: str, values: dict[str, Any], number: int) -> Column:
    unit = values.get(f"MUNIT{number}", values.get(f"TUNIT{number}", ""))
    low, high = values.get(f"TLMIN{number}"), values.get(f"TLMAX{number}")
    null = values.get(f"TNULL{number}")
    if null is not None and array.dtype.kind in "iu":
        null = int(null) + int(values.get(f"TZERO{number}", 0))
    return Column(
        label,
        array.dtype.str.lstrip("<>|=") if array.dtype.kind != "b" else "bool",
        str(unit).strip(),
        doc,
        array.shape[1:],
        (low, high) if isinstance(low, int | float) and isinstance(high, int | float) else None,
        bits,
        null if isinstance(null, int) else None,
    )
