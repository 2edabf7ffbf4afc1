"""Tables that are made block by block: in memory while they are small, else put down in a file without a name.

The file lies in the folder that `spool_folder` sets, that of the run, and is gone with the last table that reads it,
whatever becomes of the process.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.core.errors import BadData
from mta_assets.core.faults import outside_faults
from mta_assets.core.stored import Array, OpenFile, StoredColumns
from mta_assets.core.tables import Table, concatenate

IN_MEMORY = 64 << 20  # [byte] tables up to this size are kept there
_folder: ContextVar[Path | None] = ContextVar("folder", default=None)


@contextmanager
def spool_folder(folder: Path) -> Iterator[None]:
    """Put large tables down in this folder; without it in that of temporary files."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


class Spooled(StoredColumns):
    """Columns of native rows."""

    def __init__(self, file: OpenFile, count: int, row: np.dtype[Any]) -> None:
        super().__init__(file, 0, row.itemsize, count, row.names or ())
        self.row = row

    def cells(self, rows: Array, name: str) -> Array:
        return np.ascontiguousarray(rows.view(self.row).reshape(len(rows))[name])


def spooled(blocks: Iterable[Table], empty: Table) -> Table:
    """The rows of all blocks after each other; name, header and schema of ``empty``, which is returned without any.

    Raises
    ------
    BadData
        If the columns of two blocks differ.
    """
    held: list[Table] = []
    size, rest = 0, _alike(blocks)
    for block in rest:
        held.append(Table(block.name, {name: block[name] for name in block.columns}))
        size += held[-1].nbytes
        if size > IN_MEMORY:
            return Table(empty.name, _put_down(held, rest), empty.header, empty.schema)
    rows = concatenate(held).columns if held else empty.columns
    return Table(empty.name, rows, empty.header, empty.schema)


def _put_down(held: list[Table], rest: Iterable[Table]) -> Spooled:
    row = _row(held[0])
    file, count = nameless(), 0
    for block in _emptied(held):
        count += _write(file, block, row)
    for block in rest:
        count += _write(file, block, row)
    return Spooled(file, count, row)


def _alike(blocks: Iterable[Table]) -> Iterator[Table]:
    """Blocks with rows, which all have the same columns."""
    row: np.dtype[Any] | None = None
    for block in blocks:
        if not len(block):
            continue
        mine = _row(block)
        if row is not None and mine != row:
            raise BadData(
                f"table {block.name}: a block has columns {mine}, those before it {row}; what it is made of is of "
                "different kinds: make or deliver it again"
            )
        row = mine
        yield block


def nameless() -> OpenFile:
    """An empty file without a name."""
    folder = _folder.get() or Path(tempfile.gettempdir())
    with outside_faults(folder, "make a file"), tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        return OpenFile(os.dup(file.fileno()), f"a file without a name in {folder}")


def _emptied(held: list[Table]) -> Iterator[Table]:
    """Blocks one after the other, each let go when the next is asked for."""
    held.reverse()
    while held:
        yield held.pop()


def _row(table: Table) -> np.dtype[Any]:
    return np.dtype([(name, array.dtype, array.shape[1:]) for name, array in table.columns.items()])


def _write(file: OpenFile, block: Table, row: np.dtype[Any]) -> int:
    rows = np.empty(len(block), row)
    for name in block.columns:
        rows[name] = block[name]
    file.write(rows.view(np.uint8).data)
    return len(block)
