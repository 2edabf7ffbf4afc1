"""Five-minute temperatures with the predictions of their models, as acis_thermal_check writes them (CSV).

Columns: ``date`` (TT seconds since 1998.0), what was measured, states (``dh_heater``), and ``pred_…`` from the model.
All files go to one group, ``THERMAL``, as parameters ``THERMAL.1DPAMZT``, ``THERMAL.PRED_1DPAMZT`` …: columns that more
than one file has (pitch, roll) are one parameter, and each file is a source of its own.

Some files repeat each date five times, with the same measurements and with model values that go on: the rows stand on
an even grid of a fifth of the step, and ``date`` is that of the nearest measurement. Then each date is one row of
``THERMAL``, with the model values of the row whose time on the grid is the date, and all model values are in a group
of their own, ``THERMAL_<LABEL>_MODEL``, at their times on the grid.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.import_lines import BadLine, bad_line
from mta_assets.archive.import_tables import (
    LARGEST_TIME,
    TableImport,
    numbers,
    parameter_name,
    read_lines,
    source_name,
    without_values,
)
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.core.samples import Array, ParameterInfo, to_nanoseconds

KIND = "thermal"
GROUP = "THERMAL"
DATE = "date"
MODEL = "pred_"
PERIOD = 328.0  # [s] ten major frames
ON_GRID = 1e-3  # [s]
STATES = {"dh_heater": ("OFF", "ON")}
# Units of the columns; every other one is a temperature. The files do not say them.
UNITS = {"tscpos": "TSCSTEP", "pitch": "DEG", "roll": "DEG", "dp_dpa_power": "W"}
TEMPERATURE = "DEGC"


def read_thermal(path: Path, source: str | None = None) -> TableImport:
    """Rows of one file.

    Raises
    ------
    BadData
        If it is no such table, or measurements of one date differ.
    """
    lines = read_lines(path, "a CSV table of temperatures with a column 'date'")
    header, rows, bad = _cells(path, lines)
    time = numbers([row[header.index(DATE)] for _, row in rows])
    dated = np.isfinite(time) & (np.abs(time) < LARGEST_TIME)
    bad += [
        bad_line(number, "the date is no time in seconds", ",".join(row))
        for (number, row), good in zip(rows, dated.tolist(), strict=True)
        if not good
    ]
    kept = [row for (_, row), good in zip(rows, dated.tolist(), strict=True) if good]
    order = np.argsort(time[dated], kind="stable")
    time = time[dated][order]
    columns = {
        name: np.array([row[place] for row in kept], dtype=str)[order]
        for place, name in enumerate(header)
        if name != DATE
    }
    counts = {"rows out of order, put in order": int(np.count_nonzero(np.diff(order) < 0))}
    groups, remarks = _groups(path, time, columns, counts)
    return TableImport(
        KIND, path, source or source_name(path, KIND), groups, len(lines) - 1, len(kept),
        tuple(sorted(bad, key=lambda line: line.line)), counts, remarks,
    )  # fmt: skip


def _cells(
    path: Path, lines: Sequence[tuple[int, str]]
) -> tuple[list[str], list[tuple[int, list[str]]], list[BadLine]]:
    if not lines:
        raise BadData(f"{path}: the file is empty; expected a CSV table with a column 'date'")
    header = [name.strip().lower() for name in next(csv.reader([lines[0][1]]))]
    if DATE not in header or len(header) < 2 or len(set(header)) != len(header):
        raise BadData(f"{path}: expected columns with names of their own, one of them 'date', found {header[:8]}")
    good, bad = [], []
    for number, line in lines[1:]:
        row = next(csv.reader([line]))
        if len(row) == len(header):
            good.append((number, [cell.strip() for cell in row]))
        else:
            bad.append(bad_line(number, f"has {len(row)} cells, expected {len(header)}", line))
    return header, good, bad


def _groups(
    path: Path, time: NDArray[np.float64], columns: dict[str, Array], counts: dict[str, int]
) -> tuple[tuple[GroupRows, ...], tuple[str, ...]]:
    first = np.flatnonzero(np.concatenate([[True], np.diff(time) > 0])) if len(time) else np.zeros(0, np.int64)
    if len(first) == len(time):
        return (_rows(path, GROUP, f"{GROUP}.", time, columns, counts, PERIOD),), ()
    whole = np.searchsorted(first, np.arange(len(time)), side="right") - 1  # which of the dates each row is of
    for name, column in columns.items():
        if not name.startswith(MODEL) and bool(np.any(column != column[first][whole])):
            row = int(np.flatnonzero(column != column[first][whole])[0])
            raise BadData(f"{path}: {name} has two values at {time[row]:.3f} s; expected one measurement a date")
    counts["rows that repeat the measurement of their date"] = len(time) - len(first)
    measured = {name: column[first] for name, column in columns.items() if not name.startswith(MODEL)}
    model = {name: column for name, column in columns.items() if name.startswith(MODEL)}
    grid = _grid(time, first)
    if grid is None:
        counts["model values of repeated dates, left out"] = (len(time) - len(first)) * len(model)
        both = {**measured, **{name: column[first] for name, column in model.items()}}
        return (_rows(path, GROUP, f"{GROUP}.", time[first], both, counts, PERIOD),), ()
    exact = np.abs(grid - time) < ON_GRID
    own = {name: np.full(len(first), "", column.dtype) for name, column in model.items()}
    for name, column in model.items():
        own[name][whole[exact]] = column[exact]
    label = re.sub(r"_[A-Z]{3}\d{4}[A-Z]$", "", path.name.split(".")[0]).upper()
    name = f"{GROUP}_{label}_MODEL"
    step = float(grid[1] - grid[0])
    groups = (
        _rows(path, GROUP, f"{GROUP}.", time[first], {**measured, **own}, counts, PERIOD),
        _rows(path, name, f"{name}.", grid, model, counts, step),
    )
    return groups, (f"model values are at times made from an even grid of {step:g} s, group {name}",)


def _grid(time: NDArray[np.float64], first: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Even times of the rows, if every date is the one nearest to its row."""
    steps, repeats = np.diff(time[first]), np.diff(first)
    if len(repeats) < 3:
        return None
    usual = int(np.median(repeats))
    step = float(np.median(steps)) / usual
    grid: NDArray[np.float64] = time[0] + step * np.arange(len(time))
    return grid if bool(np.all(np.abs(grid - time) <= step * usual / 2 + ON_GRID)) else None


