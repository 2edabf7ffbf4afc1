"""Keywords of headers, whose values stand alone or with their comment."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Header, plain

COLUMN_KEYWORD = re.compile(r"(TCTYP|TCUNI|TCRPX|TCRVL|TCDLT|TCNAM|TCROT|TDBIN|TLMIN|TLMAX|TNULL)([1-9][0-9]*)")


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


def renumbered(header: Header, old: Sequence[str], new: Sequence[str]) -> Header:
    """Keywords of a table whose columns change: those that belong to one (TCRVL9) get its new number, or go with it."""
    found: Header = {}
    for key, value in header.items():
        match = COLUMN_KEYWORD.fullmatch(key)
        if not match:
            found[key] = value
        elif 0 < int(match[2]) <= len(old) and old[int(match[2]) - 1] in new:
            found[f"{match[1]}{new.index(old[int(match[2]) - 1]) + 1}"] = value
    return found
