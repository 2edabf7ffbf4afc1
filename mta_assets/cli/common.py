"""What the commands share: the platform of the chosen mission, tables in the terminal, JSON for machines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mta_assets.core.errors import ConfigError, MtaError
from mta_assets.missions.load import load_mission, mission_file
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 200  # [column]

MissionOption = Annotated[
    str | None, typer.Option("--mission", "-m", help="Built-in mission or mission folder; default MTA_MISSION.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text for people.")]


def platform(mission: str | None) -> Platform:
    """The platform as settings and options say; a mission that there is not is wrong use, if an option names it."""
    if not mission:
        return Platform(Settings())
    if not mission_file(mission).is_file():
        with wrong_use(ConfigError):
            load_mission(mission)
    return Platform(Settings(mission=mission))


@contextmanager
def wrong_use(*kinds: type[MtaError]) -> Iterator[None]:
    """Errors of these kinds are the doing of who typed the command: exit status 2."""
    try:
        yield
    except kinds as error:
        raise typer.BadParameter(str(error)) from error


def check_partition(chosen: Platform, partition: str | None) -> None:
    """Refuse a partition that the catalog has never heard of: nothing found would look like nothing made yet."""
    if partition is None or chosen.catalog.partitions(partition):
        return
    from mta_assets.query.near import near_names

    near = near_names(partition, chosen.catalog.partitions())
    hint = f"near are {', '.join(near)}" if near else "`mta observations` and `mta status` list what there is"
    raise typer.BadParameter(f"no partition {partition!r} in the catalog; {hint}")


def print_json(content: Any) -> None:
    """Plain JSON on standard output; values that JSON does not know become text, numbers that are none null."""
    typer.echo(json.dumps(_without_nan(content), indent=2, default=str, allow_nan=False))


def _without_nan(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def print_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of equal keys as a table; nothing but the title and a dash where there are none."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left", header_style="bold")
    for name in rows[0] if rows else ["—"]:
        right = all(isinstance(row[name], int | float) for row in rows)
        table.add_column(escape(name), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row.values()))  # a file may be called [red]
    terminal().print(table)


def terminal() -> Console:
    """Where people read; a file or pipe has no width that lines must fit."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=WIDE)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
