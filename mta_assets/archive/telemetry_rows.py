"""Rows of one group of the telemetry archive in memory: joined, ordered, and made one where sources say the same.

A group is a table of parameters that share their times: a rate group of a subsystem, a packet type. Every row keeps
the number of the contribution that it came in with. Where several sources have a row of the same time (playbacks
that overlap, or that share a row at their border) all of them are stored, and `resolve` takes the best cell of each
column. So what the archive answers depends on what came in, never on the order in which it came.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.core.samples import Array, Nanoseconds, ParameterInfo

SAME_TIME = 10_000  # [ns] rows nearer than this are one: two playbacks compute a time to rounding of float64 (119 ns)
FILLER = np.uint8(Quality.MISSING | Quality.OTHER_FORMAT)  # nothing was measured
OWN = re.compile(r"time|.*__[qr]", re.IGNORECASE | re.DOTALL)  # columns of the segments that are no parameter


@dataclass(frozen=True)
class TelemetryBlock:
    """A stretch of a playback on its way into the archive: one `GroupRows` for each group."""

    groups: tuple[GroupRows, ...]
    tstart: float
    tstop: float


@dataclass(frozen=True)
class GroupRows:
    """Rows of one group.

    Parameters
    ----------
    group
        Name of the group, ``PCAD3ENG``.
    parameters
        What its columns are.
    time
        int64 ns since 1998.0 TT, ascending.
    values
        By parameter: engineering values, codes of states, or text.
    raw
        Raw counts, only of parameters whose values differ from them.
    quality
        `core.flags.Quality`, only of parameters where something is not good.
    period
        Nominal time from row to row [s], 0 if there is none.
    contribution
        Number of the contribution of each row; set by the archive.
    """

    group: str
    parameters: tuple[ParameterInfo, ...]
    time: Nanoseconds
    values: Mapping[str, Array]
    raw: Mapping[str, Array] = field(default_factory=dict)
    quality: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    period: float = 0.0
    contribution: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.time)

    def checked(self) -> GroupRows:
        """The rows themselves, if parameters, columns and times fit together; raises BadData if they do not."""
        names = [info.name for info in self.parameters]
        if set(names) != set(self.values):
            odd = sorted(set(names) ^ set(self.values))
            raise BadData(f"group {self.group}: parameters and values differ in {odd[:5]}")
        own = [name for name in names if OWN.fullmatch(name)]
        if own:
            raise BadData(
                f"group {self.group}: the archive needs the names time, …__q and …__r for itself, came {own[:5]}; "
                "give these parameters others"
            )
        lengths = {n: len(a) for part in (self.values, self.raw, self.quality) for n, a in part.items()}
        wrong = {n: size for n, size in lengths.items() if size != len(self.time)}
        if wrong:
            raise BadData(f"group {self.group}: {len(self.time)} times, but {dict(list(wrong.items())[:5])}")
        if len(self.time) and bool(np.any(self.time[1:] < self.time[:-1])):
            raise BadData(f"group {self.group}: times must ascend")
        return self

    def where(self, rows: Any) -> GroupRows:
        """The rows that a mask, an index array or a slice selects."""
        return replace(
            self,
            time=self.time[rows],
            values={n: a[rows] for n, a in self.values.items()},
            raw={n: a[rows] for n, a in self.raw.items()},
            quality={n: a[rows] for n, a in self.quality.items()},
            contribution=None if self.contribution is None else self.contribution[rows],
        )


def digest(groups: Iterable[GroupRows]) -> str:
    """SHA-256 of everything that some groups of rows say, definitions included."""
    found = hashlib.sha256()
    for rows in sorted(groups, key=lambda rows: rows.group):
        found.update(repr((rows.group, rows.period, sorted(rows.parameters, key=lambda info: info.name))).encode())
        found.update(rows.time.tobytes())
        for part in (rows.values, rows.raw, rows.quality):
            for name in sorted(part):
                array = np.ascontiguousarray(part[name])
                found.update(f"{name} {array.dtype.str} ".encode())
                found.update(array.tobytes())
    return found.hexdigest()


def ordered(rows: GroupRows) -> GroupRows:
    """Rows in order of time, for sources that come out of order."""
    order = np.argsort(rows.time, kind="stable")
    return rows.where(order)


def join(parts: Sequence[GroupRows], ranks: Mapping[int, int] | None = None) -> GroupRows:
    """Rows of several parts in order of time, and of the rank of their contribution where times are equal.

    A parameter that a part does not have is a filler there (MISSING).
    """
    if len(parts) == 1 and not ranks:
        return parts[0]
    infos: dict[str, ParameterInfo] = {}
    for part in parts:
        infos.update({info.name: info for info in part.parameters})
    time = np.concatenate([part.time for part in parts])
    contribution = np.concatenate([contributions_of(part) for part in parts])
    rank = rank_of(contribution, ranks or {})
    order = np.lexsort((rank, time))
    values = {n: _stack(parts, n, "values")[order] for n in infos}
    raw = {n: _stack(parts, n, "raw")[order] for n in infos if any(n in part.raw for part in parts)}
    quality = {}
    for name in infos:
        if any(name in part.quality or name not in part.values for part in parts):
            quality[name] = np.concatenate([_quality(part, name) for part in parts])[order]
    first = parts[-1]
    return GroupRows(
        first.group, tuple(infos.values()), time[order], values, raw, quality, first.period, contribution[order]
    )


def rank_of(contribution: NDArray[np.int64], ranks: Mapping[int, int]) -> NDArray[np.int64]:
    """Rank of each row's contribution; those without one come last, in order of their number."""
    known = np.unique(contribution)
    table = np.array([ranks.get(int(c), len(ranks) + int(c)) for c in known], dtype=np.int64)
    return table[np.searchsorted(known, contribution)]


