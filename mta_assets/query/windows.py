"""Events in samples, and the time around them.

An event is a maximal run of samples for which a condition is true; a false or unknown sample ends it, and so does a
gap of more than three periods. ``reaches``, ``rises`` and ``falls`` are moments: the first sample at the level or
beyond it, coming from the other side without a gap; for ``reaches`` also the first sample after a gap, if it is at
the level exactly. Windows have both their ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.samples import to_nanoseconds
from mta_assets.query.model import Window
from mta_assets.query.spans import NONE, Spans, merged, without

Array = NDArray[Any]
Times = NDArray[np.int64]
Mask = NDArray[np.bool_]
CROSSINGS = ("reaches", "rises", "falls")


def runs(true: Mask, time: Times, gap: int) -> Spans:
    """First and last sample time [ns] (n, 2) of each run of true ones; a step of more than ``gap`` parts them."""
    if not len(time):
        return NONE
    parted = np.diff(time) > gap
    first = true & np.concatenate([[True], ~true[:-1] | parted])
    last = true & np.concatenate([~true[1:] | parted, [True]])
    return np.column_stack([time[first], time[last]])


def crossings(values: Array, level: Array | float, time: Times, gap: int, how: str = "reaches") -> Times:
    """Times [ns] of the samples that reach, rise to or fall to the level; samples without a value (NaN) are no
    samples."""
    side = np.sign(np.asarray(values, np.float64) - level)
    there = ~np.isnan(side)
    if not there.all():
        time, side = time[there], side[there]
    if not len(time):
        return np.zeros(0, np.int64)
    joined = np.diff(time) <= gap
    before, now = side[:-1], side[1:]
    up = np.concatenate([[False], joined & (before < 0) & (now >= 0)])
    down = np.concatenate([[False], joined & (before > 0) & (now <= 0)])
    if how == "rises":
        return time[up]
    if how == "falls":
        return time[down]
    fresh = (side == 0) & np.concatenate([[True], ~joined])
    return time[up | down | fresh]


def around(events: Spans, window: Window) -> Spans:
    """Stretches [ns] around events (first and last sample, both included) that the window keeps."""
    before, after = (int(t) for t in to_nanoseconds([window.before, window.after]))
    start = events[:, 1] if window.anchor == "end" else events[:, 0]
    stop = events[:, 0] if window.anchor == "start" else events[:, 1]
    kept = merged(np.column_stack([start - before, stop + after + 1]))
    if window.during:
        return kept
    return without(kept, merged(np.column_stack([events[:, 0], events[:, 1] + 1])))


def moments(events: Spans, window: Window) -> Times:
    """The moments [ns] that a window without length stands for."""
    anchor = events[:, 1] if window.anchor == "end" else events[:, 0]
    return anchor + int(to_nanoseconds(window.after)[0])


def reach(windows: Sequence[Window]) -> tuple[int, int]:
    """How far [ns] before and after a row an event may lie whose window holds the row."""
    before = max((max(w.after, -w.before) for w in windows), default=0.0)
    after = max((max(w.before, -w.after) for w in windows), default=0.0)
    return int(to_nanoseconds(max(before, 0.0))[0]), int(to_nanoseconds(max(after, 0.0))[0])


def overlapping(parts: Sequence[Spans]) -> Spans:
    """Events found in portions that overlap: those that share a sample are one."""
    found = np.concatenate([NONE, *parts])
    if len(found) < 2:
        return found
    found = found[np.argsort(found[:, 0], kind="stable")]
    last = np.maximum.accumulate(found[:, 1])
    first = np.concatenate([[True], found[1:, 0] > last[:-1]])
    return np.column_stack([found[first, 0], last[np.concatenate([first[1:], [True]])]])
