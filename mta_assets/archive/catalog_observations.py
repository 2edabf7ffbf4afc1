"""Observation intervals and deliveries in the catalog."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from mta_assets.archive import catalog_rows as sql
from mta_assets.archive import catalog_schema as db
from mta_assets.archive import delivered_rows, obi_rows
from mta_assets.archive.catalog_base import CatalogBase
from mta_assets.archive.entries import NewProduct, ObiEntry, ProductEntry, RunEntry
from mta_assets.archive.obi_schema import obi_sources, obis
from mta_assets.core.records import Observation


class ObservationCatalog(CatalogBase):
    """The part of the catalog that knows the observation intervals, and what was delivered from outside."""

    def obi(self, partition: str) -> ObiEntry | None:
        """The interval of a partition."""
        return next(iter(self._obis(sa.select(obis).where(obis.c.partition == partition))), None)

    def obis(
        self,
        *,
        within: tuple[float, float] | None = None,
        after: int | None = None,
        standing: bool | None = True,
        partitions: Collection[str] | None = None,
    ) -> list[ObiEntry]:
        """Observation intervals by start time.

        Parameters
        ----------
        within
            Only those that meet this interval, half open.
        after
            Only those whose newest change has a higher number.
        standing
            True for those that some source still has, False for those that were taken back, None for all.
        partitions
            Only these, some thousands at most.
        """
        c = obis.c
        query = sa.select(obis)
        if partitions is not None:
            query = query.where(c.partition.in_(list(partitions)))
        if standing is not None:
            query = query.where(c.standing == standing)
        if within is not None:
            query = query.where(c.tstart < within[1], c.tstop > within[0])
        if after is not None:
            query = query.where(c.sequence > after)
        return self._obis(query.order_by(c.tstart, c.partition))

    def delivered_facts(self, partition: str) -> dict[str, dict[str, Any]]:
        """What delivered products say of an interval, by their names."""
        c = obi_sources.c
        query = sa.select(c.source, c.facts).where(c.partition == partition, c.source != obi_rows.TELEMETRY)
        with self._read() as connection:
            return {name: dict(facts) for name, facts in connection.execute(query.order_by(c.source))}

    def newest_obi_change(self) -> int:
        """Number of the newest change of an interval, 0 without any."""
        with self._read() as connection:
            return int(connection.execute(sa.select(sa.func.max(obis.c.sequence))).scalar() or 0)

    def _obis(self, query: sa.Select[Any]) -> list[ObiEntry]:
        with self._read() as connection:
            return [ObiEntry(**row._mapping) for row in connection.execute(query)]

    def commit_delivery(
        self, run: RunEntry, product: NewProduct, observation: Observation | None, asks: bool = True
    ) -> int:
        """Enter a delivered product, in one transaction; returns its id.

        It wins over our own of the same file id (`delivered_rows`), and over a lower version of its own series. The
        same product again, after it was withdrawn, stands again: `NewProduct.product_id` says which it is.

        Parameters
        ----------
        observation
            What it says of the interval that it belongs to; None if it belongs to a stretch of time.
        asks
            Whether the intervals of its time are looked at again when it stands again.
        """
        with self._write() as connection:
            connection.execute(sa.insert(db.runs).values(**asdict(run)))
            number = sql.store_product(connection, run, product)
            delivered_rows.newest_wins(connection, number)
            if observation is not None:
                obi_rows.put_source(connection, observation, product.name, run.finished)
            delivered_rows.settle(connection, [product.file_id], run.stream, (product.tstart, product.tstop))
            if asks and product.product_id is not None:
                _touch(connection, run.partition, product.tstart, product.tstop, run.finished)
        return number

    def withdraw_delivery(self, run: RunEntry, product: ProductEntry, asks: bool = True) -> list[str]:
        """Take a delivered product back, in one transaction; returns the names of the products that stand again.

        Parameters
        ----------
        asks
            Whether the intervals of its time are looked at again.
        """
        c = db.products.c
        with self._write() as connection:
            connection.execute(sa.insert(db.runs).values(**asdict(run)))
            standing = sa.select(c.name).where(c.file_id == product.file_id, c.stream == product.stream, c.current)
            before = set(connection.execute(standing).scalars())
            connection.execute(
                sa.update(db.products).where(c.id == product.id).values(current=False, superseded_by=None)
            )
            # what it had taken the place of: lower versions delivered before, then our own
            delivered_rows.newest_wins(connection, product.id)
            delivered_rows.settle(connection, [product.file_id], product.stream, (product.tstart, product.tstop))
            obi_rows.drop_source(connection, product.partition, product.name, run.finished)
            if asks:
                _touch(connection, product.partition, product.tstart, product.tstop, run.finished)
            after = set(connection.execute(standing).scalars())
        return sorted(after - before)


def _touch(connection: sa.Connection, partition: str, tstart: float, tstop: float, when: float) -> None:
    """Everything of the time of a product that changed without a new entry is looked at again."""
    known = connection.execute(sa.select(obis.c.partition).where(obis.c.partition == partition)).scalars().all()
    obi_rows.touch(connection, known or obi_rows.meeting(connection, tstart, tstop), when)
