"""The history of the limits as values that hold for intervals: ``LIMIT.<MSID>.YELLOW_HIGH`` … as of each time.

It stands here and not in the archive because the limit tables belong to the monitors, and the two do not see each
other. A bound that is not there, or whose row is masked, has no value then. Sets other than the first are called
``LIMIT.<MSID>.SET1.YELLOW_HIGH``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from mta_assets.archive.import_lines import FileImport
from mta_assets.archive.observing_entries import Content, IntervalValue
from mta_assets.core.samples import ParameterInfo
from mta_assets.monitors.limit_import import read_glimmon
from mta_assets.monitors.limit_table import ExpectedRow, LimitRow, LimitTable

PREFIX = "LIMIT."
BOUNDS = {
    "YELLOW_LOW": "lower caution limit",
    "YELLOW_HIGH": "upper caution limit",
    "RED_LOW": "lower warning limit",
    "RED_HIGH": "upper warning limit",
}
Rows = Sequence[LimitRow | ExpectedRow]


def read_limit_history(path: Path) -> FileImport:
    """Values of a glimmon database: limits and expected states, each from its date to that of the next version.

    Raises
    ------
    BadData
        If the file is not such a database.
    """
    found = read_glimmon(path)
    rows = len(found.limits) + len(found.expected)
    remarks = tuple(f"{r.msid} set {r.set} of {r.date}, {r.kind}: {r.text}" for r in found.remarks)
    return FileImport(path, path.name, limit_content(found.limits, found.expected), rows, rows, (), remarks)


def table_rows(table: LimitTable) -> list[LimitRow]:
    """All rows of a limit table."""
    return [row for msid, number in table.at(math.inf) for row in table.history(msid, number)]


def limit_content(limits: Iterable[LimitRow], expected: Iterable[ExpectedRow] = ()) -> Content:
    """Values of limits and expected states; the same with the units of the rows."""
    values: list[IntervalValue] = []
    infos: dict[str, ParameterInfo] = {}
    for stem, rows in _histories(limits):
        unit = next((row.unit for row in reversed(rows) if row.unit), "")
        for bound, meaning in BOUNDS.items():
            values += _held(f"{stem}.{bound}", rows, partial(_bound, name=bound.lower()))
            infos[f"{stem}.{bound}"] = _info(f"{stem}.{bound}", "f8", unit, meaning)
        values += _held(f"{stem}.SWITCH", rows, lambda row: row.switch or None)
        infos[f"{stem}.SWITCH"] = _info(f"{stem}.SWITCH", "U", "", "condition under which the set applies")
        values += _held(f"{stem}.PERSISTENCE", rows, lambda row: row.persistence_samples)
        infos[f"{stem}.PERSISTENCE"] = _info(f"{stem}.PERSISTENCE", "i8", "", "violating samples before a finding")
        values += _held(f"{stem}.ENABLED", rows, lambda row: int(row.enabled))
        states = {0: "NO", 1: "YES"}
        infos[f"{stem}.ENABLED"] = ParameterInfo(f"{stem}.ENABLED", "LIMIT", "u1", "", "whether it counts", states)
    for stem, rows in _histories(expected):
        values += _held(f"{stem}.EXPECTED", rows, lambda row: row.expected if row.enabled else None)
        infos[f"{stem}.EXPECTED"] = _info(f"{stem}.EXPECTED", "U", "", "the state that it should be in")
    given = {value.name for value in values}
    return Content(values=values, infos={name: info for name, info in infos.items() if name in given})


def _histories(rows: Iterable[Any]) -> Iterator[tuple[str, list[Any]]]:
    """Rows of each parameter and set, oldest first."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        stem = PREFIX + row.msid.upper() + (f".SET{row.set}" if row.set else "")
        found.setdefault(stem, []).append(row)
    for stem, listed in found.items():
        yield stem, sorted(listed, key=lambda row: row.valid_from)


def _held(name: str, rows: Rows, of: Callable[[Any], float | str | None]) -> Iterator[IntervalValue]:
    """What each version says, until the next one; versions that say the same are one interval."""
    starts: list[tuple[float, float | str | None]] = []
    for row in rows:
        value = of(row)
        if not starts or starts[-1][1] != value:
            starts.append((row.valid_from, value))
    for (tstart, value), (tstop, _) in pairwise([*starts, (None, None)]):
        if value is not None and tstart is not None:
            yield IntervalValue(name, tstart, tstop, value)


def _bound(row: LimitRow, name: str) -> float | None:
    value: float = getattr(row, name)
    return value if row.enabled and not math.isnan(value) else None


def _info(name: str, dtype: str, unit: str, description: str) -> ParameterInfo:
    return ParameterInfo(name, "LIMIT", dtype, unit, description)
