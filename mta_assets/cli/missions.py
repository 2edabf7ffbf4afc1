"""Commands on missions and settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mta_assets.cli.common import JsonOption, print_json, print_table


def register(app: typer.Typer) -> None:
    """Add ``settings`` and ``limits``."""
    app.command()(settings)
    limits = typer.Typer(help="Limit tables.", no_args_is_help=True)
    limits.command("import")(import_limits)
    app.add_typer(limits, name="limits")


def settings(as_json: JsonOption = False) -> None:
    """Print every setting with its value and meaning."""
    from mta_assets.settings import Settings

    now = Settings()
    rows = [
        {"variable": f"MTA_{name.upper()}", "value": _shown(name, getattr(now, name)), "meaning": field.description}
        for name, field in Settings.model_fields.items()
    ]
    rows.append({"variable": "", "value": _shown("catalog_url", now.database_url), "meaning": "the catalog in use"})
    print_json(rows) if as_json else print_table("Settings", rows)


def _shown(name: str, value: object) -> str:
    """The value as text; of a URL everything but its password."""
    if name != "catalog_url" or value is None:
        return str(value)
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(str(value)).render_as_string(hide_password=True)
    except ArgumentError:
        return "(not a URL)"


def import_limits(
    source: Annotated[Path, typer.Argument(help="A glimmon limit database (SQLite).", exists=True, dir_okay=False)],
    to: Annotated[Path, typer.Option("--to", help="Folder for limits.csv and expected_states.csv.")],
    as_json: JsonOption = False,
) -> None:
    """Read a glimmon limit database with all its dated versions into limits.csv and expected_states.csv."""
    from dataclasses import asdict

    from mta_assets.monitors.limit_import import import_limits as run

    report = run(source, to)
    if as_json:
        print_json(asdict(report))
        return
    typer.echo(str(report))
    if report.remarks:
        print_table("Rows that were changed", [asdict(remark) for remark in report.remarks])
