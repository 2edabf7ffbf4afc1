"""Kills processes that write to the telemetry archive, looks at what they left; prints what was found as JSON.

A program of its own, so that children are forked from a process without threads. A worker commits, repeats, takes
back, corrects, compacts and collects without a pause, and writes down each action before and after it. The moments of
the kills are seeded: a number of actions, and a fraction of a second after that, or after the next action of a kind
has begun.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, TextIO

import sqlalchemy as sa

from mta_assets.archive import telemetry_schema as db
from mta_assets.archive.database import reading
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_collect import collect
from mta_assets.archive.telemetry_compact import compact
from mta_assets.archive.telemetry_verify import verify
from mta_assets.core import times
from mta_assets.core.samples import nanosecond
from mta_assets_tests.archive import telemetry_worker as work
from mta_assets_tests.archive.telemetry_worker import Expected

ACTIONS = ("commit",) * 12 + ("withdraw", "correct", "compact", "compact", "collect", "collect")
LATER = nanosecond(800 * 86400.0)  # every day, month and year of the rows has ended
AIMS = ("", "commit", "compact", "collect")  # at what the kills are aimed in turn: any moment, or within such an action
WITHIN = 0.03  # [s] from the beginning of an action that is aimed at to the kill
MOST = 4  # actions from one kill to the next
LONGEST = 0.4  # [s] from the end of an action to the kill
PATIENCE = 120.0  # [s]
WARM = ("alembic.command", "astropy.time", "sqlalchemy.dialects.sqlite")  # every child would import them; no threads


def act(archive: TelemetryArchive, action: str, source: str, counter: int) -> None:
    """One action of a worker."""
    if action == "commit":
        archive.commit(source, work.rows_of(source, counter), 0.0, 1.0)
    elif action == "withdraw":
        archive.withdraw(source, "test")
    elif action == "compact":
        compact(archive, LATER)
    elif action == "collect":
        collect(archive, grace=0.0)
    elif standing := [one.id for one in archive.corrections() if one.dead is None]:
        archive.withdraw_correction(standing[0], "test", "test")
    else:
        archive.add_correction("SLOWTEMP", *work.BAD, "bad", author="test", reason="test")


def worker(url: str, folder: Path, seed: int, first: int) -> None:
    """Work until killed; actions are numbered on over all workers."""
    random = Random(seed)
    with TelemetryArchive(url, folder / "telemetry") as archive, (folder / "log").open("a") as log:
        counter = first
        while True:
            source, action = work.name_of(random.randrange(work.SOURCES)), random.choice(ACTIONS)
            if action == "correct" and archive.snapshot().info("SLOWTEMP") is None:
                action = "commit"
            _say(log, f"begin {action} {source} {counter}")
            act(archive, action, source, counter)
            _say(log, f"done {times.now()!r}")
            counter += 1


def _say(log: TextIO, line: str) -> None:
    log.write(f"{line}\n")
    log.flush()
    os.fsync(log.fileno())


def following(state: Expected, action: str, source: str, counter: int) -> Expected:
    """What the archive holds after an action."""
    if action == "correct":
        return Expected(state.counters, not state.corrected)
    if action in ("commit", "withdraw"):
        return state.put(source, counter if action == "commit" else None)
    return state


def states(folder: Path) -> tuple[list[tuple[float, Expected]], list[str]]:
    """What the archive held after each action by the moments of their ends, and the action that was not ended."""
    told = [(0.0, Expected())]
    pending: list[str] = []
    for line in (folder / "log").read_text().splitlines():
        word, *rest = line.split()
        if word == "begin":
            pending = rest
        elif word == "done":
            told.append((float(rest[0]), following(told[-1][1], pending[0], pending[1], int(pending[2]))))
            pending = []
        else:  # what an earlier kill left undecided, as it was found
            told.append((float(rest[0]), Expected(*json.loads(" ".join(rest[1:])))))
            pending = []
    return told, pending


def look(url: str, folder: Path, seed: int) -> dict[str, Any]:
    """Open the archive as a start does, and compare it with what the worker wrote down."""
    told, pending = states(folder)
    before = told[-1][1]
    after = following(before, pending[0], pending[1], int(pending[2])) if pending else before
    with TelemetryArchive(url, folder / "telemetry") as archive:
        _server_is_done(archive)
        problems = [f"{p.kind} {p.path} {p.detail}" for p in verify(archive, recompute=True)]
        found = work.read(archive.snapshot())
        state = after if not work.differences(found, work.answer(after)) else before
        problems += [f"lost or half: {name}" for name in work.differences(found, work.answer(state))]
        moment, past = Random(seed).choice(told[1:] or told)
        wrong = work.differences(work.read(archive.snapshot(as_of=moment)), work.answer(past))
        problems += [f"past at {moment}: {name}" for name in wrong]
        problems += _collected(archive)
        wrong = work.differences(work.read(archive.snapshot()), found)
        problems += [f"changed by the collection: {name}" for name in wrong]
        problems += [f"after collection: {p.kind} {p.path}" for p in verify(archive)]
    with (folder / "log").open("a") as log:
        log.write(f"found {times.now()!r} {json.dumps([state.counters, state.corrected])}\n")
    ended = None if state == before == after else state == after
    return {"during": pending[0] if pending else "", "ended": ended, "actions": len(told), "problems": problems}


def _server_is_done(archive: TelemetryArchive) -> None:
    """Wait for what the server still does for a client that is dead: it may yet commit."""
    if archive.engine.dialect.name != "postgresql":
        return
    others = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with reading(archive.engine) as read:
            if not read.execute(others).scalar():
                return
        time.sleep(0.01)
    raise TimeoutError("the server goes on working for a client that was killed")


def _collected(archive: TelemetryArchive) -> list[str]:
    """Collect everything that nobody needs: exactly the files that no transaction knows must go."""
    with reading(archive.engine) as read:
        known = set(read.execute(sa.select(db.segments.c.path)).scalars())
        garbage = set(read.execute(sa.select(db.garbage.c.path)).scalars())
        made = sa.select(db.transactions.c.id).where(db.transactions.c.kind == "compaction")
        folded = set(read.execute(sa.select(db.segments.c.path).where(db.segments.c.dead.in_(made))).scalars())
    orphans = _files(archive) - known - garbage
    done = collect(archive, grace=-1.0)
    left = _files(archive)
    problems = [f"orphan: {path}" for path in left & orphans]
    if done.orphans != len(orphans):
        problems.append(f"{done.orphans} orphans collected of {len(orphans)}")
    problems += [f"collected: {path}" for path in known - folded - left]
    problems += [f"left over: {path}" for path in archive.root.rglob(".*.tmp-*")]
    with reading(archive.engine) as read:
        known = set(read.execute(sa.select(db.segments.c.path)).scalars())
    return problems + [f"neither known nor gone: {path}" for path in left ^ known]


def _files(archive: TelemetryArchive) -> set[str]:
    return {str(path.relative_to(archive.root)) for path in archive.root.rglob("[!.]*.parquet")}


def child(target: Any, *arguments: Any) -> int:
    """Fork; the child works. Returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        target(*arguments)
        status = 0
    finally:
        os._exit(status)


