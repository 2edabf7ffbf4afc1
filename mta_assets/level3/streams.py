"""Sources of one observation in two source lists: quick look against archival.

Both lists are of the same photons; their places differ by what the two aspect solutions differ by. On-board attitudes
of real observations are 5 to 20 arcsec off the ground's, by the alignment of the aspect camera (osol1 and asol1 of
22772 and 62650).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Column, Schema, Table
from mta_assets.instruments.geometry_sky import place_error
from mta_assets.level3.matching import directions, mutual, pairs

RADIUS = 30.0  # [arcsec] the streams as a whole are not farther apart
CLOSE = 2.0  # [arcsec] nor are two detections of a source, once that is taken out
CELL = 0.5  # [arcsec] of the grid on which the shift of the streams is found
Values = NDArray[np.float64]

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

    Two detections are the same source if each is the nearest to the other, within `CLOSE`, once the shift that most of
    them share is taken out. In a dense field neighbours would be taken for each other without that.
    """
    east, north = common_shift(archival, quick)
    back = quick["RA"] - east / 3600 / np.cos(np.radians(quick["DEC"])), quick["DEC"] - north / 3600
    i, j, distance = pairs(directions(archival["RA"], archival["DEC"]), directions(*back), CLOSE)
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
    columns["EAST"], columns["NORTH"] = _apart(columns["RA"], columns["DEC"], columns["RA_SAP"], columns["DEC_SAP"])
    errors = (_taken(archival, name, rows) for name in ("RA_ERR", "DEC_ERR"))
    columns["POS_ERR"] = place_error(columns["DEC"], *errors) * 3600
    return SRCDIFF.build(columns)


def common_shift(archival: Table, quick: Table) -> tuple[float, float]:
    """East and north [arcsec] by which most detections of quick look lie beside the archival ones; 0 without any.

    The offsets of all pairs within `RADIUS` are counted on a grid: chance pairs scatter, those of the same sources do
    not. Of several squares of 3 by 3 cells that hold most, the nearest to no shift at all is taken.
    """
    first, second = (directions(table["RA"], table["DEC"]) for table in (archival, quick))
    i, j, _ = pairs(first, second, RADIUS)
    if not len(i):
        return 0.0, 0.0
    offsets = np.column_stack(_apart(archival["RA"][i], archival["DEC"][i], quick["RA"][j], quick["DEC"][j]))
    middles = np.arange(-RADIUS, RADIUS + CELL / 2, CELL)
    within = (-RADIUS - CELL / 2, RADIUS + CELL / 2)
    counts = np.pad(np.histogram2d(offsets[:, 0], offsets[:, 1], len(middles), (within, within))[0], 1)
    squares = np.lib.stride_tricks.sliding_window_view(counts, (3, 3)).sum(axis=(2, 3))
    fullest = middles[np.argwhere(squares == squares.max())]
    centre = fullest[np.argmin(np.hypot(*fullest.T))]
    east, north = np.median(offsets[(np.abs(offsets - centre) <= 1.5 * CELL).all(axis=1)], axis=0).tolist()
    return east, north


def _apart(ra: Values, dec: Values, other_ra: Values, other_dec: Values) -> tuple[Values, Values]:
    """East and north [arcsec] of other places from places [deg]."""
    turn = (other_ra - ra + 180) % 360 - 180
    return turn * np.cos(np.radians(dec)) * 3600, (other_dec - dec) * 3600


def _taken(table: Table, name: str, rows: np.ndarray) -> np.ndarray:
    """Values of some rows, NaN for row -1."""
    return np.append(np.asarray(table[name], float), np.nan)[rows]
