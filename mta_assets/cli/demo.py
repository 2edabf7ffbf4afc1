"""``mta demo``: a simulated day of playbacks through a running Dagster, with what happens said in the terminal."""

from __future__ import annotations

import io
import json
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mta_assets.cli.common import print_table, terminal
from mta_assets.core.errors import BadData
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings

if TYPE_CHECKING:
    from mta_assets.cli.dagster_process import DagsterProcess

MARKER = ".made-by-mta-demo"
OBSERVATION_PATIENCE = 900.0  # [s] so has an observation, when none ends for so long
REQUIRED = 20.0  # times real time, from the first playback to the last product of level 2


def register(app: typer.Typer) -> None:
    """Add ``demo``."""
    app.command()(demo)


def demo(
    headless: Annotated[
        bool, typer.Option("--headless", help="Wait until all is done, check, stop, exit 0 or 1.")
    ] = False,
    hours: Annotated[float, typer.Option(help="How long a stretch is simulated.")] = 24.0,
    minutes: Annotated[float, typer.Option(help="Length of a playback.")] = 60.0,
    data: Annotated[Path, typer.Option(help="Folder of the demo; what an earlier demo left there is removed.")] = Path(
        "data/demo"
    ),
    port: Annotated[int, typer.Option(help="Port of the web server on 127.0.0.1; 0 picks a free one.")] = 3000,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 1,
) -> None:
    """Simulate a day, start Dagster, let the sensors process every playback and observation, and say how it went."""
    from mta_assets.cli.dagster_process import DagsterProcess, free_port
    from mta_assets.cli.demo_feed import one_late

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # what happens is said when it happens, in a log file too
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)  # also where the shell had them ignored: what was started is stopped
    _fresh(data)
    simulated = _simulate(data / "simulated", hours, minutes, seed)
    _deliver(data)
    server = DagsterProcess("chandra", data, free_port() if headless else port)
    with server:
        typer.echo(f"starting Dagster (log: {server.log}) …")
        ready = server.wait_until_ready()
        typer.secho(f"Dagster is up after {ready:.1f} s: {server.url}", bold=True)
        typer.echo(
            f"  assets and lineage {server.url}/asset-groups\n  runs {server.url}/runs\n  files {data.resolve()}"
        )
        server.wait_until_watching(_platform(data).settings.incoming)
        began = time.monotonic()
        content = _feed(data, one_late(simulated), server.log)
        problems = _check(data, simulated, content)
        problems += _observations(data, server)
        factor = hours * 3600 / (time.monotonic() - began)
        if factor < REQUIRED:
            problems.append(f"the day took longer than it may: {factor:.1f} × real time, required {REQUIRED:g}")
        complete = any(entry.complete for entry in _platform(data).catalog.obis())
        _summary(content, problems, pace(factor, hours, complete))
        if not headless:
            typer.echo(f"Dagster goes on at {server.url}; Ctrl-C ends it.")
            try:
                while True:
                    time.sleep(1)
            except KeyboardInterrupt:
                typer.echo("stopping …")
    raise typer.Exit(1 if problems else 0)


