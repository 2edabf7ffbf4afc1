"""The sums that a FITS file states of itself, checked HDU by HDU in blocks: any file, of any size, as it came.

`fits_read` reads products into memory; here nothing is kept but the headers, and images and columns of variable length
are as welcome as tables (FITS standard 4.0, section 4.4.2.7 and appendix J).
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mta_assets.archive.fits_cards import CARD, parse
from mta_assets.archive.fits_header import BLOCK, checksum
from mta_assets.archive.fits_heads import Head, _head, _header_text, _opened
from mta_assets.core.errors import BadData

AT_ONCE = 1024 * BLOCK  # [byte] of data in memory


@dataclass(frozen=True)
class Verified:
    """The HDUs of a file that is whole, and how many of them state sums, all of which fit."""

    heads: tuple[Head, ...]
    stated: int

    @property
    def text(self) -> str:
        """In words."""
        if not self.stated:
            return "it states no CHECKSUM and no DATASUM"
        return f"CHECKSUM and DATASUM of {self.stated} of {len(self.heads)} HDUs fit"


def verify_file(path: Path) -> Verified:
    """Read a FITS file to its end, plain or gzip-compressed, and check what it states.

    Raises
    ------
    BadData
        If it is no FITS file, ends too early, is damaged gzip data, or its bytes have not the sums that it states.
    """
    try:
        with _opened(path) as file:
            found = list(_verified(file, path))
    except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise BadData(f"{path.name}: not a readable FITS file: {error}. Fetch it again") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadData(f"{path.name}: damaged or cut off gzip data: {error}. Fetch it again") from error
    return Verified(tuple(head for head, _ in found), sum(stated for _, stated in found))


def _verified(file: BinaryIO, path: Path) -> Iterator[tuple[Head, bool]]:
    at = 0
    while True:
        text = _header_text(file, path, at)
        if text is None:
            return
        head, size = _head(text.decode("ascii", "replace"), at + len(text), path)
        padded = -(-size // BLOCK) * BLOCK
        total, left = 0, padded
        while left:
            data = file.read(min(left, AT_ONCE))
            if not data:
                raise BadData(
                    f"{path.name}[{head.name or 'primary HDU'}]: cut off: {size} bytes of data are declared, "
                    f"{padded - left} came. Fetch it again"
                )
            left -= len(data)
            total = checksum([data + bytes(-len(data) % 4)], total)
        yield head, _sums_fit(text, total, head.name or "primary HDU", path)
        at += len(text) + padded


def _sums_fit(text: bytes, total: int, name: str, path: Path) -> bool:
    """Whether the HDU states sums; those that it states must fit."""
    cards = [text[i : i + CARD].decode("ascii", "replace") for i in range(0, len(text), CARD)]
    stated = {key: parse(c).value for c in cards for key in ("CHECKSUM", "DATASUM") if c[:9] == f"{key:<8}="}
    data_sum, whole_sum = (str(stated.get(key) or "").strip() for key in ("DATASUM", "CHECKSUM"))
    wrong = []
    if data_sum.isdigit() and int(data_sum) != total:
        wrong.append(f"DATASUM is {data_sum}, its data have {total}")
    if whole_sum and checksum([text], total) not in (0, 0xFFFFFFFF):
        wrong.append("its bytes have another CHECKSUM")
    if wrong:
        raise BadData(f"{path.name}[{name}]: {'; '.join(wrong)}: damaged or edited. Fetch it again")
    return bool(data_sum.isdigit() or whole_sum)
