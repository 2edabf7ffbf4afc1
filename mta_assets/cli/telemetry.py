"""Commands on telemetry files: decommutate one, simulate many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mta_assets.cli.common import JsonOption, MissionOption, platform, print_json, print_table
from mta_assets.core.times import from_utc


def register(app: typer.Typer) -> None:
    """Add ``decom`` and ``simulate``."""
    app.command()(decom)
    app.command()(simulate)


def decom(
    file: Annotated[Path, typer.Argument(help="A playback or packet file.", exists=True, dir_okay=False)],
    to: Annotated[Path, typer.Option("--to", help="Folder for one Parquet table per packet type or rate group.")],
    mission: MissionOption = None,
    dictionary: Annotated[
        Path | None, typer.Option(help="An XTCE file to use instead of the mission's dictionary.", exists=True)
    ] = None,
    near: Annotated[
        str | None, typer.Option(help="UTC near the first frame, for frame files whose names do not say it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Decommutate one file to Parquet tables (time, raw counts, converted values, quality) and say what was found."""
    from mta_assets.pipelines.decom import decommutate_file

    try:
        moment = None if near is None else from_utc(near)
    except ValueError as error:
        raise typer.BadParameter(f"--near {near!r}: expected a UTC time like 2024-03-01T00:00:00") from error
    platform(mission)  # a mission that there is not is told as wrong use
    report = decommutate_file(file, to, mission=mission, dictionary=dictionary, near=moment)
    if as_json:
        print_json(report)
        return
    print_table(f"{file.name} → {to}", report["tables"])
    if report["faults"]:
        print_table("Faults", report["faults"])
    typer.echo(report["summary"])


def simulate(
    hours: Annotated[float, typer.Option("--hours", help="How long a stretch.", min=0.01)] = 24.0,
    to: Annotated[
        Path, typer.Option("--to", help="Folder for playbacks, checksum files, deliveries and the truth.")
    ] = Path("."),
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 1,
    start: Annotated[str, typer.Option(help="UTC start.")] = "2024-03-01T00:00:00",
    minutes: Annotated[float, typer.Option(help="Length of a playback.", min=0.5)] = 60.0,
    faults: Annotated[bool, typer.Option(help="Inject faults, listed in truth.json.")] = True,
    workers: Annotated[int, typer.Option(help="Processes; the result does not depend on it.", min=1)] = 1,
    mission: MissionOption = "chandra",
    as_json: JsonOption = False,
) -> None:
    """Write playbacks of a simulated spacecraft in the real formats, with the truth beside them."""
    try:
        from_utc(start)
    except ValueError as error:
        raise typer.BadParameter(f"--start {start!r}: expected a UTC time like 2024-03-01T00:00:00") from error
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from mta_assets.simulate.playbacks import DELIVERY
    from mta_assets.simulate.playbacks import simulate as run

    columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=as_json) as bar:
        task = bar.add_task("playbacks", total=None)
        summary = run(
            platform(mission or "chandra").mission,
            hours=hours,
            to=to,
            seed=seed,
            start=start,
            playback_minutes=minutes,
            faults=faults,
            workers=workers,
            progress=lambda written, total: bar.update(task, completed=written.number + 1, total=total),
        )
    rows = [
        {
            "playback": w.path.name,
            "bytes": w.size,
            "frames": w.frames,
            "ACIS events": w.acis_events,
            "HRC events": w.hrc_events,
        }
        for w in summary.files
    ]
    if as_json:
        found = {
            "playbacks": rows,
            "deliveries": [str(path) for path in summary.deliveries],
            "truth": str(summary.truth),
        }
        print_json({**found, "faults": summary.faults, "rate": summary.rate})
        return
    print_table(f"Simulated into {to}", rows)
    typer.echo(f"{len(summary.deliveries)} star catalogues in {to / DELIVERY}, for the delivery folder")
    typer.echo(f"{summary.faults} faults injected, listed in {summary.truth}; {summary.rate:.0f} × real time")
