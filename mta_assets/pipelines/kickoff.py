"""Whether a pipeline or a step applies: conditions of the registry against the facts of a partition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mta_assets.pipelines.registry_schema import Conditions, Range


def unmet(conditions: Conditions, facts: Mapping[str, Any]) -> str | None:
    """Why the conditions are not met, in words; None if all are.

    A list is met by any of its values, ``{min, max}`` by a number between them (both included), anything else
    by an equal value. A fact may itself be a list (a playback with two detectors): one fitting value is enough.
    """
    for name, condition in conditions.items():
        if name not in facts or facts[name] is None:
            return f"{name} is not known; expected {describe(condition)}"
        values = _values(facts[name])
        if not any(_fits(condition, value) for value in values):
            return f"{name} is {', '.join(str(v) for v in values) or 'empty'}; expected {describe(condition)}"
    return None


def describe(condition: Any) -> str:
    """A condition in words."""
    if isinstance(condition, Range):
        low = "" if condition.min is None else f"at least {condition.min:g}"
        high = "" if condition.max is None else f"at most {condition.max:g}"
        return " and ".join(part for part in (low, high) if part)
    if isinstance(condition, list):
        return " or ".join(str(c) for c in condition)
    return str(condition)


def _values(fact: Any) -> list[Any]:
    if isinstance(fact, list | tuple | set | frozenset):
        return sorted(fact, key=str)
    return [fact]


def _fits(condition: Any, value: Any) -> bool:
    if isinstance(condition, Range):
        if isinstance(value, bool | str):
            return False
        low = condition.min is None or value >= condition.min
        high = condition.max is None or value <= condition.max
        return bool(low and high)
    wanted = condition if isinstance(condition, list) else [condition]
    # True is 1 in Python, but in a registry a truth value and a count are different things.
    return any(isinstance(w, bool) == isinstance(value, bool) and w == value for w in wanted)
