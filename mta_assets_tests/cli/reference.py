"""What the program says of its own commands, as docs/cli.md has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import typer

from mta_assets.cli import app


def commands() -> list[tuple[str, Any]]:
    """All commands with their names, ``mta archive verify``; groups are none themselves."""
    return list(_below("mta", typer.main.get_command(app)))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    for word, one in getattr(command, "commands", {}).items():
        yield from _below(f"{name} {word}", one)
    if not hasattr(command, "commands"):
        yield name, command


COMMON = ("--help", "--mission", "--json")  # explained once for all


def table(command: Any) -> list[str]:
    """Lines of the table of a command's arguments and options; none if it has only the common ones."""
    rows = [_row(one) for one in command.params if one.opts[0] not in COMMON]
    return ["| | Default | |", "|---|---|---|", *rows] if rows else []


def without(option: str) -> list[str]:
    """Commands that do not have a common option."""
    return [name for name, command in commands() if option not in {text for one in command.params for text in one.opts}]


def _row(one: Any) -> str:
    if one.param_type_name == "argument":
        names = [one.metavar if isinstance(one.metavar, str) else str(one.name).upper()]
    else:
        names = [*sorted(one.opts, key=len, reverse=True), *one.secondary_opts]
    label = ", ".join(f"`{name}`" for name in names)
    value = "required" if one.required else _default(one)
    return f"| {label} | {value} | {one.help} |"


def _default(one: Any) -> str:
    shown = getattr(one, "show_default", None)
    if isinstance(shown, str):
        return shown
    if one.default is None or callable(one.default) or (isinstance(one.default, Sequence) and not one.default):
        return ""
    if isinstance(one.default, bool):
        return f"`{(one.opts if one.default else one.secondary_opts)[0]}`" if one.secondary_opts else ""
    return f"`{one.default}`"
