"""Values of one parameter at the times of another: previous, nearest or interpolated, never across a gap.

``previous`` takes the latest sample at or before the row's time, not older than three periods of the parameter;
``nearest`` the nearest sample, not farther than three periods; ``linear`` interpolates between the two neighbours,
not more than three periods apart (a row at the time of a sample has that sample). States and texts can not be
interpolated: they are taken as ``previous``. A parameter without a period is held for a day. What is an interval
(``until``) holds from its start until then, by every method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.flags import Quality
from mta_assets.core.samples import ParameterInfo, Samples, nanosecond

Array = NDArray[Any]
Times = NDArray[np.int64]
Method = Literal["previous", "nearest", "linear"]
HOLD = 3  # [period] how long a sample stands for what comes after it, when the next one fails to come
UNKNOWN_HOLD = 86400.0  # [s] the same for a parameter whose period is not known


@dataclass(frozen=True)
class Aligned:
    """Values at rows; where ``missing`` (None: nowhere) there is none, and the value is a filler."""

    values: Array
    missing: NDArray[np.bool_] | None = None
    quality: NDArray[np.uint8] | None = None


def hold(info: ParameterInfo) -> int:
    """How long [ns] a sample of the parameter stands at most."""
    return nanosecond(HOLD * info.period if info.period > 0 else UNKNOWN_HOLD)


def same(a: Times, b: Times) -> bool:
    """Whether two timelines are one; at once if they are the same memory, as of parameters read together."""
    if a is b:
        return True
    if len(a) != len(b):
        return False
    if a.strides == b.strides and a.__array_interface__["data"][0] == b.__array_interface__["data"][0]:
        return True
    return bool(np.array_equal(a, b))


def blank(values: Array, missing: NDArray[np.bool_]) -> Array:
    """The values with fillers (NaN, 0, '') where there are none."""
    out = values.copy()
    out[missing] = np.nan if out.dtype.kind == "f" else np.zeros(1, out.dtype)[0] if out.dtype.kind != "O" else ""
    return out


def aligned(samples: Samples, time: Times, method: Method = "previous") -> Aligned:
    """The parameter's values at the given ascending times."""
    if not len(samples):
        return Aligned(fillers(samples.values.dtype, len(time)), np.ones(len(time), bool))
    if samples.until is None:
        if same(samples.time, time):
            return Aligned(samples.values, None, samples.quality)
        if method == "linear" and samples.values.dtype.kind in "fiub" and not samples.info.states:
            return _linear(samples, time)
        if method == "nearest":
            return _nearest(samples, time)
        held = _held(samples, time, samples.time)
        if held is not None:
            return held
    index = _latest(samples.time, time)
    at = np.maximum(index, 0)
    stale = time >= samples.until[at] if samples.until is not None else time - samples.time[at] > hold(samples.info)
    return _taken(samples, at, (index < 0) | stale)


def _latest(marks: Times, time: Times) -> NDArray[np.int64]:
    """Index of the last mark at or before each time, -1 before the first; both ascend.

    Whichever of the two is shorter is searched in the other one.
    """
    if len(marks) > len(time):
        return np.searchsorted(marks, time, side="right") - 1
    first = np.searchsorted(time, marks, side="left")  # from which row on each mark is reached
    rows = np.diff(first, prepend=0, append=len(time))
    return np.repeat(np.arange(-1, len(marks)), rows)


def _held(samples: Samples, time: Times, marks: Times) -> Aligned | None:
    """Each sample at the rows from its mark to the next one: without a look at every row.

    None if there are fewer rows than samples, rows before the first mark, or rows too far from their sample.
    """
    if len(time) < len(marks):
        return None
    first = np.searchsorted(time, marks, side="left")
    rows = np.diff(first, append=len(time))
    some = np.flatnonzero(rows)
    ends = first[some], first[some] + rows[some] - 1  # of the rows of a sample these are the farthest from it
    if first[0] > 0 or any((np.abs(time[end] - samples.time[some]) > hold(samples.info)).any() for end in ends):
        return None
    quality = None if samples.quality is None else np.repeat(samples.quality, rows)
    return Aligned(np.repeat(samples.values, rows), None, quality)


def _nearest(samples: Samples, time: Times) -> Aligned:
    # From one nanosecond beyond the middle on, the next sample is nearer: of two equally near ones the earlier.
    middle = samples.time[:-1] + (samples.time[1:] - samples.time[:-1]) // 2 + 1
    held = _held(samples, time, np.concatenate([time[:1], middle]))
    if held is not None:
        return held
    at = _latest(middle, time) + 1
    return _taken(samples, at, np.abs(time - samples.time[at]) > hold(samples.info))


def _linear(samples: Samples, time: Times) -> Aligned:
    before = np.searchsorted(samples.time, time, side="right") - 1
    at = np.maximum(before, 0)
    exact = (before >= 0) & (samples.time[at] == time)
    after = np.minimum(at + 1, len(samples) - 1)
    step = samples.time[after] - samples.time[at]
    outside = (before < 0) | (before == len(samples) - 1) | (step > hold(samples.info))
    share = (time - samples.time[at]) / np.where(step > 0, step, 1)
    low = samples.values[at].astype(np.float64)
    values = np.where(exact, low, low + share * (samples.values[after].astype(np.float64) - low))
    missing = outside & ~exact
    marks = samples.quality
    quality = None if marks is None else np.where(exact, marks[at], marks[at] | marks[after]).astype(np.uint8)
    return _filled(values, missing, quality)


def _taken(samples: Samples, at: NDArray[np.int64], missing: NDArray[np.bool_]) -> Aligned:
    quality = None if samples.quality is None else samples.quality[at]
    return _filled(samples.values[at], missing, quality)


def _filled(values: Array, missing: NDArray[np.bool_], quality: NDArray[np.uint8] | None) -> Aligned:
    if not missing.any():
        return Aligned(values, None, quality)
    if quality is not None:
        quality = np.where(missing, 0, quality).astype(np.uint8)
    return Aligned(blank(values, missing), missing, quality)


def fillers(dtype: Any, n: int) -> Array:
    """``n`` cells without a value."""
    kind = np.dtype(dtype).kind
    return np.full(n, np.nan if kind == "f" else "" if kind in "OU" else 0, dtype=dtype)


def scattered(samples: Samples, time: Times) -> Aligned:
    """The samples at exactly the given times (which hold all of theirs); a time without a sample has no value."""
    if same(samples.time, time):
        return Aligned(samples.values, None, samples.quality)
    at = np.searchsorted(time, samples.time)
    values = fillers(samples.values.dtype, len(time))
    values[at] = samples.values
    missing = np.ones(len(time), bool)
    missing[at] = False
    quality = None
    if samples.quality is not None:
        quality = np.zeros(len(time), np.uint8)
        quality[at] = samples.quality
    return Aligned(values, missing if missing.any() else None, quality)


def marks(cells: Aligned, n: int) -> NDArray[np.uint8] | None:
    """Quality of aligned cells with the missing ones marked; None if all are good."""
    if cells.missing is None:
        return cells.quality
    quality = np.zeros(n, np.uint8) if cells.quality is None else cells.quality.copy()
    quality[cells.missing] |= np.uint8(Quality.MISSING)
    return quality
