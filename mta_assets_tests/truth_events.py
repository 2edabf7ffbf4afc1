"""Events as rows of integers, as they were put in and as they stand in the products, to be compared exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets_tests.truth_runs import Run, damaged, fits_columns, in_ranges, touches

Array = NDArray[Any]
CELLS = 25  # pulse heights of the largest island; smaller ones are filled up
NONE = -9999
KEY = ("dwell", "expno", "ccd", "fep", "column", "row")
EXPNO = KEY.index("expno")
SPLIT_THRESHOLD, NO_CORNER = 13, 4095  # corners above the threshold do not count (IP&CL, cornerMean)
WAITING = 256  # [frame] that an exposure record may follow the events it counts by
HRC_COLUMNS = ("CRSV", "CRSU", "AMP_SF", "AV1", "AV2", "AV3", "AU1", "AU2", "AU3", "PHA")
HRC_BITS = ("E_TRIG", "VETOSTT", "DET_ID")


@dataclass(frozen=True)
class PutIn:
    """ACIS events of a playback: rows of `KEY` and pulse heights, times [s], and what became of their frames."""

    rows: Array
    time: Array
    safe: NDArray[np.bool_]  # no frame of the packet was lost or damaged: must come out
    gone: NDArray[np.bool_]  # a frame of the packet was lost: can not come out
    near: NDArray[np.bool_]  # a frame of the exposure or of its record may be lost or damaged
    modes: frozenset[str]


@dataclass(frozen=True)
class Found:
    """ACIS events of the products of a playback."""

    rows: Array
    time: Array
    status: Array


def acis_put_in(run: Run, playback: dict[str, Any]) -> PutIn:
    """Events of the truth file of a playback."""
    import pyarrow.parquet as pq

    table = pq.read_table(run.truth.folder / playback["events"]["acis"]["file"])
    if "ccd_id" not in table.column_names:  # a playback without ACIS science
        none = np.zeros(0, bool)
        return PutIn(np.zeros((0, len(KEY) + CELLS), np.int32), np.zeros(0), none, none, none, frozenset())
    event = {name: table[name].to_numpy() for name in table.column_names if name != "phas"}
    lists = table["phas"].combine_chunks()
    values, start = lists.values.to_numpy().astype(np.int32), lists.offsets.to_numpy()
    start, length = start[:-1], np.diff(start)
    dwell = run.plan.schedule.at(event["time"])
    modes = np.array([d.datamode for d in run.plan.schedule.dwells])[dwell]
    cells = np.full((len(dwell), CELLS), NONE, np.int32)
    for size in np.unique(length).tolist():
        rows = np.flatnonzero(length == size)
        cells[rows[:, None], np.arange(size)] = values[start[rows][:, None] + np.arange(size)]
    graded = np.flatnonzero(np.char.endswith(modes, "GRADED"))
    cells[graded] = _graded(cells[graded, :9], event["pha"][graded], event["fltgrade"][graded])
    names = (dwell, event["expno"], event["ccd_id"], event["fep_id"], event["chipx"], event["chipy"])
    lost = [tuple(pair) for pair in playback["lost"]]
    first, last = event["first"], event["last"]
    exposure = dwell.astype(np.int64) * 10_000_000 + event["expno"]
    _, which = np.unique(exposure, return_inverse=True)
    low, high = np.full(which.max() + 1, np.iinfo(np.int64).max), np.zeros(which.max() + 1, np.int64)
    np.minimum.at(low, which, first)
    np.maximum.at(high, which, last)
    return PutIn(
        np.column_stack([*names, cells]).astype(np.int32),
        event["time"],
        ~touches(first, last, damaged(playback)),
        touches(first, np.maximum(last - 1, first), lost),  # `last` may be one frame too many
        touches(low, high + WAITING, damaged(playback))[which],
        frozenset(np.unique(modes).tolist()),
    )


def _graded(island: Array, pha: Array, fltgrade: Array) -> Array:
    """Amplitude, grade and mean of the valid corners, rounded, as the on-board software makes them of an island."""
    corners = island[:, [0, 2, 6, 8]].astype(float)
    valid = corners < SPLIT_THRESHOLD
    count = valid.sum(axis=1)
    mean = np.rint((corners * valid).sum(axis=1) / np.maximum(count, 1))
    cells = np.full((len(island), CELLS), NONE, np.int32)
    cells[:, :3] = np.column_stack([pha, fltgrade, np.where(count > 0, mean, NO_CORNER)])
    return cells


def acis_found(run: Run, number: int) -> Found:
    """Events of the ACIS_EVT0 files of a playback."""
    rows, times, status = [np.zeros((0, len(KEY) + CELLS), np.int32)], [np.zeros(0)], [np.zeros(0, np.uint8)]
    for path in run.files(number, "ACIS_EVT0"):
        event, header = fits_columns(path)
        count = len(event["TIME"])
        cells = np.full((count, CELLS), NONE, np.int32)
        if "PHAS" in event:
            pulse_heights = event["PHAS"].reshape(count, -1)
            cells[:, : pulse_heights.shape[1]] = pulse_heights
        else:
            cells[:, :3] = np.column_stack([event[name] for name in ("PHA", "FLTGRADE", "CORN_PHA")])
        row = event["CCDY"] if "CCDY" in event else event["TROW"]
        names = (
            run.plan.schedule.at(event["TIME"]), event["EXPNO"], event["CCD_ID"], np.full(count, header["FEP_ID"]),
            event["CCDX"] + 1, row + 1,
        )  # fmt: skip
        rows.append(np.column_stack([*names, cells]).astype(np.int32))
        times.append(event["TIME"])
        status.append(event["STATUS"])
    return Found(np.concatenate(rows), np.concatenate(times), np.concatenate(status))


def without_expno(rows: Array) -> Array:
    """Where and what, but not in which exposure."""
    return np.delete(rows, EXPNO, axis=1)


def hrc_put_in(run: Run, playback: dict[str, Any]) -> tuple[Array, Array]:
    """Rows (counter, then the columns and flags of the event word) of the events in whole frames, and their times."""
    event = run.truth.events("hrc", playback["number"])
    if "CRSV" not in event:
        return np.zeros((0, 1 + len(HRC_COLUMNS) + len(HRC_BITS)), np.int64), np.zeros(0)
    kept = ~in_ranges(event["counter"], damaged(playback))
    order = np.flatnonzero(kept)[np.argsort(event["counter"][kept], kind="stable")]
    names = ("counter", *HRC_COLUMNS, *HRC_BITS)
    return np.column_stack([event[name][order].astype(np.int64) for name in names]), event["stated_time"][order]


def hrc_found(run: Run, playback: dict[str, Any]) -> tuple[Array, Array]:
    """The same of the HRC_EVT0 files, without the events that are flagged as damaged."""
    rows, times = [np.zeros((0, 1 + len(HRC_COLUMNS) + len(HRC_BITS)), np.int64)], [np.zeros(0)]
    for path in run.files(playback["number"], "HRC_EVT0"):
        event, _ = fits_columns(path)
        good = ~event["QUALITY"].any(axis=1)
        bits = [_number(event[name]) for name in HRC_BITS]
        counter = unwrapped(event["MJF"], event["MNF"], playback["first"])
        columns = [counter, *(event[name].astype(np.int64) for name in HRC_COLUMNS), *bits]
        rows.append(np.column_stack(columns)[good])
        times.append(event["TIME"][good])
    found, time = np.concatenate(rows), np.concatenate(times)
    order = np.argsort(found[:, 0], kind="stable")
    return found[order], time[order]


def _number(bits: Array) -> Array:
    """Bit arrays, most significant first, as numbers."""
    weights = 1 << np.arange(bits.shape[1] - 1, -1, -1)
    return bits.astype(np.int64) @ weights


def unwrapped(major: Array, minor: Array, first: int) -> Array:
    """Frame counters from the 24 bits of the telemetry; ``first`` is a counter at about the beginning."""
    base = first - first % 128
    return base + (major.astype(np.int64) * 128 + minor - base) % (1 << 24)
