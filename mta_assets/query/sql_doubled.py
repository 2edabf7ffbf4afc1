"""Rows of several sources at one time, resolved as the reader resolves them, in memory: they are few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive import segments as files
from mta_assets.archive.telemetry_rows import SAME_TIME, GroupRows, resolve
from mta_assets.archive.telemetry_sql import Segment

if TYPE_CHECKING:
    from mta_assets.query.sql_views import Group

NONE = np.zeros(0, np.int64)


@dataclass
class Doubled:
    """Times [ns] of all rows that share their time with others, and the rows that stand for them, in parts."""

    times: NDArray[np.int64] = field(default_factory=lambda: NONE)
    parts: list[GroupRows] = field(default_factory=list)

    @property
    def columns(self) -> set[str]:
        """Columns of the resolved rows."""
        return {name for part in self.parts for name in _columns(part)} if self.parts else set()

    def table(self) -> Any:
        """The resolved rows as Arrow."""
        import pyarrow as pa

        made = [pa.table({name: _array(values) for name, values in _columns(part).items()}) for part in self.parts]
        return pa.concat_tables(made, promote_options="permissive")


def _columns(part: GroupRows) -> dict[str, Any]:
    columns: dict[str, Any] = {"time": part.time, **part.values}
    columns |= {f"{name}__r": values for name, values in part.raw.items()}
    return columns | {f"{name}__q": flags for name, flags in part.quality.items()}


def _array(values: Any) -> Any:
    return values.astype(object) if values.dtype.kind == "U" else np.ascontiguousarray(values)


def find_doubled(root: Path, group: Group, feet: Mapping[Segment, files.Footer]) -> Doubled:
    """The doubled rows of the segments that have any.

    Only times are read of all rows; everything of the row groups in which rows share their times.
    """
    found = Doubled()
    times = [NONE]
    for segment, foot in feet.items():
        path = root / segment.path
        everything = files.decode(path, foot, list(range(len(foot.rows))), [])
        near = everything.time[1:] - everything.time[:-1] <= SAME_TIME
        shared = np.concatenate([near, [False]]) | np.concatenate([[False], near])
        inside = (everything.time >= segment.start) & (everything.time < segment.stop)
        times.append(everything.time[shared & inside])
        for run in _runs(foot, shared, near):
            part = files.rows_of(files.decode(path, foot, run, foot.dtypes), group.name, group.infos, 0.0)
            same = part.time[1:] - part.time[:-1] <= SAME_TIME
            mine = np.concatenate([same, [False]]) | np.concatenate([[False], same])
            rows = resolve(part.where(mine))
            rows = rows.where((rows.time >= segment.start) & (rows.time < segment.stop))
            if len(rows):
                found.parts.append(rows)
    found.times = np.unique(np.concatenate(times))
    return found


def _runs(foot: files.Footer, shared: NDArray[np.bool_], near: NDArray[np.bool_]) -> Iterator[list[int]]:
    """Row groups with shared times; those that rows of one time lie on both sides of come together."""
    ends = np.cumsum(foot.rows)
    run: list[int] = []
    for number, end in enumerate(ends.tolist()):
        if shared[end - int(foot.rows[number]) : end].any():
            run.append(number)
        if run and not (number + 1 < len(ends) and near[end - 1]):
            yield run
            run = []
