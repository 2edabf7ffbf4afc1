"""The steps of the level 0.5 pipelines: segments of a playback, intervals of many, parameters of one interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.intervals import Intervals, normalise
from mta_assets.core.tables import Header, Product, Table
from mta_assets.level05.history import read_history
from mta_assets.level05.obi import obi_key, observation_intervals
from mta_assets.level05.obspar import obspar, science_runs
from mta_assets.level05.segments import compact, find_segments

HEADER: Header = {"HDUCLASS": ("ASC", ""), "HDUCLAS1": ("TEMPORALDATA", "time-ordered data")}


def extract_segments(*engineering: Iterable[Product]) -> Product:
    """Segments of one playback.

    Parameters
    ----------
    engineering
        Level-0 engineering products: ``CCDM_ENG0`` and ``PCAD_ENG0``, and for the configuration ``SIM_ENG0`` and
        ``SMS_ENG0``, each a sequence in any order.

    Returns
    -------
    Product
        File id ``OBI_SEG``, table SEGMENTS.

    Raises
    ------
    NothingToDo
        If nothing in the playback says what was observed.
    BadData
        If identifier or pointing mode are in none of the products.
    """
    table = find_segments(read_history(product for group in engineering for product in group))
    if not len(table):
        raise NothingToDo("no good sample of observation identifier and pointing mode: no segment can be found")
    header = {**HEADER, "CONTENT": ("OBISEG", "what data product")}
    return Product("OBI_SEG", (table.with_header(header),), float(table["tstart"][0]), float(table["tstop"][-1]))


def find_intervals(
    segments: Iterable[Product], planned: Table | None = None, patience: float = np.inf
) -> tuple[Table, Table, Intervals]:
    """Intervals, the state to carry on, and the times that there is telemetry of.

    Parameters
    ----------
    segments
        ``OBI_SEG`` products of playbacks in any order, or of the state carried so far and of new playbacks.
    planned
        As in `obi.observation_intervals`.
    patience
        [s] What has not come when the newest telemetry is so much later is taken as lost: gaps and edges there are
        settled. Playbacks that come all the same are part of the segments of the next look, and the edge is seen.
    """
    tables = [product.table("SEGMENTS") for product in segments]
    carried = compact(tables)
    covered = normalise(np.column_stack([carried["tstart"], carried["tstop"]]))
    settled = float(carried["tstop"].max()) - patience if len(carried) else -np.inf
    return observation_intervals([carried], planned, settled), carried, covered


def make_obspar(
    segments: Sequence[Product], key: str, science: Iterable[Product] = (), planned: Table | None = None
) -> Product:
    """Parameters of the interval of one partition.

    Parameters
    ----------
    segments
        ``OBI_SEG`` of all playbacks that may hold a part of the observation.
    key
        ``28101_000``: observation identifier and number of the interval.
    science
        Level-0 event or exposure products of that time.
    planned
        As in `obi.observation_intervals`.

    Returns
    -------
    Product
        File id ``OBSPAR``, table OBSPAR; `obspar.to_text` gives its parameter file.

    Raises
    ------
    NothingToDo
        If the interval is not complete yet.
    BadData
        If there is no such interval in the segments.
    """
    obis, _, _ = find_intervals(segments, planned)
    keys = [obi_key(int(obsid), int(obi)) for obsid, obi in zip(obis["obsid"], obis["obi"], strict=True)]
    if key not in keys:
        raise BadData(f"observation interval {key}: not in the telemetry; found are {', '.join(keys) or 'none'}")
    row = {name: obis[name][keys.index(key)] for name in obis.columns}
    if not row["complete"]:
        raise NothingToDo(
            f"observation interval {key} is not complete: start {row['start_edge']}, stop {row['stop_edge']}"
        )
    plan = None
    if planned is not None:
        match = np.flatnonzero((planned["obsid"] == row["obsid"]) & (planned["obi"] == row["obi"]))
        plan = {name: planned[name][match[0]] for name in planned.columns} if len(match) else None
    table = obspar(row, science_runs(science), plan)
    header = {**HEADER, "CONTENT": ("OBSPAR", "what data product")}
    common: Header = {
        "OBS_ID": (str(int(row["obsid"])), "observation identifier"),
        "OBI_NUM": (int(row["obi"]), "observation interval number"),
    }
    fields = {"obsid": int(row["obsid"]), "obi": int(row["obi"])}
    return Product("OBSPAR", (table.with_header(header),), float(row["tstart"]), float(row["tstop"]), common, fields)