def _rows(
    path: Path, group: str, prefix: str, time: NDArray[np.float64], columns: dict[str, Array],
    counts: dict[str, int], period: float,
) -> GroupRows:  # fmt: skip
    infos, values, quality = [], {}, {}
    for column, texts in columns.items():
        known, array, missing = _parameter(parameter_name(prefix, column, path), column, texts)
        info = ParameterInfo(group=group, period=period, **known)
        infos.append(info)
        values[info.name] = array
        if missing.any():
            quality[info.name] = np.where(missing, np.uint8(Quality.MISSING), np.uint8(0))
            counts["cells without a value"] = counts.get("cells without a value", 0) + int(missing.sum())
    return GroupRows(group, tuple(infos), to_nanoseconds(time), values, {}, quality, period)


def _parameter(name: str, column: str, texts: Array) -> tuple[dict[str, Any], Array, NDArray[np.bool_]]:
    """Definition and values of a column: a state, a number, or, if nothing in it is a number, text."""
    plain = column.removeprefix(MODEL)
    about = "predicted by the thermal model" if column.startswith(MODEL) else "mean of five minutes"
    if plain in STATES:
        codes = {state: code for code, state in enumerate(STATES[plain])}
        values = np.array([codes.get(text.upper(), 0) for text in texts.tolist()], np.uint8)
        missing = np.array([text.upper() not in codes for text in texts.tolist()], bool)
        states = dict(enumerate(STATES[plain]))
        return {"name": name, "dtype": "u1", "states": states, "description": f"{plain}, state"}, values, missing
    found = numbers(texts.tolist())
    missing = without_values(found)
    if len(found) and missing.all() and np.any(texts != ""):
        return {"name": name, "dtype": texts.dtype.str[1:], "description": plain}, texts, texts == ""
    unit = UNITS.get(plain, TEMPERATURE)
    return {"name": name, "dtype": "f8", "unit": unit, "description": f"{plain}, {about}"}, found, missing
