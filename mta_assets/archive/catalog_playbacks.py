"""Playbacks in the catalog: their arrival, acceptance and overlaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from mta_assets.archive import catalog_rows as sql
from mta_assets.archive import catalog_schema as db
from mta_assets.archive.catalog_base import CatalogBase
from mta_assets.archive.entries import OverlapEntry, PlaybackEntry
from mta_assets.core.errors import TransientError

SEQUENCE_TRIES = 20


class PlaybackCatalog(CatalogBase):
    """The part of the catalog that knows which playbacks came."""

    def enter_playback(
        self,
        *,
        mission: str,
        partition: str,
        file_name: str,
        path: str,
        source: str,
        sha256: str,
        size: int,
        tstart: float,
        tstop: float,
        arrived: float,
        facts: Mapping[str, Any],
        created: float | None = None,
    ) -> list[str]:
        """Record a playback as ``arriving`` and its overlaps with others.

        Parameters
        ----------
        path, source
            Where it will be kept, where it came in.
        created
            DATE of the products made from it; its arrival, if not given.

        Returns
        -------
        File names of the playbacks that cover part of the same time.

        Raises
        ------
        TransientError
            If the same bytes or the partition were entered by somebody else in the meantime: look again.
        """
        entry = PlaybackEntry(
            partition, mission, file_name, path, source, sha256, size, tstart, tstop, arrived,
            arrived if created is None else created, facts=sql.plain(facts),
        )  # fmt: skip
        try:
            with self._write() as connection:
                connection.execute(sa.insert(db.playbacks).values(**asdict(entry)))
                return sql.record_overlaps(connection, entry)
        except IntegrityError as error:
            raise TransientError(
                f"playback {file_name}: its bytes or its partition {partition} are in the catalog already: {error.orig}"
            ) from error

    def mark_accepted(self, partition: str, when: float) -> int:
        """An arriving playback is in its place: gives it the next number in the order of acceptance."""
        c = db.playbacks.c
        for _ in range(SEQUENCE_TRIES):
            try:
                with self._write() as connection:
                    known = connection.execute(sa.select(c.sequence).where(c.partition == partition)).scalar()
                    if known is not None:
                        return int(known)
                    number = (connection.execute(sa.select(sa.func.max(c.sequence))).scalar() or 0) + 1
                    connection.execute(
                        sa.update(db.playbacks)
                        .where(c.partition == partition)
                        .values(state="accepted", accepted=when, sequence=number)
                    )
                    return number
            except IntegrityError:  # PostgreSQL: another writer took the number
                continue
        raise TransientError(f"playback {partition}: no number in the order of acceptance could be had; try again")

    def withdraw(self, partition: str) -> None:
        """Take back an arriving playback whose file is neither where it came in nor where it should be."""
        with self._write() as connection:
            arriving = sa.select(db.playbacks.c.partition).where(
                db.playbacks.c.partition == partition, db.playbacks.c.state == "arriving"
            )
            if connection.execute(arriving).first() is None:
                return
            o = db.overlaps.c
            connection.execute(sa.delete(db.overlaps).where(sa.or_(o.first == partition, o.second == partition)))
            connection.execute(sa.delete(db.playbacks).where(db.playbacks.c.partition == partition))

    def missions(self) -> list[str]:
        """Names of the missions whose playbacks are here."""
        with self._read() as connection:
            return list(connection.execute(sa.select(db.playbacks.c.mission).distinct()).scalars())

    def arriving(self, mission: str) -> list[PlaybackEntry]:
        """Playbacks that were entered but not yet accepted."""
        return self.playbacks(mission, "arriving")

    def playbacks_after(self, sequence: int, mission: str | None = None) -> list[PlaybackEntry]:
        """Accepted playbacks with a higher number in the order of acceptance, in that order."""
        c = db.playbacks.c
        query = sql.where(sa.select(db.playbacks).where(c.sequence > sequence), {c.mission: mission})
        return self._playbacks(query.order_by(c.sequence))

    def playback_by_sha256(self, mission: str, sha256: str) -> PlaybackEntry | None:
        """The playback with these bytes."""
        c = db.playbacks.c
        return next(
            iter(self._playbacks(sa.select(db.playbacks).where(c.mission == mission, c.sha256 == sha256))), None
        )

    def playback(self, partition: str) -> PlaybackEntry | None:
        """The playback of a partition."""
        query = sa.select(db.playbacks).where(db.playbacks.c.partition == partition)
        return next(iter(self._playbacks(query)), None)

    def playbacks(self, mission: str | None = None, state: str | None = None) -> list[PlaybackEntry]:
        """All playbacks, by start time."""
        c = db.playbacks.c
        return self._playbacks(
            sql.where(sa.select(db.playbacks), {c.mission: mission, c.state: state}).order_by(c.tstart, c.partition)
        )

    def _playbacks(self, query: sa.Select[Any]) -> list[PlaybackEntry]:
        with self._read() as connection:
            return [PlaybackEntry(**row._mapping) for row in connection.execute(query)]

    def set_playback(
        self,
        partition: str,
        *,
        state: str | None = None,
        accepted: float | None = None,
        path: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Change what is given; facts are merged into those that are there."""
        given = {"state": state, "accepted": accepted, "path": path}
        values: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
        with self._write() as connection:
            sql.merge_facts(connection, partition, facts or {})
            if values:
                connection.execute(sa.update(db.playbacks).where(db.playbacks.c.partition == partition).values(values))

    def overlaps(self, partition: str | None = None) -> list[OverlapEntry]:
        """Pairs of playbacks of a mission that cover the same time."""
        table = db.overlaps
        query = sa.select(table).order_by(table.c.tstart)
        if partition is not None:
            query = query.where(sa.or_(table.c.first == partition, table.c.second == partition))
        with self._read() as connection:
            return [OverlapEntry(**row._mapping) for row in connection.execute(query)]
