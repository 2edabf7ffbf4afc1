"""Gain of one CCD node from the calibration source, and the history of CTI: tables of an older trend system.

Gain (``ccd7_3.gz``: CCD 7, node 3): UTC date, OBSID, TSTART, TSTOP [s], peaks of three lines [ADU], and the line fitted
through them, ``peak = slope · E + intercept``, with its errors. Rows are parameters ``GAIN_CCD7_3.MN_KA`` … at TSTART.

A peak of −999 was not found; one at 10 or below stands at the edge that the search began with. A fit through such a
peak, or with a slope that no node ever had, is bad: all its values are flagged, never left out.

The table is several lists one after the other, and most intervals stand in two of them with different fits. The last
good row of an interval (the last, if none is good) is the group's; those before it are in the groups
``GAIN_CCD7_3_BEFORE1``, ``…_BEFORE2`` …, newest first. Rows that are equal in everything are one.

CTI (two columns without a header): day of the mission and CTI. MTA counts these days from 1999-07-21T00:00 UTC.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.import_lines import BadLine, bad_line
from mta_assets.archive.import_tables import LARGEST_TIME, TableImport, numbers, read_lines, source_name
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.core.samples import ParameterInfo, to_nanoseconds
from mta_assets.core.times import SECONDS_PER_DAY, from_utc

KIND, CTI_KIND = "gain", "cti"
NAME = re.compile(r"ccd(?P<ccd>\d)_(?P<node>[0-3])(\.gz)?")
PEAKS = (("MN_KA", "Mn K alpha"), ("AL_KA", "Al K alpha"), ("TI_KA", "Ti K alpha"))
FIT = (
    ("SLOPE", "ADU/eV", "slope of the gain"),
    ("SLOPE_ERROR", "ADU/eV", "its error"),
    ("INTERCEPT", "ADU", "intercept of the gain"),
    ("INTERCEPT_ERROR", "ADU", "its error"),
)
NOT_FOUND = -999.0  # [ADU]
SEARCH_EDGE = 10.0  # [ADU] lowest peak that the fit tried
SLOPES = (0.20, 0.25)  # [ADU/eV] of all good fits of ACIS; bad ones of this table are below 0.06 and above 0.26
CELLS = 11
DAY_ZERO = "1999-07-21T00:00:00"  # UTC


def read_gain(path: Path, source: str | None = None) -> TableImport:
    """Rows of a gain table.

    Raises
    ------
    BadData
        If the name does not say the CCD and node, or no line is a row of such a table.
    """
    found = NAME.fullmatch(path.name)
    if found is None:
        raise BadData(f"{path}: the name must say CCD and node, like ccd7_3.gz")
    lines = [(n, line) for n, line in read_lines(path, "a gain table") if not line.lstrip().startswith("#")]
    rows: dict[tuple[str, ...], None] = {}
    bad: list[BadLine] = []
    for number, line in lines:
        cells = tuple(line.split())
        problem = _problem(cells)
        if problem:
            bad.append(bad_line(number, problem, line))
        else:
            rows.pop(cells, None)  # a repeat counts where it stands last
            rows[cells] = None
    if not rows:
        raise BadData(f"{path}: no line has the {CELLS} cells of a gain table")
    table = np.array([numbers(cells[1:]) for cells in rows])
    group = f"GAIN_CCD{found['ccd']}_{found['node']}"
    flags = gain_flags(table[:, 3:6], table[:, 6])
    places = earlier_fits(table[:, 1], flags[:, 3] != 0)
    dates = np.array([cells[0] for cells in rows])
    groups = tuple(
        _gain_rows(group if not k else f"{group}_BEFORE{k}", dates[place], table[place], flags[place])
        for k, place in enumerate(places)
    )
    taken = sum(map(len, groups))
    counts = {
        "rows that repeat another one, left out": len(lines) - len(bad) - len(rows),
        "bad fits, flagged": int(flags.any(axis=1).sum()),
        "fits that another row of the interval stands before": taken - len(groups[0]),
    }
    return TableImport(KIND, path, source or source_name(path, KIND), groups, len(lines), taken, tuple(bad), counts)


def gain_flags(peaks: NDArray[np.float64], slope: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Quality of the three peaks and of the fit, shape (rows, 4)."""
    missing = peaks == NOT_FOUND
    low = ~missing & (peaks <= SEARCH_EDGE)
    bad = (missing | low).any(axis=1) | ~((slope >= SLOPES[0]) & (slope <= SLOPES[1]))
    flags = np.zeros((len(peaks), 4), np.uint8)
    flags[bad] = Quality.OUT_OF_RANGE
    flags[:, :3][missing] = Quality.MISSING
    return flags


