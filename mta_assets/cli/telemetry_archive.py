"""``mta archive …``: the telemetry archive looked at, checked, tidied up and corrected."""

from __future__ import annotations

import getpass
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mta_assets.cli import import_data
from mta_assets.cli.common import JsonOption, MissionOption, platform, print_json, print_table
from mta_assets.cli.watch import watching
from mta_assets.core import times
from mta_assets.core.errors import BadData
from mta_assets.core.samples import SECOND, nanosecond

if TYPE_CHECKING:
    from mta_assets.archive.corrections import Correction
    from mta_assets.archive.telemetry import TelemetryArchive

LONGEST_AUTHOR = 100  # [character] as the schema has it


def register(app: typer.Typer) -> None:
    """Add ``archive`` with its commands."""
    group = typer.Typer(help="The telemetry archive.", no_args_is_help=True)
    for command in (status, verify, compact, collect, corrections, correct, uncorrect):
        group.command()(command)
    import_data.register(group)
    app.add_typer(group, name="archive")


def instant(text: str) -> float:
    """A time of the command line: UTC, or TT seconds since 1998.0."""
    from mta_assets.query.utc import as_seconds

    try:
        found = as_seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if not abs(found) < 9e9:  # also what is no number: int64 ns end there
        raise typer.BadParameter(f"{text!r} is no time of a mission")
    return found


def login() -> str:
    """The name that the user is logged in with; empty if there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


FromArgument = Annotated[float, typer.Argument(parser=instant, metavar="FROM", help="UTC, or TT seconds since 1998.0.")]
ToArgument = Annotated[
    float, typer.Argument(parser=instant, metavar="TO", help="The end, which does not belong to it.")
]
AuthorOption = Annotated[
    str, typer.Option("--author", default_factory=login, show_default="the login name", help="Who.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why.")]


def _archive(mission: str | None) -> TelemetryArchive:
    from mta_assets.query.session import telemetry_archive

    return telemetry_archive(platform(mission).settings)


def status(mission: MissionOption = None, as_json: JsonOption = False) -> None:
    """Show groups with their rows and times, files and bytes by tier, and how many sources gave them."""
    from mta_assets.archive.telemetry_status import status as look

    found = look(_archive(mission))
    if as_json:
        print_json(asdict(found))
        return
    groups = [
        {**asdict(one), "tstart": _utc(one.tstart), "tstop": _utc(one.tstop)} for one in found.groups
    ]  # fmt: skip
    print_table("Groups", groups)
    print_table("Files", [asdict(one) for one in found.tiers])
    size = sum(one.bytes for one in found.tiers)
    typer.echo(
        f"transaction {found.transaction}: {sum(one.parameters for one in found.groups):,} parameters, "
        f"{sum(one.rows for one in found.groups):,} rows of {found.sources:,} sources, {size:,} bytes, "
        f"{found.corrections:,} corrections, {found.garbage:,} files to be collected"
    )


def _utc(time: float | None) -> str | None:
    return None if time is None else times.to_utc_iso(time, 0)


def verify(
    recompute: Annotated[bool, typer.Option("--recompute", help="Compute the statistics anew and compare.")] = False,
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check every file by its hash and against the catalog; exit status 1 if something is wrong."""
    from mta_assets.archive.telemetry_verify import verify as check

    archive = _archive(mission)
    with watching(gently=False) as watch:
        problems = [asdict(problem) for problem in check(archive, recompute, watch.counted("checking"))]
    if as_json:
        print_json(problems)
    elif problems:
        print_table(f"{len(problems)} problems", problems)
    else:
        typer.echo("no problems")
    if problems:
        raise typer.Exit(1)


