"""Reading product files: FITS binary tables and images to tables in memory, with the declarations of columns."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.archive.fits_cards import CARD, Card, cards_of, parse
from mta_assets.archive.fits_columns import cells_of, declared
from mta_assets.archive.fits_header import BLOCK, block_name, checksum
from mta_assets.archive.fits_image import read_image
from mta_assets.archive.store import outside_faults
from mta_assets.core.errors import BadData
from mta_assets.core.tables import Array, Header, Product, Schema, Table, plain

STRUCTURE = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|BSCALE|BZERO|EXTEND|EXTNAME|LONGSTRN|CHECKSUM|DATASUM|END|"
    r"(TTYPE|TFORM|TUNIT|MUNIT|TSCAL|TZERO|TNULL|TDISP|TDIM|TLMIN|TLMAX)\d+"
)
COLUMN_CARDS = frozenset(["TTYPE", "TFORM", "TUNIT", "MUNIT", "TSCAL", "TZERO", "TNULL", "TLMIN", "TLMAX"])
LARGEST = 1 << 40  # [byte] no HDU that a header declares is larger: a damaged size must not eat the memory


@dataclass(frozen=True)
class _Hdu:
    cards: list[Card]
    header: dict[str, Any]  # values by keyword; of a keyword that stands twice, the first
    columns: str
    data: memoryview


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
    content = _content(path)
    try:
        return _parse(content, path, file_id, verify, images)
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, AttributeError) as error:
        raise BadData(f"{path}: not a readable FITS file: {error}. Fetch or make it again") from error


def _parse(content: bytes, path: Path, file_id: str, verify: bool, images: bool) -> Product:
    hdus = list(_hdus(content, path, verify, images))
    tables = tuple(
        _table(hdu, path)
        if "TFIELDS" in hdu.header
        else read_image(hdu.header, _keywords(hdu.cards), hdu.data, str(path))
        for hdu in hdus[not hdus[0].data.nbytes :]
    )
    header = _keywords(hdus[0].cards)
    first = {**_keywords(hdus[1].cards), **header} if len(hdus) > 1 else header
    span = [_value(first.get(k, math.nan)) for k in ("TSTART", "TSTOP")]
    return Product(file_id, tables, float(span[0]), float(span[1]), header)


def _content(path: Path) -> bytes:
    with outside_faults(path, "read the file"):
        raw = path.read_bytes()
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise BadData(f"{path}: damaged gzip data: {error}") from error


def _hdus(content: bytes, path: Path, verify: bool, images: bool) -> Iterator[_Hdu]:
    if not content.startswith(b"SIMPLE  ="):
        raise BadData(f"{path}: not a FITS file: it starts with {content[:9]!r}, expected 'SIMPLE  ='")
    view = memoryview(content)
    at = 0
    while at < len(content):
        end = at
        while b"END" not in {content[i : i + 8].rstrip() for i in range(end, min(end + BLOCK, len(content)), CARD)}:
            end += BLOCK
            if end >= len(content):
                if not content[at:].strip(b"\0 "):
                    return
                raise BadData(f"{path}: truncated: the header at byte {at} has no END")
        end += BLOCK
        rest, columns = _split(content[at:end].decode("ascii", "replace"))
        found = [parse(card) for card in cards_of(rest)]
        header = {card.keyword: card.value for card in reversed(found)}
        size = _data_size(header)
        if not 0 <= size <= LARGEST or end + -(-size // BLOCK) * BLOCK > len(content):
            raise BadData(
                f"{path}: truncated: the HDU at byte {at} declares {size} bytes of data, there are {len(content) - end}"
            )
        kinds = ("BINTABLE", "A3DTABLE", "IMAGE") if images else ("BINTABLE", "A3DTABLE")
        if at and str(header.get("XTENSION", "")).strip() not in kinds:
            raise BadData(f"{path}: an HDU is of type {header.get('XTENSION')!r}: products hold binary tables only")
        if not at and size and not images:
            raise BadData(f"{path}: the primary HDU holds an image: products hold binary tables only")
        yield _Hdu(found, header, columns, view[end : end + size])
        last = end + -(-size // BLOCK) * BLOCK
        if verify:
            _check_sums(header, view[at:end], view[end:last], path)
        at = last


def _check_sums(header: Mapping[str, Any], head: memoryview, data: memoryview, path: Path) -> None:
    stated = str(header.get("DATASUM", "")).strip()
    total = checksum([data])
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


def _table(hdu: _Hdu, path: Path) -> Table:
    header = hdu.header
    name = block_name(header)
    width, count = int(header["NAXIS1"]), int(header["NAXIS2"])
    try:
        fields, columns = declared(hdu.columns)
    except BadData as error:
        raise BadData(f"{path}[{name}]: {error}") from error
    arrays: dict[str, Array] = {}
    at = 0
    if sum(field.size for field in fields) != width or len(fields) != int(header["TFIELDS"]):
        raise BadData(f"{path}[{name}]: the columns do not fill a row of NAXIS1 = {width} bytes")
    for field in fields:
        cells: Array = np.zeros((count, field.size), "u1")
        if count and field.size:
            cells = np.ndarray((count, field.size), "u1", hdu.data, at, (width, 1))
        arrays[field.label] = cells_of(cells, field)
        at += field.size
    return Table(name, arrays, _keywords(hdu.cards), Schema(name, columns))
