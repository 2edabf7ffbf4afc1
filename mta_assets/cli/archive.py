"""Commands on what is stored: products, findings, faults."""

from __future__ import annotations

from typing import Annotated

import typer

from mta_assets.cli.common import JsonOption, MissionOption, platform, print_json, print_table
from mta_assets.core import times


def register(app: typer.Typer) -> None:
    """Add ``products``, ``findings`` and ``faults``."""
    app.command()(products)
    app.command()(findings)
    app.command()(faults)


PartitionOption = Annotated[str | None, typer.Option("--partition", "-p", help="Only of this partition.")]


def products(
    file_id: Annotated[str | None, typer.Argument(help="Only of this file id.")] = None,
    partition: PartitionOption = None,
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the current products of the archive."""
    found = platform(mission).catalog.products(file_id=file_id, partition=partition)
    rows = [
        {
            "name": p.name,
            "stream": p.stream,
            "origin": p.origin,
            "version": p.version,
            "from": times.to_utc_iso(p.tstart, 0),
            "rows": p.rows,
            "bytes": p.size,
            "sha256": p.sha256[:12],
        }
        for p in found
    ]
    print_json(rows) if as_json else print_table("Products", rows)


def findings(partition: PartitionOption = None, mission: MissionOption = None, as_json: JsonOption = False) -> None:
    """List findings: what crossed a limit, when, how far, how often."""
    rows = platform(mission).catalog.findings(partition=partition)
    print_json(rows) if as_json else print_table("Findings", [_readable(row) for row in rows])


def faults(partition: PartitionOption = None, mission: MissionOption = None, as_json: JsonOption = False) -> None:
    """List faults of the telemetry itself: gaps, repeats, damaged frames and packets."""
    rows = platform(mission).catalog.faults(partition=partition)
    print_json(rows) if as_json else print_table("Faults", [_readable(row) for row in rows])


def _readable(row: dict) -> dict:
    hidden = {"id", "run_id", "mission", "stream", "pipe_id"}
    return {
        k: times.to_utc_iso(v, 0) if k in ("tstart", "tstop") and v else v for k, v in row.items() if k not in hidden
    }
