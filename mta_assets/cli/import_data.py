"""``mta archive import``: files of other systems into the telemetry archive and the observing catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mta_assets.cli.common import JsonOption, MissionOption, platform, print_json, print_table
from mta_assets.core.errors import BadData, MtaError

if TYPE_CHECKING:
    from mta_assets.archive.import_bad_times import BadTimes
    from mta_assets.archive.import_lines import FileImport
    from mta_assets.archive.import_tables import TableImport
    from mta_assets.pipelines.platform import Platform

SHOWN = 10  # lines left out that are shown; --json has all
HEAD = 400  # [byte] by which a kind is guessed
AUTHOR = "mta archive import"


@dataclass(frozen=True)
class Kind:
    """One kind of file: what it is, how its name or beginning shows it, and what takes it in.

    ``take`` reads the file and, unless it is a dry run, stores it; it returns the report.
    """

    about: str
    name: str
    content: str
    take: Callable[[Path, Platform, str | None, bool], dict[str, Any]]


def register(app: typer.Typer) -> None:
    """Add ``import``."""
    app.command("import")(import_files)


def import_files(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE…", help="Files to import.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="What the files are; guessed if not given.")] = None,
    source: Annotated[str | None, typer.Option(help="Name that the rows are kept under; of one file only.")] = None,
    list_kinds: Annotated[bool, typer.Option("--list", help="List the kinds of files, import nothing.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and report, write nothing.")] = False,
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import tables, packets, states, limits, commands … ; the same file again replaces what it gave before."""
    if list_kinds:
        rows = [{"kind": name, "what": one.about} for name, one in KINDS.items()]
        print_json(rows) if as_json else print_table("Kinds of files", rows)
        return
    if not files:
        raise typer.BadParameter("name at least one file, or --list")
    if kind is not None and kind not in KINDS:
        raise typer.BadParameter(f"--kind {kind!r}: expected one of {', '.join(KINDS)}")
    if source is not None and (len(files) > 1 or not 0 < len(source) <= 200 or not source.isprintable()):
        raise typer.BadParameter("--source: expected one file and a printable name of at most 200 characters")
    house = platform(mission)
    reports = [_import(path, kind, house, source, dry_run) for path in files]
    if as_json:
        print_json(reports)
    else:
        _show(reports, dry_run)
    if any(report["outcome"] == "refused" for report in reports):
        raise typer.Exit(1)


def _import(path: Path, kind: str | None, house: Platform, source: str | None, dry_run: bool) -> dict[str, Any]:
    """One file; what is wrong with it does not keep the others out."""
    try:
        name = kind or guess(path)
        report = KINDS[name].take(path, house, source, dry_run)
    except MtaError as error:
        return {"file": str(path), "kind": kind or "", "outcome": "refused", "reason": str(error)}
    return {**report, "kind": name, "outcome": "read" if dry_run else "imported"}


def guess(path: Path) -> str:
    """Kind of a file by its name, else by how it begins.

    Raises
    ------
    BadData
        If it can not be read or neither tells.
    """
    for name, kind in KINDS.items():
        if kind.name and re.fullmatch(kind.name, path.name, re.IGNORECASE):
            return name
    try:
        with path.open("rb") as file:
            head = file.read(HEAD).decode("latin-1")
    except OSError as error:
        raise BadData(f"{path}: can not be read: {error.strerror}") from error
    for name, kind in KINDS.items():
        if kind.content and re.match(kind.content, head, re.IGNORECASE):
            return name
    raise BadData(f"{path}: neither its name nor its beginning tells what it is; say --kind, one of {', '.join(KINDS)}")


def _show(reports: list[dict[str, Any]], dry_run: bool) -> None:
    rows = [
        {name: report.get(name, "") for name in ("file", "kind", "outcome", "source", "rows", "taken")}
        for report in reports
    ]
    print_table("Read, nothing written" if dry_run else "Import", rows)
    for report in reports:
        lines = [report["reason"]] if "reason" in report else []
        lines += [f"{number} {what}" for what, number in report.get("counts", {}).items()]
        lines += report.get("remarks", [])
        out = report.get("left out", [])
        lines += [f"left out: {line}" for line in out[:SHOWN]]
        lines += [f"… and {len(out) - SHOWN} more lines left out"] if len(out) > SHOWN else []
        for line in lines:
            typer.echo(f"{Path(report['file']).name}: {line}")


# ---- what takes a file in


def _table(read: Callable[..., TableImport]) -> Callable[[Path, Platform, str | None, bool], dict[str, Any]]:
    """A table for the telemetry archive."""

    def take(path: Path, house: Platform, source: str | None, dry_run: bool) -> dict[str, Any]:
        from mta_assets.archive.import_tables import put

        found = read(path, house, source)
        if dry_run:
            return found.report()
        return {**found.report(), "transaction": put(house.telemetry, found).transaction}

    return take


