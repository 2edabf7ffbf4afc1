"""Runs the playback job on a real Dagster instance in child processes that are killed; prints what was found as JSON.

A program of its own, so that children are forked from a process without threads. The moments are random and seeded: a
number of pipelines that must have ended, and a fraction of a second after that, so that the machine's speed
does not matter.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import dagster as dg

from mta_assets.archive.reconcile import STAGING
from mta_assets.archive.store import sha256_of
from mta_assets.cli.dagster_process import write_instance
from mta_assets.defs.build import build_definitions
from mta_assets.defs.partitions import playback_partitions
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings
from mta_assets_tests.truth_runs import only_playback

CREATED = 9e8  # [s] DATE of all products, in both folders
LONGEST = 0.4  # [s] from the end of a pipeline to the kill
PATIENCE = 120.0  # [s]
ONLY_OF_A_RUN = ("id", "run_id", "product_id", "confirmed_by", "superseded_by", "started", "finished", "path")


def run_job(folder: Path, partition: str) -> bool:
    """One real run of the playback job, in this process."""
    with dg.DagsterInstance.from_config(str(folder / "dagster_home")) as instance:
        name = playback_partitions("chandra").name
        if name and not instance.has_dynamic_partition(name, partition):
            instance.add_dynamic_partitions(name, [partition])
        job = build_definitions(Settings(mission="chandra", data=folder)).resolve_job_def("playback")
        return job.execute_in_process(instance=instance, partition_key=partition).success


def child(folder: Path, partition: str) -> int:
    """Fork; the child runs the job. Returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        with (folder / "run.log").open("ab") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        status = 0 if run_job(folder, partition) else 2
    finally:
        os._exit(status)


def ended(folder: Path) -> int:
    """Pipelines that have ended so far: each leaves its log beside its products, ROOT/LEVEL/YEAR/DAY."""
    visible = "[!.]*/"  # staging folders come and go
    return sum(1 for _ in (folder / "chandra").glob(f"{4 * visible}*.log"))


def kill(pid: int, folder: Path, wanted: int, delay: float) -> int:
    """Kill a child when so many more pipelines have ended, and a moment later; returns how it ended."""
    enough = ended(folder) + wanted
    deadline = time.monotonic() + PATIENCE
    while ended(folder) < enough and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(delay)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def problems(platform: Platform) -> list[str]:
    """What does not agree between catalog and folders, after what a start does."""
    catalog = platform.catalog
    entries = {entry.path: entry.sha256 for entry in catalog.products(current=None)}
    runs = catalog.runs()
    files: dict[str, str] = {}
    found = []
    for root in platform.roots.values():
        files |= {str(path): sha256_of(path) for path in root.rglob("*.fits")}
        found += [f"left over: {path}" for path in (*root.rglob(f"{STAGING}/*"), *root.rglob(".*.tmp-*"))]
        logs = {run["log_path"] for run in runs if Path(run["log_path"]).is_relative_to(root)}
        found += _differences("log and run", logs, {str(path) for path in root.rglob("*.log")})
        stems = tuple(path.removesuffix(".log") + "_" for path in logs)
        found += [f"plot without run: {path}" for path in root.rglob("*.png") if not str(path).startswith(stems)]
    found += _differences("product and file", entries.items(), files.items())
    known = {run["run_id"] for run in runs}
    reports = [*catalog.faults(), *catalog.findings()]
    found += [f"report of an unknown run: {row}" for row in reports if row["run_id"] not in known]
    found += [f"no inputs: {entry.name}" for entry in catalog.products(current=None) if not catalog.inputs_of(entry.id)]
    return found


def _differences(what: str, one: Iterable[Any], other: Iterable[Any]) -> list[str]:
    return [f"{what} do not agree: {item}" for item in sorted(set(one) ^ set(other), key=str)]


def content(platform: Platform) -> dict[str, list[str]]:
    """Everything in the catalog but what tells one run from another."""
    catalog = platform.catalog
    entries = catalog.products(current=None)
    names = {entry.id: entry.name for entry in entries}
    inputs = [
        f"{entry.name} from {given.name} {given.sha256} {names.get(given.product_id)}"
        for entry in entries
        for given in catalog.inputs_of(entry.id)
    ]
    newest = {(run["pipe_id"], run["stream"]): run["outcome"] for run in catalog.runs()}
    return {
        "products": sorted(_row(vars(entry)) for entry in entries),
        "inputs": sorted(inputs),
        "faults": sorted(map(_row, catalog.faults())),
        "findings": sorted(map(_row, catalog.findings())),
        "outcomes": sorted(f"{pipe} {stream} {outcome}" for (pipe, stream), outcome in newest.items()),
        "playbacks": [str((entry.partition, entry.state, entry.facts)) for entry in catalog.playbacks()],
    }


def _row(row: dict[str, Any]) -> str:
    return repr(sorted((key, value) for key, value in row.items() if key not in ONLY_OF_A_RUN))


def look(folder: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Open the platform as a start does, look, and close: nothing open is inherited by the next child."""
    platform = Platform(Settings(mission="chandra", data=folder))
    try:
        return problems(platform), content(platform)
    finally:
        platform.catalog.close()


def main(folder: Path, playback: Path, times: int, seed: int) -> dict[str, Any]:
    """Kill a run again and again, let it run through in the end, and run it undisturbed in another folder."""
    places = [folder / "killed", folder / "whole"]
    for place in places:
        platform = only_playback(place, playback, CREATED)
        partition = platform.catalog.playbacks()[0].partition
        platform.catalog.close()
        write_instance(place / "dagster_home")
    random = Random(seed)
    last = platform.runs_per_playback - 3
    moments = [(wanted, random.random() * LONGEST) for wanted in sorted(random.sample(range(last), times))]
    kills = []
    for wanted, delay in moments:
        status = kill(child(places[0], partition), places[0], wanted, delay)
        found, catalog = look(places[0])
        kills.append(
            {
                "after": [wanted, delay],
                "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
                "problems": found,
                "products": len(catalog["products"]),
            }
        )
    statuses = [os.waitpid(child(place, partition), 0)[1] for place in places]
    looks = [look(place) for place in places]
    return {
        "kills": kills,
        "statuses": statuses,
        "problems": [found for found, _ in looks],
        "killed": looks[0][1],
        "whole": looks[1][1],
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))))
