"""``mta sql``: SQL over the archive, one statement or a prompt."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mta_assets.cli.common import JsonOption, MissionOption, platform, print_json, print_table
from mta_assets.cli.query import LARGEST_QUERY, MemoryOption
from mta_assets.cli.query_show import copied, plain
from mta_assets.core.errors import MtaError

if TYPE_CHECKING:
    from mta_assets.query.sql import SqlArchive
    from mta_assets.query.sql_rows import Rows

SHOWN = 40  # rows printed for people
DIGITS = {"FLOAT": 7}  # that a number of a type has; DOUBLE 15
HELP = ".tables lists tables, .schema NAME the columns of one, .quit leaves; a statement ends with ;"


def register(app: typer.Typer) -> None:
    """Add ``sql``."""
    app.command()(sql)


def sql(
    statement: Annotated[
        str | None,
        typer.Argument(metavar="STATEMENT", help="“SELECT …”; - reads it from the input; none opens a prompt."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File: .parquet .csv .json .fits .ecsv.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    limit: MemoryOption = "2G",  # type: ignore[assignment]
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the archive with SQL (DuckDB): a view for each group, products, playbacks, findings, observations."""
    from mta_assets.query.output import check_targets
    from mta_assets.query.session import telemetry_archive
    from mta_assets.query.sql import SqlArchive
    from mta_assets.query.sql_output import format_of

    if output is not None:
        format_of(output)
        check_targets([output], overwrite)
    is_prompt = statement is None and sys.stdin.isatty()
    if statement is None and output is not None:
        raise typer.BadParameter("--output needs a statement")
    with SqlArchive(telemetry_archive(platform(mission).settings), limit) as archive:
        if is_prompt:
            prompt(archive, input, as_json)
            return
        asked = sys.stdin.read(LARGEST_QUERY) if statement in (None, "-") else statement or ""
        try:
            rows = archive.execute(asked)
            _show(rows, as_json) if output is None else _write(archive, rows, output, asked, overwrite, as_json)
        except KeyboardInterrupt as error:
            typer.echo("mta: interrupted; nothing was kept", err=True)
            raise typer.Exit(130) from error
        _notes(archive)


def _write(archive: SqlArchive, rows: Rows, output: Path, asked: str, overwrite: bool, as_json: bool) -> None:
    from mta_assets.query.sql_output import write

    number = write(rows, output, asked, overwrite)
    report = {"file": str(output), "rows": number, "bytes": output.stat().st_size, "notes": list(archive.notes)}
    print_json(report) if as_json else typer.echo(f"{output}: {number:,} rows, {report['bytes']:,} bytes")


def _notes(archive: SqlArchive) -> None:
    for note in archive.notes:
        typer.echo(f"note: {plain(note)}", err=True)
    archive.notes.clear()


def _show(rows: Rows, as_json: bool) -> None:
    if as_json:
        from mta_assets.query.sql_output import write

        with tempfile.TemporaryDirectory(prefix="mta-") as folder:  # all of it or nothing, and never all in memory
            path = Path(folder) / "rows.json"
            write(rows, path, "")
            copied(path)
        return
    if rows.columns[:2] == ["explain_key", "explain_value"]:
        typer.echo("\n".join(plain(str(row[1])) for row in rows))
        return
    shown = list(islice(rows, SHOWN + 1))
    title = f"the first {SHOWN} rows" if len(shown) > SHOWN else f"{len(shown)} row{'s' * (len(shown) != 1)}"
    columns = [plain(name) for name in rows.columns]
    if not shown:
        typer.echo(f"0 rows of {', '.join(columns)}")
        return
    digits = [DIGITS.get(kind, 15) for kind in rows.types]
    table = [dict(zip(columns, map(_cell, row, digits), strict=True)) for row in shown[:SHOWN]]
    print_table(title, table)


def _cell(value: Any, digits: int) -> Any:
    if isinstance(value, float):
        return f"{value:.{digits}g}"  # all that it has: seconds of a mission are ten digits before the point
    return value if value is None or (isinstance(value, int) and not isinstance(value, bool)) else plain(str(value))


def prompt(archive: SqlArchive, ask: Callable[[str], str], as_json: bool) -> None:
    """Take statements from people until they leave; errors are said, Ctrl-C ends a statement, not the prompt."""
    with suppress(ImportError):
        import readline  # noqa: F401  # gives the line editing and a history of this session
    typer.echo(HELP)
    for line in _statements(ask):
        try:
            if line.startswith("."):
                if not _command(archive, line):
                    return
            else:
                _show(archive.execute(line), as_json)
            _notes(archive)
        except MtaError as error:
            typer.secho(plain(str(error)), fg=typer.colors.RED, err=True)
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)


def _statements(ask: Callable[[str], str]) -> Iterator[str]:
    """Lines that begin with a dot, and statements up to their semicolon."""
    waiting: list[str] = []
    while True:
        try:
            line = ask("   ...> " if waiting else "mta> ")
        except EOFError:
            typer.echo("")
            return
        except KeyboardInterrupt:
            typer.echo("")
            waiting.clear()
            continue
        if not waiting and line.strip().startswith("."):
            yield line.strip()
            continue
        waiting += [line] if line.strip() or waiting else []
        if line.rstrip().endswith(";"):
            yield "\n".join(waiting)
            waiting.clear()


def _command(archive: SqlArchive, line: str) -> bool:
    """A line with a dot; False leaves."""
    word, _, name = line.rstrip(";").partition(" ")
    if word in (".quit", ".exit"):
        return False
    if word == ".tables":
        typer.echo("\n".join(plain(name) for name in archive.tables))
    elif word == ".schema" and name.strip():
        from mta_assets.query.sql_views import quoted

        _show(archive.execute(f"DESCRIBE {quoted(name.strip())}"), False)
    else:
        typer.echo(HELP)
    return True
