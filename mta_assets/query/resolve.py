"""Names of a query → parameters of sources; patterns → all the names that match."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from mta_assets.core.samples import ParameterInfo
from mta_assets.query import expressions
from mta_assets.query.errors import unknown_name
from mta_assets.query.model import Expression, Kind, Name, Position, Query
from mta_assets.query.problem import problem
from mta_assets.query.sources import Source


@dataclass(frozen=True)
class Resolved:
    """A parameter and the source that gives it."""

    name: str
    source: Source
    info: ParameterInfo

    @property
    def timeline(self) -> tuple[str, str]:
        """What it shares its times with: source and group; a source may say it otherwise by a method ``timeline``."""
        other = getattr(self.source, "timeline", None)
        shared: tuple[str, str] = other(self.name) if other else (self.source.label, self.info.group or self.name)
        return shared


@dataclass
class Resolver:
    """Looks names up in all sources, in their order; the first that has one gives it.

    ``found`` keeps them by the name as written, in upper case.
    """

    query: Query
    sources: Sequence[Source]
    found: dict[str, Resolved] = field(default_factory=dict)

    def one(self, node: Name | Position, kind: Kind | None = None) -> Resolved:
        """The parameter.

        Raises
        ------
        QueryError
            If no source has it, it is a pattern, or processed data are asked for and it is something else.
        """
        key = expressions.key(node)
        known = self.found.get(key.upper())
        if known is None and isinstance(node, Name) and node.is_pattern:  # a pattern may find one that is called so
            raise problem(
                self.query.text, node, "a name with wild cards stands for several parameters; only one can stand here"
            )
        if known is None or (kind == "processed" and known.info.origin != "product"):
            known = self._look_up(key, node, kind)
            self.found[key.upper()] = known
        return known

    def _look_up(self, key: str, node: Name | Position, kind: Kind | None) -> Resolved:
        other = ""
        for source in self.sources:
            info = source.info(key)
            if info is None:
                continue
            if kind != "processed" or info.origin == "product":
                return Resolved(info.name, source, info)
            other = info.origin
        if other:
            raise problem(
                self.query.text, node, f"{key} is {other} data; PROCESSED asks for columns and keywords of products"
            )
        if isinstance(node, Position):
            raise problem(self.query.text, node, "there are no frames or packets of this kind to take the value from")
        raise unknown_name(self.query, node, self.names())

    def names(self) -> list[str]:
        """All names of all sources, each once."""
        return list(dict.fromkeys(name for source in self.sources for name in source.names()))

    def matching(self, node: Name, kind: Kind | None = None) -> list[Name]:
        """The parameters that a pattern stands for, in the order of the sources and of their names."""
        fits = re.compile(fnmatch.translate(node.value.upper().replace("[", "[[]"))).fullmatch
        names: dict[str, Name] = {}
        for source in self.sources:
            for name in source.names():
                upper = name.upper()
                if upper in names or not fits(upper):
                    continue
                info = source.info(name)
                if info is None or (kind == "processed" and info.origin != "product"):
                    continue
                self.found.setdefault(upper, Resolved(info.name, source, info))
                names[upper] = Name(name, node.at)
        if not names:
            raise unknown_name(self.query, node, self.names())
        return list(names.values())

    def expanded(self, node: Expression) -> Expression:
        """An expression with its patterns replaced, and all its names looked up."""
        whole = expressions.expanded(node, self.matching)
        for leaf in expressions.leaves(whole):
            self.one(leaf)
        return whole

    def also(self, resolved: Resolved) -> list[str]:
        """Labels of the other sources that have a parameter of this name."""
        others = [source for source in self.sources if source is not resolved.source]
        return [source.label for source in others if source.info(resolved.name) is not None]
