"""Samples of each parameter out of the engineering products of a subsystem, whatever their layout.

Understood are the layout of the level-0 engineering files (``TIME``, ``MJF``, ``MNF``, ``QUALITY`` with one bit for
each column of the table, values; the second table has the raw counts) and that of decommutated tables (``time``,
``counter``, ``NAME``, ``NAME__r``, ``NAME__q``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Column, Product, Table

Array = NDArray[Any]
NOT_PARAMETERS = frozenset({"TIME", "time", "counter", "MJF", "MNF", "QUALITY"})


@dataclass(frozen=True)
class Samples:
    """All samples of one parameter in time order: (n,) times [TT s], values, raw counts, and which are not good."""

    name: str
    unit: str
    time: Array
    value: Array
    raw: Array
    bad: Array | None

    @property
    def good(self) -> Array:
        """Mask of the samples that count: flagged good and finite."""
        finite = np.isfinite(self.value)
        return finite if self.bad is None else finite & ~self.bad


def collect(products: Iterable[Product]) -> dict[str, Samples]:
    """Samples of all numeric parameters; those that several products or tables carry are joined in time order."""
    found: dict[str, list[Samples]] = {}
    for product in products:
        for samples in _of_product(product):
            found.setdefault(samples.name, []).append(samples)
    return {name: parts[0] if len(parts) == 1 else _join(parts) for name, parts in found.items()}


def _of_product(product: Product) -> Iterator[Samples]:
    values, raw = _tables(product)
    if values is None:
        return
    time = values["TIME" if "TIME" in values else "time"].astype(np.float64, copy=False)
    order = None if np.all(time[1:] > time[:-1]) else np.unique(time, return_index=True)[1]
    units = {column.name: _unit(column) for column in values.schema.columns} if values.schema else {}
    flagged = values.columns.get("QUALITY")
    for index, (name, value) in enumerate(values.columns.items()):
        if name in NOT_PARAMETERS or "__" in name or value.ndim != 1 or value.dtype.kind not in "iufb":
            continue
        bad = None
        if flagged is not None:
            bad = flagged[:, index] != 0
        elif f"{name}__q" in values:
            bad = values[f"{name}__q"] != 0
        counts = _counts(values, raw, name)
        bad = bad if bad is not None and bad.any() else None
        if order is None:
            yield Samples(name, units.get(name, ""), time, value, counts, bad)
        else:
            flags = None if bad is None else bad[order]
            yield Samples(name, units.get(name, ""), time[order], value[order], counts[order], flags)


def _tables(product: Product) -> tuple[Table | None, Table | None]:
    """The table of values and, if it stands apart, that of raw counts with the same rows."""
    timed = [table for table in product.tables if "TIME" in table or "time" in table]
    if not timed:
        return None, None
    rest = [table for table in product.tables if table is not timed[0] and len(table) == len(timed[0])]
    return timed[0], rest[0] if rest else None


def _unit(column: Column) -> str:
    """The unit, or the one that the comment starts with: FITS has no name for some, ``[DEGF] panel temperature``."""
    stated = re.match(r"\[([^\]]+)\]", column.doc)
    return column.unit or (stated[1] if stated else "")


def _counts(values: Table, raw: Table | None, name: str) -> Array:
    if raw is not None and name in raw:
        return raw[name]
    return values[f"{name}__r"] if f"{name}__r" in values else values[name]


def _join(parts: list[Samples]) -> Samples:
    time = np.concatenate([part.time for part in parts])
    bad = np.concatenate([np.zeros(len(p.time), bool) if p.bad is None else p.bad for p in parts])
    value, raw = np.concatenate([p.value for p in parts]), np.concatenate([p.raw for p in parts])
    if np.all(time[1:] > time[:-1]):
        return Samples(parts[0].name, parts[0].unit, time, value, raw, bad if bad.any() else None)
    order = np.lexsort((bad, time))  # of two samples at one time the good one stays
    order = order[np.concatenate([[True], np.diff(time[order]) > 0])]
    bad = bad[order]
    return Samples(parts[0].name, parts[0].unit, time[order], value[order], raw[order], bad if bad.any() else None)
