"""The faults of a file of frames as rows of `core.records.FAULTS`.

Frames that follow each other with the same fault are one row. ``first`` and ``last`` are unwrapped counters; for what
has no counter (kinds ``truncated`` and ``unplaced``) they are byte offsets, and the time is not known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.flags import Quality
from mta_assets.core.records import FAULTS
from mta_assets.core.tables import Table
from mta_assets.telemetry.frames import FrameIndex, check_times

MOST = 1000  # rows of one kind; a file that is noise must not fill the catalog
Clockwork = Callable[[NDArray[np.int64]], NDArray[np.float64]]
Row = tuple[str, float, float, int, int, int, str]


def frame_faults(index: FrameIndex, time: Clockwork, length: int) -> Table:
    """All faults of an indexed file.

    Parameters
    ----------
    index
        The indexed frames.
    time
        Start of the frames of given unwrapped counters [s].
    length
        Of a frame [byte].
    """
    rows: list[Row] = []
    before = np.flatnonzero(np.diff(index.counter) > 1)
    gap = np.column_stack([index.counter[before] + 1, index.counter[before + 1] - 1])
    rows += _capped(gap, np.diff(gap, axis=1)[:, 0] + 1, "gap", "frames missing", time)
    counter = np.concatenate([index.counter, index.again_counter])
    flags = np.concatenate([index.quality, index.again_quality])
    for flag, kind, detail in (
        (Quality.BAD_SYNC, "bad_sync", "sync pattern damaged, placed by the counter or the frames around it"),
        (Quality.BAD_CHECKSUM, "bad_checksum", "error control word wrong: any bit of the frame may be wrong"),
        (Quality.OUT_OF_ORDER, "out_of_order", "came later than frames with higher counters"),
    ):
        rows += _runs(np.sort(counter[(flags & int(flag)) != 0]), kind, detail, time)
    for differs, detail in ((False, "same content as the kept copy"), (True, "content differs from the kept copy")):
        rows += _runs(index.again_counter[index.again_differs == differs], "duplicate", detail, time)
    rows += _bytes(index, length)
    return _table(rows)


def time_step_faults(counter: ArrayLike, times: ArrayLike, period: float) -> Table:
    """Faults of kind ``time_step``: where times given with the frames do not fit their counters (`check_times`)."""
    count, at = np.asarray(counter, dtype=np.int64), np.asarray(times, dtype=np.float64)
    rows: list[Row] = []
    for step in np.flatnonzero(check_times(count, at, period))[:MOST].tolist():
        excess = at[step] - at[step - 1] - period * (count[step] - count[step - 1])
        detail = f"given time steps by {at[step] - at[step - 1]:.3f} s, {excess:+.3f} s against the counter"
        rows.append(("time_step", at[step], at[step], int(count[step]), int(count[step]), 1, detail))
    return _table(rows)


def _runs(counter: NDArray[np.int64], kind: str, detail: str, time: Clockwork) -> list[Row]:
    """One row per run of counters that follow each other."""
    if not len(counter):
        return []
    first = np.concatenate([[0], np.flatnonzero(np.diff(counter) != 1) + 1])
    last = np.append(first[1:], len(counter)) - 1
    return _capped(np.column_stack([counter[first], counter[last]]), last - first + 1, kind, detail, time)


def _capped(
    span: NDArray[np.int64], count: NDArray[np.int64], kind: str, detail: str, time: Clockwork | None
) -> list[Row]:
    """Rows of first and last; beyond `MOST` one row sums up the rest."""
    start, stop = (time(span[:, 0]), time(span[:, 1])) if time is not None else (np.full(len(span), np.nan),) * 2
    rows = [
        (kind, start[i], stop[i], int(span[i, 0]), int(span[i, 1]), int(count[i]), detail)
        for i in range(min(len(span), MOST))
    ]
    if len(span) > MOST:
        rest = span[MOST:]
        text = f"{len(rest)} further places: {detail}"
        ends = (start[MOST:].min(), stop[MOST:].max(), int(rest.min()), int(rest.max()))
        rows.append((kind, *ends, int(count[MOST:].sum()), text))
    return rows


def _bytes(index: FrameIndex, length: int) -> list[Row]:
    """Faults of bytes rather than of frames."""
    rows: list[Row] = []
    lost = index.lost_offset
    if len(lost):
        first = np.concatenate([[0], np.flatnonzero(np.diff(lost) != length) + 1])
        last = np.append(first[1:], len(lost)) - 1
        span = np.column_stack([lost[first], lost[last] + length - 1])
        detail = (
            "counter contradicts the frames around it and nothing confirms it: frame not used, first/last are bytes"
        )
        rows += _capped(span, last - first + 1, "unplaced", detail, None)
    skipped = index.positions.skipped
    short = index.positions.short
    for cut, kind, detail in (
        (True, "truncated", "a frame that is cut short by missing bytes, not used; first/last/count are bytes"),
        (False, "unplaced", "belong to no frame; first/last/count are bytes"),
    ):
        span = skipped[short == cut]
        rows += _capped(np.column_stack([span[:, 0], span[:, 1] - 1]), span[:, 1] - span[:, 0], kind, detail, None)
    tail, size = index.positions.tail, index.positions.size
    if tail:
        text = f"the last {tail} bytes are not a whole frame of {length}; first/last/count are bytes"
        rows.append(("truncated", np.nan, np.nan, size - tail, size - 1, tail, text))
    return rows


def _table(rows: list[Row]) -> Table:
    if not rows:
        return FAULTS.empty()
    names = ("kind", "tstart", "tstop", "first", "last", "count", "detail")
    columns: dict[str, Any] = {name: np.array([row[i] for row in rows]) for i, name in enumerate(names)}
    columns["source"] = np.full(len(rows), "frames")
    return FAULTS.build(columns)
