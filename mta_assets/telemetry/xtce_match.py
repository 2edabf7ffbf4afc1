"""Match criteria of XTCE (comparisons, lists of them, Boolean expressions) for many packets at once.

They decide which container a packet continues with, which context calibrator holds, and which discrete size. The right
side is a text and takes the type of the left one, as in space_packet_parser.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import ConfigError
from mta_assets.telemetry.xtce_calibrate import Array, Value

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    spelling: function
    for function, spellings in (
        (operator.eq, ("==", "eq")),
        (operator.ne, ("!=", "neq")),
        (operator.lt, ("<", "&lt;", "lt")),
        (operator.le, ("<=", "&lt;=", "leq")),
        (operator.gt, (">", "&gt;", "gt")),
        (operator.ge, (">=", "&gt;=", "geq")),
    )
    for spelling in spellings
}


def all_match(
    criteria: Sequence[Any], values: Mapping[str, Value], count: int, current: Array | None = None
) -> NDArray[np.bool_]:
    """For each of ``count`` packets, whether all criteria hold.

    Parameters
    ----------
    criteria
        Comparison or BooleanExpression objects of space_packet_parser; none at all is always met.
    values
        The parameters decoded so far.
    current
        Raw counts of the parameter that is just being calibrated: what a comparison with a parameter that is not in
        ``values`` refers to.

    Raises
    ------
    ConfigError
        If a criterion names a parameter that was not decoded before, or compares with a text of another type.
    """
    met = np.ones(count, bool)
    for criterion in criteria:
        met &= _match(criterion, values, current)
    return met


def references(criteria: Sequence[Any]) -> set[str]:
    """Names of the parameters that criteria look at."""
    found: set[str] = set()
    for criterion in criteria:
        if hasattr(criterion, "referenced_parameter"):
            found.add(criterion.referenced_parameter)
        elif hasattr(criterion, "left_param"):
            found |= {criterion.left_param} | ({criterion.right_param} if criterion.right_param else set())
        else:
            expression = getattr(criterion, "expression", criterion)
            parts = [expression] if hasattr(expression, "left_param") else _parts(expression)
            found |= references(parts)
    return found


def _parts(expression: Any) -> list[Any]:
    return [*expression.conditions, *(expression.ors if hasattr(expression, "ors") else expression.ands)]


def _match(criterion: Any, values: Mapping[str, Value], current: Array | None) -> NDArray[np.bool_]:
    if hasattr(criterion, "referenced_parameter"):
        return _comparison(criterion, values, current)
    expression = getattr(criterion, "expression", criterion)
    if hasattr(expression, "left_param"):
        return _condition(expression, values)
    parts = [_match(part, values, current) for part in _parts(expression)]
    combine = np.logical_and if hasattr(expression, "ors") else np.logical_or
    return np.asarray(combine.reduce(parts))


def _side(criterion: Any, name: str, calibrated: bool, values: Mapping[str, Value]) -> Array:
    if name not in values:
        raise ConfigError(f"XTCE: criterion {criterion} refers to {name}, which does not come before it in the packet")
    return values[name].converted if calibrated else values[name].raw


def _comparison(criterion: Any, values: Mapping[str, Value], current: Array | None) -> NDArray[np.bool_]:
    name = criterion.referenced_parameter
    left = current if name not in values and current is not None else None
    if left is None:
        left = _side(criterion, name, criterion.use_calibrated_value, values)
    return _compare(criterion, left, _typed(criterion, left, criterion.required_value))


def _condition(criterion: Any, values: Mapping[str, Value]) -> NDArray[np.bool_]:
    left = _side(criterion, criterion.left_param, criterion.left_use_calibrated_value, values)
    if criterion.right_param is not None:
        return _compare(
            criterion, left, _side(criterion, criterion.right_param, criterion.right_use_calibrated_value, values)
        )
    return _compare(criterion, left, _typed(criterion, left, criterion.right_value))


def _typed(criterion: Any, left: Array, text: Any) -> Any:
    try:
        if left.dtype.kind in "iubO" and left.ndim == 1:
            return int(text)
        if left.dtype.kind == "f":
            return float(text)
        if left.dtype.kind == "U":
            return str(text)
    except ValueError:
        pass
    raise ConfigError(f"XTCE: criterion {criterion} compares {text!r} with values of type {left.dtype}; correct it")


def _compare(criterion: Any, left: Array, right: Any) -> NDArray[np.bool_]:
    compare = OPERATORS[criterion.operator]
    try:
        met = np.asarray(compare(left, right), bool)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"XTCE: criterion {criterion} compares things that have no order: {error}") from error
    if met.shape != left.shape[:1]:
        raise ConfigError(f"XTCE: criterion {criterion} compares byte strings, which is not defined; correct the file")
    return met
