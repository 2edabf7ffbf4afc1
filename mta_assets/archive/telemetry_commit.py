"""One transaction of the telemetry archive: the rows of a source go in, or out, with the roll-ups they touch.

Prepared outside of any transaction: what stands around the new rows is read, joined with them, written to new files.
Then one short SQL transaction makes it all valid, provided that nobody else has touched the same groups since; if
somebody has, it is prepared anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from mta_assets.archive import corrections, rollups, segments
from mta_assets.archive import telemetry_schema as db
from mta_assets.archive import telemetry_sql as sql
from mta_assets.archive.corrections import Correction
from mta_assets.archive.names import safe_name
from mta_assets.archive.rollup_files import read_rollup, write_rollup
from mta_assets.archive.store import sha256_of
from mta_assets.archive.telemetry_faults import readable
from mta_assets.archive.telemetry_rows import SAME_TIME, GroupRows, contributions_of, doubled, join, resolve
from mta_assets.archive.telemetry_sql import Group, Segment
from mta_assets.core.errors import MtaError
from mta_assets.core.samples import SECOND, ParameterInfo
from mta_assets.core.statistics import WIDTHS
from mta_assets.core.times import compact_utc

WRITERS = 8  # files on their way to the disk at once: they wait for it, not for the processor
EVERYTHING = (-(2**62), 2**62)  # [ns] or parameter numbers


@dataclass(frozen=True)
class GroupChange:
    """What a transaction does to a group: segments by kind, and the stretch [ns] that each kind's old ones let go."""

    group: Group
    infos: Sequence[ParameterInfo]
    rows: GroupRows | None
    made: list[Segment] = field(default_factory=list)
    cleared: dict[str, tuple[int, int]] = field(default_factory=dict)


