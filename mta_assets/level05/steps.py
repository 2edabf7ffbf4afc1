"""The parameters of one observation interval, from the intervals that the playbacks around it showed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.intervals import Intervals
from mta_assets.core.records import FINDINGS, finding, observation_key
from mta_assets.core.request import Request
from mta_assets.core.tables import Header, Product, Table, concatenate
from mta_assets.core.texts import text_table
from mta_assets.instruments.geometry import quaternion_from_angles
from mta_assets.level05.asrun import compare, planned_table
from mta_assets.level05.detect import HEADER, extract_segments
from mta_assets.level05.obi import LONGEST_GAP, LOST
from mta_assets.level05.obspar import obspar, science_runs, to_text
from mta_assets.level05.segments import SEEN

EDGES = ("start_edge", "stop_edge")
ANGLES = ("ra_nom", "dec_nom", "roll_nom")
MEASURED = (*EDGES, *ANGLES, "gaps", "lost", "format", "sim_x", "sim_z")  # facts that telemetry alone gives


def segments(*engineering: Iterable[Product] | None) -> Product:
    """``OBI_SEG`` of a playback; subsystems that it has nothing of are None (see `detect.extract_segments`)."""
    return extract_segments(*(given for given in engineering if given is not None))


def observation_parameters(
    intervals: Iterable[Product],
    exposures: Iterable[Product] | None,
    events: Iterable[Product] | None,
    observing: Sequence[Mapping[str, Any]],
    request: Request,
) -> tuple[Product, Table]:
    """The OBSPAR product of the observation that is asked for, and what there is to say of its edges.

    Parameters
    ----------
    intervals
        ``OBIS`` of the playbacks around it. Each was made with what was there then, so they may differ: that one
        counts whose interval is the catalog's. Where an edge was open then and has become lost since, the catalog's
        facts say so.
    exposures, events
        ``ACIS_EXR0`` and ``HRC_EVT0`` of its time, which say what the instrument did; None if there are none.
    observing
        Rows of the observing catalogue.

    Raises
    ------
    NothingToDo
        If none of them has the interval with both edges.
    """
    row = _row(intervals, request)
    planned = planned_table(observing)
    match = np.flatnonzero((planned["obsid"] == row["obsid"]) & (planned["obi"] == row["obi"]))
    plan = {name: planned[name][match[0]] for name in planned.columns} if len(match) else None
    runs = science_runs(product for given in (exposures, events) for product in given or ())
    table = obspar(row, runs, plan)
    common: Header = {
        "OBS_ID": (str(int(row["obsid"])), "observation identifier"),
        "OBI_NUM": (int(row["obi"]), "observation interval number"),
    }
    known = dict(zip(table["name"].tolist(), table["value"].tolist(), strict=True))
    for keyword, name in (("INSTRUME", "instrume"), ("GRATING", "grating"), ("DATAMODE", "datamode")):
        if known.get(name):
            common[keyword] = (known[name], name)  # facts, where a pipeline is run by hand on this file
    header = {**HEADER, "CONTENT": ("OBSPAR", "what data product")}
    product = Product("OBSPAR", (table.with_header(header),), float(row["tstart"]), float(row["tstop"]), common)
    return product, lost_telemetry(row)


def parameter_file(obspar: Sequence[Product], *, file_id: str) -> Product:
    """The OBSPAR product of an observation as the parameter file that the archive has (``axaff…_obs0a.par``)."""
    given = obspar[0]
    return Product(file_id, (text_table(to_text(given.table("OBSPAR"))),), given.tstart, given.tstop)


def lost_telemetry(row: Mapping[str, Any]) -> Table:
    """Findings of what an interval lacks because its telemetry has not come: edges, and what a long gap holds.

    Parameters
    ----------
    row
        One row of `obi.OBIS`, complete.
    """
    lacks = [
        f"its {what} lies in telemetry that has not come: the interval {how} there is"
        for edge, what, how in (
            ("start_edge", "start", "begins with the first sample that"),
            ("stop_edge", "stop", "ends with the last sample that"),
        )
        if row[edge] == LOST
    ]
    if row["lost"] > LONGEST_GAP:
        lacks.append(f"{row['lost']:.0f} s of its telemetry have not come ({row['gaps']} gaps)")
    name = f"obi {observation_key(int(row['obsid']), int(row['obi']))}"
    span = float(row["tstart"]), float(row["tstop"])
    found = [finding(name, "OBS", "telemetry", f"{w}; a playback that still comes revises it", span) for w in lacks]
    return concatenate([FINDINGS.empty(), *found])


def against_plan(obis: Table, planned: Table, covered: Intervals, request: Request) -> Table:
    """As run against as planned: findings of the intervals and plans that meet the playback.

    Every playback for ten days sees an interval; without the cut each would report it again. Where the observing
    catalogue has nothing of all that time it was not imported, and nothing can be said.
    """
    if not len(planned):
        return FINDINGS.empty()
    found = compare(obis, planned, covered)
    return found.where((found["tstart"] < request.tstop) & (found["tstop"] >= request.tstart))


def _row(intervals: Iterable[Product], request: Request) -> dict[str, Any]:
    """The row of `obi.OBIS` that is nearest to what the catalog knows of the observation."""
    if request.obsid is None or request.obi is None:
        raise BadData(f"{request.partition}: no observation is named; give files that carry OBS_ID and OBI_NUM")
    found: list[tuple[bool, float, dict[str, Any]]] = []
    for product in intervals:
        table = product.tables[0]
        for row in np.flatnonzero((table["obsid"] == request.obsid) & (table["obi"] == request.obi)).tolist():
            away = abs(float(table["tstart"][row]) - request.tstart) + abs(float(table["tstop"][row]) - request.tstop)
            found.append((not table["complete"][row], away, _values(table, row)))
    best = min(found, key=lambda item: item[:2])[2] if found else None
    settled = all(request.facts.get(edge) in (SEEN, LOST) for edge in EDGES)
    if best is None or not (best["complete"] or settled):
        key = observation_key(request.obsid, request.obi)
        raise NothingToDo(f"observation interval {key}: no playback shows both its edges")
    if not best["complete"]:
        best |= {"tstart": request.tstart, "tstop": request.tstop, "complete": True}
    return _as_known(best, request)


def _as_known(row: Mapping[str, Any], request: Request) -> dict[str, Any]:
    """A row with what the catalog knows by now: with the same edges it may have been made before a late playback
    filled a gap, or before what was still to come counted as lost."""
    known = {name: request.facts[name] for name in MEASURED if name in request.facts}
    angles = [known.get(name, row[name]) for name in ANGLES]
    moved = angles != [row[name] for name in ANGLES] and np.isfinite(angles).all()
    return {**row, **known, **({"q_nom": quaternion_from_angles(*angles)} if moved else {})}


def _values(table: Table, row: int) -> dict[str, Any]:
    return {name: values[row] for name, values in table.columns.items()}
