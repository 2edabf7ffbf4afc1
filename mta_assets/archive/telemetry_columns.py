"""From rows of segments to what a reader is given: samples of one parameter, statistics of one parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive import corrections, rollups
from mta_assets.archive.corrections import Correction
from mta_assets.archive.telemetry_rows import FILLER, GroupRows
from mta_assets.core.samples import SECOND, Array, ParameterInfo, Samples
from mta_assets.core.statistics import PERCENTILES, WIDTHS, Statistics

COLUMNS = ("n", "min", "max", "mean", "tmean", "std", "first", "last")
ABSENT = np.zeros(0)  # a column that was not asked for


def empty_samples(info: ParameterInfo) -> Samples:
    """No samples of a parameter."""
    return Samples(info, np.zeros(0, np.int64), np.zeros(0, info.dtype))


def column(info: ParameterInfo, rows: GroupRows, fixes: Sequence[Correction], raw: bool) -> Samples:
    """One parameter of some rows: corrected, without fillers."""
    name = info.name
    if name not in rows.values:
        return empty_samples(info)
    mine = [fix for fix in fixes if fix.parameter in (corrections.ALL, name.upper())]
    if mine:
        rows = corrections.apply(_only(rows, info), mine)
    values, quality = rows.values[name], rows.quality.get(name)
    counts = rows.raw.get(name, values) if raw else None
    time = rows.time
    if quality is not None:
        marks = np.bitwise_or.reduce(quality)  # all that there are: one look instead of three
        if marks & FILLER:
            there = (quality & FILLER) == 0
            time, values, quality = time[there], values[there], quality[there]
            counts = counts[there] if counts is not None else None
            marks = np.bitwise_or.reduce(quality)
        quality = quality if marks else None
    if info.dtype == "bool":
        values = values.astype(np.uint8, copy=False).view(bool)
    elif values.dtype.kind == "O":
        values = values.astype("U")
    return Samples(info, time, values, quality, counts)


def _only(part: GroupRows, info: ParameterInfo) -> GroupRows:
    name = info.name
    raw = {name: part.raw[name]} if name in part.raw else {}
    quality = {name: part.quality[name]} if name in part.quality else {}
    return replace(part, parameters=(info,), values={name: part.values[name]}, raw=raw, quality=quality)


def statistics(info: ParameterInfo, width: int, rollup: Mapping[str, Array]) -> Statistics:
    """A roll-up of one parameter as its statistics."""
    some, counts = rollup, dict[int, NDArray[np.int64]]()
    if "state" in rollup:  # else all rows are statistics of the parameter itself
        numbers = rollup["state"] == rollups.NUMBER
        some = {name: array[numbers] for name, array in rollup.items()}
        for code in np.unique(rollup["state"][~numbers]).tolist():
            mine = rollup["state"] == code
            place = np.searchsorted(some["bucket"], rollup["bucket"][mine])
            counts[code] = np.zeros(len(some["bucket"]), np.int64)
            counts[code][place] = rollup["n"][mine]
    n, low, high, mean, tmean, std, first, last = (some.get(name, ABSENT) for name in COLUMNS)
    return Statistics(info, width, some["bucket"], n, low, high, mean, tmean, std, first, last, counts)


def computed(samples: Samples, width: str) -> rollups.Rollup:
    """Statistics straight from the samples, for what no roll-up stands for. All buckets that have samples."""
    info = samples.info
    quality = {} if samples.quality is None else {info.name: samples.quality}
    rows = GroupRows(info.group, (info,), samples.time, {info.name: samples.values}, {}, quality, info.period)
    if not len(rows):
        return rollups.empty()
    kind = "hour" if width == "day" else width
    step = WIDTHS[kind] * SECOND
    made = rollups.compute(rows, {info.name: 0}, WIDTHS[kind], (samples.time[0] // step, samples.time[-1] // step + 1))
    return rollups.days(made) if width == "day" else made


def percentiles(samples: Samples, found: Statistics) -> dict[int, NDArray[np.float64]]:
    """Percentiles of the good samples of each bucket, with straight lines between samples; NaN for states."""
    if samples.info.states or not len(found):
        return {percent: np.full(len(found), np.nan) for percent in PERCENTILES}
    values = samples.values[~samples.bads].astype(np.float64)
    bucket = samples.time[~samples.bads] // (int(found.width) * SECOND)
    finite = np.isfinite(values)
    values, bucket = values[finite], bucket[finite]
    values = values[np.lexsort((values, bucket))]
    starts = np.searchsorted(bucket, found.bucket)
    answer = {}
    for percent in PERCENTILES:
        place = (found.n - 1) * (percent / 100)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, found.n - 1)
        a, b = values[starts + low], values[starts + high]
        answer[percent] = a + (b - a) * (place - low)
    return answer
