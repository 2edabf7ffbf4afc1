"""A run of the playback job that is killed ten times leaves nothing half, and ends with the bytes of a whole one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mta_assets.missions.load import load_mission
from mta_assets.simulate.playbacks import simulate

KILLS = 10
SEED = 20240301


@pytest.mark.slow
def test_a_run_killed_ten_times_gives_the_same_bytes_and_rows_as_an_undisturbed_one(tmp_path: Path) -> None:
    summary = simulate(load_mission("chandra"), 0.5, tmp_path / "simulated", seed=5, playback_minutes=10)
    busy = max(summary.files, key=lambda written: written.acis_events)
    command = [sys.executable, "-m", "mta_assets_tests.killed_runs", tmp_path, busy.path, KILLS, SEED]
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, cwd=Path(__file__).parents[1], check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["kills"]) == KILLS
    for kill in found["kills"]:
        assert kill["signal"] == signal.SIGKILL, kill
        assert kill["problems"] == [], kill
    made = [kill["products"] for kill in found["kills"]]
    assert made == sorted(made)
    assert len(set(made)) > KILLS / 2, "the kills came at different stages"
    assert found["statuses"] == [0, 0]
    assert found["problems"] == [[], []]
    assert len(found["whole"]["products"]) > 100
    assert found["killed"] == found["whole"]
    print(
        f"{KILLS} kills with {made} products there; in the end {len(found['whole']['products'])}, byte for byte equal"
    )
