"""Tables: a column is declared once, everything else derives from the declaration.

Science functions take and return these (or plain arrays); writing them as FITS or Parquet is the archive's job.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core import stored
from mta_assets.core.errors import BadData
from mta_assets.core.stored import StoredColumns

Array = NDArray[Any]
Header = dict[str, Any]  # keyword → value, or (value, comment)
IMAGE = "IMAGE"  # the one column of an image


def plain(given: Any) -> Any:
    """Value of a header keyword, with or without its comment."""
    return given[0] if isinstance(given, tuple) else given


@dataclass(frozen=True)
class Column:
    """Declaration of one column.

    Parameters
    ----------
    name
        Column name as in the product (TTYPE).
    dtype
        NumPy dtype text of one cell: ``'f8'``, ``'i2'``, ``'U8'``, ``'bool'`` …
    unit
        FITS unit text, empty for none.
    doc
        What it means, in one line (becomes the TTYPE comment and the column description in the UI).
    shape
        Shape of one cell, ``()`` for a scalar.
    limits
        Smallest and largest legal value (TLMIN, TLMAX), if the product declares them; None for no largest one.
    bits
        True if the cell is a bit array, written as a FITS ``X`` column.
    null
        Integer that stands for 'no value' (TNULL), if the product declares one.
    """

    name: str
    dtype: str
    unit: str = ""
    doc: str = ""
    shape: tuple[int, ...] = ()
    limits: tuple[float, float | None] | None = None
    bits: bool = False
    null: int | None = None


@dataclass(frozen=True)
class Schema:
    """Declared columns of a table, in order."""

    name: str
    columns: tuple[Column, ...]
    doc: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def empty(self, header: Mapping[str, Any] | None = None) -> Table:
        """A table of this schema without rows."""
        columns = {c.name: np.zeros((0, *c.shape), c.dtype) for c in self.columns}
        return Table(self.name, columns, dict(header or {}), self)

    def build(self, columns: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> Table:
        """A table of this schema from arrays, cast to the declared types (without loss) and put in order.

        Raises
        ------
        BadData
            If a declared column is missing, one is not declared, lengths differ or a cast would lose something.
        """
        missing = [n for n in self.names if n not in columns]
        unknown = [n for n in columns if n not in self.names]
        if missing or unknown:
            raise BadData(f"table {self.name}: missing columns {missing}, undeclared columns {unknown}")
        arrays = {c.name: _cast(self.name, c, columns[c.name]) for c in self.columns}
        return Table(self.name, arrays, dict(header or {}), self)


def _cast(table: str, column: Column, values: Any) -> Array:
    array = np.asarray(values)
    target = np.dtype(column.dtype)
    if array.dtype == target:
        return array
    cast = array.astype(target)
    if target.kind in "iu" and array.dtype.kind in "iufb" and not np.array_equal(cast, array):
        raise BadData(f"table {table}, column {column.name}: a value does not fit into {column.dtype}")
    return cast


@dataclass(frozen=True)
class Table:
    """Named columns of equal length with header keywords: one HDU of a product, one Parquet file.

    ``schema`` is optional: tables whose columns come from a dictionary (engineering) carry one made from it. The rows
    of a long table may lie in a file (`core.stored`): its columns are read when they are asked for.
    """

    name: str
    columns: Mapping[str, Array]
    header: Header = field(default_factory=dict)
    schema: Schema | None = None

    def __post_init__(self) -> None:
        if isinstance(self.columns, stored.Columns):
            return
        lengths = {name: len(array) for name, array in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise BadData(f"table {self.name}: columns differ in length: {lengths}")

    def __len__(self) -> int:
        if isinstance(self.columns, stored.Columns):
            return self.columns.count
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> Array:
        if name not in self.columns:
            raise BadData(f"table {self.name} has no column {name!r}; it has {', '.join(self.columns)}")
        return self.columns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def where(self, rows: Array) -> Table:
        """The same table with the rows that a mask or an index array selects."""
        if isinstance(self.columns, StoredColumns) and rows.dtype == bool:  # read once, not once for each column
            parts, at = [self.rows(0, 0)], 0
            for block in self.blocks():
                parts.append(block.where(rows[at : at + len(block)]))
                at += len(block)
            return replace(self, columns=concatenate(parts).columns, header=dict(self.header))
        columns = {n: a[rows] for n, a in self.columns.items()}
        return replace(self, columns=columns, header=dict(self.header))

    def rows(self, first: int, last: int) -> Table:
        """Rows ``first`` to ``last`` (excluded), without a copy of those that are in memory."""
        columns: Mapping[str, Array]
        if isinstance(self.columns, StoredColumns):
            columns = self.columns.part(first, last)
        else:
            columns = {name: array[first:last] for name, array in self.columns.items()}
        return Table(self.name, columns, self.header, self.schema)

    def blocks(self, size: int | None = None) -> Iterator[Table]:
        """The table in pieces of at most so many rows, `core.stored.ROWS` by default."""
        size = size or stored.ROWS
        for first in range(0, len(self), size):
            yield self.rows(first, first + size)

    def select(self, names: Sequence[str]) -> Table:
        """The same rows with some of the columns, in this order, and without a schema."""
        columns: Mapping[str, Array]
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise BadData(f"table {self.name} has no column {missing[0]!r}; it has {', '.join(self.columns)}")
        if isinstance(self.columns, StoredColumns):
            columns = self.columns.only(names)
        else:
            columns = {name: self.columns[name] for name in names}
        return Table(self.name, columns, self.header)

    def with_header(self, extra: Mapping[str, Any]) -> Table:
        """The same table with further header keywords (the new ones win)."""
        return replace(self, header={**self.header, **extra})

    @property
    def nbytes(self) -> int:
        """Of its rows, in memory or in a file."""
        if isinstance(self.columns, StoredColumns):
            return self.columns.count * self.columns.width
        return sum(array.nbytes for array in self.columns.values())


@dataclass(frozen=True)
class Image(Table):
    """An image as a table: the one column ``IMAGE`` holds a row of pixels in each cell, the lowest row first.

    Written as an image HDU, the first of a product as the primary one; world coordinates stand in the header.
    """

    def __post_init__(self) -> None:
        if list(self.columns) != [IMAGE] or self.columns[IMAGE].ndim != 2 or not self.columns[IMAGE].size:
            shapes = {name: array.shape for name, array in self.columns.items()}
            raise BadData(f"image {self.name}: expected one column {IMAGE} of two axes with pixels, has {shapes}")

    @property
    def pixels(self) -> Array:
        """Pixels, shape (NAXIS2, NAXIS1)."""
        return self.columns[IMAGE]


def image(name: str, pixels: Array, header: Mapping[str, Any] | None = None) -> Image:
    """An image from its pixels, shape (NAXIS2, NAXIS1)."""
    return Image(name, {IMAGE: pixels}, dict(header or {}))


@dataclass(frozen=True)
class FileOf:
    """Value of a keyword that is only known when files have names: the file of another product of the same run.

    That of the file id with the same fields (``source``, ``group``), which the step has to give out before. The
    controller puts its name in place of this.
    """

    file_id: str


@dataclass(frozen=True)
class Product:
    """One product file, before it has a name: tables (HDUs), common keywords and its interval.

    Parameters
    ----------
    file_id
        File identifier in the registry.
    tables
        The HDUs in order. An image that comes first is the primary one, before anything else stands an empty one.
    tstart, tstop
        Interval that it covers, TT seconds since 1998.0 TT.
    header
        Keywords that every HDU carries besides the standard ones (OBS_ID, DETNAM, DATAMODE …).
    fields
        What the file name needs besides time and version: ``{'fep_id': 3}``, ``{'group': 4}``.
    """

    file_id: str
    tables: tuple[Table, ...]
    tstart: float
    tstop: float
    header: Header = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)

    def table(self, name: str) -> Table:
        for table in self.tables:
            if table.name == name:
                return table
        raise BadData(f"product {self.file_id} has no table {name!r}; it has {[t.name for t in self.tables]}")

    @property
    def rows(self) -> int:
        """Rows of the first table, the one the product is about."""
        return len(self.tables[0]) if self.tables else 0


def concatenate(tables: Iterable[Table]) -> Table:
    """Rows of several tables of the same columns after each other; name, header and schema of the first.

    Raises
    ------
    BadData
        If there is no table, or the cells of a column differ in their shape.
    """
    parts = list(tables)
    if not parts:
        raise BadData("nothing to concatenate: expected at least one table")
    first = parts[0]
    for name in first.columns:
        shapes = {part[name].shape[1:] for part in parts}
        if len(shapes) > 1:
            raise BadData(
                f"tables {first.name} do not belong together: cells of {name} have shapes "
                f"{' and '.join(str(shape) for shape in sorted(shapes))}; one of the files is of another kind"
            )
    columns = {name: np.concatenate([part[name] for part in parts]) for name in first.columns}
    return Table(first.name, columns, dict(first.header), first.schema)
