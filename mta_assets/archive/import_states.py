"""Commanded states of ECSV files: one row for each interval, a column for each state.

The files are those that kadi writes (``datestart``, ``datestop``, then the states). Of the YAML header only the list
of the columns is read, by a loader that makes plain values; tags like ``!!python/tuple`` in the rest of it are never
looked at. Sets stay the text that the file has (``{2, 4, 5}``, ``set()``).
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mta_assets.archive.import_lines import FileImport, Times, each_line, read_text_lines
from mta_assets.archive.observing_entries import (
    CONTROL,
    EXACT,
    Content,
    IntervalValue,
    check_parameter_name,
)
from mta_assets.core.errors import BadData
from mta_assets.core.samples import ParameterInfo

PREFIX = "STATE."
START, STOP = "datestart", "datestop"
LONGEST_HEADER = 100_000  # [character]
SECTION = re.compile(r"^[A-Za-z_]+:")
TRUTH = {"True": 1, "False": 0}


@dataclass(frozen=True)
class EcsvColumn:
    """One column as the header declares it."""

    name: str
    datatype: str
    unit: str = ""
    description: str = ""


def read_states(path: Path, prefix: str = PREFIX) -> FileImport:
    """Values ``STATE.<COLUMN>`` of an ECSV file of intervals.

    Raises
    ------
    BadData
        If the file has no ECSV header, lacks ``datestart`` or ``datestop``, or its columns are not those declared.
    """
    lines = read_text_lines(path, "an ECSV file of commanded states")
    columns, separator = ecsv_header(path, lines)
    data = [(number, line) for number, line in lines if not line.startswith("#")]
    names = [column.name for column in columns]
    if not data or _cells(data[0][1], separator) != names:
        raise BadData(f"{path}: the line of names must be {separator.join(names)[:200]!r}, as the header declares")
    if not {START, STOP} <= set(names) or len(names) < 3:
        raise BadData(f"{path}: expected {START}, {STOP} and at least one state, found {', '.join(names)}")
    states = {c.name: c for c in columns if c.name not in (START, STOP)}
    infos = {column.name: _info(prefix, column, path) for column in states.values()}
    if len({info.name for info in infos.values()}) < len(infos):
        raise BadData(f"{path}: two of the columns {', '.join(names)} differ only by upper and lower case")

    def convert(line: str) -> dict[str, Any]:
        cells = _cells(line, separator)
        if len(cells) != len(names):
            raise ValueError(f"{len(cells)} cells instead of {len(names)}")
        row = dict(zip(names, cells, strict=True))
        return {name: _value(states[name], cell) if name in states else cell for name, cell in row.items()}

    good, bad = each_line(data[1:], convert)
    times = Times(good, bad, lambda row: str(row[START]), lambda row: str(row[STOP]))
    values = [
        IntervalValue(infos[name].name, tstart, tstop, row[name])
        for _, _, row, (tstart, tstop) in times.rows
        for name in states
    ]
    content = Content(values=values, infos={info.name: info for info in infos.values()})
    return FileImport(path, path.name, content, len(data) - 1, len(times.rows), tuple(times.bad))


def ecsv_header(path: Path, lines: list[tuple[int, str]]) -> tuple[tuple[EcsvColumn, ...], str]:
    """Columns and separator of an ECSV file; nothing else of its header is read."""
    import yaml

    header = [line[1:].removeprefix(" ") for _, line in lines if line.startswith("#")]
    if not header or not header[0].startswith("%ECSV"):
        raise BadData(f"{path}: expected an ECSV file, whose first line is '# %ECSV 1.0'")
    sections: dict[str, list[str]] = {}
    for line in header[1:]:
        key = found.group() if (found := SECTION.match(line)) else ""
        current = sections.setdefault(key, []) if key else next(reversed(sections.values()), [])
        current.append(line)
    text = "\n".join([*sections.get("delimiter:", []), *sections.get("datatype:", [])])
    try:
        if len(text) > LONGEST_HEADER or "&" in text:
            raise BadData(f"{path}: the header's list of columns is not one that astropy writes")
        content = yaml.safe_load(text)
        columns = tuple(
            EcsvColumn(str(c["name"]), str(c["datatype"]), str(c.get("unit", "")), str(c.get("description", "")))
            for c in content["datatype"]
        )
        separator = str(content.get("delimiter", " "))
    except (yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise BadData(f"{path}: the header must list name and datatype of each column ({error})") from error
    if separator not in (" ", ",") or len({column.name for column in columns}) < len(columns):
        raise BadData(f"{path}: the separator must be a space or a comma, and each column have its own name")
    return columns, separator


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error as error:
        raise ValueError(f"quotes do not match ({error})") from error


def _info(prefix: str, column: EcsvColumn, path: Path) -> ParameterInfo:
    name = check_parameter_name(f"{prefix}{column.name.upper()}", str(path))
    kind = re.sub(r"\d+$", "", column.datatype)
    dtypes = {"int": "i8", "uint": "i8", "float": "f8", "string": "U", "bool": "u1"}
    if kind not in dtypes:
        raise BadData(f"{path}: column {column.name} is {column.datatype}; expected {', '.join(dtypes)}")
    states = {0: "False", 1: "True"} if kind == "bool" else {}
    return ParameterInfo(name, dtype=dtypes[kind], unit=column.unit, description=column.description, states=states)


def _value(column: EcsvColumn, cell: str) -> float | str:
    """The cell's value, exact, or a ValueError that says why not."""
    if column.datatype == "string":
        if CONTROL.search(cell):
            raise ValueError(f"{column.name} holds a control character")
        return cell
    if column.datatype == "bool":
        if cell not in TRUTH:
            raise ValueError(f"{column.name} is {cell[:40]!r}, expected True or False")
        return TRUTH[cell]
    if column.datatype.startswith("float"):
        number = float(cell)
        if not math.isfinite(number):
            raise ValueError(f"{column.name} is {cell[:40]!r}, not a number")
        return number
    whole = int(cell)
    if abs(whole) > EXACT:
        raise ValueError(f"{column.name} = {cell[:40]} would not stay exact")
    return whole