class Preparation:
    """Files and changes of one transaction, made from the snapshot ``at``.

    Parameters
    ----------
    read
        Connection for the catalog's part of the snapshot.
    root
        Folder of the segments.
    new, gone
        A correction that the transaction makes or withdraws.
    """

    def __init__(
        self, read: sa.Connection, root: Path, at: int, new: Correction | None = None, gone: Correction | None = None
    ) -> None:
        self.read, self.root, self.at = read, root, at
        self.new, self.gone = new, gone
        self.corrected_ever = bool(sql.state(read)[2]) or new is not None
        self._infos_of: dict[int, list[ParameterInfo]] = {}
        self.files: list[Path] = []
        self._writes: list[tuple[Path, Callable[[Path], None]]] = []
        self._pending: list[tuple[Path, GroupChange, Segment]] = []

    def change(
        self, group: Group, rows: GroupRows | None, source: str, contribution: int, dropped: Iterable[int],
        span: tuple[int, int] | None,
    ) -> GroupChange:  # fmt: skip
        """Put rows into a group in place of those of earlier contributions of the same source.

        Parameters
        ----------
        dropped
            Contributions whose rows go.
        span
            Stretch [ns] that those rows lie in; None if there are none.
        """
        ends = [span] if span else []
        if rows is not None and len(rows):
            ends.append((int(rows.time[0]), int(rows.time[-1]) + 1))
        start, stop = min(e[0] for e in ends), max(e[1] for e in ends)
        low, high = widened(start - SAME_TIME, stop + SAME_TIME)
        standing = self.rows_of(group, low, high)
        gone = np.array(sorted(dropped), dtype=np.int64)
        if standing is not None and len(gone):
            standing = standing.where(~np.isin(contributions_of(standing), gone))
        parts = [part for part in (standing, rows) if part is not None and len(part)]
        change = GroupChange(group, rows.parameters if rows is not None else (), rows)
        everything = self._joined(parts, source, contribution) if parts else None
        if everything is not None:
            inside = everything.where(_between(everything, start - SAME_TIME, stop + SAME_TIME))
            if len(inside):
                start, stop = min(start, int(inside.time[0])), max(stop, int(inside.time[-1]) + 1)
                self.write_rows(change, inside, start, stop, "playback")
        change.cleared["rows"] = (start, stop)
        self.roll_up(change, everything, start, stop)
        return change

    def _joined(self, parts: Sequence[GroupRows], source: str, contribution: int) -> GroupRows:
        numbers = {int(c) for part in parts for c in np.unique(contributions_of(part))} - {contribution}
        ranks = sql.ranks_of({**sql.sources_of(self.read, numbers), contribution: source})
        return join(parts, ranks)

    def ordered_rows(self, group: Group, start: int, stop: int) -> GroupRows | None:
        """All rows of a group in a stretch, those of one time in the order of their sources."""
        rows = self.rows_of(group, start, stop)
        return None if rows is None else self._joined([rows], "", -1)

    def rows_of(self, group: Group, start: int, stop: int) -> GroupRows | None:
        """All rows of a group in a stretch, as they are stored; None if there are none."""
        parts = []
        infos = None
        for segment in sql.segments(self.read, group.id, "rows", start, stop, self.at):
            if infos is None:
                infos = self._infos(group)
            low, high = max(start, segment.start), min(stop, segment.stop)
            with readable():
                found = segments.read(self.root / segment.path, None, low, high)
            if len(found):
                parts.append(segments.rows_of(found, group.name, infos, group.period))
        return join(parts, {}) if len(parts) > 1 else (parts[0] if parts else None)

    def _infos(self, group: Group) -> list[ParameterInfo]:
        if not self._infos_of:
            p = db.parameters.c
            for row in self.read.execute(sa.select(p.group_id, p.info)):
                self._infos_of.setdefault(row.group_id, []).append(sql.parameter_info(row.info))
        return self._infos_of[group.id]

    def refresh(self, groups: Iterable[Group], start: int, stop: int) -> list[GroupChange]:
        """Statistics of groups anew for the buckets that [start, stop) touches; rows stay as they are."""
        changes = []
        for group in groups:
            low, high = widened(start, stop)
            rows = self.ordered_rows(group, low, high)
            if rows is not None:
                first, last = max(start, int(rows.time[0])), min(stop, int(rows.time[-1]) + 1)
                if first < last:
                    changes.append(GroupChange(group, (), None))
                    self.roll_up(changes[-1], rows, first, last)
        return changes

    def corrected(self, rows: GroupRows) -> GroupRows:
        """Rows as readers get them: one for each time, corrections applied."""
        rows = resolve(rows)
        if not len(rows) or not self.corrected_ever:
            return rows
        names = [info.name for info in rows.parameters]
        found = corrections.find(self.read, names, int(rows.time[0]), int(rows.time[-1]) + 1, self.at)
        kept = [one for one in found if self.gone is None or one.id != self.gone.id]
        return corrections.apply(rows, [*kept, *([self.new] if self.new else [])])

    def roll_up(self, change: GroupChange, rows: GroupRows | None, start: int, stop: int) -> None:
        """Statistics of the buckets that [start, stop) touches, from all rows of these buckets.

        Hours are written by whole days, so that the next playback of a day finds all hours before it in one file.
        """
        resolved = self.corrected(rows) if rows is not None else None

        def buckets(width: int) -> tuple[int, int]:
            return start // (width * SECOND), -(-stop // (width * SECOND))

        def computed(kind: str) -> rollups.Rollup:
            if resolved is None:
                return rollups.empty()
            return rollups.compute(resolved, change.group.parameters, WIDTHS[kind], buckets(WIDTHS[kind]))

        days = buckets(WIDTHS["day"])
        hours = self._hours(change.group, computed("hour"), days, buckets(WIDTHS["hour"]))
        self._take(change, "5min", computed("5min"), buckets(WIDTHS["5min"]))
        self._take(change, "hour", hours, (days[0] * 24, days[1] * 24))
        self._take(change, "day", rollups.days(hours), days)

    def _take(self, change: GroupChange, kind: str, rollup: rollups.Rollup, buckets: tuple[int, int]) -> None:
        """These statistics, in place of all that there are of the buckets."""
        step = WIDTHS[kind] * SECOND
        span = change.cleared[kind] = buckets[0] * step, buckets[1] * step
        if len(rollup["bucket"]):
            self.write_rollup(change, kind, rollup, span, "playback")

    def _hours(
        self, group: Group, fresh: rollups.Rollup, days: tuple[int, int], hours: tuple[int, int]
    ) -> rollups.Rollup:
        """All hours of the days [first, last): the new ones, and the others as they stand."""
        day = WIDTHS["day"] * SECOND
        parts = [fresh]
        for segment in sql.segments(self.read, group.id, "hour", days[0] * day, days[1] * day, self.at):
            with readable():
                old = read_rollup(self.root, segment)
            parts += [rollups.within(old, days[0] * 24, hours[0]), rollups.within(old, hours[1], days[1] * 24)]
        return rollups.sort(rollups.stack(parts))

    # ---- files

    def write_rows(self, change: GroupChange, rows: GroupRows, start: int, stop: int, tier: str) -> None:
        """Stage a segment of rows."""
        segment = Segment(change.group.id, "rows", tier, "", "", 0, len(rows), start, stop, doubled(rows.time), 0)
        self._stage(change, segment, lambda path: segments.write_rows(path, rows))

    def write_rollup(
        self, change: GroupChange, kind: str, rollup: rollups.Rollup, span: tuple[int, int], tier: str
    ) -> None:
        """Stage a segment of statistics."""
        segment = Segment(change.group.id, kind, tier, "", "", 0, len(rollup["bucket"]), *span, False, 0)
        self._stage(change, segment, lambda path: write_rollup(path, rollup))

    def _stage(self, change: GroupChange, segment: Segment, write: Callable[[Path], None]) -> None:
        folder = self.root / safe_name(change.group.name) / segment.kind
        path = folder / f"{compact_utc(segment.start // SECOND)}-{secrets.token_hex(8)}.parquet"
        self.files.append(path)
        self._writes.append((path, write))
        self._pending.append((path, change, replace(segment, path=str(path.relative_to(self.root)))))

    def flush(self) -> None:
        """Bring all staged files to the disk; only then their segments are known whole."""
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda item: item[1](item[0]), self._writes))
            digests = list(pool.map(sha256_of, self.files))
        for (path, change, segment), digest in zip(self._pending, digests, strict=True):
            change.made.append(replace(segment, sha256=digest, size=path.stat().st_size))
        self._writes.clear()
        self._pending.clear()

    def discard(self) -> None:
        """Remove files of a preparation that came to nothing; those that a broken disk keeps are collected later."""
        for path in self.files:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    @contextmanager
    def whole_or_nothing(self) -> Iterator[None]:
        """Remove the files if not all of them come about.

        For the time before the SQL transaction only: a connection that is lost during it does not tell whether the
        database has made the files valid. They stay then; if it has not, they are collected.
        """
        try:
            yield
        except BaseException:
            self.discard()
            raise


