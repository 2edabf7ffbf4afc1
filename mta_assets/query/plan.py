"""From a query and the sources to a plan: which parameters, of which sources, over which times, in which tables.

Planning reads no samples but those of the observing catalogue, where the query restricts itself to observations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from mta_assets.core.samples import ParameterInfo, Samples
from mta_assets.query import expressions, spans
from mta_assets.query.align import hold
from mta_assets.query.model import Expression, Item, Kind, Name, Position, Products, Query
from mta_assets.query.problem import problem
from mta_assets.query.resolve import Resolved, Resolver
from mta_assets.query.sampling import ALL, statistics_of
from mta_assets.query.sources import WIDTHS, Source, Width
from mta_assets.query.spans import Spans

SAMPLED = "SAMPLED"  # name of the table of a sampled answer
OVERHEAD = 0.002  # [s] of a query that finds little
READ_RATE = 4e8  # [byte/s] of samples read on the machine of docs/benchmarks.md
BINNED_ROLLUPS = set(ALL)


@dataclass(frozen=True)
class Column:
    """One column of the answer; ``lead`` gives the times of its rows."""

    label: str
    node: Expression
    kind: Kind | None
    lead: Resolved

    @property
    def is_plain(self) -> bool:
        """Whether it is a parameter as it is, and not computed."""
        return isinstance(self.node, Name | Position)

    @property
    def is_raw(self) -> bool:
        return self.kind == "raw"


@dataclass(frozen=True)
class Plan:
    """How a query is answered.

    Parameters
    ----------
    columns
        Of all tables, in the order of the query.
    names
        Parameters by their name as written (upper case).
    span
        The query's times [ns], before windows are looked for.
    bins
        Intervals of the observations or blocks that one row is returned for.
    rollup
        Width of the statistics that are used instead of samples; None if they can not give the exact answer.
    timelines
        The columns of each table, by its name.
    """

    query: Query
    columns: tuple[Column, ...]
    names: dict[str, Resolved]
    span: Spans
    resolver: Resolver
    where: Expression | None = None
    on: Resolved | None = None
    bins: Samples | None = None
    rollup: Width | None = None
    timelines: dict[str, tuple[Column, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def tables(self) -> list[str]:
        """Names of the answer's tables."""
        if isinstance(self.query.what, Products):
            return ["PRODUCTS"]
        return [SAMPLED] if self.query.sampling.every is not None else list(self.timelines)

    @property
    def is_plain(self) -> bool:
        """Whether the samples are the answer as they are read."""
        q = self.query
        simple = q.where is None and not q.windows and q.alignment is None and q.sampling.every is None
        return simple and q.limit is None and all(column.is_plain for column in self.columns)

    @cached_property
    def needed(self) -> list[str]:
        """Names that are read for the rows (upper case, as written)."""
        nodes = [column.node for column in self.columns] + ([self.where] if self.where is not None else [])
        names = [expressions.key(leaf).upper() for node in nodes for leaf in expressions.leaves(node)]
        if self.query.alignment is not None:
            names.append(self.query.alignment.on.value.upper())
        return list(dict.fromkeys(names))

    @cached_property
    def context(self) -> int:
        """How far [ns] beside the rows samples are needed: those that are held, interpolated or subtracted."""
        nodes = [column.node for column in self.columns if not column.is_plain or self.on is not None]
        nodes += [self.where] if self.where is not None else []
        holds = [hold(self.names[name].info) for name in self.needed] if nodes else [0]
        return max(holds) * (1 + max((expressions.depth(node) for node in nodes), default=0))

    @cached_property
    def estimate(self) -> tuple[int, int]:
        """Rows and bytes that are read; upper bounds."""
        return estimate(self.by_source(self.needed), self.span)

    @property
    def seconds(self) -> float:
        """About how long it takes [s]."""
        return OVERHEAD + self.estimate[1] / READ_RATE

    def by_source(self, names: Sequence[str]) -> list[tuple[Source, list[str]]]:
        """The parameters' own names, by the source that they are read from."""
        out: list[tuple[Source, list[str]]] = []
        for name in names:
            resolved = self.names[name]
            own = next((group for source, group in out if source is resolved.source), None)
            if own is None:
                out.append((resolved.source, [resolved.name]))
            elif resolved.name not in own:
                own.append(resolved.name)
        return out

    def explain(self) -> str:
        """The plan as text."""
        from mta_assets.query.explain import as_text

        return as_text(self)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        from mta_assets.query.explain import as_data

        return as_data(self)


def estimate(groups: Sequence[tuple[Source, Sequence[str]]], span: Spans) -> tuple[int, int]:
    """Rows and bytes of a read, as the sources tell."""
    found = [source.estimate(names, spans.seconds(span)) for source, names in groups if len(span)]
    return sum(rows for rows, _ in found), sum(size for _, size in found)


