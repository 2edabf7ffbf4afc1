"""From an answer to the tables of a file: TIME, UTC, one column for each item, quality where something is not good.

A file states its columns, their widths and the number of rows before the first row. So an answer that comes in
parts is gone through once before it is written: that costs a second reading, not memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from mta_assets.core.flags import Quality
from mta_assets.core.samples import state_texts, to_seconds
from mta_assets.core.tables import Array, Column, Schema, Table
from mta_assets.query.answer import AnswerTable
from mta_assets.query.utc import TEXT_WIDTH, to_texts

TIME, UTC, UNTIL = "TIME", "UTC", "UNTIL"
FLAGS = "__q"  # what a column of quality flags has after the name of its parameter
PART = 4 << 20  # [byte] of rows that are laid out at once: fits into the cache, and bounds the memory
LARGEST_PART = 65_536  # [row]
NARROWEST = 1  # [character] of a text column without text


class Tabular(Protocol):
    """What is needed of an answer (`query.answer.Answer`) to write it."""

    @property
    def names(self) -> list[str]: ...
    def blocks(self, name: str | None = None) -> Iterator[AnswerTable]: ...


@dataclass
class Shape:
    """One table of a file, before its rows are written.

    Attributes
    ----------
    labels
        Name of each of the answer's columns in the file.
    dtypes, units, docs
        By the answer's column; text as ``U`` of the greatest width.
    flagged
        Columns of which some cell is not good.
    rows
        How many there are.
    first, last
        Times of the first and the last row [ns]; ``last`` reaches to the end of intervals.
    """

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    dtypes: dict[str, Any] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    docs: dict[str, str] = field(default_factory=dict)
    flagged: set[str] = field(default_factory=set)
    rows: int = 0
    first: int | None = None
    last: int | None = None
    intervals: bool = False

    @property
    def schema(self) -> Schema:
        """Declarations of the columns in the file."""
        columns = [
            Column(TIME, "f8", "s", "spacecraft time, TT since 1998.0"),
            Column(UTC, f"U{TEXT_WIDTH}", "", "the same time, UTC"),
        ]
        if self.intervals:
            columns.append(Column(UNTIL, "f8", "s", "how long the row holds, TT since 1998.0"))
        for name, label in self.labels.items():
            columns.append(Column(label, _text_of(self.dtypes[name]), self.units[name], self.docs[name]))
            if name in self.flagged:
                columns.append(Column(label + FLAGS, "u1", "", f"{label}: quality flags, 0 is good"))
        return Schema(self.name, tuple(columns))

    @property
    def row_bytes(self) -> int:
        """Bytes of a row where text takes one byte a character."""
        kinds = (np.dtype(column.dtype) for column in self.schema.columns)
        return sum(k.itemsize // 4 if k.kind == "U" else k.itemsize for k in kinds)


def survey(answer: Tabular) -> list[Shape]:
    """The tables of an answer: columns, widths, rows. Goes through the whole answer once, in bounded memory."""
    shapes = {name: Shape(name) for name in answer.names}
    for part in answer.blocks():
        _widen(shapes.setdefault(part.name, Shape(part.name)), part)
    for shape in shapes.values():
        shape.labels = dict(zip(shape.dtypes, file_labels(shape.dtypes), strict=True))
    return list(shapes.values())


def _widen(shape: Shape, part: AnswerTable) -> None:
    for name, values in part.columns.items():
        dtype = _file_dtype(part, name, values)
        known = shape.dtypes.get(name)
        shape.dtypes[name] = dtype if known is None else np.result_type(known, dtype)
        if known is None:
            shape.units[name] = part.units.get(name, "")
            info = part.info.get(name)
            shape.docs[name] = (info.description or ("" if info.name == name else info.name)) if info else ""
    shape.flagged |= {name for name, flags in (part.quality or {}).items() if np.any(flags)}
    shape.rows += len(part)
    shape.intervals |= part.until is not None
    if len(part):
        last = int(part.time[-1] if part.until is None else part.until.max())
        shape.first = int(part.time[0]) if shape.first is None else min(shape.first, int(part.time[0]))
        shape.last = last if shape.last is None else max(shape.last, last)


def _file_dtype(part: AnswerTable, name: str, values: Array) -> np.dtype[Any]:
    info = part.info.get(name)
    if info is not None and info.states and values.dtype.kind in "iub":
        ends = [str(int(values.min())), str(int(values.max()))] if len(values) else []
        return np.dtype(f"U{max(NARROWEST, *map(len, [*info.states.values(), *ends]))}")
    if values.dtype.kind in "OSU":
        width = int(np.char.str_len(values.astype("U")).max()) if len(values) else 0
        return np.dtype(f"U{max(NARROWEST, width)}")
    return values.dtype.newbyteorder("=")


def _text_of(dtype: np.dtype[Any]) -> str:
    return f"U{dtype.itemsize // 4}" if dtype.kind == "U" else f"{dtype.kind}{dtype.itemsize}"


def file_labels(names: Iterable[str]) -> list[str]:
    """Names of columns for files: letters, digits and ``_`` (what FITS asks for), none twice in any case of letters."""
    taken = {TIME, UTC, UNTIL}
    labels = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", name.strip()).strip("_")[:60] or "COLUMN"
        label, number = plain, 2
        while label.upper() in taken or (label + FLAGS).upper() in taken:
            label, number = f"{plain}_{number}", number + 1
        taken |= {label.upper(), (label + FLAGS).upper()}
        labels.append(label)
    return labels


def rows_of(answer: Tabular, shape: Shape, part_bytes: int = PART) -> Iterator[Table]:
    """The rows of one table as they stand in the file, some thousand at once.

    States are their names; a number that is missing is NaN, or 0 with ``Quality.MISSING`` where it is an integer.
    """
    schema = shape.schema
    step = max(1, min(LARGEST_PART, part_bytes // max(shape.row_bytes, 1)))
    for part in answer.blocks(shape.name):
        for first in range(0, len(part), step):
            yield _stored(part.where(slice(first, first + step)), shape, schema)


def _stored(part: AnswerTable, shape: Shape, schema: Schema) -> Table:
    columns: dict[str, Array] = {TIME: to_seconds(part.time), UTC: to_texts(part.time)}
    if shape.intervals:
        columns[UNTIL] = to_seconds(part.time if part.until is None else part.until)
    for name, label in shape.labels.items():
        info = part.info.get(name)
        values = part.columns[name]
        if info is not None and info.states and values.dtype.kind in "iub":
            values = state_texts(values, info.states)
        flags = (part.quality or {}).get(name)
        missing = None if flags is None else flags & np.uint8(Quality.MISSING) != 0
        target = shape.dtypes[name]
        values = values.astype(target, copy=False)
        if missing is not None and target.kind in "fU" and missing.any():
            values = np.where(missing, np.array("" if target.kind == "U" else np.nan, target), values)
        columns[label] = values
        if name in shape.flagged:
            columns[label + FLAGS] = np.zeros(len(part), np.uint8) if flags is None else flags
    return Table(shape.name, columns, {}, schema)
