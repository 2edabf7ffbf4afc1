"""Queries for complete products: which products of the file ids asked for lie in the times and meet the condition.

A name of the condition is a header keyword of the products, if one of them has it; else it is a parameter, and then a
product is kept if the condition is true at any of its samples between the product's start and stop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.entries import ProductEntry
from mta_assets.core.errors import MtaError
from mta_assets.core.samples import ParameterInfo, Samples, to_nanoseconds
from mta_assets.query import expressions, spans
from mta_assets.query.align import hold
from mta_assets.query.answer import AnswerTable, units_of
from mta_assets.query.build import good_of
from mta_assets.query.evaluate import Rows, condition
from mta_assets.query.execute import Execution
from mta_assets.query.model import Expression, Name, Position, Products
from mta_assets.query.plan import Plan
from mta_assets.query.reading import Reader
from mta_assets.query.sources import ProductFinder
from mta_assets.query.spans import Spans

TEXTS = ("file_id", "name", "path", "level", "partition", "sha256")
NUMBERS = {"version": "i8", "rows": "i8", "size": "i8", "tstart": "f8", "tstop": "f8", "created": "f8"}
UNITS = {"size": "byte", "tstart": "s", "tstop": "s", "created": "s"}


@dataclass(frozen=True)
class _Keywords:
    values: dict[str, tuple[NDArray[Any], NDArray[np.bool_]]]


def find(plan: Plan, run: Execution) -> list[ProductEntry]:
    """The products that the query asks for, by start time.

    Raises
    ------
    MtaError
        If no source knows products.
    """
    finders = [source for source in plan.resolver.sources if hasattr(source, "find_products")]
    if not finders or not isinstance(plan.query.what, Products):
        raise MtaError("no source of this query knows products; a catalog of products is needed")
    finder = cast(ProductFinder, finders[0])
    if plan.query.windows:
        span, moments = _stretch(plan, run)
        span = spans.merged(np.concatenate([span, np.column_stack([moments, moments + 1])]))
    else:
        span = plan.span
    patterns = [name.value for name in plan.query.what.file_ids]
    found: Sequence[ProductEntry] = (
        finder.find_products(patterns, span / spans.SECOND, as_of=plan.query.as_of) if len(span) else []
    )
    found = sorted(found, key=lambda product: (product.tstart, product.name))
    if plan.query.where is not None and found:
        kept = _kept(plan, plan.query.where, found, finder, run.notes)
        found = [product for product, keep in zip(found, kept.tolist(), strict=True) if keep]
    return list(found)[: plan.query.limit]


def _stretch(plan: Plan, run: Execution) -> tuple[Spans, NDArray[np.int64]]:
    from mta_assets.query.events import stretches

    windows = tuple(replace(w, condition=plan.resolver.expanded(w.condition)) for w in plan.query.windows)
    return stretches(Reader(replace(plan, query=replace(plan.query, windows=windows))), run.check, run.notes)


def _kept(
    plan: Plan, node: Expression, found: Sequence[ProductEntry], finder: ProductFinder, notes: Counter[str]
) -> NDArray[np.bool_]:
    leaves = {expressions.key(leaf).upper(): leaf for leaf in expressions.leaves(node)}
    keywords = {key: finder.keyword(found, expressions.key(leaf)) for key, leaf in leaves.items()}
    others = [leaf for key, leaf in leaves.items() if keywords[key] is None]
    known = _Keywords({key: got for key, got in keywords.items() if got is not None})
    if not others:
        return _true(plan, node, known, {}, np.arange(len(found)), np.zeros(len(found), np.int64), notes)
    return _at_samples(plan, node, found, known, others, notes)


def _at_samples(
    plan: Plan,
    node: Expression,
    found: Sequence[ProductEntry],
    known: _Keywords,
    others: Sequence[Name | Position],
    notes: Counter[str],
) -> NDArray[np.bool_]:
    """Rows are the samples of the first parameter within each product; a product is kept with any of its rows."""
    for leaf in others:
        plan.resolver.one(leaf)
    names = [expressions.key(leaf).upper() for leaf in others]
    edges = to_nanoseconds(np.array([[p.tstart, p.tstop] for p in found]).ravel()).reshape(-1, 2)
    edges[:, 1] = np.maximum(edges[:, 1], edges[:, 0] + 1)
    beside = max(hold(plan.names[name].info) for name in names) * (1 + expressions.depth(node))
    samples = good_of(Reader(plan).read(names, spans.merged(edges), beside), plan.query.good_only)
    lead = samples[names[0]]
    last = lead.time if lead.until is None else np.maximum(lead.until - 1, lead.time)
    low, high = np.searchsorted(last, edges[:, 0]), np.searchsorted(lead.time, edges[:, 1])
    count = np.maximum(high - low, 0)
    product = np.repeat(np.arange(len(found)), count)
    at = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(low, count)
    time = np.maximum(lead.time[at], edges[product, 0])
    true = _true(plan, node, known, samples, product, time, notes)
    return np.bincount(product[true], minlength=len(found)) > 0


def _true(
    plan: Plan,
    node: Expression,
    known: _Keywords,
    samples: dict[str, Samples],
    product: NDArray[np.int64],
    time: NDArray[np.int64],
    notes: Counter[str],
) -> NDArray[np.bool_]:
    from mta_assets.query.align import Aligned

    rows = Rows(time, dict(samples), plan.query.text, 0, "previous", notes)
    for key, (values, missing) in known.values.items():
        info = ParameterInfo(key, "", values.dtype.str.lstrip("<>|="), origin="product")
        rows.samples = {**rows.samples, key: Samples(info, time, values[product])}
        for leaf in expressions.leaves(node):
            if expressions.key(leaf).upper() == key:
                rows.cache[expressions.key(leaf)] = Aligned(values[product], missing[product])
    return condition(node, rows).true


def listed(found: Sequence[ProductEntry]) -> AnswerTable:
    """The products as a table: one row each, from start to stop."""
    columns: dict[str, Any] = {name: np.array([getattr(p, name) for p in found], dtype="U") for name in TEXTS}
    columns.update({name: np.array([getattr(p, name) for p in found], dtype=kind) for name, kind in NUMBERS.items()})
    info = {
        name: ParameterInfo(name, "PRODUCTS", values.dtype.str.lstrip("<>|="), UNITS.get(name, ""), origin="product")
        for name, values in columns.items()
    }
    time, until = (to_nanoseconds(columns[edge]) for edge in ("tstart", "tstop"))
    return AnswerTable("PRODUCTS", time, columns, units_of(info), None, info, until)
