"""Commands on deliveries and observations: put finished products in, take them back, list observations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from mta_assets.archive.entries import ObiEntry
from mta_assets.cli.common import JsonOption, MissionOption, platform, print_json, print_table
from mta_assets.core import times
from mta_assets.core.errors import BadData
from mta_assets.pipelines.platform import Platform


def register(app: typer.Typer) -> None:
    """Add ``deliver`` and ``observations``."""
    app.command()(deliver)
    app.command()(observations)


def deliver(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE|FOLDER…", help="Files, or folders with files at any depth.")
    ] = None,
    withdraw: Annotated[
        list[str] | None, typer.Option("--withdraw", metavar="NAME", help="Take a delivered product back.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why it is withdrawn.")] = "",
    link: Annotated[bool, typer.Option("--link/--copy", help="Link files instead of copying them.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")] = False,
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter finished products from outside into the archive, where they win over our own; or withdraw them."""
    if bool(paths) == bool(withdraw):
        raise typer.BadParameter("say either which files and folders, or --withdraw NAME")
    chosen = platform(mission)
    if withdraw:
        rows = [_withdrawn(chosen, name, reason) for name in withdraw]
        print_json(rows) if as_json else print_table("Withdrawn", rows)
        return
    rows = [row for path in paths or [] for row in _delivered(chosen, path, link, dry_run)]
    print_json(rows) if as_json else print_table("Deliveries", [_readable(row) for row in rows])
    if any(row["state"] == "refused" for row in rows):
        raise typer.Exit(1)


def _withdrawn(chosen: Platform, name: str, reason: str) -> dict[str, Any]:
    from mta_assets.pipelines.delivery import withdraw

    entry, back = withdraw(chosen, name, reason)
    return {"name": entry.name, "file_id": entry.file_id, "partition": entry.partition, "stands again": back}


def _delivered(chosen: Platform, path: Path, link: bool, dry_run: bool) -> Iterator[dict[str, Any]]:
    """One row for each file; in a folder, files whose name is no product's are left aside."""
    from mta_assets.pipelines.delivery import deliver
    from mta_assets.pipelines.delivery_check import recognised
    from mta_assets.pipelines.delivery_folder import found_below

    if not path.exists():
        yield _refused(path.name, f"{path}: there is no such file or folder")
        return
    files = [path / name for name in sorted(found_below(path))] if path.is_dir() else [path]
    for file in files:
        try:
            recognised(chosen.registry, file.name)
        except BadData as error:
            yield _refused(file.name, str(error), "refused" if file == path else "left aside")
            continue
        try:
            if not file.is_file():
                raise BadData(f"{file}: expected a regular file")
            yield asdict(deliver(chosen, file, "link" if link else "copy", dry_run))
        except (BadData, OSError) as error:
            yield _refused(file.name, str(error))


def _refused(name: str, text: str, state: str = "refused") -> dict[str, Any]:
    empty = {"file_id": "", "partition": "", "tstart": None, "tstop": None, "rows": 0}
    return {"name": name, "state": state, **empty, "text": text}


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    shown = {"name": row["name"], "state": row["state"], "file id": row["file_id"], "partition": row["partition"]}
    begin = None if row["tstart"] is None else times.to_utc_iso(row["tstart"], 0)
    return {**shown, "from": begin, "rows": row["rows"], "": row["text"]}


def observations(
    observation: Annotated[
        str | None, typer.Argument(metavar="OBSERVATION", help="Of this one (28101_000): how its streams differ.")
    ] = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that are not complete.")] = False,
    stale: Annotated[bool, typer.Option("--stale", help="Only those with stale products, and why they are.")] = False,
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List observation intervals that telemetry or deliveries show, with what they still wait for; or compare the
    archival and the quick-look stream of one."""
    if observation is not None:
        if waiting or stale:
            raise typer.BadParameter("--waiting and --stale are for the list, not for one observation")
        _streams(observation, mission, as_json)
        return
    chosen = platform(mission)
    found = chosen.catalog.obis()
    if stale:
        rows = _stale(chosen, found)
        print_json(rows) if as_json else print_table("Observations to be made again", rows)
        return
    rows = [
        {
            "observation": entry.partition,
            "from": times.to_utc_iso(entry.tstart, 0),
            "to": times.to_utc_iso(entry.tstop, 0),
            "state": "complete" if entry.complete else entry.waits_for,
            "revision": entry.revision,
            "facts": dict(entry.facts) if as_json else " ".join(f"{k}={v}" for k, v in sorted(entry.facts.items())),
            "sources": list(entry.sources) if as_json else ", ".join(entry.sources),
        }
        for entry in found
        if not (waiting and entry.complete)
    ]
    print_json(rows) if as_json else print_table("Observations", rows)


def _streams(key: str, mission: str | None, as_json: bool) -> None:
    from mta_assets.pipelines.stream_report import stream_report

    found = stream_report(platform(mission), key)
    if as_json:
        print_json(found)
        return
    aspect = [
        {"axis": r["axis"], **{f"{n} [arcsec]": _rounded(n, r[n]) for n in ("median", "scatter")}}
        for r in found["aspect"]
    ]
    print_table(f"{key}: on-board minus ground attitude", aspect)
    rows = [{name: _rounded(name, value) for name, value in row.items()} for row in found["sources"]]
    print_table(f"{key}: sources, quick look minus archival [arcsec]", rows)
    for text in found["lacks"]:
        typer.echo(f"not there: {text}")


def _rounded(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    digits = 6 if name.startswith(("ra", "dec")) else 1 if name == "significance" else 4
    return f"{value:.{digits}f}"


def _stale(chosen: Platform, found: Sequence[ObiEntry]) -> list[dict[str, Any]]:
    from mta_assets.pipelines.stale import by_partition, stale

    grouped = by_partition(stale(chosen))
    return [
        {
            "observation": entry.partition,
            "from": times.to_utc_iso(entry.tstart, 0),
            "products": len(grouped[entry.partition]),
            "because": "; ".join(dict.fromkeys(text for one in grouped[entry.partition] for text in one.roots)),
        }
        for entry in found
        if entry.partition in grouped
    ]
