"""Segments that can not be read: what that means to a writer, and to a reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from mta_assets.archive import segments
from mta_assets.archive import telemetry_schema as db
from mta_assets.archive.database import reading
from mta_assets.archive.telemetry_sql import Segment
from mta_assets.core.errors import TransientError


class Unreadable(TransientError):
    """A segment whose rows must be carried over can not be read: nothing is changed until it is mended."""


@contextmanager
def readable() -> Iterator[None]:
    """What a writer reads must be whole: it would lose the rows beside its own. The data that it brings is not bad."""
    try:
        yield
    except segments.Damaged as error:
        raise Unreadable(f"the telemetry archive stays as it is: {error}") from error
    except FileNotFoundError as error:
        raise Unreadable(f"the telemetry archive stays as it is: {segments.lost(error.filename)}") from error


def without_lost(engine: sa.Engine, root: Path, found: Sequence[Segment], warnings: list[str]) -> list[Segment]:
    """Segments whose files are there, after a file was not found; each one that is lost is a warning.

    Raises
    ------
    TransientError
        If the catalog has let go of it since: the archive was tidied up, and another snapshot has its rows.
    """
    missing = {segment.path for segment in found if not (root / segment.path).is_file()}
    c = db.segments.c
    with reading(engine) as connection:
        known = set(connection.execute(sa.select(c.path).where(c.path.in_(missing))).scalars())
    for path in sorted(missing):
        if path not in known:
            raise TransientError(f"segment {root / path} is gone: the archive was tidied up meanwhile; ask again")
        warnings.append(segments.lost(root / path))
    return [segment for segment in found if segment.path not in missing]
