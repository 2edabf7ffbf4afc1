"""Expressions: what the parser makes of each rule of the grammar that has to do with values and conditions.

The parser calls the methods from the inside out, so nothing here recurses. Kinds are checked at once: what is compared
is a value, what AND joins is a condition.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lark import Token

from mta_assets.query.errors import wrong
from mta_assets.query.expressions import children, is_condition
from mta_assets.query.language_functions import ALIASES, FUNCTIONS
from mta_assets.query.model import Arithmetic, Call, Compare, Expression, Logic, Name, Number, Position, Text
from mta_assets.query.near import near_names

COMPARATORS = {"==": "=", "<>": "!=", "eq": "=", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
OPERATORS = {"**": "^"}
LONGEST_FIELD = 64  # [bit]


def at(token: Token) -> int:
    """Offset of a token in the text."""
    return token.start_pos or 0


def unquoted(token: Token) -> str:
    """Value of a quoted name or text; a doubled quote is one."""
    text = str(token)
    return text[1:-1].replace(text[0] * 2, text[0]) if text[0] in "\"'" else text


def amount(token: Token) -> float:
    """A number that is not too large for a float."""
    value = float(token)
    if not math.isfinite(value):
        wrong(f"The number {token[:20]} is too large.", at(token), len(token))
    return value


def whole(token: Token, least: int, most: int, what: str) -> int:
    """A whole number within bounds (both included)."""
    value = amount(token)
    if not value.is_integer() or not least <= value <= most:
        wrong(f"{what} is a whole number from {least} to {most}, not {token[:20]}.", at(token), len(token))
    return int(value)


def has_parameter(*nodes: Expression) -> bool:
    """Whether there is a parameter in any of them; without recursion, they may be nested deeply."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Name | Position):
            return True
        waiting += children(node)
    return False


def require_value(node: Expression, text: bool = False) -> Expression:
    """The node itself, if something can be calculated with it (or, with ``text``, if it is a text)."""
    if is_condition(node):
        wrong("This is a condition, where a value is expected.", node.at)
    if isinstance(node, Text) and not text:
        wrong("A text can not be calculated with.", node.at, hint="Texts are compared with = or !=.")
    if isinstance(node, Name) and node.is_pattern:
        wrong(
            "Wild cards stand for several parameters: here one is expected.",
            node.at,
            hint="min, max, mean, sum and count take several.",
        )
    return node


def require_condition(node: Expression) -> Expression:
    """The node itself, if it is a condition."""
    if not is_condition(node):
        wrong("This is a value, where a condition is expected.", node.at, hint="A condition compares: T > 20.")
    return node


def _compared(operator: str, operands: Sequence[Expression]) -> Compare:
    first = operands[0]
    ordered = operator not in ("=", "!=", "in", "like")
    for operand in operands:
        require_value(operand, text=not ordered)
    if not has_parameter(*operands):
        wrong("A condition needs a parameter: both sides are constant.", first.at)
    return Compare(operator, tuple(operands), first.at)


def _perhaps_not(negated: Token | None, node: Compare) -> Expression:
    return node if negated is None else Logic("not", (node,), node.at)


