"""Keywords of headers, whose values stand alone or with their comment."""

from __future__ import annotations

import math
from typing import Any

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Header, plain


def keyword(header: Header, name: str, default: Any = None) -> Any:
    """Value of a keyword, with or without its comment."""
    return plain(header.get(name, default))


def whole(header: Header, name: str, what: str, limits: tuple[int, int], default: int | None = None) -> int:
    """Value of a keyword that has to be a whole number between two limits, both included.

    Parameters
    ----------
    default
        Where it is not there; None: it has to be.

    Raises
    ------
    BadData
        If it is something else; the message names the product and what to do.
    """
    value = keyword(header, name, default)
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not limits[0] <= number <= limits[1] or number != int(number):
        raise BadData(
            f"{what}: keyword {name} is {value!r}, expected a whole number from {limits[0]} to {limits[1]}. Make the "
            "product again or deliver another"
        )
    return int(number)


def required(header: Header, name: str, what: str) -> float:
    """Value of a keyword that has to be a finite number.

    Raises
    ------
    BadData
        If it is missing or no number; the message names the product and what to do.
    """
    value = keyword(header, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadData(
            f"{what}: keyword {name} is {value!r}, expected a number. Make the product again or deliver another"
        )
    return float(value)