def contributions_of(part: GroupRows) -> NDArray[np.int64]:
    """Number of the contribution of each row; 0 for rows that are not the archive's yet."""
    return part.contribution if part.contribution is not None else np.zeros(len(part), np.int64)


def _quality(part: GroupRows, name: str) -> NDArray[np.uint8]:
    if name not in part.values:
        return np.full(len(part), Quality.MISSING, np.uint8)
    return part.quality[name] if name in part.quality else np.zeros(len(part), np.uint8)


def _stack(parts: Sequence[GroupRows], name: str, what: str) -> Array:
    """One column of all parts; where a part has none, its values stand for raw counts, fillers for values."""
    arrays: list[Array | None] = []
    for part in parts:
        column = getattr(part, what).get(name)
        arrays.append(part.values.get(name) if column is None and what == "raw" else column)
    dtype = np.result_type(*[a.dtype for a in arrays if a is not None])
    full = [a if a is not None else filler(dtype, len(p)) for a, p in zip(arrays, parts, strict=True)]
    return np.concatenate(full)


def filler(dtype: Any, size: int) -> Array:
    """What stands where nothing was measured: NaN, 0, empty text."""
    return np.full(size, np.nan, dtype) if np.dtype(dtype).kind == "f" else np.zeros(size, dtype)


def nothing(infos: Sequence[ParameterInfo], period: float) -> GroupRows:
    """No rows of some parameters of a group."""
    values = {info.name: np.zeros(0, info.dtype) for info in infos}
    none = np.zeros(0, np.int64)
    return GroupRows(infos[0].group, tuple(infos), none, values, period=period, contribution=none)


def doubled(time: Nanoseconds) -> bool:
    """Whether two rows have the same time."""
    return len(time) > 1 and bool(np.any(time[1:] - time[:-1] <= SAME_TIME))


def resolve(rows: GroupRows) -> GroupRows:
    """One row for each time: of rows of the same time, the first good cell of each column.

    A cell that is not good comes before a filler. The rows must be ordered as `join` leaves them.
    """
    if not doubled(rows.time):
        return rows
    starts = np.concatenate([[True], rows.time[1:] - rows.time[:-1] > SAME_TIME])
    first = np.flatnonzero(starts)
    cluster = np.cumsum(starts) - 1
    several = np.flatnonzero(np.bincount(cluster) > 1)
    inside = np.isin(cluster, several)  # the few rows that there is a choice in
    place = np.flatnonzero(inside)
    heads = np.searchsorted(cluster[place], several)
    answer = rows.where(first)
    values, raw, quality = dict(answer.values), dict(answer.raw), dict(answer.quality)
    for name in rows.quality:
        flags = rows.quality[name][place]
        penalty = np.where(flags & FILLER, 2, np.where(flags, 1, 0)).astype(np.int64)
        best = np.minimum.reduceat(penalty * len(place) + np.arange(len(place)), heads) % len(place)
        for source, target in ((rows.values, values), (rows.raw, raw), (rows.quality, quality)):
            if name in target:
                column = target[name].copy()
                column[several] = source[name][place[best]]
                target[name] = column
    return replace(answer, values=values, raw=raw, quality=quality)
