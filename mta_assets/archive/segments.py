"""Segments: immutable wide Parquet files of one group, read by row groups through remembered footers.

One column for each parameter in its native type (dictionary-coded where that pays, LZ4), ``time`` as int64 ns with
delta coding, the contribution of each row. Beside a parameter ``NAME__r`` (raw counts) where they differ from the
values and ``NAME__q`` (quality) where something is not good. Statistics are kept of ``time``, and of quality, which is
only read where it is not zero.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from errno import ENOENT
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.store import atomic_write
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.errors import BadData
from mta_assets.core.samples import Array, Nanoseconds

TIME = "time"
CONTRIBUTION = "contribution__id"
SLOW, FAST = 32_768, 131_072  # [row] rows of a row group: period of 4 s and longer, and shorter
SLOW_PERIOD = 4.0  # [s]
DISTINCT = 0.25  # share of distinct values above which a dictionary does not pay
KEPT = 512  # footers remembered
REMEDY = "Restore it, or reprocess its playbacks; `mta archive verify` looks through all files"


class Damaged(BadData):
    """A segment can not be read, or does not hold what the catalog says."""


def lost(path: object) -> str:
    """What is said of a segment whose file is not there."""
    return f"segment {path} is lost: there is no such file. {REMEDY}"


@dataclass(frozen=True)
class Columns:
    """What was read of a segment: the rows of a stretch of time."""

    time: Nanoseconds
    columns: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.time)


def write_rows(path: Path, rows: GroupRows, sync: bool = True) -> None:
    """Write rows as a segment, whole or not at all."""
    columns: dict[str, Array] = {}
    if rows.contribution is not None:
        columns[CONTRIBUTION] = rows.contribution
    for info in rows.parameters:
        columns[info.name] = rows.values[info.name]
        if info.name in rows.raw:
            columns[f"{info.name}__r"] = rows.raw[info.name]
        if info.name in rows.quality and rows.quality[info.name].any():
            columns[f"{info.name}__q"] = rows.quality[info.name]
    size = SLOW if rows.period >= SLOW_PERIOD or not rows.period else FAST
    write_columns(path, {TIME: rows.time, **columns}, size)


def write_columns(path: Path, columns: Mapping[str, Array], row_group: int = SLOW, sorted_by: str = TIME) -> None:
    """Write columns of equal length as Parquet; ``sorted_by`` gets delta coding and statistics."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = list(columns)
    arrays = [_to_arrow(columns[name]) for name in names]
    fields = [pa.field(name, array.type, nullable=False) for name, array in zip(names, arrays, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    flags = [name for name in names if name.endswith("__q")]
    coded = [*flags, *(name for name in names if name not in (sorted_by, *flags) and _few(columns[name]))]

    def writer(temporary: Path) -> None:
        pq.write_table(
            table, temporary, compression="lz4", row_group_size=row_group, use_dictionary=coded,
            column_encoding={sorted_by: "DELTA_BINARY_PACKED"}, write_statistics=[sorted_by, *flags],
            store_schema=False, write_page_checksum=True,
        )  # fmt: skip

    atomic_write(path, writer)


def _few(array: Array) -> bool:
    """Whether a dictionary pays, judged by a part of the column."""
    if array.dtype.kind in "OU":
        return True
    if array.dtype.itemsize == 1:
        return False  # a byte is no longer than its index; LZ4 does the rest
    part = array[:: max(1, len(array) // 1024)][:2048]
    return len(np.unique(part)) <= max(16.0, DISTINCT * len(part))


def _to_arrow(array: Array) -> Any:
    import pyarrow as pa

    if array.dtype.kind == "b":
        array = array.view(np.uint8)
    if array.dtype.kind == "f" and array.dtype.itemsize == 2:
        array = array.astype(np.float32)
    if array.dtype.kind == "S":
        array = np.char.decode(array, "ascii", "replace")
    if array.dtype.kind == "U":
        array = array.astype(object)
    return pa.array(np.ascontiguousarray(array))


class Footer:
    """The footer of a segment, parsed once: schema, row groups and their first and last value of the sorted column."""

    def __init__(self, path: Path, sorted_by: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            self.metadata = pq.read_metadata(path)
        except FileNotFoundError as error:
            raise FileNotFoundError(ENOENT, lost(path), str(path)) from error  # Arrow does not say which
        except (pa.ArrowException, OSError) as error:
            raise Damaged(f"segment {path} is damaged: {error}. {REMEDY}") from error
        schema = self.metadata.schema.to_arrow_schema()
        self.places = {name: place for place, name in enumerate(schema.names)}
        self.names = frozenset(self.places)
        column = schema.get_field_index(sorted_by)
        if column < 0:
            raise Damaged(f"segment {path} has no column {sorted_by!r}: it is none of the archive's")
        groups = [self.metadata.row_group(i) for i in range(self.metadata.num_row_groups)]
        ends = [(g.column(column).statistics, g.num_rows) for g in groups]
        self.first = np.array([s.min for s, _ in ends], dtype=np.int64)
        self.last = np.array([s.max for s, _ in ends], dtype=np.int64)
        self.rows = np.array([n for _, n in ends], dtype=np.int64)
        self.dtypes = {field.name: _numpy_dtype(field.type) for field in schema}
        self._flagged = {
            name: frozenset(i for i, g in enumerate(groups) if g.column(number).statistics.max > 0)
            for number, name in enumerate(schema.names)
            if name.endswith("__q")
        }

    def suspicious(self, name: str, groups: Iterable[int]) -> bool:
        """Whether a parameter has samples that are not good in any of these row groups."""
        flagged = self._flagged.get(f"{name}__q")
        return flagged is not None and not flagged.isdisjoint(groups)

    @cached_property
    def nbytes(self) -> dict[str, int]:
        """Uncompressed bytes by column."""
        sizes: dict[str, int] = {}
        for i in range(self.metadata.num_row_groups):
            group = self.metadata.row_group(i)
            for j in range(group.num_columns):
                chunk = group.column(j)
                sizes[chunk.path_in_schema] = sizes.get(chunk.path_in_schema, 0) + chunk.total_uncompressed_size
        return sizes


_footers: OrderedDict[tuple[str, str], Footer] = OrderedDict()
_lock = Lock()


def footer(path: Path, sorted_by: str = TIME) -> Footer:
    """The footer of a segment; segments never change, so that it is parsed once."""
    key = str(path), sorted_by
    with _lock:
        if key in _footers:
            _footers.move_to_end(key)
            return _footers[key]
    made = Footer(path, sorted_by)
    with _lock:
        _footers[key] = made
        while len(_footers) > KEPT:
            _footers.popitem(last=False)
    return made


def read(
    path: Path, names: Iterable[str] | None, start: int, stop: int, sorted_by: str = TIME, threads: bool = True
) -> Columns:
    """Rows of a segment whose time (or other sorted column) lies in [start, stop).

    Parameters
    ----------
    names
        Columns wanted; those that the segment does not have are left out. None is all of them.

    Raises
    ------
    Damaged
        If the file can not be decoded; the message names it.
    """
    foot = footer(path, sorted_by)
    groups = np.flatnonzero((foot.first < stop) & (foot.last >= start)).tolist()
    found = decode(path, foot, groups, foot.places if names is None else names, threads, sorted_by)
    low, high = np.searchsorted(found.time, [start, stop]).tolist()
    return Columns(found.time[low:high], {name: array[low:high] for name, array in found.columns.items()})


def decode(
    path: Path, foot: Footer, groups: Sequence[int], names: Iterable[str], threads: bool = True, sorted_by: str = TIME
) -> Columns:
    """Whole row groups of a segment; columns that it does not have are left out.

    Every page has a checksum: a byte that has changed is an error, and never another value.
    """
    import pyarrow as pa

    wanted = [name for name in names if name in foot.places and name != sorted_by]
    if not groups:
        return Columns(np.zeros(0, np.int64), {name: np.zeros(0, foot.dtypes[name]) for name in wanted})
    columns = [foot.places[name] for name in (sorted_by, *wanted)]
    try:
        table = _table(path, foot, groups, columns, threads and len(wanted) > 3)
    except FileNotFoundError as error:
        raise FileNotFoundError(ENOENT, lost(path), str(path)) from error
    except (pa.ArrowException, OSError) as error:
        bad = ", ".join(_undecodable(path, foot, groups, [sorted_by, *wanted]))
        raise Damaged(f"segment {path} is damaged in {bad or 'its pages'}: {error}. {REMEDY}") from error
    return Columns(column_of(table, sorted_by), {name: column_of(table, name) for name in wanted})


def _table(path: Path, foot: Footer, groups: Sequence[int], columns: Sequence[int], threads: bool) -> Any:
    # What pyarrow.parquet.ParquetFile stands on: opening that takes longer than decoding what a week needs.
    from pyarrow._parquet import ParquetReader

    reader = ParquetReader()
    reader.open(str(path), use_memory_map=True, metadata=foot.metadata, page_checksum_verification=True)
    try:
        return reader.read_row_groups(list(groups), column_indices=list(columns), use_threads=threads)
    finally:
        reader.close()


def _undecodable(path: Path, foot: Footer, groups: Sequence[int], names: Sequence[str]) -> list[str]:
    """Which columns of a damaged segment can not be decoded."""
    import pyarrow as pa

    bad = []
    for name in names:
        try:
            _table(path, foot, groups, [foot.places[name]], False)
        except (pa.ArrowException, OSError):
            bad.append(name)
    return bad


def _numpy_dtype(arrow: Any) -> np.dtype[Any]:
    import pyarrow as pa

    return np.dtype(object) if pa.types.is_string(arrow) else np.dtype(arrow.to_pandas_dtype())


def column_of(table: Any, name: str) -> Array:
    """A column of an Arrow table as a NumPy array, without a copy where it is in one piece."""
    import pyarrow as pa

    chunks = table.column(name).chunks
    if len(chunks) == 1 and not pa.types.is_string(chunks[0].type):
        array: Array = chunks[0].to_numpy(zero_copy_only=True)
        return array
    if not chunks or pa.types.is_string(chunks[0].type):
        return np.array(table.column(name).to_pylist(), dtype="U")
    return np.concatenate([chunk.to_numpy(zero_copy_only=True) for chunk in chunks])


def rows_of(found: Columns, group: str, parameters: Sequence[Any], period: float) -> GroupRows:
    """What was read of a segment as rows again."""
    columns = found.columns
    there = [info for info in parameters if info.name in columns]
    contribution: NDArray[np.int64] | None = columns.get(CONTRIBUTION)
    return GroupRows(
        group,
        tuple(there),
        found.time,
        {info.name: columns[info.name] for info in there},
        {info.name: columns[f"{info.name}__r"] for info in there if f"{info.name}__r" in columns},
        {info.name: columns[f"{info.name}__q"] for info in there if f"{info.name}__q" in columns},
        period,
        contribution,
    )
