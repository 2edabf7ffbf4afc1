"""Columns and keywords of one product as samples.

Which times the rows of a table have:

- a column ``TIME``: these (with TIMEZERO and MJDREF of the header);
- columns ``START`` and ``STOP`` (or ``TSTART`` and ``TSTOP``), as good time intervals have: each row holds from the one
  to the other;
- neither, as a spectrum has: all rows stand at TSTART of the product; ``ROW`` tells them apart.

Keywords, and what the catalog knows of the product, hold from its TSTART to its TSTOP.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.entries import ProductEntry
from mta_assets.archive.fits_heads import Head, read_columns, read_heads
from mta_assets.archive.product_headers import ProductHeader
from mta_assets.core.flags import Quality
from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import Array, Nanoseconds, ParameterInfo, Samples, nanosecond, to_nanoseconds
from mta_assets.core.times import MJDREF, SECONDS_PER_DAY
from mta_assets.query.product_names import Place, plain

CHUNK = 1 << 18  # rows read at once
EDGES = (("START", "STOP"), ("TSTART", "TSTOP"))


@dataclass(frozen=True)
class Table:
    """One table of one file, open for columns.

    Attributes
    ----------
    labels
        Spelling of each column in capitals.
    zero
        What is added to its times [s].
    """

    path: Path
    head: Head
    labels: Mapping[str, str]
    zero: float

    def column(self, label: str, first: int, last: int) -> Array:
        """One column, its label in any case."""
        return self.columns([label], first, last)[label.upper()]

    def columns(self, labels: Sequence[str], first: int, last: int) -> dict[str, Array]:
        """Those of the columns that there are, by label in capitals: the file is opened once for all of them."""
        there = [label for label in dict.fromkeys(map(str.upper, labels)) if label in self.labels]
        arrays = read_columns(self.path, self.head, [self.labels[label] for label in there], first, last)
        return dict(zip(there, arrays, strict=True))

    @cached_property
    def nulls(self) -> dict[str, int | None]:
        """The integer that stands for no value in each column, by label in capitals."""
        return {column.name.upper(): column.null for column in self.head.columns}

    @cached_property
    def bit_of(self) -> dict[str, int]:
        """Which bit of QUALITY belongs to each column, by label in capitals; nothing if the table has no such bits."""
        declared = next((column for column in self.head.columns if column.name == "QUALITY"), None)
        if declared is None or not declared.bits or declared.shape != (len(self.head.columns),):
            return {}
        return {column.name.upper(): bit for bit, column in enumerate(self.head.columns)}

    def scalar(self, label: str) -> bool:
        """Whether there is such a column of one number a row."""
        declared = {column.name.upper(): column for column in self.head.columns}.get(label)
        return declared is not None and not declared.shape and declared.dtype[0] in "fiu"


@lru_cache(maxsize=256)
def tables_of(path: str) -> dict[str, Table]:
    """Tables of a file by the names that `ProductHeader` gives them; products never change, so they are kept."""
    seen: dict[str, int] = {}
    found: dict[str, Table] = {}
    for place, head in enumerate(read_heads(Path(path))):
        name = (head.name or ("HDU" if place else "PRIMARY")).upper()
        seen[name] = seen.get(name, 0) + 1
        labels = {column.name.upper(): column.name for column in head.columns}
        unique = name if seen[name] == 1 else f"{name}_{seen[name]}"
        found[unique] = Table(Path(path), head, labels, _zero(head))
    return found


def _zero(head: Head) -> float:
    def number(key: str, default: float) -> float:
        value = head.keywords.get(key, (default, ""))[0]
        return float(value) if isinstance(value, int | float) else default

    epoch = number("MJDREF", number("MJDREFI", MJDREF) + number("MJDREFF", 0.0))
    return number("TIMEZERO", 0.0) + (epoch - MJDREF) * SECONDS_PER_DAY


def rows_of(
    entry: ProductEntry, places: Sequence[tuple[Place, ParameterInfo]], intervals: Intervals | None, raw: bool = False
) -> Iterator[dict[str, Samples]]:
    """Samples of columns of one HDU of one product, a bounded number of rows at once.

    Columns that this product does not have are left out.

    Raises
    ------
    BadData
        If the file is damaged.
    """
    hdu = places[0][0].hdu or ""
    table = tables_of(entry.path).get(hdu)
    if table is None:
        return
    wanted = [(p, info) for p, info in places if p.kind == "row" or p.label.upper() in table.labels]
    for first in range(0, table.head.rows if wanted else 0, CHUNK):
        last = min(first + CHUNK, table.head.rows)
        time, until = _times(table, entry, first, last)
        rows = np.flatnonzero(within(time, until, intervals))
        if not len(rows):
            continue
        whole = len(rows) == len(time)
        labels = [label for place, _ in wanted for label in _labels(table, place, raw)]
        read = table.columns(labels, first, last)
        found = {}
        for place, info in wanted:
            samples = _samples(table, read, place, info, time, until, first, last, raw)
            found[info.name] = samples if whole else samples.where(rows)
        yield found


def _labels(table: Table, place: Place, raw: bool) -> Iterator[str]:
    """Columns that a place takes: itself, its flags, its raw counts."""
    if place.kind != "row":
        label = place.label.upper()
        yield label
        yield f"{label}__Q"
        if label in table.bit_of:
            yield "QUALITY"
        if raw:
            yield f"{label}__R"


def _times(table: Table, entry: ProductEntry, first: int, last: int) -> tuple[Nanoseconds, Nanoseconds | None]:
    """When the rows are, and how long each holds; rows without a time are before everything."""
    if table.scalar("TIME"):
        return _nanoseconds(table.column("TIME", first, last) + table.zero), None
    for start, stop in EDGES:
        if table.scalar(start) and table.scalar(stop):
            begin, end = (table.column(label, first, last) + table.zero for label in (start, stop))
            return _nanoseconds(begin), _nanoseconds(end)
    return np.full(last - first, nanosecond(entry.tstart)), None


def _nanoseconds(seconds: NDArray[np.float64]) -> Nanoseconds:
    known = np.isfinite(seconds) & (np.abs(seconds) < 9e9)
    return np.where(known, to_nanoseconds(np.where(known, seconds, 0.0)), np.iinfo(np.int64).min)


def within(time: Nanoseconds, until: Nanoseconds | None, intervals: Intervals | None) -> NDArray[np.bool_]:
    """Which samples lie in sorted, disjoint, half-open intervals; of those that hold, which overlap one."""
    known = time > np.iinfo(np.int64).min
    if intervals is None:
        return known
    if not len(intervals) or not len(time):
        return np.zeros(len(time), bool)
    low, high = to_nanoseconds(intervals[:, 0]), to_nanoseconds(intervals[:, 1])
    near = np.searchsorted(high, time, side="right")  # the first interval that ends behind the sample
    inside = near < len(low)
    start = low[np.minimum(near, len(low) - 1)]
    reach = time if until is None else np.maximum(until - 1, time)
    return known & inside & (start <= reach)


def _samples(
    table: Table, read: Mapping[str, Array], place: Place, info: ParameterInfo, time: Nanoseconds,
    until: Nanoseconds | None, first: int, last: int, raw: bool,
) -> Samples:  # fmt: skip
    if place.kind == "row":
        return Samples(info, time, np.arange(first, last), None, None, until)
    values = _cell(read[place.label.upper()], place)
    quality = _quality(table, read, place, values)
    counts = _raw(table, read, place, first, last) if raw else None
    return Samples(info, time, plain(values), quality, counts, until)


def _cell(array: Array, place: Place) -> Array:
    where: tuple[Any, ...] = (slice(None), *place.index)
    return array[where] if place.index else array


def _quality(table: Table, read: Mapping[str, Array], place: Place, values: Array) -> NDArray[np.uint8] | None:
    """Flags of the column beside it, of the table's QUALITY bits (one a column), and of values that are none."""
    label = place.label.upper()
    if f"{label}__Q" in read:
        flags = read[f"{label}__Q"].astype(np.uint8)
    else:
        flags = np.zeros(len(values), np.uint8)
        if label in table.bit_of:
            flags[read["QUALITY"][:, table.bit_of[label]]] = Quality.OUT_OF_RANGE  # which the product does not say
    null = table.nulls.get(label)
    if values.dtype.kind == "f":
        flags[~np.isfinite(values)] |= np.uint8(Quality.MISSING)
    elif null is not None and values.dtype.kind in "iu":
        flags[values == null] |= np.uint8(Quality.MISSING)
    return flags if flags.any() else None


