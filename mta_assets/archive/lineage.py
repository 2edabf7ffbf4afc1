"""What products were made from, of many at once, and why a version is another one than that before it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from mta_assets.archive import catalog_schema as db
from mta_assets.archive.catalog_base import CatalogBase
from mta_assets.archive.database import reading
from mta_assets.archive.entries import InputEntry, ProductEntry

BATCH = 500  # ids asked for at once
BECAUSE = ", because: "  # in the message of a run, before what makes a version another one
LISTED = 3  # files of a kind that a reason names


def inputs_of(catalog: CatalogBase, products: Iterable[int]) -> dict[int, list[InputEntry]]:
    """Inputs of many products by their ids."""
    c = db.product_inputs.c
    query = sa.select(c.product_id, c.input_name, c.input_sha256, c.input_product_id).order_by(c.input_name)
    found: dict[int, list[InputEntry]] = defaultdict(list)
    for row in _in_batches(catalog, query, c.product_id, products):
        found[row.product_id].append(InputEntry(row.input_name, row.input_sha256, row.input_product_id))
    return found


def made_from(catalog: CatalogBase, products: Iterable[int]) -> list[tuple[int, int]]:
    """Pairs of a product's id and the id of a current one, made here, that was made from it."""
    i, p = db.product_inputs.c, db.products.c
    joined = db.product_inputs.join(db.products, p.id == i.product_id)
    # what is current and ours is told apart here: asked in SQL, SQLite would go through all of ours for each batch
    query = sa.select(i.input_product_id, i.product_id, p.current, p.origin).select_from(joined)
    rows = _in_batches(catalog, query, i.input_product_id, products)
    return [(row[0], row[1]) for row in rows if row.current and row.origin == "pipeline"]


def outdated(catalog: CatalogBase) -> list[tuple[int, int, str]]:
    """Ids of current products made here with an input that is not current any more: that input's id and name."""
    made, source = db.products.alias(), db.products.alias()
    i = db.product_inputs.c
    joined = db.product_inputs.join(made, made.c.id == i.product_id).join(source, source.c.id == i.input_product_id)
    query = (
        sa.select(made.c.id, source.c.id, source.c.name)
        .select_from(joined)
        .where(made.c.current, made.c.origin == "pipeline", sa.not_(source.c.current))
        .order_by(made.c.id, source.c.name)
    )
    with reading(catalog.engine) as connection:
        return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def entries(catalog: CatalogBase, products: Iterable[int]) -> dict[int, ProductEntry]:
    """Entries of products by their ids."""
    rows = _in_batches(catalog, sa.select(db.products), db.products.c.id, products)
    return {row.id: ProductEntry(**row._mapping) for row in rows}


def _in_batches(catalog: CatalogBase, query: sa.Select[Any], column: Any, ids: Iterable[Any]) -> Iterator[Any]:
    wanted = sorted(set(ids))
    with reading(catalog.engine) as connection:
        for first in range(0, len(wanted), BATCH):
            yield from connection.execute(query.where(column.in_(wanted[first : first + BATCH])))


def reasons(catalog: CatalogBase, stream: str, names: Iterable[str]) -> list[str]:
    """Why these products are other versions than those before them, each reason once; by name of the product."""
    p, r = db.products.c, db.runs.c
    query = sa.select(r.message).select_from(db.products.join(db.runs, p.run_id == r.run_id)).where(p.stream == stream)
    messages = [row.message for row in _in_batches(catalog, query.order_by(p.name), p.name, names)]
    return list(dict.fromkeys(text.partition(BECAUSE)[2] for text in messages if BECAUSE in text))


def because(before: Sequence[InputEntry], after: Sequence[InputEntry]) -> str:
    """Which inputs differ, in words; empty if none does.

    Files are of one kind if their names differ in numbers only: ``acisD2000-01-29gain_ctiN0001.fits →
    acisD2000-01-29gain_ctiN0002.fits``; ``with A``, ``without B``; ``A has other bytes``.
    """
    old, new = ({(one.name, one.sha256) for one in some} for some in (before, after))
    gone, come = _by_kind(old - new), _by_kind(new - old)
    return "; ".join(text for kind in sorted({*gone, *come}) for text in _changes(gone[kind], come[kind]))


def _by_kind(files: Iterable[tuple[str, str]]) -> defaultdict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, _ in sorted(files):
        found[re.sub(r"\d+", "#", name)].append(name)
    return found


def _changes(gone: list[str], come: list[str]) -> Iterator[str]:
    if gone == come:
        yield f"{_listed(come)} {'has' if len(come) == 1 else 'have'} other bytes"
    elif gone and come:
        yield f"{_listed(gone)} → {_listed(come)}"
    else:
        yield f"with {_listed(come)}" if come else f"without {_listed(gone)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
