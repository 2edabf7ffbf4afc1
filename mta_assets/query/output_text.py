"""Answers as text: CSV with a commented head, ECSV, JSON. Block by block, but for ECSV, which astropy writes whole."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from mta_assets.core.errors import MtaError
from mta_assets.core.flags import Quality
from mta_assets.core.tables import Array, Table
from mta_assets.query.output_origin import Origin
from mta_assets.query.output_tables import FLAGS, Shape

LARGEST_ECSV = 20_000_000  # [cell] astropy takes about 200 bytes of memory and 3 µs for each


def write_csv(path: Path, shape: Shape, parts: Iterator[Table], origin: Origin) -> None:
    """Write one table: lines of ``#`` that say where it comes from and what its units are, then names, then rows.

    Numbers are written with as many digits as bring back the same number; cells without a value are empty.
    """
    from pyarrow import csv

    schema = _arrow_schema(shape)
    with path.open("wb") as file:
        units = [f"{c.name} [{c.unit}]" for c in shape.schema.columns if c.unit]
        for line in [*origin.lines, f"table: {shape.name}", f"units: {', '.join(units)}" if units else ""]:
            if line:
                file.write(f"# {_one_line(line)}\n".encode())
        file.write((",".join(shape.schema.names) + "\n").encode())
        options = csv.WriteOptions(include_header=False, quoting_style="needed")
        with csv.CSVWriter(file, schema, write_options=options) as writer:
            for part in parts:
                writer.write_table(_arrow(part, schema))


def _arrow_schema(shape: Shape) -> Any:
    import pyarrow as pa

    return pa.schema([(c.name, pa.from_numpy_dtype(np.zeros(0, c.dtype).dtype)) for c in shape.schema.columns])


def _arrow(part: Table, schema: Any) -> Any:
    import pyarrow as pa

    arrays = [pa.array(values, field.type, mask=missing(part, field.name))
              for field, values in zip(schema, part.columns.values(), strict=True)]  # fmt: skip
    return pa.Table.from_arrays(arrays, schema=schema)


def missing(part: Table, name: str) -> Array:
    """Which cells of a column have no value: those that say so, and what is not a number."""
    values = part[name]
    none = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)
    flags = part.columns.get(name + FLAGS)
    return none if flags is None else none | (flags & np.uint8(Quality.MISSING) != 0)


def write_ecsv(path: Path, shape: Shape, parts: Iterator[Table], origin: Origin) -> None:
    """Write one table as astropy's ECSV.

    Raises
    ------
    MtaError
        If it has more cells than astropy can take in reasonable time.
    """
    from astropy.table import MaskedColumn
    from astropy.table import Table as AstropyTable

    cells = shape.rows * len(shape.schema.columns)
    if cells > LARGEST_ECSV:
        raise MtaError(
            f"{cells:,} cells are too many for ECSV ({LARGEST_ECSV:,}), which is written in memory: "
            "take .fits, .parquet or .csv, or ask for fewer rows"
        )
    table = gather(shape, parts)
    out = AstropyTable(meta={"table": shape.name, "comments": origin.lines})
    for column in shape.schema.columns:
        mask = missing(table, column.name)
        content = MaskedColumn(table[column.name], mask=mask) if mask.any() else table[column.name]
        out.add_column(content, name=column.name)
        out[column.name].unit = column.unit or None
        out[column.name].description = column.doc or None
    out.write(path, format="ascii.ecsv", delimiter=",", overwrite=True)


def gather(shape: Shape, parts: Iterable[Table]) -> Table:
    """All rows of a table in memory."""
    pieces = list(parts) or [shape.schema.empty()]
    columns = {name: np.concatenate([piece[name] for piece in pieces]) for name in shape.schema.names}
    return Table(shape.name, columns, {}, shape.schema)


def write_json(path: Path, tables: Iterable[tuple[Shape, Iterator[Table]]], origin: Origin) -> None:
    """Write all tables: ``{query, sha256, transaction, notes, tables: [{name, columns, units, rows}]}``.

    A cell without a value is null.
    """
    head = {
        "query": origin.query,
        "sha256": origin.digest,
        "transaction": origin.transaction,
        "notes": list(origin.notes),
    }
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head)[:-1] + ', "tables": [')
        for number, (shape, parts) in enumerate(tables):
            schema = shape.schema
            about = {"name": shape.name, "columns": schema.names, "units": [c.unit for c in schema.columns]}
            file.write(("," if number else "") + "\n" + json.dumps(about)[:-1] + ', "rows": [')
            _write_rows(file, parts)
            file.write("]}")
        file.write("\n]}\n")


def _write_rows(file: IO[str], parts: Iterator[Table]) -> None:
    first = True
    for part in parts:
        columns = [_cells(part, name) for name in part.columns]
        for row in zip(*columns, strict=True):
            file.write(("\n" if first else ",\n") + json.dumps(row))
            first = False


def _cells(part: Table, name: str) -> list[Any]:
    gone = missing(part, name)
    values: list[Any] = part[name].tolist()
    if part[name].dtype.kind == "f":
        return [None if bad or not math.isfinite(v) else v for v, bad in zip(values, gone.tolist(), strict=True)]
    return [None if bad else v for v, bad in zip(values, gone.tolist(), strict=True)] if gone.any() else values


def _one_line(text: str) -> str:
    return " ".join(text.split())
