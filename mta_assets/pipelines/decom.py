"""``mta decom``: one file of telemetry to Parquet tables, block by block, and a report of what was found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.archive.parquet_stream import TableFolder
from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table
from mta_assets.missions.load import load_mission
from mta_assets.settings import Settings

BLOCK_SECONDS = 3600.0


def decommutate_file(
    file: Path, to: Path, mission: str | None = None, dictionary: Path | None = None, near: float | None = None
) -> dict[str, Any]:
    """Decommutate a file into ``to``, one Parquet table per packet type or rate group.

    Parameters
    ----------
    file
        Frames or CCSDS packets.
    to
        Folder, made if it is not there.
    mission
        Name or folder; the one of the settings, if not given. Not needed with ``dictionary``.
    dictionary
        An XTCE file that is used instead of a mission's dictionary; times then follow from the mission, if one is
        given and its rule fits the packets.
    near
        A time near the first frame, for frame files whose names do not say it.

    Returns
    -------
    ``tables`` (table, rows, columns, file), ``faults`` (those without a time have None there) and a ``summary``.

    Raises
    ------
    BadData
        If there is nothing in the file that the dictionary describes; then no table is written.
    """
    if to.exists() and not to.is_dir():
        raise BadData(f"{to}: expected a folder to write the tables to, it is a file; name another one")
    if dictionary is not None:
        parts, faults = _packets(file, dictionary, mission)
    else:
        parts, faults = _playback(file, mission or Settings().mission, near)
    with TableFolder(to) as folder:
        for name, table in parts:
            folder.write(name, table)
    if not folder.tables:
        raise BadData(f"{file}: nothing in it that the dictionary describes")
    tables = [
        {
            "table": table.name,
            "rows": table.rows,
            "columns": table.columns,
            "file": ", ".join(path.name for path in table.paths),
        }
        for table in folder.tables.values()
    ]
    found = faults()
    rows = sum(table.rows for table in folder.tables.values())
    return {
        "file": str(file),
        "tables": tables,
        "faults": found,
        "summary": f"{len(tables)} tables, {rows} rows, {len(found)} faults",
    }


def _packets(file: Path, dictionary: Path, mission: str | None) -> tuple[Iterator[tuple[str, Table]], Any]:
    from mta_assets.telemetry.ccsds import Framer
    from mta_assets.telemetry.packet_decom import decode, iter_packet_blocks, tables
    from mta_assets.telemetry.xtce import load_xtce

    model = load_xtce(dictionary)
    rule = load_mission(mission).file.packet_time if mission else None
    framer = Framer()
    troubles: list[dict[str, Any]] = []

    def parts() -> Iterator[tuple[str, Table]]:
        first = 0
        for packets in iter_packet_blocks(file, framer):
            decoded = decode(model, packets)
            troubles.extend({"kind": t.kind, "source": t.source, "detail": t.detail} for t in decoded.troubles)
            yield from tables(model, packets, decoded, rule, first).items()
            first += len(packets)
        if not first:
            raise BadData(f"{file}: expected CCSDS packets, found none in {file.stat().st_size} bytes")

    def faults() -> list[dict[str, Any]]:
        flaws = [{"kind": f.kind, "source": "packets", "detail": f.detail} for f in framer.flaws]
        return [*flaws, *troubles]

    return parts(), faults


def _playback(file: Path, mission_name: str, near: float | None) -> tuple[Iterator[tuple[str, Table]], Any]:
    from mta_assets.telemetry.playback import open_playback

    mission = load_mission(mission_name)
    playback = open_playback(file, mission, near) if near is not None else open_playback(file, mission)

    def parts() -> Iterator[tuple[str, Table]]:
        if mission.kind == "ccsds":
            for block in playback.tables():  # type: ignore[attr-defined]
                yield from block.items()
            return
        from mta_assets.telemetry.decom import decommutate
        from mta_assets.telemetry.odb import dictionary_of

        known = dictionary_of(mission)
        for frames in playback.blocks(BLOCK_SECONDS):
            for (subsystem, group), table in decommutate(frames, known).items():
                yield f"{subsystem}{group}ENG", table

    def faults() -> list[dict[str, Any]]:
        columns = ("kind", "source", "tstart", "count", "detail")
        lists = [[None if x != x else x for x in np.asarray(playback.faults[name]).tolist()] for name in columns]
        return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]

    return parts(), faults