def compact(
    before: Annotated[
        float | None, typer.Option("--before", parser=instant, metavar="TIME", help="Only what ended by then.")
    ] = None,
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make one segment a day, month and year of the many small ones; what the archive answers stays the same."""
    from mta_assets.archive.telemetry_compact import Compacted
    from mta_assets.archive.telemetry_compact import compact as run

    archive = _archive(mission)
    with watching(gently=False) as watch:
        tell = watch.said("compacting")

        def told(one: Compacted) -> None:
            tell(f"{one.group} {one.kind}: {one.segments} segments to one {one.tier}")

        done = run(archive, None if before is None else nanosecond(before), told)
    if as_json:
        print_json([asdict(one) for one in done])
        return
    segments, rows = sum(one.segments for one in done), sum(one.rows for one in done)
    typer.echo(f"{len(done):,} compactions: {segments:,} segments became {len(done):,}, {rows:,} rows")


def collect(
    grace: Annotated[float, typer.Option("--grace", min=0.0, help="Seconds that files stay after their use.")] = 3600.0,
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove files that no reader can need: replaced by compaction, or left by a writer that died."""
    from mta_assets.archive.telemetry_collect import collect as run

    done = run(_archive(mission), grace)
    if as_json:
        print_json(asdict(done))
        return
    typer.echo(
        f"{done.replaced:,} replaced files and {done.orphans:,} orphans removed, {done.bytes:,} bytes; "
        f"{done.folded:,} replaced segments let go of"
    )


def corrections(
    parameter: Annotated[
        str | None, typer.Argument(metavar="PARAMETER", help="Only of this parameter (and those of all).")
    ] = None,
    withdrawn: Annotated[bool, typer.Option("--all", help="Withdrawn ones too.")] = False,
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List corrections: bad times and values with author and reason."""
    archive = _archive(mission)
    if parameter is not None:
        parameter = _known(archive, parameter)
    found = [one for one in archive.corrections(parameter) if withdrawn or one.dead is None]
    rows = [_row(one, withdrawn) for one in found]
    print_json(rows) if as_json else print_table("Corrections", rows)


def _row(one: Correction, withdrawn: bool) -> dict[str, Any]:
    row = {
        "number": one.id,
        "parameter": one.parameter,
        "from": times.to_utc_iso(one.start / SECOND),
        "to": times.to_utc_iso(one.stop / SECOND),
        "kind": one.kind,
        "value": one.value,
        "author": one.author,
        "reason": one.reason,
        "made": times.to_utc_iso(one.made, 0),
    }
    if withdrawn:
        row |= {"withdrawn": _utc(one.withdrawn), "by": one.withdrawn_by, "why": one.withdrawn_why}
    return row


def _known(archive: TelemetryArchive, parameter: str) -> str:
    """The parameter as the archive writes it; near ones are said where there is none."""
    from mta_assets.query.near import near_names

    snapshot = archive.snapshot()
    info = snapshot.info(parameter)
    if parameter != "*" and info is None:
        near = near_names(parameter, snapshot.names())
        hint = f"; near ones are {', '.join(near)}" if near else ""
        raise typer.BadParameter(f"no parameter {parameter!r} in the telemetry archive{hint}")
    return parameter if info is None else info.name


def correct(
    parameter: Annotated[str, typer.Argument(metavar="PARAMETER", help="Parameter, or '*' for all.")],
    start: FromArgument,
    stop: ToArgument,
    author: AuthorOption,
    reason: ReasonOption,
    bad: Annotated[bool, typer.Option("--bad", help="Its samples are bad.")] = False,
    value: Annotated[float | None, typer.Option("--value", help="Its samples have this value.")] = None,
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Declare samples from a time up to another bad, or give them a value; the statistics follow."""
    if bad == (value is not None):
        raise typer.BadParameter("say either --bad or --value X")
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"--value {value}: expected a number")
    _signed(author, reason)
    archive = _archive(mission)
    name = _known(archive, parameter)
    number = archive.add_correction(name, start, stop, "bad" if bad else "value", value, author, reason)
    print_json({"number": number}) if as_json else typer.echo(f"correction {number} of {name} by {author}")


def uncorrect(
    numbers: Annotated[list[int], typer.Argument(metavar="N…", help="Numbers of corrections.")],
    author: AuthorOption,
    reason: ReasonOption,
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Withdraw corrections: what they covered shows as it came."""
    _signed(author, reason)
    archive = _archive(mission)
    standing = {one.id for one in archive.corrections() if one.dead is None}
    unknown = [number for number in numbers if number not in standing]
    if unknown:
        raise BadData(
            f"no correction {', '.join(map(str, unknown))} that stands; `mta archive corrections` lists them; "
            "nothing was withdrawn"
        )
    for number in dict.fromkeys(numbers):
        archive.withdraw_correction(number, author, reason)
        if not as_json:
            typer.echo(f"correction {number} withdrawn by {author}")
    if as_json:
        print_json({"withdrawn": list(dict.fromkeys(numbers))})


def _signed(author: str, reason: str) -> None:
    for option, text in (("--author", author), ("--reason", reason)):
        if not text.strip() or not text.isprintable():
            raise typer.BadParameter(f"{option}: expected printable text")
    if len(author) > LONGEST_AUTHOR:
        raise typer.BadParameter(f"--author: expected at most {LONGEST_AUTHOR} characters")
