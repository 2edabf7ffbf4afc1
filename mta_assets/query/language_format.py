"""A query as canonical text: what `query.language.parse` reads back as the same query."""

from __future__ import annotations

import re
from functools import lru_cache

from mta_assets.query.language_times import duration_text, time_text
from mta_assets.query.model import (
    Arithmetic,
    Call,
    Compare,
    Expression,
    Logic,
    Name,
    Number,
    Period,
    Position,
    Products,
    Query,
    Text,
    Window,
)  # fmt: skip

PLAIN = re.compile(r"[0-9]*[A-Za-z_$][A-Za-z0-9_$]*([.:][A-Za-z0-9_$]+)*(\[[0-9:,]*\])?")
NUMBER = re.compile(r"[0-9]+[Ee][0-9]+")
PATTERN = re.compile(r"[A-Za-z0-9_$.:\[\]*?]+")
RANK = {"or": 1, "and": 2, "not": 3, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6, "neg": 7, "^": 8}
COMPARISON, SUM, ATOM = 4, 5, 9
WORDS = {"reaches": "REACHES", "rises": "RISES TO", "falls": "FALLS TO", "like": "LIKE"}
METHODS = {"previous": "PREVIOUS", "nearest": "NEAREST", "linear": "INTERPOLATED"}


def format_query(query: Query) -> str:
    """Canonical text of a query: keywords in capitals, clauses in a fixed order, times absolute, one line."""
    parts = ["EXPLAIN"] if query.explain else []
    parts += ["GET", _what(query), *_periods(query.periods)]
    if query.obsids:
        parts.append("DURING OBSID " + ", ".join(map(str, query.obsids)))
    if query.observations != "any":
        parts.append(f"{query.observations.upper()} OBSERVATIONS")
    if query.where is not None:
        parts.append("WHERE " + format_expression(query.where))
    if query.windows:
        parts.append(", ".join(_window(window) for window in query.windows))
    parts += _sampling(query)
    if query.alignment:
        parts.append(f"ON TIMELINE OF {_name(query.alignment.on.value)} {METHODS[query.alignment.method]}")
    if not query.good_only:
        parts.append("INCLUDING BAD")
    if query.limit is not None:
        parts.append(f"LIMIT {query.limit}")
    if query.as_of is not None:
        parts.append(f"AS OF {time_text(query.as_of)}")
    return " ".join(parts)


def format_expression(node: Expression) -> str:
    """Canonical text of an expression, with brackets where they are needed."""
    return _expression(node, 0)


def _what(query: Query) -> str:
    if isinstance(query.what, Products):
        return "PRODUCTS " + ", ".join(_pattern(name.value) for name in query.what.file_ids)
    texts, kind = [], None
    for item in query.what:
        own = item.kind or ("converted" if kind else None)  # a kind holds until another is named
        word = f"{own.upper()} " if own and own != kind else ""
        kind = own or kind
        node = item.expression
        text = _pattern(node.value) if isinstance(node, Name) and node.is_pattern else format_expression(node)
        texts.append(word + text + (f" AS {_name(item.alias)}" if item.alias else ""))
    return ", ".join(texts)


def _periods(periods: tuple[Period, ...]) -> list[str]:
    if not periods:
        return []
    if len(periods) == 1 and periods[0].start is None:
        stop = periods[0].stop
        return [] if stop is None else [f"UNTIL {time_text(stop)}"]
    if any(period.start is None for period in periods):
        raise ValueError("of several periods each needs a start")
    return ["FROM " + ", ".join(_period(period) for period in periods)]


def _period(period: Period) -> str:
    start = time_text(period.start or 0.0)
    return start if period.stop is None else f"{start} TO {time_text(period.stop)}"


def _window(window: Window) -> str:
    event = f"EACH TIME {format_expression(window.condition)}" + ("" if window.during else " EXCLUDING EVENT")
    before, after = duration_text(abs(window.before)), duration_text(abs(window.after))
    if window.anchor != "event":
        if window.before * window.after > 0:
            raise ValueError("a window counted from one edge of an event lies on one side of it")
        side, near, far = ("BEFORE", after, before) if window.anchor == "start" else ("AFTER", before, after)
        return f"AT {near} {side} {event}" if window.is_moment else f"WITHIN {near} TO {far} {side} {event}"
    if not window.before and not window.after and window.during:
        return event
    return f"WITHIN {before} BEFORE AND {after} AFTER {event}"


