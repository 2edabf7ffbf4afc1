"""Trend tables: answers kept in the telemetry archive as parameters of a group of their own.

The columns of table ``TREND_SCAL2`` are the parameters ``TREND_SCAL2.SCAL2TEMP`` …: queries find them like any other,
with their statistics. A registered pipeline fills a table day by day, each day in place of what it had given for it.
By hand rows are put in with `append_trend`, by those who may; where they have the same time as a pipeline's, they win.

The names of the mission file keep people from mistakes and say who wrote what; that nobody writes past them is for the
permissions of the archive's files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mta_assets.archive.store import lock, make_folder
from mta_assets.archive.telemetry_rows import GroupRows, join, ordered, resolve
from mta_assets.core.errors import BadData, MtaError
from mta_assets.core.samples import ParameterInfo, nanosecond, to_seconds
from mta_assets.query.answer import AnswerTable
from mta_assets.query.output_tables import UNTIL, file_labels

if TYPE_CHECKING:
    from mta_assets.archive.telemetry import Commit, TelemetryArchive
    from mta_assets.missions.load import TrendsSection
    from mta_assets.query.answer import Answer
    from mta_assets.settings import Settings

PREFIX = "TREND_"
NAME = re.compile(r"TREND_[A-Z0-9][A-Z0-9_]{0,59}")
# The archive takes the cell of the source that comes first by name: '+' stands before the digits of a pipeline's day.
BY_HAND = "+by hand"


class NotAllowed(MtaError):
    """Somebody asked to write who may not. Nothing was written."""


def table_name(name: str) -> str:
    """The full name of a trend table; raises BadData if it can be none."""
    upper = name.strip().upper()
    full = upper if upper.startswith(PREFIX) else f"{PREFIX}{upper}"
    if not NAME.fullmatch(full):
        raise BadData(f"{name!r} is no name of a trend table: expected up to 60 letters, digits and _, like SCAL2")
    return full


def single(tables: Sequence[AnswerTable], name: str) -> AnswerTable:
    """The one table that an answer must have to go into a trend table; raises BadData if it has several."""
    if len(tables) != 1:
        names = ", ".join(table.name for table in tables) or "none"
        raise BadData(
            f"trend table {name} takes one table, the answer has {len(tables)} ({names}): "
            "add EVERY … or ON TIMELINE OF … to the query, or ask for parameters of one group"
        )
    return tables[0]


def trend_rows(name: str, table: AnswerTable, period: float = 0.0) -> GroupRows:
    """A table of an answer as rows of a trend table.

    Parameters
    ----------
    name
        Full name of the trend table.
    period
        From row to row [s]; 0 where rows come as they come.
    """
    infos: list[ParameterInfo] = []
    values, quality = {}, {}
    for (column, cells), label in zip(table.columns.items(), file_labels(table.columns), strict=True):
        known = table.info.get(column, ParameterInfo(column, unit=table.units.get(column, "")))
        array = cells.astype("U") if cells.dtype.kind in "OS" else cells
        kind = array.dtype.kind
        dtype = "bool" if kind == "b" else "U" if kind == "U" else array.dtype.str.lstrip("<>|=")
        full = f"{name}.{label}"
        meaning = known.description or (known.name if known.name != label else "")
        infos.append(
            ParameterInfo(full, name, dtype, known.unit, meaning, dict(known.states), period, "TRENDS", "derived")
        )
        values[full] = array
        flags = (table.quality or {}).get(column)
        if flags is not None and flags.any():
            quality[full] = flags
    if table.until is not None:
        full = f"{name}.{UNTIL}"
        infos.append(ParameterInfo(full, name, "f8", "s", "how long the row holds", {}, period, "TRENDS", "derived"))
        values[full] = to_seconds(table.until)
    return ordered(GroupRows(name, tuple(infos), table.time, values, {}, quality, period))


def append_trend(
    name: str, answer: Answer, author: str | None = None, reason: str = "", *,
    settings: Settings | None = None, archive: TelemetryArchive | None = None,
) -> Commit:  # fmt: skip
    """Put the rows of an answer into a trend table by hand; within the query's periods they replace earlier such rows.

    Parameters
    ----------
    name
        The table, with or without ``TREND_``; it is made if it is not there.
    author
        Who writes; the user of the process if it is not given. Only the mission's owner writes for others.
    reason
        Why, in a few words; kept with the author in the history of the archive.
    settings, archive
        Mission and archive; those of the environment if they are not given.

    Raises
    ------
    NotAllowed
        If the author is not among the writers of the mission file.
    BadData
        If the answer has several tables, or other columns or units than the trend table.
    """
    from mta_assets.query.session import telemetry_archive
    from mta_assets.settings import Settings as Found

    found = settings or Found()
    mission = found.loaded_mission
    table = table_name(name)
    by = check_writer(table, author, mission.file.trends, mission.file.mission.owner)
    into = archive or telemetry_archive(found)
    every = answer.query.sampling.every
    rows = trend_rows(table, single(answer.tables, table), float(every) if isinstance(every, int | float) else 0.0)
    make_folder(into.root)
    with lock(into.root / f".{table}.lock"):
        check_columns(into, rows)
        merged = _merged(into, rows, _periods(answer))
        span = to_seconds(merged.time[[0, -1]]) if len(merged) else np.zeros(2)
        why = f"{by}: {reason or answer.query.text}"
        return into.commit(f"{table} {BY_HAND}", [merged], float(span[0]), float(span[1]), why)


def _periods(answer: Answer) -> list[tuple[int, int]]:
    """The times [ns] whose rows are replaced; all, if the query has none."""
    far = np.iinfo(np.int64)
    return [
        (far.min if p.start is None else nanosecond(p.start), far.max if p.stop is None else nanosecond(p.stop))
        for p in answer.query.periods
    ] or [(far.min, far.max)]


def _merged(archive: TelemetryArchive, rows: GroupRows, periods: Sequence[tuple[int, int]]) -> GroupRows:
    """The rows and those that were put in by hand before for other times."""
    from mta_assets.archive.telemetry_changes import rows_of_source

    before = rows_of_source(archive, f"{rows.group} {BY_HAND}", rows.group)
    if before is None:
        return rows
    outside = np.ones(len(before), bool)
    for start, stop in periods:
        outside &= (before.time < start) | (before.time >= stop)
    kept = replace(before.where(np.flatnonzero(outside)), contribution=None)
    if not len(kept):
        return rows
    return replace(resolve(join([rows, kept])), contribution=None) if len(rows) else kept


def check_columns(archive: TelemetryArchive, rows: GroupRows) -> None:
    """Refuse rows that do not fit the table that is there."""
    snapshot = archive.snapshot()
    mine = [info for name in snapshot.names() if (info := snapshot.info(name)) and info.group == rows.group]
    there = {info.name: info for info in mine}
    new = {info.name: info for info in rows.parameters}
    if not there:
        return
    if set(new) - set(there):
        have, come = (", ".join(name.partition(".")[2] for name in sorted(some)) for some in (there, new))
        raise BadData(f"trend table {rows.group} has the columns {have}; the answer has {come}: name them with AS")
    for name, info in new.items():
        known = there[name]
        if known.unit != info.unit or known.states != info.states or _kind(known.dtype) != _kind(info.dtype):
            raise BadData(
                f"trend table {rows.group}, column {name.partition('.')[2]}: the table has {known.dtype} "
                f"[{known.unit or 'no unit'}], the answer {info.dtype} [{info.unit or 'no unit'}]"
            )


def _kind(dtype: str) -> str:
    return "text" if np.dtype(dtype).kind in "USO" else "number"


def check_writer(table: str, author: str | None, rights: TrendsSection, owner: str) -> str:
    """The name under which something is written.

    Raises
    ------
    NotAllowed
        If the author may not write to this table, or the process runs for somebody else.
    """
    user = process_user()
    by = (author or user).strip()
    if by != user and user not in (owner, *_members(owner, rights)):
        raise NotAllowed(f"{user} can not write to {table} as {by}: only the owner ({owner}) writes for others")
    named = next((names for name, names in rights.tables.items() if table_name(name) == table), rights.writers)
    allowed = {owner, *_members(owner, rights)}
    for name in named:
        allowed |= {name, *_members(name, rights)}
    if not by or by not in allowed or not by.isprintable():
        raise NotAllowed(
            f"{by or 'nobody'} may not write to {table}: its writers are {', '.join(sorted({owner, *named}))}. "
            "Ask the owner to add the name to [trends] of mission.toml"
        )
    return by


def _members(role: str, rights: TrendsSection) -> list[str]:
    return rights.roles.get(role, [])


def process_user() -> str:
    """Login name of the user that this process runs as; its number where it has no name."""
    import os
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