def _interrupted(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _fresh(data: Path) -> None:
    if data.exists() and any(data.iterdir()):
        if not (data / MARKER).exists():
            raise BadData(f"{data} holds something that no demo made: choose another folder with --data")
        shutil.rmtree(data)
    data.mkdir(parents=True, exist_ok=True)
    (data / MARKER).touch()


def _simulate(to: Path, hours: float, minutes: float, seed: int) -> list[Path]:
    from mta_assets.cli.telemetry import simulate

    began = time.monotonic()
    simulate(
        hours=hours, to=to, seed=seed, start="2024-03-01T00:00:00", minutes=minutes, faults=True, workers=2,
        mission="chandra", as_json=False,
    )  # fmt: skip
    seconds = time.monotonic() - began
    typer.echo(f"{hours:g} h simulated in {seconds:.0f} s ({hours * 3600 / seconds:.0f} × real time)")
    return sorted(to.glob("*.vcdu"))


def _platform(data: Path) -> Platform:
    url = f"sqlite:///{data.resolve() / 'chandra' / 'catalog.sqlite'}"  # the demo's own, whatever the settings say
    return Platform(Settings(mission="chandra", data=data, catalog_url=url))


def _deliver(data: Path) -> None:
    """What does not come by telemetry is there before the first playback: observing catalogue and star catalogues."""
    from mta_assets.cli.import_data import KINDS
    from mta_assets.pipelines.delivery_folder import delivery_folder
    from mta_assets.simulate.playbacks import DELIVERY, OBSCAT

    platform, simulated = _platform(data), data / "simulated"
    KINDS["observations"].take(simulated / OBSCAT, platform, None, False)
    shutil.copytree(simulated / DELIVERY, delivery_folder(platform))


def _observations(data: Path, server: DagsterProcess) -> list[str]:
    """Wait for the observations, show them, and say what differs from what was flown."""
    from mta_assets.cli.demo_observations import check_observations, wait_for_observations

    typer.echo("waiting for the observations …")
    platform = _platform(data)
    runs = wait_for_observations(server, platform, OBSERVATION_PATIENCE)
    rows, problems = check_observations(platform, data / "simulated" / "truth")
    shown = [{**row, "false": " ".join(f"{k} {n}" for k, n in sorted(row["false"].items()))} for row in rows]
    print_table("Observations against the truth", shown)
    typer.echo(f"{len(runs)} runs of observations")
    return problems + _without_stars(data)


def _feed(data: Path, playbacks: list[Path], log: Path) -> dict[str, Any]:
    """Drop one playback after the other as a ground station would, each when the one before is done."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from mta_assets.cli.demo_feed import feed

    platform = _platform(data)
    content: dict[str, Any] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=terminal()) as bar:
        task = bar.add_task("playbacks", total=len(playbacks))
        for number, path in enumerate(playbacks, 1):
            fed = feed(platform, path, log)
            content = fed.content
            if row := fed.row:
                bar.console.print(
                    f"{path.name}: {row['state']} after {row['latency [s]'] or 0:.1f} s, {row['products']} products, "
                    f"{row['faults']} faults, {row['findings']} findings"
                )
            elif fed.refused:
                bar.console.print(f"{path.name}: quarantined: {fed.refused['reason']}")
            bar.update(task, completed=number)
    return content


def _check(data: Path, playbacks: list[Path], content: dict[str, Any]) -> list[str]:
    """What is not as it should be after the day, in words."""
    problems = [f"{r['file']}: {r['state']}" for r in content["playbacks"] if r["state"] != "done"]
    missing = {path.name for path in playbacks} - {r["file"] for r in content["playbacks"]}
    problems += [f"{name} did not become a playback" for name in sorted(missing)]
    truth = json.loads((data / "simulated" / "truth" / "truth.json").read_text(encoding="utf-8"))
    problems += _compare_with_truth(data, truth)
    return problems


def _compare_with_truth(data: Path, truth: dict[str, Any]) -> list[str]:
    from mta_assets.simulate.compare import compare

    catalog = _platform(data).catalog
    # The truth is of what was put into the playbacks; what is said of observations follows from more than that.
    own = {entry.partition for entry in catalog.playbacks()}
    faults, findings = (
        [row for row in rows if row["partition"] in own] for rows in (catalog.faults(), catalog.findings())
    )
    return compare(truth, faults, findings, catalog.overlaps())


def _without_stars(data: Path) -> list[str]:
    """Observations that got the on-board attitude on the archival stream, though their stars were delivered."""
    found = _platform(data).catalog.findings(kind="no_aspect", stream="sdp")
    return [f"{row['partition']}: {row['detail']}" for row in found if row["name"] == f"{row['partition']} aspect"]


def pace(factor: float, hours: float, complete: bool) -> str:
    """How fast it went, in words; without an observation that is complete there is no level 2 to speak of."""
    if not complete:
        return f"no observation was complete in the {hours:g} h, so no level 2 was made; a longer stretch has some"
    return f"from the first playback to the last product of level 2: {factor:.0f} × real time"


def _summary(content: dict[str, Any], problems: list[str], speed: str) -> None:
    print_table("The day", [{k: v for k, v in row.items() if k != "playback"} for row in content["playbacks"]])
    latency = content["latency"]
    if latency["count"]:
        typer.secho(
            f"latency from file to last product: p50 {latency['p50']:.1f} s, p95 {latency['p95']:.1f} s, "
            f"longest {latency['max']:.1f} s over {latency['count']} playbacks",
            bold=True,
        )
    typer.secho(speed, bold=True)
    for problem in problems:
        typer.secho(problem, fg=typer.colors.RED, err=True)
    typer.secho("all as expected" if not problems else f"{len(problems)} problems", bold=True)
