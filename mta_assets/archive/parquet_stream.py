"""A Parquet table written block by block: whole or absent, in the memory of one block."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from mta_assets.archive.names import safe_name
from mta_assets.archive.parquet import arrow_table
from mta_assets.archive.store import fsync_file, fsync_folder, outside_faults
from mta_assets.core.flags import Quality
from mta_assets.core.tables import Table


class TableWriter:
    """Append tables of one kind to ``folder/name.parquet``; the file appears when the context ends without error.

    Quality columns (``NAME__q``) may be there in some blocks only: they are filled with 'good' where a block has none.
    A block whose other columns differ from those of the first (a field of another width) begins a further file,
    ``name-2.parquet``.

    Attributes
    ----------
    rows, columns
        Rows written, and columns of the widest block.
    paths
        The files.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.rows = self.columns = 0
        self.paths: list[Path] = []
        self._writers: dict[Any, Any] = {}

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()
        for path in self.paths:
            temporary = self._temporary(path)
            if error is not None:
                temporary.unlink(missing_ok=True)
                continue
            with outside_faults(path, "write the file"):
                fsync_file(temporary)
                temporary.rename(path)
        if error is None and self.paths:
            fsync_folder(self.folder)

    def write(self, table: Table) -> None:
        """Append the rows of a block."""
        import pyarrow.parquet as pq

        arrow = arrow_table(_with_quality(table))
        schema = arrow.schema.remove_metadata()
        if schema not in self._writers:
            number = len(self.paths) + 1
            stem = safe_name(self.name) if number == 1 else f"{safe_name(self.name)}-{number}"
            path = self.folder / f"{stem}.parquet"
            self.paths.append(path)
            with outside_faults(path, "write the file"):
                self._writers[schema] = pq.ParquetWriter(self._temporary(path), arrow.schema, compression="lz4")
        writer = self._writers[schema]
        with outside_faults(self.folder, "write a table"):
            writer.write_table(arrow.cast(writer.schema))
        self.rows += len(table)
        self.columns = max(self.columns, len(table.columns))

    def _temporary(self, path: Path) -> Path:
        return path.with_name(f".{path.name}.tmp-{os.getpid()}")


def _with_quality(table: Table) -> Table:
    """Every parameter gets its quality column, so that all blocks have the same ones."""
    columns = {}
    for name, array in table.columns.items():
        if "__" in name:
            continue
        columns[name] = array
        for tail in ("__r", "__n"):
            if name + tail in table:
                columns[name + tail] = table[name + tail]
        if name not in ("time", "packet", "counter"):
            good = np.full(len(table), Quality.GOOD, np.uint8)
            columns[f"{name}__q"] = table.columns.get(f"{name}__q", good)
    return Table(table.name, columns, dict(table.header))
