"""Statistics of the samples of one parameter over bins of time.

``first``, ``last``, ``min``, ``max``, ``count``, ``sum``, ``mean`` (arithmetic), ``std`` (of the population),
``median`` and percentiles (interpolated linearly between samples) are of the samples of a bin. ``tmean`` is the mean
over time: a sample stands until the next one of its bin, at most three periods, and the last one until the end of the
bin, at most one period. Of states and texts there are ``first``, ``last``, ``count`` and ``mode``, the one that most
samples have (of equally many the smallest); their ``mean`` and ``median`` are taken as ``mode``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.samples import SECOND, Samples, nanosecond
from mta_assets.query.align import HOLD

Array = NDArray[Any]
Times = NDArray[np.int64]
ALL = ("count", "first", "last", "min", "max", "mean", "tmean", "std")
OF_STATES = {"count": "count", "first": "first", "last": "last", "mode": "mode", "mean": "mode", "tmean": "mode",
             "median": "mode"}  # fmt: skip
PERCENTILES = {"median": 0.50, "p1": 0.01, "p5": 0.05, "p16": 0.16, "p84": 0.84, "p95": 0.95, "p99": 0.99}


def statistics_of(wanted: tuple[str, ...], states: bool) -> tuple[str, ...]:
    """The statistics that are computed: ``all`` written out; of states those that they have."""
    names = [name for one in wanted for name in (ALL if one == "all" else (one,))]
    if not states:
        return tuple(dict.fromkeys(names))
    several = "all" in wanted
    own = [OF_STATES[name] for name in names if name in OF_STATES and not (several and name in PERCENTILES)]
    return tuple(dict.fromkeys(own))


@dataclass(frozen=True)
class Bins:
    """Samples of one parameter in bins, those without samples left out.

    Parameters
    ----------
    number
        Which bin: multiple of the width, or index of the interval; ascending.
    first
        Index of each bin's first sample; a bin goes on to the next one's.
    start, stop
        int64 ns, edges of the bins.
    """

    samples: Samples
    number: Times
    first: Times
    start: Times
    stop: Times

    @cached_property
    def count(self) -> Times:
        return np.diff(self.first, append=len(self.samples)).astype(np.int64)

    @cached_property
    def index(self) -> Times:
        """Which bin (0 …) each sample is in."""
        return np.repeat(np.arange(len(self.first)), self.count)


def by_width(samples: Samples, every: int) -> Bins:
    """Bins [k * every, (k + 1) * every) ns from 1998.0 TT."""
    kept = _there(samples)
    number = kept.time // every
    first = np.flatnonzero(np.concatenate([[True], number[1:] != number[:-1]])) if len(kept) else np.zeros(0, np.int64)
    number = number[first]
    return Bins(kept, number, first, number * every, (number + 1) * every)


def by_interval(samples: Samples, start: Times, stop: Times) -> Bins:
    """One bin for each interval [ns]; they may overlap, and a sample is then in each."""
    kept = _there(samples)
    low, high = np.searchsorted(kept.time, start, side="left"), np.searchsorted(kept.time, stop, side="left")
    number = np.flatnonzero(high > low)
    low, count = low[number], (high - low)[number]
    first = np.cumsum(count) - count
    rows = np.arange(count.sum()) - np.repeat(first - low, count)
    return Bins(kept.where(rows), number, first, start[number], stop[number])


def _there(samples: Samples) -> Samples:
    """Without those that have no finite value."""
    if samples.values.dtype.kind == "f":
        finite = np.isfinite(samples.values)
        if not finite.all():
            return samples.where(finite)
    return samples


def statistic(bins: Bins, name: str) -> Array:
    """One statistic of each bin."""
    values, first, n = bins.samples.values, bins.first, bins.count
    if name == "count":
        return n
    if name == "first" or not len(n):
        return values[first] if name in ("first", "last", "min", "max", "mode") else np.zeros(len(n))
    if name == "last":
        return values[first + n - 1]
    if name == "mode":
        return _mode(bins)
    if name == "min":
        return np.minimum.reduceat(values, first)
    if name == "max":
        return np.maximum.reduceat(values, first)
    x = values.astype(np.float64, copy=False)
    if name in PERCENTILES:
        return _percentile(bins, x, PERCENTILES[name])
    if name == "sum":
        return np.add.reduceat(x, first)
    return _moment(bins, x, name)


def _moment(bins: Bins, x: Array, name: str) -> Array:
    """mean, tmean, std; from the deviations, so that long bins lose nothing. Rounding must not make a constant vary,
    nor a mean leave its samples."""
    low, high = np.minimum.reduceat(x, bins.first), np.maximum.reduceat(x, bins.first)
    mean = np.add.reduceat(x, bins.first) / bins.count
    deviation = x - mean[bins.index]
    shift = np.add.reduceat(deviation, bins.first) / bins.count
    if name == "mean":
        return np.clip(mean + shift, low, high)
    if name == "std":
        square = np.add.reduceat(deviation * deviation, bins.first) / bins.count - shift * shift
        return np.where(low == high, 0.0, np.sqrt(np.maximum(square, 0.0)))
    weight = weights(bins)
    over = np.add.reduceat(deviation * weight, bins.first) / np.add.reduceat(weight, bins.first)
    return np.clip(mean + over, low, high)


def weights(bins: Bins) -> Array:
    """For how long [s] each sample stands."""
    time, period = bins.samples.time, nanosecond(bins.samples.info.period)
    step = np.diff(time, append=time[-1:])
    if period > 0:
        step = np.minimum(step, HOLD * period)
    last = bins.first + bins.count - 1
    rest = bins.stop - time[last]
    step[last] = np.minimum(rest, period) if period > 0 else rest
    return np.maximum(step / SECOND, 1e-9)  # samples of one instant count too


def _percentile(bins: Bins, x: Array, share: float) -> Array:
    ordered = x[np.lexsort((x, bins.index))]
    place = (bins.count - 1) * share
    low = np.floor(place).astype(np.int64)
    part = place - low
    a = ordered[bins.first + low]
    b = ordered[bins.first + np.minimum(low + 1, bins.count - 1)]
    return np.where(part >= 0.5, b - (b - a) * (1 - part), a + (b - a) * part)


def _mode(bins: Bins) -> Array:
    different, code = np.unique(bins.samples.values, return_inverse=True)
    pair, count = np.unique(bins.index * len(different) + code.ravel(), return_counts=True)
    bin_of, code_of = pair // len(different), pair % len(different)
    order = np.lexsort((code_of, -count, bin_of))
    first = np.searchsorted(bin_of[order], np.arange(len(bins.first)))
    return different[code_of[order][first]]


def unit_of(name: str, unit: str) -> str:
    """Unit of a statistic."""
    return "" if name == "count" else unit
