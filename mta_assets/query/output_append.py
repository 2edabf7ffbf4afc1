"""Trend files: answers of one query, day after day, in one file.

Rows of the time that an answer is about are replaced, so the same day may be appended again, after late data for
example, and the file is as if it had been appended once. A bin that the beginning of the period cuts gets the time of
that beginning: the part before it belongs to the day before, and is a row of its own. The whole file is written anew
and takes its place in one step: a reader never sees half of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.archive.fits_header import fits_unit
from mta_assets.archive.fits_read import read_fits
from mta_assets.archive.parquet import read_parquet
from mta_assets.archive.store import lock
from mta_assets.core.errors import BadData
from mta_assets.core.intervals import contains
from mta_assets.core.samples import SECOND, to_nanoseconds
from mta_assets.core.tables import Array, Column, Schema, Table
from mta_assets.query.output import OutputRefused, Saved, check_room, check_targets, format_of, targets_of, write_all
from mta_assets.query.output_origin import origin_of
from mta_assets.query.output_tables import FLAGS, TIME, UNTIL, UTC, Shape, rows_of, survey
from mta_assets.query.output_text import gather
from mta_assets.query.utc import to_texts

OPEN = 9.0e9  # [s] an open edge of a period: beyond any mission
LOCK_SUFFIX = ".lock"


def append(
    path: Path | str,
    answer: Any,
    format: str | None = None,
    *,
    period: tuple[float, float] | None = None,
    created: float | None = None,
    header: Mapping[str, Any] | None = None,
) -> Saved:
    """Put the rows of an answer into a trend file, in place of those of the same time.

    Parameters
    ----------
    path
        The file; it is made if it is not there. ``.NAME.lock`` beside it keeps others from appending at the same time.
    answer
        As of `query.output.save`. It is taken into memory.
    period
        The time whose rows are replaced [TT s since 1998.0], half open; the query's periods if it is not given, and
        all of the file where the query has none.

    Raises
    ------
    OutputRefused
        If the file has other columns or units than the answer, or a format that can not be appended to.
    BadData
        If the file can not be read.
    """
    target = Path(path)
    kind = format_of(target, format)
    if kind == "json":
        raise OutputRefused(f"{target}: JSON can not be appended to; take .fits, .parquet, .csv or .ecsv")
    replaced = _replaced(answer, period)
    shapes = survey(answer)
    targets = targets_of(target, kind, [shape.name for shape in shapes])
    check_targets(targets, overwrite=True)
    with lock(target.with_name(f".{target.name}{LOCK_SUFFIX}")):
        new = {shape.name: _clipped(gather(shape, rows_of(answer, shape)), answer, replaced) for shape in shapes}
        old = _standing(targets, kind, new)
        merged = [_merge(target, old.pop(name, None), table, replaced) for name, table in new.items()]
        merged += [_without(table, replaced) for table in old.values()]
        pairs = [(shape_of(table), iter([table])) for table in merged]
        check_room(target.parent, kind, [shape for shape, _ in pairs])
        write_all(targets, kind, pairs, origin_of(answer, created, header))
    return Saved(tuple(targets), sum(map(len, new.values())), sum(file.stat().st_size for file in targets))


def _replaced(answer: Any, period: tuple[float, float] | None) -> Array:
    periods = getattr(getattr(answer, "query", None), "periods", ())
    if period is not None:
        pairs = [period]
    elif periods:
        pairs = [(-OPEN if p.start is None else p.start, OPEN if p.stop is None else p.stop) for p in periods]
    else:
        pairs = [(-OPEN, OPEN)]
    return np.array(pairs, np.float64)


def _clipped(table: Table, answer: Any, replaced: Array) -> Table:
    """Rows of bins that a period cuts at its beginning, moved to that beginning; samples stay where they are."""
    sampling = getattr(getattr(answer, "query", None), "sampling", None)
    if getattr(sampling, "every", None) is None or not len(table):
        return table
    starts = np.sort(replaced[:, 0])
    time = table[TIME].copy()
    outside = np.flatnonzero(~contains(replaced, time))
    following = np.searchsorted(starts, time[outside])
    cut = outside[following < len(starts)]
    time[cut] = starts[following[following < len(starts)]]
    columns = {**table.columns, TIME: time, UTC: to_texts(to_nanoseconds(time))}
    return Table(table.name, columns, table.header, table.schema)


def _standing(targets: Sequence[Path], kind: str, new: Mapping[str, Table]) -> dict[str, Table]:
    """The tables that the files hold, by the answer's name for them; FITS writes names in capital letters."""
    if kind.startswith("fits"):
        names = {name.upper(): name for name in new}
        tables = _read(targets[0], kind, None) if targets[0].exists() else ()
        return {names.get(table.name, table.name): table for table in tables}
    pairs = zip(targets, new.items(), strict=False)
    return {name: _read(file, kind, table)[0] for file, (name, table) in pairs if file.exists()}


