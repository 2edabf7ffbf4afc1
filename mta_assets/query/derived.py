"""Derived parameters: declared in the mission folder as expressions over others, computed when they are read.

``derived.toml`` of the mission, one block for each::

    [DP_DELTA]
    expression  = "TEPHIN - TEIO"
    unit        = "K"
    description = "gradient over the EPHIN"
    version     = 2            # raised with every change of the expression
    on          = "TEPHIN"     # whose times it has; without it those of its first parameter
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.core.errors import ConfigError
from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import ParameterInfo, Samples, to_nanoseconds
from mta_assets.query import expressions, spans
from mta_assets.query.align import aligned, hold
from mta_assets.query.errors import QueryError
from mta_assets.query.evaluate import Rows, numbers
from mta_assets.query.model import Expression, Name, Query
from mta_assets.query.resolve import Resolved, Resolver
from mta_assets.query.sources import FAR, Source

KEYS = {"expression": str, "unit": str, "description": str, "version": int, "on": str}


@dataclass(frozen=True)
class Derived:
    """One derived parameter, as it is declared."""

    name: str
    text: str
    expression: Expression
    unit: str = ""
    description: str = ""
    version: int = 1
    on: str = ""


def load_derived(path: Path) -> dict[str, Derived]:
    """The derived parameters of a mission by name in capital letters; none if there is no such file.

    Raises
    ------
    ConfigError
        If a key is not known or missing, an expression can not be understood, or parameters go round in a circle.
    """
    if not path.exists():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from error
    found = {name.upper(): _declared(path, name, block) for name, block in content.items()}
    if len(found) < len(content):
        raise ConfigError(f"{path}: two parameters differ only in capital letters")
    for name in found:
        _check_circle(path, found, (name,))
    return found


def _declared(path: Path, name: str, block: Any) -> Derived:
    from mta_assets.query.language import parse_expression

    where = f"{path}, derived parameter {name}"
    if not isinstance(block, dict):
        raise ConfigError(f'{where}: expected a block [{name}] with expression = "…"')
    unknown = sorted(set(block) - set(KEYS))
    if unknown:
        raise ConfigError(f"{where}: unknown key {', '.join(unknown)}; known are {', '.join(KEYS)}")
    wrong = [key for key, value in block.items() if type(value) is not KEYS[key]]
    if wrong or not block.get("expression"):
        kinds = ", ".join(f"{key} is {KEYS[key].__name__}" for key in (wrong or ["expression"]))
        raise ConfigError(f"{where}: {kinds}{'' if wrong else ' and is missing'}")
    try:
        expression = parse_expression(block["expression"])
    except QueryError as error:
        raise ConfigError(f"{where}: {error}") from error
    if not expressions.leaves(expression):
        raise ConfigError(f"{where}: there is no parameter in its expression, so it has no times")
    rest = {key: value for key, value in block.items() if key != "expression"}
    return Derived(name, block["expression"], expression, **rest)


def _inputs(one: Derived) -> list[str]:
    names = [expressions.key(leaf).upper() for leaf in expressions.leaves(one.expression)]
    return list(dict.fromkeys([*([one.on.upper()] if one.on else []), *names]))


def _check_circle(path: Path, found: Mapping[str, Derived], way: tuple[str, ...]) -> None:
    for name in _inputs(found[way[-1]]):
        if name in way:
            raise ConfigError(f"{path}: derived parameters go round in a circle: {' → '.join([*way, name])}")
        if name in found:
            _check_circle(path, found, (*way, name))


class DerivedSource:
    """Derived parameters, computed on read from the parameters of other sources (and of each other).

    Parameters
    ----------
    declared
        As `load_derived` gives them.
    sources
        Where their inputs come from, in this order.

    Attributes
    ----------
    notes
        What had no result, and how often.
    """

    label = "derived"

    def __init__(self, declared: Mapping[str, Derived], sources: Sequence[Source]) -> None:
        self.declared = declared
        self.sources = (*sources, self)
        self.notes: list[str] = []
        self._known: dict[str, tuple[Derived, Expression, Resolver]] = {}

    def names(self) -> Sequence[str]:
        """All derived parameters."""
        return [one.name for one in self.declared.values()]

    def info(self, name: str) -> ParameterInfo | None:
        """What is declared; the period and the group are those of the parameter whose times it has."""
        one = self.declared.get(name.upper())
        if one is None:
            return None
        lead = self._lead(one).info
        text = f"{one.description or one.text} (version {one.version})"
        return ParameterInfo(one.name, lead.group, "f8", one.unit, text, {}, lead.period, lead.subsystem, "derived")

    def timeline(self, name: str) -> tuple[str, str]:
        """What it shares its times with: the table of the parameter whose times it has."""
        return self._lead(self.declared[name.upper()]).timeline

    def _ready(self, one: Derived) -> tuple[Derived, Expression, Resolver]:
        """With all names looked up: done once, when it is first asked for."""
        key = one.name.upper()
        if key not in self._known:
            resolver = Resolver(Query(one.text, ()), self.sources)
            try:
                self._known[key] = (one, resolver.expanded(one.expression), resolver)
            except QueryError as error:
                raise ConfigError(f"derived parameter {one.name}: {error}") from error
        return self._known[key]

    def _lead(self, one: Derived) -> Resolved:
        _, expression, resolver = self._ready(one)
        return resolver.one(Name(one.on) if one.on else expressions.leaves(expression)[0])

    def _base(self, name: str) -> dict[str, Resolved]:
        """The parameters of other sources that one is computed from in the end, by name in capital letters."""
        one, expression, resolver = self._ready(self.declared[name.upper()])
        leaves = [*expressions.leaves(expression), *([Name(one.on)] if one.on else [])]
        out: dict[str, Resolved] = {}
        for leaf in leaves:
            known = resolver.one(leaf)
            out |= self._base(known.name) if known.source is self else {expressions.key(leaf).upper(): known}
        return out

    def _beside(self, name: str) -> int:
        """How far [ns] beside its own times the inputs are needed."""
        _, expression, resolver = self._ready(self.declared[name.upper()])
        known = [resolver.one(leaf) for leaf in expressions.leaves(expression)]
        inner = max((self._beside(other.name) for other in known if other.source is self), default=0)
        return inner + max(hold(other.info) for other in known) * (1 + expressions.depth(expression))

    def read(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Mapping[str, Samples]:
        """Computed samples in the intervals; times at which there is no result are left out."""
        edges = None if intervals is None else np.clip(intervals, -FAR, FAR)
        part = spans.EVER if edges is None else to_nanoseconds(np.ravel(edges)).reshape(-1, 2)
        if not len(part):
            return {name: self._empty(name) for name in names}
        beside = max(self._beside(name) for name in names)
        wide = None if intervals is None else spans.seconds(part, beside, beside)
        held = self._inputs_of(names, wide, as_of)
        out = {}
        for name in names:
            made = self._computed(name.upper(), held)
            out[name] = made if intervals is None else made.where(spans.inside(part, made.time))
        return out

    def _inputs_of(self, names: Sequence[str], wide: Intervals | None, as_of: float | None) -> dict[str, Samples]:
        needed: dict[str, Resolved] = {}
        for name in names:
            needed |= self._base(name)
        held: dict[str, Samples] = {}
        for source in self.sources:
            mine = {key: known.name for key, known in needed.items() if known.source is source}
            if mine:
                got = source.read(list(dict.fromkeys(mine.values())), wide, as_of=as_of)
                held |= {key: got[name] for key, name in mine.items()}
        return held

    def _empty(self, name: str) -> Samples:
        info = self.info(name)
        return Samples(info or ParameterInfo(name), np.zeros(0, np.int64), np.zeros(0))

    def _computed(self, key: str, held: dict[str, Samples]) -> Samples:
        """One parameter from its inputs; ``held`` gets each that is computed on the way."""
        if key in held:
            return held[key]
        one, expression, _ = self._ready(self.declared[key])
        inputs = list(dict.fromkeys(expressions.key(leaf).upper() for leaf in expressions.leaves(expression)))
        for name in [*inputs, *([one.on.upper()] if one.on else [])]:
            if name in self.declared and name not in held:
                self._computed(name, held)
        lead = held[one.on.upper() if one.on else inputs[0]]
        rows = Rows(lead.time, held, one.text, hold(lead.info))
        values = np.broadcast_to(numbers(expression, rows)[0], lead.time.shape)
        self.notes += [note for what in rows.notes if (note := f"{one.name}: {what}") not in self.notes]
        there = ~np.isnan(values)
        quality = self._quality([held[name] for name in inputs], lead)
        made = Samples(replace(self._empty(key).info), lead.time, np.array(values), quality, None, lead.until)
        held[key] = made if there.all() else made.where(there)
        return held[key]

    def _quality(self, inputs: Sequence[Samples], lead: Samples) -> np.ndarray | None:
        """A result is as good as the worst of what it is made of."""
        out: np.ndarray | None = None
        for one in inputs:
            flags = None if one.quality is None else aligned(one, lead.time).quality
            if flags is not None and flags.any():
                out = flags if out is None else out | flags
        return out

    def blocks(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Iterator[Mapping[str, Samples]]:
        """The same, in one block for each interval."""
        for i in range(1 if intervals is None else len(intervals)):
            yield self.read(names, None if intervals is None else intervals[i : i + 1], raw, as_of)

    def span(self, names: Sequence[str]) -> tuple[float, float] | None:
        """First and last time that any of the parameters whose times they have has data."""
        leads = [self._lead(self.declared[name.upper()]) for name in names]
        found = [edge for lead in leads if (edge := lead.source.span([lead.name])) is not None]
        return (min(first for first, _ in found), max(last for _, last in found)) if found else None

    def estimate(self, names: Sequence[str], intervals: Intervals | None) -> tuple[int, int]:
        """Rows and bytes of what they are computed from, and of the results."""
        rows = size = 0
        for name in names:
            for known in self._base(name).values():
                some, taken = known.source.estimate([known.name], intervals)
                rows, size = max(rows, some), size + taken
        return rows, size + 16 * rows * len(names)
