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
from mta_assets.core.statistics import WIDTHS, Statistics


def empty_samples(info: ParameterInfo) -> Samples:
    """No samples of a parameter."""
    return Samples(info, np.zeros(0, np.int64), np.zeros(0, info.dtype))


def column(info: ParameterInfo, parts: Sequence[GroupRows], fixes: Sequence[Correction], raw: bool) -> Samples:
    """One parameter of all parts: corrected, without fillers."""
    times: list[Array] = []
    values: list[Array] = []
    counts: list[Array] = []
    flags: list[NDArray[np.uint8]] = []
    suspicious = False
    mine = [fix for fix in fixes if fix.parameter in (corrections.ALL, info.name.upper())]
    for part in parts:
        if info.name not in part.values:
            continue
        column = _only(part, info)
        column = corrections.apply(column, mine) if mine else column
        quality = column.quality.get(info.name)
        if quality is not None and (quality & FILLER).any():
            column = column.where((quality & FILLER) == 0)
            quality = column.quality[info.name]
        suspicious = suspicious or (quality is not None and bool(quality.any()))
        times.append(column.time)
        values.append(column.values[info.name])
        flags.append(np.zeros(len(column), np.uint8) if quality is None else quality)
        if raw:
            counts.append(column.raw.get(info.name, column.values[info.name]))
    if not times:
        return empty_samples(info)
    joined = _joined(values)
    if info.dtype == "bool":
        joined = joined.view(bool)
    return Samples(
        info, _joined(times), joined, _joined(flags) if suspicious else None, _joined(counts) if raw else None
    )


def _only(part: GroupRows, info: ParameterInfo) -> GroupRows:
    name = info.name
    raw = {name: part.raw[name]} if name in part.raw else {}
    quality = {name: part.quality[name]} if name in part.quality else {}
    return replace(part, parameters=(info,), values={name: part.values[name]}, raw=raw, quality=quality)


def _joined(parts: Sequence[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def statistics(info: ParameterInfo, width: int, rollup: Mapping[str, Array]) -> Statistics:
    """A roll-up of one parameter as its statistics."""
    numbers = rollup["state"] == rollups.NUMBER
    some = {name: array[numbers] for name, array in rollup.items()}
    counts: dict[int, NDArray[np.int64]] = {}
    for code in np.unique(rollup["state"][~numbers]).tolist():
        mine = rollup["state"] == code
        place = np.searchsorted(some["bucket"], rollup["bucket"][mine])
        counts[code] = np.zeros(len(some["bucket"]), np.int64)
        counts[code][place] = rollup["n"][mine]
    return Statistics(
        info, width, some["bucket"], some["n"], some["min"], some["max"], some["mean"], some["tmean"], some["std"],
        some["first"], some["last"], counts,
    )  # fmt: skip


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
