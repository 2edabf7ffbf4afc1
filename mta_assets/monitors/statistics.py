"""Statistics of one parameter over a stretch and by 328 s buckets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BUCKET = 328.0  # [s] ten major frames of 32.8 s, the "5 minutes" of cheta (sot/cheta, fetch: stat 5min)
Array = NDArray[Any]


class Buckets(NamedTuple):
    """One entry for each bucket that has a sample. ``tstart`` is a multiple of the bucket, TT s since 1998.0 TT."""

    tstart: Array
    n: Array
    mean: Array
    std: Array
    low: Array
    high: Array


class Summary(NamedTuple):
    """Statistics of all good samples; NaN and 0 where there is none. Times in TT s since 1998.0 TT."""

    n: int
    low: float
    high: float
    mean: float
    std: float
    first: float
    last: float
    time_low: float
    time_high: float


NOTHING = Summary(0, *([float("nan")] * 8))


def by_bucket(time: Array, value: Array, bucket: float = BUCKET) -> Buckets:
    """Statistics by bucket of samples with increasing times.

    Buckets are half open, ``[k * bucket, (k + 1) * bucket)``; those of two playbacks that meet in one bucket are
    combined by their counts. ``std`` is that of the population, computed from the deviations.
    """
    if not len(time):
        return Buckets(*([np.zeros(0)] * 6))._replace(n=np.zeros(0, np.int64))
    number = np.floor_divide(time, bucket).astype(np.int64)
    first = np.flatnonzero(np.concatenate([[True], number[1:] != number[:-1]]))
    count = np.diff(first, append=len(time))
    x = value.astype(np.float64, copy=False)
    mean = np.add.reduceat(x, first) / count
    deviation = x - np.repeat(mean, count)
    std = np.sqrt(np.add.reduceat(deviation * deviation, first) / count)
    return Buckets(
        number[first] * bucket, count, mean, std, np.minimum.reduceat(x, first), np.maximum.reduceat(x, first)
    )


def summarise(time: Array, value: Array) -> Summary:
    """Statistics of good samples with increasing times."""
    if not len(time):
        return NOTHING
    x = value.astype(np.float64, copy=False)
    low, high = int(np.argmin(x)), int(np.argmax(x))
    return Summary(
        len(x), float(x[low]), float(x[high]), float(x.mean()), float(x.std()), float(x[0]), float(x[-1]),
        float(time[low]), float(time[high]),
    )  # fmt: skip
