"""Views of DuckDB on the segments of a group that give what the reader gives.

Segments are Parquet files that DuckDB reads itself, columns and row groups that are not needed left out. What the
reader does beside is done here: rows that a file no longer answers for are cut off, rows of several sources at one
time are resolved beforehand (they are few), corrections are applied, codes of states are their names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mta_assets.archive import segments as files
from mta_assets.archive.corrections import ALL, Correction
from mta_assets.archive.telemetry_rows import FILLER
from mta_assets.archive.telemetry_sql import Segment
from mta_assets.core.flags import Quality
from mta_assets.core.samples import ParameterInfo
from mta_assets.query.sql_doubled import Doubled, find_doubled
from mta_assets.query.utc import EPOCH, TT_TAI, leap_seconds

EVERYTHING = "__all"  # behind the name of a view that also has what is not good
INTERNAL = "internal"  # schema of the tables that the views need
OWN = ("time", "seconds", "utc")  # columns that every view has
TYPES = {"bool": "BOOLEAN", "i1": "TINYINT", "u1": "UTINYINT", "i2": "SMALLINT", "u2": "USMALLINT", "i4": "INTEGER",
         "u4": "UINTEGER", "i8": "BIGINT", "u8": "UBIGINT", "f2": "FLOAT", "f4": "FLOAT", "f8": "DOUBLE"}  # fmt: skip


@dataclass(frozen=True)
class Group:
    """What a view is made of: a group's parameters, living segments, corrections that stand."""

    name: str
    infos: tuple[ParameterInfo, ...]
    segments: tuple[Segment, ...]
    fixes: tuple[Correction, ...] = ()


@dataclass
class Views:
    """SQL of the two views of a group, the internal tables that they need, and what could not be served."""

    good: str
    everything: str
    tables: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def quoted(name: str) -> str:
    """A name as SQL has it, whatever characters it is of."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text constant."""
    return "'" + value.replace("'", "''") + "'"


def labels(infos: Sequence[ParameterInfo]) -> dict[str, str]:
    """Column of each parameter in a view: its name, with a number if another column is called so."""
    taken = set(OWN)
    out = {}
    for info in infos:
        label, number = info.name, 2
        while any((label + end).lower() in taken for end in ("", "__q", "__r", "__code")):
            label, number = f"{info.name}_{number}", number + 1
        taken |= {(label + end).lower() for end in ("", "__q", "__r", "__code")}
        out[info.name] = label
    return out


def internal(name: str) -> str:
    """A table that views need and nobody asks for."""
    return f"{INTERNAL}.{quoted(name)}"


def views_of(root: Path, group: Group, prefix: str) -> Views:
    """The views of a group.

    Parameters
    ----------
    prefix
        Of the names of the internal tables that are made for it.
    """
    made = Views("", "")
    plain: list[Segment] = []
    cut: list[Segment] = []
    feet: dict[Segment, files.Footer] = {}
    for segment in group.segments:
        try:
            foot = files.footer(root / segment.path)
        except files.Damaged as error:
            made.notes.append(str(error))
            continue
        if not len(foot.rows):
            continue
        feet[segment] = foot
        whole = foot.first[0] >= segment.start and foot.last[-1] < segment.stop
        (plain if whole and not segment.doubled else cut).append(segment)
    doubled = find_doubled(root, group, {one: foot for one, foot in feet.items() if one.doubled})
    columns = {name for foot in feet.values() for name in foot.dtypes} | set(doubled.columns)
    parts = []
    if plain:
        parts.append(f"SELECT * FROM {_files(root, plain)}")  # noqa: S608  # all names and texts are quoted
    if cut:
        parts.append(_cut(root, cut, doubled, prefix, made))
    if len(doubled.columns):
        made.tables[f"{prefix}resolved"] = doubled.table()
        parts.append(f"SELECT * FROM {internal(prefix + 'resolved')}")  # noqa: S608
    rows = "\nUNION ALL BY NAME\n".join(parts) or "SELECT NULL::BIGINT AS time WHERE false"
    sets = _sets(group)
    trees = [tree for fixes in dict.fromkeys(sets.values()) if fixes for tree in _trees(fixes, _number(sets, fixes))]
    inner = f"(SELECT {', '.join(['*', *trees])} FROM ({rows}) AS r) AS rows_of"  # noqa: S608
    named = labels(group.infos)
    own = ["time", f"{seconds('time')} AS seconds", f"{utc('time')} AS utc"]
    good, everything = list(own), list(own)
    for info in group.infos:
        fixes = sets[info.name]
        cell = _Cell(info, columns, None if not fixes else _number(sets, fixes), any(f.kind == "value" for f in fixes))
        good.append(f"{cell.good} AS {quoted(named[info.name])}")
        everything += [f"{sql} AS {quoted(named[info.name] + end)}" for end, sql in cell.everything.items()]
    made.good = f"SELECT {', '.join(good)} FROM {inner}"  # noqa: S608
    made.everything = f"SELECT {', '.join(everything)} FROM {inner}"  # noqa: S608
    return made


