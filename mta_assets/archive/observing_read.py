"""The statements that read observations and blocks, and what is known of names; the arrays that come of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from mta_assets.archive import observing_schema as db
from mta_assets.archive.observing_rows import alive
from mta_assets.core.samples import Array, Nanoseconds, to_nanoseconds

END = 4.6e9  # [s] the year 2143: what still holds, holds until then; an open edge of queries is there too
NAMES_AT_ONCE = 500  # in one statement: the number of bound parameters is limited


@dataclass(frozen=True)
class Intervals:
    """Columns of rows that each hold from ``time`` to ``until`` (int64 ns), in order of time."""

    time: Nanoseconds
    until: Nanoseconds
    columns: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class NameSummary:
    """What all imports that count give under one name; see `observing_rows.NameEntry`."""

    dtype: str
    unit: str
    description: str
    states: Mapping[int, str]
    fields: Mapping[str, str]
    rows: int
    width: int
    tstart: float
    tstop: float | None
    longest: float


def names(
    connection: sa.Connection, kind: str, as_of: float | None, wanted: Sequence[str] | None = None
) -> dict[str, NameSummary]:
    """Names of a kind with what the imports say of them together; the newest one's unit and description."""
    query = sa.select(db.names).join(db.imports).where(alive(as_of), db.names.c.kind == kind)
    if wanted is not None and len(wanted) <= NAMES_AT_ONCE:
        query = query.where(db.names.c.name.in_(list(wanted)))
    found: dict[str, list[Any]] = {}
    for row in connection.execute(query.order_by(db.names.c.name, db.names.c.import_id)):
        found.setdefault(row.name, []).append(row)
    return {name: _summary(rows) for name, rows in found.items()}


def _summary(rows: Sequence[Any]) -> NameSummary:
    kinds = {row.dtype for row in rows}
    dtype = kinds.pop() if len(kinds) == 1 else "U" if "U" in kinds else "f8"
    stops = [row.tstop for row in rows]
    return NameSummary(
        dtype=dtype,
        unit=rows[-1].unit,
        description=rows[-1].description,
        states={int(code): text for code, text in rows[-1].states.items()} if dtype not in ("U", "f8") else {},
        fields=_fields([row.fields for row in rows]),
        rows=sum(row.rows for row in rows),
        width=max(row.width for row in rows) if dtype != "U" else max(24, *(row.width for row in rows)),
        tstart=min(row.tstart for row in rows),
        tstop=None if None in stops else max(stops),
        longest=max(row.longest for row in rows),
    )


def _fields(given: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Parameters of a command in all imports; one that is a text in any of them is a text."""
    found: dict[str, str] = {}
    for fields in given:
        for key, dtype in fields.items():
            found[key] = dtype if found.get(key, dtype) == dtype else "U"
    return found


def observations(connection: sa.Connection, start: float | None, stop: float | None, as_of: float | None) -> Intervals:
    """Observations that overlap a time; of one that comes twice the newest."""
    found = _newest(connection, db.observations, ("obsid", "obi"), "observation", start, stop, as_of)
    facts = dict.fromkeys(name for row in found for name in row.facts)
    columns = table_columns(found, db.observations, {"facts"})
    for name in facts:
        columns[name.lower()] = cells([row.facts.get(name) for row in found])
    return _intervals(found, columns)


def blocks(connection: sa.Connection, start: float | None, stop: float | None, as_of: float | None) -> Intervals:
    """Building blocks that overlap a time; of one that comes twice the newest."""
    found = _newest(connection, db.blocks, ("obsid", "bbid"), "block", start, stop, as_of)
    return _intervals(found, table_columns(found, db.blocks, set()))


def _newest(
    connection: sa.Connection,
    table: sa.Table,
    key: tuple[str, ...],
    kind: str,
    start: float | None,
    stop: float | None,
    as_of: float | None,
) -> Sequence[Any]:
    longest = max((entry.longest for entry in names(connection, kind, as_of).values()), default=0.0)
    other, known = table.alias("other"), db.imports.alias("known")
    newer = (
        sa.select(other.c.id)
        .join(known, known.c.id == other.c.import_id)
        .where(
            alive(as_of, known),
            other.c.import_id > table.c.import_id,
            *(other.c[name] == table.c[name] for name in key),
        )
    )
    query = sa.select(table).join(db.imports).where(alive(as_of), ~newer.exists())
    query = query.where(*overlapping(table, start, stop, longest)).order_by(
        table.c.tstart, table.c.import_id, table.c.id
    )
    return connection.execute(query).all()


def overlapping(
    table: sa.Table, start: float | None, stop: float | None, longest: float
) -> Iterable[sa.ColumnElement[bool]]:
    """Intervals that overlap [start, stop); bounded on both sides, so that the index is enough."""
    c = table.c
    if stop is not None:
        yield c.tstart < stop
    if start is not None:
        inside = sa.and_(c.tstart >= start - longest - 1e-3, c.tstop > start)
        yield sa.or_(inside, c.tstop.is_(None)) if c.tstop.nullable else inside


def table_columns(rows: Sequence[Any], table: sa.Table, without: set[str]) -> dict[str, Array]:
    wanted = [c.name for c in table.c if c.name not in {"id", "import_id", *without}]
    out = {}
    for name in wanted:
        values = [getattr(row, name) for row in rows]
        if isinstance(table.c[name].type, sa.Integer):
            out[name] = np.array(values, dtype=np.int64)
        else:
            out[name] = cells(values, isinstance(table.c[name].type, sa.Double))
    return out


def cells(values: Sequence[Any], is_number: bool | None = None) -> Array:
    """Numbers as float64 with NaN for none, else texts with an empty one for none."""
    if is_number is None:
        is_number = all(value is None or not isinstance(value, str) for value in values)
    if is_number:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.array(["" if value is None else str(value) for value in values] or [""], dtype=np.str_)[: len(values)]


def _intervals(rows: Sequence[Any], columns: Mapping[str, Array]) -> Intervals:
    return Intervals(nanoseconds([row.tstart for row in rows]), nanoseconds([row.tstop for row in rows]), columns)


def nanoseconds(seconds: Sequence[float | None]) -> Nanoseconds:
    """Times of rows; none is the end of all time."""
    return to_nanoseconds(np.array([END if value is None else value for value in seconds], dtype=np.float64))
