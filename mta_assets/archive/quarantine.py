"""Quarantine: a file that can not be processed is kept with the reason, never dropped."""

from __future__ import annotations

import json
import os
from pathlib import Path

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.entries import QuarantineEntry
from mta_assets.archive.names import safe_name
from mta_assets.archive.store import move, sha256_of, write_bytes
from mta_assets.core.errors import BadData
from mta_assets.core.faults import outside_faults
from mta_assets.core.times import compact_utc, now, to_utc_iso

SUFFIX = ".reason.json"
NO_BYTES = "0" * 64


def quarantine(
    path: Path, folder: Path, reason: str, catalog: Catalog, mission: str, when: float | None = None
) -> QuarantineEntry:
    """Move a file to ``folder/<utc>-<sha8>-<safe name>``, with a ``.reason.json`` beside it and a catalog row.

    Doing it again after a crash in the middle ends in the same state. The same bytes under the same name are
    kept once and counted (``times``), the reason of the first time stands.

    Parameters
    ----------
    path
        The file.
    folder
        The quarantine folder.
    reason
        Why, in words: what was expected, what came.
    catalog
        Gets the row.
    mission
        Name of the mission.
    when
        TT seconds since 1998.0 TT; the present, if not given.

    Raises
    ------
    TransientError
        If the disk is full or read-only: the file then still stands where it was.
    """
    name = path.name.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    if not path.is_symlink() and not path.exists():
        known = [e for e in catalog.quarantined(mission) if e["name"] == name]
        if known:
            return QuarantineEntry(**known[-1])
        raise BadData(f"{path}: can not be quarantined: there is no such file")
    if path.is_symlink() or not path.is_file():
        sha256, size = NO_BYTES, 0  # a link, pipe or folder: never opened, moved as it is
    else:
        with outside_faults(path, "read the file"):
            sha256, size = sha256_of(path), path.stat().st_size
    entry = _known(mission, name, sha256, folder, catalog)
    if entry is None:
        moment = now() if when is None else when
        target = _free(folder / f"{compact_utc(moment)}-{sha256[:8]}-{safe_name(name)}")
        entry = QuarantineEntry(mission, name, sha256, size, reason, moment, str(target))
    target = Path(entry.path)
    again = os.path.lexists(target)
    write_bytes(target.with_name(target.name + SUFFIX), _reason(entry))
    # The row comes before the move: a crash between the two leaves the file where the next try finds it.
    catalog.add_quarantine(entry)
    move(path, target)
    return catalog.count_quarantine(entry) if again else entry


def _known(mission: str, name: str, sha256: str, folder: Path, catalog: Catalog) -> QuarantineEntry | None:
    if sha256 == NO_BYTES:
        return None
    for row in catalog.quarantined(mission, sha256):
        if row["name"] == name:
            return QuarantineEntry(**row)
    for path in sorted(folder.glob(f"*-{sha256[:8]}-*{SUFFIX}")):  # a crash before the row was written
        found = json.loads(path.read_text())
        if found["name"] == name and found["sha256"] == sha256:
            target = path.with_name(path.name.removesuffix(SUFFIX))
            return QuarantineEntry(
                mission, name, sha256, found["size"], found["reason"], found["quarantined"], str(target)
            )
    return None


def _free(path: Path) -> Path:
    """The path, or with a number if it is taken: links and folders have no bytes that tell them apart."""
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def _reason(entry: QuarantineEntry) -> bytes:
    content = {
        "mission": entry.mission,
        "name": entry.name,
        "sha256": entry.sha256,
        "size": entry.size,
        "reason": entry.reason,
        "quarantined": entry.quarantined,
        "quarantined_utc": to_utc_iso(entry.quarantined),
    }
    return (json.dumps(content, indent=2) + "\n").encode()
