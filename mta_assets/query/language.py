"""The query language: text → `query.model.Query`. docs/query.md explains it to its users.

The grammar is ``grammar.lark`` beside this file; lark (LALR, contextual lexer) makes the parser of it once per process.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mta_assets.query.errors import QueryError
from mta_assets.query.expressions import children
from mta_assets.query.model import Expression, Query

if TYPE_CHECKING:
    from lark import Lark

LONGEST = 20_000  # [character] of a query
DEEPEST = 150  # [level] of an expression; what evaluates it may recurse
GRAMMAR = Path(__file__).with_name("grammar.lark")


def parse(text: str, now: float | None = None) -> Query:
    """What a query asks for.

    Parameters
    ----------
    text
        The query.
    now
        What NOW, AGO, LAST, TODAY mean, TT seconds since 1998.0 TT; None is the present.

    Raises
    ------
    QueryError
        If it can not be understood; it points at the word.
    """
    try:
        query: Query = _parsed(text, "query").resolve(text, now)
    except QueryError as error:
        raise error.in_text(text) from None
    expressions = [] if query.where is None else [query.where]
    expressions += [window.condition for window in query.windows]
    expressions += [item.expression for item in query.what] if isinstance(query.what, tuple) else []
    for expression in expressions:
        _check_depth(text, expression)
    return query


def parse_expression(text: str) -> Expression:
    """An expression alone, as derived parameters have it: ``(TA + TB) / 2``.

    Raises
    ------
    QueryError
        If it can not be understood; it points at the word.
    """
    try:
        expression: Expression = _parsed(text, "expression")
    except QueryError as error:
        raise error.in_text(text) from None
    _check_depth(text, expression)
    return expression


@lru_cache(maxsize=1)
def _parser() -> Lark:
    from lark import Lark

    from mta_assets.query.language_clauses import Rules

    return Lark(
        GRAMMAR.read_text(encoding="utf-8"),
        parser="lalr",
        lexer="contextual",
        start=["query", "expression"],
        transformer=Rules(),
        maybe_placeholders=False,
    )


def _parsed(text: str, start: str) -> Any:
    from lark import UnexpectedInput

    if len(text) > LONGEST:
        raise QueryError(f"The query has {len(text)} characters: expected at most {LONGEST}.")
    if not text.strip():
        raise QueryError("The query is empty." if start == "query" else "The expression is empty.")
    try:
        return _parser().parse(text, start=start)
    except UnexpectedInput as error:
        from mta_assets.query.language_messages import explain

        raise explain(text, error, _parser(), start) from None


def _check_depth(text: str, expression: Expression) -> None:
    """Refuse what is nested too deeply, without recursion."""
    level, depth = [expression], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            hint = "Sums of many values are sum(a, b, …)."
            raise QueryError(f"The expression is nested more than {DEEPEST} deep.", text, level[0].at, hint=hint)
        level = [inner for node in level for inner in children(node)]
