"""``mta.fetch(…)`` and ``mta.query("…")``: the archive from a Python session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mta_assets.core.errors import BadData
from mta_assets.core.samples import Samples
from mta_assets.query.answer import Answer, AnswerTable
from mta_assets.query.dataset import Msid
from mta_assets.query.dataset_intervals import bounds_of
from mta_assets.query.dataset_set import Msidset
from mta_assets.query.utc import as_seconds

if TYPE_CHECKING:
    from mta_assets.archive.telemetry import TelemetryArchive
    from mta_assets.archive.telemetry_read import Snapshot
    from mta_assets.query.output import Saved
    from mta_assets.settings import Settings

Stat = Literal["5min", "hourly", "daily", "hour", "day"]
WIDTHS = {"5min": "5min", "hour": "hour", "hourly": "hour", "day": "day", "daily": "day"}
NAMES = {"5min": "5min", "hour": "hourly", "day": "daily"}


def fetch(
    msids: str | Sequence[str],
    start: Any = None,
    stop: Any = None,
    *,
    stat: Stat | None = None,
    filter_bad: bool = True,
    raw: bool = False,
    as_of: Any = None,
    archive: TelemetryArchive | None = None,
    settings: Settings | None = None,
) -> Any:
    """Telemetry of one parameter or of several.

    Parameters
    ----------
    msids
        A name, which gives an `Msid`; or several (``*`` and ``?`` allowed), which give an `Msidset`. Case does not
        matter.
    start, stop
        Dates (see `query.utc.as_seconds`); none is the first and the last sample there is. ``start`` may also be
        intervals (see `query.dataset_intervals.bounds_of`): their samples are put together.
    stat
        Statistics of ``5min`` (328 s), ``hourly`` or ``daily`` buckets instead of samples.
    filter_bad
        Leave out samples that are not good; False keeps them, ``bads`` says which. In a set the parameters of a group
        keep the same times (`Msidset.filter_bad`).
    raw
        Raw counts too.
    as_of
        As the archive stood then.
    archive, settings
        Which archive: the object, or where the settings say; those of the environment if neither is given.

    Raises
    ------
    BadData
        If a name does not exist; near ones are said.
    ValueError
        If a date or a statistic is none.
    """
    from mta_assets.query.session import telemetry_archive

    width = _width(stat)
    found = archive if archive is not None else telemetry_archive(settings)
    snapshot = found.snapshot(None if as_of is None else as_seconds(as_of))
    single = isinstance(msids, str) and not _is_pattern(msids)
    names = _names(snapshot, [msids] if isinstance(msids, str) else msids)
    bounds = _period(snapshot, names, start, stop)
    tstart, tstop = float(bounds[0, 0]), float(bounds[-1, 1])
    if width is not None:
        parts = [_statistics(snapshot, name, width, bounds) for name in names]
    else:
        samples = snapshot.read_intervals(names, bounds, raw=raw)
        parts = [Msid.of_samples(samples[name], tstart, tstop) for name in names]
    if single:
        return parts[0].filter_bad() if filter_bad else parts[0]
    together = Msidset(parts, tstart, tstop)
    return together.filter_bad() if filter_bad and width is None else together


def _width(stat: str | None) -> str | None:
    if stat is not None and stat not in WIDTHS:
        raise ValueError(f"stat={stat!r}: expected None, '5min', 'hourly' or 'daily'")
    return None if stat is None else WIDTHS[stat]


def _is_pattern(name: str) -> bool:
    return "*" in name or "?" in name


def _names(snapshot: Snapshot, wanted: Sequence[str]) -> list[str]:
    """The archive's own names of what is asked for, each once."""
    from mta_assets.query.near import near_names

    names: list[str] = []
    for word in wanted:
        if _is_pattern(word):
            found = [name for name in snapshot.names() if fnmatchcase(name.upper(), word.upper())]
        else:
            info = snapshot.info(word)
            found = [] if info is None else [info.name]
        if not found:
            near = near_names(word.strip("*?"), snapshot.names())
            hint = f"; near ones are {', '.join(near)}" if near else ""
            raise BadData(f"no parameter {word!r} in the telemetry archive{hint}")
        names += found
    return list(dict.fromkeys(names))


def _period(snapshot: Snapshot, names: Sequence[str], start: Any, stop: Any) -> Any:
    """The intervals to read (n, 2) [s], open ends closed by what there is."""
    if hasattr(start, "__len__") and not isinstance(start, str) and not hasattr(start, "cxcsec"):
        bounds = bounds_of(start)
        if not len(bounds):
            raise ValueError("no intervals to fetch: start is an empty list of them")
        return bounds
    is_open = start is None or stop is None
    span = (snapshot.span(names) if is_open else None) or (0.0, 0.0)
    first = span[0] if start is None else as_seconds(start)
    last = np.nextafter(span[1], np.inf) + 1e-6 if stop is None else as_seconds(stop)
    if last < first and start is not None and stop is not None:
        raise ValueError(f"stop {stop} lies before start {start}")
    return np.array([[min(first, last), last]])


