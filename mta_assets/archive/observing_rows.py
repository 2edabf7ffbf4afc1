"""The statements that store and retire an import, and what is known of its names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from mta_assets.archive import observing_schema as db
from mta_assets.archive.observing_entries import Command, Content, ImportEntry

LOCK = 0x4D5442  # key of PostgreSQL's advisory lock: one import at a time, so that a source has one that is alive
WHOLE = ("i8", "u1")
NUMBER = re.compile(r"[-+]?(0|[1-9]\d*)(\.\d*)?([eE][-+]?\d{1,2})?")
OTHER_BASE = ("HEX", "PACKET")  # parameters of commands that begin so hold bit patterns, whatever digits they have


def alive(as_of: float | None = None, imports: sa.FromClause = db.imports) -> sa.ColumnElement[bool]:
    """Imports that count now, or that counted at a time."""
    c = imports.c
    if as_of is None:
        return c.retired.is_(None)
    return sa.and_(c.imported <= as_of, sa.or_(c.retired.is_(None), c.retired > as_of))


def lock(connection: sa.Connection) -> None:
    """Let no other import begin before this transaction ends; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))


def current(connection: sa.Connection, source: str) -> ImportEntry | None:
    """The import of a source that counts now."""
    row = connection.execute(sa.select(db.imports).where(db.imports.c.source == source, alive())).mappings().first()
    return ImportEntry(**row, new=False) if row is not None else None


def moment(connection: sa.Connection, now: float) -> float:
    """The time of a transaction: after all others, even where the clock was set back."""
    c = db.imports.c
    latest = connection.execute(sa.select(sa.func.max(c.imported), sa.func.max(c.retired))).one()
    return max([now, *(value + 1e-6 for value in latest if value is not None)])


def retire(connection: sa.Connection, entry: ImportEntry, at: float) -> None:
    """An import counts no more from a time on; its rows stay for questions about before."""
    connection.execute(sa.update(db.imports).where(db.imports.c.id == entry.id).values(retired=at))


def store(connection: sa.Connection, source: str, content: Content, at: float, reason: str) -> ImportEntry:
    """Add an import with all its rows."""
    facts = {"source": source, "sha256": content.sha256, "rows": len(content), "imported": at, "reason": reason}
    done = connection.execute(sa.insert(db.imports).values(**facts))
    key = int(done.inserted_primary_key[0])  # type: ignore[index]
    _insert(connection, db.observations, key, (asdict(row) for row in content.observations))
    _insert(connection, db.blocks, key, (asdict(row) for row in content.blocks))
    _insert(connection, db.commands, key, (asdict(row) for row in content.commands))
    _insert(connection, db.interval_values, key, _values(content))
    _insert(connection, db.names, key, (asdict(entry) for entry in _names(content)))
    return ImportEntry(key, source, content.sha256, len(content), at, reason=reason)


def _insert(connection: sa.Connection, table: sa.Table, key: int, rows: Iterator[dict[str, Any]]) -> None:
    listed = [{"import_id": key, **row} for row in rows]
    if listed:
        connection.execute(sa.insert(table), listed)


def _values(content: Content) -> Iterator[dict[str, Any]]:
    for row in content.values:
        is_text = isinstance(row.value, str)
        cells = {"number": None if is_text else float(row.value), "text": row.value if is_text else None}
        yield {"name": row.name, "tstart": row.tstart, "tstop": row.tstop, **cells}


@dataclass(frozen=True)
class NameEntry:
    """What an import gives under one name.

    Parameters
    ----------
    kind
        ``observation`` and ``block`` (once for all their columns), ``fact`` (of observations), ``command``, ``value``.
    states, fields
        Names of codes; of a command its parameters, each with its type, ``f8`` or ``U``.
    width
        Characters of the longest text.
    longest
        Longest interval that has an end [s].
    """

    kind: str
    name: str
    dtype: str
    unit: str
    description: str
    states: Mapping[str, str]
    fields: Mapping[str, str]
    rows: int
    width: int
    tstart: float
    tstop: float | None
    longest: float


def _names(content: Content) -> Iterator[NameEntry]:
    if content.observations:
        texts = [max(len(o.target), len(o.aot), len(o.mode)) for o in content.observations]
        yield _entry("observation", "OBS", "", [(o.tstart, o.tstop) for o in content.observations], texts)
        for name in dict.fromkeys(name for o in content.observations for name in o.facts):
            having = [o for o in content.observations if name in o.facts]
            values: list[Any] = [o.facts[name] for o in having]
            yield _entry("fact", name, _dtype(values), [(o.tstart, o.tstop) for o in having], map_len(values))
    if content.blocks:
        widths = [len(b.bbtype) for b in content.blocks]
        yield _entry("block", "BLOCK", "", [(b.tstart, b.tstop) for b in content.blocks], widths)
    sent: dict[str, list[Command]] = {}
    for command in content.commands:
        sent.setdefault(command.mnemonic, []).append(command)
    for name, rows in sent.items():
        keys = list(dict.fromkeys(key for row in rows for key in row.parameters))
        types = {key: _field_type(key, [row.parameters[key] for row in rows if key in row.parameters]) for key in keys}
        widths = [sum(len(k) + len(v) + 3 for k, v in row.parameters.items()) for row in rows]
        yield _entry("command", name, "U", [(row.time, row.time) for row in rows], widths, fields=types)
    given: dict[str, list[Any]] = {}
    for value in content.values:
        given.setdefault(value.name, []).append(value)
    for name, found in given.items():
        info = content.infos.get(name)
        values = [row.value for row in found]
        about = (info.unit, info.description, {str(k): v for k, v in info.states.items()}) if info else ("", "", {})
        dtype = _dtype(values) if info is None or info.dtype not in (*WHOLE, "f8") else info.dtype
        yield _entry("value", name, dtype, [(row.tstart, row.tstop) for row in found], map_len(values), *about)


def map_len(values: list[Any]) -> list[int]:
    """Characters of each value, 0 for a number."""
    return [len(value) if isinstance(value, str) else 0 for value in values]


def _field_type(key: str, texts: list[str]) -> str:
    """``f8`` if all texts of a command's parameter are numbers."""
    if key.startswith(OTHER_BASE):
        return "U"
    return "f8" if all(NUMBER.fullmatch(text) for text in texts) else "U"


def _dtype(values: list[Any]) -> str:
    if any(isinstance(value, str) for value in values):
        return "U"
    return "i8" if all(isinstance(value, int) for value in values) else "f8"


def _entry(
    kind: str,
    name: str,
    dtype: str,
    intervals: list[tuple[float, Any]],
    widths: list[int],
    unit: str = "",
    description: str = "",
    states: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
) -> NameEntry:
    stops = [stop for _, stop in intervals]
    longest = max((stop - start for start, stop in intervals if stop is not None), default=0.0)
    last = None if None in stops else max(stops)
    first = min(start for start, _ in intervals)
    about = (kind, name, dtype, unit, description, dict(states or {}), dict(fields or {}))
    return NameEntry(*about, len(intervals), max(widths), first, last, longest)
