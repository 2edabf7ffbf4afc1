"""OBI_DET: observation intervals out of segments, complete ones and those that still wait for telemetry.

An OBI is an uninterrupted interval of one observation: the telescope points (NPNT) under one observation identifier
("The Chandra Automatic Data Processing Infrastructure", ADASS X, section 3: the level 0.5 pipeline OBI_DET determines
start and stop of each). It begins with the first sample that shows both and ends with the first that
shows another. It is complete when both edges are in the telemetry; until then no OBI product is made from it.

Nothing is stored between playbacks but their segments: intervals are a function of all segments that are there. So
playbacks may come in any order, a late one completes what it belongs to, and `revisions` says what it changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Column, Schema, Table
from mta_assets.instruments import quaternions, sim
from mta_assets.instruments.geometry import angles_from_quaternion
from mta_assets.level05.segments import CONTIGUOUS, CUT, SEGMENTS, compact

Array = NDArray[Any]
POINTING = "NPNT"
OPEN, LOST = "open", "lost"  # edges of an interval besides "seen": telemetry is still to come, or lost for good
LONGEST_GAP = 300.0  # [s] of lost telemetry across which pointing goes on; no manoeuvre and back is as short
SAME_POINTING = 0.1  # [deg] attitudes on both sides of a longer gap that are one pointing (dither: 0.006)
FIRST_ENGINEERING = 38000  # obsids from here on are engineering requests (ER), below are observations (OR)

OBIS = Schema(
    "OBIS",
    (
        Column("obsid", "i4", "", "observation identifier"),
        Column("obi", "i2", "", "number of the interval within the observation, from 0"),
        Column("tstart", "f8", "s", "first sample of the pointing"),
        Column("tstop", "f8", "s", "first sample after it"),
        Column("start_edge", "U4", "", "seen; lost: in lost telemetry; open: earlier telemetry is still to come"),
        Column("stop_edge", "U4", "", "seen, lost or open"),
        Column("complete", "bool", "", "both edges are known: the interval can be processed"),
        Column("gaps", "i4", "", "gaps in the telemetry within the interval"),
        Column("lost", "f8", "s", "length of the gaps"),
        Column("kind", "U2", "", "OR observation request, ER engineering request"),
        Column("detector", "U8", "", "at the focus, from the SIM translation"),
        Column("grating", "U4", "", "in the beam, from the angles of the arms"),
        Column("format", "i2", "", "telemetry format, most of the time"),
        Column("sim_x", "f8", "mm", "SIM focus position"),
        Column("sim_z", "f8", "mm", "SIM translation"),
        Column("ra_nom", "f8", "deg", "mean pointing"),
        Column("dec_nom", "f8", "deg", "mean pointing"),
        Column("roll_nom", "f8", "deg", "mean pointing"),
        Column("q_nom", "f8", "", "mean attitude quaternion, scalar last", (4,)),
    ),
    "Observation intervals from telemetry",
)


def obi_key(obsid: int, obi: int) -> str:
    """Name of the partition of an interval, ``28101_000``."""
    return f"{obsid:05d}_{obi:03d}"


def observation_intervals(
    segments: Sequence[Table], planned: Table | None = None, settled: float = -np.inf, longest_gap: float = LONGEST_GAP
) -> Table:
    """Observation intervals of the segments of any number of playbacks.

    Parameters
    ----------
    segments
        `SEGMENTS` of playbacks in any order, or the state carried from before and those of a new one.
    planned
        `asrun.PLANNED`: gives the OBI numbers of planned observations; others are counted in order of time.
    settled
        [s] Telemetry from before has all come: gaps before it are lost for good, and edges in them count as known.
    longest_gap
        [s] Gaps up to here do not end an interval if the configuration is the same on both sides.

    Returns
    -------
    Table
        `OBIS`, in order of time.
    """
    pieces = compact(segments)
    rows = [{name: pieces[name][i] for name in SEGMENTS.names} | {"gaps": 0, "lost": 0.0} for i in range(len(pieces))]
    joined = _across_gaps(rows, settled, longest_gap)
    intervals = [_interval(row) for row in joined if row["mode"] == POINTING and row["obsid"] > 0]
    # between the samples of mode and identifier a change of both shows a pointing that never was
    found = [row for row in intervals if row["tstop"] - row["tstart"] > CONTIGUOUS]
    if not found:
        return OBIS.empty()
    _number(found, planned)
    return OBIS.build({name: np.array([row[name] for row in found]) for name in OBIS.names})


def revisions(before: Table, after: Table) -> dict[str, list[str]]:
    """What changed between two tables of intervals, by partition key.

    Returns
    -------
    dict
        ``completed``: complete now and not before; ``revised``: complete in both with other edges, gaps or
        configuration (its products are to be made again); ``withdrawn``: complete before and not there any more.
    """
    old, new = _complete(before), _complete(after)
    return {
        "completed": sorted(key for key in new if key not in old),
        "revised": sorted(key for key in new if key in old and new[key] != old[key]),
        "withdrawn": sorted(key for key in old if key not in new),
    }


def _complete(table: Table) -> dict[str, tuple[Any, ...]]:
    names = ("tstart", "tstop", "gaps", "lost", "detector", "grating", "sim_x", "sim_z", "ra_nom", "dec_nom")
    return {
        obi_key(int(table["obsid"][i]), int(table["obi"][i])): tuple(_compared(table[name][i].item()) for name in names)
        for i in np.flatnonzero(table["complete"])
    }


def _compared(value: Any) -> Any:
    """A value as revisions see it: what is not known equals itself, the last digits depend on the order of sums."""
    if not isinstance(value, float):
        return value
    return None if np.isnan(value) else round(value, 7)


def _across_gaps(rows: list[dict[str, Any]], settled: float, longest_gap: float) -> list[dict[str, Any]]:
    """Pieces on both sides of a gap made one where the pointing goes on, and every cut edge lost or open."""
    joined: list[dict[str, Any]] = []
    for row in rows:
        last = joined[-1] if joined else None
        if last is not None and last["stop_edge"] == row["start_edge"] == CUT:
            gap = row["tstart"] - last["tstop"]
            over = gap <= longest_gap or row["tstart"] <= settled
            if over and _goes_on(last, row):
                joined[-1] = _with_gap(last, row, gap)
                continue
            last["stop_edge"] = row["start_edge"] = LOST if over else OPEN
        joined.append(row)
    if joined:
        for row, edge, time in ((joined[0], "start_edge", "tstart"), (joined[-1], "stop_edge", "tstop")):
            if row[edge] == CUT:
                row[edge] = LOST if row[time] < settled else OPEN
    for before, after in pairwise(joined):  # one edge cut and the other seen: data from elsewhere begin in between
        for row, edge in ((before, "stop_edge"), (after, "start_edge")):
            if row[edge] == CUT:
                row[edge] = LOST if after["tstart"] <= settled else OPEN
    return joined


def _goes_on(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    if a["obsid"] != b["obsid"] or a["mode"] != b["mode"]:
        return False
    if not a["samples"] or not b["samples"] or a["mode"] != POINTING:
        return True
    apart = np.linalg.norm(quaternions.difference(a["q_att"], b["q_att"]))
    return bool(np.degrees(apart) < SAME_POINTING)


def _with_gap(a: Mapping[str, Any], b: Mapping[str, Any], gap: float) -> dict[str, Any]:
    longer = a if a["tstop"] - a["tstart"] >= b["tstop"] - b["tstart"] else b
    parts = [row for row in (a, b) if row["samples"]]
    attitude = a["q_att"]
    if parts:
        attitude = quaternions.mean(np.array([p["q_att"] for p in parts]), np.array([p["samples"] for p in parts]))
    return {
        **longer, "tstart": a["tstart"], "start_edge": a["start_edge"], "tstop": b["tstop"],
        "stop_edge": b["stop_edge"], "samples": a["samples"] + b["samples"], "q_att": attitude,
        "gaps": a["gaps"] + b["gaps"] + 1, "lost": a["lost"] + b["lost"] + gap,
    }  # fmt: skip


def _interval(row: Mapping[str, Any]) -> dict[str, Any]:
    ra, dec, roll = angles_from_quaternion(np.asarray(row["q_att"], float))
    return {
        "obsid": row["obsid"], "obi": -1, "tstart": row["tstart"], "tstop": row["tstop"],
        "start_edge": row["start_edge"], "stop_edge": row["stop_edge"],
        "complete": OPEN not in (row["start_edge"], row["stop_edge"]),
        "gaps": row["gaps"], "lost": row["lost"], "kind": "ER" if row["obsid"] >= FIRST_ENGINEERING else "OR",
        "detector": sim.at_focus(float(row["sim_z"])) if np.isfinite(row["sim_z"]) else "",
        "grating": sim.grating_in_beam(float(row["hetg"]), float(row["letg"])), "format": row["format"],
        "sim_x": row["sim_x"], "sim_z": row["sim_z"], "ra_nom": ra, "dec_nom": dec, "roll_nom": roll,
        "q_nom": row["q_att"],
    }  # fmt: skip


def _number(rows: Sequence[dict[str, Any]], planned: Table | None) -> None:
    """OBI numbers: those of the plan for what overlaps it most, for the rest the free ones in order of time."""
    taken: dict[int, set[int]] = {}
    if planned is not None:
        for row in rows:
            here = np.flatnonzero(planned["obsid"] == row["obsid"])
            shared = np.minimum(planned["tstop"][here], row["tstop"]) - np.maximum(
                planned["tstart"][here], row["tstart"]
            )
            for index in here[np.argsort(-shared, kind="stable")]:
                number = int(planned["obi"][index])
                used = taken.setdefault(int(row["obsid"]), set())
                if shared[here == index][0] > 0 and number not in used:
                    row["obi"] = number
                    used.add(number)
                    break
    for row in rows:
        if row["obi"] < 0:
            used = taken.setdefault(int(row["obsid"]), set())
            row["obi"] = next(n for n in range(len(used) + 1) if n not in used)
            used.add(row["obi"])
