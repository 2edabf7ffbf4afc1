"""Headers of catalogued products, kept: what a query asks of thousands of files without opening them again.

A product is never changed once it is written, so what its header says is read once. Declarations of columns and
comments of keywords, which most products of a kind share, are kept once for all of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa

from mta_assets.archive import product_headers_schema as db
from mta_assets.archive.database import reading, writing
from mta_assets.archive.entries import ProductEntry
from mta_assets.archive.fits_heads import Head, read_heads
from mta_assets.core.errors import BadData, TransientError
from mta_assets.core.tables import Column

BATCH = 500  # products asked for, or written, at once
KEPT = 4096  # headers kept in memory


@dataclass(frozen=True)
class HduLayout:
    """What products of a kind share of one HDU: its name, columns, and its keywords with their comments."""

    name: str
    columns: tuple[Column, ...]
    comments: Mapping[str, str] = field(repr=False, hash=False)


@dataclass(frozen=True)
class ProductHeader:
    """What the header of one product says.

    Attributes
    ----------
    layout
        Its HDUs. A name that stands twice is numbered: ``GTI``, ``GTI_2`` … The primary HDU is called ``PRIMARY``.
    rows
        Rows of each HDU.
    keywords
        Values of the keywords of each HDU.
    """

    layout: tuple[HduLayout, ...]
    rows: tuple[int, ...]
    keywords: tuple[Mapping[str, Any], ...] = field(repr=False)

    def keyword(self, name: str, hdu: str | None = None) -> Any:
        """Value of a keyword in capitals: of the HDU, or of the first HDU that has it; None if none has."""
        for layout, values in zip(self.layout, self.keywords, strict=True):
            if name in values and hdu in (None, layout.name):
                return values[name]
        return None

    def count(self, hdu: str) -> int:
        """Rows of an HDU."""
        return next((rows for layout, rows in zip(self.layout, self.rows, strict=True) if layout.name == hdu), 0)


class ProductHeaders:
    """Headers of the products of a catalog, from memory, the catalog's tables, or the files, in this order.

    Threads may share an object.

    Parameters
    ----------
    engine
        The catalog's database.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._known: dict[int, ProductHeader] = {}
        self._lock = Lock()

    def of(self, products: Iterable[ProductEntry]) -> tuple[dict[int, ProductHeader], list[str]]:
        """Headers by product id, and a note for each file that can not be read."""
        wanted = {product.id: product for product in products}
        with self._lock:
            found = {number: self._known[number] for number in wanted if number in self._known}
        missing = [number for number in wanted if number not in found]
        stored = self._stored(missing)
        found.update(stored)
        fresh, notes = {}, []
        for number in missing:
            if number not in stored:
                try:
                    fresh[number] = header_of(read_heads(Path(wanted[number].path)))
                except (BadData, TransientError, OSError) as error:
                    notes.append(f"product {wanted[number].name} is left out: {error}")
        self._store(fresh)
        found.update(fresh)
        with self._lock:
            self._known.update((number, found[number]) for number in missing if number in found)
            while len(self._known) > KEPT:
                del self._known[next(iter(self._known))]
        return found, notes

    def _stored(self, numbers: list[int]) -> dict[int, ProductHeader]:
        found: dict[int, ProductHeader] = {}
        with reading(self.engine) as connection:
            for first in range(0, len(numbers), BATCH):
                query = (
                    sa.select(db.product_headers.c.product_id, db.product_headers.c.content, db.product_layouts.c.hdus)
                    .join(db.product_layouts, db.product_layouts.c.sha256 == db.product_headers.c.layout)
                    .where(db.product_headers.c.product_id.in_(numbers[first : first + BATCH]))
                )
                for number, content, hdus in connection.execute(query):
                    parts = json.loads(content)
                    rows, keywords = tuple(r for r, _ in parts), tuple(k for _, k in parts)
                    found[number] = ProductHeader(_layout(hdus), rows, keywords)
        return found

    def _store(self, fresh: Mapping[int, ProductHeader]) -> None:
        """Keep what was read; what another process has kept in the meantime is the same."""
        numbers = list(fresh)
        for first in range(0, len(numbers), BATCH):
            part = numbers[first : first + BATCH]
            with writing(self.engine) as connection:
                known = set(
                    connection.execute(
                        sa.select(db.product_headers.c.product_id).where(db.product_headers.c.product_id.in_(part))
                    ).scalars()
                )
                texts = {number: _layout_text(fresh[number].layout) for number in part if number not in known}
                _insert(connection, db.product_layouts, [{"sha256": _digest(t), "hdus": t} for t in {*texts.values()}])
                rows = [
                    {"product_id": number, "layout": _digest(text), "content": _content(fresh[number])}
                    for number, text in texts.items()
                ]
                _insert(connection, db.product_headers, rows)


def header_of(heads: Iterable[Head]) -> ProductHeader:
    """What is kept of the HDUs of a file."""
    seen: dict[str, int] = {}
    layout, rows, keywords = [], [], []
    for place, head in enumerate(heads):
        name = (head.name or ("HDU" if place else "PRIMARY")).upper()
        seen[name] = seen.get(name, 0) + 1
        unique = name if seen[name] == 1 else f"{name}_{seen[name]}"
        comments = {key: comment for key, (_, comment) in head.keywords.items()}
        layout.append(HduLayout(unique, head.columns, comments))
        rows.append(head.rows)
        keywords.append({key: value for key, (value, _) in head.keywords.items()})
    return ProductHeader(tuple(layout), tuple(rows), tuple(keywords))


def _content(header: ProductHeader) -> str:
    return json.dumps(list(zip(header.rows, header.keywords, strict=True)), separators=(",", ":"))


def _layout_text(layout: tuple[HduLayout, ...]) -> str:
    plain = [[hdu.name, [asdict(column) for column in hdu.columns], dict(hdu.comments)] for hdu in layout]
    return json.dumps(plain, separators=(",", ":"), sort_keys=True)


@lru_cache(maxsize=512)
def _layout(text: str) -> tuple[HduLayout, ...]:
    return tuple(
        HduLayout(name, tuple(_column(column) for column in columns), comments)
        for name, columns, comments in json.loads(text)
    )


def _column(plain: Mapping[str, Any]) -> Column:
    limits = plain["limits"]
    return Column(**{**plain, "shape": tuple(plain["shape"]), "limits": tuple(limits) if limits else None})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _insert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Rows of which some may be there already."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgres

        connection.execute(postgres(table).on_conflict_do_nothing(), rows)
    else:
        from sqlalchemy.dialects.sqlite import insert as sqlite

        connection.execute(sqlite(table).on_conflict_do_nothing(), rows)
