"""The registry of a mission: all products and pipelines, read from ``registry/*.toml`` and expanded."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from mta_assets.archive.names import parse_name
from mta_assets.core.errors import ConfigError
from mta_assets.missions.load import Mission, check_model, read_toml
from mta_assets.pipelines.registry_schema import Pipeline, ProductSpec, RegistryFile

S = TypeVar("S", ProductSpec, Pipeline)
IDENTIFIER = re.compile(r"[A-Z][A-Z0-9_]*")
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Registry:
    """Everything registered for a mission.

    Attributes
    ----------
    mission
        Whose registry it is.
    products, pipelines
        By file id and pipe id, in the order of the files.
    facts
        Possible values of each fact, or the kind of it: number, text, bool.
    keywords
        Header keywords that every product carries.
    sources
        The file that declares each: ``("product", file_id)`` or ``("pipeline", pipe_id)`` → path.
    """

    mission: Mission
    products: Mapping[str, ProductSpec]
    pipelines: Mapping[str, Pipeline]
    facts: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, list[str]] = field(default_factory=dict)
    keywords: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[tuple[str, str], Path] = field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """SHA-256 of the content, whatever its order, comments and division into files."""
        content = {
            "mission": self.mission.name,
            "products": {k: v.model_dump() for k, v in self.products.items()},
            "pipelines": {k: v.model_dump() for k, v in self.pipelines.items()},
            "facts": dict(self.facts),
            "lists": dict(self.lists),
            "keywords": dict(self.keywords),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def product(self, file_id: str) -> ProductSpec:
        return _named(self.products, file_id, "product", self.mission)

    def pipeline(self, pipe_id: str) -> Pipeline:
        return _named(self.pipelines, pipe_id, "pipeline", self.mission)

    def producers(self, file_id: str) -> list[Pipeline]:
        """Pipelines that make a product."""
        return [p for p in self.pipelines.values() if file_id in p.outputs]

    def recognise(self, name: str) -> tuple[str, dict[str, Any]]:
        """File id and fields of a file name; BadData if it fits no product."""
        return parse_name(self.products.values(), name)

    def pipelines_of(self, partition: str) -> list[Pipeline]:
        """Pipelines of a kind of partition, each after those that make its inputs."""
        waiting = [p for p in self.pipelines.values() if p.partition == partition]
        ordered: list[Pipeline] = []
        while waiting:
            unmade = {out for p in waiting for out in p.outputs}
            ready = [p for p in waiting if not unmade.intersection([*p.inputs, *p.optional_inputs])]
            if not ready:
                raise ConfigError(f"registry: pipelines {', '.join(p.id for p in waiting)} wait for each other")
            ordered += ready
            waiting = [p for p in waiting if p not in ready]
        return ordered

    def standard_keywords(self, product: ProductSpec) -> dict[str, Any]:
        """Keywords from the mission, the registry and the product's own block, the later ones win."""
        return {
            "ORIGIN": self.mission.file.mission.owner.upper(),
            "MISSION": self.mission.name.upper(),
            "TELESCOP": self.mission.file.mission.telescope,
            **self.keywords,
            **product.keywords,
        }


def _named(known: Mapping[str, S], name: str, what: str, mission: Mission) -> S:
    try:
        return known[name]
    except KeyError:
        from mta_assets.query.near import near_names

        near = near_names(name, known)
        hint = f"near are {', '.join(near)}" if near else f"known: {', '.join(known) or 'none'}"
        raise ConfigError(f"mission {mission.name}: no {what} {name!r} in the registry; {hint}") from None


def load_registry(mission: Mission) -> Registry:
    """Read and expand every ``*.toml`` of the mission's registry folder.

    Raises
    ------
    ConfigError
        If a file is wrong: an unknown key, a wrong type, something declared twice, a ``foreach`` over nothing.
    """
    if not mission.registry_folder.is_dir():
        raise ConfigError(f"mission {mission.name}: there is no registry folder {mission.registry_folder}")
    files = {p: check_model(RegistryFile, read_toml(p), p) for p in sorted(mission.registry_folder.glob("*.toml"))}
    shared: dict[str, dict[str, Any]] = {"facts": {}, "lists": {}, "keywords": {}}
    for path, content in files.items():
        for section, known in shared.items():
            for key, value in getattr(content, section).items():
                if known.setdefault(key, value) != value:
                    raise ConfigError(f"{path}: {section}.{key} is declared with another value in another file")
    products: dict[str, ProductSpec] = {}
    pipelines: dict[str, Pipeline] = {}
    sources: dict[tuple[str, str], Path] = {}
    for path, content in files.items():
        for product in _expanded(content.product, shared["lists"], path):
            _declare("product", products, product, sources, path)
        for pipeline in _expanded(content.pipeline, shared["lists"], path):
            _declare("pipeline", pipelines, pipeline, sources, path)
    return Registry(mission, products, pipelines, sources=sources, **shared)


def _declare(kind: str, known: dict[str, S], item: S, sources: dict[tuple[str, str], Path], path: Path) -> None:
    if not IDENTIFIER.fullmatch(item.id):
        raise ConfigError(f"{path}: {item.id!r} is no identifier: expected capital letters, digits and _")
    if item.id in known:
        raise ConfigError(f"{path}: {kind} {item.id} is declared twice, also in {sources[kind, item.id]}")
    known[item.id] = item
    sources[kind, item.id] = path


def _expanded(blocks: Mapping[str, S], lists: Mapping[str, list[str]], path: Path) -> Iterator[S]:
    for name, block in blocks.items():
        content = {**block.model_dump(exclude={"foreach"}), "id": name}
        for values in _combinations(block.foreach, lists, f"{path}: {name}.foreach"):
            filled = _fill(content, values)
            for where in ("inputs", "optional_inputs", "outputs"):
                if where in filled:
                    filled[where] = _spread(filled[where], lists)
            try:
                yield type(block).model_validate(filled)
            except ValidationError as error:
                raise ConfigError(f"{path}: {name} with {values}: {error}") from error


def _combinations(
    foreach: str | dict[str, list[str]] | None, lists: Mapping[str, list[str]], where: str
) -> list[dict[str, str]]:
    if foreach is None:
        return [{}]
    if isinstance(foreach, str):
        if foreach not in lists:
            raise ConfigError(f"{where}: no list {foreach!r}; known: {', '.join(lists) or 'none'} (section [lists])")
        foreach = {foreach: lists[foreach]}
    found: list[dict[str, str]] = [{}]
    for name, values in foreach.items():
        if not values:
            raise ConfigError(f"{where}: the list {name!r} is empty")
        found = [{**before, name: value} for before in found for value in values]
    return found


def _fill(content: Any, values: Mapping[str, str]) -> Any:
    """Replace ``{name}`` and ``{name_lower}`` in every text; other braces (regular expressions, formats) stay."""
    if isinstance(content, str):
        for name, value in values.items():
            content = content.replace(f"{{{name}}}", value).replace(f"{{{name}_lower}}", value.lower())
        return content
    if isinstance(content, dict):
        return {_fill(k, values): _fill(v, values) for k, v in content.items()}
    if isinstance(content, list):
        return [_fill(item, values) for item in content]
    return content


def _spread(names: list[str], lists: Mapping[str, list[str]]) -> list[str]:
    """``["{subsystem}_ENG0"]`` of a pipeline without ``foreach`` stands for the products of the whole list."""
    found = []
    for name in names:
        used = [n for n in PLACEHOLDER.findall(name) if n in lists]
        found += [_fill(name, values) for values in _combinations({n: lists[n] for n in used}, lists, name)]
    return found
