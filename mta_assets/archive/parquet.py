"""Tables as Parquet: one table per file, the declarations of the columns in its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.archive.store import atomic_write, sha256_of
from mta_assets.core.errors import BadData
from mta_assets.core.tables import Array, Column, Schema, Table

ROW_GROUP = 131_072  # [row]
KEY = b"mta_assets"


def write_parquet(path: Path, table: Table) -> str:
    """Write a table, whole or not at all, and return the SHA-256 of the file's bytes.

    Dictionary encoding and LZ4 pages; the bytes depend on the content and the library version only.
    """
    import pyarrow.parquet as pq

    arrow = arrow_table(table)

    def writer(temporary: Path) -> None:
        pq.write_table(arrow, temporary, compression="lz4", row_group_size=ROW_GROUP)

    atomic_write(path, writer)
    return sha256_of(path)


def arrow_table(table: Table) -> Any:
    """The table as a pyarrow one; cells that are arrays become fixed-size lists, declarations go to the metadata."""
    import pyarrow as pa

    declared = {c.name: c for c in table.schema.columns} if table.schema else {}
    arrays, fields = [], []
    for name, array in table.columns.items():
        column = declared.get(name, Column(name, ""))
        packed = _to_arrow(array)
        arrays.append(packed)
        fields.append(pa.field(name, packed.type, metadata={"unit": column.unit, "doc": column.doc}))
    about: dict[str, Any] = {"name": table.name, "header": _plain(table.header)}
    if table.schema:
        about["schema"] = asdict(table.schema)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata={KEY: json.dumps(about)}))


def read_parquet(path: Path) -> Table:
    """Read a table; columns, header and declarations as they were written.

    Raises
    ------
    BadData
        If it is no Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        arrow = pq.read_table(path, use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadData(f"{path}: not a readable Parquet file: {error}") from error
    about = json.loads((arrow.schema.metadata or {}).get(KEY, b"{}"))
    columns = {n: _from_arrow(arrow.column(n)) for n in arrow.column_names}
    header = {k: tuple(v) if isinstance(v, list) and len(v) == 2 else v for k, v in about.get("header", {}).items()}
    schema = _schema(about["schema"]) if "schema" in about else None
    for column in schema.columns if schema else ():
        if column.name in columns and column.dtype.startswith("U"):
            columns[column.name] = columns[column.name].astype(column.dtype)
    return Table(about.get("name", path.stem), columns, header, schema)


def _plain(header: Mapping[str, Any]) -> dict[str, Any]:
    def item(value: Any) -> Any:
        return value.item() if isinstance(value, np.generic) else value

    return {k: [item(v[0]), v[1]] if isinstance(v, tuple) else item(v) for k, v in header.items()}


def _to_arrow(array: Array) -> Any:
    import pyarrow as pa

    if array.dtype.kind == "S":
        array = np.char.decode(array, "ascii", "replace")
    packed = pa.array(np.ascontiguousarray(array).reshape(-1))
    for size in reversed(array.shape[1:]):
        packed = pa.FixedSizeListArray.from_arrays(packed, size)
    return packed


def _from_arrow(column: Any) -> Array:
    import pyarrow as pa

    packed = column.combine_chunks()
    shape = [len(packed)]
    while pa.types.is_fixed_size_list(packed.type):
        shape.append(packed.type.list_size)
        packed = packed.flatten()
    if pa.types.is_string(packed.type) or pa.types.is_large_string(packed.type):
        return np.array(packed.to_pylist(), dtype="U").reshape(shape)
    return packed.to_numpy(zero_copy_only=False).reshape(shape)


def _schema(found: Mapping[str, Any]) -> Schema:
    columns = tuple(
        Column(**{**c, "shape": tuple(c["shape"]), "limits": tuple(c["limits"]) if c["limits"] else None})
        for c in found["columns"]
    )
    return Schema(found["name"], columns, found["doc"])
