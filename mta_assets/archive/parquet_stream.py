"""Parquet tables written block by block: all of them whole or none, in the memory of one block."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from mta_assets.archive.names import safe_name
from mta_assets.archive.parquet import arrow_table
from mta_assets.archive.store import fsync_file, fsync_folder, make_folder
from mta_assets.core.faults import outside_faults
from mta_assets.core.flags import Quality
from mta_assets.core.tables import Column, Schema, Table

NO_PARAMETERS = ("packet", "counter")  # columns that number the rows: nothing can be wrong with them


class TableFolder:
    """Append tables to ``folder/NAME.parquet``; the files appear when the context ends without error.

    Quality columns (``NAME__q``) may be there in some blocks only: they are filled with 'good' where a block has none.
    A block whose other columns differ from those of the first (a field of another width) begins a further file,
    ``NAME-2.parquet``.

    Attributes
    ----------
    tables
        What was written, by name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tables: dict[str, WrittenTable] = {}
        self._stems: set[str] = set()

    def __enter__(self) -> TableFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        temporary = {_temporary(path): path for table in self.tables.values() for path in table.paths}
        try:
            self._close(quiet=error is not None)
            if error is None and temporary:
                with outside_faults(self.folder, "put the tables in their places"):
                    for path in temporary:
                        fsync_file(path)
                    for path, final in temporary.items():
                        path.rename(final)
                    fsync_folder(self.folder)
        finally:
            for path in temporary:
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _close(self, quiet: bool) -> None:
        """Close all writers, whatever single ones say; the first refusal is raised in the end."""
        refusal: BaseException | None = None
        for table in self.tables.values():
            for writer in table.writers.values():
                try:
                    with outside_faults(self.folder, f"write table {table.name}"):
                        writer.close()
                except BaseException as error:
                    refusal = refusal or error
        if refusal is not None and not quiet:
            raise refusal

    def write(self, name: str, table: Table) -> None:
        """Append the rows of a block to the table of this name."""
        import pyarrow.parquet as pq

        arrow = arrow_table(_with_quality(table))
        schema = arrow.schema.remove_metadata()
        written = self.tables.setdefault(name, WrittenTable(name))
        with outside_faults(self.folder, f"write table {name}"):
            if schema not in written.writers:
                make_folder(self.folder)
                path = self._path(name)
                written.paths.append(path)
                written.writers[schema] = pq.ParquetWriter(_temporary(path), arrow.schema, compression="lz4")
            writer = written.writers[schema]
            writer.write_table(arrow.cast(writer.schema))
        written.rows += len(table)
        written.columns = max(written.columns, arrow.num_columns)

    def _path(self, name: str) -> Path:
        """A file of its own, also for names that only differ in what file names must not have."""
        stem, number = safe_name(name), 1
        while (stem if number == 1 else f"{stem}-{number}") in self._stems:
            number += 1
        stem = stem if number == 1 else f"{stem}-{number}"
        self._stems.add(stem)
        return self.folder / f"{stem}.parquet"


class WrittenTable:
    """One table on its way.

    Attributes
    ----------
    rows, columns
        Rows written, and columns of the widest block.
    paths
        The files; one for each set of columns.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = self.columns = 0
        self.paths: list[Path] = []
        self.writers: dict[Any, Any] = {}


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp-{os.getpid()}")


def _with_quality(table: Table) -> Table:
    """Every parameter gets its quality column behind it, so that all blocks have the same ones."""
    declared = {column.name: column for column in table.schema.columns} if table.schema else {}
    columns: dict[str, Any] = {}
    for name, array in table.columns.items():
        base, _, tail = name.rpartition("__")
        if base in table and tail in ("r", "n", "q"):
            continue  # comes with its parameter
        for other in (name, f"{name}__r", f"{name}__n"):
            if other in table:
                columns[other] = table[other]
        if name not in NO_PARAMETERS:
            quality = f"{name}__q"
            columns[quality] = table.columns.get(quality, np.full(len(array), Quality.GOOD, np.uint8))
            declared.setdefault(quality, Column(quality, "u1", "", f"{name}: quality flags"))
    schema = table.schema and Schema(table.name, tuple(declared[name] for name in columns), table.schema.doc)
    return Table(table.name, columns, dict(table.header), schema)
