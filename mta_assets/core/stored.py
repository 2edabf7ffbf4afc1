"""Columns whose rows lie in a file: what is asked for is read and nothing is kept, so that a list may be of any length.

`core.tables.Table` takes such columns in place of arrays. A column that is asked for by its name is read whole;
`Table.blocks` gives the rows some at a time.
"""

from __future__ import annotations

import copy
import os
import weakref
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.faults import outside_faults

Array = NDArray[Any]
ROWS = 1 << 16  # rows that are worked on at once


class OpenFile:
    """A file that is closed when the last table that reads from it is gone."""

    def __init__(self, descriptor: int, name: str) -> None:
        self.descriptor, self.name = descriptor, name
        weakref.finalize(self, os.close, descriptor)

    @property
    def size(self) -> int:
        """[byte]"""
        return os.fstat(self.descriptor).st_size

    def read(self, start: int, size: int) -> Array:
        """Bytes from a place on.

        Raises
        ------
        BadData
            If the file ends before.
        """
        content = np.empty(size, np.uint8)
        done = 0
        while done < size:
            with outside_faults(self.name, "read the file"):
                got = os.preadv(self.descriptor, [content[done:].data], start + done)
            if not got:
                raise BadData(
                    f"{self.name}: the file ends at byte {start + done}, expected {start + size}: it was cut. Fetch or "
                    "make it again"
                )
            done += got
        return content

    def write(self, content: memoryview | bytes) -> None:
        """Add bytes at the end of what was written before."""
        view = memoryview(content)
        with outside_faults(self.name, "write the rows"):
            while view:
                view = view[os.write(self.descriptor, view) :]


class Columns(Mapping[str, Array]):
    """Columns in the order of their names, and how many rows they have."""

    names: tuple[str, ...]
    count: int

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names


class Part(Columns):
    """Columns of some rows that are in memory; a column is put together when it is asked for."""

    def __init__(self, names: Sequence[str], count: int, make: Callable[[str], Array]) -> None:
        self.names, self.count = tuple(names), count
        self._make = make
        self._made: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._made:
            if name not in self.names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]


class StoredColumns(Columns):
    """Columns of a table whose rows lie one after the other in a file.

    Parameters
    ----------
    file, start
        Where the rows begin [byte].
    width
        Of a row [byte].
    count
        Rows.
    names
        Of the columns.
    """

    def __init__(self, file: OpenFile, start: int, width: int, count: int, names: Sequence[str]) -> None:
        self.file, self.start, self.width = file, start, width
        self.count, self.names = count, tuple(names)

    @abstractmethod
    def cells(self, rows: Array, name: str) -> Array:
        """One column of rows that were read, shape (n, width) bytes."""

    def part(self, first: int, last: int) -> Part:
        """Rows ``first`` to ``last``, the last excluded."""
        first, last, _ = slice(first, last).indices(self.count)
        count = max(last - first, 0)
        rows = self.file.read(self.start + first * self.width, count * self.width).reshape(count, self.width)
        return Part(self.names, count, lambda name: self.cells(rows, name))

    def only(self, names: Sequence[str]) -> StoredColumns:
        """The same rows with some of the columns."""
        found = copy.copy(self)
        found.names = tuple(names)
        return found

    def __getitem__(self, name: str) -> Array:
        if name not in self.names:
            raise KeyError(name)
        first = self.part(0, ROWS)[name]
        if self.count <= ROWS:
            return first
        found = np.empty((self.count, *first.shape[1:]), first.dtype)
        found[: len(first)] = first
        for start in range(ROWS, self.count, ROWS):
            found[start : start + ROWS] = self.part(start, start + ROWS)[name]
        return found
