"""The telemetry archive: every value of every parameter at full rate with its statistics, replaced atomically.

Rows come in by source (a playback, an import). What the archive answers is a function of the sources that it holds,
not of the order in which they came: overlaps, repeats, late and reprocessed data end in the same state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import sqlalchemy as sa

from mta_assets.archive import corrections as corrected
from mta_assets.archive import telemetry_schema as db
from mta_assets.archive import telemetry_sql as sql
from mta_assets.archive.corrections import Correction
from mta_assets.archive.database import open_engine, reading, writing
from mta_assets.archive.store import lock, make_folder
from mta_assets.archive.telemetry_accept import accepted, check_reason, check_text
from mta_assets.archive.telemetry_commit import GroupChange, Overtaken, Preparation, carry_out
from mta_assets.archive.telemetry_definitions import Definitions
from mta_assets.archive.telemetry_read import Snapshot
from mta_assets.archive.telemetry_rows import GroupRows, digest
from mta_assets.archive.telemetry_sql import Group
from mta_assets.core import times
from mta_assets.core.errors import BadData, TransientError

ATTEMPTS = 20  # how often a transaction is prepared anew because others were faster
WRITER_LOCK = ".writing"  # held while a transaction of this machine is prepared: they would only disturb each other


@dataclass(frozen=True)
class Commit:
    """What came of a transaction: its number (0 if there was nothing to do), rows and files that it wrote."""

    transaction: int
    source: str
    groups: int = 0
    rows: int = 0
    files: int = 0
    size: int = 0


class TelemetryArchive:
    """The archive of one mission. Threads may share an object; processes open their own.

    Parameters
    ----------
    catalog_url
        SQLAlchemy URL of the catalog, migrated when it is opened.
    root
        Folder of the segments.
    """

    def __init__(self, catalog_url: str, root: Path) -> None:
        self.engine = open_engine(catalog_url)
        self.root = Path(root).resolve()
        self._definitions: Definitions | None = None

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ---- reading

    def snapshot(self, as_of: float | None = None) -> Snapshot:
        """The archive as it stands now, or stood at a moment [TT s since 1998.0]: it does not change under a reader."""
        newest, layout, correction = sql.state(self.engine)
        if self._definitions is None or self._definitions.layout != layout:
            with reading(self.engine) as connection:
                self._definitions = Definitions.load(connection, layout)
        if self._definitions.corrected != bool(correction):
            self._definitions = replace(self._definitions, corrected=bool(correction))
        at = newest
        if as_of is not None:
            with reading(self.engine) as connection:
                at = sql.head_at(connection, as_of)
        return Snapshot(self.engine, self.root, at, self._definitions, historic=as_of is not None)

    # ---- writing

    def commit(
        self, source: str, rows: Iterable[GroupRows], start: float, stop: float, reason: str = ""
    ) -> Commit:  # fmt: skip
        """Put the rows of a source in, in place of all that it had given before, in one transaction.

        Parameters
        ----------
        source
            What the rows come from: the partition key of a playback, the name of an import.
        rows
            One `GroupRows` for each group; several of one group are an error.
        start, stop
            Interval that the source covers [TT s since 1998.0], for messages.

        Returns
        -------
        Commit
            With transaction 0 if the source has given exactly these rows before.

        Raises
        ------
        BadData
            If the rows contradict themselves or the archive's names, or can not be stored.
        TransientError
            If disk or catalog fail, or others are always faster; nothing is left, do it again.
        """
        check_text("source", source)
        check_reason(reason)
        given = [accepted(part) for part in rows if len(part)]
        names = [part.group for part in given]
        if len(set(names)) != len(names):
            raise BadData(f"source {source}: a group comes twice among {sorted(names)}; join its rows first")
        content = digest(given)
        make_folder(self.root)
        with lock(self.root / WRITER_LOCK):
            if given and self._digest_of(source) == content:
                return Commit(0, source, len(given), sum(map(len, given)))
            for _ in range(ATTEMPTS):
                done = self._attempt(source, given, reason, "commit" if given else "withdraw", content)
                if done is not None:
                    return done
        raise TransientError(
            f"telemetry archive {self.root}: other writers were faster {ATTEMPTS} times while {source} "
            f"({times.to_utc_iso(start)} to {times.to_utc_iso(stop)}) was put in; it is tried again"
        )

    def withdraw(self, source: str, reason: str) -> Commit:
        """Take all rows of a source back; what other sources have for the same times stays, and shows again."""
        return self.commit(source, [], 0.0, 0.0, reason)

    def sources(self, prefix: str = "") -> list[str]:
        """Sources whose rows the archive shows, in order of their names."""
        c = db.contributions.c
        with reading(self.engine) as read:
            found = read.execute(sa.select(c.source).where(c.dead.is_(None)).distinct()).scalars().all()
        return sorted(source for source in found if source.startswith(prefix))

    def _digest_of(self, source: str) -> str | None:
        c = db.contributions.c
        with reading(self.engine) as read:
            return read.execute(sa.select(c.digest).where(c.source == source, c.dead.is_(None))).scalar()

    def _attempt(self, source: str, given: list[GroupRows], reason: str, kind: str, content: str) -> Commit | None:
        groups = self._groups(given)
        with reading(self.engine) as read:
            at = sql.head(read)
            contribution = (read.execute(sa.select(sa.func.max(db.contributions.c.id))).scalar() or 0) + 1
            before = self._before(read, source)
            standing = self._groups_by_id(read, {g for _, g, _, _ in before}) | {g.id: g for g in groups.values()}
            preparation = Preparation(read, self.root, at)
            with preparation.whole_or_nothing():
                changes = self._prepare(preparation, given, groups, standing, before, source, contribution)
                preparation.flush()
            about = {"id": contribution, "source": source, "digest": content}
            done = self._carry_out(about, kind, reason, changes, given, groups)
        if done is None:
            preparation.discard()
        return done

    def _groups(self, given: list[GroupRows]) -> dict[str, Group]:
        """Groups of the rows; those that do not exist with all their parameters are made in a transaction before."""
        with reading(self.engine) as read:
            found = sql.groups_by_name(read, [part.group for part in given])
        for part in given:
            known = found.get(part.group)
            new = known is None or any(info.name not in known.parameters for info in part.parameters)
            if new or (part.period and known is not None and part.period != known.period):
                with writing(self.engine) as write:
                    found[part.group] = sql.ensure_group(write, part)
        return found

    def _groups_by_id(self, read: sa.Connection, ids: set[int]) -> dict[int, Group]:
        names = read.execute(sa.select(db.groups.c.name).where(db.groups.c.id.in_(list(ids)))).scalars().all()
        return {group.id: group for group in sql.groups_by_name(read, names).values()}

    def _before(self, read: sa.Connection, source: str) -> list[tuple[int, int, int, int]]:
        """Living contributions of a source: (contribution, group, start, stop)."""
        c, g = db.contributions.c, db.contribution_groups.c
        query = sa.select(c.id, g.group_id, g.start, g.stop).join(db.contribution_groups)
        return [tuple(row) for row in read.execute(query.where(c.source == source, c.dead.is_(None)))]

    def _prepare(
        self, preparation: Preparation, given: list[GroupRows], groups: dict[str, Group],
        standing: dict[int, Group], before: list[tuple[int, int, int, int]], source: str, contribution: int,
    ) -> list[GroupChange]:  # fmt: skip
        dropped = {number for number, _, _, _ in before}
        spans: dict[int, tuple[int, int]] = {}
        for _, group, start, stop in before:
            low, high = spans.get(group, (start, stop))
            spans[group] = min(low, start), max(high, stop)
        new = {groups[part.group].id: part for part in given}
        changes = []
        for group_id in sorted(set(spans) | set(new)):
            rows = new.get(group_id)
            if rows is not None:
                rows = replace(rows, contribution=np.full(len(rows), contribution, np.int64))
            span = spans.get(group_id)
            changes.append(preparation.change(standing[group_id], rows, source, contribution, dropped, span))
        return changes

    def _carry_out(
        self, about: dict[str, Any], kind: str, reason: str, changes: list[GroupChange], given: list[GroupRows],
        groups: dict[str, Group],
    ) -> Commit | None:  # fmt: skip
        source, contribution = about["source"], about["id"]
        if not changes:
            return Commit(0, source)
        try:
            with writing(self.engine) as write:
                transaction = sql.begin(write, kind, source, reason)
                carry_out(write, changes, transaction)
                c = db.contributions
                write.execute(
                    sa.update(c).where(c.c.source == source, c.c.dead.is_(None)).values(dead=transaction)
                )  # fmt: skip
                if given:
                    write.execute(sa.insert(c).values(**about, born=transaction))
                for part in given:
                    group = groups[part.group]
                    write.execute(
                        sa.insert(db.contribution_groups).values(
                            contribution_id=contribution,
                            group_id=group.id,
                            layout_id=sql.ensure_layout(write, group, part.parameters),
                            start=int(part.time[0]),
                            stop=int(part.time[-1]) + 1,
                            rows=len(part),
                        )
                    )
        except (Overtaken, sa.exc.IntegrityError):
            return None
        made = [segment for change in changes for segment in change.made]
        rows = sum(len(part) for part in given)
        return Commit(transaction, source, len(changes), rows, len(made), sum(segment.size for segment in made))

    # ---- corrections

    def add_correction(
        self, parameter: str, start: float, stop: float, kind: corrected.Kind = "bad", value: float | None = None,
        author: str = "", reason: str = "",
    ) -> int:  # fmt: skip
        """Declare the samples of a parameter in [start, stop) bad, or give them a value; returns its number.

        Applied on read and in the roll-ups from now on. ``*`` stands for all parameters.

        Raises
        ------
        BadData
            If the parameter is not known, the interval is empty, or author, reason or value are missing.
        """
        info = self.snapshot().info(parameter) if parameter != corrected.ALL else None
        new = corrected.check(parameter, info, start, stop, kind, value, author, reason)
        return self._correct(new, None)

    def withdraw_correction(self, number: int, author: str, reason: str) -> None:
        """Take a correction back: what it covered shows as it came."""
        standing = [one for one in self.corrections() if one.id == number and one.dead is None]
        if not standing:
            raise BadData(f"no correction {number} that stands; `mta archive corrections` lists them")
        gone = replace(standing[0], withdrawn=times.now(), withdrawn_by=author, withdrawn_why=reason)
        self._correct(None, gone)

    def corrections(self, parameter: str | None = None) -> list[Correction]:
        """All corrections, also withdrawn ones, in the order in which they were made."""
        with reading(self.engine) as read:
            return corrected.find(read, None if parameter is None else [parameter], None, None, None)

    def _correct(self, new: Correction | None, gone: Correction | None) -> int:
        """Make or withdraw a correction, and compute the statistics that it touches anew."""
        one = new or gone
        assert one is not None
        make_folder(self.root)
        with lock(self.root / WRITER_LOCK):
            for _ in range(ATTEMPTS):
                with reading(self.engine) as read:
                    preparation = Preparation(read, self.root, sql.head(read), new, gone)
                    with preparation.whole_or_nothing():
                        changes = preparation.refresh(sql.groups_of(read, one.parameter), one.start, one.stop)
                        preparation.flush()
                    try:
                        with writing(self.engine) as write:
                            transaction = sql.begin(write, "correction", one.parameter, one.reason)
                            carry_out(write, changes, transaction)
                            return corrected.store(write, new, gone, transaction)
                    except Overtaken:
                        preparation.discard()
        raise TransientError(f"telemetry archive {self.root}: other writers were faster {ATTEMPTS} times; try again")
