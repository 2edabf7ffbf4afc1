"""What a plot shows, whatever it comes from: samples, statistics, parameters of a session, tables of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.core.samples import SECOND, Array, Nanoseconds, Samples, to_nanoseconds
from mta_assets.core.statistics import Statistics
from mta_assets.query.answer import AnswerTable
from mta_assets.query.dataset import Msid
from mta_assets.query.utc import to_datetime64

GAP_PERIODS = 3.0  # periods without a sample that break a line
DAY = 86_400 * SECOND  # [ns]
UNIX = np.datetime64("1970-01-01T00:00:00", "ns")

Reason = Literal["no contact", "not yet dumped", "decommutation error", "filtered", "instrument off", "no data"]


class Gap(NamedTuple):
    """A stretch without samples [TT s since 1998.0], and why."""

    start: float
    stop: float
    reason: str = "no data"


@dataclass(frozen=True)
class Series:
    """One parameter as it is drawn.

    Parameters
    ----------
    time
        int64 ns since 1998.0 TT, ascending.
    values
        Numbers, codes of states, or text.
    bads
        Which samples are not good.
    low, high
        Envelope of the values, where they are statistics.
    until
        int64 ns: how long each value holds, of what is no sample.
    period
        Nominal time between samples [s]; 0 where there is none.
    """

    name: str
    time: Nanoseconds
    values: Array
    unit: str = ""
    description: str = ""
    states: Mapping[int, str] = field(default_factory=dict)
    bads: NDArray[np.bool_] | None = None
    low: Array | None = None
    high: Array | None = None
    until: Nanoseconds | None = None
    period: float = 0.0

    def __len__(self) -> int:
        return len(self.time)

    @property
    def is_state(self) -> bool:
        """Whether its values are names and no numbers."""
        return bool(self.states) or self.values.dtype.kind in "USOb"

    @property
    def label(self) -> str:
        return f"{self.name} [{self.unit}]" if self.unit else self.name

    @property
    def days(self) -> NDArray[np.float64]:
        """UTC in days since 1970, as matplotlib counts."""
        return days_of(self.time)

    @property
    def gap_limit(self) -> float:
        """A step [s] of more than this has no sample in it; infinite where samples come as they come."""
        return GAP_PERIODS * self.period if self.period > 0 else float("inf")

    @property
    def is_good(self) -> NDArray[np.bool_]:
        """Which samples are neither bad nor no number."""
        keep = np.ones(len(self), bool) if self.bads is None else ~self.bads
        return keep & np.isfinite(self.values) if self.values.dtype.kind == "f" else keep

    def good(self) -> Series:
        """Without bad samples and without what is no number."""
        keep = self.is_good
        return self if keep.all() else self.where(keep)

    def where(self, rows: Array) -> Series:
        """The samples that a mask or an index array selects."""
        names = ("time", "values", "bads", "low", "high", "until")
        return replace(self, **{n: v[rows] for n in names if (v := getattr(self, n)) is not None})


def days_of(time: Nanoseconds) -> NDArray[np.float64]:
    """UTC in days since 1970-01-01."""
    return (to_datetime64(time) - UNIX).astype(np.int64) / DAY


def day_of(seconds: float) -> float:
    """One time [TT s since 1998.0] as UTC in days since 1970-01-01."""
    return float(days_of(to_nanoseconds([seconds]))[0])


def series_of(given: Any) -> list[Series]:
    """The series of anything that can be drawn.

    Parameters
    ----------
    given
        `Series`, `Samples`, `Statistics`, `Msid`, `AnswerTable`; an answer, a set of parameters, a list of these.

    Raises
    ------
    BadData
        If it is none of these.
    """
    if isinstance(given, Series):
        return [given]
    if isinstance(given, Samples):
        return [_of_samples(given)]
    if isinstance(given, Msid):
        return [_of_msid(given)]
    if isinstance(given, Statistics):
        return [_of_msid(Msid.of_statistics(given, 0.0, 0.0, f"{given.width:g} s"))]
    if isinstance(given, AnswerTable):
        return [_of_column(given, name) for name in given.columns]
    if hasattr(given, "tables"):
        return series_of(given.tables)
    parts = given.values() if isinstance(given, Mapping) else given
    if isinstance(parts, str | bytes) or not isinstance(parts, Iterable):
        raise BadData(f"a {type(given).__name__} can not be drawn: expected samples, statistics, or an answer")
    return [series for part in parts for series in series_of(part)]


def _of_samples(samples: Samples) -> Series:
    info = samples.info
    bads = samples.bads if samples.quality is not None else None
    return Series(
        info.name, samples.time, samples.values, info.unit, info.description, info.states, bads,
        until=samples.until, period=info.period,
    )  # fmt: skip


def _of_msid(part: Msid) -> Series:
    info = part.info
    values = part.raw_vals if part.raw_vals is not None else part.vals
    low, high = (getattr(part, name) if name in part.colnames else None for name in ("mins", "maxes"))
    period = part.dt if part.stat else info.period
    return Series(
        info.name, part.time, values, info.unit, info.description, info.states, part.bads, low, high, period=period
    )


def _of_column(table: AnswerTable, name: str) -> Series:
    info = table.info.get(name)
    values, bads, time, until = table.columns[name], None, table.time, table.until
    flags = (table.quality or {}).get(name)
    if flags is not None:
        there = flags & np.uint8(Quality.MISSING) == 0
        values, time, bads = values[there], time[there], flags[there] != 0
        until = None if until is None else until[there]
    description, states, period = (info.description, info.states, info.period) if info else ("", {}, 0.0)
    unit = table.units.get(name, "")
    return Series(name, time, values, unit, description, states, bads, until=until, period=_period(time, period))


def _period(time: Nanoseconds, period: float) -> float:
    """The nominal period, unless the rows are farther apart as a rule: they are sampled, or come as they come."""
    if len(time) < 3 or period <= 0:
        return 0.0
    usual = float(np.median(np.diff(time[:10_000]))) / SECOND
    return period if usual <= 1.5 * period else 0.0


def gaps_of(series: Series) -> list[Gap]:
    """Stretches between the samples that are longer than three periods; why they are is not known here."""
    if len(series) < 2 or not np.isfinite(series.gap_limit):
        return []
    cut = np.flatnonzero(np.diff(series.time) > series.gap_limit * SECOND)
    half = series.period / 2
    starts, stops = series.time[cut] / SECOND + half, series.time[cut + 1] / SECOND - half
    return [Gap(start, stop) for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
