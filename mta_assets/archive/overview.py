"""How far many playbacks are, in a handful of queries: what a status page asks for several times a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mta_assets.archive import catalog_schema as db
from mta_assets.archive.catalog import Catalog
from mta_assets.archive.database import reading


@dataclass(frozen=True)
class Overview:
    """One consistent view of the catalog.

    Attributes
    ----------
    playbacks
        Rows ``partition, file_name, arrived, accepted, state`` by start time.
    runs
        Rows ``partition, pipe_id, stream, outcome, finished`` of them, in the order in which they ended.
    products, faults, findings
        Their number by partition; of the products the current ones.
    """

    playbacks: Sequence[Any]
    runs: Sequence[Any]
    products: Mapping[str, int]
    faults: Mapping[str, int]
    findings: Mapping[str, int]


def overview(catalog: Catalog, mission: str, last: int = 0) -> Overview:
    """The newest playbacks of a mission with what was made of them.

    Parameters
    ----------
    last
        Only so many with the latest start times; 0 for all.
    """
    c, r = db.playbacks.c, db.runs.c
    newest = sa.select(c.partition).where(c.mission == mission)
    if last:
        newest = newest.order_by(c.tstart.desc(), c.partition.desc()).limit(last)

    def number(table: sa.Table, *only: Any) -> sa.Select[Any]:
        query = sa.select(table.c.partition, sa.func.count().label("number")).where(
            table.c.partition.in_(newest), *only
        )
        return query.group_by(table.c.partition)

    with reading(catalog.engine) as connection:
        playbacks = connection.execute(
            sa.select(c.partition, c.file_name, c.arrived, c.accepted, c.state)
            .where(c.partition.in_(newest))
            .order_by(c.tstart, c.partition)
        ).all()
        runs = connection.execute(
            sa.select(r.partition, r.pipe_id, r.stream, r.outcome, r.finished)
            .where(r.partition.in_(newest))
            .order_by(r.finished, r.run_id)
        ).all()
        counted = [
            {row.partition: row.number for row in connection.execute(query)}
            for query in (number(db.products, db.products.c.current), number(db.faults), number(db.findings))
        ]
    return Overview(playbacks, runs, *counted)
