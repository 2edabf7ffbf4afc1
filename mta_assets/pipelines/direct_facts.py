"""Facts that a person states for a run, as the types that the registry declares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mta_assets.core.errors import WrongRequest
from mta_assets.pipelines.registry import Registry

BOOLEAN = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
WHOLE = ("obsid", "obi")  # the numbers that name an observation interval


def typed_facts(registry: Registry, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts that are given as text or already as what they are, by name.

    Raises
    ------
    WrongRequest
        If one is not declared, or its value is none that it can have.
    """
    found = {name: _typed(registry, name, value) for name, value in facts.items()}
    for name in WHOLE:
        whole_fact(found, name)
    return found


def whole_fact(facts: Mapping[str, Any], name: str) -> set[int]:
    """A fact that counts, alone in a set; the empty set, if it is not stated.

    Raises
    ------
    WrongRequest
        If it is no whole number from 0 on.
    """
    if name not in facts:
        return set()
    value = facts[name]
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (number >= 0 and number.is_integer()):
        raise WrongRequest(f"fact {name}={value}: expected a whole number; state it with --fact {name}=0 or another")
    return {int(number)}


def _typed(registry: Registry, name: str, value: Any) -> Any:
    if name not in registry.facts:
        raise WrongRequest(f"no fact {name!r} is declared; known: {', '.join(registry.facts) or 'none'}")
    declared = registry.facts[name]
    if not isinstance(value, str):
        return value
    if isinstance(declared, list):
        known = {str(one): one for one in declared}
        if value not in known:
            raise _wrong(name, value, f"one of {', '.join(known)}")
        return known[value]
    if declared == "bool":
        if value.lower() not in BOOLEAN:
            raise _wrong(name, value, "true or false")
        return BOOLEAN[value.lower()]
    return _number(name, value) if declared == "number" else value


def _number(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _wrong(name, value, "a whole number" if name in WHOLE else "a number")
    return number


def _wrong(name: str, value: str, expected: str) -> WrongRequest:
    return WrongRequest(f"--fact {name}={value}: expected {expected}; state it so, or leave the fact out")
