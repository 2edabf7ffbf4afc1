"""Runs in the catalog: what they made, from what, and what they found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mta_assets.archive import catalog_rows as sql
from mta_assets.archive import catalog_schema as db
from mta_assets.archive import delivered_rows, obi_rows
from mta_assets.archive.catalog_base import CatalogBase
from mta_assets.archive.entries import InputEntry, NewProduct, ObiReport, ProductEntry, RunEntry
from mta_assets.core.tables import Table


class RunCatalog(CatalogBase):
    """The part of the catalog that knows which products exist and which runs left them."""

    def next_run_number(self, pipe_id: str, partition: str, stream: str) -> int:
        """1 more than the runs that this pipeline has had here."""
        c = db.runs.c
        query = sa.select(sa.func.max(c.number)).where(
            c.pipe_id == pipe_id, c.partition == partition, c.stream == stream
        )
        with self._read() as connection:
            return (connection.execute(query).scalar() or 0) + 1

    def commit_run(
        self,
        run: RunEntry,
        products: Sequence[NewProduct] = (),
        inputs: Sequence[InputEntry] = (),
        faults: Table | None = None,
        findings: Table | None = None,
        facts: Mapping[str, Any] | None = None,
        observations: ObiReport | None = None,
    ) -> list[int]:
        """Everything that a run leaves, in one transaction; returns the ids of its products in order.

        A run with the outcome ``done`` replaces what the same pipeline left for the same partition and stream:
        its faults and findings, and which products are current. Older versions stay, marked with what
        superseded them. Any other outcome only leaves the run itself.
        """
        with self._write() as connection:
            connection.execute(sa.insert(db.runs).values(**asdict(run)))
            if run.outcome != "done":
                return []
            ids = [sql.store_product(connection, run, product) for product in products]
            sql.retire(connection, run, ids)
            if products:
                span = min(p.tstart for p in products), max(p.tstop for p in products)
                delivered_rows.settle(connection, sorted({p.file_id for p in products}), run.stream, span)
            sql.store_inputs(connection, ids, inputs)
            for table, records in ((db.faults, faults), (db.findings, findings)):
                c = table.c
                same = (c.pipe_id == run.pipe_id, c.partition == run.partition, c.stream == run.stream)
                connection.execute(sa.delete(table).where(*same))
                rows = sql.records(records, run)
                if rows:
                    connection.execute(sa.insert(table), rows)
            sql.merge_facts(connection, run.partition, facts or {})
            if observations is not None:
                obi_rows.report(connection, observations, run.finished)
        return ids

    def runs(
        self,
        pipe_id: str | None = None,
        partition: str | None = None,
        stream: str | None = None,
        outcome: str | None = None,
        newest: int | None = None,
        after: float | None = None,
    ) -> list[dict[str, Any]]:
        """Runs in the order of their start, the columns of `RunEntry` by name.

        Parameters
        ----------
        newest
            Only so many of those that ended last.
        after
            Only those that ended later [TT s since 1998.0].
        """
        c = db.runs.c
        query = sql.where(
            sa.select(db.runs), {c.pipe_id: pipe_id, c.partition: partition, c.stream: stream, c.outcome: outcome}
        )
        if after is not None:
            query = query.where(c.finished > after)
        if newest is not None:
            last = query.with_only_columns(c.run_id).order_by(c.finished.desc(), c.run_id.desc()).limit(newest)
            query = query.where(c.run_id.in_(last))
        with self._read() as connection:
            return [dict(row) for row in connection.execute(query.order_by(c.started, c.run_id)).mappings()]

    def products(
        self,
        file_id: str | None = None,
        partition: str | None = None,
        stream: str | None = None,
        at: float | None = None,
        name: str | None = None,
        pipe_id: str | None = None,
        series: str | None = None,
        current: bool | None = True,
        newest: int | None = None,
        within: tuple[float, float] | None = None,
        after: int | None = None,
        origin: str | None = None,
        confirmed_by: str | None = None,
    ) -> list[ProductEntry]:
        """Products by start time.

        Parameters
        ----------
        at
            Only products whose interval holds this time.
        current
            True for the newest versions only, False for superseded ones only, None for all.
        newest
            Only so many of the entries made last.
        within
            Only products whose interval meets this one, half open.
        after
            Only entries with a higher id.
        origin
            ``pipeline`` or ``delivered``.
        confirmed_by
            Only those of which this run was the newest to give the bytes.
        """
        c = db.products.c
        given = {
            c.file_id: file_id, c.partition: partition, c.stream: stream, c.name: name,
            c.pipe_id: pipe_id, c.series: series, c.current: current, c.origin: origin,
            c.confirmed_by: confirmed_by,
        }  # fmt: skip
        query = sql.where(sa.select(db.products), given)
        if newest is not None:
            query = query.where(c.id.in_(query.with_only_columns(c.id).order_by(c.id.desc()).limit(newest)))
        if at is not None:
            query = query.where(c.tstart <= at, c.tstop > at)
        if within is not None:
            query = query.where(c.tstart < within[1], c.tstop > within[0])
        if after is not None:
            query = query.where(c.id > after)
        with self._read() as connection:
            rows = connection.execute(query.order_by(c.tstart, c.name, c.id)).all()
        return [ProductEntry(**row._mapping) for row in rows]

    def inputs_of(self, product_id: int) -> list[InputEntry]:
        """What a product was made from."""
        c = db.product_inputs.c
        query = sa.select(c.input_name, c.input_sha256, c.input_product_id).where(c.product_id == product_id)
        with self._read() as connection:
            return [InputEntry(*row) for row in connection.execute(query.order_by(c.input_name))]

    def has_run(self, run_id: str) -> bool:
        """Whether a run was committed."""
        with self._read() as connection:
            query = sa.select(db.runs.c.run_id).where(db.runs.c.run_id == run_id)
            return connection.execute(query).first() is not None

    def run(self, run_id: str) -> dict[str, Any] | None:
        """A run, the columns of `RunEntry` by name; None if there is none."""
        with self._read() as connection:
            row = connection.execute(sa.select(db.runs).where(db.runs.c.run_id == run_id)).mappings().first()
        return dict(row) if row is not None else None

    def run_message(self, run_id: str) -> str:
        """The outcome of a run in words; empty if there is no such run."""
        return str((self.run(run_id) or {}).get("message", ""))

    def known_paths(self, paths: Iterable[Path]) -> set[Path]:
        """Which of these files are products of the catalog."""
        c = db.products.c
        query = sa.select(c.path).where(c.path.in_([str(path) for path in paths]))
        with self._read() as connection:
            return {Path(path) for path in connection.execute(query).scalars()}

    def last_version(self, stream: str, series: str) -> int:
        """The highest version of a series of names, 0 if there is none."""
        c = db.products.c
        query = sa.select(sa.func.max(c.version)).where(c.stream == stream, c.series == series)
        with self._read() as connection:
            return connection.execute(query).scalar() or 0

    def findings(self, **given: Any) -> list[dict[str, Any]]:
        """Findings by time; ``given`` selects by equal columns: partition, stream, pipe_id, name, severity …"""
        return self._reports(db.findings, given)

    def faults(self, **given: Any) -> list[dict[str, Any]]:
        """Faults of the telemetry by time; ``given`` selects by equal columns: partition, kind, source …"""
        return self._reports(db.faults, given)

    def _reports(self, table: sa.Table, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        unknown = [key for key in given if key not in table.c]
        if unknown:
            raise TypeError(f"{table.name} have no columns {unknown}; known: {', '.join(table.c.keys())}")
        query = sql.where(sa.select(table), {table.c[key]: value for key, value in given.items()})
        doubles = [c.name for c in table.c if isinstance(c.type, sa.Double)]
        with self._read() as connection:
            rows = connection.execute(query.order_by(table.c.tstart, table.c.id)).mappings().all()
        return [{**row, **{n: math.nan for n in doubles if row[n] is None}} for row in rows]
