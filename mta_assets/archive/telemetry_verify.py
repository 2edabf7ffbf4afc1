"""Verification: every file of the telemetry archive is there, with its bytes, and fits the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import sqlalchemy as sa

from mta_assets.archive import segments as files
from mta_assets.archive import telemetry_schema as db
from mta_assets.archive.database import reading
from mta_assets.archive.rollups import NUMBER, compute
from mta_assets.archive.store import sha256_of
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_commit import Preparation, widened
from mta_assets.archive.telemetry_sql import Segment, groups_by_name, head
from mta_assets.core.samples import SECOND


@dataclass(frozen=True)
class Problem:
    """Something is wrong with the archive."""

    kind: str
    path: str
    detail: str


def verify(
    archive: TelemetryArchive,
    recompute: bool = False,
    progress: Callable[[int, int], None] | None = None,
    since: int | None = None,
    part: tuple[int, int] = (0, 1),
) -> list[Problem]:
    """Check all files that the catalog refers to, and that they fit together.

    Parameters
    ----------
    recompute
        Also compute the hourly statistics of every group anew and compare them to the last bit; takes its time.
    progress
        Called with files done and files in all.
    since, part
        Only the files of segments born after this transaction, and of the others the ``part[0]``-th of ``part[1]``
        parts; all files if ``since`` is None.

    Returns
    -------
    list of Problem
        ``missing``, ``changed`` (other bytes), ``damaged``, ``misfit`` (other rows than the catalog says),
        ``overlap`` (two living segments answer for one instant), ``statistics``.
    """
    with reading(archive.engine) as read:
        c = db.segments.c
        query = sa.select(db.segments).order_by(c.group_id, c.kind, c.start)
        found = [Segment(**row._mapping) for row in read.execute(query)]
    problems: list[Problem] = []
    chosen = [s for s in found if since is None or s.born > since or (s.id or 0) % part[1] == part[0]]
    by_path = {segment.path: segment for segment in chosen}
    for number, segment in enumerate(by_path.values(), start=1):
        problems += _check_file(archive, segment)
        if progress is not None:
            progress(number, len(by_path))
    problems += _overlaps([segment for segment in found if segment.dead is None])
    if recompute and not problems:
        problems += _check_statistics(archive)
    return problems


def _check_file(archive: TelemetryArchive, segment: Segment) -> Iterator[Problem]:
    path = archive.root / segment.path
    if not path.is_file():
        yield Problem("missing", segment.path, "the file is not there: restore it, or reprocess its playbacks")
        return
    if path.stat().st_size != segment.size or sha256_of(path) != segment.sha256:
        yield Problem("changed", segment.path, f"expected {segment.size} bytes with sha256 {segment.sha256}")
        return
    sorted_by = files.TIME if segment.kind == "rows" else "parameter"
    try:
        foot = files.footer(path, sorted_by)
    except files.Damaged as error:
        yield Problem("damaged", segment.path, str(error))
        return
    if int(foot.rows.sum()) != segment.rows:
        yield Problem("misfit", segment.path, f"{foot.rows.sum()} rows, the catalog says {segment.rows}")


def _overlaps(living: list[Segment]) -> Iterator[Problem]:
    for one, other in pairwise(living):
        if (one.group_id, one.kind) == (other.group_id, other.kind) and one.stop > other.start:
            yield Problem("overlap", other.path, f"answers for the same time as {one.path}")


def _check_statistics(archive: TelemetryArchive) -> Iterator[Problem]:
    """Hourly statistics against those computed from the rows, a month at a time."""
    snapshot = archive.snapshot()
    names: dict[str, list[str]] = {}
    for name in snapshot.names():
        info = snapshot.info(name)
        assert info is not None
        names.setdefault(info.group, []).append(name)
    with reading(archive.engine) as read:
        for group in groups_by_name(read, names).values():
            span = snapshot.span(names[group.name][:1])
            preparation = Preparation(read, archive.root, head(read))
            edges = np.arange(int(span[0]) // 3600, int(span[1]) // 3600 + 721, 720).tolist() if span else []
            for first, last in pairwise(edges):
                rows = preparation.ordered_rows(group, *widened(first * 3600 * SECOND, last * 3600 * SECOND))
                if rows is None:
                    continue
                made = compute(preparation.corrected(rows), group.parameters, 3600, (first, last))
                for name, number in group.parameters.items():
                    mine = (made["parameter"] == number) & (made["state"] == NUMBER)
                    kept = snapshot.statistics(name, "hour", first * 3600.0, last * 3600.0)
                    same = all(
                        made[key][mine].tobytes() == getattr(kept, key).tobytes() for key in ("n", "mean", "max")
                    )
                    if not same:
                        yield Problem(
                            "statistics", group.name, f"{name}: hours {first} to {last} do not fit its samples"
                        )
