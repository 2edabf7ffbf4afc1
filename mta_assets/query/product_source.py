"""Columns and header keywords of the standard products as parameters, and complete products, through the catalog.

Names are those of `query.product_names`, times those of `query.product_read`. Current versions are used, or with
``as_of`` those of then. A product that can not be read is left out, with a note.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.catalog_base import CatalogBase
from mta_assets.archive.entries import ProductEntry
from mta_assets.archive.product_headers import ProductHeader, ProductHeaders
from mta_assets.archive.text_files import is_text
from mta_assets.core.errors import BadData, TransientError
from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import Array, ParameterInfo, Samples, nanosecond
from mta_assets.query import product_names
from mta_assets.query.product_names import ENTRY, Layout, Place
from mta_assets.query.product_read import held, rows_of, uniform, value_of
from mta_assets.query.product_select import file_ids, select_products
from mta_assets.query.time_order import Piece, concatenate, in_time_order

LOOKED_AT = 4  # oldest and newest products of a file id whose headers say which names it has
MARGIN = 1_000_000_000  # [ns] by how much rows may lie before TSTART of their product
FLAG_STATES = {0: "F", 1: "T"}  # of FITS truth values


class ProductSource:
    """Products of a catalog. Made for one query.

    Parameters
    ----------
    catalog
        An open catalog.
    streams
        Streams whose products are used: the archival ones, unless quick look is asked for.

    Attributes
    ----------
    notes
        What was left out, and why.
    """

    label = "products"

    def __init__(self, catalog: CatalogBase, streams: Sequence[str] = ("sdp",)) -> None:
        self.engine = catalog.engine
        self.streams = tuple(streams)
        self.headers = ProductHeaders(catalog.engine)
        self.notes: list[str] = []
        self._file_ids: dict[str, str] | None = None
        self._layouts: dict[str, list[Layout]] = {}
        self._newest: dict[str, list[ProductEntry]] = {}
        self._places: dict[str, tuple[Place, ParameterInfo] | None] = {}

    # ---- names

    def names(self) -> Sequence[str]:
        """Whole names of everything in the oldest and newest products of each file id."""
        return [name for file_id in self._known().values() for name in product_names.listed(file_id, self._of(file_id))]

    def info(self, name: str) -> ParameterInfo | None:
        """What is known of a column, keyword or catalog field."""
        found = self._find(name)
        return found[1] if found else None

    def _find(self, name: str) -> tuple[Place, ParameterInfo] | None:
        key = name.upper()
        if key not in self._places:
            self._places[key] = self._look(name)
            if (found := self._places[key]) is not None:
                self._places[found[1].name.upper()] = found
        return self._places[key]

    def _look(self, name: str) -> tuple[Place, ParameterInfo] | None:
        head, dot, rest = name.partition(".")
        file_id = self._known().get(head.upper())
        if not dot or not rest or file_id is None:
            return None
        place = product_names.find(file_id, rest, self._of(file_id))
        if place is None:  # something that only some products have
            headers = self._headers(select_products(self.engine, [file_id], None, self.streams))
            self._layouts[file_id] = list({header.layout: None for header in headers.values()})
            place = product_names.find(file_id, rest, self._layouts[file_id])
        return (place, self._describe(place)) if place else None

    def _known(self) -> dict[str, str]:
        if self._file_ids is None:
            self._file_ids = {file_id.upper(): file_id for file_id in file_ids(self.engine, self.streams)}
        return self._file_ids

    def _of(self, file_id: str) -> list[Layout]:
        """Layouts of the newest and the oldest products, the newest first."""
        if file_id not in self._layouts:
            products = select_products(self.engine, [file_id], None, self.streams)
            few = {product.id: product for product in [*products[-LOOKED_AT:][::-1], *products[:LOOKED_AT]]}
            headers = self._headers(few.values())
            found = [headers[number].layout for number in few if number in headers]
            self._layouts[file_id] = list(dict.fromkeys(found))
        return self._layouts[file_id]

    def _headers(self, products: Iterable[ProductEntry]) -> dict[int, ProductHeader]:
        found, notes = self.headers.of(product for product in products if not is_text(Path(product.path)))
        self._note(notes)
        return found

    def _note(self, notes: Iterable[str]) -> None:
        self.notes += [note for note in notes if note not in self.notes]

    def _describe(self, place: Place) -> ParameterInfo:
        if place.file_id not in self._newest:
            found = select_products(self.engine, [place.file_id], None, self.streams)
            self._newest[place.file_id] = found[-LOOKED_AT:]
        newest = self._newest[place.file_id]
        headers = self._headers(newest)
        states: Mapping[int, str] = {}
        period = 0.0
        if place.kind == "column" and place.column is not None:
            states = FLAG_STATES if place.column.dtype == "bool" else {}
            dtype = "u1" if states else place.column.dtype
            period = next((float(p) for h in headers.values() if _number(p := h.keyword("TIMEDEL", place.hdu))), 0.0)
        elif place.kind == "row":
            dtype = "i8"
        else:
            values = [value_of(entry, headers.get(entry.id), place) for entry in newest]
            known = [value for value in values if value is not None]
            flags = bool(known) and all(isinstance(value, bool) for value in known)
            states = FLAG_STATES if flags else {}
            dtype = ENTRY[place.label][0] if place.kind == "entry" else uniform(known).dtype.str.lstrip("<>|=")
        return ParameterInfo(place.name, place.group, dtype, place.unit, place.doc, states, period, origin="product")

    # ---- samples

    def read(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Mapping[str, Samples]:
        """Samples of columns, and values of keywords that hold for the interval of their product."""
        found: dict[str, list[Samples]] = {name: [] for name in names}
        for _, piece in self._pieces(names, intervals, raw, as_of):
            for name, samples in piece.items():
                found[name].append(samples)
        return {name: concatenate(parts) if parts else self._empty(name) for name, parts in found.items()}

    def blocks(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Iterator[Mapping[str, Samples]]:
        """The same in order of time, about a million rows at once (more, where products overlap)."""
        for block in in_time_order(self._pieces(names, intervals, raw, as_of)):
            yield {name: block[name] if name in block else self._empty(name) for name in names}

    def _empty(self, name: str) -> Samples:
        info = self._place(name)[1]
        return Samples(info, np.zeros(0, np.int64), np.zeros(0, info.dtype))

    def _place(self, name: str) -> tuple[Place, ParameterInfo]:
        found = self._find(name)
        if found is None:
            raise BadData(f"{name}: no product has such a column or keyword; names are FILE_ID.HDU.COLUMN")
        return found

    def _pieces(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool, as_of: float | None
    ) -> Iterator[Piece]:
        """Product by product in order of their start, all names of a table together."""
        places = {name: self._place(name) for name in dict.fromkeys(names)}
        tables: dict[tuple[str, str], dict[str, Place]] = {}
        single: dict[str, list[str]] = {}
        for name, (place, _) in places.items():
            if place.kind in ("column", "row"):
                tables.setdefault((place.file_id, place.hdu or ""), {})[name] = place
            else:
                single.setdefault(place.file_id, []).append(name)
        wanted = {place.file_id for place, _ in places.values()}
        for entry in select_products(self.engine, wanted, intervals, self.streams, as_of):
            bound = nanosecond(entry.tstart) - MARGIN
            if entry.file_id in single:
                headers = self._headers([entry])
                fields = {name: held([entry], headers, *places[name]) for name in single[entry.file_id]}
                yield bound, {name: samples for name, samples in fields.items() if len(samples)}
            for (file_id, _), members in tables.items():
                if file_id == entry.file_id:
                    yield from self._rows(entry, members, places, intervals, raw)

    def _rows(
        self, entry: ProductEntry, members: Mapping[str, Place], places: Mapping[str, tuple[Place, ParameterInfo]],
        intervals: Intervals | None, raw: bool,
    ) -> Iterator[Piece]:  # fmt: skip
        bound = nanosecond(entry.tstart) - MARGIN
        named = [(place, replace(places[name][1], name=name)) for name, place in members.items()]
        try:
            for found in rows_of(entry, named, intervals, raw):
                yield bound, {name: replace(s, info=places[name][1]) for name, s in found.items()}
        except (BadData, TransientError, OSError) as error:
            self._note([f"product {entry.name} is left out: {error}"])

    # ---- what there is

    def span(self, names: Sequence[str]) -> tuple[float, float] | None:
        """From the first start to the last stop of the products that the names are of."""
        wanted = {place.file_id for place, _ in map(self._place, names)}
        products = select_products(self.engine, wanted, None, self.streams)
        if not products:
            return None
        return min(p.tstart for p in products), max(p.tstop for p in products)

    def estimate(self, names: Sequence[str], intervals: Intervals | None) -> tuple[int, int]:
        """Rows and bytes of all rows of the products that touch the intervals."""
        places = [self._place(name) for name in names]
        rows: dict[str, int] = {}
        size = 0
        products = select_products(self.engine, {place.file_id for place, _ in places}, intervals, self.streams)
        headers = self._headers(products)
        for place, info in places:
            own = [headers[p.id] for p in products if p.file_id == place.file_id and p.id in headers]
            table = place.kind in ("column", "row")
            count = sum(header.count(place.hdu or "") if table else 1 for header in own)
            rows[place.group] = max(rows.get(place.group, 0), count)
            size += count * (8 + np.dtype(info.dtype).itemsize)
        return sum(rows.values()), size

    # ---- complete products

    def find_products(
        self, patterns: Sequence[str], intervals: Intervals | None, as_of: float | None = None
    ) -> Sequence[ProductEntry]:
        """Products by start time whose file id fits one of the patterns (``*``, ``?``; case does not matter)."""
        known = self._known()
        fits = [known[key] for key in known if any(fnmatch.fnmatchcase(key, pattern.upper()) for pattern in patterns)]
        return select_products(self.engine, fits, intervals, self.streams, as_of) if fits else []

    def keyword(self, products: Sequence[ProductEntry], name: str) -> tuple[Array, NDArray[np.bool_]] | None:
        """Values of a keyword or catalog field, one for each product, and which have none; None if none has it.

        ``NUMSCANS``, ``HEADER.NUMSCANS``, ``SPSS.NUMSCANS`` (only of that file id), ``EVENTS.NUMSCANS`` (of that HDU),
        ``PRODUCT.VERSION``. What the catalog knows (`query.product_names.ENTRY`) goes by its bare name too, unless the
        headers have such a keyword. Truth values are 0 and 1; if any value is text, all are.
        """
        headers = self._headers(products)
        key = name.upper().removeprefix("HEADER.")
        values = [self._keyword(entry, headers.get(entry.id), key) for entry in products]
        if all(value is None for value in values) and key.removeprefix("PRODUCT.") in ENTRY:
            field = key.removeprefix("PRODUCT.").lower()
            values = [getattr(entry, field) for entry in products]
        missing = np.array([value is None for value in values], bool)
        if missing.all():
            return None
        known = uniform([value for value in values if value is not None])
        filled = np.zeros(len(values), known.dtype)
        filled[~missing] = known
        return filled, missing

    def _keyword(self, entry: ProductEntry, header: ProductHeader | None, key: str) -> Any:
        if header is None:
            return None
        first, _, rest = key.partition(".")
        if rest and first == entry.file_id.upper():
            return self._keyword(entry, header, rest.removeprefix("HEADER."))
        return header.keyword(rest, first) if rest else header.keyword(key)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and value > 0
