from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def crashes(*arguments: object) -> Any:
    command = [sys.executable, "-m", "mta_assets_tests.pipelines.crashes", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_killed_at_any_moment_leaves_no_half_state_and_the_next_gives_the_same_bytes(tmp_path: Path) -> None:
    whole, *runs = crashes("kill", tmp_path, 60, 20240301)
    assert whole["agrees"]
    assert len(whole["current"]) == 3
    outcomes = set()
    for run in runs:
        assert run["signal"] == 9, run
        after = run["after"]
        assert after["agrees"], run
        assert after["staged"] == 0
        assert (len(after["current"]), after["faults"], len(after["runs"])) in ((0, 0, 0), (3, 2, 1)), run
        assert len(after["logs"]) == len(after["runs"])
        outcomes.add(len(after["runs"]))
        assert run["again"]["agrees"], run
        assert run["again"]["current"] == whole["current"]
        assert run["again"]["names"] == whole["names"]
        assert run["again"]["faults"] == 2
    assert outcomes == {0, 1}


def test_the_same_run_twice_at_once_makes_each_product_once(tmp_path: Path) -> None:
    found = crashes("both", tmp_path, "p1", "p1", "p1")
    assert found["statuses"] == [0, 0, 0]
    assert found["agrees"]
    assert found["names"] == [f"toyf800000000N001_{i}_evt0.fits" for i in range(3)]
    assert [outcome for _, outcome in found["runs"]] == ["done"] * 3
    assert found["faults"] == 2


def test_partitions_that_want_the_same_names_at_once_get_versions_of_their_own(tmp_path: Path) -> None:
    found = crashes("both", tmp_path, "p1", "p2", "p3")
    assert found["statuses"] == [0, 0, 0]
    assert found["agrees"]
    assert found["names"] == sorted(f"toyf800000000N00{v}_{i}_evt0.fits" for v in (1, 2, 3) for i in range(3))
    assert len(found["current"]) == 9
