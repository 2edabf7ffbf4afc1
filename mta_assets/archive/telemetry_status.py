"""How much the telemetry archive holds: groups, rows, files and bytes by tier, from the catalog alone."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from mta_assets.archive import telemetry_schema as db
from mta_assets.archive import telemetry_sql as sql
from mta_assets.archive.database import reading
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.core.samples import SECOND


@dataclass(frozen=True)
class TierStatus:
    """Files of one kind (``rows``, or the width of a roll-up) and tier; ``replaced`` ones are kept for ``as_of``."""

    kind: str
    tier: str
    files: int
    bytes: int


@dataclass(frozen=True)
class GroupStatus:
    """One group: its parameters, the rows that its sources gave, and their first and last time [TT s since 1998.0]."""

    group: str
    parameters: int
    rows: int
    tstart: float | None
    tstop: float | None


@dataclass(frozen=True)
class ArchiveStatus:
    """The whole archive; ``sources`` are those whose rows it shows, ``garbage`` files that are let go of."""

    transaction: int
    sources: int
    corrections: int
    garbage: int
    groups: tuple[GroupStatus, ...]
    tiers: tuple[TierStatus, ...]


def status(archive: TelemetryArchive) -> ArchiveStatus:
    """How much there is, in one consistent view."""
    c = db.contributions.c
    with reading(archive.engine) as read:
        sources = read.execute(sa.select(sa.func.count(c.source.distinct())).where(c.dead.is_(None))).scalar()
        standing = sa.select(sa.func.count()).where(db.corrections.c.dead.is_(None))
        return ArchiveStatus(
            sql.head(read),
            sources or 0,
            read.execute(standing).scalar() or 0,
            read.execute(sa.select(sa.func.count()).select_from(db.garbage)).scalar() or 0,
            _groups(read),
            _tiers(read),
        )


def _groups(read: sa.Connection) -> tuple[GroupStatus, ...]:
    c, g, p = db.contributions.c, db.contribution_groups.c, db.parameters.c
    number = sa.select(p.group_id, sa.func.count().label("number")).group_by(p.group_id)
    parameters = {row.group_id: row.number for row in read.execute(number)}
    sums = sa.select(g.group_id, sa.func.sum(g.rows), sa.func.min(g.start), sa.func.max(g.stop))
    rows = read.execute(sums.join(db.contributions).where(c.dead.is_(None)).group_by(g.group_id)).all()
    given = {group: (int(some), start / SECOND, stop / SECOND) for group, some, start, stop in rows}
    names = read.execute(sa.select(db.groups.c.id, db.groups.c.name).order_by(db.groups.c.name)).all()
    return tuple(
        GroupStatus(name, parameters.get(number, 0), *given.get(number, (0, None, None))) for number, name in names
    )


def _tiers(read: sa.Connection) -> tuple[TierStatus, ...]:
    """A file that several segments refer to counts once; those that no living one refers to are ``replaced``."""
    c = db.segments.c
    living = sa.select(c.path).where(c.dead.is_(None))
    tier = sa.case((c.path.in_(living), c.tier), else_="replaced").label("tier")
    files = sa.select(c.path, c.kind, tier, c.size).distinct().subquery()
    query = sa.select(files.c.kind, files.c.tier, sa.func.count(), sa.func.sum(files.c.size))
    rows = read.execute(query.group_by(files.c.kind, files.c.tier).order_by(files.c.kind, files.c.tier)).all()
    return tuple(TierStatus(kind, where, number, int(size)) for kind, where, number, size in rows)
