"""The ``mta`` command: one module per group of commands, put together here."""

from __future__ import annotations

import sys

import typer

from mta_assets.cli import (
    archive,
    deliver,
    demo,
    missions,
    playbacks,
    query,
    registry,
    reprocess,
    sql,
    telemetry,
    telemetry_archive,
)
from mta_assets.core.errors import MtaError

app = typer.Typer(
    help="Monitoring-and-trends platform of an observatory.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for module in (
    query,
    sql,
    telemetry_archive,
    telemetry,
    playbacks,
    deliver,
    reprocess,
    archive,
    registry,
    missions,
    demo,
):
    module.register(app)


def main() -> None:
    """Run the command; an error that was raised on purpose is a message on stderr and exit status 1."""
    try:
        app()
    except MtaError as error:
        text = "\n".join([str(error), *getattr(error, "__notes__", [])])
        shown = "".join(
            c if c.isprintable() or c == "\n" else "·" for c in text
        )  # names may hold what a terminal obeys
        typer.secho(f"mta: {shown}", fg=typer.colors.RED, err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.secho("mta: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
