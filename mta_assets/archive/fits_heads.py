"""Headers of product files without their data, and single columns of single tables: what a query needs of a file.

`fits_read.read_fits` takes a whole file and checks its sums; here only the header blocks are read (the data between
them is skipped) and columns are taken row range by row range, from a memory map where the file is not compressed.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mta_assets.archive.fits_cards import CARD, cards_of, parse
from mta_assets.archive.fits_columns import Field, cells_of, declared
from mta_assets.archive.fits_header import BLOCK, block_name
from mta_assets.archive.fits_read import LARGEST, MOST_BLOCKS, STRUCTURE, _data_size, _split
from mta_assets.core.errors import BadData
from mta_assets.core.faults import outside_faults
from mta_assets.core.tables import Array, Column

GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Head:
    """One HDU as its header describes it.

    Attributes
    ----------
    name
        EXTNAME; empty for the primary HDU.
    keywords
        Keyword → (value, comment), without those of the structure.
    columns
        Declarations of a binary table; empty for anything else.
    rows, width
        Rows of the table and bytes of a row.
    start
        Where the data begins [byte].
    fields
        How the columns lie in a row.
    """

    name: str
    keywords: dict[str, tuple[Any, str]] = field(repr=False)
    columns: tuple[Column, ...] = ()
    rows: int = 0
    width: int = 0
    start: int = 0
    fields: tuple[Field, ...] = field(default=(), repr=False)


def read_heads(path: Path) -> tuple[Head, ...]:
    """Headers of all HDUs of a file, plain or gzip-compressed.

    Tables with columns of variable length, and images, have no columns here.

    Raises
    ------
    BadData
        If it is no FITS file, or ends within a header or its data.
    """
    try:
        with _opened(path) as file:
            return tuple(_heads(file, path))
    except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise BadData(f"{path}: not a readable FITS file: {error}. Fetch or make it again") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadData(f"{path}: damaged gzip data: {error}. Fetch or make it again") from error


def read_columns(path: Path, head: Head, names: Sequence[str], first: int = 0, last: int | None = None) -> list[Array]:
    """Columns of rows ``first`` … ``last`` (excluded) of one table, as native NumPy arrays.

    Raises
    ------
    BadData
        If the file has become shorter than its header says, or the table has no such column.
    """
    last = head.rows if last is None else min(last, head.rows)
    count = max(last - first, 0)
    offsets = dict(zip((f.label for f in head.fields), np.cumsum([0, *(f.size for f in head.fields)]), strict=False))
    by_name = {f.label: f for f in head.fields}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise BadData(f"{path}[{head.name}]: no column {unknown[0]!r}; it has {', '.join(by_name)}")
    rows = _rows(path, head, first, count)
    found = []
    for name in names:
        size, at = by_name[name].size, int(offsets[name])
        cells: Array = rows[:, at : at + size] if size else np.zeros((count, 0), "u1")
        found.append(cells_of(cells, by_name[name]))
    return found


def _rows(path: Path, head: Head, first: int, count: int) -> Array:
    """Bytes of a range of rows, shape (count, width)."""
    start, size = head.start + first * head.width, count * head.width
    if not size:
        return np.zeros((count, head.width), "u1")
    try:
        with _opened(path) as file:
            if isinstance(file, gzip.GzipFile):
                file.seek(start)
                data = np.frombuffer(file.read(size), "u1")
            else:
                data = np.memmap(path, "u1", "r", start, (size,))
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadData(f"{path}[{head.name}]: can not be read: {error}. Fetch or make it again") from error
    if len(data) < size:
        raise BadData(f"{path}[{head.name}]: ends before row {first + count}. Fetch or make it again")
    return data.reshape(count, head.width)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with outside_faults(path, "read the file"), path.open("rb") as raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        if not packed:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as file:
            yield file  # type: ignore[misc]


def _heads(file: BinaryIO, path: Path) -> Iterator[Head]:
    at = 0
    size = path.stat().st_size
    while True:
        text = _header_text(file, path, at)
        if text is None:
            return
        at += len(text)
        head, data = _head(text.decode("ascii", "replace"), at, path)
        skipped = -(-data // BLOCK) * BLOCK
        at += skipped
        if not isinstance(file, gzip.GzipFile) and at > size:
            raise BadData(f"{path}[{head.name}]: truncated: {data} bytes of data are declared. Fetch or make it again")
        yield head
        file.seek(at)


def _header_text(file: BinaryIO, path: Path, at: int) -> bytes | None:
    """Blocks up to the one with END; None at the end of the file."""
    text = bytearray()
    for _ in range(MOST_BLOCKS):
        block = file.read(BLOCK)
        if not at and not text and not block.startswith(b"SIMPLE  ="):
            raise BadData(f"{path}: not a FITS file: it starts with {block[:9]!r}, expected 'SIMPLE  ='")
        if not text and not block.strip(b"\0 "):
            return None
        text += block
        if len(block) < BLOCK:
            break
        if any(block[i : i + 8] == b"END     " for i in range(0, BLOCK, CARD)):
            return bytes(text)
    raise BadData(f"{path}: the header at byte {at} has no END. Fetch or make it again")


def _head(text: str, start: int, path: Path) -> tuple[Head, int]:
    rest, columns = _split(text)
    cards = [parse(card) for card in cards_of(rest)]
    values = {card.keyword: card.value for card in reversed(cards)}
    keywords = {
        card.keyword: (card.value, card.comment)
        for card in reversed(cards)
        if card.keyword
        and card.keyword not in ("COMMENT", "HISTORY")
        and not STRUCTURE.fullmatch(card.keyword)
        and isinstance(card.value, str | int | float | bool)
        and not (isinstance(card.value, float) and not math.isfinite(card.value))
    }
    keywords = dict(reversed(keywords.items()))
    name = block_name(values) if "XTENSION" in values else ""
    data = _data_size(values)
    if not 0 <= data <= LARGEST:
        raise BadData(f"{path}[{name}]: declares {data} bytes of data")
    if str(values.get("XTENSION", "")).strip() not in ("BINTABLE", "A3DTABLE"):
        return Head(name, keywords, start=start), data
    rows, width = int(values["NAXIS2"]), int(values["NAXIS1"])
    try:
        fields, found = declared(columns)
    except BadData:  # a form that is not read here
        return Head(name, keywords, (), rows, width, start), data
    if sum(f.size for f in fields) != width:
        raise BadData(f"{path}[{name}]: the columns do not fill a row of NAXIS1 = {width} bytes")
    return Head(name, keywords, found, rows, width, start, fields), data
