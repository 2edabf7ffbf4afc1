"""Answers as Parquet, block by block, in the archive's form: declarations of the columns in the metadata."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mta_assets.archive.parquet import ROW_GROUP, arrow_table
from mta_assets.core.tables import Table
from mta_assets.query.output_origin import Origin
from mta_assets.query.output_tables import Shape


def write_parquet(path: Path, shape: Shape, parts: Iterator[Table], origin: Origin) -> None:
    """Write one table. Rows are gathered to whole row groups: at most 131 072, or 256 MiB of them, in memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    header = {k: v for k, v in origin.keywords.items() if k != "HISTORY"} | {"NOTES": list(origin.notes)}
    schema = arrow_table(Table(shape.name, shape.schema.empty().columns, header, shape.schema)).schema
    most = max(1, min(ROW_GROUP, (256 << 20) // max(shape.row_bytes, 1)))
    waiting: list[pa.Table] = []
    with pq.ParquetWriter(path, schema, compression="lz4") as writer:
        for part in parts:
            waiting.append(arrow_table(part).replace_schema_metadata(None).cast(schema))
            if sum(map(len, waiting)) >= most:
                waiting = _flush(writer, waiting, most)
        if waiting or not shape.rows:
            writer.write_table(pa.concat_tables(waiting) if waiting else schema.empty_table(), row_group_size=most)


def _flush(writer: Any, waiting: list[Any], most: int) -> list[Any]:
    """Write whole row groups; returns what is left over."""
    import pyarrow as pa

    together = pa.concat_tables(waiting)
    whole = len(together) // most * most
    writer.write_table(together.slice(0, whole), row_group_size=most)
    rest = together.slice(whole)
    return [rest] if len(rest) else []
