"""Carrying out a plan part by part: each part of the time is read with what it needs beside it, so that the parts
together are what one pass over everything would give, whatever their size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.samples import Samples, nanosecond
from mta_assets.query import spans
from mta_assets.query.align import hold
from mta_assets.query.answer import AnswerTable, Cancelled, TooLarge
from mta_assets.query.binned import sampled
from mta_assets.query.build import good_of, table
from mta_assets.query.events import stretches
from mta_assets.query.plan import Plan
from mta_assets.query.prune import possible
from mta_assets.query.reading import Reader, bounded, byte_rate, empty
from mta_assets.query.spans import Spans

PART = 1 << 27  # [byte] of samples that are read at once
LIMITED = 1 << 21  # [byte] the same where only the first rows are wanted
LONGEST = 9e8  # [s] of a part
Progress = Callable[[float, int], None]


@dataclass
class Execution:
    """One plan being carried out.

    Parameters
    ----------
    progress
        Is told the share of the time that is done, and the rows so far.
    cancel
        Says whether to stop; asked between parts.
    part
        Bytes of samples that are read at once, about.
    """

    plan: Plan
    progress: Progress | None = None
    cancel: Callable[[], bool] | None = None
    memory_limit: int = 1 << 30
    part: int = PART
    notes: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)

    def check(self) -> None:
        """Stop here if whoever asked wants it.

        Raises
        ------
        Cancelled
        """
        if self.cancel is not None and self.cancel():
            raise Cancelled("the query was cancelled; nothing was kept")

    @cached_property
    def reader(self) -> Reader:
        """Reads for this plan."""
        return Reader(self.plan)

    @cached_property
    def stretch(self) -> tuple[Spans, NDArray[np.int64]]:
        """Times [ns] whose rows are wanted, and moments whose latest sample is wanted."""
        leads = [name for name in self.plan.needed if self._leads(name)]
        if self.plan.query.windows:
            kept, moments = stretches(self.reader, self.check, self.notes)
            return possible(self.plan, self.plan.where, bounded(self.plan, leads, kept)), moments
        span = bounded(self.plan, leads, self.plan.span)
        return possible(self.plan, self.plan.where, span), np.zeros(0, np.int64)

    def _leads(self, name: str) -> bool:
        timelines = {column.lead.timeline for column in self.plan.columns}
        resolved = self.plan.names[name]
        return resolved.timeline == self.plan.on.timeline if self.plan.on else resolved.timeline in timelines

    def parts(self) -> Iterator[AnswerTable]:
        """Parts of the answer's tables in order of time; at least one of each, with or without rows."""
        self.notes.clear()
        self.seen.clear()
        _ = self.stretch
        left: dict[str, int | None] = dict.fromkeys(self.plan.tables, self.plan.query.limit)
        done, rows = 0.0, 0
        cover = self._cover()
        whole = max(spans.length(cover), 1e-9)
        for number, piece in enumerate([*self._pieces(cover)] or [spans.NONE]):
            self.check()
            for made in self._part(piece, number):
                given = _limited(made, left)
                rows += len(given)
                yield given
            done += spans.length(piece)
            if self.progress is not None:
                self.progress(min(done / whole, 1.0), rows)
            if all(limit == 0 for limit in left.values()):
                break

    def _cover(self) -> Spans:
        kept, moments = self.stretch
        if not len(moments):
            return kept
        return spans.merged(np.concatenate([kept, np.column_stack([moments, moments + 1])]))

    def _pieces(self, cover: Spans) -> Iterator[Spans]:
        if not len(cover):
            return iter(())
        rows, size = byte_rate(self.plan, self.plan.needed, cover)
        wanted = self.part
        if self.plan.query.limit is not None and self.plan.query.sampling.every is None:
            wanted = min(wanted, max(LIMITED, int(4 * self.plan.query.limit * size / max(rows, 1e-12))))
        longest = nanosecond(min(max(wanted / max(size, 1e-12), 1e-6), LONGEST))
        every = self.plan.query.sampling.every
        if self.plan.bins is not None:
            return self._by_interval(cover, longest, size)
        if isinstance(every, int | float):
            self._fits(every, size)
            return spans.pieces(cover, longest, nanosecond(float(every)))
        return spans.pieces(cover, longest)

    def _fits(self, length: float, size: float) -> None:
        need = min(length, max(spans.length(self.stretch[0]), 0.0)) * size
        if need > self.memory_limit:
            raise TooLarge(
                f"the samples of one interval ({length:g} s) take about {need / 2**20:,.0f} MiB, and may take "
                f"{self.memory_limit / 2**20:,.0f} MiB of memory. Ask for shorter intervals or fewer parameters, or "
                "allow more memory"
            )

    def _by_interval(self, cover: Spans, longest: int, size: float) -> Iterator[Spans]:
        """Observations or blocks are never cut: parts of several whole ones (with those that overlap them)."""
        bins = self.plan.bins
        if bins is None or bins.until is None or not len(bins):
            return
        reach = np.maximum.accumulate(bins.until)
        first = np.flatnonzero(np.concatenate([[True], bins.time[1:] >= reach[:-1]]))
        start, stop = bins.time[first], reach[np.append(first[1:] - 1, len(reach) - 1)]
        at = 0
        while at < len(start):
            end = at + 1
            while end < len(start) and stop[end] - start[at] <= longest:
                end += 1
            self._fits(float(stop[at] - start[at]) / spans.SECOND, size)
            part = spans.common(cover, np.column_stack([start[at:end], stop[at:end]]))
            if len(part):
                yield part
            at = end

    def _part(self, piece: Spans, number: int) -> list[AnswerTable]:
        plan = self.plan
        kept, moments = self.stretch
        beside = plan.context
        if len(moments):
            beside += max(hold(column.lead.info) for column in plan.columns)
        samples = self.reader.read(plan.needed, piece, beside)
        self.seen |= {name for name, one in samples.items() if len(one)}
        good = good_of(samples, plan.query.good_only)
        mine = moments[spans.inside(piece, moments)] if len(piece) else moments[:0]
        within = (spans.common(kept, piece), kept, mine)
        made = [table(plan, name, samples, good, within, self.notes) for name in plan.timelines]
        if plan.query.sampling.every is None:
            return made
        return [sampled(plan, made, self._bins_of(piece), [column.label for column in plan.columns])]

    def _bins_of(self, piece: Spans) -> Samples | None:
        bins = self.plan.bins
        if bins is None or bins.until is None:
            return None
        if not len(piece):
            return bins.where(slice(0, 0))
        return bins.where((bins.time < piece[-1, 1]) & (bins.until > piece[0, 0]))

    def silent(self) -> list[str]:
        """Names that no samples were found of, though they were looked for."""
        return [self.plan.names[name].name for name in self.plan.needed if name not in self.seen]


def _limited(made: AnswerTable, left: dict[str, int | None]) -> AnswerTable:
    limit = left[made.name]
    if limit is None:
        return made
    given = made.where(slice(0, limit)) if len(made) > limit else made
    left[made.name] = limit - len(given)
    return given


def nothing(plan: Plan) -> dict[str, Samples]:
    """No samples of anything the plan needs."""
    return {name: empty(plan.names[name].info) for name in plan.needed}