def plan(query: Query, sources: Sequence[Source]) -> Plan:
    """How the query is answered from the sources.

    Raises
    ------
    QueryError
        If a name is not known, a pattern stands where one parameter is expected, or observations are asked for and no
        source knows them.
    """
    resolver = Resolver(query, sources)
    span, notes = _times(query, resolver)
    if isinstance(query.what, Products):
        return Plan(query, (), resolver.found, span, resolver, query.where, notes=tuple(notes))
    columns = tuple(_columns(query, query.what, resolver))
    where = None if query.where is None else resolver.expanded(query.where)
    windows = tuple(replace(w, condition=resolver.expanded(w.condition)) for w in query.windows)
    on = None if query.alignment is None else resolver.one(query.alignment.on)
    made = Plan(replace(query, windows=windows), columns, resolver.found, span, resolver, where, on, notes=tuple(notes))
    bins = _bins(query, resolver, span)
    return replace(made, timelines=_timelines(columns, on), bins=bins, rollup=_rollup(made))


def _columns(query: Query, items: Sequence[Item], resolver: Resolver) -> list[Column]:
    out: list[Column] = []
    taken: set[str] = set()
    for item in items:
        node = item.expression
        several = isinstance(node, Name) and node.is_pattern
        for one in resolver.matching(node, item.kind) if several and isinstance(node, Name) else [node]:
            whole = resolver.expanded(one) if not isinstance(one, Name | Position) else one
            leads = expressions.leaves(whole)
            if not leads:
                raise problem(query.text, whole, "there is no parameter in it, so it has no times")
            lead = resolver.one(leads[0], item.kind)
            label = lead.name if whole is leads[0] else expressions.text_of(whole)
            if item.alias and not several:
                label = item.alias
            out.append(Column(_free(label, taken), whole, item.kind, lead))
    return out


def _free(label: str, taken: set[str]) -> str:
    """A label that no other column has (case does not make a difference in FITS)."""
    name, n = label, 2
    while name.upper() in taken:
        name, n = f"{label}_{n}", n + 1
    taken.add(name.upper())
    return name


def _timelines(columns: Sequence[Column], on: Resolved | None) -> dict[str, tuple[Column, ...]]:
    if on is not None:
        return {on.name: tuple(columns)}
    out: dict[tuple[str, str], list[Column]] = {}
    for column in columns:
        out.setdefault(column.lead.timeline, []).append(column)
    names = [name for _, name in out]
    label = {key: key[1] if names.count(key[1]) == 1 else f"{key[0]}.{key[1]}" for key in out}
    return {label[key]: tuple(own) for key, own in out.items()}


# ---- times


def _times(query: Query, resolver: Resolver) -> tuple[Spans, list[str]]:
    span = spans.of_periods(query.periods)
    notes: list[str] = []
    if not query.obsids and query.observations == "any":
        return span, notes
    observations = intervals_of("OBSID", query, resolver, span)
    if query.obsids:
        mine = observations.where(np.isin(observations.values.astype(np.int64), query.obsids))
        missing = sorted(set(query.obsids) - {int(one) for one in mine.values})
        notes += [f"observation {obsid} does not lie in the times asked for, or is not known" for obsid in missing]
        span = spans.common(span, spans.of_samples(mine))
    if query.observations == "inside":
        span = spans.common(span, spans.of_samples(observations))
    elif query.observations == "outside":
        span = spans.without(span, spans.of_samples(observations))
    return span, notes


def intervals_of(name: str, query: Query, resolver: Resolver, span: Spans) -> Samples:
    """Observations or blocks that overlap the span.

    Raises
    ------
    QueryError
        If no source knows them.
    """
    for source in resolver.sources:
        info = source.info(name)
        if info is None:
            continue
        found = source.read([info.name], spans.seconds(span), as_of=query.as_of)[info.name]
        if found.until is not None:
            return found
    what = "observations (OBSID)" if name == "OBSID" else "building blocks (BBID)"
    raise problem(query.text, query.sampling, f"no source knows {what}; import the observing catalogue first")


def _bins(query: Query, resolver: Resolver, span: Spans) -> Samples | None:
    if query.sampling.every == "observation":
        return intervals_of("OBSID", query, resolver, span)
    return intervals_of("BBID", query, resolver, span) if query.sampling.every == "block" else None


def _rollup(made: Plan) -> Width | None:
    """Roll-ups are of all good samples of a bucket: nothing may filter them, and the buckets have to be the bins."""
    q = made.query
    every = q.sampling.every
    width = WIDTHS.get(every) if isinstance(every, float | int) else None
    filtered = q.where is not None or q.windows or made.on is not None or not q.good_only
    wanted = statistics_of(q.sampling.statistic, False)
    if width is None or filtered or not set(wanted) <= BINNED_ROLLUPS:
        return None
    if set(wanted) <= {"first", "last"} or (width == "day" and "tmean" in wanted):
        return None  # a roll-up does not know the time of a sample, and weighs samples within hours only
    ready = all(c.is_plain and not c.is_raw and _summed(c.lead.info) for c in made.columns)
    return width if ready and all(hasattr(c.lead.source, "statistics") for c in made.columns) else None


def _summed(info: ParameterInfo) -> bool:
    return not info.states and np.dtype(info.dtype).kind in "fiu"
