"""The parameters of one observation interval, from the intervals that the playbacks around it showed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.intervals import Intervals
from mta_assets.core.records import FINDINGS, observation_key
from mta_assets.core.request import Request
from mta_assets.core.tables import Header, Product, Table
from mta_assets.level05.asrun import compare, planned_table
from mta_assets.level05.detect import HEADER, extract_segments
from mta_assets.level05.obspar import obspar, science_runs


def segments(*engineering: Iterable[Product] | None) -> Product:
    """``OBI_SEG`` of a playback; subsystems that it has nothing of are None (see `detect.extract_segments`)."""
    return extract_segments(*(given for given in engineering if given is not None))


def observation_parameters(
    intervals: Iterable[Product],
    exposures: Iterable[Product] | None,
    events: Iterable[Product] | None,
    observing: Sequence[Mapping[str, Any]],
    request: Request,
) -> Product:
    """The OBSPAR product of the observation that is asked for.

    Parameters
    ----------
    intervals
        ``OBIS`` of the playbacks around it. Each was made with what was there then, so they may differ: that one
        counts whose interval is the catalog's.
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
    return Product("OBSPAR", (table.with_header(header),), float(row["tstart"]), float(row["tstop"]), common)


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
    found: list[tuple[float, dict[str, Any]]] = []
    for product in intervals:
        table = product.tables[0]
        rows = np.flatnonzero((table["obsid"] == request.obsid) & (table["obi"] == request.obi) & table["complete"])
        for row in rows.tolist():
            away = abs(float(table["tstart"][row]) - request.tstart) + abs(float(table["tstop"][row]) - request.tstop)
            found.append((away, _values(table, row)))
    if not found:
        key = observation_key(request.obsid, request.obi)
        raise NothingToDo(f"observation interval {key}: no playback shows both its edges")
    return min(found, key=lambda pair: pair[0])[1]


def _values(table: Table, row: int) -> dict[str, Any]:
    return {name: values[row] for name, values in table.columns.items()}
