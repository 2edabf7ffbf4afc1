"""Three writers and four readers of the telemetry archive at once: nothing is lost, no reader sees half a commit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mta_assets.archive import telemetry_compact
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_verify import verify
from mta_assets.core.samples import nanosecond
from mta_assets_tests.archive.telemetry_rows import group

DAY = 86400.0


def crowd(url: str, folder: Path, commits: int, machines: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "mta_assets_tests.archive.telemetry_crowd", url, str(folder), str(commits)]
    done = subprocess.run(
        [*command, machines], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["errors"] == [], "\n".join(found["errors"])
    assert found["problems"] == []
    assert found["commits"] == 3 * commits
    assert len(found["reads"]) == 4
    assert min(found["reads"]) > 0
    return found


def test_writers_and_readers_at_once_lose_nothing_and_see_whole_commits(url: str, tmp_path: Path) -> None:
    crowd(url, tmp_path, 4, "one")


@pytest.mark.slow
@pytest.mark.parametrize("machines", ["one", "many"])
def test_many_commits_at_once_end_as_if_they_had_come_in_order(url: str, tmp_path: Path, machines: str) -> None:
    found = crowd(url, tmp_path, 12, machines)
    print(
        f"{found['commits']} commits, {found['again']} tried again by the writer, reads of each reader {found['reads']}"
    )


@pytest.mark.parametrize("late", [7000.0, 2.5 * 3600])
def test_a_commit_while_a_compaction_is_planned_does_not_come_twice(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: float
) -> None:
    planned = telemetry_compact._work
    with TelemetryArchive(url, tmp_path / "telemetry") as archive:
        for number, start in enumerate((0.0, 3600.0, 4 * 3600.0)):  # nothing from 2 h to 4 h
            archive.commit(f"p{number}", [group(np.arange(start, start + 3600, 600.0))], 0.0, 1.0)

        def overtaken(*asked: Any) -> Any:
            work = list(planned(*asked))
            archive.commit("late", [group([late], [-1.0])], 0.0, 1.0)
            return work

        monkeypatch.setattr(telemetry_compact, "_work", overtaken)
        telemetry_compact.compact(archive, nanosecond(3 * DAY))
        monkeypatch.undo()
        for _ in range(2):
            found = archive.snapshot().read(["TEMP"])["TEMP"]
            assert len(found) == 19
            assert (np.diff(found.time) > 0).all()
            assert archive.snapshot().statistics("TEMP", "hour").n.sum() == 19
            assert verify(archive, recompute=True) == []
            telemetry_compact.compact(archive, nanosecond(3 * DAY))