def earlier_fits(tstart: NDArray[np.float64], bad: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Rows of the k-th choice of each interval: the last good one, then the others from the last to the first."""
    order = np.lexsort((-np.arange(len(tstart)), bad, tstart))
    ordered = tstart[order]
    first = np.concatenate([[True], np.diff(ordered) > 0])
    rank = np.arange(len(order)) - np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    best = order[first]
    rest = order[~first]
    rest = rest[np.lexsort((-rest, tstart[rest]))]  # behind the choice the order of the file alone counts
    again = np.concatenate([[True], np.diff(tstart[rest]) > 0]) if len(rest) else np.zeros(0, bool)
    number = np.arange(len(rest))
    place = number - np.maximum.accumulate(np.where(again, number, 0)) if len(rest) else number
    return [best, *(rest[place == k] for k in range(int(rank.max(initial=0))))]


def _problem(cells: tuple[str, ...]) -> str:
    if len(cells) != CELLS:
        return f"has {len(cells)} cells, expected {CELLS}"
    values = numbers(cells[1:])
    if not np.isfinite(values).all():
        return "has a cell that is no number"
    if not 0 < values[1] < values[2] < LARGEST_TIME:
        return "TSTART and TSTOP are no interval"
    return ""


def _gain_rows(group: str, dates: NDArray[np.str_], table: NDArray[np.float64], flags: NDArray[np.uint8]) -> GroupRows:
    def info(name: str, dtype: str, unit: str, text: str) -> ParameterInfo:
        return ParameterInfo(f"{group}.{name}", group, dtype, unit, text, {}, 0.0, "ACIS")

    infos = [
        info("DATE", f"U{dates.dtype.itemsize // 4}", "", "UTC date of the observation, as the table has it"),
        info("OBSID", "i8", "", "observation identifier"),
        info("TSTOP", "f8", "s", "end of the interval, TT since 1998.0"),
        *(info(name, "f8", "ADU", f"peak of {line}") for name, line in PEAKS),
        *(info(name, "f8", unit, text) for name, unit, text in FIT),
    ]
    columns = [dates, table[:, 0].astype(np.int64), *table.T[2:]]
    values = {one.name: np.ascontiguousarray(column) for one, column in zip(infos, columns, strict=True)}
    quality = {}
    for place, one in enumerate(infos[3:]):
        own = flags[:, min(place, 3)]
        if own.any():
            quality[one.name] = own.copy()
    return GroupRows(group, tuple(infos), to_nanoseconds(table[:, 1]), values, {}, quality)


def read_cti(path: Path, source: str | None = None, zero: str = DAY_ZERO) -> TableImport:
    """Rows of a table of two columns, day and CTI, as the parameter ``CTI_<NAME>.CTI``.

    Raises
    ------
    BadData
        If no line has two numbers.
    """
    lines = [(n, line) for n, line in read_lines(path, "a table of CTI") if not line.lstrip().startswith("#")]
    bad, days, values = [], [], []
    for number, line in lines:
        pair = numbers(line.split())
        if len(pair) == 2 and np.isfinite(pair).all() and 0 <= pair[0] < 40_000:
            days.append(float(pair[0]))
            values.append(float(pair[1]))
        else:
            bad.append(bad_line(number, "expected two numbers, day of the mission and CTI", line))
    if not days:
        raise BadData(f"{path}: no line has two numbers, day of the mission and CTI")
    group = "CTI_" + re.sub(r"[^A-Z0-9]+", "_", path.name.split(".")[0].upper())[:60]
    time = from_utc(zero) + np.array(days) * SECONDS_PER_DAY
    order = np.argsort(time, kind="stable")
    info = ParameterInfo(
        f"{group}.CTI", group, "f8", "", "charge transfer inefficiency, as the table has it", {}, 0.0, "ACIS"
    )
    rows = GroupRows(group, (info,), to_nanoseconds(time[order]), {info.name: np.array(values)[order]})
    return TableImport(
        CTI_KIND, path, source or source_name(path, CTI_KIND), (rows,), len(lines), len(rows), tuple(bad), {},
        (f"days are counted from {zero} UTC",),
    )  # fmt: skip
