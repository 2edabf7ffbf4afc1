"""The single statements that the telemetry archive's transactions are put together from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import sqlalchemy as sa

from mta_assets.archive import telemetry_schema as db
from mta_assets.archive.database import Glance
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core import times
from mta_assets.core.errors import BadData
from mta_assets.core.samples import ParameterInfo

COMMIT_LOCK = 0x4D544101  # key of PostgreSQL's advisory lock: transactions commit in the order of their numbers


@dataclass(frozen=True)
class Segment:
    """A stretch of time of one group that a file answers for. Times in ns."""

    group_id: int
    kind: str
    tier: str
    path: str
    sha256: str
    size: int
    rows: int
    start: int
    stop: int
    doubled: bool
    newest: int
    born: int = 0
    dead: int | None = None
    id: int | None = None


@dataclass(frozen=True)
class Group:
    """A group as the catalog knows it; ``version`` changes with every transaction that touches it."""

    id: int
    name: str
    period: float
    version: int
    parameters: dict[str, int] = field(default_factory=dict)


def head(connection: sa.Connection) -> int:
    """Number of the newest transaction, 0 before the first."""
    return connection.execute(sa.select(sa.func.max(db.transactions.c.id))).scalar() or 0


def head_at(connection: sa.Connection, moment: float) -> int:
    """Number of the newest transaction that was committed by a moment."""
    c = db.transactions.c
    return connection.execute(sa.select(sa.func.max(c.id)).where(c.committed <= moment)).scalar() or 0


def begin(connection: sa.Connection, kind: str, source: str, reason: str) -> int:
    """The number of a new transaction; others wait until this one has ended."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(COMMIT_LOCK)))
    # The clock of two machines may differ; as_of needs moments that ascend with the numbers.
    newest = connection.execute(sa.select(sa.func.max(db.transactions.c.committed))).scalar() or 0.0
    values = {"committed": max(times.now(), newest), "kind": kind, "source": source, "reason": reason}
    done = connection.execute(sa.insert(db.transactions).values(**values))
    return int(done.inserted_primary_key[0])  # type: ignore[index]


def visible(at: int) -> sa.ColumnElement[bool]:
    """Condition that a segment belongs to the snapshot of a transaction."""
    c = db.segments.c
    return sa.and_(c.born <= at, sa.or_(c.dead.is_(None), c.dead > at))


def state(where: sa.Engine | sa.Connection) -> tuple[int, int, int]:
    """Numbers of the newest transaction, layout and correction; 0 where there is none."""
    ((transaction, layout, correction),) = STATE.rows(where)
    return transaction or 0, layout or 0, correction or 0


def segments(
    where: sa.Engine | sa.Connection, group_id: int, kind: str, start: int, stop: int, at: int, disjoint: bool = True
) -> list[Segment]:
    """Segments of a snapshot that overlap [start, stop) ns, in order of time.

    ``disjoint`` bounds the search from below: those of the newest snapshot never overlap, so the last one that begins
    before ``start`` is the only one of the earlier ones that can reach into the stretch.
    """
    given = {"group": group_id, "kind": kind, "at": at, "start": start, "stop": stop}
    return [_segment(row) for row in (AFTER_LAST if disjoint else OVERLAPPING).rows(where, **given)]


def _segment(row: Sequence[Any]) -> Segment:
    segment = Segment(*row)
    return segment if isinstance(segment.doubled, bool) else replace(segment, doubled=bool(segment.doubled))


def _statements() -> tuple[Glance, Glance, Glance]:
    """The statements of every read, built once: building one takes longer than carrying it out."""
    c, p = db.segments.c, sa.bindparam
    same = sa.and_(c.group_id == p("group"), c.kind == p("kind"), c.born <= p("at"))
    living = sa.and_(same, sa.or_(c.dead.is_(None), c.dead > p("at")))
    before = sa.select(c.start).where(living, c.start <= p("start")).order_by(c.start.desc()).limit(1)
    columns = [c[item.name] for item in fields(Segment)]
    inside = sa.and_(living, c.start < p("stop"), c.stop > p("start"))
    several = sa.select(*columns).where(inside).order_by(c.start, c.id)
    after = several.where(c.start >= sa.func.coalesce(before.scalar_subquery(), EARLIEST))
    newest = [sa.select(sa.func.max(t.c.id)).scalar_subquery() for t in (db.transactions, db.layouts, db.corrections)]
    return Glance(sa.select(*newest)), Glance(several), Glance(after)


EARLIEST = -(2**62)  # [ns]
STATE, OVERLAPPING, AFTER_LAST = _statements()


def groups_by_name(connection: sa.Connection, names: Iterable[str]) -> dict[str, Group]:
    """Groups that exist among the names, with the numbers of their parameters."""
    c, p = db.groups.c, db.parameters.c
    wanted = list(names)
    rows = connection.execute(sa.select(db.groups).where(c.name.in_(wanted))).all()
    found = {row.name: Group(**row._mapping) for row in rows}
    by_id = {group.id: group for group in found.values()}
    for row in connection.execute(sa.select(p.name, p.id, p.group_id).where(p.group_id.in_(list(by_id)))):
        by_id[row.group_id].parameters[row.name] = row.id
    return found


def groups_of(connection: sa.Connection, parameter: str) -> list[Group]:
    """The group of a parameter, all groups for ``*``."""
    query = sa.select(db.groups.c.name).distinct()
    if parameter != "*":
        query = query.join(db.parameters).where(db.parameters.c.key == parameter.upper())
    return list(groups_by_name(connection, connection.execute(query).scalars().all()).values())


