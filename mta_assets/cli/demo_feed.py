"""Playbacks into a running Dagster one after the other, each when the one before is done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mta_assets.core.errors import ToolFailed
from mta_assets.pipelines.ingest import put
from mta_assets.pipelines.platform import Platform
from mta_assets.pipelines.status import report

PATIENCE = 300.0  # [s] a playback that takes longer than this has failed
LOOK = 0.5  # [s] between two looks at the catalog
FEWEST = 4  # playbacks of which one may be late


@dataclass(frozen=True)
class Fed:
    """What became of a playback.

    Attributes
    ----------
    content
        What `status.report` says of all.
    row
        Its own line, None if it did not become one.
    refused
        Its line of the quarantine, None if it is not there.
    """

    content: dict[str, Any]
    row: dict[str, Any] | None
    refused: dict[str, Any] | None


def feed(platform: Platform, path: Path, log: Path) -> Fed:
    """Put a playback into the incoming folder as a ground station would, and wait until it is done.

    Raises
    ------
    ToolFailed
        If it takes too long; the message names the log.
    """
    put(platform, path)
    deadline = time.monotonic() + PATIENCE
    while True:
        content = report(platform, last=0)
        row = next((r for r in content["playbacks"] if r["file"] == path.name), None)
        refused = next((q for q in content["quarantine"] if q["file"] == path.name), None)
        if refused or (row and (row["state"] == "done" or row["state"].startswith("failed"))):
            return Fed(content, row, refused)
        if time.monotonic() > deadline:
            raise ToolFailed(f"{path.name} was not processed within {PATIENCE:.0f} s; see {log}")
        time.sleep(LOOK)


def one_late(playbacks: list[Path]) -> list[Path]:
    """The order in which they come down: the one in the middle late, last of all."""
    if len(playbacks) < FEWEST:
        return playbacks
    late = len(playbacks) // 2
    return [*playbacks[:late], *playbacks[late + 1 :], playbacks[late]]
