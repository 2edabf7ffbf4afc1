"""Commands on playbacks: put one in, see how far each is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mta_assets.cli.common import JsonOption, MissionOption, platform, print_json, print_table


def register(app: typer.Typer) -> None:
    """Add ``ingest`` and ``status``."""
    app.command()(ingest)
    app.command()(status)


def ingest(
    files: Annotated[list[Path], typer.Argument(help="Playbacks to put in.", exists=True, dir_okay=False)],
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy files into the incoming folder, whole and with checksums; a running Dagster takes them from there."""
    from mta_assets.pipelines.ingest import put

    chosen = platform(mission)
    targets = [str(put(chosen, path)) for path in files]
    print_json(targets) if as_json else typer.echo("\n".join(targets))


def status(
    mission: MissionOption = None,
    stages: Annotated[bool, typer.Option("--stages", help="Show the time of every stage of each playback.")] = False,
    last: Annotated[int, typer.Option("--last", help="Only so many of the newest; 0 for all.", min=0)] = 30,
    as_json: JsonOption = False,
) -> None:
    """Show each playback with its stages, products, faults, findings and latency, and the p50 and p95 of all."""
    from mta_assets.pipelines.status import report

    content = report(platform(mission), last)
    if as_json:
        print_json(content)
        return
    print_table("Playbacks", content["playbacks"])
    if stages:
        print_table("Stages", content["stages"])
    if content["incoming"]:
        print_table("Waiting to be taken in", content["incoming"])
    if content["quarantine"]:
        print_table("Quarantine", content["quarantine"])
    if content["deliveries"]:
        print_table("Deliveries", content["deliveries"])
    latency = content["latency"]
    if latency["count"]:
        typer.echo(
            f"latency from file to last product over {latency['count']} playbacks: "
            f"p50 {latency['p50']:.1f} s, p95 {latency['p95']:.1f} s, longest {latency['max']:.1f} s"
        )
