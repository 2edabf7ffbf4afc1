"""The single statements that the catalog's transactions are put together from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import sqlalchemy as sa

from mta_assets.archive import catalog_schema as db
from mta_assets.archive.entries import InputEntry, NewProduct, PlaybackEntry, RunEntry
from mta_assets.core.tables import Table

TOUCHING = 1e-3  # [s] end and start of neighbours are computed on two ways and agree to rounding only


def where(query: sa.Select[Any], given: Mapping[Any, Any]) -> sa.Select[Any]:
    return query.where(*(column == value for column, value in given.items() if value is not None))


def plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as JSON holds them: arrays and sets become lists, NumPy scalars plain ones."""

    def default(value: Any) -> Any:
        if isinstance(value, np.generic | np.ndarray):
            return value.tolist()
        if isinstance(value, set | frozenset | tuple):
            return sorted(value)
        raise TypeError(f"a fact can not be of type {type(value).__name__}")

    plain: dict[str, Any] = json.loads(json.dumps(dict(facts), default=default))
    return plain


def merge_facts(connection: sa.Connection, partition: str, facts: Mapping[str, Any]) -> None:
    if not facts:
        return
    c = db.playbacks.c
    known = connection.execute(sa.select(c.facts).where(c.partition == partition)).scalar_one_or_none()
    if known is not None:
        merged = {**known, **plain(facts)}
        connection.execute(sa.update(db.playbacks).where(c.partition == partition).values(facts=merged))


def record_overlaps(connection: sa.Connection, entry: PlaybackEntry) -> list[str]:
    c = db.playbacks.c
    others = connection.execute(
        sa.select(c.partition, c.file_name, c.tstart, c.tstop)
        .where(c.mission == entry.mission, c.partition != entry.partition)
        .where(c.tstart < entry.tstop - TOUCHING, c.tstop > entry.tstart + TOUCHING)
        .order_by(c.tstart)
    ).all()
    for other in others:
        pair = sorted([(entry.tstart, entry.partition), (other.tstart, other.partition)])
        span = {"tstart": max(entry.tstart, other.tstart), "tstop": min(entry.tstop, other.tstop)}
        connection.execute(sa.insert(db.overlaps).values(first=pair[0][1], second=pair[1][1], **span))
    return [other.file_name for other in others]


def store_product(connection: sa.Connection, run: RunEntry, product: NewProduct) -> int:
    table = db.products
    if product.product_id is not None:
        connection.execute(
            sa.update(table)
            .where(table.c.id == product.product_id)
            .values(current=True, superseded_by=None, confirmed_by=run.run_id)
        )
        return product.product_id
    values = {k: v for k, v in asdict(product).items() if k != "product_id"}
    done = connection.execute(
        sa.insert(table).values(
            **values,
            stream=run.stream,
            partition=run.partition,
            pipe_id=run.pipe_id,
            run_id=run.run_id,
            confirmed_by=run.run_id,
            current=True,
        )
    )
    return int(done.inserted_primary_key[0])  # type: ignore[index]


def retire(connection: sa.Connection, run: RunEntry, ids: Sequence[int]) -> None:
    """Products that this pipeline had current here and has not made again are superseded.

    Those that a delivery had taken the place of count as well: what is not made any more must not come back with a
    withdrawal.
    """
    c = db.products.c
    shadowed = c.superseded_by.in_(sa.select(c.id).where(c.origin == "delivered"))
    rows = connection.execute(
        sa.select(c.id, c.series).where(
            c.pipe_id == run.pipe_id, c.partition == run.partition, c.stream == run.stream, sa.or_(c.current, shadowed)
        )
    ).all()
    made = {row.series: row.id for row in rows if row.id in set(ids)}
    for row in rows:
        if row.id not in made.values():
            connection.execute(
                sa.update(db.products).where(c.id == row.id).values(current=False, superseded_by=made.get(row.series))
            )


def store_inputs(connection: sa.Connection, ids: Sequence[int], inputs: Sequence[InputEntry]) -> None:
    if not ids:
        return
    table = db.product_inputs
    connection.execute(sa.delete(table).where(table.c.product_id.in_(list(ids))))
    unique = {(i.name, i.sha256): i.product_id for i in inputs}
    rows = [
        {"product_id": made, "input_name": name, "input_sha256": sha256, "input_product_id": source}
        for made in ids
        for (name, sha256), source in unique.items()
    ]
    if rows:
        connection.execute(sa.insert(table), rows)


def records(table: Table | None, run: RunEntry) -> list[dict[str, Any]]:
    if table is None or not len(table):
        return []
    common = {"partition": run.partition, "stream": run.stream, "pipe_id": run.pipe_id, "run_id": run.run_id}
    lists = {
        n: [None if v != v else v for v in a.tolist()] if a.dtype.kind == "f" else a.tolist()
        for n, a in table.columns.items()
    }
    return [{**common, **dict(zip(lists, values, strict=True))} for values in zip(*lists.values(), strict=True)]
