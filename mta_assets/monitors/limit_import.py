"""Import of a glimmon limit database (SQLite) into ``limits.csv`` and ``expected_states.csv``.

The database is public (chandra-mta, glimmondb.sqlite3); its tables and columns are described by their own
definitions: ``limits`` and ``expected_states`` have one row for each change, dated in ``datesec`` (TT seconds
since 1998.0 TT) and in ``date`` (UTC), ``versions`` lists the dates. Caution is yellow, warning is red,
``mlmtol`` the persistence in samples, ``mlmenable`` 0 a limit that was switched off, ``mlimsw`` and
``switchstate`` the condition under which a set applies.

What can not be taken over as it stands is changed as little as possible, said in the row's ``reason`` and
listed in the report; no row is dropped:

* a red limit inside the yellow one: yellow is moved to red, which gives every value the same verdict;
* a filler like ±999 or ±9999999 that stands for 'no limit': empty;
* a switch state without a switch: the set has no condition.
"""

from __future__ import annotations

import csv
import math
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from mta_assets.core.errors import BadData, ConfigError
from mta_assets.core.times import from_utc, to_utc_iso
from mta_assets.monitors.limit_table import (
    COLUMNS,
    EXPECTED_COLUMNS,
    ExpectedRow,
    LimitRow,
    load_expected,
    load_limits,
    order_problem,
)
from mta_assets.monitors.limits import NONE

AUTHOR = "glimmon"
RED_FILLERS = frozenset({999.0, 999.9, 999.99, 9999999.0})  # found in the database; real ranges end elsewhere
YELLOW_FILLERS = RED_FILLERS | {998.0, 9999998.0}
YELLOW_BESIDE_FILLER = 99.0  # ±99 is 'no limit' where the red limit of that side is a filler, else a number
SHARED = "msid, setkey, datesec, date, modversion, mlmenable, mlmtol, default_set, mlimsw, switchstate"


@dataclass(frozen=True)
class Remark:
    """Something about one row of the source that was not taken over as it stands."""

    kind: str
    msid: str
    set: int
    date: str
    text: str


@dataclass(frozen=True)
class Imported:
    """Rows of both tables with the remarks on them; ``versions`` are the dates of the database, TT seconds."""

    limits: tuple[LimitRow, ...]
    expected: tuple[ExpectedRow, ...]
    versions: tuple[float, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True)
class ImportReport:
    """What an import wrote and what it had to change."""

    limits_file: Path
    expected_file: Path
    limits: int
    expected: int
    msids: int
    versions: int
    version: str
    remarks: tuple[Remark, ...]

    def __str__(self) -> str:
        kinds: dict[str, int] = {}
        for remark in self.remarks:
            kinds[remark.kind] = kinds.get(remark.kind, 0) + 1
        lines = [
            f"{self.limits} limits of {self.msids} parameters in {self.versions} versions: {self.limits_file}",
            f"{self.expected} expected states: {self.expected_file}",
            f"limits version {self.version}",
        ]
        return "\n".join(lines + [f"{count} rows changed: {kind}" for kind, count in sorted(kinds.items())])


def import_limits(source: Path, to: Path) -> ImportReport:
    """Write ``limits.csv`` and ``expected_states.csv`` into the folder ``to`` and read them back.

    Raises
    ------
    BadData
        If the source is not a glimmon database.
    ConfigError
        If the files exist already: an import never overwrites a table.
    """
    found = read_glimmon(source)
    to.mkdir(parents=True, exist_ok=True)
    limits_file, expected_file = to / "limits.csv", to / "expected_states.csv"
    for path in (limits_file, expected_file):
        if path.exists():
            raise ConfigError(f"{path} exists already; give another folder or move it away")
    write_rows(limits_file, COLUMNS, found.limits)
    write_rows(expected_file, EXPECTED_COLUMNS, found.expected)
    table = load_limits(limits_file)
    expected = load_expected(expected_file)
    return ImportReport(
        limits_file, expected_file, len(table), len(expected), len(table.msids), len(found.versions),
        table.version, found.remarks,
    )  # fmt: skip


def import_glimmon(path: Path) -> tuple[tuple[LimitRow, ...], tuple[ExpectedRow, ...]]:
    """Limits and expected states of a glimmon database, in the order of date, MSID and set."""
    found = read_glimmon(path)
    return found.limits, found.expected


def read_glimmon(path: Path) -> Imported:
    """Everything of a glimmon database in the terms of this package, with the remarks on what was changed."""
    if not path.is_file():
        raise BadData(f"{path}: no such file; expected a glimmon database (SQLite)")
    remarks: list[Remark] = []
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            order = "order by datesec, msid, setkey"
            bounds = "caution_low, caution_high, warning_low, warning_high"
            limits = connection.execute(f"select {SHARED}, {bounds} from limits {order}").fetchall()  # noqa: S608
            expected = connection.execute(f"select {SHARED}, expst from expected_states {order}").fetchall()  # noqa: S608
            versions = connection.execute("select version, datesec, date from versions order by datesec").fetchall()
    except sqlite3.Error as error:
        raise BadData(f"{path}: not a glimmon database with limits, expected_states and versions ({error})") from error
    for row in versions:
        _check_date(path, row)
    limit_rows = tuple(_limit(row, remarks) for row in limits)
    expected_rows = tuple(_expected(row, remarks) for row in expected)
    return Imported(limit_rows, expected_rows, tuple(round(row["datesec"], 6) for row in versions), tuple(remarks))


