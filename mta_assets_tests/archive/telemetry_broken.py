"""An archive of three hours, and what is looked at after something went wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from mta_assets.archive import telemetry_schema as db
from mta_assets.archive.database import reading
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_collect import collect
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.archive.telemetry_verify import verify
from mta_assets.core.errors import TransientError
from mta_assets.core.samples import nanosecond
from mta_assets_tests.archive.telemetry_rows import group

DAY = 86400.0
HOUR = 3600.0
LATER = nanosecond(40 * DAY)  # every day and month of the rows has ended


def hour(number: int, add: float = 0.0) -> GroupRows:
    times = np.arange(number * HOUR, (number + 1) * HOUR, 100.0)
    return group(times, np.sin(times) + add, times // 100 % 3)


def state(archive: TelemetryArchive) -> list[Any]:
    """What the archive answers."""
    snapshot = archive.snapshot()
    samples = snapshot.read(["TEMP", "MODE"])
    kept = [snapshot.statistics("TEMP", width) for width in ("5min", "hour", "day")]
    assert snapshot.warnings == []
    return [
        *((s.time.tobytes(), s.values.tobytes()) for s in samples.values()),
        *((s.bucket.tobytes(), s.mean.tobytes()) for s in kept),
    ]


def failure(archive: TelemetryArchive, source: str, rows: GroupRows) -> str | None:
    """Why a commit failed; None if it did not."""
    try:
        archive.commit(source, [rows], 0.0, 1.0)
    except TransientError as error:
        return str(error)
    return None


def files(archive: TelemetryArchive, kind: str = "*", group_name: str = "*") -> list[Path]:
    return sorted(archive.root.glob(f"{group_name}/{kind}/*.parquet"))


def known(archive: TelemetryArchive) -> set[Path]:
    with reading(archive.engine) as read:
        return {archive.root / path for path in read.execute(sa.select(db.segments.c.path)).scalars()}


def assert_clean(archive: TelemetryArchive) -> None:
    """Everything that the catalog refers to is there; after a collection nothing else is."""
    assert verify(archive, recompute=True) == []
    collect(archive, grace=-1.0)
    assert set(files(archive)) == known(archive)
    assert [path for path in archive.root.rglob(".*.tmp-*") if path.is_file()] == []


def living_paths(archive: TelemetryArchive, kind: str) -> list[str]:
    c = db.segments.c
    with reading(archive.engine) as read:
        query = sa.select(c.path).where(c.dead.is_(None), c.kind == kind).order_by(c.start)
        return list(read.execute(query).scalars())


def spoil(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)
