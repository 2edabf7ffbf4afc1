"""The catalog: which playbacks came, which products exist, from what they were made, what was found.

All SQL is SQLAlchemy Core. A transaction is short, and what a run leaves is one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from mta_assets.archive import catalog_rows as sql
from mta_assets.archive import catalog_schema as db
from mta_assets.archive.catalog_observations import ObservationCatalog
from mta_assets.archive.catalog_playbacks import PlaybackCatalog
from mta_assets.archive.catalog_runs import RunCatalog
from mta_assets.archive.entries import QuarantineEntry
from mta_assets.archive.obi_schema import obis

if TYPE_CHECKING:
    from mta_assets.archive.reconcile import Reconciliation


class Catalog(PlaybackCatalog, RunCatalog, ObservationCatalog):
    """Playbacks, runs with their products, faults and findings, observation intervals, deliveries, quarantined files.

    Threads may share an object; processes open their own.

    Parameters
    ----------
    url
        SQLAlchemy URL; the schema is made or migrated when it is opened.
    """

    def add_quarantine(self, entry: QuarantineEntry) -> None:
        """Record a quarantined file; the same again is recorded once."""
        with self._write() as connection:
            c = db.quarantine.c
            known = connection.execute(
                sa.select(c.id).where(c.sha256 == entry.sha256, c.name == entry.name, c.path == entry.path)
            ).first()
            if known is None:
                connection.execute(sa.insert(db.quarantine).values(**asdict(entry)))

    def count_quarantine(self, entry: QuarantineEntry) -> QuarantineEntry:
        """The same file came once more."""
        c = db.quarantine.c
        with self._write() as connection:
            same = (c.sha256 == entry.sha256, c.name == entry.name, c.path == entry.path)
            connection.execute(sa.update(db.quarantine).where(*same).values(times=c.times + 1))
        return replace(entry, times=entry.times + 1)

    def quarantined(self, mission: str | None = None, sha256: str | None = None) -> list[dict[str, Any]]:
        """Quarantined files in the order in which they were put there, the columns of `QuarantineEntry` by name."""
        c = db.quarantine.c
        query = sa.select(*(column for column in c if column is not c.id))
        query = sql.where(query, {c.mission: mission, c.sha256: sha256})
        with self._read() as connection:
            return [dict(row) for row in connection.execute(query.order_by(c.quarantined, c.id)).mappings()]

    def partitions(self, partition: str | None = None) -> set[str]:
        """Keys of all partitions that anything in the catalog is of; of one, whether it is among them."""
        found: set[str] = set()
        with self._read() as connection:
            for table in (db.playbacks, obis, db.runs, db.products, db.findings, db.faults):
                column = table.c.partition
                query = sql.where(sa.select(column).distinct(), {column: partition})
                found.update(connection.execute(query).scalars())
        return found

    def reconcile(self, roots: Mapping[str, Path], newest: int | None = 5000) -> Reconciliation:
        """Bring folders and catalog together after a crash: see `archive.reconcile`."""
        from mta_assets.archive.reconcile import reconcile

        return reconcile(self, roots, newest)
