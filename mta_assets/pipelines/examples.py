"""Example file names from a pattern: what the registry check formats, parses and compares."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

from mta_assets.archive.names import format_fields
from mta_assets.pipelines.registry_schema import ProductSpec

VARIANTS = 3  # examples per pattern
LONGEST_REPEAT = 3  # an open-ended repetition is tried up to so many times beyond its minimum


def examples(pattern: str) -> list[tuple[str, dict[str, str]]]:
    """A few names that a regular expression matches, with the values of its named groups.

    The expression is read with the parser of the standard library's ``re``; look-arounds and back references
    are passed over, so a caller has to try whether an example really matches.
    """
    parser: Any = importlib.import_module("re._parser")
    parsed = parser.parse(pattern)
    names = {index: name for name, index in parsed.state.groupdict.items()}
    found = []
    for variant in range(VARIANTS):
        groups: dict[str, str] = {}
        text = _walk(parsed, variant, names, groups)
        if (text, groups) not in found:
            found.append((text, groups))
    return found


def _walk(items: Iterable[Any], variant: int, names: dict[int, str], groups: dict[str, str]) -> str:
    return "".join(_one(str(op), argument, variant, names, groups) for op, argument in items)


def _one(op: str, argument: Any, variant: int, names: dict[int, str], groups: dict[str, str]) -> str:
    if op == "LITERAL":
        return chr(argument)
    if op == "NOT_LITERAL":
        return "x" if argument != ord("x") else "y"
    if op == "ANY":
        return "x"
    if op == "IN":
        return _member(argument, variant)
    if op in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        low, high, inner = argument
        count = low + variant * min(int(high) - low, LONGEST_REPEAT) // (VARIANTS - 1)
        return "".join(_walk(inner, variant + i, names, groups) for i in range(count))
    if op == "SUBPATTERN":
        index, _, _, inner = argument
        text = _walk(inner, variant, names, groups)
        if index in names:
            groups[names[index]] = text
        return text
    if op == "BRANCH":
        return _walk(argument[1][variant % len(argument[1])], variant, names, groups)
    return ""  # anchors and look-arounds take no characters


def _member(choices: list[Any], variant: int) -> str:
    if str(choices[0][0]) == "NEGATE":
        return "x"
    op, argument = choices[variant % len(choices)]
    if str(op) == "LITERAL":
        return chr(argument)
    if str(op) == "RANGE":
        return chr(argument[0] + variant % (argument[1] - argument[0] + 1))
    return {"CATEGORY_DIGIT": "0123456789", "CATEGORY_WORD": "abc"}.get(str(argument), "x")[variant % 3]


def example_fields(product: ProductSpec, root: str) -> list[dict[str, Any]]:
    """Values for the fields of root and suffix, taken from the named groups of the product's pattern.

    A field that the text formats as an integer gets one; a field without a group is not in the result.
    """
    wanted = format_fields(root + (product.suffix or ""))
    found = []
    for _, groups in examples(product.pattern):
        values: dict[str, Any] = {}
        for name, spec in wanted.items():
            if name in groups:
                values[name] = int(groups[name]) if spec.endswith("d") and groups[name].isdigit() else groups[name]
        found.append(values)
    # A name from outside may leave out what ours have (the interval): such an example says nothing of ours.
    most = max((len(values) for values in found), default=0)
    return [values for values in found if len(values) == most]
