"""Damage to products: what files that are cut, wrongly made or of another kind may hold, one fault or several.

A step that is given damaged products has to end in products with their findings, or in `BadData` or `NothingToDo`
with words that help. `answer` runs one and holds that; what a pipeline refuses by the columns that the registry
declares is refused here as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from mta_assets.core.content import named, problems
from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.tables import Product, Table
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.registry import Registry, load_registry

Array = NDArray[Any]
Given = Mapping[str, Sequence[Product]]

ROWS: dict[str, Callable[[int], Any]] = {
    "no rows": lambda n: slice(0, 0),
    "one row": lambda n: slice(0, 1),
    "two rows": lambda n: slice(0, 2),
    "reversed": lambda n: slice(None, None, -1),
    "mixed": lambda n: np.random.default_rng(n).permutation(n),
    "twice": lambda n: np.tile(np.arange(n), 2),
}
VALUES = (None, "words", "", -1, 0, 1e300, 2**40, True, "12")  # of keywords; None: not there. A card holds no NaN
PARAMETERS = (None, "", "INDEF", "words", "nan", "inf", "-1", "0", "1e300", "7.5")  # of values in an OBSPAR
COLUMNS = (
    "missing", "nan", "all nan", "inf", "all inf", "-inf", "huge", "all huge", "least", "zero", "negative", "one",
    "words", "pairs", "whole", "single", "double", "big", "masked",
)  # fmt: skip


@dataclass(frozen=True)
class Damage:
    """One fault: of a column, a keyword (of a table; of the product: table −1), a parameter or the rows of a table."""

    file_id: str
    number: int
    table: int
    where: str
    name: str
    kind: Any

    def __str__(self) -> str:
        return f"{self.file_id}[{self.number}][{self.table}] {self.where} {self.name}: {self.kind!r}"


def every(given: Given) -> Iterator[Damage]:
    """All single faults of products by file id."""
    for file_id, products in given.items():
        for number, product in enumerate(products):
            yield from (Damage(file_id, number, -1, "keyword", name, v) for name in product.header for v in VALUES)
            for index, table in enumerate(product.tables):
                place = (file_id, number, index)
                yield from (Damage(*place, "rows", "", kind) for kind in ROWS)
                yield from (Damage(*place, "keyword", name, value) for name in table.header for value in VALUES)
                if table.name == "OBSPAR":
                    names = table["name"].tolist()
                    yield from (Damage(*place, "parameter", name, value) for name in names for value in PARAMETERS)
                yield from (Damage(*place, "column", name, kind) for name in table.columns for kind in COLUMNS)


def faults(given: Given) -> st.SearchStrategy[list[Damage]]:
    """One to three faults at once."""
    return st.lists(st.sampled_from(list(every(given))), min_size=1, max_size=3)


def damaged(given: Given, faults: Iterable[Damage]) -> dict[str, list[Product]]:
    """The products with faults; what they were is unchanged."""
    made = {file_id: list(products) for file_id, products in given.items()}
    for fault in sorted(faults, key=lambda one: one.where != "parameter"):  # which ask for a table that is whole
        product = made[fault.file_id][fault.number]
        made[fault.file_id][fault.number] = _product(product, fault)
    return made


def _product(product: Product, fault: Damage) -> Product:
    if fault.table < 0:
        return replace(product, header=_header(product.header, fault))
    tables = list(product.tables)
    tables[fault.table] = _table(tables[fault.table], fault)
    return replace(product, tables=tuple(tables))


def _header(header: Mapping[str, Any], fault: Damage) -> dict[str, Any]:
    rest = {name: value for name, value in header.items() if name != fault.name}
    return rest if fault.kind is None else {**rest, fault.name: (fault.kind, "damaged")}


def _table(table: Table, fault: Damage) -> Table:
    if fault.where == "keyword":
        return replace(table, header=_header(table.header, fault))
    if fault.where == "rows":
        return table.where(ROWS[fault.kind](len(table)))
    if fault.where == "parameter":
        kept = [index for index, name in enumerate(table["name"].tolist()) if name != fault.name]
        rest = {name: table[name][kept].tolist() for name in ("name", "value")}
        if fault.kind is not None:
            rest = {"name": [*rest["name"], fault.name], "value": [*rest["value"], fault.kind]}
        return replace(table, columns={name: np.array(values) for name, values in rest.items()})
    columns = {name: array for name, array in table.columns.items() if (name, fault.kind) != (fault.name, "missing")}
    if fault.name in columns:
        columns[fault.name] = spoilt(columns[fault.name], fault.kind)
    return Table(table.name, columns, dict(table.header))


def spoilt(values: Array, kind: str) -> Array:
    """A column with a fault; one of texts or bits gets what fits it."""
    if kind == "words":
        return np.full(len(values), "words")
    if kind == "pairs":
        return np.stack([values, values], axis=-1)
    if values.dtype.kind not in "iuf":
        return np.full(values.shape, {"one": "x", "huge": "x" * 300}.get(kind, "")) if values.dtype.kind == "U" else (
            np.ones_like(values) if kind in ("one", "huge", "inf") else np.zeros_like(values)
        )  # fmt: skip
    whole = values.dtype.kind in "iu"
    info = np.iinfo(values.dtype) if whole else np.finfo(values.dtype)
    some = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf, "huge": info.max, "least": info.min, "negative": -1}
    whole_column = {"all nan": np.nan, "all inf": np.inf, "all huge": info.max, "zero": 0, "one": 1}
    kinds = {"whole": "i8", "single": "f4", "double": "f8", "big": values.dtype.newbyteorder(">")}
    with np.errstate(all="ignore"):
        if kind in kinds:
            return np.nan_to_num(values).astype(kinds[kind])
        if kind == "masked":
            return np.where(np.ones_like(values, bool), -999, 0).astype(values.dtype)
        value = some.get(kind, whole_column.get(kind))
        kept = values.astype("f8") if whole and isinstance(value, float) else values.copy()
        rows = slice(None) if kind in whole_column else slice(len(values) // 3, len(values) // 3 + 2)
        kept[rows] = np.asarray(value).astype(kept.dtype)
    return kept


@cache
def registry() -> Registry:
    return load_registry(load_mission("chandra"))


def answer(step: Callable[..., Any], given: Given, *args: Any, **params: Any) -> list[Product | Table]:
    """What a step makes of products, by the names of its arguments; nothing if it refuses them, with words that help.

    Products are those of the registry by their file ids, arguments their places in ``given``.
    """
    words, found = "", []
    try:
        for products in given.values():
            for product in products:
                wrong = problems(registry().product(product.file_id).columns, named(product.tables))
                if wrong:
                    raise BadData(f"{product.file_id}{wrong[0]}")
        found = _flat(step(*given.values(), *args, **params))
    except (BadData, NothingToDo) as error:
        words = f"refused: {error}"
    assert not words or len(words) > 35, words
    for item in found:
        if isinstance(item, Product):
            presentable(item)
    return found


def _flat(made: Any) -> list[Product | Table]:
    if isinstance(made, Product | Table):
        return [made]
    if isinstance(made, Mapping):
        return []
    return [one for item in made for one in _flat(item)]


def presentable(product: Product) -> None:
    """A product can be written: its time and all numbers of its headers are finite."""
    assert math.isfinite(product.tstart), product.file_id
    assert math.isfinite(product.tstop), product.file_id
    assert product.tstart <= product.tstop, product.file_id
    for header in (product.header, *(table.header for table in product.tables)):
        for name, value in header.items():
            plain = value[0] if isinstance(value, tuple) else value
            if isinstance(plain, float | np.floating):
                assert math.isfinite(plain), f"{product.file_id}: {name} is {plain}"
