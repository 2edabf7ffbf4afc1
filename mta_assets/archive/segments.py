"""Segments: immutable wide Parquet files of one group, read by row groups through remembered footers.

One column for each parameter in its native type, ``time`` as int64 ns, the contribution of each row. Times and integers
are delta-coded, values that repeat go through a dictionary; both are about as small as compression would make them and
are read faster. What is left, floats that hardly repeat, is compressed (LZ4). Beside a parameter ``NAME__r`` (raw
counts) where they differ from the values and ``NAME__q`` (quality) where something is not good. Statistics are kept of
``time``, and of quality, which is only read where it is not zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from errno import ENOENT
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.footers import REMEDY, TIME, Damaged, Footer, footer, lost
from mta_assets.archive.store import atomic_write
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.samples import Array, Nanoseconds

CONTRIBUTION = "contribution__id"
SLOW, FAST = 16_384, 65_536  # [row] rows of a row group: period of 4 s and longer, and shorter
SLOW_PERIOD = 4.0  # [s]
DISTINCT = 0.5  # share of distinct values above which a dictionary does not pay
MANY = 1 << 20  # [value] from which on columns are decoded on several threads
JUDGED = 1024  # [value] of the middle of a column, from which that is told


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
    steps = [name for name in names if name not in coded and columns[name].dtype.kind in "iu"]
    codec = {name: "none" if name in coded or name in steps else "lz4" for name in names}

    def writer(temporary: Path) -> None:
        pq.write_table(
            table, temporary, compression=codec, row_group_size=row_group, use_dictionary=coded,
            column_encoding=dict.fromkeys(steps, "DELTA_BINARY_PACKED"), write_statistics=[sorted_by, *flags],
            store_schema=False, write_page_checksum=True,
        )  # fmt: skip

    atomic_write(path, writer)


def _few(array: Array) -> bool:
    """Whether a dictionary pays, judged by a part of the column: rows that follow each other are stored together."""
    if array.dtype.kind in "OU" or array.dtype.itemsize == 1:
        return True
    first = max(0, (len(array) - JUDGED) // 2)
    part = array[first : first + JUDGED]
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
    """Whole row groups of a segment; columns that it does not have are left out."""
    wanted = [name for name in names if name in foot.places and name != sorted_by]
    if not groups:
        return Columns(np.zeros(0, np.int64), {name: np.zeros(0, foot.dtypes[name]) for name in wanted})
    found = columns_of(path, foot, groups, [sorted_by, *wanted], threads)
    return Columns(found.pop(sorted_by), found)


def columns_of(
    path: Path, foot: Footer, groups: Sequence[int], names: Sequence[str], threads: bool = True
) -> dict[str, Array]:
    """Columns of whole row groups, all of which the segment has.

    Every page has a checksum: a byte that has changed is an error, and never another value. It is computed the first
    time that a process reads the page.
    """
    import pyarrow as pa

    places = [foot.places[name] for name in names]
    try:
        table = _table(path, foot, groups, places, threads and len(places) * foot.rows[groups].sum() > MANY)
    except FileNotFoundError as error:
        raise FileNotFoundError(ENOENT, lost(path), str(path)) from error
    except (pa.ArrowException, OSError) as error:
        bad = ", ".join(_undecodable(path, foot, groups, names))
        raise Damaged(f"segment {path} is damaged in {bad or 'its pages'}: {error}. {REMEDY}") from error
    if any(table.column(name).null_count for name in names):
        raise Damaged(f"segment {path} has rows without a value, which the archive never writes. {REMEDY}")
    return {name: column_of(table, name) for name in names}


def _table(path: Path, foot: Footer, groups: Sequence[int], columns: Sequence[int], threads: bool) -> Any:
    # What pyarrow.parquet.ParquetFile stands on: opening that takes longer than decoding what a week needs. To read
    # ahead (pre_buffer) is for slow disks: it hands everything to another thread first.
    from pyarrow._parquet import ParquetReader

    which = np.ix_(groups, columns)
    check = not foot.checked[which].all()
    reader = ParquetReader()
    reader.open(
        str(path), use_memory_map=True, metadata=foot.metadata, pre_buffer=False, page_checksum_verification=check
    )
    try:
        table = reader.read_row_groups(list(groups), column_indices=list(columns), use_threads=threads)
    finally:
        reader.close()
    foot.checked[which] = True
    return table


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


def column_of(table: Any, name: str) -> Array:
    """A column of an Arrow table as a NumPy array that may be written to, without a copy where it is in one piece."""
    import pyarrow as pa

    chunks = table.column(name).chunks
    if len(chunks) == 1 and not pa.types.is_string(chunks[0].type):
        # Not `to_numpy`, which gives an array that can only be read: what was decoded for us is ours.
        chunk, dtype = chunks[0], np.dtype(chunks[0].type.to_pandas_dtype())
        return np.frombuffer(chunk.buffers()[1], dtype, len(chunk), chunk.offset * dtype.itemsize)
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
