"""What the telemetry archive takes in: names that every database can hold, times and columns that can be stored.

Rows come from files that anybody may have made. What can not be stored is refused here, before anything is written,
with the reason; everything behind this door may rely on it.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from mta_assets.archive.segments import CONTRIBUTION
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.errors import BadData
from mta_assets.core.samples import SECOND, Array

LONGEST = {"source": 255, "group": 100, "parameter": 200}  # [character] the columns of the catalog
FARTHEST = 2**62 - 2 * 86400 * SECOND  # [ns] 146 years from 1998.0: the buckets around it still fit into int64
KINDS = "biufUSO"  # booleans, numbers, texts
PRECISE = 8  # [byte] Parquet has no longer float


def accepted(rows: GroupRows) -> GroupRows:
    """The rows, in the types that are stored.

    Raises
    ------
    BadData
        If they contradict themselves or can not be stored; says why.
    """
    check_text("group", rows.group)
    where = f"group {rows.group}"
    for info in rows.parameters:
        check_text("parameter", info.name)
        check_text("parameter", info.name.upper())  # a few letters become two
        if info.name in (CONTRIBUTION, "*"):
            raise BadData(f"{where}: {info.name!r} can not be the name of a parameter, it means something else here")
    _check_period(where, rows.period)
    for info in rows.parameters:
        _check_period(f"{where}, parameter {info.name}", info.period)
    _check_times(rows)
    strangers = sorted({*rows.raw, *rows.quality} - set(rows.values))
    if strangers:
        raise BadData(f"{where}: raw counts or quality of {strangers[:5]}, which it has no values of")
    for name, flags in rows.quality.items():
        if np.asarray(flags).dtype != np.uint8:
            raise BadData(f"{where}: quality of {name} has dtype {np.asarray(flags).dtype}; expected uint8")
    values, raw = dict(_columns(where, rows.values)), dict(_columns(f"{where}, raw counts", rows.raw))
    return replace(rows, values=values, raw=raw).checked()


def check_text(what: str, text: str) -> None:
    """A name that any database can hold: some characters, not too many, none that controls something.

    Raises
    ------
    BadData
        If it is none.
    """
    longest = LONGEST[what]
    if not 0 < len(text) <= longest:
        raise BadData(f"{what} {text[:40]!r}… has {len(text)} characters; expected 1 to {longest}")
    odd = [character for character in text if unicodedata.category(character) in ("Cc", "Cs")]
    if odd:
        raise BadData(f"{what} {text[:60]!r} has the character {odd[0]!r}, which no name may have")


def check_reason(text: str) -> None:
    """A reason is any text that a database can hold; raises BadData if it has a NUL, or is no Unicode."""
    if any(character == "\0" or unicodedata.category(character) == "Cs" for character in text):
        raise BadData(f"reason {text[:60]!r} has a character that no text of a database may have")


def _check_period(where: str, period: float) -> None:
    if not (math.isfinite(period) and period >= 0):
        raise BadData(f"{where}: period {period} s; expected a positive number, or 0 for none")


def _check_times(rows: GroupRows) -> None:
    time = rows.time
    if time.ndim != 1 or time.dtype.kind != "i" or time.dtype.itemsize != 8:
        raise BadData(f"group {rows.group}: times have dtype {time.dtype}; expected int64 ns since 1998.0 TT")
    if len(time) and not -FARTHEST <= int(time.min()) <= int(time.max()) <= FARTHEST:
        raise BadData(
            f"group {rows.group}: times from {int(time.min())} to {int(time.max())} ns since 1998.0 TT; expected "
            "less than 146 years from there. Leave out rows whose time is not known"
        )


def _columns(where: str, columns: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    for name, given in columns.items():
        array = np.asarray(given)
        if array.ndim != 1:
            raise BadData(f"{where}: {name} has shape {array.shape}; expected one value for each time")
        kind = array.dtype.kind
        if kind not in KINDS or (kind == "f" and array.dtype.itemsize > PRECISE):
            raise BadData(f"{where}: {name} has dtype {array.dtype}; expected numbers of up to 8 bytes, or text")
        if kind == "O" and not all(isinstance(value, str) for value in array):
            raise BadData(f"{where}: {name} mixes text and other things; expected numbers or text")
        if kind == "O":
            array = array.astype("U")
        if array.dtype.kind == "U" and _surrogates(array):
            raise BadData(f"{where}: {name} has text that is no valid Unicode")
        yield name, array


def _surrogates(array: Array) -> bool:
    codes = np.ascontiguousarray(array).view(np.uint32) if array.dtype.itemsize else np.zeros(0, np.uint32)
    if array.dtype.byteorder == ">":
        codes = codes.byteswap()
    return bool(np.any((codes >= 0xD800) & (codes <= 0xDFFF)))
