"""Roll-ups: the statistics of a group's rows in buckets, computed for all parameters at once.

The rows of a roll-up are (parameter, state, bucket), sorted so; state −1 holds the statistics of a parameter, the
others how many samples had that state. The statistics of a bucket depend on nothing but the good samples in it, to
the last bit: they may be computed alone or together with others. Days are put together from their hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.samples import SECOND, Array, Nanoseconds, ParameterInfo

NUMBER = -1  # in place of a state: the statistics of the parameter itself
LONGEST = 3.0  # [period] how long a sample stands for its value at most
STATES = 4096  # codes spread wider than this are counted one by one
NAMES = ("parameter", "state", "bucket", "n", "min", "max", "mean", "tmean", "std", "first", "last", "weight")
INTEGERS = {"parameter": np.int32, "state": np.int32, "bucket": np.int64, "n": np.int64}
Rollup = dict[str, Array]


def empty() -> Rollup:
    """A roll-up without rows."""
    return {name: np.zeros(0, INTEGERS.get(name, np.float64)) for name in NAMES}


def compute(rows: GroupRows, ids: Mapping[str, int], width: int, buckets: tuple[int, int]) -> Rollup:
    """Statistics of the buckets [first, last) of a group.

    Parameters
    ----------
    rows
        Resolved rows, corrections applied, at least all those of the buckets.
    ids
        Number of each parameter.
    width
        Width of the buckets [s].
    """
    low, high = np.searchsorted(rows.time, [b * width * SECOND for b in buckets]).tolist()
    if low == high:
        return empty()
    with np.errstate(over="ignore", invalid="ignore"):  # damaged telemetry may hold any number, infinities among them
        return _compute(rows.where(slice(low, high)), ids, width)


def _compute(part: GroupRows, ids: Mapping[str, int], width: int) -> Rollup:
    numeric = [i for i in part.parameters if np.asarray(part.values[i.name]).dtype.kind in "fiub"]
    parts: list[Rollup] = []
    clean = [info for info in numeric if _all_good(part, info.name)]
    if clean:
        parts += _together(part.time, [part.values[i.name] for i in clean], clean, ids, width, part.period)
    for info in numeric:
        if not _all_good(part, info.name):
            good = _good(part, info.name)
            if good.any():
                parts += _together(
                    part.time[good], [part.values[info.name][good]], [info], ids, width, part.period
                )  # fmt: skip
    return sort(stack(parts))


def _good(rows: GroupRows, name: str) -> NDArray[np.bool_]:
    good = rows.quality[name] == 0 if name in rows.quality else np.ones(len(rows), bool)
    values = rows.values[name]
    return good & np.isfinite(values) if values.dtype.kind == "f" else good


def _all_good(rows: GroupRows, name: str) -> bool:
    if name in rows.quality and rows.quality[name].any():
        return False
    values = rows.values[name]
    # A sum is finite exactly if no NaN or infinity is in it, but for overflow, which the slow way handles as well.
    return values.dtype.kind != "f" or bool(np.isfinite(values.sum(dtype=np.float64)))


def _together(
    time: Nanoseconds, columns: Sequence[Array], infos: Sequence[ParameterInfo], ids: Mapping[str, int], width: int,
    period: float,
) -> list[Rollup]:  # fmt: skip
    """Statistics of several parameters that share their times."""
    bucket = time // (width * SECOND)
    starts = np.flatnonzero(np.concatenate([[True], bucket[1:] != bucket[:-1]]))
    number = bucket[starts]
    size = np.diff(np.append(starts, len(time)))
    weights = _weights(time, bucket, width, period)
    matrix = np.empty((len(columns), len(time)))
    for row, column in zip(matrix, columns, strict=True):
        row[:] = column
    of = np.array([ids[info.name] for info in infos], dtype=np.int32)
    state = np.array([bool(info.states) for info in infos])
    made = _numbers(matrix, weights, starts, size)
    for name in ("mean", "tmean", "std"):
        made[name][state] = np.nan
    shape = (len(columns), len(number))
    made["parameter"] = np.broadcast_to(of[:, None], shape)
    made["state"] = np.full(shape, NUMBER, np.int32)
    made["bucket"] = np.broadcast_to(number, shape)
    numbers = {name: np.ascontiguousarray(made[name]).reshape(-1) for name in NAMES}
    if not state.any():
        return [numbers]
    which = np.repeat(np.arange(len(number)), size)
    return [numbers, _states(matrix[state].astype(np.int64), which, number, of[state])]


def _weights(time: Nanoseconds, bucket: NDArray[np.int64], width: int, period: float) -> NDArray[np.float64]:
    """Seconds that each sample stands for: to the next one of its bucket, the last one to the bucket's end."""
    end = (bucket + 1) * (width * SECOND)
    following = np.append(time[1:], end[-1:])
    same = np.append(bucket[1:] == bucket[:-1], False)
    span = (np.where(same, following, end) - time) / SECOND
    if period:
        span = np.minimum(span, np.where(same, LONGEST * period, period))
    return np.maximum(span, 1e-9)  # rows of one instant, in a group without a period, still count