def _without(table: Table, replaced: Array) -> Table:
    return table.where(~contains(replaced, table[TIME]))


def _merge(path: Path, old: Table | None, new: Table, replaced: Array) -> Table:
    if old is None:
        return new
    check_columns(path, old, new)
    kept = _without(old, replaced)
    kept = kept.where(~np.isin(kept[TIME], new[TIME]))  # the rows of windows may lie outside of the query's periods
    columns: dict[str, Array] = {}
    declared = {c.name: c for table in (old, new) for c in (table.schema.columns if table.schema else ())}
    for name in _names(old, new):
        pieces = [table.columns.get(name, np.zeros(len(table), np.uint8)) for table in (kept, new)]
        columns[name] = np.concatenate(pieces)
    order = np.argsort(columns[TIME], kind="stable")
    schema = Schema(new.name, tuple(_declared(declared[name], values) for name, values in columns.items()))
    return Table(new.name, {name: values[order] for name, values in columns.items()}, {}, schema)


def _declared(column: Column, values: Array) -> Column:
    width = values.dtype
    dtype = f"U{width.itemsize // 4}" if width.kind == "U" else f"{width.kind}{width.itemsize}"
    return Column(column.name, dtype, column.unit, column.doc)


def _names(old: Table, new: Table) -> list[str]:
    """Columns of both, those of quality behind their parameter."""
    names = []
    for name in new.columns:
        if not name.endswith(FLAGS):
            names.append(name)
            if name + FLAGS in new or name + FLAGS in old:
                names.append(name + FLAGS)
    return names


def check_columns(path: Path, old: Table, new: Table) -> None:
    """Refuse an answer with other columns, kinds of values or units than the file has."""
    ours = [name for name in new.columns if not name.endswith(FLAGS)]
    theirs = [name for name in old.columns if not name.endswith(FLAGS)]
    if ours != theirs:
        raise OutputRefused(f"{path}[{old.name}] has the columns {', '.join(theirs)}; the answer has {', '.join(ours)}")
    units = [{c.name: fits_unit(c.unit) for c in table.schema.columns} if table.schema else {} for table in (old, new)]
    for name in ours:
        kinds = [table[name].dtype.kind for table in (old, new)]
        if ("U" in kinds) and kinds[0] != kinds[1]:
            raise OutputRefused(
                f"{path}[{old.name}], column {name}: the file has text or numbers, the answer the other"
            )
        if name in units[0] and units[0][name] != units[1].get(name):
            raise OutputRefused(
                f"{path}[{old.name}], column {name}: the file is in {units[0][name] or 'no unit'}, "
                f"the answer in {units[1].get(name) or 'no unit'}"
            )


