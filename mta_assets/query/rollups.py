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
    # Two periods may share a bucket that both of them cut: its samples are put together then.
    whole, cut = _split(plan.span, nanosecond(width)) if len(plan.span) > 1 else (plan.span, spans.NONE)
    names = statistics_of(plan.query.sampling.statistic, False)
    columns: dict[str, tuple[NDArray[np.int64], NDArray[Any]]] = {}
    info: dict[str, ParameterInfo] = {}
    for column in plan.columns:
        for name, got in zip(names, _read(plan, column, whole, len(plan.span) == 1, names), strict=True):
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


def _read(plan: Plan, column: Column, whole: Spans, cut: bool, names: tuple[str, ...]) -> Pieces:
    """Bucket numbers and values of each statistic, of stretches [bucket], or, with ``cut``, of a span [ns]."""
    source, info = cast(Summaries, column.lead.source), column.lead.info
    every = 1 / spans.SECOND if cut else float(cast(float, plan.query.sampling.every))
    wanted = ["n" if name == "count" else name for name in names]
    found = []
    for first, last in whole.tolist() if plan.rollup else []:
        low, high = max(first * every, -FAR), min(last * every, FAR)
        assert plan.rollup is not None
        got = source.statistics(
            column.lead.name, plan.rollup, low, high, as_of=plan.query.as_of, columns=wanted, cut=cut
        )
        if got is not None and len(got):
            found.append(got)
    if not found:
        return [(np.zeros(0, np.int64), np.zeros(0, np.int64 if name == "count" else np.float64)) for name in names]
    number = _joined([got.bucket for got in found])
    pieces: Pieces = []
    for name, column_of in zip(names, wanted, strict=True):
        array = _joined([np.asarray(getattr(got, column_of)) for got in found])
        pieces.append((number, array.astype(info.dtype, copy=False) if name in OWN_TYPE else array))
    return pieces


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


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
