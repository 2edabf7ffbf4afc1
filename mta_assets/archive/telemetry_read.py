"""Reading the telemetry archive: a snapshot answers the same however long one asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from mta_assets.archive import corrections, segments
from mta_assets.archive import telemetry_schema as db
from mta_assets.archive import telemetry_sql as sql
from mta_assets.archive.corrections import Correction
from mta_assets.archive.database import reading
from mta_assets.archive.rollup_gather import gather_rollups
from mta_assets.archive.rollups import Rollup, empty, stack
from mta_assets.archive.telemetry_columns import COLUMNS, column, computed, empty_samples, percentiles, statistics
from mta_assets.archive.telemetry_definitions import Definitions, as_defined
from mta_assets.archive.telemetry_faults import without_lost
from mta_assets.archive.telemetry_gather import TIME_WIDTH, Spans, gather, pieces
from mta_assets.archive.telemetry_rows import FILLER, GroupRows, contributions_of, join, nothing, resolve
from mta_assets.archive.telemetry_spans import BEGINNING, END, bounds, cuts, edge
from mta_assets.archive.telemetry_sql import Segment
from mta_assets.core.errors import BadData
from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import SECOND, Nanoseconds, ParameterInfo, Samples
from mta_assets.core.statistics import WIDTHS, Statistics

Fillers = tuple[Nanoseconds, NDArray[np.uint8]]
T = TypeVar("T")
BLOCK_ROWS = 2_000_000  # [row] a block of `blocks`


class Snapshot:
    """The archive as of one transaction. Made by `TelemetryArchive.snapshot`.

    Attributes
    ----------
    transaction
        Number of its newest transaction.
    warnings
        What could not be served, damaged and lost segments; where parameters were something else before.
    """

    def __init__(
        self, engine: sa.Engine, root: Path, transaction: int, definitions: Definitions, historic: bool = False
    ) -> None:
        self.engine, self.root, self.transaction, self.definitions = engine, root, transaction, definitions
        self.historic = historic
        self.warnings: list[str] = []

    # ---- what there is

    def names(self) -> list[str]:
        """All parameters."""
        return [info.name for info in self.definitions.infos.values()]

    def info(self, name: str) -> ParameterInfo | None:
        """What is known of a parameter; None if there is none of that name. Case does not matter."""
        return self.definitions.infos.get(name.upper())

    def _known(self, name: str) -> str:
        key = name.upper()
        if key not in self.definitions.infos:
            raise BadData(f"no parameter {name!r} in the telemetry archive")
        return key

    def span(self, names: Sequence[str]) -> tuple[float, float] | None:
        """First and last time [TT s since 1998.0] that there are rows for any of the names; None without rows."""
        c = db.segments.c
        ids = {self.definitions.group_of[self._known(name)] for name in names}
        with reading(self.engine) as connection:
            query = sa.select(sa.func.min(c.start), sa.func.max(c.stop))
            row = connection.execute(
                query.where(c.group_id.in_(ids), c.kind == "rows", sql.visible(self.transaction))
            ).one()
        return None if row[0] is None else (row[0] / SECOND, row[1] / SECOND)

    def estimate(self, names: Sequence[str], start: float | None, stop: float | None) -> tuple[int, int]:
        """Upper bounds of rows and bytes that `read` would give, from the catalog alone."""
        low, high = bounds(start, stop)
        rows = size = 0
        for group_id, keys in self._by_group(names).items():
            some = 0
            for segment in self._segments(group_id, "rows", low, high):
                share = (min(high, segment.stop) - max(low, segment.start)) / (segment.stop - segment.start)
                some += min(segment.rows, int(segment.rows * share) + 2)
            widths = [np.dtype(self.definitions.infos[key].dtype).itemsize for key in keys]
            rows, size = rows + some, size + some * (8 + sum(widths))
        return rows, size

    # ---- samples

    def read(
        self, names: Sequence[str], start: float | None = None, stop: float | None = None, raw: bool = False
    ) -> dict[str, Samples]:
        """Samples of parameters in [start, stop) [TT s since 1998.0]; None is open.

        Returns
        -------
        By name as it was asked for. Parameters of one group share their times where all of them have samples.
        """
        low, high = bounds(start, stop)
        return self._read(names, [(low, high)], raw)

    def read_intervals(self, names: Sequence[str], intervals: Intervals, raw: bool = False) -> dict[str, Samples]:
        """Samples in any of the intervals (n, 2) [TT s since 1998.0], which are sorted and disjoint."""
        return self._read(names, [(edge(a), edge(b)) for a, b in np.asarray(intervals).tolist()], raw)

    def fillers(self, name: str, start: float | None = None, stop: float | None = None) -> Fillers:
        """Times [ns] of the rows at which a parameter has no sample, and their quality: why it has none."""
        key = self._known(name)
        info, group_id = self.definitions.infos[key], self.definitions.group_of[key]
        low, high = bounds(start, stop)

        def serve(some: Sequence[Segment]) -> GroupRows:
            found = pieces(self.root, some, [(low, high)], self.warnings)
            return gather(self.root, found, [info], False, info.group, info.period, self.warnings)

        rows = self._served(self._segments(group_id, "rows", low, high), serve)
        flags = rows.quality.get(info.name, np.zeros(len(rows), np.uint8))
        there = (flags & FILLER) != 0
        return rows.time[there], flags[there]

    def _read(self, names: Sequence[str], spans: Spans, raw: bool) -> dict[str, Samples]:
        found: dict[str, Samples] = {}
        for group_id, keys in self._by_group(names).items():
            found |= self._group(group_id, keys, spans, raw)
        return {name: found[name.upper()] for name in names}

    def _by_group(self, names: Sequence[str]) -> dict[int, list[str]]:
        by_group: dict[int, list[str]] = {}
        for name in names:
            key = self._known(name)
            keys = by_group.setdefault(self.definitions.group_of[key], [])
            if key not in keys:
                keys.append(key)
        return by_group

    def _segments(self, group_id: int, kind: str, low: int, high: int) -> list[Segment]:
        return sql.segments(self.engine, group_id, kind, low, high, self.transaction, not self.historic)

    def _group(self, group_id: int, keys: Sequence[str], spans: Spans, raw: bool) -> dict[str, Samples]:
        infos = [self.definitions.infos[key] for key in keys]
        if not spans:
            return {key: empty_samples(info) for key, info in zip(keys, infos, strict=True)}
        standing = self._segments(group_id, "rows", spans[0][0], spans[-1][1])
        group, period = infos[0].group, self.definitions.periods.get(group_id, 0.0)
        width = TIME_WIDTH + sum(np.dtype(info.dtype).itemsize for info in infos)

        def serve(some: Sequence[Segment]) -> GroupRows:
            if self._is_past(some):
                return self._as_they_stood(some, spans, infos, period)
            found = pieces(self.root, some, spans, self.warnings, width)
            return gather(self.root, found, infos, raw, group, period, self.warnings)

        rows = self._served(standing, serve)
        self._tell_changes(group_id, keys, spans[0][0], spans[-1][1])
        fixes = self._corrections(infos, spans[0][0], spans[-1][1])
        found = {key: column(info, rows, fixes, raw) for key, info in zip(keys, infos, strict=True)}
        return {key: self._as_defined(samples) for key, samples in found.items()}

    def _served(self, standing: Sequence[Segment], serve: Callable[[Sequence[Segment]], T]) -> T:
        """What is made of segments, without those whose files are lost: each of them is a warning."""
        try:
            return serve(standing)
        except FileNotFoundError:
            return serve(without_lost(self.engine, self.root, standing, self.warnings))

    def _tell_changes(self, group_id: int, keys: Sequence[str], low: int, high: int) -> None:
        """Warn where parameters were something else when their rows came in."""
        if group_id in self.definitions.several:
            with reading(self.engine) as connection:
                self.warnings += self.definitions.told(connection, group_id, keys, low, high, self.transaction)

    def _as_defined(self, samples: Samples) -> Samples:
        defined, strange = as_defined(samples)
        if strange:
            self.warnings.append(f"{samples.info.name}: {strange} samples are text that is no number, and left out")
        return defined

    def _is_past(self, standing: Sequence[Segment]) -> bool:
        """Whether segments hold rows that the snapshot does not know yet."""
        return self.historic or any(segment.newest > self.transaction for segment in standing)

    def _as_they_stood(
        self, standing: Sequence[Segment], spans: Spans, infos: Sequence[ParameterInfo], period: float
    ) -> GroupRows:
        """Rows that had come in by the snapshot's transaction, from segments that may overlap: one for each time."""
        c = db.contributions.c
        with reading(self.engine) as connection:
            living = sa.and_(c.born <= self.transaction, sa.or_(c.dead.is_(None), c.dead > self.transaction))
            query = sa.select(c.id, c.source).where(living)
            sources = {row.id: row.source for row in connection.execute(query)}
        known = np.array(sorted(sources), np.int64)
        parts = [nothing(infos, period)]
        for segment in standing:
            for low, high in spans:
                found = self._whole(segment, max(low, segment.start), min(high, segment.stop))
                part = segments.rows_of(found, infos[0].group, infos, period)
                parts.append(part.where(np.isin(contributions_of(part), known)))
        return resolve(join(parts, sql.ranks_of(sources)))  # a row that comes twice is its own better half

    def _whole(self, segment: Segment, low: int, high: int) -> segments.Columns:
        """All columns of a segment in a stretch; nothing, and a warning, if it is damaged."""
        try:
            return segments.read(self.root / segment.path, None, low, high)
        except segments.Damaged as error:
            self.warnings.append(str(error))
            return segments.Columns(np.zeros(0, np.int64), {})

    def _corrections(self, infos: Sequence[ParameterInfo], low: int, high: int) -> list[Correction]:
        if not self.definitions.corrected:
            return []
        with reading(self.engine) as connection:
            return corrections.find(connection, [info.name for info in infos], low, high, self.transaction)

    def blocks(
        self, names: Sequence[str], start: float | None = None, stop: float | None = None, raw: bool = False
    ) -> Iterator[dict[str, Samples]]:
        """The samples of `read` in order of time, some at once: each block is a stretch of time of its own."""
        low, high = bounds(start, stop)
        found = [s for g in self._by_group(names) for s in self._segments(g, "rows", low, high)]
        edges = cuts([(s.start, s.stop, s.rows) for s in found], low, high, BLOCK_ROWS)
        for first, last in pairwise(edges):
            yield self._read(names, [(first, last)], raw)

    # ---- statistics

    def statistics(
        self, name: str, width: str = "5min", start: float | None = None, stop: float | None = None,
        columns: Sequence[str] = COLUMNS, with_percentiles: bool = False, cut: bool = False, own_type: bool = False,
    ) -> Statistics:  # fmt: skip
        """Statistics of a parameter for the buckets that lie in [start, stop).

        Parameters
        ----------
        width
            ``5min`` (328 s), ``hour`` or ``day``.
        columns
            Which of n, min, max, mean, tmean, std, first, last are wanted; the others are empty arrays.
        with_percentiles
            Percentiles too, which are computed from the samples.
        cut
            Also the buckets that start or stop cut, of their samples within; else these are left out.
        own_type
            Minimum, maximum, first and last in the type of the parameter, if it has no states; else as float64.
        """
        if width not in WIDTHS:
            raise BadData(f"no statistics of width {width!r}; there are {', '.join(WIDTHS)}")
        info, step = self.definitions.infos[self._known(name)], WIDTHS[width] * SECOND
        low, high = bounds(start, stop)
        first, last = -(-low // step), high // step
        spans = [(low, min(first * step, high)), (max(last * step, first * step), high)]
        edges = [self._computed(name, width, *span) if cut else empty() for span in spans]
        rollup = self._rollup(name, width, (first, last), columns, (edges[0], edges[1]), own_type and not info.states)
        found = statistics(info, WIDTHS[width], rollup)
        if not with_percentiles:
            return found
        wanted = (low, high) if cut else (first * step, last * step)
        return replace(found, percentiles=percentiles(self._read([name], [wanted], False)[name], found))

    def _rollup(
        self, name: str, width: str, buckets: tuple[int, int], columns: Sequence[str], edges: tuple[Rollup, Rollup],
        own_type: bool,
    ) -> Rollup:  # fmt: skip
        key, step = self._known(name), WIDTHS[width] * SECOND
        number, group_id = self.definitions.number_of[key], self.definitions.group_of[key]
        low, high = buckets[0] * step, buckets[1] * step
        standing = self._segments(group_id, width, low, high)
        self._tell_changes(group_id, [key], low, high)
        if self._is_past(standing):
            return stack([edges[0], self._computed(name, width, low, high), edges[1]])
        own = np.dtype(self.definitions.infos[key].dtype) if own_type else None
        return self._served(
            standing,
            lambda some: gather_rollups(self.root, some, number, buckets, columns, self.warnings, edges, own),
        )

    def _computed(self, name: str, width: str, low: int, high: int) -> Rollup:
        """Statistics of the samples in [low, high) ns, not from what is kept."""
        if low >= high or low <= BEGINNING or high >= END:
            return empty()
        return computed(self._read([name], [(low, high)], False)[name], width)
