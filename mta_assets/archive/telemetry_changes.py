"""What has changed in the telemetry archive since a transaction, and the rows of one source."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from mta_assets.archive import telemetry_schema as db
from mta_assets.archive.database import reading
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_commit import Preparation
from mta_assets.archive.telemetry_rows import GroupRows, contributions_of
from mta_assets.archive.telemetry_sql import groups_by_name, head
from mta_assets.core.samples import SECOND


@dataclass(frozen=True)
class Changes:
    """What transactions after a given one have changed.

    Attributes
    ----------
    newest
        Number of the newest transaction that was looked at.
    spans
        Stretches [TT s since 1998.0], half open, in which rows came, went or were corrected; in order of time,
        disjoint.
    """

    newest: int
    spans: tuple[tuple[float, float], ...]


def changes_since(archive: TelemetryArchive, transaction: int, without: str = "") -> Changes:
    """Where the archive has changed.

    Parameters
    ----------
    transaction
        Number of the last transaction that is known already, 0 for none.
    without
        Groups whose names begin so do not count.
    """
    c, g, f = db.contributions.c, db.contribution_groups.c, db.corrections.c
    with reading(archive.engine) as read:
        newest = head(read)
        if newest <= transaction:
            return Changes(newest, ())
        rows = (
            sa.select(g.start, g.stop)
            .join(db.contributions, c.id == g.contribution_id)
            .join(db.groups, db.groups.c.id == g.group_id)
            .where(sa.or_(c.born.between(transaction + 1, newest), c.dead.between(transaction + 1, newest)))
        )
        if without:
            rows = rows.where(sa.not_(db.groups.c.name.startswith(without, autoescape=True)))
        fixes = sa.select(f.start, f.stop).where(
            sa.or_(f.born.between(transaction + 1, newest), f.dead.between(transaction + 1, newest))
        )
        if without:
            fixes = fixes.where(sa.not_(f.parameter.startswith(without.upper(), autoescape=True)))
        came = [(int(start), int(stop)) for start, stop in read.execute(rows)]
        fixed = [(int(start), int(stop)) for start, stop in read.execute(fixes)]
        # A correction may reach over all time; beyond the rows that there are it changes nothing.
        ends = read.execute(sa.select(sa.func.min(g.start), sa.func.max(g.stop))).one()
    if ends[0] is None:
        return Changes(newest, ())
    clipped = [(max(a, ends[0]), min(b, ends[1])) for a, b in fixed]
    # A second has no room for the nanosecond of a row: the next number after the last row's time has it within.
    spans = [(a / SECOND, math.nextafter((b - 1) / SECOND, math.inf)) for a, b in came]
    return Changes(newest, _merged(spans + [(a / SECOND, b / SECOND) for a, b in clipped if a < b]))


def _merged(spans: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    out: list[tuple[float, float]] = []
    for start, stop in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = out[-1][0], max(out[-1][1], stop)
        else:
            out.append((start, stop))
    return tuple(out)


def rows_of_source(archive: TelemetryArchive, source: str, group: str) -> GroupRows | None:
    """The rows of a group that one source has given, as it gave them; None if there are none."""
    c, g = db.contributions.c, db.contribution_groups.c
    with reading(archive.engine) as read:
        known = groups_by_name(read, [group]).get(group)
        if known is None:
            return None
        query = sa.select(c.id, g.start, g.stop).join(db.contribution_groups)
        standing = read.execute(query.where(c.source == source, c.dead.is_(None), g.group_id == known.id)).first()
        if standing is None:
            return None
        rows = Preparation(read, archive.root, head(read)).rows_of(known, standing.start, standing.stop)
    if rows is None:
        return None
    own = rows.where(np.flatnonzero(contributions_of(rows) == standing.id))
    return own if len(own) else None