def shape_of(table: Table) -> Shape:
    """The shape of a table that stands as it will be in a file."""
    declared = {c.name: c for c in table.schema.columns} if table.schema else {}
    names = [n for n in table.columns if n not in (TIME, UTC, UNTIL) and not n.endswith(FLAGS)]
    last = table.columns.get(UNTIL, table[TIME])
    return Shape(
        table.name,
        {name: name for name in names},
        {name: table[name].dtype for name in names},
        {name: declared[name].unit for name in names},
        {name: declared[name].doc for name in names},
        {name for name in names if name + FLAGS in table},
        len(table),
        _nanosecond(table[TIME].min()) if len(table) else None,
        _nanosecond(last.max()) if len(table) else None,
        UNTIL in table,
    )


def _nanosecond(time: float) -> int:
    return int(to_nanoseconds([time])[0]) if abs(time) < OPEN else int(time) * SECOND


# ---- reading what is there


def _read(path: Path, kind: str, like: Table | None) -> Sequence[Table]:
    readers: dict[str, Callable[[Path, Table | None], Sequence[Table]]] = {
        "fits": _read_fits, "fits.gz": _read_fits, "parquet": _read_parquet, "csv": _read_csv, "ecsv": _read_ecsv,
    }  # fmt: skip
    tables = readers[kind](path, like)
    for table in tables:
        if TIME not in table:
            raise BadData(f"{path}[{table.name}] has no column {TIME}: it is no trend file")
    return tables


def _read_fits(path: Path, like: Table | None) -> Sequence[Table]:
    return read_fits(path, "QUERY").tables


def _read_parquet(path: Path, like: Table | None) -> Sequence[Table]:
    return [read_parquet(path)]


def _read_csv(path: Path, like: Table | None) -> Sequence[Table]:
    """CSV says nothing of types: they are those of the answer."""
    import pyarrow as pa
    from pyarrow import csv

    if like is None:
        raise OutputRefused(f"{path}: the answer has no table, so nothing says what the columns of the CSV file are")
    with path.open("rb") as file:
        heads = 0
        while file.readline().startswith(b"#"):
            heads += 1
    types = {name: pa.from_numpy_dtype(values[:0].dtype) for name, values in like.columns.items()}
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    try:
        found = csv.read_csv(path, csv.ReadOptions(skip_rows=heads), convert_options=options)
    except pa.ArrowInvalid as error:
        raise BadData(f"{path}: not readable with the columns of the answer: {error}") from error
    declared = {c.name: c for c in like.schema.columns} if like.schema else {}
    columns = {name: _filled(found.column(name), types.get(name)) for name in found.column_names}
    known = [declared.get(name, Column(name, "u1")) for name in columns]
    return [Table(like.name, columns, {}, Schema(like.name, tuple(known)))]


def _filled(column: Any, kind: Any) -> Array:
    import pyarrow as pa

    if pa.types.is_string(column.type):
        return np.array(column.to_pylist() or [""], dtype="U")[: len(column)]
    if kind is None:  # quality that the answer does not have
        return np.asarray(column.to_numpy()).astype(np.uint8)
    return np.asarray(column.fill_null(np.nan if pa.types.is_floating(kind) else 0).to_numpy())


def _read_ecsv(path: Path, like: Table | None) -> Sequence[Table]:
    from astropy.table import Table as AstropyTable

    try:
        found = AstropyTable.read(path, format="ascii.ecsv")
    except (ValueError, OSError) as error:
        raise BadData(f"{path}: not a readable ECSV file: {error}") from error
    columns, declared = {}, []
    for name in found.colnames:
        column = found[name]
        kind = column.dtype.kind
        blank: Any = np.nan if kind == "f" else "" if kind == "U" else 0
        columns[name] = np.asarray(column.filled(blank) if hasattr(column, "filled") else column)
        declared.append(Column(name, "", str(column.unit or ""), column.description or ""))
    table = str(found.meta.get("table", "")) or (like.name if like else path.stem)
    return [Table(table, columns, {}, Schema(table, tuple(declared)))]
