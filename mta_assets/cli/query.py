"""``mta query``: ask in the query language; the answer in the terminal, in a file, as a plot, as copies of products."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mta_assets.cli.common import JsonOption, MissionOption, platform, print_json
from mta_assets.cli.watch import Watch, watching
from mta_assets.query.answer import Cancelled

if TYPE_CHECKING:
    from mta_assets.query.answer import Answer
    from mta_assets.query.fetch import Result
    from mta_assets.query.model import Query

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
LARGEST_QUERY = 1 << 20  # [character] taken from standard input; the language has a narrower limit of its own


def register(app: typer.Typer) -> None:
    """Add ``query``."""
    app.command()(query)


@dataclass(frozen=True)
class Asked:
    """What is asked, and what is done with the answer."""

    text: str
    title: str = ""
    output: str = ""
    plot: str = ""
    overwrite: bool = False


def memory(text: str) -> int:
    """Bytes of ``500M``, ``1G``, ``1.5GiB``; K, M, G, T are powers of 1024."""
    import re

    found = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*([KMGT]?)(?:I?B)?\s*", text, re.IGNORECASE)
    size = int(float(found[1]) * UNITS[found[2].upper()]) if found else 0
    if size <= 0:
        raise typer.BadParameter(f"{text!r} is no amount of memory: expected 500M, 1G or the like")
    return size


MemoryOption = Annotated[
    int, typer.Option("--limit-memory", parser=memory, metavar="SIZE", help="Memory that an answer may take.")
]


def query(
    text: Annotated[str | None, typer.Argument(metavar="QUERY", help="“GET …”; - reads it from the input.")] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="File: .fits .parquet .csv .ecsv .json; folder for PRODUCTS.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    plot: Annotated[str | None, typer.Option("--plot", metavar="FILE", help="Draw it: .png .pdf .svg.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Saved query (TOML) to run.")] = None,
    save: Annotated[Path | None, typer.Option("--save", help="Keep query and outputs as a saved query (TOML).")] = None,
    title: Annotated[str | None, typer.Option("--title", help="Title of plot and saved query.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show how it would be answered; run nothing.")] = False,
    limit: MemoryOption = "1G",  # type: ignore[assignment]
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask for any parameters over any time under any condition: docs/query.md has the language."""
    from mta_assets.query.fetch import Result
    from mta_assets.query.language import parse
    from mta_assets.query.run import run
    from mta_assets.query.session import sources

    asked = _asked(text, file)
    asked = replace(
        asked, output=output or asked.output, plot=plot or asked.plot, title=title or asked.title, overwrite=overwrite
    )
    parsed = parse(asked.text)
    parsed = replace(parsed, explain=True) if explain else parsed
    _check(asked, parsed, save)
    settings = platform(mission).settings
    try:
        with watching() as watch:
            told = watch.told("reading")
            answer = run(parsed, sources(settings), progress=told, cancel=watch.stopped, memory_limit=limit)
            _give(Result(answer, settings), asked, watch, as_json)
            if save is not None:
                _save(save, asked)
    except Cancelled as error:
        typer.echo("mta: interrupted; nothing was kept", err=True)
        raise typer.Exit(130) from error


def _asked(text: str | None, file: Path | None) -> Asked:
    """The query of the command line, of standard input or of a saved file: one of them."""
    from mta_assets.query.saved import load

    if (text is None) == (file is None):
        raise typer.BadParameter('give a query, "GET …", or a saved one with --file')
    if file is not None:
        saved = load(file)
        return Asked(saved.query, saved.title, saved.output, saved.plot)
    return Asked(sys.stdin.read(LARGEST_QUERY) if text == "-" else text or "")


def _check(asked: Asked, parsed: Query, save: Path | None) -> None:
    """Refuse what can not be written before anything is read."""
    from mta_assets.core.errors import MtaError
    from mta_assets.query.model import Products
    from mta_assets.query.output import check_targets, format_of
    from mta_assets.query.plots.draw import SUFFIXES

    if save is not None:
        check_targets([save], asked.overwrite)
    if parsed.explain:
        return
    is_products = isinstance(parsed.what, Products)
    if asked.output and not (is_products and is_folder(asked.output)):
        format_of(Path(asked.output))
        check_targets([Path(asked.output)], asked.overwrite)
    if asked.plot:
        if is_products:
            raise MtaError("complete products can not be drawn: take --plot away, or ask for their columns")
        if Path(asked.plot).suffix.lower() not in SUFFIXES:
            raise MtaError(f"{asked.plot}: a plot is a file {', '.join(SUFFIXES)}")
        check_targets([Path(asked.plot)], asked.overwrite)


def is_folder(output: str) -> bool:
    """Whether products are copied there, and not listed: it is a folder, or has no suffix of a format."""
    from mta_assets.query.output import SUFFIXES

    return output.endswith("/") or Path(output).is_dir() or not output.lower().endswith(tuple(SUFFIXES))


def _give(result: Result, asked: Asked, watch: Watch, as_json: bool) -> None:
    """Everything that is to be done with an answer."""
    from mta_assets.cli import query_show as show
    from mta_assets.query.model import Products

    answer = result.answer
    if answer.query.explain:
        print_json(answer.plan.to_json()) if as_json else typer.echo(show.plain(answer.plan.explain()))
        return
    files, rows = _written(result, asked, watch)
    if not files:
        show.as_json(answer, watch) if as_json else show.as_text(answer)
    elif as_json:
        sizes = sum(path.stat().st_size for path in files)
        print_json({"files": [str(path) for path in files], "rows": rows, "bytes": sizes, "notes": answer.notes})
    else:
        for path in files:
            typer.echo(f"{path}: {path.stat().st_size:,} bytes")
        what = "product" if isinstance(answer.query.what, Products) else "row"
        typer.echo(f"{rows:,} {what}{'s' * (rows != 1)}")
        show.notes(answer)


def _written(result: Result, asked: Asked, watch: Watch) -> tuple[list[Path], int]:
    """The files that the answer went to, and how many rows (or products) it has."""
    from mta_assets.query.model import Products
    from mta_assets.query.output import save

    files: list[Path] = []
    answer = result.answer
    rows = len(answer)
    if asked.output and isinstance(answer.query.what, Products) and is_folder(asked.output):
        return _copied(answer, Path(asked.output), asked.overwrite, watch), rows
    if asked.output:
        told: Callable[[int, int], Any] = watch.counted("writing")
        saved = save(answer, asked.output, overwrite=asked.overwrite, progress=told, cancel=watch.stopped)
        files, rows = list(saved.paths), saved.rows
    if asked.plot:
        result.plot(asked.plot, title=asked.title or None)
        files.append(Path(asked.plot))
    return files, rows


def _copied(answer: Answer, folder: Path, overwrite: bool, watch: Watch) -> list[Path]:
    """Copies of complete products in a folder, which is made if it is not there and goes again if that fails."""
    from mta_assets.archive.store import make_folder
    from mta_assets.query.output_products import copy_products

    made = bool(answer.products) and not folder.exists()
    if made:
        make_folder(folder)
    try:
        told = watch.counted("copying")
        saved = copy_products(answer.products, folder, overwrite=overwrite, progress=told, cancel=watch.stopped)
    except BaseException:
        if made:
            folder.rmdir()
        raise
    return list(saved.paths)


def _save(path: Path, asked: Asked) -> None:
    from mta_assets.query.saved import save

    saved = save(path, asked.text, asked.title, asked.output, asked.plot)
    typer.echo(f"{path}: saved, hash {saved.hash[:12]}…", err=True)
