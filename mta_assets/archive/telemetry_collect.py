"""Collection: files that no reader can need any more leave the disk; what the archive knew stays answerable.

Three kinds of files are let go of, each after a time of grace: what a compaction has replaced (its rows are in the
compacted segment, and an ``as_of`` before the compaction is answered from there), files that a writer left when it
was killed, and temporary files. Segments whose rows were replaced by other rows are history, and kept.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from mta_assets.archive import telemetry_schema as db
from mta_assets.archive.database import reading, writing
from mta_assets.archive.store import lock, sweep
from mta_assets.archive.telemetry import WRITER_LOCK, TelemetryArchive
from mta_assets.core import times
from mta_assets.core.faults import outside_faults

GRACE = 3600.0  # [s] longer than any reader works on one snapshot, and any writer on one transaction
SUFFIX = ".parquet"


@dataclass(frozen=True)
class Collected:
    """What was let go of.

    Attributes
    ----------
    folded
        Segments in the catalog that compacted ones stand for now.
    replaced, orphans
        Files removed: replaced by compaction; never committed.
    bytes
        Freed.
    """

    folded: int = 0
    replaced: int = 0
    orphans: int = 0
    bytes: int = 0


def collect(archive: TelemetryArchive, grace: float = GRACE) -> Collected:
    """Let go of what nobody needs.

    Parameters
    ----------
    grace
        How long ago [s] it must have fallen out of use.
    """
    if not archive.root.is_dir():
        return Collected()
    with lock(archive.root / WRITER_LOCK):
        folded = _fold(archive, times.now() - grace)
        replaced, freed = _remove_garbage(archive, times.now() - grace)
        orphans, more = _remove_orphans(archive, grace)
    return Collected(folded, replaced, orphans, freed + more)


def _fold(archive: TelemetryArchive, before: float) -> int:
    """Let compacted segments stand for the ones that they were made of, also for snapshots before the compaction."""
    t, c = db.transactions.c, db.segments.c
    count = 0
    with reading(archive.engine) as read:
        old = read.execute(sa.select(t.id).where(t.kind == "compaction", t.committed <= before)).scalars().all()
        open_ones = set(read.execute(sa.select(c.dead).where(c.dead.in_(old)).distinct()).scalars())
    for transaction in sorted(open_ones):
        with writing(archive.engine) as write:
            made_of = write.execute(sa.select(c.id, c.path, c.born).where(c.dead == transaction)).all()
            first = min(row.born for row in made_of)
            write.execute(sa.update(db.segments).where(c.born == transaction).values(born=first))
            write.execute(sa.delete(db.segments).where(c.dead == transaction))
            _let_go(write, {row.path for row in made_of})
            count += len(made_of)
    return count


def _let_go(write: sa.Connection, paths: set[str]) -> None:
    """Note files that no segment refers to any more."""
    c, g = db.segments.c, db.garbage.c
    used = set(write.execute(sa.select(c.path).where(c.path.in_(paths))).scalars())
    known = set(write.execute(sa.select(g.path).where(g.path.in_(paths))).scalars())
    rows = [{"path": path, "since": times.now()} for path in sorted(paths - used - known)]
    if rows:
        write.execute(sa.insert(db.garbage), rows)


def _remove_garbage(archive: TelemetryArchive, before: float) -> tuple[int, int]:
    g = db.garbage.c
    with reading(archive.engine) as read:
        paths = read.execute(sa.select(g.path).where(g.since <= before)).scalars().all()
    freed = 0
    for path in paths:
        freed += _remove(archive.root / path)
        with writing(archive.engine) as write:
            write.execute(sa.delete(db.garbage).where(g.path == path))
    return len(paths), freed


def _remove_orphans(archive: TelemetryArchive, grace: float) -> tuple[int, int]:
    """Files that no transaction knows; young ones may belong to a writer on another machine."""
    c = db.segments.c
    with reading(archive.engine) as read:
        known = set(read.execute(sa.select(c.path).distinct()).scalars())
        known |= set(read.execute(sa.select(db.garbage.c.path)).scalars())
    count = freed = 0
    for folder in _folders(archive.root):
        sweep(folder)
        for path in folder.glob(f"*{SUFFIX}"):
            if str(path.relative_to(archive.root)) not in known and _age(path) >= grace:
                freed += _remove(path)
                count += 1
    return count, freed


def _age(path: Path) -> float:
    """Seconds since a file was written; its writer, on another machine, may remove it meanwhile."""
    try:
        return times.now() - times.from_unix(path.stat().st_mtime)
    except FileNotFoundError:
        return -math.inf


def _folders(root: Path) -> Iterator[Path]:
    for folder, _, _ in os.walk(root):
        yield Path(folder)


def _remove(path: Path) -> int:
    with outside_faults(path, "remove the file"):
        size = path.stat().st_size if path.exists() else 0
        path.unlink(missing_ok=True)
    return size
