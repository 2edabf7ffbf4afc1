"""A sampled answer from the archive's roll-ups: whole buckets are taken from them, those that the query's times cut
are computed from their samples, so that the answer is what the samples alone would give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.samples import ParameterInfo, nanosecond
from mta_assets.query import spans
from mta_assets.query.align import Aligned, fillers, marks
from mta_assets.query.answer import AnswerTable, joined, units_of
from mta_assets.query.execute import Execution
from mta_assets.query.plan import SAMPLED, Column, Plan
from mta_assets.query.sampling import statistics_of, unit_of
from mta_assets.query.sources import FAR, Summaries
from mta_assets.query.spans import Spans

OWN_TYPE = ("min", "max", "first", "last")  # are values of the parameter
Pieces = list[tuple[NDArray[np.int64], NDArray[Any]]]


def from_rollups(plan: Plan, part: Callable[[Plan], Execution]) -> AnswerTable:
    """The sampled table; ``part`` makes the execution for the buckets that are cut."""
    width = float(cast(float, plan.query.sampling.every))
    whole, cut = _split(plan.span, nanosecond(width))
    names = statistics_of(plan.query.sampling.statistic, False)
    columns: dict[str, tuple[NDArray[np.int64], NDArray[Any]]] = {}
    info: dict[str, ParameterInfo] = {}
    for column in plan.columns:
        for name, got in zip(names, _read(plan, column, whole, names), strict=True):
            label = column.label if len(names) == 1 else f"{column.label}_{name}"
            columns[label] = got
            known = column.lead.info
            info[label] = replace(known, unit=unit_of(name, known.unit), period=width)
    made = _table(columns, info, nanosecond(width))
    if not len(cut):
        return made
    edges = list(part(replace(plan, span=cut, rollup=None)).parts())
    both = joined([made, *edges])
    return both.where(np.argsort(both.time, kind="stable"))


def _split(span: Spans, width: int) -> tuple[Spans, Spans]:
    """Whole buckets of the span [bucket numbers], and the rest of it [ns]; an open edge cuts nothing."""
    first = -(-span[:, 0] // width)
    last = span[:, 1] // width
    whole = np.column_stack([first, last])[last > first]
    rest = spans.without(span, spans.merged(whole * width))
    far = spans.FAR_NS - width
    return whole, rest[(rest[:, 0] > -far) & (rest[:, 1] < far)]


def _read(plan: Plan, column: Column, whole: Spans, names: tuple[str, ...]) -> Pieces:
    source = cast(Summaries, column.lead.source)
    width = plan.rollup
    parts: list[list[Any]] = [[] for _ in names]
    buckets: list[NDArray[np.int64]] = []
    for first, last in whole.tolist() if width else []:
        every = float(cast(float, plan.query.sampling.every))
        low, high = max(first * every, -FAR), min(last * every, FAR)
        wanted = ["n" if name == "count" else name for name in names]
        got = (
            source.statistics(column.lead.name, width, low, high, as_of=plan.query.as_of, columns=wanted)
            if width
            else None
        )
        if got is None:
            continue
        buckets.append(got.bucket)
        for i, name in enumerate(names):
            array = np.asarray(got.n if name == "count" else getattr(got, name))
            parts[i].append(array.astype(column.lead.info.dtype) if name in OWN_TYPE else array)
    if not buckets:
        return [(np.zeros(0, np.int64), np.zeros(0, np.int64 if name == "count" else np.float64)) for name in names]
    number = np.concatenate(buckets)
    return [(number, np.concatenate(part)) for part in parts]


def _table(
    columns: dict[str, tuple[NDArray[np.int64], NDArray[Any]]], info: dict[str, ParameterInfo], width: int
) -> AnswerTable:
    first = next(iter(columns.values()))[0]
    if all(number is first or np.array_equal(number, first) for number, _ in columns.values()):
        values = {label: got for label, (_, got) in columns.items()}
        return AnswerTable(SAMPLED, first * width, values, units_of(info), None, info)
    number = np.unique(np.concatenate([own for own, _ in columns.values()]))
    cells: dict[str, Aligned] = {}
    for label, (own, got) in columns.items():
        at = np.searchsorted(number, own)
        spread, missing = fillers(got.dtype, len(number)), np.ones(len(number), bool)
        spread[at], missing[at] = got, False
        cells[label] = Aligned(spread, missing if missing.any() else None)
    quality = {label: flags for label, one in cells.items() if (flags := marks(one, len(number))) is not None}
    values = {label: one.values for label, one in cells.items()}
    return AnswerTable(SAMPLED, number * width, values, units_of(info), quality or None, info)
