"""Observations, building blocks, commands, and what holds for an interval (commanded states, limits): in the catalog.

What one source gives is imported as a whole and replaced as a whole. Nothing is deleted: an import that was replaced
or withdrawn still answers questions about how the catalogue stood before (``as_of``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from mta_assets.archive import observing_commands, observing_values
from mta_assets.archive import observing_read as select
from mta_assets.archive import observing_rows as sql
from mta_assets.archive import observing_schema as db
from mta_assets.archive.catalog_base import CatalogBase
from mta_assets.archive.observing_commands import Sent
from mta_assets.archive.observing_entries import CONTROL, Content, ImportEntry, check_content
from mta_assets.archive.observing_read import Intervals, NameSummary
from mta_assets.core.errors import BadData
from mta_assets.core.times import now as present

LONGEST_SOURCE = 200  # [character] as the schema has it


class Observing(CatalogBase):
    """The observing catalogue and its neighbours. Threads may share an object; processes open their own.

    Everywhere ``start`` and ``stop`` are TT seconds since 1998.0 TT, half open, None for no bound; ``as_of`` gives
    what the imports said that counted then, None what they say now.

    Parameters
    ----------
    url
        SQLAlchemy URL of the catalog; the schema is made or migrated when it is opened.
    """

    def replace(self, source: str, content: Content, reason: str = "", now: float | None = None) -> ImportEntry:
        """Take in everything that a source gives, in place of what it gave before; all of it or nothing.

        The same rows again change nothing; the entry of the import that gave them is returned, with ``new`` False.

        Parameters
        ----------
        source
            What the rows come from: the name of a file or catalogue. Other sources are not touched.
        now
            The moment of the import [s]; the present if not given.

        Raises
        ------
        BadData
            If a row can not be stored exactly; see `observing_entries.check_content`.
        """
        _check_source(source, reason)
        check_content(content)
        digest = content.sha256
        with self._write() as connection:
            sql.lock(connection)
            known = sql.current(connection, source)
            if known is not None and known.sha256 == digest:
                return known
            at = sql.moment(connection, present() if now is None else now)
            if known is not None:
                sql.retire(connection, known, at)
            return sql.store(connection, source, content, at, reason)

    def withdraw(self, source: str, reason: str, now: float | None = None) -> ImportEntry:
        """Let a source count no more. Its rows stay for questions about before.

        Raises
        ------
        BadData
            If nothing of the source counts.
        """
        _check_source(source, reason)
        with self._write() as connection:
            sql.lock(connection)
            known = sql.current(connection, source)
            if known is None:
                raise BadData(f"source {source!r}: nothing of it counts now; `imports()` lists what does")
            at = sql.moment(connection, present() if now is None else now)
            sql.retire(connection, known, at)
            given = f"{known.reason}; withdrawn: {reason}" if known.reason else f"withdrawn: {reason}"
            connection.execute(sa.update(db.imports).where(db.imports.c.id == known.id).values(reason=given))
            return replace(known, retired=at, reason=given)

    def imports(self, source: str | None = None, all_versions: bool = False) -> list[ImportEntry]:
        """Imports in the order in which they came; those that count, or all."""
        query = sa.select(db.imports).order_by(db.imports.c.id)
        if source is not None:
            query = query.where(db.imports.c.source == source)
        if not all_versions:
            query = query.where(sql.alive())
        with self._read() as connection:
            return [ImportEntry(**row, new=False) for row in connection.execute(query).mappings()]

    def latest(self) -> float | None:
        """The moment of the newest transaction: ``as_of`` this, all questions see one state."""
        c = db.imports.c
        with self._read() as connection:
            row = connection.execute(sa.select(sa.func.max(c.imported), sa.func.max(c.retired))).one()
        return max((value for value in row if value is not None), default=None)

    def names(
        self, kind: str, as_of: float | None = None, wanted: Sequence[str] | None = None
    ) -> dict[str, NameSummary]:
        """What is known of the names of a kind: ``observation``, ``block``, ``fact``, ``command`` or ``value``."""
        with self._read() as connection:
            return select.names(connection, kind, as_of, wanted)

    def observations(
        self, start: float | None = None, stop: float | None = None, as_of: float | None = None
    ) -> Intervals:
        """Observations that overlap a time, in order of their start: their columns and those of their facts.

        An observation (obsid, obi) that several sources give is the one of the newest import.
        """
        with self._read() as connection:
            return select.observations(connection, start, stop, as_of)

    def blocks(self, start: float | None = None, stop: float | None = None, as_of: float | None = None) -> Intervals:
        """Building blocks that overlap a time; a block (obsid, bbid) is the one of the newest import."""
        with self._read() as connection:
            return select.blocks(connection, start, stop, as_of)

    def commands(
        self,
        mnemonics: Sequence[str] | None,
        start: float | None = None,
        stop: float | None = None,
        as_of: float | None = None,
    ) -> Sent:
        """Commands of some mnemonics (None: of all) in order of time.

        The same command from several sources (loads that overlap) is given once.
        """
        with self._read() as connection:
            return observing_commands.commands(connection, mnemonics, start, stop, as_of)

    def command_edge(
        self, mnemonics: Sequence[str] | None, start: float | None, stop: float | None, count: int, as_of: float | None
    ) -> float | None:
        """A time after ``start`` before which there are about ``count`` commands; None if there are not more."""
        with self._read() as connection:
            return observing_commands.command_edge(connection, mnemonics, start, stop, count, as_of)

    def values(
        self,
        names: Sequence[str],
        start: float | None = None,
        stop: float | None = None,
        as_of: float | None = None,
    ) -> dict[str, Intervals]:
        """Values of each name whose interval overlaps a time, made disjoint: see `observing_overlap.disjoint`."""
        with self._read() as connection:
            return observing_values.values(connection, names, start, stop, as_of)


def _check_source(source: str, reason: str) -> None:
    if not source.strip() or len(source) > LONGEST_SOURCE or CONTROL.search(source):
        raise BadData(f"source {source[:60]!r}: expected a name of 1 … {LONGEST_SOURCE} printable characters")
    if "\x00" in reason:
        raise BadData(f"source {source!r}: the reason holds a NUL character")
