"""Reading product files: FITS binary tables and images to tables, with the declarations of columns.

Rows of a long table stay in the file and are read when they are asked for (`core.stored`); so do those of one that is
compressed, once it is unpacked into a file without a name.
"""

from __future__ import annotations

import gzip
import itertools
import math
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.archive.fits_cards import CARD, Card, cards_of, parse
from mta_assets.archive.fits_columns import Field, cells_of, declared
from mta_assets.archive.fits_header import BLOCK, block_name, checksum
from mta_assets.archive.fits_image import read_image
from mta_assets.core.errors import BadData
from mta_assets.core.faults import outside_faults
from mta_assets.core.spool import nameless
from mta_assets.core.stored import Array, OpenFile, StoredColumns
from mta_assets.core.tables import Header, Product, Schema, Table, plain

STRUCTURE = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|BSCALE|BZERO|EXTEND|EXTNAME|LONGSTRN|CHECKSUM|DATASUM|END|"
    r"(TTYPE|TFORM|TUNIT|MUNIT|TSCAL|TZERO|TNULL|TDISP|TDIM|TLMIN|TLMAX)\d+"
)
COLUMN_CARDS = frozenset(["TTYPE", "TFORM", "TUNIT", "MUNIT", "TSCAL", "TZERO", "TNULL", "TLMIN", "TLMAX"])
LARGEST = 1 << 40  # [byte] no HDU that a header declares is larger: a damaged size must not eat the memory
IN_MEMORY = 16 << 20  # [byte] files and tables up to this size are read at once
WIDEST = 16 << 20  # [byte] rows: blocks of wider ones would eat the memory
SMALL, MOST_PACKED = 1 << 30, 200  # [byte] compressed files may unpack to so much, or to so many times their size
MOST_BLOCKS = 4096  # [2880 byte] of one header: 2,000 columns have 700
SUMMED = 1 << 20  # [byte] whole words whose sum is taken at once


class Held:
    """A file whose bytes are in memory."""

    def __init__(self, content: bytes) -> None:
        self.content = np.frombuffer(content, np.uint8)
        self.size = len(content)

    def read(self, start: int, size: int) -> Array:
        """Bytes from a place on, not copied."""
        return self.content[start : start + size]


@dataclass(frozen=True)
class _Hdu:
    cards: list[Card]
    header: dict[str, Any]  # values by keyword; of a keyword that stands twice, the first
    columns: str
    file: Held | OpenFile
    start: int  # of the data [byte]
    size: int

    @property
    def data(self) -> memoryview:
        return self.file.read(self.start, self.size).data


def read_fits(path: Path, file_id: str, verify: bool = True, images: bool = False) -> Product:
    """Read a product.

    Parameters
    ----------
    path
        FITS file, plain or gzip-compressed.
    file_id
        Identifier that the product gets.
    verify
        Whether CHECKSUM and DATASUM must fit where the file states them.
    images
        Whether images may be in it (`core.tables.Image`).

    Returns
    -------
    Product
        Its tables in order, its interval from TSTART and TSTOP, the keywords of the primary HDU (of the first
        extension where the primary has none) without the structural ones. Values are native NumPy arrays, text
        without trailing blanks, `Table.schema` the declarations.

    Raises
    ------
    BadData
        If it is no FITS file, is truncated or damaged, or holds images that were not asked for, or variable-length
        columns.
    """
    file = _opened(path)
    try:
        return _parse(file, path, file_id, verify, images)
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, AttributeError) as error:
        raise BadData(f"{path}: not a readable FITS file: {error}. Fetch or make it again") from error


def _parse(file: Held | OpenFile, path: Path, file_id: str, verify: bool, images: bool) -> Product:
    hdus = list(_hdus(file, path, verify, images))
    tables = tuple(
        _table(hdu, path)
        if "TFIELDS" in hdu.header
        else read_image(hdu.header, _keywords(hdu.cards), hdu.data, str(path))
        for hdu in hdus[not hdus[0].size :]
    )
    header = _keywords(hdus[0].cards)
    first = {**_keywords(hdus[1].cards), **header} if len(hdus) > 1 else header
    span = [_value(first.get(k, math.nan)) for k in ("TSTART", "TSTOP")]
    return Product(file_id, tables, float(span[0]), float(span[1]), header)


