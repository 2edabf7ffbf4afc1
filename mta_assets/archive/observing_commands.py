"""The statements that read the command history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mta_assets.archive import observing_schema as db
from mta_assets.archive.observing_read import nanoseconds
from mta_assets.archive.observing_rows import alive
from mta_assets.core.samples import Nanoseconds


@dataclass(frozen=True)
class Sent:
    """Commands in order of time (int64 ns)."""

    time: Nanoseconds
    mnemonic: list[str]
    type: list[str]
    counter: list[str]
    parameters: list[Mapping[str, str]]

    def __len__(self) -> int:
        return len(self.time)


def _sent(
    mnemonics: Sequence[str] | None, start: float | None, stop: float | None, as_of: float | None
) -> list[sa.ColumnElement[bool]]:
    c = db.commands.c
    found = [alive(as_of)]
    if mnemonics is not None:
        found.append(c.mnemonic.in_(list(mnemonics)))
    if start is not None:
        found.append(c.time >= start)
    if stop is not None:
        found.append(c.time < stop)
    return found


def commands(
    connection: sa.Connection,
    mnemonics: Sequence[str] | None,
    start: float | None,
    stop: float | None,
    as_of: float | None,
) -> Sent:
    """Commands in order of time, import and line; what an older import gives too is left out of it."""
    c = db.commands.c
    query = sa.select(db.commands).join(db.imports).where(*_sent(mnemonics, start, stop, as_of))
    rows = connection.execute(query.order_by(c.time, c.import_id, c.id)).all()
    newest: dict[tuple[Any, ...], int] = {}
    keys = [(r.time, r.mnemonic, r.type, r.counter, tuple(r.parameters.items())) for r in rows]
    for key, row in zip(keys, rows, strict=True):
        newest[key] = max(row.import_id, newest.get(key, 0))
    kept = [row for key, row in zip(keys, rows, strict=True) if newest[key] == row.import_id]
    return Sent(
        time=nanoseconds([row.time for row in kept]),
        mnemonic=[row.mnemonic for row in kept],
        type=[row.type for row in kept],
        counter=[row.counter for row in kept],
        parameters=[row.parameters for row in kept],
    )


def command_edge(
    connection: sa.Connection,
    mnemonics: Sequence[str] | None,
    start: float | None,
    stop: float | None,
    count: int,
    as_of: float | None,
) -> float | None:
    """The time of the command that stands ``count`` places after the first one, and after its time."""
    c = db.commands.c
    given = _sent(mnemonics, start, stop, as_of)
    query = sa.select(c.time).join(db.imports).where(*given).order_by(c.time)
    first = connection.execute(query.limit(1)).scalar_one_or_none()
    edge = connection.execute(query.offset(count).limit(1)).scalar_one_or_none()
    if edge is None or edge > first:
        return edge
    return connection.execute(query.where(c.time > first).limit(1)).scalar_one_or_none()