def _raw(table: Table, read: Mapping[str, Array], place: Place, first: int, last: int) -> Array | None:
    """Raw counts: of the column beside it, or of the table of counts that engineering products have."""
    if f"{place.label.upper()}__R" in read:
        return read[f"{place.label.upper()}__R"]
    others = tables_of(str(table.path))
    for name in (f"{place.hdu}_RAW", "COUNTS"):
        other = others.get(name)
        if other is not None and other.head.rows == table.head.rows and place.label.upper() in other.labels:
            return _cell(other.column(place.label, first, last), place)
    return None


def held(
    entries: Sequence[ProductEntry], headers: Mapping[int, ProductHeader], place: Place, info: ParameterInfo
) -> Samples:
    """A keyword, or what the catalog knows, as one value per product that holds for its interval."""
    pairs = [(entry, value_of(entry, headers.get(entry.id), place)) for entry in entries]
    kept = [(entry, value) for entry, value in pairs if value is not None]
    time = to_nanoseconds([entry.tstart for entry, _ in kept]) if kept else np.zeros(0, np.int64)
    until = to_nanoseconds([entry.tstop for entry, _ in kept]) if kept else np.zeros(0, np.int64)
    return Samples(info, time, uniform([value for _, value in kept]), None, None, np.maximum(until, time))


def value_of(entry: ProductEntry, header: ProductHeader | None, place: Place) -> Any:
    """The value in one product; None if it has none."""
    if place.kind == "entry":
        return getattr(entry, place.label.lower())
    return header.keyword(place.label, place.hdu) if header else None


def uniform(values: Sequence[Any]) -> Array:
    """Values of one keyword as an array: numbers if all are, else text."""
    if not values:
        return np.zeros(0)
    if all(isinstance(value, bool) for value in values):
        return np.array(values, np.uint8)
    if all(isinstance(value, int | float) for value in values):
        return np.array(values)
    return np.array([str(value) for value in values])
