"""Rules of the grammar that have to do with times: periods, moments, durations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lark import Token

from mta_assets.query.errors import wrong
from mta_assets.query.language_nodes import amount, at, unquoted
from mta_assets.query.language_times import FARTHEST, Bounds, Moment, stamp, unit_seconds


@dataclass(frozen=True)
class Clause:
    """One clause of a query: which field of it, the word that it begins with, and the value."""

    field: str
    token: Token
    value: Any


@dataclass(frozen=True)
class Span:
    """A duration as written [s]."""

    seconds: float
    token: Token


class TimeRules:
    """Methods by the names of the rules; each takes the children of the rule."""

    def duration(self, children: list[Any]) -> Span:
        seconds = sum(amount(n) * unit_seconds(unit) for n, unit in zip(children[::2], children[1::2], strict=True))
        if not seconds < FARTHEST:
            wrong("This duration is too long: expected less than 285 years.", at(children[0]), len(children[0]))
        return Span(seconds, children[0])

    def stretch(self, children: list[Any]) -> Span:
        child = children[0]
        span = Span(unit_seconds(child), child) if isinstance(child, Token) else child
        if span.seconds <= 0:
            wrong("This duration is not longer than 0.", at(span.token), len(span.token))
        return span

    # ---- moments

    def day(self, children: list[Any]) -> tuple[Moment, Moment]:
        """Begin and end of what is named: a day, month or year; of a moment the same twice."""
        token = children[0]
        place = {"at": at(token), "length": len(token)}
        if token.type in ("TODAY", "YESTERDAY"):
            days = 0 if token.type == "TODAY" else -1
            return Moment(None, days=days, **place), Moment(None, days=days + 1, **place)
        if token.type == "AMOUNT" and not (len(token) == 4 and token.isdigit()):
            moment = Moment(amount(token), **place)
            return moment, moment
        start, stop = stamp(unquoted(token), **place)
        return Moment(start, **place), Moment(stop, **place)

    def date_base(self, children: list[Any]) -> Moment:
        return children[0][0]

    def now_base(self, children: list[Any]) -> Moment:
        return Moment(None, at=at(children[0]), length=len(children[0]))

    def ago_base(self, children: list[Any]) -> Moment:
        span = children[0]
        return Moment(None, -span.seconds, at=at(span.token), length=len(span.token))

    def seconds_base(self, children: list[Any]) -> Moment:
        sign, token = children
        return Moment(-amount(token), at=at(sign), length=at(token) + len(token) - at(sign))

    def shift(self, children: list[Any]) -> float:
        sign, span = children
        return -span.seconds if sign.type == "MINUS" else span.seconds

    def moment(self, children: list[Any]) -> Moment:
        base, *shifts = children
        return replace(base, shift=base.shift + sum(shifts)) if shifts else base

    # ---- periods

    def period_open(self, children: list[Any]) -> Bounds:
        return Bounds(children[0])

    def period_to(self, children: list[Any]) -> Bounds:
        return Bounds(children[0], children[1])

    def period_for(self, children: list[Any]) -> Bounds:
        return Bounds(children[0], duration=children[1].seconds)

    def from_times(self, children: list[Any]) -> Clause:
        return Clause("periods", children[0], tuple(children[1:]))

    def since(self, children: list[Any]) -> Clause:
        return Clause("periods", children[0], (Bounds(children[1]),))

    def until(self, children: list[Any]) -> Clause:
        return Clause("periods", children[0], (Bounds(None, children[1]),))

    def last(self, children: list[Any]) -> Clause:
        word, span = children
        place = {"at": at(span.token), "length": len(span.token)}
        return Clause("periods", word, (Bounds(Moment(None, -span.seconds, **place), Moment(None, **place)),))

    def on_days(self, children: list[Any]) -> Clause:
        word, *days = children
        for start, stop in days:
            if start == stop:
                wrong("This is a moment, where a day, month or year is expected.", start.at, start.length)
        return Clause("periods", word, tuple(Bounds(start, stop) for start, stop in days))

    def mission(self, children: list[Any]) -> Clause:
        return Clause("periods", children[0], ())

    def as_of(self, children: list[Any]) -> Clause:
        return Clause("as_of", children[0], children[1])
