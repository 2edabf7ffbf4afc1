"""Running a query: the plan, then its samples, in memory if they fit and block by block if they do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mta_assets.query import spans
from mta_assets.query.answer import Answer, AnswerTable, join
from mta_assets.query.build import good_of, table
from mta_assets.query.complete import find, listed
from mta_assets.query.execute import Execution, Progress
from mta_assets.query.model import Products, Query
from mta_assets.query.plan import Plan, plan
from mta_assets.query.reading import byte_rate, read_exactly
from mta_assets.query.rollups import from_rollups
from mta_assets.query.sources import Source

MEMORY = 1 << 30  # [byte] that the tables of an answer may take


def run(
    query: Query,
    sources: Sequence[Source],
    *,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    memory_limit: int = MEMORY,
) -> Answer:
    """The answer to a query.

    Parameters
    ----------
    sources
        Where names are looked for, in this order.
    progress
        Is told the share that is done (0 to 1) and the rows so far, after each part.
    cancel
        Says whether to stop; asked between parts.
    memory_limit
        Bytes that the answer may take; a larger one comes in blocks (`Answer.blocks`).

    Raises
    ------
    QueryError
        If something that the query names does not exist, or can not be computed.
    TooLarge
        If one interval of EVERY has more samples than the memory holds.
    Cancelled
        If ``cancel`` said so.
    """
    made = plan(query, sources)
    notes = list(made.notes)
    if query.explain:
        return Answer(query, made, notes=notes)
    work = Execution(made, progress, cancel, memory_limit)
    work.check()
    if isinstance(query.what, Products):
        found = find(made, work)
        return Answer(query, made, (listed(found),), notes + told(work, ()), found)
    if made.is_plain and upper_bound(made) <= memory_limit:
        tables = plain(work)
    elif made.is_plain:
        return _streamed(work, notes)
    elif made.rollup is not None:
        tables = [_first(from_rollups(made, lambda cut: replace(work, plan=cut)), query.limit)]
        work.seen.update(made.needed if len(tables[0]) else ())
    else:
        collected, size = [], 0
        for part in work.parts():
            collected.append(part)
            size += part.nbytes
            if size > memory_limit:
                return _streamed(work, notes)
        tables = join(collected, made.tables)
    if progress is not None:
        progress(1.0, sum(len(one) for one in tables))
    return Answer(query, made, tuple(tables), notes + told(work, tables), memory_limit=memory_limit)


def plain(work: Execution) -> list[AnswerTable]:
    """The samples as they are: one read, nothing copied."""
    made = work.plan
    samples = read_exactly(made, made.needed)
    work.seen.update(name for name, one in samples.items() if len(one))
    good = (
        good_of(samples, made.query.good_only) if any(one.quality is not None for one in samples.values()) else samples
    )
    return [table(made, name, samples, good, None, work.notes) for name in made.timelines]


def upper_bound(made: Plan) -> int:
    """Bytes that the samples take at most, without asking the sources where the periods say it."""
    if not len(made.span):
        return 0
    names = made.needed
    if made.span[0, 0] <= -spans.FAR_NS or made.span[-1, 1] >= spans.FAR_NS:
        return made.estimate[1]
    if any(made.names[name].info.period <= 0 or np.dtype(made.names[name].info.dtype).kind in "OU" for name in names):
        return made.estimate[1]
    return int(byte_rate(made, names, made.span)[1] * spans.length(made.span)) + 64 * len(names)


def _streamed(work: Execution, notes: list[str]) -> Answer:
    again = replace(work, progress=work.progress, part=max(min(work.part, work.memory_limit // 4), 1 << 16))
    text = f"the answer is larger than {work.memory_limit / 2**20:,.0f} MiB and comes in blocks"
    return Answer(work.plan.query, work.plan, (), [*notes, text], stream=again.parts, memory_limit=work.memory_limit)


def _first(made: AnswerTable, limit: int | None) -> AnswerTable:
    return made if limit is None or len(made) <= limit else made.where(slice(0, limit))


def told(work: Execution, tables: Sequence[AnswerTable]) -> list[str]:
    """What the reader should know: what had no result, what has no data."""
    notes = [
        text if text.startswith("an EACH TIME") else f"{text}: {count} value{'s' * (count > 1)} left out"
        for text, count in work.notes.items()
    ]
    notes += [note for source in work.plan.resolver.sources for note in getattr(source, "notes", [])]
    if tables and len(work.plan.span):
        notes += [f"{name} has no data in the time asked for" for name in work.silent()]
    if tables and not any(len(one) for one in tables):
        notes.append("no rows: nothing met what was asked for")
    return notes
