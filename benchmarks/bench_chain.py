"""From the incoming folder to everything that follows from a playback, in archive and catalog, without a scheduler."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.inputs import Inputs
from benchmarks.measure import Row, fresh
from mta_assets.simulate.playbacks import Written

SECONDS = 20.0  # [s] required of a one-hour playback with the daemon


def run(inputs: Inputs, repeats: int = 3) -> list[Row]:
    """An ACIS hour as the first of a process, as Dagster has it, and an HRC hour after it."""
    hours = (inputs.acis_hour, inputs.hrc_hour)
    found = [_once(inputs.folder, hours) for _ in range(repeats)]
    first, second = (min((answer[i] for answer in found), key=_seconds) for i in range(2))
    what = f"ACIS hour to {first['files']} files of {first['runs']} runs in the archive, first in a process"
    return [
        Row(what, first["seconds"], "s", "real time", 3600.0, 3600.0 / first["seconds"], "< 20 s with the daemon",
            first["seconds"] < SECONDS),
        Row(f"HRC hour after it, {second['files']} files", second["seconds"], "s", "real time", 3600.0,
            3600.0 / second["seconds"]),
    ]  # fmt: skip


def _once(folder: Path, hours: Sequence[Written]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(dir=folder) as data:
        answer: list[dict[str, Any]] = fresh("benchmarks.chain", data, *(hour.path for hour in hours))
        return answer


def _seconds(answer: dict[str, Any]) -> float:
    return float(answer["seconds"])
