"""Expressions computed on rows: numbers, states and texts, with rows that have no value.

Arithmetic is float64. A row without a value of one of the parameters has none of the expression (only min, max, sum,
mean and count of several leave missing ones out). Where a result is not defined (division by zero, logarithm of a
negative number) it is missing too, and counted in the notes.

Conditions are true, false or unknown: a comparison with a missing value is unknown, ``not`` unknown is unknown, ``and``
with a false one is false, ``or`` with a true one is true. Rows are kept where a condition is true. The text of an
interval (``AOT``, ``OBS.TARGET``) is '' where there is none, which is known: ``AOT != 'SmallMap'`` is true there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.samples import SECOND, ParameterInfo, Samples
from mta_assets.query import expressions, functions
from mta_assets.query.align import Aligned, Method, Times, aligned, hold
from mta_assets.query.compare import Truth, Value, compare
from mta_assets.query.model import Arithmetic, Call, Compare, Expression, Logic, Name, Number, Position, Text
from mta_assets.query.problem import problem

Array = NDArray[Any]


@dataclass
class Rows:
    """The rows that expressions are computed on, and the parameters they may take.

    Parameters
    ----------
    time
        int64 ns, ascending.
    samples
        By name as written, upper case: each with its own times.
    text
        The query, for messages.
    gap
        A longer step [ns] between rows parts them for ``delta`` and ``rate``.
    method
        How parameters of other times are brought to these.
    notes
        Counts of results that are not defined.
    """

    time: Times
    samples: Mapping[str, Samples]
    text: str = ""
    gap: int = 0
    method: Method = "previous"
    notes: Counter[str] = field(default_factory=Counter)
    cache: dict[str, Aligned] = field(default_factory=dict)

    def cells(self, name: str) -> Aligned:
        """One parameter on these rows."""
        if name not in self.cache:
            self.cache[name] = aligned(self.samples[name.upper()], self.time, self.method)
        return self.cache[name]


def value(node: Expression, rows: Rows) -> Value:
    """The expression at each row (or one number or text for all of them).

    Raises
    ------
    QueryError
        If it computes with states or texts, or a function is not known.
    """
    if isinstance(node, Number):
        return Value(node.value)
    if isinstance(node, Text):
        return Value(node.value)
    if isinstance(node, Name | Position):
        cells, one = rows.cells(expressions.key(node)), rows.samples[expressions.key(node).upper()]
        # Where no interval holds there is known to be none: NOT IN and != are true of its text, ''.
        known = one.until is not None and cells.values.dtype.kind in "OU"
        return Value(cells.values, None if known else cells.missing, one.info.states, one.info.unit)
    if isinstance(node, Arithmetic):
        return _arithmetic(node, rows)
    if isinstance(node, Call):
        return _call(node, rows)
    truth = condition(node, rows)
    return Value(truth.true.astype(np.int8), truth.unknown, {0: "FALSE", 1: "TRUE"})


def condition(node: Expression, rows: Rows) -> Truth:
    """Where the condition is true, and where it is not known."""
    if isinstance(node, Compare):
        return compare(node, [value(operand, rows) for operand in node.operands], len(rows.time), rows.text)
    if not isinstance(node, Logic):
        raise problem(rows.text, node, "this is a value, where a condition is expected; compare it with something")
    parts = [condition(operand, rows) for operand in node.operands]
    if node.operator == "not":
        return parts[0].inverse()
    out = parts[0]
    for part in parts[1:]:
        out = out.both(part) if node.operator == "and" else out.either(part)
    return out


def numbers(node: Expression, rows: Rows) -> tuple[Array, str]:
    """An operand as float64 with NaN where there is none, and its unit."""
    got = value(node, rows)
    array = np.asarray(got.values)
    if (got.states and not expressions.is_condition(node)) or array.dtype.kind not in "fiub":
        what = "a state" if got.states else "text"
        raise problem(rows.text, node, f"{expressions.text_of(node)} is {what} and can not be computed with")
    out = array.astype(np.float64)
    if got.missing is not None:
        out[got.missing] = np.nan
    return out, got.unit


def _arithmetic(node: Arithmetic, rows: Rows) -> Value:
    operands = [numbers(operand, rows) for operand in node.operands]
    units = [unit for _, unit in operands]
    unit = _unit(node, units)
    return _computed(node.operator, functions.OPERATORS[node.operator], [array for array, _ in operands], unit, rows)


def _unit(node: Arithmetic, units: list[str]) -> str:
    """Unit of a result where it is plain: of one operand, of equal ones, or of the one beside a number."""
    pure = [isinstance(operand, Number) for operand in node.operands]
    if len(set(units)) == 1 and node.operator in ("+", "-", "neg", "%"):
        return units[0]
    if node.operator in ("+", "-", "*", "/", "%") and pure[-1]:
        return units[0]
    return units[1] if node.operator in ("+", "-", "*") and pure[0] else ""


def _computed(name: str, apply: Any, arrays: list[Array], unit: str, rows: Rows) -> Value:
    """A result, NaN and counted where it is not defined though all values are there."""
    with np.errstate(all="ignore"):
        out = np.asarray(apply(*arrays), dtype=np.float64)
    wrong = ~np.isfinite(out)
    if wrong.any():
        there = ~np.isnan(arrays[0])
        for array in arrays[1:]:
            there = there | ~np.isnan(array) if name in functions.OF_SEVERAL else there & ~np.isnan(array)
        undefined = np.count_nonzero(wrong & there)
        if undefined:
            rows.notes[functions.fault(name)] += int(undefined) if out.ndim else len(rows.time)
        out = np.where(wrong, np.nan, out)
    return Value(out, None, {}, unit)


def _call(node: Call, rows: Rows) -> Value:
    if node.function in expressions.ACROSS_ROWS:
        return _change(node, rows)
    if node.function == "if":
        return _choice(node, rows)
    apply = functions.OF_VALUES.get(node.function) or functions.OF_SEVERAL.get(node.function)
    if apply is None:
        known = ", ".join(sorted({*functions.OF_VALUES, *functions.OF_SEVERAL, *expressions.ACROSS_ROWS, "if"}))
        raise problem(rows.text, node, f"there is no function {node.function!r}; there are {known}")
    operands = [numbers(argument, rows) for argument in node.arguments]
    unit = operands[0][1] if node.function in functions.KEEP_UNIT and len({u for _, u in operands}) == 1 else ""
    unit = "rad" if node.function in functions.ANGLES else "deg" if node.function == "degrees" else unit
    try:
        return _computed(node.function, apply, [array for array, _ in operands], unit, rows)
    except TypeError:
        raise problem(rows.text, node, f"{node.function} does not take {len(operands)} arguments") from None


def _choice(node: Call, rows: Rows) -> Value:
    if len(node.arguments) != 3:
        raise problem(rows.text, node, "if takes a condition and two values: if(A > 3, A, 0)")
    truth = condition(node.arguments[0], rows)
    (yes, unit), (no, other) = numbers(node.arguments[1], rows), numbers(node.arguments[2], rows)
    out = np.where(truth.true, yes, no)
    if truth.unknown is not None:
        out = np.where(truth.unknown, np.nan, out)
    return Value(out, None, {}, unit or other)


def _change(node: Call, rows: Rows) -> Value:
    """``delta`` and ``rate``: on the expression's own samples, then at these rows as any other parameter."""
    if len(node.arguments) != 1:
        raise problem(rows.text, node, f"{node.function} takes one value")
    inner = series(node.arguments[0], rows)
    step = np.diff(inner.time)
    with np.errstate(all="ignore"):
        change = np.diff(inner.values.astype(np.float64))
        if node.function == "rate":
            change = np.where(step > 0, change / np.where(step > 0, step / SECOND, 1), np.nan)
    change[step > hold(inner.info)] = np.nan
    first = np.full(min(len(inner), 1), np.nan)
    unit = f"{inner.info.unit}/s" if node.function == "rate" and inner.info.unit else inner.info.unit
    changes = replace(inner, info=replace(inner.info, unit=unit), values=np.concatenate([first, change]), quality=None)
    cells = aligned(replace(changes, until=None), rows.time, "previous")
    return Value(cells.values, cells.missing, {}, unit)


def series(node: Expression, rows: Rows) -> Samples:
    """The expression as samples of its own: on the times of its first parameter."""
    names = expressions.leaves(node)
    if not names:
        raise problem(rows.text, node, "there is no parameter in it; its samples have no times")
    lead = rows.samples[expressions.key(names[0]).upper()]
    own = Rows(lead.time, rows.samples, rows.text, hold(lead.info), "previous", rows.notes)
    array, unit = numbers(node, own)
    info = ParameterInfo(
        expressions.text_of(node), lead.info.group, "f8", unit, period=lead.info.period, origin="derived"
    )
    return Samples(info, lead.time, np.broadcast_to(array, lead.time.shape).copy(), None, None, lead.until)
