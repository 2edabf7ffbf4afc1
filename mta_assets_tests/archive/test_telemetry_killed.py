"""Writers of the telemetry archive that are killed at any moment leave no half state, and lose nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

SEED = 20240301


def kills(url: str, folder: Path, times: int) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "mta_assets_tests.archive.telemetry_crashes", url, str(folder), str(times)]
    done = subprocess.run(
        [*command, str(SEED)], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(found) == times
    for kill in found:
        assert kill["signal"] == signal.SIGKILL, kill
        assert kill["problems"] == [], kill
    return found


def test_a_writer_killed_at_any_moment_leaves_all_or_nothing_of_its_work(url: str, tmp_path: Path) -> None:
    assert kills(url, tmp_path, 6)[-1]["actions"] > 6


@pytest.mark.slow
def test_forty_kills_during_writing_compaction_and_collection_lose_nothing(url: str, tmp_path: Path) -> None:
    found = kills(url, tmp_path, 40)
    during = Counter(kill["during"] for kill in found)
    assert {"commit", "compact", "collect"} <= set(during), "the kills came at different stages"
    undecided = Counter(kill["ended"] for kill in found if kill["ended"] is not None)
    assert undecided[False] > 0, "some transactions were not finished"
    print(f"40 kills during {dict(during)}, {found[-1]['actions']} actions in all; in flight: {dict(undecided)}")
