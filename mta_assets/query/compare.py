"""Comparisons of numbers, states and texts, true, false or unknown."""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.samples import state_texts
from mta_assets.query.model import Compare, Expression
from mta_assets.query.problem import problem

Array = NDArray[Any]
Mask = NDArray[np.bool_]
ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Value:
    """Values at rows, or one for all; ``missing`` where there is none (and where it is NaN)."""

    values: Array | float | str
    missing: Mask | None = None
    states: Mapping[int, str] = field(default_factory=dict)
    unit: str = ""

    @property
    def is_text(self) -> bool:
        return np.asarray(self.values).dtype.kind in "OU" and not self.states


@dataclass(frozen=True)
class Truth:
    """Where a condition is true, and where it is unknown (never both; None: nowhere)."""

    true: Mask
    unknown: Mask | None = None

    def inverse(self) -> Truth:
        return Truth(~self.true if self.unknown is None else ~self.true & ~self.unknown, self.unknown)

    def both(self, other: Truth) -> Truth:
        true = self.true & other.true
        if self.unknown is None and other.unknown is None:
            return Truth(true)
        return Truth(true, self._possible & other._possible & ~true)

    def either(self, other: Truth) -> Truth:
        true = self.true | other.true
        if self.unknown is None and other.unknown is None:
            return Truth(true)
        return Truth(true, (self._possible | other._possible) & ~true)

    @property
    def _possible(self) -> Mask:
        return self.true if self.unknown is None else self.true | self.unknown


def compare(node: Compare, operands: Sequence[Value], n: int, text: str) -> Truth:
    """The comparison at ``n`` rows.

    States compare with their names (in either case) and with their codes; texts without regard to case.

    Raises
    ------
    QueryError
        If a state has no such name, or a number is compared with text.
    """
    head, rest = operands[0], operands[1:]
    if node.operator == "between":
        low = _pair(node, ">=", head, rest[0], 1, text)
        true = low & _pair(node, "<=", head, rest[1], 2, text)
    elif node.operator == "in":
        true = np.zeros(np.shape(head.values), bool)
        for i, one in enumerate(rest, start=1):
            true = true | _pair(node, "=", head, one, i, text)
    elif node.operator == "like":
        true = _like(node, head, str(rest[0].values), text)
    elif node.operator in ORDER:
        true = _pair(node, node.operator, head, rest[0], 1, text)
    else:
        raise problem(text, node, f"{node.operator} can only be the whole condition of EACH TIME")
    unknown = _unknown(operands, n)
    true = np.broadcast_to(np.asarray(true, bool), (n,))
    return Truth(true) if unknown is None else Truth(true & ~unknown, unknown)


def _unknown(operands: Sequence[Value], n: int) -> Mask | None:
    out: Mask | None = None
    for one in operands:
        parts = [] if one.missing is None else [one.missing]
        array = np.asarray(one.values)
        if array.dtype.kind == "f":
            nan = np.isnan(array)
            parts += [np.broadcast_to(nan, (n,))] if nan.any() else []
        for part in parts:
            out = part if out is None else out | part
    return out


def _pair(node: Compare, sign: str, left: Value, right: Value, index: int, text: str) -> Any:
    test = ORDER[sign]
    if right.states and not left.states and not left.is_text:
        return test(left.values, right.values)
    if right.states and left.is_text and isinstance(left.values, str):
        return _pair(node, {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(sign, sign), right, left, 0, text)
    if left.states and right.states:
        return test(_folded(left), _folded(right)) if left.states != right.states else test(left.values, right.values)
    if left.states and isinstance(right.values, str):
        if sign not in ("=", "!="):
            raise problem(text, node.operands[index], "states have no order; compare them with = and !=")
        codes = _codes(node.operands[index], left.states, right.values, text)
        inside = np.isin(left.values, codes)
        return inside if sign == "=" else ~inside
    if left.states and right.is_text:
        return test(_folded(left), _folded(right))
    if left.is_text != right.is_text:
        raise problem(text, node.operands[index], "a number is compared with text: write numbers without quotes")
    if left.is_text:
        return test(_folded(left), _folded(right))
    return test(left.values, right.values)


def _folded(one: Value) -> Any:
    """Texts in upper case; each different one is turned once."""
    if isinstance(one.values, str):
        return one.values.upper()
    array = state_texts(np.asarray(one.values), one.states) if one.states else np.asarray(one.values)
    different, where = np.unique(array.astype(str), return_inverse=True)
    return np.char.upper(different)[where.reshape(array.shape)] if array.size else array.astype(str)


def _codes(node: Expression, states: Mapping[int, str], name: str, text: str) -> list[int]:
    codes = [code for code, state in states.items() if state.upper() == name.strip().upper()]
    if not codes:
        raise problem(
            text, node, f"there is no state {name!r}; the states are {', '.join(dict.fromkeys(states.values()))}"
        )
    return codes


def _like(node: Compare, head: Value, pattern: str, text: str) -> Any:
    fits = re.compile(fnmatch.translate(pattern.upper().replace("[", "[[]"))).fullmatch
    if head.states:
        return np.isin(head.values, [code for code, state in head.states.items() if fits(state.upper())])
    if not head.is_text:
        raise problem(text, node, "LIKE takes a text or a state, not a number")
    if isinstance(head.values, str):
        return np.asarray(fits(head.values.upper()) is not None)
    different, where = np.unique(np.asarray(head.values).astype(str), return_inverse=True)
    hits = np.array([fits(one.upper()) is not None for one in different], bool)
    return hits[where] if len(different) else np.zeros(0, bool)