def _files(root: Path, found: Sequence[Segment], named: bool = False) -> str:
    paths = ", ".join(text(str(root / path)) for path in dict.fromkeys(segment.path for segment in found))
    return f"read_parquet([{paths}], union_by_name = true{', filename = ' + text('file__name') if named else ''})"


def _cut(root: Path, found: Sequence[Segment], doubled: Doubled, prefix: str, made: Views) -> str:
    """Rows of files that do not answer for all of their rows, without those that are resolved elsewhere."""
    import pyarrow as pa

    made.tables[f"{prefix}ranges"] = pa.table(
        {
            "file__name": pa.array([str(root / segment.path) for segment in found], pa.string()),
            "start__": pa.array([segment.start for segment in found], pa.int64()),
            "stop__": pa.array([segment.stop for segment in found], pa.int64()),
        }
    )
    low, high = min(segment.start for segment in found), max(segment.stop for segment in found)
    sql = (
        f"SELECT f.* EXCLUDE (file__name) FROM {_files(root, found, True)} AS f "  # noqa: S608
        f"SEMI JOIN {internal(prefix + 'ranges')} AS g "
        f"ON f.file__name = g.file__name AND f.time >= g.start__ AND f.time < g.stop__"
    )
    if len(doubled.times):
        made.tables[f"{prefix}times"] = pa.table({"time__": doubled.times})
        sql += f" ANTI JOIN {internal(prefix + 'times')} AS d ON f.time = d.time__"
    return f"{sql} WHERE f.time >= {low} AND f.time < {high}"


def _sets(group: Group) -> dict[str, tuple[Correction, ...]]:
    return {
        info.name: tuple(fix for fix in group.fixes if fix.parameter in (ALL, info.name.upper()))
        for info in group.infos
    }


def _number(sets: Mapping[str, tuple[Correction, ...]], fixes: tuple[Correction, ...]) -> int:
    return list(dict.fromkeys(sets.values())).index(fixes)


# ---- corrections: a tree of comparisons of the time


def _trees(fixes: Sequence[Correction], number: int) -> list[str]:
    """``b__N``: declared bad; ``v__N``: the value that was given in place of the sample, or NULL."""
    edges = sorted({edge for fix in fixes for edge in (fix.start, fix.stop)})
    bad, value = ["false"], ["NULL"]
    for start in edges:
        is_bad, given = False, "NULL"
        for fix in fixes:
            if fix.start <= start < fix.stop:
                is_bad, given = (True, given) if fix.kind == "bad" else (False, f"{float(fix.value or 0.0)!r}::DOUBLE")
        bad.append("true" if is_bad else "false")
        value.append(given)
    trees = [f"{tree('time', edges, bad)} AS b__{number}"]
    if any(given != "NULL" for given in value):
        trees.append(f"{tree('time', edges, value)} AS v__{number}")
    return trees


def tree(what: str, edges: Sequence[int], leaves: Sequence[str]) -> str:
    """SQL of a step function: ``leaves[i + 1]`` from ``edges[i]`` on, ``leaves[0]`` before."""
    if not edges or len(set(leaves)) == 1:
        return leaves[0]
    middle = len(edges) // 2
    low = tree(what, edges[:middle], leaves[: middle + 1])
    high = tree(what, edges[middle + 1 :], leaves[middle + 1 :])
    return f"CASE WHEN {what} < {edges[middle]} THEN {low} ELSE {high} END"


# ---- cells


