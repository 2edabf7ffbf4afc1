"""Observations as they were flown against what the platform made of them: intervals, attitude, sources, level 2."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.intervals import Intervals
from mta_assets.core.tables import Table
from mta_assets.instruments import quaternions
from mta_assets.instruments.geometry_sky import place_error
from mta_assets.simulate import attitude, onboard, sky
from mta_assets.simulate.schedule import Dwell, Schedule

Array = NDArray[np.float64]
SAMPLE = 2.05  # [s] of COBSRQID: an edge is the first sample after the change
ATTITUDE = 0.2  # [arcsec] rms of roll, pitch and yaw
PLACE = 0.3  # [arcsec] of a source, or `SIGMAS` of its error along an axis where that is more: 3 of 10,000 are farther
SIGMAS = 4.0
SURE = {"NONE": 50.0, "HETG": 500.0, "LETG": 500.0}  # photons from which a source is found; most are dispersed
SIGNIFICANT = 5.0
FALSE = 1.0  # false sources above `SIGNIFICANT` in a field, on average
STREAMS = ("sdp", "sap")


@dataclass(frozen=True)
class Made:
    """What the platform has of one observation interval.

    Parameters
    ----------
    key
        Partition.
    tstart, tstop, complete
        The interval.
    products
        File ids of the current products by stream.
    asol
        Ground aspect solution, None without.
    sources
        Source lists (SRCLIST) by stream.
    """

    key: str
    tstart: float
    tstop: float
    complete: bool
    products: Mapping[str, Sequence[str]] = field(default_factory=dict)
    asol: Table | None = None
    sources: Mapping[str, Table] = field(default_factory=dict)


def key_of(dwell: Dwell) -> str:
    """Partition of a pointing."""
    return f"{dwell.obsid:05d}_{dwell.obi:03d}"


def compare_observations(
    schedule: Schedule, lost: Intervals, made: Iterable[Made]
) -> tuple[list[dict[str, Any]], list[str]]:
    """A line for each pointing of the plan, and what is not as it should be, in words.

    Parameters
    ----------
    lost
        Times of frames that were lost or damaged: an edge in there shows after them.
    made
        All intervals that the platform has.
    """
    pointings = [dwell for dwell in schedule.dwells if dwell.kind != "manoeuvre"]
    there = {one.key: one for one in made}
    planned = {key_of(dwell) for dwell in pointings}
    problems = [f"{key}: an interval that was not flown" for key in sorted(set(there) - planned)]
    rows = []
    for number, dwell in enumerate(pointings):
        one = there.get(key_of(dwell))
        if one is None:
            problems.append(f"{key_of(dwell)}: not found")
            continue
        whole = 0 < number < len(pointings) - 1  # the run begins and ends inside a pointing
        row: dict[str, Any] = {"observation": one.key, "instrument": dwell.instrument, "grating": dwell.grating}
        row |= dict.fromkeys(("level 2", "attitude [arcsec]", "sources"), "") | {"false": {}}
        found = _edges(dwell, one, lost, whole)
        if whole and dwell.kind == "observation":
            found += _level2(dwell, one, row) + _attitude(schedule, one, row) + _sources(schedule, dwell, one, row)
        elif whole:
            row["level 2"] = ", ".join(sorted({name for names in one.products.values() for name in names}))
        else:
            row["level 2"] = "waits for an edge"
        problems += [f"{one.key}: {words}" for words in found]
        rows.append(row)
    return rows, [*problems, *_too_many(rows)]


def _too_many(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sources that are none: the threshold of a field lets half a one pass on average, so the mean is judged."""
    problems = []
    for stream in STREAMS:
        counts = [row["false"][stream] for row in rows if stream in row["false"]]
        if counts and sum(counts) >= FALSE * len(counts):
            problems.append(
                f"{sum(counts)} false sources in {len(counts)} fields of stream {stream}, expected < {FALSE}"
            )
    return problems


def _edges(dwell: Dwell, one: Made, lost: Intervals, whole: bool) -> list[str]:
    problems = []
    if one.complete != whole:
        problems.append(f"is {'' if one.complete else 'not '}complete, and should {'not ' if one.complete else ''}be")
    for name, found, true in (("start", one.tstart, dwell.tstart), ("stop", one.tstop, dwell.tstop)):
        hidden = lost[(lost[:, 0] < true + SAMPLE) & (lost[:, 1] > true - SAMPLE)]
        latest = max([true, *hidden[:, 1].tolist()]) + SAMPLE
        if whole and not true <= found <= latest:
            problems.append(f"its {name} is {found - true:.3f} s after the true one, expected 0 to {latest - true:.2f}")
    return problems


