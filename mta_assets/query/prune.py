"""Where a condition can be true at all, from the smallest and largest values that roll-ups keep: the rest is not read.

A bucket is left out only if the condition is false or unknown for every sample in it, so the answer is the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.samples import nanosecond
from mta_assets.query import expressions, spans
from mta_assets.query.align import hold
from mta_assets.query.model import Compare, Expression, Logic, Name, Number
from mta_assets.query.plan import Plan
from mta_assets.query.spans import Spans
from mta_assets.query.windows import CROSSINGS

Mask = NDArray[np.bool_]
WIDTH = 86400.0  # [s] days: few enough to look at 25 years, fine enough to leave most of them out
WORTHWHILE = 30 * WIDTH  # [s] below it reading is as fast
Range = tuple[Mask, NDArray[Any], NDArray[Any]]  # bucket has samples, their smallest and largest value
BOTH: dict[str, str] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}


def possible(plan: Plan, node: Expression | None, span: Spans) -> Spans:
    """The part of the span in which the condition may be true."""
    usable = node is not None and plan.query.good_only and len(span) and spans.length(span) > WORTHWHILE
    if not usable or node is None or span[0, 0] <= -spans.FAR_NS or span[-1, 1] >= spans.FAR_NS:
        return span
    width = nanosecond(WIDTH)
    first, last = int(span[0, 0]) // width - 1, int(span[-1, 1]) // width + 2
    true, _ = _may(plan, node, first, last)
    if true is None or true.all():
        return span
    number = np.flatnonzero(true) + first
    # What is held from a bucket's last sample reaches into the next one.
    holds = max(hold(plan.names[expressions.key(leaf).upper()].info) for leaf in expressions.leaves(node))
    kept = spans.merged(np.column_stack([number * width, (number + 1) * width + holds]))
    return spans.common(span, kept)


def _may(plan: Plan, node: Expression, first: int, last: int) -> tuple[Mask | None, Mask | None]:
    """For each bucket whether the condition may be true, and whether it may be false; None where nothing is known."""
    if isinstance(node, Logic):
        parts = [_may(plan, operand, first, last) for operand in node.operands]
        if node.operator == "not":
            return parts[0][1], parts[0][0]
        true, false = [part[0] for part in parts], [part[1] for part in parts]
        return (_all(true), _any(false)) if node.operator == "and" else (_any(true), _all(false))
    if not isinstance(node, Compare) or not isinstance(node.operands[0], Name):
        return _turned(plan, node, first, last)
    limits = [operand.value for operand in node.operands[1:] if isinstance(operand, Number)]
    if len(limits) != len(node.operands) - 1:
        return None, None
    found = _ranges(plan, node.operands[0], first, last)
    return (None, None) if found is None else _compared(node.operator, found, limits)


def _turned(plan: Plan, node: Expression, first: int, last: int) -> tuple[Mask | None, Mask | None]:
    """``20 < X`` as ``X > 20``."""
    if isinstance(node, Compare) and node.operator in BOTH and isinstance(node.operands[1], Name):
        other = Compare(BOTH[node.operator], (node.operands[1], node.operands[0]), node.at)
        if isinstance(node.operands[0], Number):
            return _may(plan, other, first, last)
    return None, None


def _compared(sign: str, found: Range, limits: list[float]) -> tuple[Mask | None, Mask | None]:
    there, low, high = found
    v = limits[0] if limits else 0.0
    if sign in CROSSINGS:
        # A step over the level from one bucket to the next is seen with the bucket before.
        before_low = np.concatenate([[np.inf], np.where(there, low, np.inf)[:-1]])
        before_high = np.concatenate([[-np.inf], np.where(there, high, -np.inf)[:-1]])
        return there & (np.fmin(low, before_low) <= v) & (np.fmax(high, before_high) >= v), None
    if sign == "between":
        return there & (high >= v) & (low <= limits[1]), there & ((low < v) | (high > limits[1]))
    if sign == "in":
        inside = [(low <= one) & (high >= one) for one in limits]
        return there & np.any(inside, axis=0), None
    tests = {
        "=": ((low <= v) & (high >= v), (low != v) | (high != v)),
        "!=": ((low != v) | (high != v), (low <= v) & (high >= v)),
        "<": (low < v, high >= v),
        "<=": (low <= v, high > v),
        ">": (high > v, low <= v),
        ">=": (high >= v, low < v),
    }
    return (there & tests[sign][0], there & tests[sign][1]) if sign in tests else (None, None)


def _ranges(plan: Plan, node: Name, first: int, last: int) -> Range | None:
    resolved = plan.names[node.value.upper()]
    summaries = getattr(resolved.source, "statistics", None)
    numeric = np.dtype(resolved.info.dtype).kind in "fiu"
    if summaries is None or not numeric or not 0 < resolved.info.period < WIDTH / 10:
        return None
    found = summaries(resolved.name, "day", first * WIDTH, last * WIDTH, as_of=plan.query.as_of)
    if found is None:
        return None
    n = last - first
    there, low, high = np.zeros(n, bool), np.full(n, np.inf), np.full(n, -np.inf)
    at = found.bucket - first
    inside = (at >= 0) & (at < n)
    there[at[inside]] = True
    low[at[inside]], high[at[inside]] = found.min[inside], found.max[inside]
    return there, low, high


def _all(masks: list[Mask | None]) -> Mask | None:
    known = [mask for mask in masks if mask is not None]
    return np.all(known, axis=0) if known else None


def _any(masks: list[Mask | None]) -> Mask | None:
    known = [mask for mask in masks if mask is not None]
    return np.any(known, axis=0) if known and len(known) == len(masks) else None
