"""What the functions of the language compute, on float64 arrays with NaN where there is no value.

``delta``, ``rate`` and ``if`` are not here: they need the times or a condition, and belong to `query.evaluate`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
DEGREE = np.pi / 180  # [rad]


def _least(*values: Array) -> Array:
    return reduce(np.fmin, values)  # a value that is missing does not count


def _greatest(*values: Array) -> Array:
    return reduce(np.fmax, values)


def _stacked(values: tuple[Array, ...]) -> Array:
    return np.stack(np.broadcast_arrays(*values))


def _sum(*values: Array) -> Array:
    stack = _stacked(values)
    return np.where(np.isnan(stack).all(axis=0), np.nan, np.nansum(stack, axis=0))


def _count(*values: Array) -> Array:
    return np.sum(~np.isnan(_stacked(values)), axis=0).astype(np.float64)


def _mean(*values: Array) -> Array:
    return _sum(*values) / _count(*values)


def _round(value: Array, digits: Array | float = 0.0) -> Array:
    """Halves are rounded away from zero, as people do."""
    scale = 10.0 ** np.asarray(digits)
    return np.sign(value) * np.floor(np.abs(value) * scale + 0.5) / scale


# Of several values: one that is missing is left out, and only where all are missing there is none.
OF_SEVERAL: dict[str, Callable[..., Array]] = {
    "min": _least,
    "max": _greatest,
    "sum": _sum,
    "mean": _mean,
    "count": _count,
}

# Of values that all have to be there.
OF_VALUES: dict[str, Callable[..., Array]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "ln": np.log,
    "log": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "hypot": np.hypot,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": _round,
    "sign": np.sign,
    "mod": np.mod,
    "power": np.power,
    "pow": np.power,
    "degrees": lambda angle: angle / DEGREE,
    "radians": lambda angle: angle * DEGREE,
    "int": np.trunc,
    "trunc": np.trunc,
}

OPERATORS: dict[str, Callable[..., Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.mod,
    "^": np.power,
    "neg": np.negative,
}

KEEP_UNIT = {"abs", "min", "max", "sum", "mean", "floor", "ceil", "round", "delta", "int", "trunc"}
ANGLES = {"asin", "acos", "atan", "atan2", "radians"}
FAULTS = {"/": "division by zero", "%": "division by zero", "mod": "division by zero"}


def fault(name: str) -> str:
    """What is said where an operator or function has no result for values that are there."""
    return FAULTS.get(name, f"{name} outside of what it is defined for")
