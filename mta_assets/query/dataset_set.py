"""Several parameters in a Python session, and bringing them onto one timeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.samples import to_nanoseconds
from mta_assets.query.dataset import Msid
from mta_assets.query.utc import as_seconds

STEP = 328.0  # [s] of a timeline that is not given: ten major frames, as the 5-minute statistics


class Msidset(dict[str, Msid]):
    """Parameters by name, in the order that they were asked for; any case of letters, also as attributes.

    Attributes
    ----------
    tstart, tstop
        The period that was asked for.
    """

    def __init__(self, parts: Iterable[Msid], tstart: float, tstop: float) -> None:
        super().__init__((part.info.name, part) for part in parts)
        self.tstart, self.tstop = tstart, tstop

    def _key(self, name: str) -> str:
        if dict.__contains__(self, name):
            return name
        found = [key for key in self if key.upper() == str(name).upper()]
        return found[0] if found else name

    def __getitem__(self, name: str) -> Msid:
        try:
            return super().__getitem__(self._key(name))
        except KeyError:
            raise KeyError(f"{name!r} was not fetched; there are {', '.join(self)}") from None

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, self._key(str(name)))

    def __getattr__(self, name: str) -> Msid:
        if not name.startswith("_") and name in self:
            return self[name]
        raise AttributeError(f"no parameter {name!r}; there are {', '.join(self)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]

    def __repr__(self) -> str:
        return "<Msidset " + " ".join(f"{name}[{len(part)}]" for name, part in self.items()) + ">"

    @property
    def msids(self) -> list[str]:
        return list(self)

    @property
    def times(self) -> NDArray[np.float64]:
        """The common times, after `interpolate` or of parameters of one group.

        Raises
        ------
        BadData
            If they do not have the same times.
        """
        parts = list(self.values())
        if not parts or any(not np.array_equal(part.time, parts[0].time) for part in parts[1:]):
            raise BadData(f"{', '.join(self)} do not have the same times: interpolate() brings them to one timeline")
        return parts[0].times

    def copy(self) -> Msidset:
        """The same, with arrays of its own."""
        return Msidset([part.copy() for part in self.values()], self.tstart, self.tstop)

    def _target(self, copy: bool) -> Msidset:
        return self.copy() if copy else self

    def filter_bad(self, copy: bool = False, union: bool = True) -> Msidset:
        """Leave out bad samples.

        Parameters
        ----------
        union
            Parameters that share their times (one group) keep the same ones: a time is left out of all if it is bad,
            or absent, in any that has samples at all. False filters each by itself.
        """
        out = self._target(copy)
        for part in out.values():
            part.filter_bad()
        if union:
            for group in {part.content for part in out.values()} - {""}:
                _share([part for part in out.values() if part.content == group and len(part)])
        return out

    def select_intervals(self, intervals: Any, copy: bool = False) -> Msidset:
        """Keep the samples within intervals; see `Msid.select_intervals`."""
        out = self._target(copy)
        for part in out.values():
            part.select_intervals(intervals)
        return out

    def remove_intervals(self, intervals: Any, copy: bool = False) -> Msidset:
        """Leave out the samples within intervals."""
        out = self._target(copy)
        for part in out.values():
            part.remove_intervals(intervals)
        return out

    def interpolate(
        self, dt: float | None = None, start: Any = None, stop: Any = None, filter_bad: bool = True,
        times: Any = None, bad_union: bool = False, copy: bool = False, max_gap: float | None = None,
    ) -> Msidset:  # fmt: skip
        """Bring all to one timeline: of each the nearest sample at every time.

        Parameters
        ----------
        dt
            Step [s] from ``start`` to ``stop``; 328 if it is not given. The time that all have samples for bounds it.
        times
            The timeline itself, in place of these three.
        filter_bad, bad_union
            True, False (default): bad samples are left out before, so the nearest good one stands for them.
            True, True: times at which any is bad are left out of all. False, False: ``bads`` says of each what is bad.
            False, True: ``bads`` of all is true where any is bad.
        max_gap
            Samples farther than half of this [s] from their time are bad.

        A parameter without samples stays without.
        """
        out = self._target(copy)
        if filter_bad and not bad_union:
            out.filter_bad(union=False)
        line = timeline(list(out.values()), dt, start, stop, times)
        filled = [part for part in out.values() if len(part)]
        for part in filled:
            nearest(part, line, max_gap)
        marks = [part.bads for part in filled if part.bads is not None]
        if marks and bad_union:
            for part in filled:
                part._columns["bads"] = reduce(np.logical_or, marks)
        if marks and filter_bad:
            for part in filled:
                part.where(~reduce(np.logical_or, marks))
        return out

    @property
    def table(self) -> Any:
        """astropy Table of all, which have the same times (see `times`)."""
        from mta_assets.query.dataset_forms import set_table

        return set_table(self)

    def to_pandas(self) -> Any:
        """pandas DataFrame of all, one row for each time that any has a sample; NaN where one has none."""
        from mta_assets.query.dataset_forms import set_frame

        return set_frame(self)

    def plot(self, path: Any = None, **options: Any) -> Any:
        """Draw them below each other; see `query.plots.plot`."""
        from mta_assets.query.plots import plot

        return plot(self, path=path, **options)


def _share(parts: Sequence[Msid]) -> None:
    """Keep the times that all have."""
    if len(parts) < 2 or all(np.array_equal(part.time, parts[0].time) for part in parts[1:]):
        return
    common = reduce(lambda a, b: np.intersect1d(a, b, assume_unique=True), [part.time for part in parts])
    for part in parts:
        part.where(np.isin(part.time, common, assume_unique=True))


def timeline(parts: Sequence[Msid], dt: float | None, start: Any, stop: Any, times: Any) -> NDArray[np.float64]:
    """The times to interpolate at, within the time that all parameters with samples have them for."""
    if times is not None:
        return np.array([as_seconds(t) for t in times] if isinstance(times, list | tuple) else times, np.float64)
    filled = [part for part in parts if len(part)]
    if not filled:
        return np.zeros(0)
    step = STEP if dt is None else float(dt)
    if not step > 0:
        raise ValueError(f"dt = {dt}: expected a number of seconds greater than 0")
    first = max(part.times[0] for part in filled)
    last = min(part.times[-1] for part in filled)
    first = first if start is None else max(first, as_seconds(start))
    last = last if stop is None else min(last, as_seconds(stop))
    return first + step * np.arange(int((last - first) // step) + 1) if last >= first else np.zeros(0)


def nearest(part: Msid, line: NDArray[np.float64], max_gap: float | None = None, copy: bool = False) -> Msid:
    """The nearest sample of a parameter at each time of a line; of two at the same distance the earlier one."""
    own = part.times
    if not len(own):
        return part.copy() if copy else part
    right = np.clip(np.searchsorted(own, line), 1, max(len(own) - 1, 1))
    left = right - 1
    right = np.minimum(right, len(own) - 1)
    index = np.where(line - own[left] <= own[right] - line, left, right)
    out = part.where(index, copy)
    columns = dict(out._columns)
    columns["times0"] = own[index]
    columns["times"] = line.copy()
    if "time" in columns:
        columns["time"] = to_nanoseconds(line) if len(line) else np.zeros(0, np.int64)
    if max_gap is not None:
        far = np.abs(own[index] - line) > max_gap / 2
        columns["bads"] = far | columns.get("bads", np.zeros(len(line), bool))
    out._columns = columns
    return out
