"""The telemetry archive and its queries, W1 to W10: beside cheta's layout, DuckDB over our files, a copy of the bytes.

Reading is `bench_archive_read`, what the language adds `bench_archive_language`, the wide table `bench_archive_wide`,
commits and consistency `bench_archive_commit`. Everything is built in the run's own folder: 3 GB, two minutes.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import bench_archive_commit, bench_archive_language, bench_archive_read, bench_archive_wide
from benchmarks.archive_stores import Size, Stores
from benchmarks.inputs import Inputs
from benchmarks.measure import Row


def run(inputs: Inputs, size: Size | None = None) -> list[Row]:
    """Reading and the language over it: W1 to W3, W5 to W7, W10."""
    with Stores(_folder(inputs, "archive"), size or Size()) as stores:
        return [*bench_archive_read.measure(stores), *bench_archive_language.rows(stores)]


def run_wide(inputs: Inputs, size: Size | None = None) -> list[Row]:
    """W4."""
    with Stores(_folder(inputs, "wide"), size or Size()) as stores:
        return bench_archive_wide.measure(stores)


def run_commits(inputs: Inputs, size: Size | None = None) -> list[Row]:
    """W8 and W9."""
    folder, given = _folder(inputs, "commits"), size or Size()
    return [*bench_archive_commit.commits(folder, given), bench_archive_commit.consistency(folder, given)]


def _folder(inputs: Inputs, name: str) -> Path:
    folder = inputs.folder / name
    folder.mkdir()
    return folder
