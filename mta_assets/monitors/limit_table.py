"""Limits as a table versioned in time: reading ``limits.csv`` strictly, and what was in force when.

One row is one version of one set of one parameter; it holds from ``valid_from`` (UTC) until the next row of the
same parameter and set. Nothing is ever edited away: a wrong limit is corrected by a later row, and reprocessing
judges each sample by the row of its time.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.monitors.csv_table import (
    Line,
    condition,
    flag,
    not_negative,
    number,
    read_content,
    read_lines,
    utc,
    whole,
)
from mta_assets.monitors.limits import NONE, Bounds

BOUND_NAMES = ("yellow_low", "yellow_high", "red_low", "red_high")
COLUMNS = (
    "msid", "set", "valid_from", *BOUND_NAMES, "unit", "persistence_samples", "persistence_seconds", "hysteresis",
    "stuck_seconds", "switch", "enabled", "author", "reason",
)  # fmt: skip
EXPECTED_COLUMNS = (
    "msid",
    "set",
    "valid_from",
    "expected",
    "persistence_samples",
    "switch",
    "enabled",
    "author",
    "reason",
)
REQUIRED = ("msid", "valid_from")


@dataclass(frozen=True)
class LimitRow:
    """One row of ``limits.csv``. A NaN bound is no limit on that side; ``valid_from`` is TT s since 1998.0 TT.

    ``stuck_seconds`` is how long the raw count may stay the same (0: not looked at), ``switch`` a condition
    ``MSID=STATE`` under which the set applies, ``enabled`` False where the row is masked.
    """

    msid: str
    set: int
    valid_from: float
    yellow_low: float = NONE
    yellow_high: float = NONE
    red_low: float = NONE
    red_high: float = NONE
    unit: str = ""
    persistence_samples: int = 1
    persistence_seconds: float = 0.0
    hysteresis: float = 0.0
    stuck_seconds: float = 0.0
    switch: str = ""
    enabled: bool = True
    author: str = ""
    reason: str = ""

    @property
    def bounds(self) -> Bounds:
        """What the engine judges by: no limits if the row is masked."""
        sides = (self.yellow_low, self.yellow_high, self.red_low, self.red_high) if self.enabled else (NONE,) * 4
        return Bounds(*sides, self.persistence_samples, self.persistence_seconds, self.hysteresis)

    @property
    def has_limits(self) -> bool:
        return self.enabled and not all(math.isnan(getattr(self, name)) for name in BOUND_NAMES)


@dataclass(frozen=True)
class ExpectedRow:
    """One row of ``expected_states.csv``: the state that a parameter should be in."""

    msid: str
    set: int
    valid_from: float
    expected: str
    persistence_samples: int = 1
    switch: str = ""
    enabled: bool = True
    author: str = ""
    reason: str = ""


class LimitTable:
    """Limits of all parameters with their history.

    Attributes
    ----------
    version
        sha256 of the file's content: what a product names as the limits that it was judged by.
    """

    def __init__(self, rows: Iterable[LimitRow], version: str) -> None:
        self.version = version
        self._history = _by_parameter(rows)
        self._starts = {key: np.array([row.valid_from for row in rows]) for key, rows in self._history.items()}
        self.msids = tuple(dict.fromkeys(msid for msid, _ in self._history))
        self._switched = {row.msid for rows in self._history.values() for row in rows if row.switch}

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._history.values())

    def __contains__(self, msid: str) -> bool:
        return (msid, 0) in self._history

    def history(self, msid: str, set: int = 0) -> tuple[LimitRow, ...]:
        """All versions of one set, oldest first."""
        return self._history.get((msid, set), ())

    def depends_on_state(self, msid: str) -> bool:
        """Whether a switch chooses among its sets: such a parameter is the state monitor's, not the static one's."""
        return msid in self._switched

    def row_at(self, time: float, msid: str, set: int = 0) -> LimitRow | None:
        """The row in force for one parameter, None before its first."""
        index = (
            int(np.searchsorted(self._starts[msid, set], time, side="right")) - 1 if (msid, set) in self._starts else -1
        )
        return self._history[msid, set][index] if index >= 0 else None

    def at(self, time: float) -> dict[tuple[str, int], LimitRow]:
        """All rows in force at a time, by MSID and set."""
        rows = {(msid, number): self.row_at(time, msid, number) for msid, number in self._history}
        return {key: row for key, row in rows.items() if row is not None}

    def bounds(self, msid: str, times: NDArray[np.float64], set: int = 0) -> Bounds:
        """Limits as of each time (increasing): plain numbers where one version covers them all, else arrays."""
        rows = self.history(msid, set)
        if not rows or not len(times):
            return Bounds()
        starts = self._starts[msid, set]
        first, last = np.searchsorted(starts, [times[0], times[-1]], side="right") - 1
        if first == last:
            return rows[last].bounds if last >= 0 else Bounds()
        versions = [Bounds(), *(row.bounds for row in rows)]  # version 0: before the first row
        which = np.searchsorted(starts, times, side="right")
        return Bounds(*(np.array(column, dtype=np.float64)[which] for column in zip(*versions, strict=True)))


def _by_parameter(rows: Iterable[LimitRow]) -> dict[tuple[str, int], tuple[LimitRow, ...]]:
    lists: dict[tuple[str, int], list[LimitRow]] = {}
    for row in rows:
        lists.setdefault((row.msid, row.set), []).append(row)
    return {key: tuple(sorted(found, key=lambda row: row.valid_from)) for key, found in lists.items()}


def load_limits(path: Path) -> LimitTable:
    """Read and check a limit table.

    Raises
    ------
    ConfigError
        With file and line: unknown or missing columns, a value that is not one, limits out of order
        (red_low ≤ yellow_low < yellow_high ≤ red_high), two rows for the same parameter, set and time.
    """
    return _parsed(read_content(path), str(path))


@lru_cache(maxsize=8)
def _parsed(content: bytes, source: str) -> LimitTable:
    rows: list[LimitRow] = []
    for line in _unique(read_lines(content, source, COLUMNS, REQUIRED)):
        sides: dict[str, Any] = {name: line.value(name, number, NONE) for name in BOUND_NAMES}
        row = LimitRow(
            **_shared(line),
            **sides,
            unit=line.text("unit", ""),
            persistence_seconds=line.value("persistence_seconds", not_negative, 0.0),
            hysteresis=line.value("hysteresis", not_negative, 0.0),
            stuck_seconds=line.value("stuck_seconds", not_negative, 0.0),
        )
        problem = order_problem(row)
        if problem:
            raise line.error(problem)
        rows.append(row)
    return LimitTable(rows, hashlib.sha256(content).hexdigest())


def load_expected(path: Path) -> tuple[ExpectedRow, ...]:
    """Read and check a table of expected states, in the order of the file; raises like ``load_limits``."""
    lines = _unique(read_lines(read_content(path), str(path), EXPECTED_COLUMNS, (*REQUIRED, "expected")))
    return tuple(ExpectedRow(**_shared(line), expected=line.text("expected")) for line in lines)


def order_problem(row: LimitRow) -> str:
    """What is wrong with the order of a row's limits, or an empty text."""
    given = [(name, getattr(row, name)) for name in ("red_low", "yellow_low", "yellow_high", "red_high")]
    given = [(name, value) for name, value in given if not math.isnan(value)]
    for (left, low), (right, high) in pairwise(given):
        same_side = left.split("_")[1] == right.split("_")[1]
        if low > high or (low == high and not same_side):
            return f"{left} = {low:g} must lie {'not above' if same_side else 'below'} {right} = {high:g}"
    return ""


def _shared(line: Line) -> dict[str, Any]:
    """The columns that both tables have."""
    return {
        "msid": line.text("msid"),
        "set": line.value("set", whole, 0),
        "valid_from": line.value("valid_from", utc),
        "persistence_samples": line.value("persistence_samples", whole, 1),
        "switch": line.value("switch", condition, ""),
        "enabled": line.value("enabled", flag, True),
        "author": line.text("author", ""),
        "reason": line.text("reason", ""),
    }


def _unique(lines: Iterable[Line]) -> Iterator[Line]:
    """The same lines; a second one for the same parameter, set and time is refused."""
    seen: dict[tuple[str, int, float], int] = {}
    for line in lines:
        key = (line.text("msid"), line.value("set", whole, 0), line.value("valid_from", utc))
        if key in seen:
            raise line.error(f"{key[0]} set {key[1]} from {line.text('valid_from')} stands in line {seen[key]} already")
        seen[key] = line.number
        yield line
