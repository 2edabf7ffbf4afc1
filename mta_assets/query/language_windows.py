"""Rules of the grammar that have to do with the time around events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lark import Token

from mta_assets.query.errors import wrong
from mta_assets.query.language_nodes import at
from mta_assets.query.language_periods import Clause
from mta_assets.query.model import Expression, Window


class WindowRules:
    """Methods by the names of the rules; each takes the children of the rule."""

    def windows(self, children: list[Any]) -> Clause:
        """Of each window its first word is kept until here, where an error may need it."""
        word = children[0][0]
        return Clause("windows", word, tuple(replace(window, at=at(token)) for token, window in children))

    def exclusion(self, children: list[Any]) -> Token:
        return children[0]

    def each(self, children: list[Any]) -> tuple[Expression, Token | None]:
        return children[0], children[1] if len(children) > 1 else None

    def window_during(self, children: list[Any]) -> tuple[Token, Window]:
        word, condition, *excluded = children
        if excluded:
            wrong("Without the event nothing is left.", at(excluded[0]), len(excluded[0]))
        return word, Window(condition)

    def window_around(self, children: list[Any]) -> tuple[Token, Window]:
        word, span, (condition, excluded) = children
        return word, Window(condition, span.seconds, span.seconds, excluded is None)

    def window_side(self, children: list[Any]) -> tuple[Token, Window]:
        word, span, side, (condition, excluded) = children
        before, after = (span.seconds, 0.0) if side.type == "BEFORE" else (0.0, span.seconds)
        return word, Window(condition, before, after, excluded is None)

    def window_both(self, children: list[Any]) -> tuple[Token, Window]:
        word, before, _, after, _, (condition, excluded) = children
        return word, Window(condition, before.seconds, after.seconds, excluded is None)

    def window_offset(self, children: list[Any]) -> tuple[Token, Window]:
        """``5 h TO 6 h AFTER``, in either order."""
        word, first, second, side, (condition, excluded) = children
        near, far = sorted((first.seconds, second.seconds))
        if near == far:
            wrong("The window has no length.", at(second.token), len(second.token), hint="A moment is AT 5 h AFTER.")
        return word, _offset(condition, excluded, side, near, far)

    def window_moment(self, children: list[Any]) -> tuple[Token, Window]:
        word, span, side, (condition, excluded) = children
        return word, _offset(condition, excluded, side, span.seconds, span.seconds)


def _offset(condition: Expression, excluded: Token | None, side: Token, near: float, far: float) -> Window:
    """From ``near`` to ``far`` seconds away from one edge of the event."""
    if side.type == "BEFORE":
        return Window(condition, far, -near, excluded is None, "start")
    return Window(condition, -near, far, excluded is None, "end")