def _opened(path: Path) -> Held | OpenFile:
    """A file, unpacked if it is compressed; in memory unless it is large."""
    with outside_faults(path, "read the file"):
        size, opened = path.stat().st_size, path.open("rb")
    with opened as raw:
        with outside_faults(path, "read the file"):
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not packed:
                return Held(raw.read()) if size <= IN_MEMORY else OpenFile(os.dup(raw.fileno()), str(path))
        try:
            with outside_faults(path, "unpack the file"), gzip.GzipFile(fileobj=raw) as stream:
                content = stream.read(IN_MEMORY)
                more = stream.read(1)
                if not more:
                    return Held(content)
                unpacked = nameless()
                unpacked.write(content + more)
                while content := stream.read(IN_MEMORY):
                    unpacked.write(content)
                    if unpacked.size > max(SMALL, MOST_PACKED * size):
                        raise BadData(
                            f"{path}: unpacks to more than {MOST_PACKED} times its {size} bytes: deliver it unpacked "
                            "if that is meant"
                        )
                return unpacked
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise BadData(f"{path}: damaged gzip data: {error}") from error


def _hdus(file: Held | OpenFile, path: Path, verify: bool, images: bool) -> Iterator[_Hdu]:
    start = file.read(0, min(9, file.size)).tobytes()
    if start != b"SIMPLE  =":
        raise BadData(f"{path}: not a FITS file: it starts with {start!r}, expected 'SIMPLE  ='")
    at = 0
    while at < file.size:
        head = _header(file, at)
        if head is None:
            steps = range(at, file.size, SUMMED)
            if not any(file.read(i, min(SUMMED, file.size - i)).tobytes().strip(b"\0 ") for i in steps):
                return
            raise BadData(f"{path}: truncated: the header at byte {at} has no END")
        end = at + len(head)
        rest, columns = _split(head.decode("ascii", "replace"))
        found = [parse(card) for card in cards_of(rest)]
        header = {card.keyword: card.value for card in reversed(found)}
        size = _data_size(header)
        if not 0 <= size <= LARGEST or end + -(-size // BLOCK) * BLOCK > file.size:
            raise BadData(
                f"{path}: truncated: the HDU at byte {at} declares {size} bytes of data, there are {file.size - end}"
            )
        kinds = ("BINTABLE", "A3DTABLE", "IMAGE") if images else ("BINTABLE", "A3DTABLE")
        if at and str(header.get("XTENSION", "")).strip() not in kinds:
            raise BadData(f"{path}: an HDU is of type {header.get('XTENSION')!r}: products hold binary tables only")
        if not at and size and not images:
            raise BadData(f"{path}: the primary HDU holds an image: products hold binary tables only")
        hdu = _Hdu(found, header, columns, file, end, size)
        yield hdu
        if verify:
            _check_sums(hdu, head, path)
        at = end + -(-size // BLOCK) * BLOCK


def _header(file: Held | OpenFile, at: int) -> bytes | None:
    """Blocks of a header; None if it does not end."""
    blocks: list[bytes] = []
    while at + BLOCK <= file.size and len(blocks) < MOST_BLOCKS:
        block = file.read(at, BLOCK).tobytes()
        blocks.append(block)
        if b"END" in {block[i : i + 8].rstrip() for i in range(0, BLOCK, CARD)}:
            return b"".join(blocks)
        at += BLOCK
    return None


def _check_sums(hdu: _Hdu, head: bytes, path: Path) -> None:
    header, length = hdu.header, -(-hdu.size // BLOCK) * BLOCK
    stated = str(header.get("DATASUM", "")).strip()
    steps = range(0, length, SUMMED)
    total = checksum(hdu.file.read(hdu.start + at, min(SUMMED, length - at)) for at in steps)
    right = not stated.isdigit() or int(stated) == total
    if str(header.get("CHECKSUM", "")).strip():
        right = right and checksum([head], total) in (0, 0xFFFFFFFF)
    if not right:
        name = header.get("EXTNAME", "primary HDU")
        raise BadData(
            f"{path}[{name}]: damaged or edited: its bytes do not have the CHECKSUM and DATASUM that the header states"
        )


def _split(text: str) -> tuple[str, str]:
    """Cards of a header, those that declare columns apart."""
    parts: tuple[list[str], list[str]] = ([], [])
    declares = False
    for i in range(0, len(text), CARD):
        if text[i : i + 8] != "CONTINUE":
            declares = (text[i : i + 5] in COLUMN_CARDS and text[i + 5].isdigit()) or text[i : i + 4] == "TDIM"
        parts[declares].append(text[i : i + CARD])
    return "".join(parts[0]), "".join(parts[1])


def _data_size(header: Mapping[str, Any]) -> int:
    axes = [int(header[f"NAXIS{i}"]) for i in range(1, int(header["NAXIS"]) + 1)]
    if not axes:
        return 0
    return (
        abs(int(header["BITPIX"]))
        // 8
        * int(header.get("GCOUNT", 1))
        * (int(header.get("PCOUNT", 0)) + math.prod(axes))
    )


def _keywords(cards: Iterable[Card]) -> Header:
    found: Header = {}
    for key, value, comment in cards:
        if key in ("COMMENT", "HISTORY"):
            found.setdefault(key, []).append(str(value))
        elif key and not STRUCTURE.fullmatch(key) and isinstance(value, str | int | float | bool):
            found[key] = (value, comment) if comment else value
    return found


def _value(given: Any) -> Any:
    return plain(given)


class _Rows(StoredColumns):
    """Rows of a binary table."""

    def __init__(self, file: OpenFile, start: int, width: int, count: int, fields: Sequence[Field]) -> None:
        super().__init__(file, start, width, count, [field.label for field in fields])
        places = itertools.accumulate((field.size for field in fields), initial=0)
        self.fields = {field.label: (field, at) for field, at in zip(fields, places, strict=False)}

    def cells(self, rows: Array, name: str) -> Array:
        field, at = self.fields[name]
        return cells_of(rows[:, at : at + field.size], field)


def _table(hdu: _Hdu, path: Path) -> Table:
    header = hdu.header
    name = block_name(header)
    width, count = int(header["NAXIS1"]), int(header["NAXIS2"])
    try:
        fields, columns = declared(hdu.columns)
    except BadData as error:
        raise BadData(f"{path}[{name}]: {error}") from error
    if sum(field.size for field in fields) != width or len(fields) != int(header["TFIELDS"]):
        raise BadData(f"{path}[{name}]: the columns do not fill a row of NAXIS1 = {width} bytes")
    if width < 0 or count < 0 or int(header.get("PCOUNT", 0)) < 0 or width * count > hdu.size:
        raise BadData(
            f"{path}[{name}]: {count} rows of {width} bytes do not fit into its {hdu.size} bytes of data. Fetch or "
            "make it again"
        )
    if width > WIDEST:
        raise BadData(
            f"{path}[{name}]: rows of NAXIS1 = {width} bytes are wider than the {WIDEST} that are read here: split them"
        )
    labels = [field.label.lower() for field in fields]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise BadData(f"{path}[{name}]: two columns are called {twice[0]}; make it again with names of their own")
    schema = Schema(name, columns)
    if isinstance(hdu.file, OpenFile) and count * width > IN_MEMORY:
        return Table(name, _Rows(hdu.file, hdu.start, width, count, fields), _keywords(hdu.cards), schema)
    arrays: dict[str, Array] = {}
    at, data = 0, hdu.data
    for field in fields:
        cells: Array = np.zeros((count, field.size), "u1")
        if count and field.size:
            cells = np.ndarray((count, field.size), "u1", data, at, (width, 1))
        arrays[field.label] = cells_of(cells, field)
        at += field.size
    return Table(name, arrays, _keywords(hdu.cards), schema)