def _check_date(path: Path, row: sqlite3.Row) -> None:
    """The database gives each date twice; they must agree, or the history is not what it seems."""
    if abs(from_utc(row["date"]) - row["datesec"]) > 1e-3:
        raise BadData(f"{path}: version {row['version']} has the date {row['date']} but {row['datesec']} s")


def _limit(row: sqlite3.Row, remarks: list[Remark]) -> LimitRow:
    shared, reasons = _shared(row)
    limit = LimitRow(
        **shared,
        yellow_low=float(row["caution_low"]),
        yellow_high=float(row["caution_high"]),
        red_low=float(row["warning_low"]),
        red_high=float(row["warning_high"]),
    )
    limit = _without_fillers(limit, reasons)
    for side in ("low", "high"):
        limit = _red_outside(limit, side, reasons)
    problem = order_problem(limit)
    if problem:
        raise BadData(f"limit of {limit.msid} set {limit.set} of {row['date']}: {problem}; mend it in the database")
    remarks += [Remark(kind, limit.msid, limit.set, row["date"], text) for kind, text in reasons if kind != "version"]
    return replace(limit, reason="; ".join(text for _, text in reasons))


def _without_fillers(limit: LimitRow, reasons: list[tuple[str, str]]) -> LimitRow:
    blank: dict[str, Any] = {}
    for side in ("low", "high"):
        yellow, red = getattr(limit, f"yellow_{side}"), getattr(limit, f"red_{side}")
        if abs(red) in RED_FILLERS:
            blank[f"red_{side}"] = red
        if abs(yellow) in YELLOW_FILLERS or (abs(red) in RED_FILLERS and abs(yellow) == YELLOW_BESIDE_FILLER):
            blank[f"yellow_{side}"] = yellow
    if blank:
        reasons.append(("filler", ", ".join(f"{name} {value:g}" for name, value in blank.items()) + " stands for none"))
    empty: dict[str, Any] = dict.fromkeys(blank, NONE)
    return replace(limit, **empty)


def _red_outside(limit: LimitRow, side: str, reasons: list[tuple[str, str]]) -> LimitRow:
    yellow, red = getattr(limit, f"yellow_{side}"), getattr(limit, f"red_{side}")
    inside = red > yellow if side == "low" else red < yellow
    if not inside:
        return limit
    reasons.append(("inverted", f"yellow_{side} was {yellow:g}, outside red_{side} {red:g}"))
    return replace(limit, **{f"yellow_{side}": red})


def _expected(row: sqlite3.Row, remarks: list[Remark]) -> ExpectedRow:
    shared, reasons = _shared(row)
    remarks += [Remark(k, shared["msid"], shared["set"], row["date"], text) for k, text in reasons if k != "version"]
    return ExpectedRow(**shared, expected=row["expst"].strip().upper(), reason="; ".join(text for _, text in reasons))


def _shared(row: sqlite3.Row) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    reasons = [("version", f"version {row['modversion']}")]
    switch, state = _named(row["mlimsw"]), _named(row["switchstate"])
    if state and not switch:
        reasons.append(("switch", f"switch state {state} without a switch"))
    if row["default_set"] != 0:
        reasons.append(("default_set", f"the default set is {row['default_set']}"))
    columns = {
        "msid": row["msid"].strip().upper(),
        "set": row["setkey"],
        "valid_from": round(row["datesec"], 6),
        "persistence_samples": row["mlmtol"],
        "switch": f"{switch}={state}" if switch else "",
        "enabled": bool(row["mlmenable"]),
        "author": AUTHOR,
    }
    return columns, reasons


def _named(text: str) -> str:
    return "" if text.strip().lower() == "none" else text.strip().upper()


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[LimitRow | ExpectedRow]) -> None:
    """Write rows as a table that ``load_limits`` or ``load_expected`` reads, whole or not at all."""
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(_cells(rows, columns))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _cells(rows: Iterable[LimitRow | ExpectedRow], columns: Sequence[str]) -> Iterator[list[str]]:
    dates: dict[float, str] = {}
    for row in rows:
        defaults = {field.name: field.default for field in fields(row)}
        if row.valid_from not in dates:
            dates[row.valid_from] = to_utc_iso(row.valid_from).removesuffix(".000")
        yield [
            dates[row.valid_from] if name == "valid_from" else _cell(getattr(row, name), defaults[name])
            for name in columns
        ]


def _cell(value: Any, default: Any) -> str:
    """Shortest text that reads back as the same value; empty for the default."""
    if isinstance(value, bool):
        return "" if value is default else str(int(value))
    if isinstance(value, float):
        return "" if math.isnan(value) or value == default else repr(value).removesuffix(".0")
    return "" if value == default and not isinstance(default, str) else str(value)