def _catalogue(read: Callable[[Path], FileImport]) -> Callable[[Path, Platform, str | None, bool], dict[str, Any]]:
    """Rows for the observing catalogue and its neighbours."""

    def take(path: Path, house: Platform, source: str | None, dry_run: bool) -> dict[str, Any]:
        from mta_assets.archive.observing import Observing

        found = read(path)
        name = source or found.source
        if not dry_run:
            if not len(found.content):
                raise BadData(f"{path}: no row could be taken over; nothing was changed")
            with Observing(house.settings.database_url) as observing:
                observing.replace(name, found.content, reason=f"import of {path.name}")
        return {
            "file": str(path), "source": name, "rows": found.lines, "taken": found.good,
            "counts": {}, "left out": [str(line) for line in found.bad], "remarks": list(found.remarks),
        }  # fmt: skip

    return take


def _bad_times(path: Path, house: Platform, source: str | None, dry_run: bool) -> dict[str, Any]:
    """Corrections of the telemetry archive; one that is there already is not made again."""
    from mta_assets.archive.import_bad_times import read_bad_times

    found: BadTimes = read_bad_times(path)
    left_out = [str(line) for line in found.bad]
    made, known = (0, 0) if dry_run else _correct(found, house, left_out)
    taken = len(found.times) if dry_run else made + known
    return {
        "file": str(path), "source": path.name, "rows": found.lines, "taken": taken,
        "counts": {what: n for what, n in (("corrections made", made), ("corrections there already", known)) if n},
        "left out": left_out, "remarks": [],
    }  # fmt: skip


def _correct(found: BadTimes, house: Platform, left_out: list[str]) -> tuple[int, int]:
    from mta_assets.core.samples import nanosecond

    archive = house.telemetry
    standing: set[tuple[str, int, int, str]] = {
        (c.parameter.upper(), c.start, c.stop, c.kind) for c in archive.corrections() if c.withdrawn is None
    }
    made = known = 0
    for bad in found.times:
        key = (bad.parameter.upper(), nanosecond(bad.start), nanosecond(bad.stop), "bad")
        if key in standing:
            known += 1
            continue
        try:
            archive.add_correction(bad.parameter, bad.start, bad.stop, kind="bad", author=AUTHOR, reason=bad.reason)
            standing.add(key)
            made += 1
        except BadData as error:
            left_out.append(f"{bad.reason}: {error}")
    return made, known


def _thermal(path: Path, house: Platform, source: str | None) -> TableImport:
    from mta_assets.archive.import_thermal import read_thermal

    return read_thermal(path, source)


def _hrc(path: Path, house: Platform, source: str | None) -> TableImport:
    from mta_assets.archive.import_hrc_temperatures import read_hrc_temperatures

    return read_hrc_temperatures(path, source)


def _gain(path: Path, house: Platform, source: str | None) -> TableImport:
    from mta_assets.archive.import_gain import read_gain

    return read_gain(path, source)


def _cti(path: Path, house: Platform, source: str | None) -> TableImport:
    from mta_assets.archive.import_gain import read_cti

    return read_cti(path, source)


def _packets(path: Path, house: Platform, source: str | None) -> TableImport:
    from mta_assets.archive.import_packets import read_packets

    return read_packets(path, house.mission, source)


def _states(path: Path) -> FileImport:
    from mta_assets.archive.import_states import read_states

    return read_states(path)


def _commands(path: Path) -> FileImport:
    from mta_assets.archive.import_commands import read_backstop

    return read_backstop(path)


def _gratings(path: Path) -> FileImport:
    from mta_assets.archive.import_gratings import read_grating_moves

    return read_grating_moves(path)


def _observations(path: Path) -> FileImport:
    from mta_assets.archive.import_observations import read_observations

    return read_observations(path)


def _limits(path: Path) -> FileImport:
    from mta_assets.query.limit_history import read_limit_history

    return read_limit_history(path)


KINDS: Mapping[str, Kind] = {
    "thermal": Kind(
        "five-minute temperatures with model predictions (CSV)", r".*_[a-z]{3}\d{4}[a-z]\.csv(\.gz)?", "date,",
        _table(_thermal),
    ),
    "hrc_temperatures": Kind("ten years of daily HRC temperatures (xlsx)", r".*hrc.*\.xlsx", "", _table(_hrc)),
    "gain": Kind("gain of a CCD node (ccd7_3)", r"ccd\d_[0-3](\.gz)?", "", _table(_gain)),
    "cti": Kind("history of CTI, two columns", r"detrended_data", "", _table(_cti)),
    "packets": Kind("CCSDS packets of the mission", r".*\.(pkts|dat1|tlm)", "", _table(_packets)),
    "states": Kind("commanded states of kadi (ECSV)", r".*\.ecsv", r"# %ECSV", _catalogue(_states)),
    "commands": Kind("commands of a load (backstop)", r".*\.backstop", "", _catalogue(_commands)),
    "grating_moves": Kind("moves of the gratings", r".*grating_moves.*", r"DIRN GRATING", _catalogue(_gratings)),
    "observations": Kind("observing catalogue with times (CSV)", r"obscat.*\.csv", "", _catalogue(_observations)),
    "limits": Kind("history of limits (SQLite)", r".*\.sqlite3?", r"SQLite format 3", _catalogue(_limits)),
    "bad_times": Kind("bad times of long-term trends", r"ltt_bads.*", r"\s*tstart\s*\|\s*msid", _bad_times),
}  # fmt: skip