def _statistics(snapshot: Snapshot, name: str, width: str, bounds: Any) -> Msid:
    first, last = float(bounds[0, 0]), float(bounds[-1, 1])
    part = Msid.of_statistics(snapshot.statistics(name, width, first, last), first, last, NAMES[width])
    return part.select_intervals(bounds) if len(bounds) > 1 else part


@dataclass(frozen=True)
class Result:
    """The answer to a query, in a Python session.

    Attributes
    ----------
    answer
        The runner's `Answer`: plan, tables, notes.
    settings
        Of the mission that was asked, for what a plot shows besides: limits, reasons of gaps.
    """

    answer: Answer
    settings: Settings | None = None

    @property
    def notes(self) -> list[str]:
        """What the reader should know."""
        return self.answer.notes

    @property
    def tables(self) -> list[AnswerTable]:
        """All tables, in memory."""
        return self.answer.tables

    @property
    def columns(self) -> list[str]:
        """Names of the columns of all tables."""
        return [name for table in self.tables for name in table.columns]

    @cached_property
    def table(self) -> Any:
        """astropy Table with time (cxcsec) and utc; a dict of them by name where parameters have their own times."""
        from mta_assets.query.dataset_forms import answer_table

        return self._one({t.name: answer_table(t, {"query": self.answer.query.text}) for t in self.tables})

    def to_pandas(self) -> Any:
        """pandas DataFrame with UTC as its index; a dict of them where parameters have their own times."""
        from mta_assets.query.dataset_forms import answer_frame

        return self._one({table.name: answer_frame(table) for table in self.tables})

    @staticmethod
    def _one(forms: dict[str, Any]) -> Any:
        return next(iter(forms.values())) if len(forms) == 1 else forms

    def __getitem__(self, name: str) -> Msid:
        """One column as an `Msid`."""
        for table in self.tables:
            for column in table.columns:
                if column.upper() == name.upper():
                    return column_of(table, column)
        raise KeyError(f"{name!r} is no column of the answer; there are {', '.join(self.columns)}")

    def __iter__(self) -> Iterator[AnswerTable]:
        return iter(self.tables)

    def __len__(self) -> int:
        return sum(len(table) for table in self.tables)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{t.name}: {len(t)} rows × {len(t.columns)}" for t in self.answer.kept) or "in parts"
        return f"<Result {shapes}>"

    def explain(self) -> str:
        """How it was answered."""
        return self.answer.plan.explain()

    def save(self, path: Path | str, format: str | None = None, **options: Any) -> Saved:
        """Write it to a file: `query.output.save`; complete products are copied if the path is a folder."""
        if self.answer.products and Path(path).is_dir():
            from mta_assets.query.output_products import copy_products

            return copy_products(self.answer.products, path, **options)
        from mta_assets.query.output import save

        return save(self.answer, path, format, **options)

    def append(self, path: Path | str, **options: Any) -> Saved:
        """Put it into a trend file, in place of the rows of the same time: `query.output_append.append`."""
        from mta_assets.query.output_append import append

        return append(path, self.answer, **options)

    def plot(self, path: Any = None, kind: str | None = None, **options: Any) -> Any:
        """Draw it: `query.plots.plot`; the gaps of timelines with their reasons, the limits of the mission."""
        from mta_assets.query.plots import plot

        if kind in (None, "timeline") and "x" not in options and self.settings is not None:
            from mta_assets.query.session import context

            options = {**context(self.answer, self.settings), **options}
        return plot(self.answer, kind, path=path, **options)


def column_of(table: AnswerTable, name: str) -> Msid:
    """One column of an answer as an `Msid`."""
    info = table.info[name]
    ends = (float(table.times[0]), float(table.times[-1])) if len(table) else (0.0, 0.0)
    samples = Samples(info, table.time, table.columns[name], (table.quality or {}).get(name))
    return Msid.of_samples(samples, *ends)


def query(
    text: str,
    *,
    archive: TelemetryArchive | None = None,
    settings: Settings | None = None,
    now: float | None = None,
    progress: Callable[[float, int], None] | None = None,
    cancel: Callable[[], bool] | None = None,
    memory_limit: int | None = None,
) -> Result:
    """Ask in the query language (docs/query.md).

    Parameters
    ----------
    text
        The query.
    archive, settings
        Which archive: the telemetry archive alone, or all sources of the mission that the settings name.
    now
        What NOW and AGO mean [TT s since 1998.0].
    progress, cancel, memory_limit
        As `query.run.run` takes them.

    Raises
    ------
    QueryError
        If the query can not be understood or names what is not there.
    """
    from mta_assets.query.language import parse
    from mta_assets.query.run import MEMORY, run
    from mta_assets.query.session import sources
    from mta_assets.settings import Settings

    asked = parse(text, now)
    limit = MEMORY if memory_limit is None else memory_limit
    found = settings or (Settings() if archive is None else None)
    answer = run(asked, sources(found, archive), progress=progress, cancel=cancel, memory_limit=limit)
    return Result(answer, found)
