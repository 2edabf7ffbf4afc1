"""Several processes write to one telemetry archive while others read it; prints what was found as JSON.

A program of its own, so that children are forked from a process without threads. The counter of a commit tells its
source (modulo the number of sources) and grows with every commit of a writer.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np

from mta_assets.archive import telemetry, telemetry_compact
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_collect import collect
from mta_assets.archive.telemetry_compact import compact
from mta_assets.archive.telemetry_read import Snapshot
from mta_assets.archive.telemetry_verify import verify
from mta_assets.core.errors import TransientError
from mta_assets.core.statistics import WIDTHS
from mta_assets_tests.archive import telemetry_worker as work
from mta_assets_tests.archive.telemetry_crashes import LATER, child
from mta_assets_tests.archive.telemetry_worker import COUNT, SOURCES, WAVE, Expected

WRITERS, READERS = 3, 4
OF_WRITER = ((0, 3, 6, 7), (1, 4, 6, 7), (2, 5, 6, 7))  # sources 6 and 7 are written by all of them
STATISTICS = ("bucket", "n", "min", "max", "mean", "tmean", "std", "first", "last")
PATIENCE = 300.0  # [s]


def write(url: str, folder: Path, number: int, commits: int) -> dict[str, Any]:
    """Commit again and again; the last writer compacts and collects as well. Returns (transaction, counter) of each."""
    random, told, again = Random(number), [], 0
    with TelemetryArchive(url, folder / "telemetry") as archive:
        for turn in range(commits):
            source = OF_WRITER[number][turn % 4] if turn < 4 else random.choice(OF_WRITER[number])
            counter = (WRITERS * turn + number) * SOURCES + source
            name = work.name_of(source)
            while True:
                try:
                    told.append((archive.commit(name, work.rows_of(name, counter), 0.0, 1.0).transaction, counter))
                    break
                except TransientError:
                    again += 1
            if number == WRITERS - 1 and turn % 3 == 2:
                compact(archive, LATER)
                collect(archive)
    return {"commits": told, "again": again}


def ask(url: str, folder: Path) -> dict[str, Any]:
    """Read until the writers have ended; what one snapshot says must fit together."""
    problems: list[str] = []
    reads, newest = 0, dict.fromkeys(range(6), -1)
    deadline = time.monotonic() + PATIENCE
    with TelemetryArchive(url, folder / "telemetry") as archive:
        last = False
        while not last and time.monotonic() < deadline:
            last = (folder / "stop").exists()
            snapshot = archive.snapshot()
            if any(snapshot.info(name) is None for name in (*COUNT.values(), *WAVE.values())):
                continue
            problems += inconsistent(snapshot, newest)
            reads += 1
    return {"reads": reads, "problems": problems[:10]}


def inconsistent(snapshot: Snapshot, newest: dict[int, int]) -> list[str]:
    """What does not fit together in a snapshot; ``newest`` keeps the counters that were seen of each source."""
    first = snapshot.read(list(COUNT.values()))
    fast, slow = (np.unique(first[name].values).tolist() for name in COUNT.values())
    problems = [] if fast == slow else [f"{snapshot.transaction}: groups are of different commits: {fast} {slow}"]
    sources = [counter % SOURCES for counter in fast]
    if len(set(sources)) != len(sources):
        problems.append(f"{snapshot.transaction}: two commits of one source: {fast}")
    for source, counter in zip(sources, fast, strict=True):
        if source in newest:
            if counter < newest[source]:
                problems.append(f"{snapshot.transaction}: source {source} went back to {counter}")
            newest[source] = counter
    for name in COUNT.values():
        hours, values = snapshot.statistics(name, "hour"), first[name].values
        told = (int(hours.n.sum()), hours.min.min(initial=np.inf), hours.max.max(initial=-np.inf))
        if told != (len(values), values.min(initial=2**62), values.max(initial=-1)) and len(values):
            problems.append(f"{snapshot.transaction}: statistics of {name} say {told}, there are {len(values)}")
    again = snapshot.read(list(COUNT.values()))
    if any(again[name].values.tobytes() != first[name].values.tobytes() for name in first):
        problems.append(f"{snapshot.transaction}: a snapshot has changed")
    return problems + [f"{snapshot.transaction}: {warning}" for warning in snapshot.warnings]


def in_order(commits: list[tuple[int, int]]) -> Expected:
    """What the archive holds after commits in the order of their transactions."""
    state = Expected()
    for _, counter in sorted(commits):
        state = state.put(work.name_of(counter % SOURCES), counter)
    return state


def final(url: str, folder: Path, state: Expected) -> list[str]:
    """How the archive differs from one that the last commit of each source was put into, in order."""
    with TelemetryArchive(url, folder / "telemetry") as archive, tempfile.TemporaryDirectory() as other:
        problems = [f"{p.kind} {p.path} {p.detail}" for p in verify(archive, recompute=True)]
        problems += work.differences(work.read(archive.snapshot()), work.answer(state))
        with TelemetryArchive(f"sqlite:///{other}/c.sqlite", Path(other) / "telemetry") as ordered:
            for source, counter in state.counters:
                ordered.commit(source, work.rows_of(source, counter), 0.0, 1.0)
            one, two = archive.snapshot(), ordered.snapshot()
            for name in (*COUNT.values(), *WAVE.values()):
                for width in WIDTHS:
                    pair = one.statistics(name, width), two.statistics(name, width)
                    problems += [
                        f"{width} {name} {key}"
                        for key in STATISTICS
                        if getattr(pair[0], key).tobytes() != getattr(pair[1], key).tobytes()
                    ]
    return problems


def told(file: Path, does: Callable[[], Any]) -> int:
    """A child that leaves what it found, or how it failed, in a file. Returns its process id."""

    def run() -> None:
        try:
            found = {"found": does(), "error": ""}
        except BaseException:
            found = {"found": None, "error": traceback.format_exc()}
        file.write_text(json.dumps(found))

    return child(run)


def crowd(url: str, folder: Path, commits: int) -> dict[str, Any]:
    """All at once; returns what each of them found, and how the end differs from the commits in order."""
    writers = [folder / f"writer{number}.json" for number in range(WRITERS)]
    readers = [folder / f"reader{number}.json" for number in range(READERS)]
    pids = [told(f, lambda n=n: write(url, folder, n, commits)) for n, f in enumerate(writers)]  # type: ignore[misc]
    readings = [told(file, lambda: ask(url, folder)) for file in readers]
    for pid in pids:
        os.waitpid(pid, 0)
    (folder / "stop").touch()
    for pid in readings:
        os.waitpid(pid, 0)
    found = [json.loads(file.read_text()) for file in (*writers, *readers)]
    errors = [one["error"] for one in found if one["error"]]
    done = [one["found"] for one in found if one["found"] is not None]
    transactions = [tuple(pair) for one in done[:WRITERS] if "commits" in one for pair in one["commits"]]
    last = folder / "final.json"
    if not errors:
        os.waitpid(told(last, lambda: final(url, folder, in_order(transactions))), 0)
        end = json.loads(last.read_text())
        errors += [end["error"]] if end["error"] else end["found"]
    problems = [text for one in done for text in one.get("problems", [])]
    return {
        "errors": errors,
        "problems": problems,
        "commits": len(transactions),
        "reads": [one["reads"] for one in done if "reads" in one],
        "again": sum(one.get("again", 0) for one in done),
    }


def main(url: str, folder: Path, commits: int, machines: str) -> dict[str, Any]:
    """``many`` machines do not see each other's lock files: only the database stands between their writers."""
    if machines == "one":
        return crowd(url, folder, commits)
    unlocked = {"new": lambda path, timeout=0.0: nullcontext()}
    with patch.object(telemetry, "lock", **unlocked), patch.object(telemetry_compact, "lock", **unlocked):
        return crowd(url, folder, commits)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
