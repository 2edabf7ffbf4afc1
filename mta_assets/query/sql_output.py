"""Rows of a SQL statement to a file, whole or not at all.

Parquet, CSV and JSON are written part by part, FITS and ECSV from memory.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.query.output import RESERVE, OutputRefused, check_targets, staged
from mta_assets.query.sql_rows import Rows, SqlError, cells, plain

SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".fits": "fits", ".ecsv": "ecsv"}
LARGEST = 20_000_000  # [cell] of FITS and ECSV, which are written from memory


def format_of(path: Path) -> str:
    """The format of a suffix."""
    if path.suffix.lower() not in SUFFIXES:
        raise OutputRefused(f"{path}: no format has the suffix {path.suffix!r}; expected one of {', '.join(SUFFIXES)}")
    return SUFFIXES[path.suffix.lower()]


def write(rows: Rows, path: Path, statement: str, overwrite: bool = False) -> int:
    """Write all rows; returns how many. Nothing is left if it does not come to its end.

    Raises
    ------
    OutputRefused
        If the file is there already, its format is unknown or the disk gets full.
    """
    kind = format_of(path)
    check_targets([path], overwrite)
    batches = _Watched(rows, path.parent)
    with staged([path]) as temporary:
        if kind == "parquet":
            return _parquet(temporary[0], batches, statement)
        if kind == "csv":
            return _csv(temporary[0], batches)
        if kind == "json":
            return _json(temporary[0], batches)
        return _astropy(temporary[0], batches, kind, statement)


class _Watched:
    """Batches of rows, as long as the disk has room."""

    def __init__(self, given: Rows, folder: Path) -> None:
        self.schema, self.types, self.rows = given.schema, given.types, 0
        self._given, self._folder = given, folder

    def __iter__(self) -> Iterator[Any]:
        for batch in self._given.reader():
            if shutil.disk_usage(self._folder).free < RESERVE + 4 * batch.nbytes:
                raise OutputRefused(f"{self._folder}: the disk has no room for more rows; nothing was kept")
            self.rows += batch.num_rows
            yield batch


def _parquet(path: Path, batches: _Watched, statement: str) -> int:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, batches.schema.with_metadata({"query": statement}), compression="lz4") as writer:
        for batch in batches:
            writer.write_batch(batch)
    return batches.rows


def _csv(path: Path, batches: _Watched) -> int:
    from pyarrow import csv

    with csv.CSVWriter(path, batches.schema, write_options=csv.WriteOptions(quoting_style="needed")) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return batches.rows


def _json(path: Path, batches: _Watched) -> int:
    """``{columns, types, rows}``; what is no number is null."""
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"columns": batches.schema.names, "types": batches.types})[:-1] + ', "rows": [')
        first = True
        for batch in batches:
            for row in cells(batch):
                file.write(("\n" if first else ",\n") + json.dumps([plain(cell) for cell in row]))
                first = False
        file.write("\n]}\n")
    return batches.rows


def _astropy(path: Path, batches: _Watched, kind: str, statement: str) -> int:
    from astropy.table import MaskedColumn
    from astropy.table import Table as AstropyTable

    parts = []
    for batch in batches:
        parts.append(batch)
        if batches.rows * max(len(batches.schema), 1) > LARGEST:
            raise SqlError(f"{path.name}: more than {LARGEST:,} cells; take .parquet or .csv, or ask for fewer rows")
    table = AstropyTable(meta={"QUERY": " ".join(statement.split())})
    columns = list(zip(*(row for part in parts for row in cells(part)), strict=True)) or [()] * len(batches.schema)
    for field, column in zip(batches.schema, columns, strict=True):
        mask = [cell is None for cell in column]
        values = _array(field.type, column)
        table[field.name] = MaskedColumn(values, mask=mask) if any(mask) else values
    table.write(path, format="ascii.ecsv" if kind == "ecsv" else "fits", overwrite=True)
    return batches.rows


def _array(kind: Any, column: Sequence[Any]) -> Any:
    """Cells of an Arrow type as NumPy has them; what is no number or truth value as text."""
    from pyarrow import types

    whole = types.is_decimal(kind) and kind.scale == 0 and all(-(2**63) <= (cell or 0) < 2**63 for cell in column)
    if types.is_decimal(kind):
        return np.array([cell or 0 for cell in column], np.int64 if whole else np.float64)
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        return np.array([cell or 0 for cell in column], kind.to_pandas_dtype())
    return np.array(["" if cell is None else str(plain(cell)) for cell in column], np.str_)