def ensure_group(connection: sa.Connection, rows: GroupRows) -> Group:
    """The group of some rows with all their parameters, made if it is new.

    Raises
    ------
    BadData
        If another group has a parameter of that name.
    """
    group = groups_by_name(connection, [rows.group]).get(rows.group)
    if group is None:
        values = {"name": rows.group, "period": rows.period, "version": 0}
        done = connection.execute(sa.insert(db.groups).values(**values))
        group = Group(int(done.inserted_primary_key[0]), rows.group, rows.period, 0)  # type: ignore[index]
    elif rows.period and rows.period != group.period:
        connection.execute(sa.update(db.groups).where(db.groups.c.id == group.id).values(period=rows.period))
        group = replace(group, period=rows.period)
    new = [info for info in rows.parameters if info.name not in group.parameters]
    if new:
        _add_parameters(connection, group, new)
        group = groups_by_name(connection, [rows.group])[rows.group]
    return group


def _add_parameters(connection: sa.Connection, group: Group, new: Sequence[ParameterInfo]) -> None:
    p = db.parameters.c
    keys = [info.name.upper() for info in new]
    taken = connection.execute(
        sa.select(p.name, db.groups.c.name.label("other")).join(db.groups).where(p.key.in_(keys))
    ).first()
    if taken or len(set(keys)) != len(keys):
        name, other = (taken.name, taken.other) if taken else (keys[0], group.name)
        raise BadData(
            f"group {group.name}: parameter {name!r} is one of group {other} already; names must be unique in the "
            "archive: call it by its group, as in GROUP.NAME"
        )
    rows = [
        {"name": info.name, "key": info.name.upper(), "group_id": group.id, "info": definition(info)} for info in new
    ]
    connection.execute(sa.insert(db.parameters), rows)


def ensure_layout(connection: sa.Connection, group: Group, infos: Sequence[ParameterInfo]) -> int:
    """The layout of a group with these definitions; the newest one is what the parameters are said to be."""
    ordered = sorted(infos, key=lambda info: info.name)
    c, p = db.layouts.c, db.parameters.c
    newest = connection.execute(sa.select(sa.func.max(c.id)).where(c.group_id == group.id)).scalar()
    for after in ("", f"after {newest}: "):  # the second for definitions that come again after others
        digest = hashlib.sha256(f"{after}{ordered!r}".encode()).hexdigest()
        known = connection.execute(sa.select(c.id).where(c.group_id == group.id, c.digest == digest)).scalar()
        if known is None:
            break
        if known == newest or _standing(connection, group, [definition(info) for info in ordered]):
            return int(known)
    columns = [definition(info) for info in ordered]
    done = connection.execute(sa.insert(db.layouts).values(group_id=group.id, digest=digest, columns=columns))
    for column in columns:
        connection.execute(sa.update(db.parameters).where(p.id == group.parameters[column["name"]]).values(info=column))
    return int(done.inserted_primary_key[0])  # type: ignore[index]


def _standing(connection: sa.Connection, group: Group, columns: Sequence[dict[str, Any]]) -> bool:
    """Whether these definitions are what the parameters are said to be, but for the length of their texts."""
    p = db.parameters.c
    rows = connection.execute(sa.select(p.name, p.info).where(p.group_id == group.id))
    infos = {row.name: row.info for row in rows}
    return all(_unsized(infos[column["name"]]) == _unsized(column) for column in columns)


def _unsized(column: Mapping[str, Any]) -> dict[str, Any]:
    return {**column, "dtype": column["dtype"].rstrip("0123456789") if "U" in column["dtype"] else column["dtype"]}


def definition(info: ParameterInfo) -> dict[str, Any]:
    """A parameter's definition as JSON."""
    return {**vars(info), "states": {str(code): name for code, name in info.states.items()}}


def parameter_info(stored: Mapping[str, Any]) -> ParameterInfo:
    """A parameter's definition from JSON."""
    return ParameterInfo(**{**stored, "states": {int(code): name for code, name in stored["states"].items()}})


def clip(connection: sa.Connection, old: Sequence[Segment], start: int, stop: int, transaction: int) -> None:
    """Let segments no longer answer for [start, stop): they die, and what is left of them is born."""
    ids = [segment.id for segment in old]
    if not ids:
        return
    connection.execute(sa.update(db.segments).where(db.segments.c.id.in_(ids)).values(dead=transaction))
    rest = []
    for segment in old:
        if segment.start < start:
            rest.append(replace(segment, stop=start, born=transaction))
        if segment.stop > stop:
            rest.append(replace(segment, start=stop, born=transaction))
    add_segments(connection, rest)


def add_segments(connection: sa.Connection, new: Sequence[Segment]) -> None:
    """Insert segments."""
    if new:
        rows = [{name: value for name, value in vars(segment).items() if name != "id"} for segment in new]
        connection.execute(sa.insert(db.segments), rows)


def sources_of(connection: sa.Connection, ids: Iterable[int]) -> dict[int, str]:
    """Source of each contribution."""
    c = db.contributions.c
    wanted = sorted(set(ids))
    answer = {}
    for first in range(0, len(wanted), 500):
        query = sa.select(c.id, c.source).where(c.id.in_(wanted[first : first + 500]))
        answer.update({row.id: row.source for row in connection.execute(query)})
    return answer


def ranks_of(sources: Mapping[int, str]) -> dict[int, int]:
    """Rank of each contribution: that of its source among the names in order, a newer one of a source first."""
    ordered = sorted(sources, key=lambda number: (sources[number], -number))
    return {number: rank for rank, number in enumerate(ordered)}