class ExpressionRules:
    """Methods by the names of the rules; each takes the children of the rule."""

    def number(self, children: list[Any]) -> Number:
        return Number(amount(children[0]), at(children[0]))

    def truth(self, children: list[Any]) -> Number:
        return Number(float(children[0].upper() == "TRUE"), at(children[0]))

    def text(self, children: list[Any]) -> Text:
        return Text(unquoted(children[0]), at(children[0]))

    def name(self, children: list[Any]) -> Name:
        return Name(unquoted(children[0]), at(children[0]))

    def constant(self, children: list[Any]) -> Expression:
        return children[0]

    def minus_constant(self, children: list[Any]) -> Number:
        return Number(-amount(children[1]), at(children[0]))

    def bracket(self, children: list[Any]) -> Expression:
        return children[0]

    def plus(self, children: list[Any]) -> Expression:
        return require_value(children[1])

    def minus(self, children: list[Any]) -> Expression:
        sign, operand = children
        require_value(operand)
        if isinstance(operand, Number):
            return Number(-operand.value, at(sign))
        return Arithmetic("neg", (operand,), at(sign))

    def binary(self, children: list[Any]) -> Arithmetic:
        left, operator, right = children
        require_value(left)
        require_value(right)
        return Arithmetic(OPERATORS.get(operator, str(operator)), (left, right), left.at)

    def call(self, children: list[Any]) -> Expression:
        token, *arguments = children
        name = ALIASES.get(token.lower(), token.lower())
        if name == "^" and len(arguments) == 2:
            return self.binary([arguments[0], name, arguments[1]])
        function = FUNCTIONS.get(name)
        if function is None:
            near = near_names(token, FUNCTIONS)
            wrong(f"There is no function {token}.", at(token), len(token), near=near, hint=_all_functions())
        if not function.least <= len(arguments) <= function.most:
            wanted = f"{function.least}" if function.least == function.most else f"{function.least} to {function.most}"
            wrong(f"The function {token} takes {wanted} values, not {len(arguments)}.", at(token), len(token))
        for i, argument in enumerate(arguments):
            if function.condition and i == 0:
                require_condition(argument)
            elif not (function.patterns and isinstance(argument, Name)):
                require_value(argument)
        return Call(name, tuple(arguments), at(token))

    def where_bits(self, children: list[Any]) -> dict[str, int]:
        found = {"byte": 0, "bit": 0, "length": 8}
        bounds = {"byte": (0, 1 << 30), "bit": (0, 7), "length": (1, LONGEST_FIELD)}
        for word, token in zip(children[::2], children[1::2], strict=True):
            key = word.lower()
            found[key] = whole(token, *bounds[key], word.upper())
        return found

    def frame(self, children: list[Any]) -> Position:
        return Position("", **children[1], at=at(children[0]))

    def packet(self, children: list[Any]) -> Position:
        return Position(unquoted(children[1]), **children[2], at=at(children[0]))

    # ---- conditions

    def compare(self, children: list[Any]) -> Compare:
        left, operator, right = children
        operator = COMPARATORS.get(operator.lower(), str(operator))
        if operator in ("=", "!="):
            return _compared(operator, (left, right))
        for side in (left, right):
            if isinstance(side, Text):
                wrong("Texts have no order.", side.at, hint="They are compared with =, !=, IN, LIKE.")
        return _compared(operator, (left, right))

    def chain(self, children: list[Any]) -> Logic:
        low, first, middle, second, high = children
        return Logic("and", (self.compare([low, first, middle]), self.compare([middle, second, high])), low.at)

    def between(self, children: list[Any]) -> Expression:
        value, negated, (low, high) = children[0], _negation(children), children[-2:]
        return _perhaps_not(negated, _compared("between", (value, low, high)))

    def one_of(self, children: list[Any]) -> Expression:
        value, negated = children[0], _negation(children)
        members = [child for child in children[1:] if not isinstance(child, Token)]
        return _perhaps_not(negated, _compared("in", (value, *members)))

    def like(self, children: list[Any]) -> Expression:
        return _perhaps_not(_negation(children), _compared("like", (children[0], children[-1])))

    def negated(self, children: list[Any]) -> Logic:
        return Logic("not", (require_condition(children[1]),), at(children[0]))

    def any_of(self, children: list[Any]) -> Logic:
        return Logic("or", tuple(require_condition(child) for child in children), children[0].at)

    def all_of(self, children: list[Any]) -> Logic:
        """Joined by AND; ``A > 3 AND < 5`` compares the value of the condition before once more."""
        conditions: list[Expression] = []
        for child in children:
            if isinstance(child, tuple):
                operator, right = child
                before = conditions[-1]
                if not isinstance(before, Compare):
                    wrong(
                        "It is not clear which value is compared.", at(operator), len(operator), hint="Repeat its name."
                    )
                child = self.compare([before.operands[0], operator, right])
            conditions.append(require_condition(child))
        return Logic("and", tuple(conditions), children[0].at)

    def same_left(self, children: list[Any]) -> tuple[Token, Expression]:
        return children[0], children[1]

    def event(self, children: list[Any]) -> Expression:
        return require_condition(children[0])

    def reaches(self, children: list[Any]) -> Compare:
        value, word, level = children
        return _compared(word.lower(), (value, level))


def _negation(children: list[Any]) -> Token | None:
    second = children[1]
    return second if isinstance(second, Token) and second.type == "NOT" else None


def _all_functions() -> str:
    return "Functions: " + ", ".join(FUNCTIONS) + "."
