"""The archive layout of cheta (github.com/sot/cheta), written and read as it does, with PyTables: what ours is beside.

The package itself is not on PyPI, so that it can not be installed beside this project. Taken from its source:

- one HDF5 file for each MSID with two extendable arrays, ``data`` and ``quality`` (bool), zlib level 5, chunks as
  PyTables chooses them for 20 years of rows; a file TIME of the same form for each content type (`update_archive`);
- an SQLite file for each content type with one row for each telemetry file (an hour) and the rows that it gave;
- a fetch looks the rows up there, reads TIME once for a content type, then ``data`` and ``quality`` of each MSID, and
  cuts to the exact times (`fetch`);
- 5-minute statistics as compound rows (index, n, val, min, max, mean) in a file for each MSID;
- data is only appended. Where two files overlap the rows of the first are marked in the quality of TIME.

What it does besides (units, dates, remote access, logging, lists of bad times) is left out, in its favour.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.samples import to_seconds

Array = NDArray[Any]
Answer = tuple[Array, Array, Array]  # times [s], values, which are bad
HOUR = 3600.0  # [s] of a telemetry file
FIVE_MINUTES = 328  # [s]
DAY = 86_400  # [s]
LOOK_BACK = 500  # [s] that an update of statistics reads again before its first interval
LONGEST = 300.0  # [s] time that a sample may stand for in a mean
QUANTILES = (1, 5, 16, 50, 84, 95, 99)
TWENTY_YEARS = 86_400 * 365 * 20  # [s]
INDEX = """CREATE TABLE IF NOT EXISTS archfiles (filename text not null primary key, filetime int not null,
    tstart float not null, tstop float not null, rowstart int not null, rowstop int not null);
    CREATE INDEX IF NOT EXISTS idx_archfiles_filetime ON archfiles (filetime);"""


class ChetaLayout:
    """An archive below a folder.

    Parameters
    ----------
    root
        Folder; made if need be.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._times_key: tuple[str, int, int] | None = None
        self._times: tuple[Array, Array | None] = (np.zeros(0), None)
        self._rows = lru_cache(maxsize=1000)(self._look_up)

    # ---- writing

    def append(
        self, content: str, time: NDArray[np.int64], values: Mapping[str, Array], bad: Mapping[str, Array],
        period: float, file_seconds: float = HOUR,
    ) -> None:  # fmt: skip
        """Add rows of a content type, as if from telemetry files of an hour each.

        Parameters
        ----------
        content
            Content type.
        time
            int64 ns, ascending.
        values, bad
            By MSID; an MSID that is not in ``bad`` is all good.
        period
            Nominal time between rows [s].
        file_seconds
            Length of the telemetry files.
        """
        seconds = to_seconds(time)
        good = np.zeros(len(time), bool)
        folder = self.root / content
        folder.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(folder / "archfiles.db3")) as index:
            index.executescript(INDEX)
            row, last = index.execute("SELECT max(rowstop), max(tstop) FROM archfiles").fetchone()
            row, last = row or 0, last or -np.inf
            for name, data in {"TIME": seconds, **values}.items():
                self._append(folder / f"{name}.h5", data, bad.get(name, good), period)
            if seconds[0] < last:
                self._mark(folder / "TIME.h5", row, seconds[0])
            index.executemany("INSERT INTO archfiles VALUES (?,?,?,?,?,?)", _files(seconds, row, period, file_seconds))
            index.commit()
        self._rows.cache_clear()
        self._times_key = None

    @staticmethod
    def _append(path: Path, data: Array, bad: Array, period: float) -> None:
        import tables

        filters = tables.Filters(complevel=5, complib="zlib")
        if not path.exists():
            with tables.open_file(path, "w", filters=filters) as file:
                expected = int(TWENTY_YEARS / period)
                atom = tables.Atom.from_dtype(data.dtype)
                file.create_earray(file.root, "data", atom, (0,), expectedrows=expected)
                file.create_earray(file.root, "quality", tables.BoolAtom(), (0,), expectedrows=expected)
        with tables.open_file(path, "a") as file:
            file.root.data.append(data)
            file.root.quality.append(bad)

    @staticmethod
    def _mark(path: Path, row: int, start: float) -> None:
        """The rows before ``row`` from a time on are superseded."""
        import tables

        with tables.open_file(path, "a") as file:
            back = max(row - 100_000, 0)
            first = back + int(np.searchsorted(file.root.data[back:row], start))
            file.root.quality[first:row] = True

    def copy(self, content: str, msid: str, to: str) -> None:
        """Another MSID with the samples of one that is there."""
        shutil.copyfile(self.root / content / f"{msid}.h5", self.root / content / f"{to}.h5")

    def append_statistics(self, content: str, msid: str, rows: Array) -> None:
        """Add rows of 5-minute statistics."""
        self._append_rows(self.root / content / "5min" / f"{msid}.h5", rows)

    @staticmethod
    def _append_rows(path: Path, rows: Array) -> None:
        import tables

        path.parent.mkdir(parents=True, exist_ok=True)
        with tables.open_file(path, "a", filters=tables.Filters(complevel=5, complib="zlib")) as file:
            if "/data" in file:
                file.root.data.append(rows)
            else:
                file.create_table(file.root, "data", rows, expectedrows=20_000_000)

    def update_statistics(self, content: str, msid: str, stop: float) -> None:
        """Statistics of the intervals that became complete, 5 minutes and days, interval by interval as cheta does."""
        import tables

        for width, name in ((FIVE_MINUTES, "5min"), (DAY, "daily")):
            path = self.root / content / name / f"{msid}.h5"
            first = None
            if path.exists():
                with tables.open_file(path, "r") as file:
                    first = int(file.root.data.cols.index[-1]) + 1
            start = stop - 30 * DAY if first is None else first * width - LOOK_BACK
            times, values, bad = self.read(content, [msid], start, stop)[msid]
            times, values = (times[~bad], values[~bad]) if bad.any() else (times, values)
            if not len(times):
                continue
            indices = np.arange(times[0] // width if first is None else first, times[-1] / width, dtype=np.int32)
            edges = np.searchsorted(times, indices * float(width))
            pairs = zip(indices, edges[:-1], edges[1:], strict=False)
            rows = [_interval(int(i), times[a:b], values[a:b], name == "daily") for i, a, b in pairs if b > a]
            if rows:
                self._append_rows(path, np.array([tuple(r.values()) for r in rows], dtype=_row_type(rows[0], values)))

    # ---- reading

    def _look_up(self, content: str, start: float, stop: float) -> tuple[int, int]:
        """Rows of the telemetry files that hold the times and one more on both sides."""
        with closing(sqlite3.connect(self.root / content / "archfiles.db3")) as index:
            first = (
                index.execute(
                    "SELECT rowstart FROM archfiles WHERE filetime < ? ORDER BY filetime DESC LIMIT 1", (start,)
                ).fetchone()
                or index.execute("SELECT rowstart FROM archfiles ORDER BY filetime LIMIT 1").fetchone()
            )
            last = (
                index.execute(
                    "SELECT rowstop FROM archfiles WHERE filetime > ? ORDER BY filetime LIMIT 1", (stop,)
                ).fetchone()
                or index.execute("SELECT rowstop FROM archfiles ORDER BY filetime DESC LIMIT 1").fetchone()
            )
        return first[0], last[0]

    def read(self, content: str, msids: Sequence[str], start: float, stop: float) -> dict[str, Answer]:
        """Times [s], values and bad flags of MSIDs of a content type in ``start <= time < stop``."""
        import tables

        rows = slice(*self._rows(content, start, stop))
        key = (content, rows.start, rows.stop)
        if self._times_key != key:  # cheta keeps the last times it read as well
            with tables.open_file(self.root / content / "TIME.h5", "r") as file:
                fine, times = ~file.root.quality[rows], file.root.data[rows]
            self._times = (times, None) if fine.all() else (times[fine], fine)
            self._times_key = key
        times, keep = self._times
        first, last = np.searchsorted(times, [start, stop])
        out = {}
        for msid in msids:
            with tables.open_file(self.root / content / f"{msid}.h5", "r") as file:
                values, bad = file.root.data[rows], file.root.quality[rows]
            if keep is not None:
                values, bad = values[keep], bad[keep]
            out[msid] = (times[first:last], values[first:last], bad[first:last])
        return out

    def forget(self) -> None:
        """Let go of what is kept between two fetches."""
        self._times_key = None
        self._rows.cache_clear()

    def statistics(self, content: str, msid: str, start: float, stop: float) -> tuple[Array, Array]:
        """Times of the middles [s] and rows of the 5-minute statistics."""
        import tables

        with tables.open_file(self.root / content / "5min" / f"{msid}.h5", "r") as file:
            table = file.root.data
            times = (table.col("index") + 0.5) * FIVE_MINUTES
            first, last = np.searchsorted(times, [start, stop])
            return times[first:last], table[first:last]

    def size(self, content: str, names: Sequence[str]) -> int:
        """Bytes of the files of MSIDs (or TIME) of a content type."""
        return sum((self.root / content / f"{name}.h5").stat().st_size for name in names)


def nearest(times: Array, wanted: Array) -> NDArray[np.int64]:
    """Index of the sample nearest to each of the wanted times, both ascending: cheta's alignment of two rates."""
    edges = np.searchsorted(wanted, (times[1:] + times[:-1]) / 2)
    return np.repeat(np.arange(len(times)), np.diff(np.concatenate([[0], edges, [len(wanted)]])))


def five_minutes(seconds: Array, values: Array) -> Array:
    """All 5-minute statistics of samples at once: to fill an archive with; the mean is not weighted."""
    index = (seconds // FIVE_MINUTES).astype(np.int32)
    cut = np.concatenate([[0], np.flatnonzero(np.diff(index)) + 1])
    n = np.diff(np.append(cut, len(index))).astype(np.int32)
    mean = (np.add.reduceat(values.astype(np.float64), cut) / n).astype(np.float32)
    columns = [index[cut], n, values[cut + n // 2], np.minimum.reduceat(values, cut), np.maximum.reduceat(values, cut)]
    return np.rec.fromarrays([*columns, mean], names=["index", "n", "val", "min", "max", "mean"])


def _files(seconds: Array, row: int, period: float, length: float) -> list[tuple[str, int, float, float, int, int]]:
    """Rows of the index: one for each telemetry file."""
    number = ((seconds - seconds[0]) // length).astype(np.int64)
    cut = np.concatenate([[0], np.flatnonzero(np.diff(number)) + 1, [len(seconds)]])
    return [
        (f"f{int(seconds[a])}_{row + a}", int(seconds[a]), float(seconds[a]), float(seconds[b - 1]) + period,
         int(row + a), int(row + b))
        for a, b in pairwise(cut)
    ]  # fmt: skip


def _interval(index: int, times: Array, values: Array, daily: bool) -> dict[str, Any]:
    """Statistics of one interval, weighted by the time that each sample stands for."""
    n = len(values)
    weights = np.ones(n)
    if n > 2:
        steps = np.diff(times)
        weights = np.concatenate([[steps[0]], (steps[1:] + steps[:-1]) / 2, [steps[-1]]]).clip(0.001, LONGEST)
    mean = np.sum(weights * values) / weights.sum()
    row = {"index": index, "n": n, "val": values[n // 2], "min": values.min(), "max": values.max(), "mean": mean}
    if daily:
        row["std"] = np.sqrt(np.sum(weights * (values.astype(np.float64) - mean) ** 2) / weights.sum())
        row |= {f"p{q:02d}": value for q, value in zip(QUANTILES, np.percentile(values, QUANTILES), strict=True)}
    return row


def _row_type(row: Mapping[str, Any], values: Array) -> np.dtype[Any]:
    fixed = {"index": np.dtype("i4"), "n": np.dtype("i4"), "mean": np.dtype("f4")}
    return np.dtype([(name, fixed.get(name, values.dtype)) for name in row])
