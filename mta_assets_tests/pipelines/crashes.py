"""Runs pipelines in child processes that are killed or run side by side; prints what was found as JSON.

A program of its own, so that children are forked from a process without threads. A child is killed with
SIGKILL at its n-th audit event (open, rename, remove, mkdir, chmod …, see PEP 578): every place where the
run touches the world, reproducibly.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.store import sha256_of
from mta_assets.core.request import Request
from mta_assets.pipelines.archive_sink import ArchiveSink
from mta_assets.pipelines.controller import run_pipeline
from mta_assets.pipelines.registry import Registry
from mta_assets_tests.pipelines.toy import make_registry, request

WATCHED = ("open", "os.", "shutil.", "fcntl.", "sqlite3.", "tempfile.")


def run(folder: Path, registry: Registry, asked: Request) -> str:
    with Catalog(f"sqlite:///{folder / 'catalog.sqlite'}") as catalog:
        return run_pipeline(registry, "EXTRACT", asked, {}, ArchiveSink(catalog, folder / "archive", "sdp")).outcome


def child(work: Callable[[], Any], kill_at: int | None = None, counted: Path | None = None) -> int:
    """Fork; the child works and is killed at its n-th audit event. Returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    seen = 0

    def hook(event: str, arguments: Any) -> None:
        nonlocal seen
        if event.startswith(WATCHED):
            seen += 1
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    status = 1
    try:
        status = 0 if work() == "done" else 2
        if counted:
            events = seen
            counted.write_text(str(events))
    finally:
        os._exit(status)


def state(folder: Path) -> dict[str, Any]:
    """What stands in the archive and in the catalog, after what a start does."""
    with Catalog(f"sqlite:///{folder / 'catalog.sqlite'}") as catalog:
        root = folder / "archive"
        missing = catalog.reconcile({"sdp": root}).missing
        entries = {p.path: p.sha256 for p in catalog.products(current=None)}
        files = {str(p): sha256_of(p) for p in root.rglob("*.fits") if p.is_file()}
        return {
            "agrees": entries == files and not missing,
            "staged": len(list((root / ".staging").glob("*"))) if root.exists() else 0,
            "names": sorted(Path(path).name for path in entries),
            "current": {p.name: p.sha256 for p in catalog.products()},
            "faults": len(catalog.faults()),
            "runs": [(r["run_id"], r["outcome"]) for r in catalog.runs()],
            "logs": sorted(p.name for p in root.rglob("*.log")),
        }


def killed(folder: Path, times: int, seed: int) -> list[dict[str, Any]]:
    """Kill a run at random events of its whole, look, and run again."""
    registry = make_registry(folder / "mission")
    run(folder / "warm", registry, request())  # imports are no part of the run
    counted = folder / "count"
    (folder / "whole").mkdir()
    os.waitpid(child(lambda: run(folder / "whole", registry, request()), counted=counted), 0)
    total = int(counted.read_text())
    found = [{"total": total, **state(folder / "whole")}]
    moments = sorted(Random(seed).sample(range(1, total), min(times, total - 1)))
    for number, at in enumerate(moments):
        place = folder / f"killed{number}"
        place.mkdir()
        pid = child(lambda place=place: run(place, registry, request()), kill_at=at)  # type: ignore[misc]
        status = os.waitpid(pid, 0)[1]
        after = state(place)
        os.waitpid(child(lambda place=place: run(place, registry, request())), 0)  # type: ignore[misc]
        found.append({"at": at, "signal": os.WTERMSIG(status), "after": after, "again": state(place)})
    return found


def side_by_side(folder: Path, partitions: list[str]) -> dict[str, Any]:
    """The same pipeline in several processes at once."""
    registry = make_registry(folder / "mission")
    pids = [child(lambda p=p: run(folder, registry, request(p))) for p in partitions]  # type: ignore[misc]
    statuses = [os.waitpid(pid, 0)[1] for pid in pids]
    return {"statuses": statuses, **state(folder)}


def main(what: str, folder: Path, *rest: str) -> None:
    print(json.dumps(side_by_side(folder, list(rest)) if what == "both" else killed(folder, *map(int, rest))))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
