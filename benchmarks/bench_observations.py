"""A day of playbacks through a running Dagster to level 2, and the same steps beside it without.

``python -m benchmarks.bench_observations HOURS`` measures fewer hours and prints the rows.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.inputs import SEED, Inputs
from benchmarks.measure import PAGE, Row, fresh
from mta_assets.cli.dagster_process import DagsterProcess
from mta_assets.cli.demo_feed import feed, one_late
from mta_assets.cli.demo_observations import wait_for_observations
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.delivery_folder import delivery_folder
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings
from mta_assets.simulate.playbacks import Summary, simulate

HOURS = 24.0
MINUTES = 60.0  # of a playback
REQUIRED = 20.0  # times real time
PATIENCE = 900.0  # [s] in which one observation at least has to end
LOOK = 0.5  # [s] between two looks at the processes
MIB = 1 << 20


def run(inputs: Inputs, hours: float = HOURS, minutes: float = MINUTES) -> list[Row]:
    """Both, one after the other; one playback comes late, last of all."""
    with tempfile.TemporaryDirectory(dir=inputs.folder) as name:
        folder = Path(name)
        made = simulate(load_mission("chandra"), hours, folder / "in", SEED, playback_minutes=minutes, faults=False)
        through = _through_dagster(folder / "dagster", made)
        files = [*made.deliveries, *(written.path for written in made.files)]
        direct = fresh("benchmarks.observations", folder / "direct", *files)
    if direct["problems"]:
        raise RuntimeError("; ".join(direct["problems"]))
    return _rows(hours, through, direct)


def _rows(hours: float, through: dict[str, Any], direct: dict[str, Any]) -> list[Row]:
    what = f"{hours:g} h of playbacks to level 2"
    factor = hours * 3600 / through["seconds"]
    alone = hours * 3600 / (direct["playbacks"] + sum(direct["observations"].values()))
    return [
        Row(f"{what} through Dagster, {len(through['runs'])} runs of observations", factor, "× real time",
            "the same steps direct, one after the other:", alone, factor, "≥ 20 ×", factor >= REQUIRED),
        Row("the same in processor time, everything that Dagster started", through["processor"], "s", "direct",
            direct["processor"]),
        Row("one observation, median", median(through["runs"]), "s", "direct", median(direct["observations"].values())),
        Row("a playback from the folder to its last product meanwhile, p95", through["latency"]["p95"], "s",
            "p50", through["latency"]["p50"]),
        Row("greatest memory of a process of Dagster", through["memory"] / MIB, "MiB", "direct",
            direct["memory"] / MIB),
    ]  # fmt: skip


def _through_dagster(data: Path, made: Summary) -> dict[str, Any]:
    platform = Platform(Settings(mission="chandra", data=data))
    shutil.copytree(made.deliveries[0].parent, delivery_folder(platform))
    with DagsterProcess("chandra", data) as server:
        server.wait_until_ready()
        server.wait_until_watching(platform.settings.incoming)
        use = Use(server)
        use.start()
        began = time.perf_counter()
        for path in one_late([written.path for written in made.files]):
            fed = feed(platform, path, server.log)
            if fed.row is None or fed.row["state"] != "done":
                raise RuntimeError(f"{path.name}: {fed.row or fed.refused}")
        runs = wait_for_observations(server, platform, PATIENCE)
        seconds = time.perf_counter() - began
        use.end()
    bad = [run for run in runs if run["status"] != "SUCCESS"]
    if bad or not runs:
        raise RuntimeError(f"runs of observations that did not end well: {bad or 'there is none'}; see {server.log}")
    took = [run["endTime"] - run["startTime"] for run in runs]
    return {
        "seconds": seconds, "runs": took, "latency": fed.content["latency"], "memory": use.memory,
        "processor": sum(use.processor.values()),
    }  # fmt: skip


class Use(threading.Thread):
    """Looks at every process of a Dagster until told to end.

    Attributes
    ----------
    memory
        The greatest of any [byte].
    processor
        Time that each has used when it was last seen [s]; what a process used before the first look counts.
    """

    def __init__(self, server: DagsterProcess) -> None:
        super().__init__(daemon=True)
        self.server, self.memory, self._over = server, 0, threading.Event()
        self.processor: dict[int, float] = {}

    def run(self) -> None:
        while not self._over.wait(LOOK):
            for process in self.server.processes():
                try:
                    status = Path(f"/proc/{process}/status").read_text().splitlines()
                    times = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
                except OSError:  # it has ended
                    continue
                peak = next((int(line.split()[1]) * PAGE for line in status if line.startswith("VmHWM:")), 0)
                self.memory = max(self.memory, peak)
                self.processor[process] = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Stop looking."""
        self._over.set()
        self.join()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="mta-benchmarks-") as place:
        for row in run(Inputs(Path(place)), float(sys.argv[1])):
            print(row)
