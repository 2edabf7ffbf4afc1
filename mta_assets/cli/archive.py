"""Commands on what is stored: products, findings, faults."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mta_assets.cli.common import (
    JsonOption,
    MissionOption,
    check_partition,
    platform,
    print_json,
    print_table,
    wrong_use,
)
from mta_assets.core import times
from mta_assets.core.errors import ConfigError
from mta_assets.pipelines.platform import Platform


def register(app: typer.Typer) -> None:
    """Add ``products``, ``lineage``, ``findings`` and ``faults``."""
    app.command()(products)
    app.command()(lineage)
    app.command()(findings)
    app.command()(faults)


PartitionOption = Annotated[str | None, typer.Option("--partition", "-p", help="Only of this partition.")]


def products(
    file_id: Annotated[str | None, typer.Argument(help="Only of this file id.")] = None,
    partition: PartitionOption = None,
    stale: Annotated[
        bool, typer.Option("--stale", help="Only what would be made of other files today, and why.")
    ] = False,
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the current products of the archive; or those that are stale, for instance since a calibration file came."""
    chosen = platform(mission)
    registry = chosen.registry  # read here, so that what is wrong in it is not taken for wrong use
    if file_id is not None and not chosen.catalog.products(file_id=file_id, current=None, newest=1):
        with wrong_use(ConfigError):  # the archive may hold what an earlier registry knew
            registry.product(file_id)
    check_partition(chosen, partition)
    if stale:
        rows = _stale(chosen, file_id, partition)
        print_json(rows) if as_json else print_table("Stale products", rows)
        return
    found = chosen.catalog.products(file_id=file_id, partition=partition)
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


def _stale(chosen: Platform, file_id: str | None, partition: str | None) -> list[dict[str, Any]]:
    from mta_assets.pipelines.stale import stale

    return [
        {
            "name": one.product.name,
            "stream": one.product.stream,
            "partition": one.product.partition,
            "from": times.to_utc_iso(one.product.tstart, 0),
            "because": "; ".join(one.reasons),
        }
        for one in stale(chosen, partition)
        if file_id in (None, one.product.file_id)
    ]


def lineage(
    name: Annotated[str, typer.Argument(help="File name of a product.")],
    depth: Annotated[int, typer.Option("--depth", help="So many steps back; 0 for all.", min=0)] = 1,
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a product was made from, with the hash of each file, and why there is another version than before."""
    from mta_assets.pipelines.ancestry import ancestry

    rows = ancestry(platform(mission), name, depth)
    if not as_json:
        rows = [
            {"name": "  " * row.pop("step") + row.pop("name"), "sha256": row.pop("sha256")[:12], **row} for row in rows
        ]
    print_json(rows) if as_json else print_table("Lineage", rows)


def findings(partition: PartitionOption = None, mission: MissionOption = None, as_json: JsonOption = False) -> None:
    """List findings: what crossed a limit, when, how far, how often."""
    chosen = platform(mission)
    check_partition(chosen, partition)
    rows = chosen.catalog.findings(partition=partition)
    print_json(rows) if as_json else print_table("Findings", [_readable(row) for row in rows])


def faults(partition: PartitionOption = None, mission: MissionOption = None, as_json: JsonOption = False) -> None:
    """List faults of the telemetry itself: gaps, repeats, damaged frames and packets."""
    chosen = platform(mission)
    check_partition(chosen, partition)
    rows = chosen.catalog.faults(partition=partition)
    print_json(rows) if as_json else print_table("Faults", [_readable(row) for row in rows])


def _readable(row: dict) -> dict:
    hidden = {"id", "run_id", "mission", "stream", "pipe_id"}
    return {
        k: times.to_utc_iso(v, 0) if k in ("tstart", "tstop") and v else v for k, v in row.items() if k not in hidden
    }
