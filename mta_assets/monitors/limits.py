"""The one limit engine: samples and the limits valid at their times in, violations out.

It is pure and streaming. What is unfinished at the end of a chunk travels in an explicit ``State``, so a
stream that is cut anywhere gives the violations of the whole; live telemetry, playbacks and reprocessing use
the same function. The rules, with examples, stand in ``docs/limits.md``:

* A sample violates a limit when it lies beyond it; exactly on the limit it does not. float32 values are compared
  with the limit rounded to float32, so that a limit of 0.1 is on the limit for a stored 0.1.
* Bad samples (quality flag, NaN, infinite) are not there: they neither extend, interrupt nor end anything.
* A violation is raised when at least ``samples`` consecutive good samples violate and the first and last of
  them lie at least ``seconds`` apart. It starts at the first of them, not where it was raised.
* It ends at the first good sample that is back inside by ``hysteresis``, where the limit ceases to exist, or
  when no good sample comes for longer than ``max_gap``: of a gap nothing is known, so nothing is claimed.
* Yellow and red are judged apart: what goes from yellow to red is one yellow violation that counts its red
  samples too, and one red violation inside it.

Times are TT seconds since 1998.0 TT, increasing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_GAP = 328.0  # [s] without a good sample ends a violation: ten major frames, one 5-minute bucket
Array = NDArray[Any]
Bound = float | NDArray[np.float64]  # one number for the chunk, or one per sample where a version changes
NONE = float("nan")  # no limit on this side

TRACKS = (("yellow", "low"), ("yellow", "high"), ("red", "low"), ("red", "high"))


class Bounds(NamedTuple):
    """Limits of one parameter: numbers, or arrays with one value per sample; NaN is no limit on that side."""

    yellow_low: Bound = NONE
    yellow_high: Bound = NONE
    red_low: Bound = NONE
    red_high: Bound = NONE
    samples: Bound = 1.0  # consecutive violating samples that raise a violation; 0 means 1
    seconds: Bound = 0.0  # [s] from the first to the last of them, at least
    hysteresis: Bound = 0.0  # [unit of the parameter] back inside by so much ends a violation


NO_BOUNDS = Bounds()


@dataclass(frozen=True)
class Violation:
    """One violation of one limit.

    ``bound`` is the limit in force at its first sample, ``worst`` the value farthest beyond the limit, ``count``
    the violating samples between ``tstart`` and ``tstop`` (the first and last violating sample), ``open`` whether
    it still lasted when the data ended.
    """

    severity: str
    side: str
    bound: float
    tstart: float
    tstop: float
    first: float
    last: float
    worst: float
    excess: float
    count: int
    open: bool = False


@dataclass(frozen=True)
class State:
    """What one parameter carries from chunk to chunk: nothing, as long as it is inside its limits.

    ``tracks`` maps (severity, side) to an unfinished violation and whether it is raised yet; ``time`` is that of
    the last good sample.
    """

    tracks: dict[tuple[str, str], tuple[Violation, bool]] = field(default_factory=dict)
    time: float = float("-inf")


QUIET = State()


def judge(
    time: Array, value: Array, bad: Array | None, bounds: Bounds, state: State = QUIET, max_gap: float = MAX_GAP
) -> tuple[list[Violation], State]:
    """Judge one chunk of one parameter.

    Parameters
    ----------
    time
        (n,) TT seconds, increasing.
    value
        (n,) values in the unit of the limits.
    bad
        (n,) quality flags or booleans: not 0 is not good. None: all are good.
    bounds
        The limits, each a number or (n,) array.
    state
        What the call for the chunk before returned.
    max_gap
        Seconds without a good sample that end a violation.

    Returns
    -------
    violations, state
        Those that ended in this chunk, by start time, and what the next call needs.
    """
    if not state.tracks and not _suspect(value, bad, bounds):
        return [], QUIET
    good = np.isfinite(value) if bad is None else np.isfinite(value) & (np.asarray(bad) == 0)
    at, x = np.asarray(time, np.float64)[good], np.asarray(value, np.float64)[good]
    if not len(at):
        return [], state
    limits = {name: _per_sample(bound, good, len(at)) for name, bound in bounds._asdict().items()}
    gap = np.diff(at, prepend=state.time) > max_gap
    precision = _precision(value)
    ended: list[Violation] = []
    tracks: dict[tuple[str, str], tuple[Violation, bool]] = {}
    for severity, side in TRACKS:
        track = _Track(severity, side, at, x, limits, gap, precision)
        closed, carried = track.run(state.tracks.get((severity, side)))
        ended += closed
        if carried is not None:
            tracks[severity, side] = carried
    return _ordered(ended), State(tracks, float(at[-1])) if tracks else QUIET


def finish(state: State) -> list[Violation]:
    """The violations that still last when the data ends; those not raised yet are none."""
    return _ordered([replace(violation, open=True) for violation, raised in state.tracks.values() if raised])


def check(time: Array, value: Array, bad: Array | None, bounds: Bounds, max_gap: float = MAX_GAP) -> list[Violation]:
    """All violations of one stretch of data that is judged on its own."""
    ended, state = judge(time, value, bad, bounds, QUIET, max_gap)
    return _ordered(ended + finish(state)) if state.tracks else ended


class _Track:
    """One limit of one parameter over the good samples of a chunk."""

    def __init__(
        self,
        severity: str,
        side: str,
        at: Array,
        x: Array,
        limits: dict[str, Array],
        gap: Array,
        precision: np.dtype[Any],
    ) -> None:
        self.severity, self.side, self.at, self.x = severity, side, at, x
        self.samples, self.seconds = np.maximum(limits["samples"], 1), limits["seconds"]
        self.bound = limits[f"{severity}_{side}"]
        self.edge = self.bound.astype(precision).astype(np.float64)
        back = limits["hysteresis"] if side == "low" else -limits["hysteresis"]
        inward = (self.edge + back).astype(precision).astype(np.float64)
        beyond: Callable[[Array, Array], Array] = np.greater if side == "high" else np.less
        self.violating = beyond(x, self.edge)
        # A NaN bound compares false: the limit does not exist there, which ends a violation as well.
        self.reset = gap | ~(self.violating | beyond(x, inward))

    def run(self, carried: tuple[Violation, bool] | None) -> tuple[list[Violation], tuple[Violation, bool] | None]:
        """Ended violations, and the unfinished one with whether it is raised."""
        ended: list[Violation] = []
        if carried is not None and self.reset[0]:
            ended += [carried[0]] if carried[1] else []
            carried = None
        if carried is not None and not carried[1] and not self.violating[0]:
            carried = None  # not raised, and its consecutive samples are interrupted
        where = np.flatnonzero(self.violating)
        part = np.cumsum(self.reset)[where]  # a violation never reaches over a reset; part 0 continues the carried one
        last_part = int(np.count_nonzero(self.reset))
        unfinished: tuple[Violation, bool] | None = carried
        if carried is not None and last_part > 0 and not (len(part) and part[0] == 0):
            ended += [carried[0]] if carried[1] else []
            unfinished = None
        if not len(where):
            return ended, unfinished
        run_start, raised = self._runs(where, part, carried)
        for number in np.unique(part):
            low, high = np.searchsorted(part, [number, number + 1])
            before = carried if number == 0 else None
            result = self._episode(where[low:high], run_start[low:high], raised[low:high], before, number == last_part)
            if number == last_part:
                unfinished = result
            elif result is not None and result[1]:
                ended.append(result[0])
        if part[-1] != last_part:
            unfinished = None
        return ended, unfinished

    def _runs(self, where: Array, part: Array, carried: tuple[Violation, bool] | None) -> tuple[Array, Array]:
        """For each violating sample: where in ``where`` its consecutive run starts, and whether it raises."""
        new = np.ones(len(where), dtype=bool)
        new[1:] = (np.diff(where) > 1) | (np.diff(part) > 0)
        start = np.maximum.accumulate(np.where(new, np.arange(len(where)), 0))
        count = np.arange(len(where)) - start + 1
        began = self.at[where[start]]
        if carried is not None and not carried[1] and where[0] == 0 and part[0] == 0:
            first = start == 0  # this run goes on from the chunk before
            count = count + np.where(first, carried[0].count, 0)
            began = np.where(first, carried[0].tstart, began)
        return start, (count >= self.samples[where]) & (self.at[where] - began >= self.seconds[where])

    def _episode(
        self, where: Array, start: Array, raised: Array, carried: tuple[Violation, bool] | None, is_last: bool
    ) -> tuple[Violation, bool] | None:
        """The violation among the violating samples of one part, merged with what was carried into it."""
        already = carried is not None and carried[1]
        if already or raised.any():
            first_raised = 0 if already else int(np.argmax(raised))
            begin = 0 if already else int(start[first_raised] - start[0])
            if not already and begin > 0:
                carried = None  # the run that was carried broke off before it was raised
            return self._merge(carried, where[begin:]), True
        if not is_last or where[-1] != len(self.at) - 1:
            return None
        begin = int(start[-1] - start[0])
        return self._merge(carried if begin == 0 else None, where[begin:]), False

    def _merge(self, carried: tuple[Violation, bool] | None, where: Array) -> Violation:
        x = self.x[where]
        excess = np.abs(x - self.edge[where])
        peak = int(np.argmax(excess))
        here = Violation(
            self.severity, self.side, float(self.bound[where[0]]), float(self.at[where[0]]), float(self.at[where[-1]]),
            float(x[0]), float(x[-1]), float(x[peak]), float(excess[peak]), len(where),
        )  # fmt: skip
        if carried is None:
            return here
        before = carried[0]
        worse = before if before.excess >= here.excess else here
        return replace(
            before,
            tstop=here.tstop,
            last=here.last,
            worst=worse.worst,
            excess=worse.excess,
            count=before.count + here.count,
        )


def _suspect(value: Array, bad: Array | None, bounds: Bounds) -> bool:
    """Whether any sample that may be good is beyond any limit: the quick way out for what is inside its limits."""
    kind = _precision(value)
    beyond = [value > np.asarray(bound, kind) for bound in (bounds.yellow_high, bounds.red_high) if bound is not NONE]
    beyond += [value < np.asarray(bound, kind) for bound in (bounds.yellow_low, bounds.red_low) if bound is not NONE]
    return any(bool(np.any(mask if bad is None else mask & (bad == 0))) for mask in beyond)


def _precision(value: Array) -> np.dtype[Any]:
    return np.dtype(np.float32 if value.dtype == np.float32 else np.float64)


def _per_sample(bound: Bound, good: Array, count: int) -> Array:
    return bound[good] if isinstance(bound, np.ndarray) else np.full(count, float(bound))


def _ordered(violations: list[Violation]) -> list[Violation]:
    return sorted(violations, key=lambda v: (v.tstart, v.severity, v.side))
