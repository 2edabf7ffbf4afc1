"""Tables of the catalog as Arrow, for SQL: products, playbacks, findings, observations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sqlalchemy as sa

from mta_assets.archive import catalog_schema as db
from mta_assets.archive.database import reading
from mta_assets.archive.observing_read import observations as read_observations
from mta_assets.core.samples import to_seconds


def _table(engine: sa.Engine, table: sa.Table) -> Any:
    """All rows of a table of the catalog; JSON as text."""
    import pyarrow as pa

    kinds: list[tuple[type, Any]] = [
        (sa.Boolean, pa.bool_()), (sa.Integer, pa.int64()), (sa.Float, pa.float64()), (sa.JSON, pa.string()),
    ]  # fmt: skip
    with reading(engine) as connection:
        rows = connection.execute(sa.select(table).order_by(*table.primary_key.columns)).all()
    arrays = {}
    for number, column in enumerate(table.columns):
        kind = next((arrow for one, arrow in kinds if isinstance(column.type, one)), pa.string())
        cells = [row[number] for row in rows]
        if isinstance(column.type, sa.JSON):
            cells = [json.dumps(cell) for cell in cells]
        arrays[column.name] = pa.array(cells, kind)
    return pa.table(arrays)


def _observations(engine: sa.Engine) -> Any:
    """Observations that count, with what is known of each."""
    import pyarrow as pa

    with reading(engine) as connection:
        found = read_observations(connection, None, None, None)
    columns: dict[str, Any] = {"tstart": to_seconds(found.time), "tstop": to_seconds(found.until)}
    for name, values in found.columns.items():
        if name.lower() not in columns:
            columns[name.lower()] = values.astype(object) if values.dtype.kind == "U" else np.ascontiguousarray(values)
    return pa.table(columns)


TABLES: Mapping[str, Callable[[sa.Engine], Any]] = {
    "products": lambda engine: _table(engine, db.products),
    "playbacks": lambda engine: _table(engine, db.playbacks),
    "findings": lambda engine: _table(engine, db.findings),
    "observations": _observations,
}