def _level2(dwell: Dwell, one: Made, row: dict[str, Any]) -> list[str]:
    """Products of level 2 that the observation has to have on both streams."""
    instrument = dwell.instrument.partition("-")[0]
    wanted = [f"{instrument}_EVT2"]
    wanted += [f"{instrument}_SRC2"] if not dwell.datamode.startswith("CC") else []
    wanted += [f"{instrument}_PHA2"] if dwell.grating != "NONE" else []
    row["level 2"] = "; ".join(
        f"{stream} {', '.join(sorted(n.partition('_')[2] for n in one.products.get(stream, ())))}" for stream in STREAMS
    )
    return [
        f"no {name} on stream {stream}"
        for stream in STREAMS
        for name in wanted
        if name not in one.products.get(stream, ())
    ]


def _attitude(schedule: Schedule, one: Made, row: dict[str, Any]) -> list[str]:
    if one.asol is None:
        return ["no ground aspect"]
    rms = attitude_rms(schedule, one.asol)
    row["attitude [arcsec]"] = " ".join(f"{value:.3f}" for value in rms)
    if rms.max() < ATTITUDE:
        return []
    return [f"attitude {rms.round(3).tolist()} arcsec rms from the truth (roll, pitch, yaw), expected < {ATTITUDE}"]


def attitude_rms(
    schedule: Schedule, solution: Table, truth: Callable[[Schedule, Array], Array] = attitude.quaternion
) -> Array:
    """rms [arcsec] of roll, pitch and yaw of an aspect solution against the attitude that was flown, or another one."""
    away = np.degrees(quaternions.difference(solution["q_att"], truth(schedule, solution["time"]))) * 3600
    return np.asarray(np.sqrt(np.mean(away**2, axis=0)))


def sources_of(schedule: Schedule, dwell: Dwell, stream: str) -> list[sky.Source]:
    """Sources of a pointing where a stream has them: the quick look is on the on-board attitude."""
    true = sky.sources(dwell.obsid)
    if stream != "sap":
        return list(true)
    ra, dec = onboard.seen(schedule, dwell, [source.ra for source in true], [source.dec for source in true])
    return [replace(source, ra=float(a), dec=float(d)) for source, a, d in zip(true, ra, dec, strict=True)]


def _sources(schedule: Schedule, dwell: Dwell, one: Made, row: dict[str, Any]) -> list[str]:
    """Sources of points of the sky; a shell is none, and what is found on it is not judged."""
    problems, shown = [], []
    for stream, table in one.sources.items():
        true = sources_of(schedule, dwell, stream)
        away = np.hypot(*offsets(true, table))
        nearest = away.argmin(axis=1) if away.size else np.full(len(true), -1)
        count = {(sure, found): 0 for sure in (True, False) for found in (True, False)}
        limit = limits(table, dwell, stream)[nearest] if len(table) else np.zeros(len(true))
        for number, source in enumerate(true):
            if source.extent:
                continue
            found = bool(nearest[number] >= 0 and away[number, nearest[number]] <= limit[number])
            sure = source.rate * (dwell.tstop - dwell.tstart) >= SURE[dwell.grating]
            count[sure, found] += 1
            if sure and not found:
                near = f"the nearest is {away[number].min():.2f} arcsec away" if len(table) else "nor any other"
                problems.append(
                    f"{source.name} was not found on stream {stream}: {near}, expected < {limit[number] or PLACE:.2f}"
                )
        reach = np.array([max(2.0, 1.5 * source.extent) for source in true])[:, None]
        false = int(np.count_nonzero((table["SIGNIFICANCE"] > SIGNIFICANT) & ~(away < reach).any(axis=0)))
        row["false"][stream] = false
        fainter = f" and {count[False, True]} fainter" if count[False, True] else ""
        shown.append(f"{stream} {count[True, True]} of {count[True, True] + count[True, False]}{fainter}")
    row["sources"] = "; ".join(sorted(shown, reverse=True))
    return problems


def limits(table: Table, dwell: Dwell, stream: str) -> Array:
    """How far [arcsec] each source of a list may be from the true one; more in a quick look that saw it at times."""
    error = place_error(table["DEC"], table["RA_ERR"], table["DEC_ERR"]) * 3600
    allowed = np.maximum(PLACE, SIGMAS * error)
    if stream != "sap":
        return allowed
    return np.hypot(allowed, SIGMAS * onboard.of_a_part(dwell, table["EXPTIME"]))


def offsets(true: Sequence[sky.Source], table: Table) -> tuple[Array, Array]:
    """East and north [arcsec] of each true source of each found one, shape (true, found)."""
    ra, dec = np.array([[source.ra, source.dec] for source in true]).reshape(-1, 2).T[:, :, None]
    return (table["RA"] - ra) * np.cos(np.radians(dec)) * 3600, (table["DEC"] - dec) * 3600
