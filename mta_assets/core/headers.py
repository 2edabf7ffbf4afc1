"""Keywords of headers, whose values stand alone or with their comment."""

from __future__ import annotations

import math
from typing import Any

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Header, plain


def keyword(header: Header, name: str, default: Any = None) -> Any:
    """Value of a keyword, with or without its comment."""
    return plain(header.get(name, default))


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