def widened(start: int, stop: int) -> tuple[int, int]:
    """The stretch that all buckets touched by [start, stop) cover, but for days, which come from hours."""
    edges = [width * SECOND for kind, width in WIDTHS.items() if kind != "day"]
    return min(start // edge * edge for edge in edges), max(-(-stop // edge) * edge for edge in edges)


def _between(rows: GroupRows, start: int, stop: int) -> slice:
    low, high = np.searchsorted(rows.time, [start, stop]).tolist()
    return slice(low, high)


class Overtaken(MtaError):
    """Another writer has touched a group since the preparation: prepare anew."""


def carry_out(write: sa.Connection, changes: Sequence[GroupChange], transaction: int) -> None:
    """Make prepared changes valid in the caller's transaction.

    Raises
    ------
    Overtaken
        If somebody else touched one of the groups since they were prepared.
    """
    take_turns(write, [change.group for change in changes])
    for change in changes:
        for kind, (start, stop) in change.cleared.items():
            standing = sql.segments(write, change.group.id, kind, start, stop, transaction)
            sql.clip(write, standing, start, stop, transaction)
        sql.add_segments(write, [replace(s, born=transaction, newest=transaction) for s in change.made])


def take_turns(write: sa.Connection, groups: Sequence[Group]) -> None:
    """Claim groups as they were prepared; raises Overtaken if one has changed."""
    c = db.groups.c
    ids = [group.id for group in groups]
    now = {row.id: row.version for row in write.execute(sa.select(c.id, c.version).where(c.id.in_(ids)))}
    if any(now[group.id] != group.version for group in groups):
        raise Overtaken("others have changed the same groups")
    write.execute(sa.update(db.groups).where(c.id.in_(ids)).values(version=c.version + 1))
