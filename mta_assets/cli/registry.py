"""Commands on the registry and on single pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mta_assets.cli.common import JsonOption, MissionOption, platform, print_json, print_table, wrong_use
from mta_assets.core.errors import ConfigError, WrongRequest

if TYPE_CHECKING:
    from mta_assets.core.tables import Table


def register(app: typer.Typer) -> None:
    """Add ``registry`` and ``pipeline``."""
    registry = typer.Typer(help="Products and pipelines of a mission.", no_args_is_help=True)
    registry.command("check")(check)
    registry.command("show")(show)
    app.add_typer(registry, name="registry")
    pipeline = typer.Typer(help="Single pipelines, without scheduler or archive.", no_args_is_help=True)
    pipeline.command("run")(run)
    app.add_typer(pipeline, name="pipeline")


def check(mission: MissionOption = None, as_json: JsonOption = False) -> None:
    """Prove that the registry holds together; exit status 1 if it does not."""
    from mta_assets.pipelines.registry_check import check as problems_of

    registry = platform(mission).registry
    problems = problems_of(registry)
    if as_json:
        print_json({"version": registry.version, "problems": problems})
    else:
        for problem in problems:
            typer.secho(problem, fg=typer.colors.RED)
        count = f"{len(registry.products)} products, {len(registry.pipelines)} pipelines"
        typer.echo(f"{count}, registry {registry.version[:12]}: {len(problems) or 'no'} problems")
    raise typer.Exit(1 if problems else 0)


def show(
    name: Annotated[str | None, typer.Argument(help="A file id or pipe id; without it, all.")] = None,
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show products and pipelines, or one of them whole."""
    registry = platform(mission).registry
    if name:
        found = [e for e in (registry.products.get(name), registry.pipelines.get(name)) if e is not None]
        if not found:
            known = sorted({*registry.products, *registry.pipelines})
            raise typer.BadParameter(f"{name!r} is neither a product nor a pipeline; known: {', '.join(known)}")
        print_json([entry.model_dump(mode="json") for entry in found])
        return
    products = [
        {"file id": p.id, "level": p.level, "format": p.format, "title": p.title, "pattern": p.pattern}
        for p in registry.products.values()
    ]
    pipelines = [
        {
            "pipe id": p.id,
            "streams": " ".join(p.streams),
            "partition": p.partition,
            "kickoff": " ".join(f"{k}={v}" for k, v in p.kickoff.items()),
            "inputs": " ".join(p.inputs),
            "outputs": " ".join(p.outputs),
        }
        for p in registry.pipelines.values()
    ]
    if as_json:
        print_json({"products": products, "pipelines": pipelines})
    else:
        print_table("Products", products)
        print_table("Pipelines", pipelines)


def run(
    pipe_id: Annotated[str, typer.Argument(help="The pipeline, as `mta registry show` lists it.")],
    inputs: Annotated[list[str], typer.Option("--input", "-i", help="FILE_ID=PATH, once for each input file.")],
    to: Annotated[Path, typer.Option("--to", help="Folder for products and the run log.")],
    calibration: Annotated[
        list[Path] | None,
        typer.Option(
            "--calibration", help="Calibration file, in place of the mission's of its kind; its name says which."
        ),
    ] = None,
    facts: Annotated[list[str] | None, typer.Option("--fact", help="NAME=VALUE for kickoff and conditions.")] = None,
    stream: Annotated[str, typer.Option(help="sdp (archival) or sap (quick look).")] = "sdp",
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run one pipeline's profile on given files: the way to try a thing. Exit status 1 unless done or nothing to do."""
    from mta_assets.pipelines.direct import run_direct

    chosen = platform(mission)
    registry = chosen.registry  # read here, so that what is wrong in it is not taken for wrong use
    with wrong_use(ConfigError):
        registry.pipeline(pipe_id)
    files: dict[str, list[Path]] = {}
    for text in inputs:
        file_id, separator, path = text.partition("=")
        if not separator:
            raise typer.BadParameter(f"--input {text!r}: expected FILE_ID=PATH")
        files.setdefault(file_id, []).append(Path(path))
    for given in calibration or []:
        files.setdefault(registry.recognise(given.name)[0], []).append(given)
    stated = dict(_fact(text) for text in facts or [])
    with wrong_use(WrongRequest):
        result = run_direct(registry, pipe_id, files, to, stream=stream, facts=stated)
    summary = {
        "pipeline": pipe_id,
        "outcome": result.outcome,
        "message": result.message,
        "products": [{"name": p.name, "rows": p.rows, "sha256": p.sha256[:12]} for p in result.products],
        "findings": _rows(result.findings),
        "faults": _rows(result.faults),
        "log": str(result.log_path),
    }
    if as_json:
        print_json(summary)
    else:
        typer.echo(f"{pipe_id}: {result.outcome}. {result.message}")
        for title in ("products", "findings", "faults"):
            if summary[title]:
                print_table(title.capitalize(), summary[title])  # type: ignore[arg-type]
        typer.echo(f"log: {result.log_path}")
    raise typer.Exit(0 if result.outcome in ("done", "nothing to do") else 1)


REPORTED = ("severity", "kind", "name", "source", "count", "detail")  # of findings and faults


def _rows(table: Table | None) -> list[dict[str, Any]]:
    """What a run reports, in the columns that people read."""
    if table is None:
        return []
    names = [name for name in REPORTED if name in table]
    return [dict(zip(names, row, strict=True)) for row in zip(*(table[name].tolist() for name in names), strict=True)]


def _fact(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"--fact {text!r}: expected NAME=VALUE")
    return name, value
