"""Delivered products among our own: which wins over which, in single statements of the catalog's transactions.

A delivered product wins over our own of the same file id and label in its partition, and over our own whose whole
interval delivered products of that file id cover. Our own is kept, not current, and points to the delivery. The rule
is applied to what is there, whenever either side changes, so the order does not matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from mta_assets.archive import catalog_schema as db
from mta_assets.archive.obi_schema import obis

DELIVERED = "delivered"
TOUCHING = 1.0  # [s] between delivered files of a series that follow each other, and beyond their ends


def newest_wins(connection: sa.Connection, number: int) -> None:
    """Of all deliveries of the same product that are not withdrawn, the highest version is current.

    The same product are files of one series of names, and those of one file id, partition and label: a name may come
    with or without interval.
    """
    c = db.products.c
    one = connection.execute(sa.select(db.products).where(c.id == number)).one()
    same = sa.or_(
        c.series == one.series,
        sa.and_(c.file_id == one.file_id, c.partition == one.partition, c.label == one.label),
    )
    standing = sa.or_(c.current, c.superseded_by.isnot(None))
    query = sa.select(c.id, c.version).where(c.origin == DELIVERED, c.stream == one.stream, same, standing)
    rows = connection.execute(query).all()
    if not rows:
        return
    best = max(rows, key=lambda row: (row.version, row.id)).id
    for row in rows:
        values: dict[str, Any] = {"current": row.id == best, "superseded_by": None if row.id == best else best}
        connection.execute(sa.update(db.products).where(c.id == row.id).values(values))


def settle(connection: sa.Connection, file_ids: Sequence[str], stream: str, span: tuple[float, float]) -> None:
    """Apply the rule to our own products of some file ids that meet a stretch of time [s]."""
    c = db.products.c
    known = sa.select(c.file_id).where(c.origin == DELIVERED, c.file_id.in_(list(file_ids)), c.stream == stream)
    for file_id in connection.execute(known.distinct()).scalars().all():
        _settle(connection, file_id, stream, span)


def _settle(connection: sa.Connection, file_id: str, stream: str, span: tuple[float, float]) -> None:
    c = db.products.c
    same = (c.file_id == file_id, c.stream == stream)
    shadowed = c.superseded_by.in_(sa.select(c.id).where(c.origin == DELIVERED, *same))
    meets = (c.tstart <= span[1], c.tstop >= span[0])
    own = connection.execute(
        sa.select(db.products).where(*same, *meets, c.origin != DELIVERED, sa.or_(c.current, shadowed))
    ).all()
    if not own:
        return
    low, high = min(row.tstart for row in own), max(row.tstop for row in own)
    given = connection.execute(
        sa.select(db.products)
        .where(*same, c.origin == DELIVERED, c.current)
        .where(sa.or_(sa.and_(c.tstart <= high, c.tstop >= low), c.partition.in_({row.partition for row in own})))
        .order_by(c.tstart, c.id)
    ).all()
    by_obi = set(
        connection.execute(
            sa.select(obis.c.partition).where(obis.c.partition.in_({row.partition for row in given}))
        ).scalars()
    )
    by_time = defaultdict(list)
    for row in given:
        if row.partition not in by_obi:
            by_time[row.label].append(row)
    for row in own:
        winner = next((d.id for d in given if (d.partition, d.label) == (row.partition, row.label)), None)
        if winner is None:
            winner = covering(row.tstart, row.tstop, by_time[row.label])
        connection.execute(
            sa.update(db.products).where(c.id == row.id).values(current=winner is None, superseded_by=winner)
        )


def covering(tstart: float, tstop: float, given: Sequence[Any]) -> int | None:
    """The last of the products, sorted by start, that cover an interval without a hole; None if they do not."""
    reached, last = None, None
    for row in given:
        if row.tstop < tstart - TOUCHING or row.tstart > tstop:
            continue
        if row.tstart > (tstart if reached is None else reached) + TOUCHING:
            return None
        reached, last = max(row.tstop, reached if reached is not None else row.tstop), row.id
    return last if reached is not None and reached >= tstop - TOUCHING else None
