"""Roll-ups as segments: sorted by parameter, so that one parameter is one stretch of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mta_assets.archive import segments
from mta_assets.archive.rollups import NAMES, Rollup, empty, within
from mta_assets.archive.store import atomic_write
from mta_assets.archive.telemetry_sql import Segment
from mta_assets.core.samples import SECOND, Array
from mta_assets.core.statistics import WIDTHS

SAMPLE = 1024  # [row] from which it is told whether compression pays
ROW_GROUP = 4_096  # [row] a row group ends with a parameter, once it has so many rows
ALL = (-(2**31), 2**31)
WHICH = ("parameter", "state", "bucket")  # columns that say what a row is of; the footer knows them of row groups


def write_rollup(path: Path, rollup: Rollup) -> None:
    """Write a roll-up; row groups hold whole parameters."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [pa.array(np.ascontiguousarray(rollup[name])) for name in NAMES]
    schema = pa.schema([pa.field(n, a.type, nullable=False) for n, a in zip(NAMES, arrays, strict=True)])
    table = pa.Table.from_arrays(arrays, schema=schema)
    coded = ["state", "n", "min", "max", "first", "last", "weight"]
    # Means of numbers do not get smaller, those of switches and constants do.
    plain = [name for name in ("mean", "tmean", "std") if not _repeats(rollup[name])]
    codec = {name: "none" if name in plain else "lz4" for name in NAMES}

    def writer(temporary: Path) -> None:
        with pq.ParquetWriter(
            temporary, schema, compression=codec, use_dictionary=coded, write_statistics=list(WHICH),
            column_encoding={"parameter": "DELTA_BINARY_PACKED", "bucket": "DELTA_BINARY_PACKED"}, store_schema=False,
            write_page_checksum=True,
        ) as file:  # fmt: skip
            for low, high in _cuts(rollup):
                file.write_table(table.slice(low, high - low))

    atomic_write(path, writer)


def _repeats(array: Array) -> bool:
    part = array[:: max(1, len(array) // SAMPLE)]
    return len(np.unique(part)) <= len(part) / 2


def _cuts(rollup: Rollup) -> list[tuple[int, int]]:
    parameter = rollup["parameter"]
    ends = np.append(np.flatnonzero(parameter[1:] != parameter[:-1]) + 1, len(parameter))
    cuts, low = [], 0
    for end in ends.tolist():
        if end - low >= ROW_GROUP:
            cuts.append((low, end))
            low = end
    if low < len(parameter):
        cuts.append((low, len(parameter)))
    return cuts


def read_rollup(root: Path, segment: Segment) -> Rollup:
    """A roll-up of a segment, clipped to the buckets that the segment answers for."""
    found = segments.read(root / segment.path, None, *ALL, sorted_by="parameter")
    if not len(found):
        return empty()
    rollup = {"parameter": found.time, **found.columns}
    step = WIDTHS[segment.kind] * SECOND
    return within(rollup, segment.start // step, segment.stop // step)
