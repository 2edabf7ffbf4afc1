"""Segments: stretches of a playback in which observation identifier and pointing mode stay the same.

They are found playback by playback and say at each end whether the change was seen or the data end there, so that
`obi` can put together what spans playbacks, in whatever order these come in.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.intervals import Intervals, from_samples
from mta_assets.core.tables import Column, Schema, Table, concatenate
from mta_assets.instruments import quaternions, sim
from mta_assets.level05 import history as eng
from mta_assets.level05.history import History, Samples

Array = NDArray[Any]
SEEN, CUT = "seen", "cut"  # at an end of a segment: the change is in the data, or the data begin or end there
CONTIGUOUS = 4.2  # [s] two periods of COBSRQID: with less between them, two pieces of telemetry join

SEGMENTS = Schema(
    "SEGMENTS",
    (
        Column("tstart", "f8", "s", "first sample with this configuration"),
        Column("tstop", "f8", "s", "first sample with the next one, or end of the data"),
        Column("obsid", "i4", "", "observation identifier (COBSRQID)"),
        Column("mode", "U4", "", "pointing mode (AOPCADMD)"),
        Column("start_edge", "U4", "", "seen: the change is in the data; cut: the data begin here"),
        Column("stop_edge", "U4", "", "seen or cut"),
        Column("format", "i2", "", "telemetry format, most of the time; 0 not known"),
        Column("sim_x", "f8", "mm", "SIM focus position, median"),
        Column("sim_z", "f8", "mm", "SIM translation, median"),
        Column("hetg", "f4", "deg", "angle of the HETG arm, median"),
        Column("letg", "f4", "deg", "angle of the LETG arm, median"),
        Column("samples", "i4", "", "attitude samples"),
        Column("q_att", "f8", "", "mean attitude quaternion, scalar last", (4,)),
    ),
    "Stretches of constant observation identifier and pointing mode",
)


def find_segments(history: History) -> Table:
    """Segments of one playback.

    Parameters
    ----------
    history
        Good samples, as `history.read_history` gives them.

    Returns
    -------
    Table
        `SEGMENTS`, in order of time. Where the telemetry has a gap, or an identifier was not telemetered at all, no
        segment is: nothing is said of what was not seen.
    """
    mode, obsid = history[eng.MODE], history[eng.OBSID]
    rows = [row for piece in _pieces(mode) for row in _of_piece(history, mode, obsid, piece)]
    return table_of(rows)


def table_of(rows: Sequence[dict[str, Any]]) -> Table:
    """Rows as a table; without rows the empty one."""
    if not rows:
        return SEGMENTS.empty()
    return SEGMENTS.build({name: np.array([row[name] for row in rows]) for name in SEGMENTS.names})


def compact(tables: Sequence[Table]) -> Table:
    """Segments of several playbacks as one table: sorted, overlapping and touching ones of one configuration made one.

    It does not matter in which order they are given, and what comes out can be given again with what comes later: it
    is the state that is carried from playback to playback.
    """
    given = [table for table in tables if len(table)]
    if not given:
        return SEGMENTS.empty()
    every = concatenate(given)
    _, single = np.unique(np.stack([every["tstart"], every["tstop"], every["obsid"]]), axis=1, return_index=True)
    every = every.where(np.sort(single))  # the same playback twice
    order = np.lexsort((every["obsid"], every["tstop"], every["tstart"]))
    merged: list[dict[str, Any]] = []
    for index in order:
        row = {name: every[name][index] for name in SEGMENTS.names}
        same = next((m for m in merged[-3:] if _touches(m, row)), None)
        if same is None:
            merged.append(row)
        else:
            same.update(_united(same, row))
    for before, after in pairwise(merged):
        if abs(after["tstart"] - before["tstop"]) <= CONTIGUOUS:  # the change fell between two playbacks
            before["stop_edge"] = after["start_edge"] = SEEN
    return table_of(merged)


def _touches(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return bool(a["obsid"] == b["obsid"] and a["mode"] == b["mode"] and b["tstart"] <= a["tstop"] + CONTIGUOUS)


def _united(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    """One row of two that touch: positions of the longer one, mean attitude of both."""
    longer = a if a["tstop"] - a["tstart"] >= b["tstop"] - b["tstart"] else b
    last = b if b["tstop"] > a["tstop"] or (b["tstop"] == a["tstop"] and b["stop_edge"] == SEEN) else a
    same_start = b["start_edge"] if a["tstart"] == b["tstart"] and b["start_edge"] == SEEN else a["start_edge"]
    parts = [row for row in (a, b) if row["samples"]]
    attitude = longer["q_att"]
    if parts:
        attitude = quaternions.mean(np.array([p["q_att"] for p in parts]), np.array([p["samples"] for p in parts]))
    return {
        **longer, "tstart": a["tstart"], "start_edge": same_start, "tstop": last["tstop"],
        "stop_edge": last["stop_edge"], "samples": a["samples"] + b["samples"], "q_att": attitude,
    }  # fmt: skip


def _pieces(mode: Samples) -> Intervals:
    """Stretches without a gap, from the samples of the pointing mode."""
    return from_samples(mode.time, mode.period, CONTIGUOUS / mode.period - 1)


def _of_piece(history: History, mode: Samples, obsid: Samples, piece: Array) -> list[dict[str, Any]]:
    modes, obsids = _within(mode, piece), _within(obsid, piece)
    if not len(modes.time) or not len(obsids.time):
        return []
    changes = [_changes(modes), _changes(obsids)]
    edges = np.unique(np.concatenate([*changes, piece]))
    rows = []
    for start, stop in pairwise(edges.tolist()):
        rows.append(
            {
                "tstart": start, "tstop": stop,
                "obsid": int(_as_of(obsids, start)), "mode": str(_as_of(modes, start)),
                "start_edge": SEEN if start > piece[0] else CUT, "stop_edge": SEEN if stop < piece[1] else CUT,
                **_configuration(history, start, stop),
            }
        )  # fmt: skip
    return rows


def _configuration(history: History, start: float, stop: float) -> dict[str, Any]:
    """Where the mechanisms stood and the telescope pointed."""
    found: dict[str, float] = {}
    for name, msid in (("sim_x", eng.FA), ("sim_z", eng.TSC), ("hetg", eng.HETG), ("letg", eng.LETG)):
        values = history[msid].during(start, stop) if msid in history else np.zeros(0)
        found[name] = float(np.median(values)) if len(values) else np.nan
    formats = history[eng.FORMAT].during(start, stop) if eng.FORMAT in history else np.zeros(0, "U4")
    names, counts = np.unique(formats, return_counts=True)
    number = str(names[np.argmax(counts)])[3:] if len(names) else ""
    attitude = _attitudes(history, start, stop)
    return {
        "sim_x": float(sim.focus(found["sim_x"])), "sim_z": float(sim.translation(found["sim_z"])),
        "hetg": found["hetg"], "letg": found["letg"], "format": int(number) if number.isdigit() else 0,
        "samples": len(attitude), "q_att": quaternions.mean(attitude) if len(attitude) else np.full(4, np.nan),
    }  # fmt: skip


def _attitudes(history: History, start: float, stop: float) -> Array:
    """(n, 4) attitudes of which all four parts are there."""
    if not all(msid in history for msid in eng.ATTITUDE):
        return np.zeros((0, 4))
    parts = [history[msid] for msid in eng.ATTITUDE]
    times = parts[0].time
    for part in parts[1:]:
        times = np.intersect1d(times, part.time, assume_unique=True)
    low, high = np.searchsorted(times, [start, stop])
    return np.stack([part.value[np.searchsorted(part.time, times[low:high])] for part in parts], axis=-1)


def _within(samples: Samples, piece: Array) -> Samples:
    low, high = np.searchsorted(samples.time, piece)
    return Samples(samples.time[low:high], samples.value[low:high], samples.period)


def _changes(samples: Samples) -> Array:
    """Times of the samples whose value differs from the one before."""
    return samples.time[1:][samples.value[1:] != samples.value[:-1]]


def _as_of(samples: Samples, time: float) -> Any:
    """The value of the last sample not after a time, or of the first one."""
    return samples.value[max(int(np.searchsorted(samples.time, time, side="right")) - 1, 0)]
