"""Samples → rows: the table of one timeline, its columns on the same times, the rows that are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.flags import Quality
from mta_assets.core.samples import ParameterInfo, Samples
from mta_assets.query import expressions, spans
from mta_assets.query.align import Aligned, aligned, blank, hold, marks, same, scattered
from mta_assets.query.answer import AnswerTable, units_of
from mta_assets.query.evaluate import Rows, condition, value
from mta_assets.query.plan import Column, Plan
from mta_assets.query.spans import Spans

Times = NDArray[np.int64]
Chosen = slice | NDArray[np.int64]


def good_of(samples: Mapping[str, Samples], good_only: bool) -> dict[str, Samples]:
    """The samples that conditions and expressions go by: without those that are not good, unless they are wanted."""
    return {name: one.where(~one.bads) if good_only and one.bads.any() else one for name, one in samples.items()}


def table(
    plan: Plan,
    name: str,
    samples: Mapping[str, Samples],
    good: Mapping[str, Samples],
    within: tuple[Spans, Spans, Times] | None,
    notes: Counter[str],
) -> AnswerTable:
    """The rows of one timeline.

    Parameters
    ----------
    samples, good
        By name as written, upper case: all, and those without the bad ones.
    within
        The part of the time whose rows are wanted, all of the query's time, and the moments whose latest sample is
        wanted [ns]; None if all rows are.
    """
    columns = plan.timelines[name]
    time, until = _timeline(plan, columns, samples, good)
    method = "previous" if plan.query.alignment is None else plan.query.alignment.method
    rows = slice(0, len(time)) if within is None else _chosen(time, until, hold(columns[0].lead.info), *within)
    if plan.where is not None:
        at = Rows(time[rows], good, plan.query.text, 0, method, notes)
        rows = _narrowed(rows, condition(plan.where, at).true)
    on_rows = Rows(time[rows], good, plan.query.text, 0, method, notes)
    cells: dict[str, Aligned] = {}
    info: dict[str, ParameterInfo] = {}
    for column in columns:
        cells[column.label], info[column.label] = _cells(plan, column, samples, time, rows, on_rows)
    return _assembled(name, time[rows], None if until is None else until[rows], cells, info)


def _timeline(
    plan: Plan, columns: Sequence[Column], samples: Mapping[str, Samples], good: Mapping[str, Samples]
) -> tuple[Times, Times | None]:
    """Times of the rows: those of the chosen timeline, or all times that any of the group's parameters has."""
    if plan.on is not None and plan.query.alignment is not None:
        lead = good[plan.query.alignment.on.value.upper()]
        return lead.time, lead.until
    own = [(samples if column.is_plain else good)[_lead(column)] for column in columns]
    first = own[0]
    if all(same(first.time, other.time) for other in own[1:]):
        return first.time, first.until
    time = np.unique(np.concatenate([one.time for one in own]))
    if any(one.until is None for one in own):
        return time, None
    until = time.copy()
    for one in own:
        at = np.searchsorted(time, one.time)
        until[at] = np.maximum(until[at], one.until if one.until is not None else one.time)
    return time, until


def _lead(column: Column) -> str:
    return expressions.key(expressions.leaves(column.node)[0]).upper()


def _chosen(time: Times, until: Times | None, longest: int, part: Spans, whole: Spans, moments: Times) -> Chosen:
    """Rows in this part of the time. An interval is in the part where it begins, or comes into the query's time."""
    if until is not None and len(whole):
        at = np.minimum(np.searchsorted(whole[:, 1], time, side="right"), len(whole) - 1)
        meets = (whole[at, 0] < until) & (whole[at, 1] > time)
        enters = np.maximum(time, whole[at, 0])
        at = np.minimum(np.searchsorted(part[:, 1], enters, side="right"), max(len(part) - 1, 0))
        found = meets & (enters >= part[at, 0]) & (enters < part[at, 1]) if len(part) else np.zeros(len(time), bool)
        rows: Chosen = np.flatnonzero(found)
    else:
        inside = spans.inside(part, time)
        rows = inside if isinstance(inside, slice) else np.flatnonzero(inside)
    if not len(moments) or not len(time):
        return rows
    latest = np.searchsorted(time, moments, side="right") - 1
    latest = latest[(latest >= 0) & (moments - time[np.maximum(latest, 0)] <= longest)]
    return np.union1d(np.arange(len(time))[rows], latest)


