"""Walking over expressions: the names in them, and patterns replaced by what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from mta_assets.query.model import Arithmetic, Call, Compare, Expression, Logic, Name, Number, Position, Text

ACROSS_ROWS = {"delta", "rate"}  # functions that look at the sample before


def children(node: Expression) -> tuple[Expression, ...]:
    """The expressions that an expression is made of."""
    if isinstance(node, Call):
        return node.arguments
    return node.operands if isinstance(node, Arithmetic | Compare | Logic) else ()


def walk(node: Expression) -> Iterator[Expression]:
    """The expression and all within, in the order in which they were written."""
    yield node
    for child in children(node):
        yield from walk(child)


def leaves(node: Expression) -> list[Name | Position]:
    """The parameters of an expression, in the order in which they were written; repeated ones too."""
    return [part for part in walk(node) if isinstance(part, Name | Position)]


def key(node: Name | Position) -> str:
    """The parameter's name: as written, or made from the position."""
    if isinstance(node, Name):
        return node.value
    return f"{node.packet or 'FRAME'}[{node.byte}:{node.bit}:{node.length}]"


def depth(node: Expression) -> int:
    """How many samples back a row of the expression reaches: one for each ``delta`` or ``rate`` within another."""
    own = int(isinstance(node, Call) and node.function in ACROSS_ROWS)
    return own + max((depth(child) for child in children(node)), default=0)


def is_condition(node: Expression) -> bool:
    """Whether it is true or false, and not a value."""
    return isinstance(node, Compare | Logic)


def expanded(node: Expression, match: Callable[[Name], list[Name]]) -> Expression:
    """The expression with the patterns among the arguments of its functions replaced by the names that match."""
    if isinstance(node, Call):
        arguments: list[Expression] = []
        for argument in node.arguments:
            several = isinstance(argument, Name) and argument.is_pattern
            arguments += match(argument) if several and isinstance(argument, Name) else [expanded(argument, match)]
        return replace(node, arguments=tuple(arguments))
    if isinstance(node, Arithmetic | Compare | Logic):
        return replace(node, operands=tuple(expanded(operand, match) for operand in node.operands))
    return node


def text_of(node: Expression) -> str:
    """A short text of an expression, for the name of a column without an alias."""
    if isinstance(node, Number):
        return f"{node.value:g}"
    if isinstance(node, Text):
        return f"'{node.value}'"
    if isinstance(node, Name | Position):
        return key(node)
    parts = [text_of(child) for child in children(node)]
    if isinstance(node, Call):
        return f"{node.function}({', '.join(parts)})"
    parts = [
        f"({part})" if isinstance(child, Arithmetic | Compare | Logic) else part
        for part, child in zip(parts, children(node), strict=True)
    ]
    if len(parts) == 1:
        return f"-{parts[0]}" if node.operator == "neg" else f"{node.operator} {parts[0]}"
    return f" {node.operator} ".join(parts)
