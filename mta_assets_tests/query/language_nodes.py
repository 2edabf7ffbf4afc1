"""Queries made for tests: without places, and by hypothesis."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from hypothesis import strategies as st

from mta_assets.query.language_functions import FUNCTIONS
from mta_assets.query.model import (
    Alignment,
    Arithmetic,
    Call,
    Compare,
    Item,
    Logic,
    Name,
    Number,
    Period,
    Position,
    Products,
    Query,
    Sampling,
    Text,
    Window,
)


def without_places(node: Any) -> Any:
    """The node with all offsets 0 and without its text."""
    if isinstance(node, tuple):
        return tuple(without_places(part) for part in node)
    if not is_dataclass(node) or isinstance(node, type):
        return node
    changed = {field.name: without_places(getattr(node, field.name)) for field in fields(node)}
    empty = {"at": 0} if "at" in changed else {"text": ""} if isinstance(node, Query) else {}
    return replace(node, **{**changed, **empty})


def queries() -> st.SearchStrategy[Query]:
    """Queries in the form that the parser gives them."""
    return st.builds(
        Query,
        text=st.just(""),
        what=st.lists(_items(), min_size=1, max_size=3).map(tuple).map(_kinds) | _products(),
        periods=_periods(),
        obsids=st.lists(st.integers(0, 99999), max_size=2).map(tuple),
        where=st.none() | CONDITIONS,
        windows=st.lists(_windows(), max_size=2).map(tuple),
        sampling=st.builds(Sampling, st.sampled_from(("observation", "block")) | DURATIONS, STATISTIC)
        | st.just(Sampling()),
        alignment=st.none() | st.builds(Alignment, NAMES, st.sampled_from(("previous", "nearest", "linear"))),
        observations=st.sampled_from(("any", "inside", "outside")),
        good_only=st.booleans(),
        limit=st.none() | st.integers(1, 10**15),
        as_of=st.none() | TIMES,
        explain=st.booleans(),
    )


def _kinds(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """A kind holds until the next one, so that none follows one."""
    kind, out = None, []
    for item in items:
        kind = item.kind or kind
        out.append(replace(item, kind=kind))
    return tuple(out)


def _items() -> st.SearchStrategy[Item]:
    kinds = st.sampled_from((None, "raw", "converted", "processed"))
    patterns = st.sampled_from(("1DP*", "*", "T?", "a b*", "A*B", "RAW*", "OBS.*", "C[*]")).map(Name)
    aliases = st.just("") | NAMES.map(lambda name: name.value)
    return st.builds(Item, VALUES.filter(_has_name) | CONDITIONS, kinds, aliases) | st.builds(Item, patterns, kinds)


def _products() -> st.SearchStrategy[Products]:
    ids = st.sampled_from(("ACIS_EVT*", "*", "ASPSOL", "FROM", "x y*")).map(Name)
    return st.lists(ids, min_size=1, max_size=3).map(tuple).map(Products)


def _periods() -> st.SearchStrategy[tuple[Period, ...]]:
    closed = st.builds(lambda start, length: Period(start, start + length), TIMES, st.floats(1.0, 1e8))
    opened = st.builds(Period, TIMES)
    until = st.builds(Period, st.none(), TIMES).map(lambda period: (period,))
    return st.lists(closed | opened, max_size=3).map(tuple) | until


def _windows() -> st.SearchStrategy[Window]:
    events = CONDITIONS | st.builds(
        lambda operator, value, level: Compare(operator, (value, level)),
        st.sampled_from(("reaches", "rises", "falls")), VALUES.filter(_has_name), VALUES,
    )  # fmt: skip
    around = st.builds(Window, events, DURATIONS, DURATIONS, st.booleans()) | st.builds(Window, events)
    beside = st.builds(
        lambda event, near, length, after, during: Window(event, -near, near + length, during, "end") if after
        else Window(event, near + length, -near, during, "start"),
        events, DURATIONS, st.just(0.0) | DURATIONS, st.booleans(), st.booleans(),
    )  # fmt: skip
    return around | beside


def _has_name(node: Any) -> bool:
    match node:
        case Name() | Position():
            return True
        case Arithmetic() | Compare() | Logic():
            return any(_has_name(operand) for operand in node.operands)
        case Call():
            return any(_has_name(argument) for argument in node.arguments)
    return False


def _negative(node: Any) -> Any:
    """As the parser does: the sign of a number belongs to it."""
    return Number(-node.value) if isinstance(node, Number) else Arithmetic("neg", (node,))


def _calls(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Call]:
    plain = [name for name, function in FUNCTIONS.items() if not function.condition]
    return st.sampled_from(plain).flatmap(
        lambda name: st.lists(
            inner, min_size=FUNCTIONS[name].least, max_size=min(3, FUNCTIONS[name].most)
        ).map(lambda arguments: Call(name, tuple(arguments)))
    )  # fmt: skip


TIMES = (
    st.sampled_from((825638469.184, 0.0, 2024.0, -5.5)) | st.floats(-1e8, 3e9) | st.integers(0, 900_000_000).map(float)
)
DURATIONS = st.sampled_from((1.0, 60.0, 328.0, 3600.0, 86400.0, 0.25625)) | st.floats(1e-3, 1e8)
NUMBERS = (st.floats(allow_nan=False, allow_infinity=False) | st.integers(-300, 300).map(float)).map(Number)
TEXTS = (st.text(max_size=5) | st.sampled_from(("O'N", "--", '"', ""))).map(Text)
NAMES = (
    st.sampled_from(("A", "1DPAMZT", "5EHSE300", "1E5", "OBS.TARGET", "FLUX[3]", "from", "MIN", "LT", "A-B", 'x"y'))
    | st.text(min_size=1, max_size=5).filter(lambda text: not set("*?") & set(text))
).map(Name)  # fmt: skip
STATISTIC = st.lists(
    st.sampled_from(("first", "last", "mean", "min", "max", "p95", "mode")), min_size=1, max_size=3, unique=True
).map(tuple) | st.just(("all",))
POSITIONS = st.builds(
    Position, st.sampled_from(("", "JPSS_ATT", "11", "my packet")),
    st.integers(0, 2000), st.integers(0, 7), st.integers(1, 64),
)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    NUMBERS | NAMES | POSITIONS,
    lambda inner: (
        st.builds(lambda operator, a, b: Arithmetic(operator, (a, b)), st.sampled_from("+-*/%^"), inner, inner)
        | inner.map(_negative)
        | _calls(inner)
    ),
    max_leaves=6,
)
NAMED = VALUES.filter(_has_name)
COMPARISONS = (
    st.builds(lambda o, a, b: Compare(o, (a, b)), st.sampled_from(("=", "!=", "<", "<=", ">", ">=")), NAMED, VALUES)
    | st.builds(lambda o, a, b: Compare(o, (a, b)), st.sampled_from(("=", "!=")), NAMED, TEXTS)
    | st.builds(lambda a, b, c: Compare("between", (a, b, c)), VALUES, NAMED, VALUES)
    | st.builds(lambda a, b: Compare("in", (a, *b)), NAMED, st.lists(NUMBERS | TEXTS, min_size=1, max_size=3))
    | st.builds(lambda a, b: Compare("like", (a, b)), NAMED, TEXTS)
)
CONDITIONS: st.SearchStrategy[Any] = st.recursive(
    COMPARISONS,
    lambda inner: (
        st.builds(Logic, st.sampled_from(("and", "or")), st.lists(inner, min_size=2, max_size=3).map(tuple))
        | inner.map(lambda node: Logic("not", (node,)))
    ),
    max_leaves=4,
)  # fmt: skip