def looked(url: str, folder: Path, seed: int) -> dict[str, Any]:
    """What `look` finds, from a process of its own: it makes threads."""
    told = folder / "look.json"
    pid = child(lambda: told.write_text(json.dumps(look(url, folder, seed))))
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError("the archive could not be looked at")
    found: dict[str, Any] = json.loads(told.read_text())
    return found


def ended(folder: Path) -> int:
    """Actions that have ended so far."""
    return sum(line.startswith("done") for line in (folder / "log").read_text().splitlines())


def under_way(folder: Path, action: str) -> bool:
    """Whether a worker is at an action of this kind now."""
    lines = (folder / "log").read_text().splitlines()
    return bool(lines) and lines[-1].startswith(f"begin {action} ")


def killed(url: str, folder: Path, kills: int, seed: int) -> list[dict[str, Any]]:
    """Kill worker after worker on one archive, and look each time."""
    (folder / "log").touch()
    for name in WARM:
        import_module(name)
    random, found = Random(seed), []
    for number in range(kills):
        wanted, delay, aim = ended(folder) + random.randrange(MOST), random.random(), AIMS[number % len(AIMS)]
        pid = child(worker, url, folder, random.randrange(2**32), 1000 * number)
        deadline = time.monotonic() + PATIENCE
        while ended(folder) < wanted and time.monotonic() < deadline:
            time.sleep(0.005)
        while not (folder / "telemetry").exists() and time.monotonic() < deadline:
            time.sleep(0.005)  # it has begun
        while aim and not under_way(folder, aim) and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(delay * (WITHIN if aim else LONGEST))
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        found.append({"signal": os.WTERMSIG(status), "delay": delay, **looked(url, folder, number)})
    return found


if __name__ == "__main__":
    print(json.dumps(killed(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))))
