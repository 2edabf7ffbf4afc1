"""Which products a query is about: by file id, time, stream, and as they stood at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from mta_assets.archive import catalog_schema as db
from mta_assets.archive.database import reading
from mta_assets.archive.entries import ProductEntry
from mta_assets.core.intervals import Intervals


def file_ids(engine: sa.Engine, streams: Sequence[str] = ("sdp",)) -> list[str]:
    """All file ids that have products, in the order of the alphabet."""
    c = db.products.c
    with reading(engine) as connection:
        query = sa.select(c.file_id).where(c.stream.in_(list(streams))).distinct().order_by(c.file_id)
        return list(connection.execute(query).scalars())


def select_products(
    engine: sa.Engine,
    wanted: Iterable[str],
    intervals: Intervals | None = None,
    streams: Sequence[str] = ("sdp",),
    as_of: float | None = None,
) -> list[ProductEntry]:
    """Products by start time.

    Parameters
    ----------
    wanted
        File ids.
    intervals
        Only products whose interval [TSTART, TSTOP] touches one of these [start, stop); None is everything.
    as_of
        Those that were current then, TT seconds since 1998.0 TT; None is now.
    """
    c = db.products.c
    query = sa.select(db.products).where(c.file_id.in_(list(wanted)), c.stream.in_(list(streams)))
    if intervals is not None:
        if not len(intervals):
            return []
        query = query.where(c.tstart < float(intervals[:, 1].max()), c.tstop >= float(intervals[:, 0].min()))
    if as_of is None:
        query = query.where(c.current)
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(c.tstart, c.name, c.id)).all()
        found = [ProductEntry(**row._mapping) for row in rows]
        if as_of is not None and found:
            found = _standing(connection, found, as_of)
    return found if intervals is None else _touching(found, intervals)


def _touching(products: list[ProductEntry], intervals: Intervals) -> list[ProductEntry]:
    """Those that touch one of several intervals, which are sorted and disjoint."""
    tstart = np.array([product.tstart for product in products])
    tstop = np.array([product.tstop for product in products])
    first = np.searchsorted(intervals[:, 1], tstart, side="right")  # the first interval that ends behind the start
    near = np.minimum(first, len(intervals) - 1)
    touches = (first < len(intervals)) & (intervals[near, 0] <= tstop)
    return [product for product, here in zip(products, touches.tolist(), strict=True) if here]


def _standing(connection: sa.Connection, products: list[ProductEntry], as_of: float) -> list[ProductEntry]:
    """Of each series the version that had been made, or confirmed, last by then and had not been taken out of use.

    A version that was replaced, confirmed again and replaced once more is only known by its first making and its last
    confirmation; in between the one made last is taken.
    """
    made = _finished(connection, {run for product in products for run in (product.run_id, product.confirmed_by)})
    delivered = {product.id: product for product in products if product.delivered}
    best: dict[tuple[str, str], tuple[float, int, ProductEntry]] = {}
    for product in products:
        winner = delivered.get(product.superseded_by or 0)
        if winner is not None and made[winner.run_id] <= as_of:
            continue  # from then on what was delivered stands, whatever was made again beside it
        moments = [made[run] for run in (product.run_id, product.confirmed_by) if made[run] <= as_of]
        if not moments:
            continue
        key, mark = (product.stream, product.series), (max(moments), product.version, product)
        if key not in best or mark[:2] > best[key][:2]:
            best[key] = mark
    standing = {product.id: product for *_, product in best.values()}
    ended = _retired(connection, [p for p in standing.values() if not p.current and p.superseded_by is None], made)
    return [p for p in products if p.id in standing and ended.get(p.id, np.inf) > as_of]


def _finished(connection: sa.Connection, runs: set[str]) -> dict[str, float]:
    c = db.runs.c
    found: dict[str, float] = {}
    names = sorted(runs)
    for first in range(0, len(names), 500):
        query = sa.select(c.run_id, c.finished).where(c.run_id.in_(names[first : first + 500]))
        found.update((row.run_id, row.finished) for row in connection.execute(query))
    return found


def _retired(connection: sa.Connection, products: list[ProductEntry], finished: dict[str, float]) -> dict[int, float]:
    """When products that have no successor went out of use: with the next run that did not make them again."""
    c = db.runs.c
    found: dict[int, float] = {}
    for product in products:
        same: tuple[Any, ...] = (
            c.pipe_id == product.pipe_id, c.partition == product.partition, c.stream == product.stream,
            c.outcome == "done", c.finished > finished[product.confirmed_by],
        )  # fmt: skip
        moment = connection.execute(sa.select(sa.func.min(c.finished)).where(*same)).scalar()
        if moment is not None:
            found[product.id] = float(moment)
    return found
