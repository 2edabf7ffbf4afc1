"""Ten years of daily HRC temperatures from a workbook (xlsx) whose columns are partly in K and partly in °C.

The first sheet has a row of MSIDs, then a row for each day; the column ``Time`` holds TT seconds since 1998.0. The
workbook does not say which unit a column is in. It follows from the values, which can only be one of the two, and must
agree with `UNITS`, what is known of the file. Parameters are ``HRC_DAILY.2CEAHVPT`` … in °C, the unit of the
dictionary; raw is the number that stands in the workbook, and the description names its unit.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.import_lines import BadLine, bad_line
from mta_assets.archive.import_tables import LARGEST_TIME, TableImport, parameter_name, source_name
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.core.samples import ParameterInfo, to_nanoseconds

KIND = "hrc_temperatures"
GROUP = "HRC_DAILY"
TIME = "TIME"
PERIOD = 86400.0  # [s]
ZERO_CELSIUS = 273.15  # [K] exact, by definition of the degree Celsius
LARGEST = 256 << 20  # [byte] all parts of the workbook unpacked
MOST_ROWS, MOST_COLUMNS = 1_000_000, 300
Unit = Literal["K", "DEGC"]
# What a temperature on board can be in the one unit and in the other: the ranges do not meet.
RANGES: dict[Unit, tuple[float, float]] = {"K": (180.0, 380.0), "DEGC": (-93.0, 107.0)}
# Units of hrc_temperatures_10yr.xlsx: °C where the name ends in ATM, K in all other columns.
UNITS: dict[str, Unit] = {
    "2CEAHVPT": "K", "2CHTRPZT": "K", "2CONDMXT": "K", "2DCENTRT": "K", "2DTSTATT": "K", "2FE00ATM": "DEGC",
    "2FEPRATM": "DEGC", "2FHTRMZT": "K", "2FRADPYT": "K", "2IMHVATM": "DEGC", "2IMINATM": "DEGC", "2LVPLATM": "DEGC",
    "2PMT1T": "K", "2PMT2T": "K", "2SPHVATM": "DEGC", "2SPINATM": "DEGC", "2UVLSPXT": "K",
}  # fmt: skip


def read_hrc_temperatures(path: Path, source: str | None = None) -> TableImport:
    """Rows of the first sheet of a workbook.

    Raises
    ------
    BadData
        If it is no workbook of this form, or a column's unit can not be told.
    """
    header, rows = _sheet(path)
    place = [name.upper() for name in header].index(TIME)
    names = [parameter_name("", name, path) for name in header]
    bad: list[BadLine] = []
    good: list[tuple[float, tuple[Any, ...]]] = []
    for number, row in enumerate(rows, 2):
        time = row[place]
        if isinstance(time, int | float) and not isinstance(time, bool) and abs(time) < LARGEST_TIME:
            good.append((float(time), row))
        else:
            bad.append(bad_line(number, f"{str(time)[:30]!r} is no time in seconds", str(row)))
    good.sort(key=lambda pair: pair[0])
    time = np.array([time for time, _ in good])
    infos, values, raw, quality = [], {}, {}, {}
    counts = {"cells without a value": 0, "cells out of the range of their unit, flagged": 0}
    remarks = []
    for index, name in enumerate(names):
        if index == place:
            continue
        column = np.array([_number(row[index]) for _, row in good])
        missing = ~np.isfinite(column)
        unit = unit_of(name, column[~missing], path)
        low, high = RANGES[unit]
        odd = ~missing & ~((column >= low) & (column <= high))
        info = ParameterInfo(
            f"{GROUP}.{name}", GROUP, "f8", "DEGC", f"{name}, daily; raw in {_spelt(unit)}", {}, PERIOD, "HRC"
        )
        infos.append(info)
        values[info.name] = column - ZERO_CELSIUS if unit == "K" else column
        raw[info.name] = column
        flags = np.where(missing, np.uint8(Quality.MISSING), np.where(odd, np.uint8(Quality.OUT_OF_RANGE), np.uint8(0)))
        if flags.any():
            quality[info.name] = flags
        counts["cells without a value"] += int(missing.sum())
        counts["cells out of the range of their unit, flagged"] += int(odd.sum())
        remarks.append(f"{name}: {_spelt(unit)} in the workbook" + (", converted to °C" if unit == "K" else ""))
    group = GroupRows(GROUP, tuple(infos), to_nanoseconds(time), values, raw, quality, PERIOD)
    return TableImport(
        KIND,
        path,
        source or source_name(path, KIND),
        (group,),
        len(rows),
        len(good),
        tuple(bad),
        counts,
        tuple(remarks),
    )


def unit_of(name: str, values: NDArray[np.float64], path: Path) -> Unit:
    """Unit of a column: the one in whose range nearly all values lie.

    Raises
    ------
    BadData
        If more than one value in a hundred fits neither or the other, or it is not the unit that is known.
    """
    known = UNITS.get(name)
    if not len(values):
        return known or "DEGC"
    share = {unit: float(np.mean((values >= low) & (values <= high))) for unit, (low, high) in RANGES.items()}
    found: Unit = max(share, key=lambda unit: share[unit])
    if share[found] < 0.99:
        raise BadData(
            f"{path}: the unit of {name} can not be told: {share['K']:.0%} of its values could be K, "
            f"{share['DEGC']:.0%} °C; correct the column or leave it out"
        )
    if known is not None and known != found:
        raise BadData(f"{path}: {name} looks like {_spelt(found)}, this table is known to have it in {_spelt(known)}")
    return found


def _spelt(unit: Unit) -> str:
    return "K" if unit == "K" else "°C"


def _number(cell: Any) -> float:
    return float(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else float("nan")


def _sheet(path: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Names and rows of the first sheet; formulas give the values that were stored with them."""
    from openpyxl import load_workbook  # type: ignore[import-untyped,unused-ignore]
    from openpyxl.utils.exceptions import InvalidFileException  # type: ignore[import-untyped,unused-ignore]

    try:
        with zipfile.ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > LARGEST:
            raise BadData(f"{path}: {size} bytes unpacked, expected a workbook of at most {LARGEST}")
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            rows = book.worksheets[0].iter_rows(values_only=True, max_row=MOST_ROWS, max_col=MOST_COLUMNS)
            header = [str(cell).strip() for cell in next(rows, ()) if cell is not None]
            found = [tuple(row[: len(header)]) for row in rows if any(cell is not None for cell in row)]
        finally:
            book.close()
    except BadData:
        raise
    except (OSError, zipfile.BadZipFile, InvalidFileException) as error:
        raise BadData(f"{path}: not a readable workbook: {error}") from error
    except Exception as error:  # the reader raises whatever a damaged part makes of it
        raise BadData(f"{path}: not a readable workbook: {type(error).__name__}: {error}") from error
    upper = [name.upper() for name in header]
    if TIME not in upper or len(header) < 2 or len(set(upper)) != len(upper):
        raise BadData(f"{path}: expected a first row of MSIDs and 'Time', found {header[:8]}")
    return header, found
