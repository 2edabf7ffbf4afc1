"""FITS header text: cards, column declarations, units and checksums (FITS standard 4.0, sections 4, 5 and 7.3).

What repeats from file to file (the declarations of some hundred columns) is formatted once and kept, because
that, not the data, is what writing a small table costs. Texts longer than a card are astropy's to format.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import ToolFailed
from mta_assets.core.tables import Column

BLOCK = 2880  # [byte] FITS standard 4.0, section 3.1
CARD = 80  # [byte]
LONGEST_STRING = 68  # longest text value in one card; longer ones are continued (section 4.2.1.2)
KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")

# Unit texts of the telemetry dictionaries → FITS unit texts (standard 4.0, section 4.3; 'Celsius' as astropy
# reads it). A unit that is neither here nor legal in FITS (PSIA, RPM …) is kept in MUNITn instead of TUNITn.
UNITS = {
    "DEGC": "Celsius",
    "degC": "Celsius",
    "deg_C": "Celsius",
    "DEG": "deg",
    "DEGREES": "deg",
    "DPS": "deg/s",
    "ARCSEC": "arcsec",
    "AMP": "A",
    "AMPS": "A",
    "MAMP": "mA",
    "VDC": "V",
    "VOLT": "V",
    "VOLTS": "V",
    "MV": "mV",
    "WATT": "W",
    "WATTS": "W",
    "SEC": "s",
    "SECS": "s",
    "MSEC": "ms",
    "MIN": "min",
    "HZ": "Hz",
    "KM": "km",
    "MM": "mm",
    "CNT": "ct",
    "CNTS": "ct",
    "COUNTS": "ct",
}
# NumPy kind and size → (TFORM letter, TZERO)
FORMATS: dict[str, tuple[str, int]] = {
    "b1": ("L", 0),
    "u1": ("B", 0),
    "i1": ("B", -128),
    "i2": ("I", 0),
    "u2": ("I", 1 << 15),
    "i4": ("J", 0),
    "u4": ("J", 1 << 31),
    "i8": ("K", 0),
    "u8": ("K", 1 << 63),
    "f4": ("E", 0),
    "f8": ("D", 0),
}


@lru_cache(maxsize=8192, typed=True)
def card(keyword: str, value: Any, comment: str = "") -> str:
    """One keyword as 80 characters (a multiple of them for a long text); a comment too long is cut."""
    if not KEYWORD.fullmatch(keyword):
        raise ToolFailed(f"header keyword {keyword!r}: expected 1 to 8 characters of A–Z, 0–9, - and _")
    text = _fixed_format(value)
    if text is None:
        from astropy.io import fits

        return str(fits.Card(keyword, value))
    plain = f"{keyword:<8}= {text}"
    cut = _ascii(comment)[: max(CARD - len(plain) - len(" / "), 0)].rstrip()
    return (f"{plain} / {cut}" if cut else plain).ljust(CARD)


def _fixed_format(value: Any) -> str | None:
    """A value in the fixed format of section 4.2, as astropy writes it; None if that is for astropy to do.

    A float of more than 20 characters is written whole, in the free format: astropy would cut off digits.
    """
    if isinstance(value, str):
        text = f"'{value.replace(chr(39), chr(39) * 2):8}'" if value else "''"
        return f"{text:20}" if len(text) <= LONGEST_STRING + 2 else None
    if isinstance(value, bool):
        return f"{'T' if value else 'F':>20}"
    if isinstance(value, int):
        return f"{value:>20}"
    if isinstance(value, float):
        return f"{repr(value).replace('e', 'E'):>20}"
    return None


def cards(header: Mapping[str, Any]) -> str:
    """All keywords of a header; values may be ``value`` or ``(value, comment)``, COMMENT and HISTORY lists of lines.

    A value that is NaN, infinite or None has no FITS form: the keyword is left out.
    """
    text = []
    for keyword, given in header.items():
        if keyword in ("COMMENT", "HISTORY"):
            text.append(_commentary(keyword, given))
            continue
        value, comment = given if isinstance(given, tuple) else (given, "")
        value = _plain(value)
        if value is not None:
            text.append(card(keyword, value, comment))
    joined = "".join(text)
    return (
        card("LONGSTRN", "OGIP 1.0", "The OGIP long string convention may be used") if "CONTINUE  '" in joined else ""
    ) + joined


def extension_name(block: str, version: Any) -> str:
    """EXTNAME of a block of that name: ``GTI7`` of version (EXTVER) 7 is called GTI, as the archive's files have it."""
    number = "" if version is None else str(version)
    return block[: -len(number)] if number.isdigit() and block.endswith(number) and block != number else block


def block_name(header: Mapping[str, Any]) -> str:
    """Name of the block from EXTNAME, EXTVER and HDUNAME, so that no two of a file are called the same."""
    name, block = (str(header.get(key, "")).strip() for key in ("EXTNAME", "HDUNAME"))
    return block if block == f"{name}{header.get('EXTVER', '')}" or not name else name


