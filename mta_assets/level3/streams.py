"""Sources of one observation in two source lists: quick look against archival.

Both lists are of the same photons; their places differ by what the two aspect solutions differ by. On-board attitudes
of real observations are 5 to 20 arcsec off the ground's, by the alignment of the aspect camera (osol1 and asol1 of
22772 and 62650).
"""

from __future__ import annotations

import numpy as np

from mta_assets.core.tables import Column, Schema, Table
from mta_assets.level3.matching import directions, mutual, pairs

RADIUS = 30.0  # [arcsec] farther apart two detections are not the same source

SRCDIFF = Schema(
    "SRCDIFF",
    (
        Column("RA", "f8", "deg", "right ascension, archival"),
        Column("DEC", "f8", "deg", "declination, archival"),
        Column("RA_SAP", "f8", "deg", "right ascension, quick look"),
        Column("DEC_SAP", "f8", "deg", "declination, quick look"),
        Column("EAST", "f8", "arcsec", "quick look minus archival, along right ascension"),
        Column("NORTH", "f8", "arcsec", "quick look minus archival, along declination"),
        Column("POS_ERR", "f8", "arcsec", "1 sigma error of the archival place along one axis"),
        Column("SIGNIFICANCE", "f8", "", "of the archival detection, in sigma"),
    ),
    "Sources on both streams; NaN where one stream does not have it",
)


def source_differences(archival: Table, quick: Table) -> Table:
    """`SRCDIFF` of two source lists (``src2``), the most significant first, then what only quick look has.

    Two detections are the same source if each is the nearest to the other, within `RADIUS`.
    """
    first, second = (directions(table["RA"], table["DEC"]) for table in (archival, quick))
    i, j, distance = pairs(first, second, RADIUS)
    same = mutual(i, j, distance)
    partner = np.full(len(archival), -1)
    partner[i[same]] = j[same]
    order = np.argsort(-np.asarray(archival["SIGNIFICANCE"], float), kind="stable")
    rows = np.concatenate([order, np.full(len(quick), -1)]).astype(int)
    other = np.concatenate([partner[order], np.arange(len(quick))]).astype(int)
    kept = np.concatenate([np.ones(len(order), bool), ~np.isin(np.arange(len(quick)), partner)])
    rows, other = rows[kept], other[kept]
    columns = {name: _taken(archival, name, rows) for name in ("RA", "DEC", "SIGNIFICANCE")}
    columns |= {f"{name}_SAP": _taken(quick, name, other) for name in ("RA", "DEC")}
    cosine = np.cos(np.radians(columns["DEC"]))
    turn = (columns["RA_SAP"] - columns["RA"] + 180) % 360 - 180
    columns["EAST"] = turn * cosine * 3600
    columns["NORTH"] = (columns["DEC_SAP"] - columns["DEC"]) * 3600
    errors = np.hypot(_taken(archival, "RA_ERR", rows) * cosine, _taken(archival, "DEC_ERR", rows))
    columns["POS_ERR"] = errors / np.sqrt(2) * 3600
    return SRCDIFF.build(columns)


def _taken(table: Table, name: str, rows: np.ndarray) -> np.ndarray:
    """Values of some rows, NaN for row -1."""
    return np.append(np.asarray(table[name], float), np.nan)[rows]
