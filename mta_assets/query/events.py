"""Finding the events of a query's windows: the trigger is read by parts, and only where roll-ups say that it may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.samples import SECOND, Samples, to_nanoseconds
from mta_assets.query import expressions, spans, windows
from mta_assets.query.align import hold
from mta_assets.query.build import good_of
from mta_assets.query.evaluate import Rows, condition, numbers
from mta_assets.query.model import Compare, Expression, Window
from mta_assets.query.plan import Plan
from mta_assets.query.problem import problem
from mta_assets.query.prune import possible
from mta_assets.query.reading import Reader, bounded, byte_rate
from mta_assets.query.spans import Spans

Times = NDArray[np.int64]
PART = 1 << 26  # [byte] of the trigger's samples that are read at once
NEAR = 86400 * SECOND  # [ns] windows up to this are read with the trigger


def stretches(reader: Reader, check: Callable[[], None], notes: Counter[str]) -> tuple[Spans, Times]:
    """The times [ns] that the windows leave of the query's span, and the moments of those without length."""
    plan = reader.plan
    kept, moments = [spans.NONE], [np.zeros(0, np.int64)]
    for window in plan.query.windows:
        found = events(reader, window, check, notes)
        if not len(found):
            notes["an EACH TIME condition was never met"] += 1
        if window.is_moment:
            moments.append(windows.moments(found, window))
        else:
            kept.append(windows.around(found, window))
    times = np.unique(np.concatenate(moments))
    inside = spans.inside(plan.span, times)
    return spans.common(plan.span, spans.merged(np.concatenate(kept))), times[inside]


def events(reader: Reader, window: Window, check: Callable[[], None], notes: Counter[str]) -> Spans:
    """First and last sample [ns] of each event, near enough to the query's span that its window can reach into it."""
    plan, node = reader.plan, window.condition
    leaves = expressions.leaves(node)
    if not leaves:
        raise problem(plan.query.text, node, "there is no parameter in the condition of EACH TIME")
    names = list(dict.fromkeys(expressions.key(leaf).upper() for leaf in leaves))
    before, after = windows.reach([window])
    # An event lies up to the window's reach beside the rows; a window that begins long after it looks far back.
    wide = np.column_stack([plan.span[:, 0] - before, plan.span[:, 1] + after])
    span = possible(plan, node, bounded(plan, names[:1], spans.merged(np.clip(wide, -spans.FAR_NS, spans.FAR_NS))))
    lead = plan.names[names[0]].info
    holds = [hold(plan.names[name].info) for name in names]
    beside = max(holds) * (2 + expressions.depth(node))
    if before + after <= NEAR:  # then the rows around the events come with them
        beside += plan.context + max(before, after, 0)
    found: list[Spans] = []
    for part in _parts(plan, names, span):
        check()
        samples = good_of(reader.read(names, part, beside), plan.query.good_only)
        rows = Rows(samples[names[0]].time, samples, plan.query.text, hold(lead), "previous", notes)
        found.append(_of_rows(node, rows, samples[names[0]]))
    return _near(windows.overlapping(found), wide)


def _parts(plan: Plan, names: Sequence[str], span: Spans) -> Iterator[Spans]:
    if not len(span):
        return iter(())
    _, rate = byte_rate(plan, names, span)
    return spans.pieces(span, int(to_nanoseconds(min(PART / max(rate, 1e-9), 1e9))[0]))


def _of_rows(node: Expression, rows: Rows, lead: Samples) -> Spans:
    if isinstance(node, Compare) and node.operator in windows.CROSSINGS:
        (values, _), (level, _) = (numbers(operand, rows) for operand in node.operands)
        values = np.broadcast_to(values, rows.time.shape)
        at = windows.crossings(values, level, rows.time, rows.gap, node.operator)
        return np.column_stack([at, at])
    true = condition(node, rows).true
    if lead.until is not None:  # of intervals the event lasts as long as they do
        return spans.merged(np.column_stack([rows.time[true], lead.until[true]]))
    return windows.runs(true, rows.time, rows.gap)


def _near(found: Spans, wide: Spans) -> Spans:
    """Events that touch the times around the span."""
    if not len(found) or not len(wide):
        return spans.NONE
    merged = spans.merged(wide)
    at = np.minimum(np.searchsorted(merged[:, 1], found[:, 0], side="right"), len(merged) - 1)
    return found[(found[:, 1] >= merged[at, 0]) & (found[:, 0] <= merged[at, 1])]
