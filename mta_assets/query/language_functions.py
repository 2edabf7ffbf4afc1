"""The functions that the language knows; `query.functions` and `query.evaluate` compute them."""

from __future__ import annotations

from dataclasses import dataclass

ANY = 250  # [argument] as many as wanted


@dataclass(frozen=True)
class Function:
    """A function: how many arguments it takes, and what it gives.

    Parameters
    ----------
    least, most
        Number of arguments.
    meaning
        In one line.
    condition
        Whether its first argument is a condition.
    patterns
        Whether an argument may be a quoted name with wild cards, for all parameters that match.
    """

    least: int
    most: int
    meaning: str
    condition: bool = False
    patterns: bool = False


FUNCTIONS: dict[str, Function] = {
    "abs": Function(1, 1, "without its sign"),
    "sign": Function(1, 1, "−1, 0 or 1"),
    "sqrt": Function(1, 1, "square root"),
    "exp": Function(1, 1, "e to the power of it"),
    "ln": Function(1, 1, "natural logarithm; log is the same"),
    "log10": Function(1, 1, "logarithm to the base of 10"),
    "log2": Function(1, 1, "logarithm to the base of 2"),
    "sin": Function(1, 1, "sine of an angle in radians"),
    "cos": Function(1, 1, "cosine of an angle in radians"),
    "tan": Function(1, 1, "tangent of an angle in radians"),
    "asin": Function(1, 1, "the angle of a sine [rad]"),
    "acos": Function(1, 1, "the angle of a cosine [rad]"),
    "atan": Function(1, 1, "the angle of a tangent [rad]"),
    "atan2": Function(2, 2, "the angle of the point (x, y), given as y, x [rad]"),
    "sinh": Function(1, 1, "hyperbolic sine"),
    "cosh": Function(1, 1, "hyperbolic cosine"),
    "tanh": Function(1, 1, "hyperbolic tangent"),
    "hypot": Function(2, 2, "length of the vector (x, y)"),
    "degrees": Function(1, 1, "radians as degrees"),
    "radians": Function(1, 1, "degrees as radians"),
    "floor": Function(1, 1, "the next whole number below"),
    "ceil": Function(1, 1, "the next whole number above"),
    "trunc": Function(1, 1, "without its fraction"),
    "round": Function(1, 2, "to the nearest whole number, or to so many digits; halves away from zero"),
    "mod": Function(2, 2, "remainder of a division, with the sign of the divisor; % is the same"),
    "min": Function(1, ANY, "the smallest of several values at the same time", patterns=True),
    "max": Function(1, ANY, "the largest of several values at the same time", patterns=True),
    "sum": Function(1, ANY, "sum of several values at the same time", patterns=True),
    "mean": Function(1, ANY, "mean of several values at the same time", patterns=True),
    "count": Function(1, ANY, "how many of several values there are at the same time", patterns=True),
    "delta": Function(1, 1, "difference to the sample before"),
    "rate": Function(1, 1, "difference to the sample before, per second"),
    "if": Function(3, 3, "the second value where the condition is true, else the third", condition=True),
}

ALIASES = {
    "log": "ln", "average": "mean", "avg": "mean", "minimum": "min", "maximum": "max", "pow": "^", "power": "^",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "ceiling": "ceil", "int": "trunc",
}  # fmt: skip
