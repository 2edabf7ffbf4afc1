"""The catalog: which playbacks came, which products exist, from what they were made, what was found.

All SQL is SQLAlchemy Core. A transaction is short, and what a run leaves is one transaction.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from mta_assets.archive import catalog_rows as sql
from mta_assets.archive import catalog_schema as db
from mta_assets.archive.database import open_engine, reading, writing
from mta_assets.archive.entries import (
    InputEntry,
    LatencyEntry,
    NewProduct,
    OverlapEntry,
    PlaybackEntry,
    ProductEntry,
    QuarantineEntry,
    RunEntry,
)
from mta_assets.core.errors import TransientError
from mta_assets.core.tables import Table

if TYPE_CHECKING:
    from mta_assets.archive.reconcile import Reconciliation

SEQUENCE_TRIES = 20


class Catalog:
    """One database. Threads may share an object; processes open their own.

    Parameters
    ----------
    url
        SQLAlchemy URL; the schema is made or migrated when it is opened.
    """

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _read(self) -> AbstractContextManager[sa.Connection]:
        return reading(self.engine)

    def _write(self) -> AbstractContextManager[sa.Connection]:
        return writing(self.engine)

    # ---- playbacks

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

    def stage(self, partition: str, stage: str, started: float, finished: float | None = None) -> None:
        """Note when a stage of a playback began and ended; a later call replaces the earlier one."""
        table = db.stages
        with self._write() as connection:
            connection.execute(sa.delete(table).where(table.c.partition == partition, table.c.stage == stage))
            connection.execute(
                sa.insert(table).values(partition=partition, stage=stage, started=started, finished=finished)
            )

    def latencies(self, mission: str | None = None) -> list[LatencyEntry]:
        """For each playback the time from its arrival to the end of each finished stage."""
        with self._read() as connection:
            done = connection.execute(sa.select(db.stages).order_by(db.stages.c.finished)).all()
        stages: dict[str, dict[str, float]] = {}
        for row in done:
            if row.finished is not None:
                stages.setdefault(row.partition, {})[row.stage] = row.finished
        return [
            LatencyEntry(
                p.partition, p.file_name, p.arrived, {s: t - p.arrived for s, t in stages.get(p.partition, {}).items()}
            )
            for p in self.playbacks(mission)
        ]

    def overlaps(self, partition: str | None = None) -> list[OverlapEntry]:
        """Pairs of playbacks of a mission that cover the same time."""
        table = db.overlaps
        query = sa.select(table).order_by(table.c.tstart)
        if partition is not None:
            query = query.where(sa.or_(table.c.first == partition, table.c.second == partition))
        with self._read() as connection:
            return [OverlapEntry(**row._mapping) for row in connection.execute(query)]

    # ---- runs and products

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
            sql.store_inputs(connection, ids, inputs)
            for table, records in ((db.faults, faults), (db.findings, findings)):
                c = table.c
                same = (c.pipe_id == run.pipe_id, c.partition == run.partition, c.stream == run.stream)
                connection.execute(sa.delete(table).where(*same))
                rows = sql.records(records, run)
                if rows:
                    connection.execute(sa.insert(table), rows)
            sql.merge_facts(connection, run.partition, facts or {})
        return ids

    def runs(
        self,
        pipe_id: str | None = None,
        partition: str | None = None,
        stream: str | None = None,
        outcome: str | None = None,
    ) -> list[dict[str, Any]]:
        """Runs in the order of their start, the columns of `RunEntry` by name."""
        c = db.runs.c
        query = sql.where(
            sa.select(db.runs), {c.pipe_id: pipe_id, c.partition: partition, c.stream: stream, c.outcome: outcome}
        )
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
        """
        c = db.products.c
        given = {
            c.file_id: file_id, c.partition: partition, c.stream: stream, c.name: name,
            c.pipe_id: pipe_id, c.series: series, c.current: current,
        }  # fmt: skip
        query = sql.where(sa.select(db.products), given)
        if newest is not None:
            query = query.where(c.id.in_(query.with_only_columns(c.id).order_by(c.id.desc()).limit(newest)))
        if at is not None:
            query = query.where(c.tstart <= at, c.tstop > at)
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

    # ---- quarantine

    def add_quarantine(self, entry: QuarantineEntry) -> None:
        """Record a quarantined file; the same again is recorded once."""
        with self._write() as connection:
            c = db.quarantine.c
            known = connection.execute(
                sa.select(c.id).where(c.sha256 == entry.sha256, c.name == entry.name, c.path == entry.path)
            ).first()
            if known is None:
                connection.execute(sa.insert(db.quarantine).values(**asdict(entry)))

    def quarantined(self, mission: str | None = None) -> list[dict[str, Any]]:
        """Quarantined files in the order in which they were put there, the columns of `QuarantineEntry` by name."""
        c = db.quarantine.c
        query = sql.where(sa.select(*(column for column in c if column is not c.id)), {c.mission: mission})
        with self._read() as connection:
            return [dict(row) for row in connection.execute(query.order_by(c.quarantined, c.id)).mappings()]

    def reconcile(self, roots: Mapping[str, Path], newest: int | None = 5000) -> Reconciliation:
        """Bring folders and catalog together after a crash: see `archive.reconcile`."""
        from mta_assets.archive.reconcile import reconcile

        return reconcile(self, roots, newest)