def _commentary(keyword: str, given: Any) -> str:
    lines = [given] if isinstance(given, str) else list(given)
    pieces = [_ascii(str(line))[i : i + 72] for line in lines for i in range(0, max(len(str(line)), 1), 72)]
    return "".join(f"{keyword:<8}{piece:<72}" for piece in pieces)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if isinstance(value, str):
        return _ascii(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _ascii(text: str) -> str:
    """FITS headers hold the printable ASCII characters only (section 4.1.2)."""
    return "".join(c if " " <= c <= "~" else "?" for c in text)


@lru_cache(maxsize=4096)
def fits_unit(unit: str) -> str:
    """The unit as FITS spells it, or an empty text if FITS has no such unit."""
    from astropy import units

    text = UNITS.get(unit.strip(), unit.strip())
    if not text:
        return ""
    try:
        units.Unit(text, format="fits", parse_strict="raise")
    except (ValueError, TypeError):
        return ""
    return text


@dataclass(frozen=True)
class Layout:
    """How the columns of one table lie in the file: header text and the big-endian row type."""

    text: str
    row: np.dtype[Any]
    zeros: tuple[int, ...]


@lru_cache(maxsize=512)
def layout(columns: tuple[tuple[Column, str, tuple[int, ...]], ...]) -> Layout:
    """Declarations of the columns of a binary table and the type of its rows.

    Parameters
    ----------
    columns
        For each column its declaration, the NumPy type (``"f8"``, ``"S12"``) and the shape of a cell as stored
        in memory.
    """
    texts: list[str] = []
    fields: list[tuple[str, str, tuple[int, ...]]] = []
    zeros: list[int] = []
    seen: dict[str, str] = {}
    for number, (column, kind, shape) in enumerate(columns, start=1):
        if column.name.upper() in seen:
            raise ToolFailed(f"columns {seen[column.name.upper()]} and {column.name}: FITS takes them for the same")
        seen[column.name.upper()] = column.name
        declared, field, zero = _declare(number, column, kind, shape)
        texts.append(declared)
        fields.append((f"c{number}", *field))
        zeros.append(zero)
    return Layout("".join(texts), np.dtype(fields), tuple(zeros))


def _declare(
    number: int, column: Column, kind: str, shape: tuple[int, ...]
) -> tuple[str, tuple[str, tuple[int, ...]], int]:
    repeat = math.prod(shape)
    zero = 0
    dimensions = tuple(reversed(shape)) if len(shape) > 1 else ()
    field: tuple[str, tuple[int, ...]]
    if column.bits:
        form, field, dimensions = f"{repeat}X", ("u1", ((repeat + 7) // 8,)), ()
    elif kind[0] == "S":
        width = max(int(kind[1:]), 1)
        form, field = f"{repeat * width}A", (f"S{width}", shape)
        dimensions = (width, *reversed(shape)) if shape else ()
    elif kind in FORMATS:
        letter, zero = FORMATS[kind]
        form, field = f"{repeat}{letter}", ("u1" if letter in "LB" else f">{kind.replace('u', 'i')}", shape)
    else:
        raise ToolFailed(f"column {column.name}: a FITS table has no form for values of type {kind}")
    header: dict[str, Any] = {
        f"TTYPE{number}": (column.name, column.doc),
        f"TFORM{number}": (form, "format of field"),
    }
    unit = fits_unit(column.unit)
    if unit:
        header[f"TUNIT{number}"] = unit
    if unit != column.unit.strip():
        header[f"MUNIT{number}"] = (column.unit.strip(), "unit as the dictionary spells it")
    if zero:
        header[f"TSCAL{number}"] = 1
        header[f"TZERO{number}"] = (zero, "offset for the type without or with sign")
    if column.null is not None and kind[0] in "iu" and not column.bits:
        header[f"TNULL{number}"] = (column.null - zero, "undefined value")
    if column.limits is not None and not column.bits:
        low, high = column.limits
        cast = int if kind[0] in "iu" else float
        header[f"TLMIN{number}"] = cast(low)
        if high is not None:
            header[f"TLMAX{number}"] = cast(high)
    if dimensions:
        header[f"TDIM{number}"] = f"({','.join(str(d) for d in dimensions)})"
    return cards(header), field, zero


def pad(text: str) -> bytes:
    """Header text closed with END and filled to whole blocks."""
    closed = text + f"{'END':<{CARD}}"
    return closed.ljust(-(-len(closed) // BLOCK) * BLOCK).encode("ascii")


def checksum(chunks: Iterable[bytes | memoryview | NDArray[Any]], start: int = 0) -> int:
    """32-bit ones' complement sum of data in whole words (FITS standard 4.0, section 4.4.2.7 and appendix J)."""
    total = start
    for chunk in chunks:
        total += int(np.frombuffer(chunk, ">u4").sum(dtype=np.uint64))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def encode_checksum(total: int) -> str:
    """The 16 characters that make the sum over the whole HDU minus zero (appendix J.2 of the FITS standard)."""
    value = ~total & 0xFFFFFFFF
    text = [""] * 16
    for i in range(4):
        byte = value >> (24 - 8 * i) & 0xFF
        parts = [byte // 4 + 0x30 + byte % 4, *[byte // 4 + 0x30] * 3]
        while any(0x3A <= p <= 0x40 or 0x5B <= p <= 0x60 for p in parts):  # only letters and digits are allowed
            for j in (0, 2):
                if any(0x3A <= p <= 0x40 or 0x5B <= p <= 0x60 for p in parts[j : j + 2]):
                    parts[j] += 1
                    parts[j + 1] -= 1
        for j in range(4):
            text[4 * j + i] = chr(parts[j])
    return text[15] + "".join(text[:15])
