"""Rows → one row for each bin of time: the sampled table of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.flags import Quality
from mta_assets.core.samples import SECOND, ParameterInfo, Samples, nanosecond
from mta_assets.query.align import Aligned, fillers, marks
from mta_assets.query.answer import AnswerTable, units_of
from mta_assets.query.plan import SAMPLED, Plan
from mta_assets.query.sampling import Bins, by_interval, by_width, statistic, statistics_of, unit_of

Times = NDArray[np.int64]
KEYS = {"observation": "OBSID", "block": "BBID"}


@dataclass(frozen=True)
class Binned:
    """One column of the sampled table, at the bins that have samples."""

    label: str
    info: ParameterInfo
    number: Times
    values: NDArray[Any]


def sampled(plan: Plan, tables: Sequence[AnswerTable], intervals: Samples | None, order: Sequence[str]) -> AnswerTable:
    """The statistics of the tables' columns over bins of ``every`` seconds, or over the intervals.

    ``order`` are the columns' labels as the query has them.
    """
    wanted = plan.query.sampling.statistic
    alone = wanted in (("first",), ("last",))
    columns: dict[str, list[Binned]] = {}
    binned: list[Bins] = []
    made: dict[tuple[int, str], Bins] = {}
    for table in tables:
        for label, values in table.columns.items():
            bins = _bins(plan, table, label, values, intervals, made)
            binned.append(bins)
            info = table.info[label]
            states = bool(info.states) or values.dtype.kind in "OU"
            names = statistics_of(wanted, states)
            single = len(statistics_of(wanted, False)) == 1
            columns[label] = [
                Binned(
                    label if single else f"{label}_{name}",
                    _info(info, name, bins),
                    bins.number,
                    statistic(bins, name),
                )
                for name in names
            ]
    return _table(plan, binned, [one for label in order for one in columns[label]], intervals, alone)


def _bins(
    plan: Plan, table: AnswerTable, label: str, values: Any, intervals: Samples | None, made: dict[Any, Bins]
) -> Bins:
    """Samples of a column in bins; columns that have the same times share the work."""
    info, flags = table.info[label], (table.quality or {}).get(label)
    missing = None if flags is None else (flags & np.uint8(Quality.MISSING)) != 0
    whole = missing is None or not missing.any()
    whole = whole and not (values.dtype.kind == "f" and not bool(np.isfinite(values).all()))
    key = (id(table.time), table.name)
    if whole and key in made:
        known = made[key]
        if intervals is None:
            return replace(known, samples=replace(known.samples, info=info, values=values))
    samples = Samples(info, table.time, values)
    if missing is not None and missing.any():
        samples = samples.where(~missing)
    every = plan.query.sampling.every
    if intervals is not None and intervals.until is not None:
        bins = by_interval(samples, intervals.time, intervals.until)
    else:
        bins = by_width(samples, nanosecond(float(every)) if isinstance(every, int | float) else 1)
    if whole:
        made[key] = bins
    return bins


def _info(info: ParameterInfo, name: str, bins: Bins) -> ParameterInfo:
    states = {} if name == "count" else info.states
    every = float(np.median(np.diff(bins.start))) / SECOND if len(bins.start) > 1 else 0.0
    return replace(info, unit=unit_of(name, info.unit), states=states, period=every)


def _table(
    plan: Plan, binned: Sequence[Bins], columns: Sequence[Binned], intervals: Samples | None, alone: bool
) -> AnswerTable:
    number = np.unique(np.concatenate([bins.number for bins in binned])) if binned else np.zeros(0, np.int64)
    time = _times(plan, number, binned, intervals, alone)
    cells = {one.label: _spread(one, number) for one in columns}
    info = {one.label: one.info for one in columns}
    until = None
    if intervals is not None and intervals.until is not None:
        key = KEYS[str(plan.query.sampling.every)]
        label = key if key not in cells else f"{key}_"
        cells = {label: Aligned(intervals.values[number]), **cells}
        info = {label: intervals.info, **info}
        until = None if alone else intervals.until[number]
    quality = {label: flags for label, one in cells.items() if (flags := marks(one, len(number))) is not None}
    values = {label: one.values for label, one in cells.items()}
    made = AnswerTable(SAMPLED, time, values, units_of(info), quality or None, info, until)
    if bool(np.all(time[1:] >= time[:-1])):
        return made
    return made.where(np.argsort(time, kind="stable"))


def _spread(one: Binned, number: Times) -> Aligned:
    if len(one.number) == len(number):
        return Aligned(one.values)
    at = np.searchsorted(number, one.number)
    values, missing = fillers(one.values.dtype, len(number)), np.ones(len(number), bool)
    values[at], missing[at] = one.values, False
    return Aligned(values, missing)


def _times(plan: Plan, number: Times, binned: Sequence[Bins], intervals: Samples | None, alone: bool) -> Times:
    """Start of the bins; with first (last) alone the time of the earliest first (latest last) sample."""
    if not alone:
        every = plan.query.sampling.every
        if intervals is not None:
            return intervals.time[number]
        return number * nanosecond(float(every)) if isinstance(every, int | float) else number
    first = plan.query.sampling.statistic == ("first",)
    out = np.full(len(number), np.iinfo(np.int64).max if first else np.iinfo(np.int64).min)
    for bins in binned:
        at = np.searchsorted(number, bins.number)
        own = bins.samples.time[bins.first if first else bins.first + bins.count - 1]
        out[at] = np.minimum(out[at], own) if first else np.maximum(out[at], own)
    return out