def _sampling(query: Query) -> list[str]:
    every, statistic = query.sampling.every, query.sampling.statistic
    if every is None:
        return []
    interval = every.upper() if isinstance(every, str) else duration_text(every)
    return [f"EVERY {interval} " + ", ".join("ALL STATISTICS" if s == "all" else s.upper() for s in statistic)]


# ---- expressions


def _expression(node: Expression, least: int) -> str:
    """Text of a node; in brackets if it binds less than ``least``."""
    text, rank = _ranked(node)
    return f"({text})" if rank < least else text


def _ranked(node: Expression) -> tuple[str, int]:
    match node:
        case Number(value=value):
            return _number(value), RANK["neg"] if value < 0 or str(value) == "-0.0" else ATOM
        case Text(value=value):
            return _quoted(value, "'"), ATOM
        case Name(value=value):
            return _name(value), ATOM
        case Position():
            return _position(node), ATOM
        case Call():
            return f"{node.function}(" + ", ".join(_expression(a, 0) for a in node.arguments) + ")", ATOM
        case Arithmetic():
            return _arithmetic(node), RANK[node.operator]
        case Logic():
            return _logic(node), RANK[node.operator]
        case Compare():
            return _compare(node), COMPARISON


def _arithmetic(node: Arithmetic) -> str:
    rank = RANK[node.operator]
    if node.operator == "neg":
        # a number would be read as a negative number, and two signs as a comment
        inner = node.operands[0]
        return "-" + (f"({_ranked(inner)[0]})" if isinstance(inner, Number) else _expression(inner, rank + 1))
    left, right = node.operands
    if node.operator == "^":
        return f"{_expression(left, ATOM)} ^ {_expression(right, RANK['neg'])}"
    return f"{_expression(left, rank)} {node.operator} {_expression(right, rank + 1)}"


def _logic(node: Logic) -> str:
    if node.operator == "not":
        return "NOT " + _expression(node.operands[0], RANK["not"])
    return f" {node.operator.upper()} ".join(_expression(o, RANK[node.operator] + 1) for o in node.operands)


def _compare(node: Compare) -> str:
    value, *others = (_expression(operand, SUM) for operand in node.operands)
    if node.operator == "between":
        return f"{value} BETWEEN {others[0]} AND {others[1]}"
    if node.operator == "in":
        return f"{value} IN ({', '.join(others)})"
    return f"{value} {WORDS.get(node.operator, node.operator)} {others[0]}"


def _position(node: Position) -> str:
    packet = f"PACKET {_name(node.packet)}" if node.packet else "FRAME"
    return f"{packet} BYTE {node.byte} BIT {node.bit} LENGTH {node.length}"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 and str(value) != "-0.0" else repr(value)


def _name(name: str) -> str:
    """A name, in double quotes where it would be read as something else."""
    plain = PLAIN.fullmatch(name) and not NUMBER.fullmatch(name) and name.upper() not in _keywords()
    return name if plain else _quoted(name, '"')


def _pattern(name: str) -> str:
    return name if PATTERN.fullmatch(name) and ("*" in name or "?" in name) else _name(name)


def _quoted(text: str, quote: str) -> str:
    return quote + text.replace(quote, quote * 2) + quote


@lru_cache(maxsize=1)
def _keywords() -> frozenset[str]:
    """All words of the grammar; as names they are quoted, wherever they stand."""
    from mta_assets.query.language import GRAMMAR

    terminals = re.findall(r"^_?[A-Z_]+\.[0-9]: /(.*)/i?$", GRAMMAR.read_text(encoding="utf-8"), re.MULTILINE)
    plain = [re.sub(r"\[[^\]]*\]|\\.", " ", terminal).upper() for terminal in terminals]
    return frozenset(word for text in plain for word in re.findall(r"[A-Z][A-Z0-9]+", text))
