"""Compaction: the many small segments of playbacks become one a day, those of days one a month, then one a year.

What a group answers does not change, only the files it is answered from; so a compaction is an ordinary transaction
whose old segments die and whose new ones are born. Readers of older snapshots go on with the old files, until
`telemetry_collect` lets go of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import sqlalchemy as sa

from mta_assets.archive import rollups
from mta_assets.archive import telemetry_schema as db
from mta_assets.archive import telemetry_sql as sql
from mta_assets.archive.database import reading, writing
from mta_assets.archive.rollup_files import read_rollup
from mta_assets.archive.store import lock
from mta_assets.archive.telemetry import WRITER_LOCK, TelemetryArchive
from mta_assets.archive.telemetry_commit import GroupChange, Overtaken, Preparation, take_turns
from mta_assets.archive.telemetry_faults import Unreadable, readable
from mta_assets.archive.telemetry_sql import Group, Segment
from mta_assets.core.samples import SECOND
from mta_assets.core.statistics import WIDTHS

TIERS = ("playback", "day", "month", "year")
LARGEST = 60_000_000  # [cell] a segment of more is not made: it must fit into memory while it is written
KINDS = ("rows", *WIDTHS)
EPOCH = np.datetime64("1998-01-01T00:00:00", "s")


@dataclass(frozen=True)
class Compacted:
    """One compaction: which segments became one."""

    group: str
    kind: str
    tier: str
    segments: int
    rows: int


def period_of(start: int, tier: str) -> int:
    """Number of the day, month or year (of TT) that an instant [ns] belongs to."""
    unit = {"day": "D", "month": "M", "year": "Y"}[tier]
    moment = EPOCH + np.timedelta64(start // SECOND, "s")
    return int(moment.astype(f"datetime64[{unit}]").astype(np.int64))


def compact(
    archive: TelemetryArchive, before: int | None = None, progress: Callable[[Compacted], None] | None = None,
    problems: list[str] | None = None,
) -> list[Compacted]:  # fmt: skip
    """Compact all groups, tier after tier.

    Parameters
    ----------
    before
        Only days, months and years that have ended by this instant [ns]; the newest data of the archive, if None.
    progress
        Called after each compaction.
    problems
        Gets a sentence for each segment that can not be read; what it belongs to stays as it is.

    Raises
    ------
    TransientError
        If disk or catalog fail; or, after all the others, if a segment can not be read and there is no ``problems``.
    """
    done = []
    unreadable: list[Unreadable] = []
    for upper in TIERS[1:]:
        for group, kind, bucket in _work(archive, upper, before):
            try:
                made = _compact_one(archive, group, kind, upper, [segment.id for segment in bucket])
            except Unreadable as error:
                unreadable.append(error)
                continue
            if made is not None:
                done.append(made)
                if progress is not None:
                    progress(made)
    if problems is not None:
        problems += dict.fromkeys(map(str, unreadable))
    elif unreadable:
        raise unreadable[0]
    return done


def _work(archive: TelemetryArchive, upper: str, before: int | None) -> Iterator[tuple[str, str, list[Segment]]]:
    """Groups of segments that belong together, of periods that have ended."""
    c = db.segments.c
    with reading(archive.engine) as connection:
        names = {row.id: row.name for row in connection.execute(sa.select(db.groups.c.id, db.groups.c.name))}
        if before is None:
            before = connection.execute(
                sa.select(sa.func.max(c.stop)).where(c.kind == "rows", c.dead.is_(None))
            ).scalar()
        query = sa.select(db.segments).where(c.dead.is_(None), c.kind.in_(KINDS))
        rows = connection.execute(query.order_by(c.group_id, c.kind, c.start)).all()
    if before is None:
        return
    now = period_of(before, upper)

    def place(segment: Segment) -> tuple[int, str, int]:
        return segment.group_id, segment.kind, period_of(segment.start, upper)

    for (group_id, kind, period), found in groupby((Segment(**row._mapping) for row in rows), place):
        if period < now:
            # What is of a higher tier already stays; a run may not reach over it, or its rows would come twice.
            for higher, run in groupby(found, lambda segment: TIERS.index(segment.tier) > TIERS.index(upper)):
                bucket = list(run)
                if not higher and any(segment.tier != upper for segment in bucket):
                    yield names[group_id], kind, bucket


def _compact_one(
    archive: TelemetryArchive, name: str, kind: str, tier: str, ids: Sequence[int | None]
) -> Compacted | None:
    """One compaction in a transaction of its own; None if it would be too large or somebody was faster."""
    with lock(archive.root / WRITER_LOCK), reading(archive.engine) as read:
        group = sql.groups_by_name(read, [name])[name]
        found = _unchanged(read, group, kind, ids)
        columns = 2 * len(group.parameters) if kind == "rows" else len(rollups.NAMES)
        if not found or sum(segment.rows for segment in found) * columns > LARGEST:
            return None
        preparation = Preparation(read, archive.root, sql.head(read))
        change = GroupChange(group, (), None)
        with preparation.whole_or_nothing():
            _stage(preparation, change, kind, tier, found)
            preparation.flush()
        try:
            _carry_out(archive, change, group, f"{name} {kind} {tier}", found)
        except Overtaken:
            preparation.discard()
            return None
    return Compacted(name, kind, tier, len(found), sum(segment.rows for segment in change.made))


def _unchanged(read: sa.Connection, group: Group, kind: str, ids: Sequence[int | None]) -> list[Segment]:
    """The segments to compact, as long as they are all that answers for their time; else nothing.

    Since the work was planned a commit may have replaced some of them, or filled a gap between them: what is made of
    the others would answer for the time of the new ones as well, and rows would come twice.
    """
    c = db.segments.c
    living = sa.select(db.segments).where(c.group_id == group.id, c.kind == kind, c.dead.is_(None))
    found = [Segment(**row._mapping) for row in read.execute(living.where(c.id.in_(ids)).order_by(c.start))]
    if len(found) != len(ids):
        return []
    inside = living.where(c.start < found[-1].stop, c.stop > found[0].start)
    return found if len(read.execute(inside).all()) == len(ids) else []


def _stage(preparation: Preparation, change: GroupChange, kind: str, tier: str, found: Sequence[Segment]) -> None:
    start, stop = found[0].start, found[-1].stop
    if kind == "rows":
        rows = preparation.ordered_rows(change.group, start, stop)
        if rows is not None:
            preparation.write_rows(change, rows, start, stop, tier)
        return
    with readable():
        rollup = rollups.sort(rollups.stack([read_rollup(preparation.root, segment) for segment in found]))
    if len(rollup["bucket"]):
        preparation.write_rollup(change, kind, rollup, (start, stop), tier)


def _carry_out(
    archive: TelemetryArchive, change: GroupChange, group: Group, what: str, found: Sequence[Segment]
) -> None:
    newest = max(segment.newest for segment in found)
    ids = [segment.id for segment in found]
    with writing(archive.engine) as write:
        transaction = sql.begin(write, "compaction", what, "")
        take_turns(write, [group])
        write.execute(sa.update(db.segments).where(db.segments.c.id.in_(ids)).values(dead=transaction))
        sql.add_segments(write, [replace(s, born=transaction, newest=newest) for s in change.made])
