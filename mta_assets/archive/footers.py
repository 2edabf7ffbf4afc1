"""Footers of segments, parsed once: what a file holds, where, and from when to when.

A segment never changes, so its footer is remembered, with the pages that were checked; unless the file is another one.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable
from errno import ENOENT
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData

TIME = "time"
KEPT = 512  # footers remembered
REMEDY = "Restore it, or reprocess its playbacks; `mta archive verify` looks through all files"


class Damaged(BadData):
    """A segment can not be read, or does not hold what the catalog says."""


def lost(path: object) -> str:
    """What is said of a segment whose file is not there."""
    return f"segment {path} is lost: there is no such file. {REMEDY}"


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
        self._ends: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
        self.places = {name: place for place, name in enumerate(schema.names)}
        self.names = frozenset(self.places)
        column = schema.get_field_index(sorted_by)
        if column < 0:
            raise Damaged(f"segment {path} has no column {sorted_by!r}: it is none of the archive's")
        groups = [self.metadata.row_group(i) for i in range(self.metadata.num_row_groups)]
        self.first, self.last = self.ends(sorted_by)
        self.rows = np.array([g.num_rows for g in groups], dtype=np.int64)
        # Pages that this process has checked once; they are not checked again.
        self.checked = np.zeros((len(groups), len(self.places)), bool)
        self.dtypes = {field.name: _numpy_dtype(field.type) for field in schema}
        self._flagged = {
            name: frozenset(i for i, g in enumerate(groups) if g.column(number).statistics.max > 0)
            for number, name in enumerate(schema.names)
            if name.endswith("__q")
        }

    def ends(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Least and greatest value of a column of whole numbers in each row group, where that was kept of it."""
        if name not in self._ends:
            groups = (self.metadata.row_group(i) for i in range(self.metadata.num_row_groups))
            found = [g.column(self.places[name]).statistics for g in groups]
            least, greatest = [s.min for s in found], [s.max for s in found]
            self._ends[name] = np.array(least, dtype=np.int64), np.array(greatest, dtype=np.int64)
        return self._ends[name]

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


_footers: OrderedDict[tuple[str, str], tuple[tuple[int, ...], Footer]] = OrderedDict()
_lock = Lock()


def footer(path: Path, sorted_by: str = TIME) -> Footer:
    """The footer of a segment. Segments never change, so that it is parsed once; what has changed is read anew."""
    key = str(path), sorted_by
    try:
        about = os.stat(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(ENOENT, lost(path), str(path)) from error
    identity = about.st_ino, about.st_size, about.st_mtime_ns
    with _lock:
        known, foot = _footers.get(key, (None, None))
        if foot is not None and known == identity:
            _footers.move_to_end(key)
            return foot
    made = Footer(path, sorted_by)
    with _lock:
        _footers[key] = identity, made
        while len(_footers) > KEPT:
            _footers.popitem(last=False)
    return made


def _numpy_dtype(arrow: Any) -> np.dtype[Any]:
    import pyarrow as pa

    return np.dtype(object) if pa.types.is_string(arrow) else np.dtype(arrow.to_pandas_dtype())