def _narrowed(rows: Chosen, kept: NDArray[np.bool_]) -> Chosen:
    if kept.all():
        return rows
    hits = np.flatnonzero(kept)
    return hits + rows.start if isinstance(rows, slice) else rows[hits]


def _cells(
    plan: Plan, column: Column, samples: Mapping[str, Samples], time: Times, rows: Chosen, on_rows: Rows
) -> tuple[Aligned, ParameterInfo]:
    if not column.is_plain:
        return _computed(column, on_rows)
    key = _lead(column)
    one = raw_of(samples[key]) if column.is_raw else samples[key]
    if plan.on is not None:
        kept = good_of({key: one}, plan.query.good_only)[key]
        if kept.until is None and same(kept.time, time):  # the parameter whose timeline it is
            return Aligned(kept.values[rows], None, None if kept.quality is None else kept.quality[rows]), one.info
        return aligned(kept, on_rows.time, on_rows.method), one.info
    cells = scattered(one, time)
    values = cells.values[rows]
    missing = None if cells.missing is None else cells.missing[rows]
    quality = None if cells.quality is None else cells.quality[rows]
    if plan.query.good_only and quality is not None and quality.any():
        missing = quality != 0 if missing is None else missing | (quality != 0)
        return Aligned(blank(values, missing), missing), one.info
    return Aligned(values, missing, quality), one.info


def raw_of(samples: Samples) -> Samples:
    """Raw counts as values: without unit and states; what has no raw counts is taken as it is."""
    if samples.raw is None:
        return samples
    info = replace(samples.info, dtype=samples.raw.dtype.str.lstrip("<>|="), states={}, unit="")
    return replace(samples, info=info, values=samples.raw, raw=None)


def _computed(column: Column, rows: Rows) -> tuple[Aligned, ParameterInfo]:
    at = rows
    if column.is_raw:
        raw = {name: raw_of(one) for name, one in rows.samples.items()}
        at = Rows(rows.time, raw, rows.text, 0, rows.method, rows.notes)
    got = value(column.node, at)
    array = np.broadcast_to(np.asarray(got.values), rows.time.shape)
    missing = got.missing
    if array.dtype.kind == "f":
        nan = np.isnan(array)
        if nan.any():
            missing = nan if missing is None else missing | nan
    period = column.lead.info.period
    info = ParameterInfo(
        column.label, column.lead.info.group, array.dtype.str.lstrip("<>|="), got.unit,
        expressions.text_of(column.node), dict(got.states), period, origin="derived",
    )  # fmt: skip
    return Aligned(array if missing is None else blank(array, missing), missing), info


def _assembled(
    name: str, time: Times, until: Times | None, cells: Mapping[str, Aligned], info: Mapping[str, ParameterInfo]
) -> AnswerTable:
    """The table; rows in which no column has a value are left out."""
    n = len(time)
    quality: dict[str, NDArray[np.uint8]] = {}
    for label, one in cells.items():
        flags = marks(one, n)
        if flags is not None and flags.view(np.bool_).any():  # as truth values: stops at the first, on 24 million rows
            quality[label] = flags
    columns: dict[str, Any] = {label: one.values for label, one in cells.items()}
    made = AnswerTable(name, time, columns, units_of(info), quality or None, dict(info), until)
    if len(quality) < len(columns) or any(one.missing is None for one in cells.values()):
        return made
    empty = np.all([flags & np.uint8(Quality.MISSING) for flags in quality.values()], axis=0)
    return made.where(~empty) if empty.any() else made