class _Cell:
    """SQL of one parameter's columns.

    Parameters
    ----------
    columns
        Those that any of the files has.
    number
        Of its corrections; None if there are none.
    valued
        Whether any of them gives a value.
    """

    def __init__(self, info: ParameterInfo, columns: set[str], number: int | None, valued: bool) -> None:
        self.info = info
        self.type = TYPES.get(info.dtype.lstrip("<>|="), "VARCHAR")
        self.there = info.name in columns
        self.number, self.valued = number, valued
        self.flags = f"coalesce({quoted(info.name + '__q')}, 0)" if f"{info.name}__q" in columns else "0"
        self.raw = quoted(info.name + "__r") if f"{info.name}__r" in columns else None

    @property
    def code(self) -> str:
        """The value with its corrections; of what was not measured NULL."""
        if not self.there:
            return f"NULL::{self.type}"
        value = f"{quoted(self.info.name)}::{self.type}"
        if self.valued:
            exact = f"trunc(v__{self.number})" if self.type not in ("DOUBLE", "FLOAT") else f"v__{self.number}"
            value = f"coalesce({exact}::{self.type}, {value})"
        missing = f"{quoted(self.info.name)} IS NOT NULL AND ({self.flags} & {int(FILLER)}) = 0"
        return value if self.flags == "0" and not self.valued else f"CASE WHEN {missing} THEN {value} END"

    @property
    def quality(self) -> str:
        """Flags with what the corrections add."""
        if self.number is None:
            return self.flags
        bad = f"CASE WHEN b__{self.number} THEN {int(Quality.DECLARED_BAD)} ELSE 0 END"
        if not self.valued:
            return f"({self.flags} | {bad})"
        measured = f"({self.flags} & {int(FILLER)}) = 0"
        return f"CASE WHEN v__{self.number} IS NOT NULL AND {measured} THEN {bad} ELSE ({self.flags} | {bad}) END"

    def _named(self, code: str) -> str:
        """Codes as the names of their states."""
        if not self.info.states or self.type == "VARCHAR":
            return code
        whens = " ".join(f"WHEN {int(number)} THEN {text(name)}" for number, name in self.info.states.items())
        return f"CASE ({code})::BIGINT {whens} ELSE ({code})::BIGINT::VARCHAR END"

    @property
    def good(self) -> str:
        """The value if it is good, else NULL."""
        if not self.there or (self.flags == "0" and self.number is None):
            return self._named(self.code)
        return f"CASE WHEN {self.quality} = 0 THEN {self._named(self.code)} END"

    @property
    def everything(self) -> dict[str, str]:
        """The value, good or not, the code of a state, the raw count, the flags; by what is behind the name."""
        missing = self.code if self.there else "NULL"
        out = {"": self._named(self.code)}
        if self.info.states:
            out["__code"] = self.code
        if self.raw is not None:
            measured = f"{missing} IS NOT NULL"
            out["__r"] = f"CASE WHEN {measured} THEN coalesce({self.raw}, {quoted(self.info.name)}) END"
        out["__q"] = f"CASE WHEN {missing} IS NOT NULL THEN {self.quality} END::UTINYINT"
        return out


# ---- times


def seconds(time: str) -> str:
    """TT seconds since 1998.0 TT of nanoseconds."""
    return f"({time} // 1000000000 + ({time} % 1000000000) / 1e9)"


def utc(time: str) -> str:
    """UTC (a timestamp) of nanoseconds TT since 1998.0 TT; the second that a leap second repeats stands twice."""
    starts, offset = leap_seconds()
    leaves = [str(int(offset[0])), *(str(int(one)) for one in offset)]
    epoch = int(EPOCH.astype("M8[ns]").astype("i8"))
    return f"make_timestamp_ns(({time} - {tree(time, [int(s) for s in starts], leaves)} + {epoch - TT_TAI})::BIGINT)"


def from_utc(moment: str) -> str:
    """Nanoseconds TT since 1998.0 TT of a UTC timestamp."""
    starts, offset = leap_seconds()
    epoch = int(EPOCH.astype("M8[ns]").astype("i8"))
    changes = [int(s) - int(o) - TT_TAI + epoch for s, o in zip(starts, offset, strict=True)]
    leaves = [str(int(offset[0])), *(str(int(one)) for one in offset)]
    stamp = f"epoch_ns(({moment})::TIMESTAMP_NS)"
    return f"({stamp} - {epoch - TT_TAI} + {tree(stamp, changes, leaves)})"
