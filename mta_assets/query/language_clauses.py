"""Clauses: what the parser makes of each rule that is not an expression, and the query that they make together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lark import Token, Transformer

from mta_assets.core import times
from mta_assets.query.errors import wrong
from mta_assets.query.language_nodes import ExpressionRules, at, has_parameter, require_condition, unquoted, whole
from mta_assets.query.language_periods import Clause, TimeRules
from mta_assets.query.language_windows import WindowRules
from mta_assets.query.model import Alignment, Expression, Item, Name, Products, Query, Sampling, Text

STATISTICS = {"average": "mean", "minimum": "min", "maximum": "max"}
METHODS = {"interpolated": "linear"}
MOST_ROWS = 10**15
MOST_OBSID = 2**63 - 1
TWICE = {
    "periods": "The times are given twice: join them, FROM … TO …, … TO …",
    "sampling": "How to sample is said twice: EVERY, AVERAGED OVER and STATISTICS OVER exclude each other.",
    "windows": "Events are given twice: join them with a comma.",
    "where": "There is a second WHERE: join the conditions with AND or OR.",
}


@dataclass(frozen=True)
class Draft:
    """A query whose times are not resolved yet."""

    what: Any
    fields: dict[str, Any]
    explain: bool

    def resolve(self, text: str, now: float | None) -> Query:
        """The query, with all times in TT seconds.

        Parameters
        ----------
        text
            As it was written.
        now
            What NOW means; None is the present, looked at only if it is needed, and once.
        """
        known: list[float] = [] if now is None else [now]

        def present() -> float:
            if not known:
                known.append(times.now())
            return known[0]

        fields = dict(self.fields)
        if "periods" in fields:
            fields["periods"] = tuple(bounds.resolve(present) for bounds in fields["periods"])
        if "as_of" in fields:
            fields["as_of"] = fields["as_of"].resolve(present)
        return Query(text, self.what, explain=self.explain, **fields)


class Rules(ExpressionRules, TimeRules, WindowRules, Transformer):
    """Methods by the names of the rules of ``grammar.lark``; it keeps nothing, so threads may share it."""

    def query(self, children: list[Any]) -> Draft:
        explain = isinstance(children[0], Token)
        what, *clauses = children[explain:]
        fields: dict[str, Any] = {}
        for clause in clauses:
            if clause.field in fields:
                message = TWICE.get(clause.field, f"{clause.token.upper()} stands twice.")
                wrong(message, at(clause.token), len(clause.token))
            fields[clause.field] = clause.value
        return Draft(what, fields, explain)

    def expression(self, children: list[Any]) -> Expression:
        return children[0]

    def products(self, children: list[Any]) -> Products:
        return Products(tuple(children[1:]), at(children[0]))

    def name_pattern(self, children: list[Any]) -> Name:
        return Name(unquoted(children[0]), at(children[0]))

    def columns(self, children: list[Any]) -> tuple[Item, ...]:
        """A kind holds for its item and for those after it, until another is named."""
        items: list[Item] = []
        kinds: Sequence[Any] = (None,)
        for own, expression, alias in children:
            kinds = own or kinds
            if alias and len(kinds) > 1:
                wrong("One name can not stand for two columns.", alias.at)
            items += [Item(expression, kind, alias.value if alias else "", expression.at) for kind in kinds]
        return tuple(items)

    def kinds(self, children: list[Any]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(child.lower() for child in children))

    def pattern_item(self, children: list[Any]) -> tuple[Any, Expression, None]:
        return (children[0] if len(children) > 1 else None), Name(str(children[-1]), at(children[-1])), None

    def item(self, children: list[Any]) -> tuple[Any, Expression, Name | None]:
        own = children[0] if isinstance(children[0], tuple) else None
        expression, *named = children[own is not None :]
        alias = named[0] if named else None
        if isinstance(expression, Text):
            wrong("A column is a parameter or an expression, not a text.", expression.at)
        if not has_parameter(expression):
            wrong("A column needs a parameter.", expression.at)
        if alias and isinstance(expression, Name) and expression.is_pattern:
            wrong("One name can not stand for several columns.", alias.at)
        return own, expression, alias

    # ---- rows

    def obsids(self, children: list[Any]) -> Clause:
        return Clause("obsids", children[0], tuple(whole(token, 0, MOST_OBSID, "An OBSID") for token in children[1:]))

    def observations(self, children: list[Any]) -> Clause:
        return Clause("observations", children[0], children[0].lower())

    def where(self, children: list[Any]) -> Clause:
        return Clause("where", children[0], require_condition(children[1]))

    def every(self, children: list[Any]) -> Clause:
        token, interval, *statistic = children
        return Clause("sampling", token, Sampling(interval, statistic[0] if statistic else ("first",), at(token)))

    def averaged(self, children: list[Any]) -> Clause:
        return Clause("sampling", children[0], Sampling(children[1], ("mean",), at(children[0])))

    def statistics_over(self, children: list[Any]) -> Clause:
        return Clause("sampling", children[0], Sampling(children[1], ("all",), at(children[0])))

    def interval_stretch(self, children: list[Any]) -> float:
        return children[0].seconds

    def interval_kind(self, children: list[Any]) -> str:
        return str(children[0].lower())

    def statistics(self, children: list[Any]) -> tuple[str, ...]:
        if children[0].type == "ALL_STATISTICS":
            return ("all",)
        return tuple(dict.fromkeys(STATISTICS.get(child.lower(), child.lower()) for child in children))

    def alignment(self, children: list[Any]) -> Clause:
        on, name, *method = children
        how = method[0].lower() if method else "previous"
        return Clause("alignment", on, Alignment(name, METHODS.get(how, how), at(on)))  # type: ignore[arg-type]

    def bad(self, children: list[Any]) -> Clause:
        return Clause("good_only", children[0], False)

    def limit(self, children: list[Any]) -> Clause:
        return Clause("limit", children[0], whole(children[1], 1, MOST_ROWS, "LIMIT"))
