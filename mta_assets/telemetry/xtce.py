"""XTCE dictionaries: any file that space_packet_parser reads, as plans that can be run on many packets at once.

A plan is a container with its fields in order and the containers that inherit from it, each with the criteria that
lead there. XTCE: OMG formal/2018-02-04 (CCSDS 660.0-B-2); which parts of it count is what space_packet_parser reads.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mta_assets.core.errors import ConfigError
from mta_assets.telemetry.xtce_compile import Field, compile_field
from mta_assets.telemetry.xtce_match import references

ROOT = "CCSDSPacket"  # container that parsing starts from unless the file has no such one


@dataclass(frozen=True)
class Plan:
    """One container: its own fields, then the branches to the containers that inherit from it."""

    name: str
    abstract: bool
    fields: tuple[Field, ...]
    branches: tuple[tuple[tuple[Any, ...], Plan], ...]
    inherited: tuple[Field, ...] = ()

    @property
    def all_fields(self) -> tuple[Field, ...]:
        """Fields of a whole packet that ends with this container; of a name that comes twice the last one."""
        return tuple({item.name: item for item in (*self.inherited, *self.fields)}.values())

    def walk(self) -> list[Plan]:
        """This container and all below it."""
        return [self, *(plan for _, branch in self.branches for plan in branch.walk())]


@dataclass(frozen=True)
class XtceModel:
    """The packet types of a mission.

    Attributes
    ----------
    path
        File or folder that it was read from.
    roots
        One plan per file, tried in this order.
    notes
        What the reader remarked about the files.
    """

    path: Path
    roots: tuple[Plan, ...]
    notes: tuple[str, ...] = ()
    definitions: tuple[Any, ...] = field(default=(), repr=False, compare=False)

    @cached_property
    def types(self) -> dict[str, Plan]:
        """Packet types (containers that a packet may end with) by name."""
        return {plan.name: plan for root in self.roots for plan in root.walk()}

    @cached_property
    def deciding(self) -> frozenset[str]:
        """Parameters without which packets can not be followed: those in criteria and sizes."""
        found: set[str] = set()
        for plan in self.types.values():
            for criteria, _ in plan.branches:
                found |= references(criteria)
            for item in plan.fields:
                found |= item.sized_by
        return frozenset(found)


def load_xtce(path: str | Path, root: str | None = None) -> XtceModel:
    """Read an XTCE file, or all ``*.xml`` files of a folder.

    Parameters
    ----------
    root
        Container that parsing starts from; without it ``CCSDSPacket``, or the only container that stands at the top.

    Raises
    ------
    ConfigError
        If a file is not there, is not XTCE, or says something that space_packet_parser does not read.
    """
    path = Path(path)
    files = sorted(path.glob("*.xml")) if path.is_dir() else [path]
    if not files or not all(item.is_file() for item in files):
        raise ConfigError(f"{path}: expected an XTCE file (*.xml) or a folder of them, and there is none")
    plans, notes, definitions = [], [], []
    for item in files:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            definition = _read(item)
        notes += [f"{item.name}: {warning.message}" for warning in caught]
        plans.append(_plan(definition, _root(definition, item, root), (), item))
        definitions.append(definition)
    model = XtceModel(path, tuple(plans), tuple(notes), tuple(definitions))
    names = [plan.name for top in plans for plan in top.walk()[1:]]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{path}: containers {', '.join(twice)} are defined more than once; their tables would mix")
    return model


def _read(path: Path) -> Any:
    from lxml.etree import XMLSyntaxError  # type: ignore[import-untyped,unused-ignore]
    from space_packet_parser.exceptions import ElementNotFoundError, InvalidParameterTypeError
    from space_packet_parser.xtce.definitions import XtcePacketDefinition

    try:
        return XtcePacketDefinition.from_xtce(path)
    except XMLSyntaxError as error:
        raise ConfigError(f"{path}: not XML: {error}") from error
    except (
        ElementNotFoundError, InvalidParameterTypeError, NotImplementedError, LookupError, ValueError, TypeError,
        AttributeError, RecursionError,
    ) as error:  # fmt: skip
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{path}: not an XTCE file that space_packet_parser reads: {reason}") from error


def _root(definition: Any, path: Path, wanted: str | None) -> str:
    if wanted is not None:
        if wanted not in definition.containers:
            raise ConfigError(f"{path}: no container {wanted!r}; it has {', '.join(definition.containers)}")
        return wanted
    if ROOT in definition.containers:
        return ROOT
    nested = {
        entry.name
        for container in definition.containers.values()
        for entry in container.entry_list
        if hasattr(entry, "entry_list")
    }
    tops = [
        name
        for name, container in definition.containers.items()
        if not container.base_container_name and name not in nested
    ]
    if len(tops) != 1:
        raise ConfigError(
            f"{path}: which container does a packet begin with? Expected one called {ROOT} or a single one at the top, "
            f"found {', '.join(tops) or 'none'}; name it"
        )
    return tops[0]


def _plan(definition: Any, name: str, inherited: tuple[Field, ...], path: Path) -> Plan:
    container = definition.containers[name]
    fields = tuple(compile_field(parameter) for parameter in _flat(container))
    branches = []
    for heir in container.inheritors:
        criteria = tuple(definition.containers[heir].restriction_criteria)
        branches.append((criteria, _plan(definition, heir, (*inherited, *fields), path)))
    return Plan(name, bool(container.abstract), fields, tuple(branches), inherited)


def _flat(container: Any) -> list[Any]:
    """Parameters in order; containers in the entry list give theirs in place."""
    return [
        parameter
        for entry in container.entry_list
        for parameter in (_flat(entry) if hasattr(entry, "entry_list") else [entry])
    ]
