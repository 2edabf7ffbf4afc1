"""One parameter in a Python session: times, values, what is bad, and what one does with them.

Names and meaning are those of cheta's ``fetch``, so that its users are at home; filters change the object unless
``copy=True``, the arrays themselves never change.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from copy import copy as shallow
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.intervals import contains
from mta_assets.core.samples import Array, ParameterInfo, Samples, state_texts, to_nanoseconds, to_seconds
from mta_assets.core.statistics import Statistics
from mta_assets.core.times import to_yday
from mta_assets.query.dataset_intervals import GAP_PERIODS, bounds_of, complete, interval_table, runs

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class Msid:
    """Samples, or statistics, of one parameter.

    Attributes
    ----------
    msid, MSID
        Its name, in small and in capital letters.
    times
        TT seconds since 1998.0 TT; of statistics the middle of each bucket.
    vals
        Values; names of states; of statistics the means, or the most frequent state.
    raw_vals
        Codes of states; None where there are no states.
    raw
        Raw counts, if they were fetched (``raw=True``).
    bads
        True where a sample is not good. None for statistics, which are of good samples only.
    unit, state_codes, content, info
        Unit; (code, name) of the states; the group that it shares its times with; all that is known.
    tstart, tstop, datestart, datestop
        The period that was asked for.
    samples, indexes, mins, maxes, means, tmeans, stds, firsts, lasts, p01s … p99s, counts
        Of statistics: number of samples, of the bucket, and what their names say; ``counts`` has the number of
        samples by state.
    """

    def __init__(
        self, info: ParameterInfo, columns: dict[str, Array], tstart: float, tstop: float, stat: str | None = None
    ) -> None:
        self.info = info
        self.stat = stat
        self.tstart, self.tstop = tstart, tstop
        self._columns = columns

    @classmethod
    def of_samples(cls, samples: Samples, tstart: float, tstop: float) -> Msid:
        """Of samples as the archive gives them."""
        columns: dict[str, Array] = {"time": samples.time, "values": samples.values, "bads": samples.bads}
        quality = np.zeros(len(samples), np.uint8) if samples.quality is None else samples.quality
        columns["quality"] = quality
        if samples.raw is not None:
            columns["raw"] = samples.raw
        return cls(samples.info, columns, tstart, tstop)

    @classmethod
    def of_statistics(cls, found: Statistics, tstart: float, tstop: float, stat: str) -> Msid:
        """Of roll-ups."""
        middle = found.start + found.width / 2
        columns: dict[str, Array] = {"times": middle, "indexes": found.bucket, "samples": found.n}
        if found.info.states:
            codes = np.array(sorted(found.counts), np.int64)
            counts = np.array([found.counts[int(code)] for code in codes]).reshape(len(codes), len(found))
            most = codes[np.argmax(counts, axis=0)] if len(codes) else np.asarray(found.last)
            columns |= {"values": most.astype(np.int64)}
            columns |= {f"n_{found.info.states.get(int(c), str(c))}": n for c, n in zip(codes, counts, strict=True)}
        else:
            columns |= {"values": found.mean, "mins": found.min, "maxes": found.max, "means": found.mean}
            columns |= {"tmeans": found.tmean, "stds": found.std, "firsts": found.first, "lasts": found.last}
            columns |= {f"p{percent:02d}s": values for percent, values in found.percentiles.items()}
        return cls(found.info, columns, tstart, tstop, stat)

    # ---- what it is

    @property
    def msid(self) -> str:
        return self.info.name.lower()

    @property
    def MSID(self) -> str:
        return self.info.name.upper()

    @property
    def unit(self) -> str:
        return self.info.unit

    @property
    def content(self) -> str:
        return self.info.group

    @property
    def state_codes(self) -> list[tuple[int, str]] | None:
        return sorted(self.info.states.items()) or None

    @property
    def datestart(self) -> str:
        return to_yday(self.tstart)

    @property
    def datestop(self) -> str:
        return to_yday(self.tstop)

    @property
    def dt(self) -> float:
        """Usual time from one sample to the next [s]."""
        if len(self) > 1:
            return float(np.median(np.diff(self.times[:10_000])))
        return self.info.period

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __repr__(self) -> str:
        stat = f" stat={self.stat}" if self.stat else ""
        unit = f" unit={self.unit}" if self.unit else ""
        return f"<Msid {self.MSID}{stat} start={self.datestart} stop={self.datestop} len={len(self)}{unit}>"

    # ---- its arrays

    @property
    def colnames(self) -> list[str]:
        """Names of its arrays."""
        hidden = {"time", "values", "times", "quality"}
        codes = ["raw_vals"] if self.info.states else []
        return ["times", "vals", *codes, *(name for name in self._columns if name not in hidden)]

    @property
    def time(self) -> NDArray[np.int64]:
        """int64 ns since 1998.0 TT, exact."""
        known = self._columns.get("time")
        return to_nanoseconds(self._columns["times"]) if known is None else known

    @property
    def times(self) -> NDArray[np.float64]:
        if "times" not in self._columns:
            self._columns["times"] = to_seconds(self._columns["time"])
        return self._columns["times"]

    @property
    def vals(self) -> Array:
        if not self.info.states:
            return self._columns["values"]
        if "texts" not in self.__dict__:
            self.__dict__["texts"] = state_texts(self._columns["values"], self.info.states)
        return self.__dict__["texts"]

    @property
    def raw_vals(self) -> Array | None:
        return self._columns["values"] if self.info.states else None

    @property
    def bads(self) -> NDArray[np.bool_] | None:
        return self._columns.get("bads")

    @property
    def counts(self) -> dict[str, Array]:
        """Samples of each state, of statistics."""
        return {name[2:]: values for name, values in self._columns.items() if name.startswith("n_")}

    def __getattr__(self, name: str) -> Any:
        columns = self.__dict__.get("_columns", {})
        if name in columns:
            return columns[name]
        if name == "raw":
            return None
        if name.startswith("__") or name == "_columns":
            raise AttributeError(name)
        raise AttributeError(f"{self.info.name} has no {name!r}; its arrays are {', '.join(self.colnames)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._columns]

    # ---- filters

    def copy(self) -> Msid:
        """The same, with arrays of its own."""
        out = self._with({})
        out._columns = {name: values.copy() for name, values in self._columns.items()}
        return out

    def _with(self, columns: dict[str, Array]) -> Msid:
        out = shallow(self)
        out.__dict__.pop("texts", None)
        out._columns = dict(columns)
        return out

    def where(self, rows: Any, copy: bool = False) -> Msid:
        """Keep the samples that a mask, an index array or a slice selects."""
        chosen = self._with({name: values[rows] for name, values in self._columns.items()})
        if copy:
            return chosen
        self.__dict__.pop("texts", None)
        self._columns = chosen._columns
        return self

    def filter_bad(self, bads: Array | None = None, copy: bool = False) -> Msid:
        """Leave out bad samples: those of ``bads``, or of the mask that is given."""
        mask = self.bads if bads is None else np.asarray(bads, bool)
        return self.where(slice(None) if mask is None else ~mask, copy)

    def select_intervals(self, intervals: Any, copy: bool = False) -> Msid:
        """Keep the samples within intervals (start included, stop not); see `bounds_of` for their forms."""
        return self.where(contains(bounds_of(intervals), self.times), copy)

    def remove_intervals(self, intervals: Any, copy: bool = False) -> Msid:
        """Leave out the samples within intervals."""
        return self.where(~contains(bounds_of(intervals), self.times), copy)

    def filter_bad_times(self, start: Any = None, stop: Any = None, table: Any = None, copy: bool = False) -> Msid:
        """Leave out the samples from start to stop, or within the intervals of a table."""
        return self.remove_intervals([(start, stop)] if table is None else table, copy)

    def interpolate(
        self, dt: float | None = None, start: Any = None, stop: Any = None, times: Any = None, copy: bool = False,
        max_gap: float | None = None,
    ) -> Msid:  # fmt: skip
        """The nearest sample at each of ``times``, or every ``dt`` seconds (328) from start to stop.

        ``times0`` has the times of the samples themselves. With ``max_gap``, a sample that is farther away than half
        of it is marked bad.
        """
        from mta_assets.query.dataset_set import nearest, timeline

        return nearest(self, timeline([self], dt, start, stop, times), max_gap, copy)

    # ---- intervals

    def _max_gap(self, max_gap: float | None) -> float:
        return GAP_PERIODS * max(self.info.period, self.dt) if max_gap is None else max_gap

    def state_intervals(self, max_gap: float | None = None) -> Any:
        """How long each value lasted: astropy Table with datestart, datestop, duration, tstart, tstop, vals.

        A value ends half-way to the next sample, and half a period after its last one where no sample follows for
        ``max_gap`` seconds (three periods).
        """
        starts, stops, first = runs(self.times, self._columns["values"], self.dt, self._max_gap(max_gap))
        columns = {"vals": self.vals[first]}
        if self.raw_vals is not None:
            columns["raw_vals"] = self.raw_vals[first]
        return interval_table(starts, stops, **columns)

    def logical_intervals(
        self, op: str, val: Any, complete_intervals: bool = False, max_gap: float | None = None
    ) -> Any:
        """When ``vals op val`` held: astropy Table as of `state_intervals`.

        Parameters
        ----------
        op
            One of ``== != < <= > >=``.
        complete_intervals
            Only intervals of which beginning and end were seen.
        """
        if op not in OPERATORS:
            raise ValueError(f"operator {op!r}: expected one of {', '.join(OPERATORS)}")
        true = np.asarray(OPERATORS[op](self.vals, val), bool)
        if true.shape != self.times.shape:
            raise ValueError(f"{self.MSID} can not be compared with {val!r}: its values are {self.vals.dtype}")
        starts, stops, first = runs(self.times, true, self.dt, self._max_gap(max_gap))
        kept = true[first] & complete(starts, stops) if complete_intervals else true[first]
        return interval_table(starts[kept], stops[kept])

    # ---- other forms

    @property
    def table(self) -> Any:
        """astropy Table: time (Time, cxcsec), utc (Time), and its arrays with their units."""
        from mta_assets.query.dataset_forms import msid_table

        return msid_table(self)

    def to_pandas(self) -> Any:
        """pandas DataFrame with the UTC time as its index."""
        from mta_assets.query.dataset_forms import msid_frame

        return msid_frame(self)

    def plot(self, path: Any = None, ax: Any = None, **options: Any) -> Any:
        """Draw it: returns the figure, writes it to ``path`` if that is given; see `query.plots.plot`."""
        from mta_assets.query.plots import plot

        return plot(self, path=path, ax=ax, **options)