def _numbers(
    matrix: NDArray[np.float64], weights: NDArray[np.float64], starts: NDArray[np.int64], size: NDArray[np.int64]
) -> dict[str, Array]:
    n = np.broadcast_to(size, (len(matrix), len(size)))
    mean = np.add.reduceat(matrix, starts, axis=1) / size
    weight = np.add.reduceat(weights, starts)
    tmean = np.add.reduceat(matrix * weights, starts, axis=1) / weight
    low, high = np.minimum.reduceat(matrix, starts, axis=1), np.maximum.reduceat(matrix, starts, axis=1)
    deviation = matrix - np.repeat(mean, size, axis=1)
    np.square(deviation, out=deviation)
    std = np.sqrt(np.add.reduceat(deviation, starts, axis=1) / size)
    flat = low == high  # rounding must not make a constant vary, nor a mean leave its samples
    std[flat] = 0.0
    return {
        "n": n,
        "min": low,
        "max": high,
        "mean": np.clip(mean, low, high),
        "tmean": np.clip(tmean, low, high),
        "std": std,
        "first": matrix[:, starts],
        "last": matrix[:, starts + size - 1],
        "weight": np.broadcast_to(weight, (len(matrix), len(size))),
    }


def _states(
    codes: NDArray[np.int64], which: NDArray[np.int64], number: NDArray[np.int64], of: NDArray[np.int32]
) -> Rollup:
    """How many samples of each bucket had each state."""
    low = int(codes.min())
    spread = int(codes.max()) - low + 1
    key = (np.arange(len(codes))[:, None] * len(number) + which) * spread + (codes - low)
    if spread <= STATES:
        counts = np.bincount(key.ravel(), minlength=0)
        found = np.flatnonzero(counts)
        n = counts[found]
    else:
        found, n = np.unique(key, return_counts=True)
    place, code = np.divmod(found, spread)
    row, bucket = np.divmod(place, len(number))
    answer = {name: np.full(len(found), np.nan) for name in NAMES if name not in INTEGERS}
    answer |= {
        "parameter": of[row],
        "state": (code + low).astype(np.int32),
        "bucket": number[bucket],
        "n": n.astype(np.int64),
    }
    return {name: answer[name] for name in NAMES}


def days(hours: Rollup) -> Rollup:
    """Days from all their hours, put together in order of time."""
    if not len(hours["bucket"]):
        return empty()
    with np.errstate(over="ignore", invalid="ignore"):
        return _days(hours)


def _days(hours: Rollup) -> Rollup:
    day = hours["bucket"] // 24
    same = (
        (hours["parameter"][1:] == hours["parameter"][:-1]) & (hours["state"][1:] == hours["state"][:-1])
        & (day[1:] == day[:-1])
    )  # fmt: skip
    starts = np.flatnonzero(np.concatenate([[True], ~same]))
    ends = np.append(starts[1:], len(day)) - 1
    n, weight = hours["n"].astype(np.float64), hours["weight"]
    total, time = np.add.reduceat(n, starts), np.add.reduceat(weight, starts)
    mean = np.add.reduceat(n * hours["mean"], starts) / total
    size = ends - starts + 1
    square = np.square(hours["std"]) + np.square(hours["mean"] - np.repeat(mean, size))
    low, high = np.fmin.reduceat(hours["min"], starts), np.fmax.reduceat(hours["max"], starts)
    std = np.sqrt(np.add.reduceat(n * square, starts) / total)
    std[low == high] = np.where(np.isnan(std[low == high]), np.nan, 0.0)
    return {
        "parameter": hours["parameter"][starts],
        "state": hours["state"][starts],
        "bucket": day[starts],
        "n": total.astype(np.int64),
        "min": low,
        "max": high,
        "mean": np.clip(mean, low, high),
        "tmean": np.clip(np.add.reduceat(weight * hours["tmean"], starts) / time, low, high),
        "std": std,
        "first": hours["first"][starts],
        "last": hours["last"][ends],
        "weight": time,
    }


def stack(parts: Iterable[Rollup]) -> Rollup:
    """Rows of several roll-ups after each other."""
    several = [part for part in parts if part and len(part["bucket"])]
    if len(several) < 2:
        return several[0] if several else empty()
    return {name: np.concatenate([part[name] for part in several]) for name in NAMES}


def sort(rollup: Rollup) -> Rollup:
    """In order of parameter, state, bucket."""
    order = np.lexsort((rollup["bucket"], rollup["state"], rollup["parameter"]))
    return {name: rollup[name][order] for name in NAMES}


def within(rollup: Rollup, first: int, stop: int) -> Rollup:
    """Only the buckets [first, stop)."""
    keep = (rollup["bucket"] >= first) & (rollup["bucket"] < stop)
    return rollup if keep.all() else {name: array[keep] for name, array in rollup.items()}
