"""Kills the sensor's look at the incoming folder at every moment; prints what was found as JSON.

A program of its own, so that children are forked from a process without threads (see `crashes`).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from mta_assets_tests.pipelines.crashes import child
from mta_assets_tests.playback_files import House, first_frames

NAMES = [f"2024_061_0000_0010_Dump_EM_0000{number}.vcdu" for number in (1, 2, 3)]


def prepare(folder: Path) -> None:
    """One playback, the same under another name, and noise; the catalog is there, as in a running system."""
    house = House(folder)
    good = first_frames(32)[1]
    for name, data in zip(NAMES, (good, good, b"noise" * 500), strict=True):
        house.drop(name, data)
    assert house.catalog
    house.catalog.close()


def look(folder: Path) -> str:
    House(folder).look()
    return "done"


def state(folder: Path) -> dict[str, Any]:
    """Where every file is in the end, and what the catalog says."""
    house = House(folder)
    assert house.catalog
    root = house.settings.root
    found = {
        "accepted": [Path(p.path).name for p in house.catalog.playbacks(state="accepted")],
        "arriving": len(house.catalog.arriving("chandra")),
        "quarantine": sorted((row["name"], row["reason"]) for row in house.catalog.quarantined()),
        "kept": all(Path(row["path"]).exists() for row in house.catalog.quarantined()),
        "files": sorted(house.everything().values()),
        "incoming": [p.name for p in house.incoming.iterdir() if not p.name.endswith(".sha256")],
        "leftovers": [p.name for p in root.rglob(".*.tmp-*")],
    }
    house.catalog.close()
    return found


def states(folder: Path) -> dict[str, str]:
    """What became of each file by its name."""
    house = House(folder)
    known = {p.file_name: "accepted" for p in house.catalog.playbacks(state="accepted")}
    for row in house.catalog.quarantined():
        known[row["name"]] = "duplicate" if row["reason"].startswith("duplicate") else "quarantined"
    house.catalog.close()
    return known


def main(folder: Path) -> None:
    first_frames(32)
    warm = folder / "warm"
    prepare(warm)
    look(warm)  # imports are no part of the look
    whole = folder / "whole"
    prepare(whole)
    counted = folder / "count"
    os.waitpid(child(lambda: look(whole), counted=counted), 0)
    total = int(counted.read_text())
    runs = []
    for at in range(1, total + 1, 5):
        place = folder / f"killed{at}"
        prepare(place)
        status = os.waitpid(child(lambda place=place: look(place), kill_at=at), 0)[1]  # type: ignore[misc]
        os.waitpid(child(lambda place=place: look(place)), 0)  # type: ignore[misc]
        runs.append(
            {
                "at": at,
                "signal": os.WTERMSIG(status),
                "after": state(place),
                "whole": state(whole),
                "states": states(place),
            }
        )
    print(json.dumps(runs))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
