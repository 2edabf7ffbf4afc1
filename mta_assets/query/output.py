"""Answers to files: FITS, Parquet, CSV, ECSV, JSON; whole or not at all, larger than memory if need be.

Each file states the query, its hash and the archive's transaction, so that the same can be asked again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mta_assets.archive.names import LONGEST, safe_name
from mta_assets.archive.store import fsync_file, fsync_folder
from mta_assets.core.errors import MtaError
from mta_assets.core.faults import outside_faults
from mta_assets.core.tables import Table
from mta_assets.query.answer import Cancelled
from mta_assets.query.output_fits import write_fits
from mta_assets.query.output_origin import Origin, origin_of
from mta_assets.query.output_parquet import write_parquet
from mta_assets.query.output_tables import Shape, rows_of, survey
from mta_assets.query.output_text import write_csv, write_ecsv, write_json

SUFFIXES = {".fits": "fits", ".fits.gz": "fits.gz", ".fit": "fits", ".parquet": "parquet", ".csv": "csv",
            ".ecsv": "ecsv", ".json": "json"}  # fmt: skip
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))
# Of the bytes of a row in FITS, how many are set aside on the disk; the greatest that was measured, rounded up.
SHARE = {"fits": 1.0, "fits.gz": 1.9, "parquet": 1.2, "csv": 3.0, "ecsv": 3.0, "json": 3.5}
RESERVE = 64 << 20  # [byte] of the disk that stay free
Progress = Callable[[int, int], None]
Parts = Iterator[Table]


class OutputRefused(MtaError):
    """The file is not written: it exists, its format is unknown, or the disk is too small. Nothing was touched."""


@dataclass(frozen=True)
class Saved:
    """What was written: the files, and the rows of all of them."""

    paths: tuple[Path, ...]
    rows: int
    size: int


def save(
    answer: Any,
    path: Path | str,
    format: str | None = None,
    *,
    overwrite: bool = False,
    created: float | None = None,
    header: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Saved:
    """Write an answer to a file.

    Parameters
    ----------
    answer
        `query.answer.Answer`, or anything with ``names``, ``blocks(name)``, ``query`` and ``notes``.
    path
        The file, in a folder that exists. FITS and JSON hold all tables of an answer; of the other formats each table
        gets a file, ``NAME-TABLE.csv``, if there are several.
    format
        One of `FORMATS`; by the suffix if it is not given.
    created
        DATE of the file, TT seconds since 1998.0 TT; the present if it is not given.
    header
        Further FITS keywords.
    progress
        Called with rows written and rows in all.
    cancel
        Asked between blocks; when it says true nothing is left of the file.

    Raises
    ------
    OutputRefused
        If the file is there already, the format is unknown or the disk has not enough room.
    Cancelled
        If it was stopped.
    TransientError
        If the disk fails.
    """
    target = Path(path)
    kind = format_of(target, format)
    shapes = survey(answer)
    targets = targets_of(target, kind, [shape.name for shape in shapes])
    check_targets(targets, overwrite)
    check_room(target.parent, kind, shapes)
    count = _Counter(sum(shape.rows for shape in shapes), progress, cancel)
    pairs = [(shape, count.watch(rows_of(answer, shape))) for shape in shapes]
    write_all(targets, kind, pairs, origin_of(answer, created, header))
    return Saved(tuple(targets), count.done, sum(file.stat().st_size for file in targets))


def format_of(path: Path, format: str | None = None) -> str:
    """The format that is named, or the one of the suffix."""
    if format is not None:
        plain = format.lower().removeprefix(".")
        if plain not in FORMATS:
            raise OutputRefused(f"format {format!r}: expected one of {', '.join(FORMATS)}")
        return plain
    name = path.name.lower()
    found = next((s for s in sorted(SUFFIXES, key=len, reverse=True) if name.endswith(s) and name != s), None)
    if found is None:
        raise OutputRefused(f"{path}: no format has the suffix {path.suffix!r}; expected one of {', '.join(SUFFIXES)}")
    return SUFFIXES[found]


def targets_of(path: Path, kind: str, tables: Sequence[str]) -> list[Path]:
    """The files that are written: one, or one for each table where the format holds one table a file."""
    if len(tables) <= 1 or kind in ("fits", "fits.gz", "json"):
        return [path]
    return [path.with_name(f"{path.stem}-{safe_name(name)}{path.suffix}") for name in tables]


def check_targets(targets: Sequence[Path], overwrite: bool) -> None:
    """Refuse what must not be written.

    Raises
    ------
    OutputRefused
        If a file is there and must not be replaced, a name is no plain file name or the folder is not there.
    """
    for path in targets:
        if not path.name.isprintable() or path.name.startswith((".", "-")) or len(os.fsencode(path.name)) > LONGEST:
            raise OutputRefused(f"{path.name!r} is no name for a file: expected up to {LONGEST} printable characters")
        if not path.parent.is_dir():
            raise OutputRefused(f"{path}: the folder {path.parent} is not there; make it first")
        if path.is_dir() or (path.exists() and not path.is_file()):
            raise OutputRefused(f"{path} is not a plain file")
        if path.exists() and not overwrite:
            raise OutputRefused(
                f"{path} is there already; say that it may be replaced (--overwrite), or take another name"
            )


def check_room(folder: Path, kind: str, shapes: Sequence[Shape]) -> int:
    """Bytes that the files will take at most; refuses what the disk has no room for."""
    size = sum(int(shape.rows * shape.row_bytes * SHARE[kind]) + 64_000 for shape in shapes)
    free = shutil.disk_usage(folder).free
    if size + RESERVE > free:
        rows = sum(shape.rows for shape in shapes)
        raise OutputRefused(
            f"{folder}: {rows:,} rows may take {size / 1e6:,.0f} MB as {kind}, the disk has {free / 1e6:,.0f} MB free "
            f"(of which {RESERVE / 1e6:,.0f} MB are left alone): ask for less, use EVERY or LIMIT, or another disk"
        )
    return size


def write_all(targets: Sequence[Path], kind: str, pairs: Sequence[tuple[Shape, Parts]], origin: Origin) -> None:
    """Write tables to one file or to a file each; either all of them appear or none."""
    with staged(targets) as temporary:
        if kind.startswith("fits"):
            write_fits(temporary[0], pairs, origin)
        elif kind == "json":
            write_json(temporary[0], pairs, origin)
        else:
            write = {"parquet": write_parquet, "csv": write_csv, "ecsv": write_ecsv}[kind]
            for (shape, parts), path in zip(pairs or [(Shape("EMPTY"), iter(()))], temporary, strict=True):
                write(path, shape, parts, origin)


@contextmanager
def staged(targets: Sequence[Path]) -> Iterator[list[Path]]:
    """Temporary names for files; they take their places when the context ends without error, else they vanish."""
    temporary = [path.with_name(f".{path.name}.tmp-{os.getpid()}") for path in targets]
    with outside_faults(targets[0], "write the file"):
        try:
            yield temporary
            for path in temporary:
                fsync_file(path)
            for path, final in zip(temporary, targets, strict=True):
                path.rename(final)
            for folder in {path.parent for path in targets}:
                fsync_folder(folder)
        finally:
            for path in temporary:
                with suppress(OSError):
                    path.unlink(missing_ok=True)


class _Counter:
    """Counts rows on their way into the files, tells of them and stops when it is asked to."""

    def __init__(self, total: int, progress: Progress | None, cancel: Callable[[], bool] | None) -> None:
        self.total, self.progress, self.cancel = total, progress, cancel
        self.done = 0

    def watch(self, parts: Parts) -> Parts:
        for part in parts:
            if self.cancel is not None and self.cancel():
                raise Cancelled("stopped; nothing was written")
            yield part
            self.done += len(part)
            if self.progress is not None:
                self.progress(self.done, self.total)
