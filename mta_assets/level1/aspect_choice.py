"""The aspect solution that an observation is processed with: which one, its usable rows, what there is to say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.core import intervals
from mta_assets.core.records import finding
from mta_assets.core.tables import Product, Table
from mta_assets.instruments import quaternions
from mta_assets.instruments.geometry import quaternion_from_angles
from mta_assets.instruments.geometry_sky import MAX_GAP

MOST = {  # what a time [s: three centuries], a number of an attitude [deg] or of the SIM's place [mm] can be at most
    "time": 1e10, "ra": 360.0, "dec": 90.0, "roll": 360.0, "dy": 50.0, "dz": 50.0, "dtheta": 10.0,
}  # fmt: skip
UNIT = 1e-6  # quaternions that differ by more from length one are damaged
SAME = np.radians(1 / 60)  # [rad] ra, dec and roll are those of the quaternion, in real files to 1e-4 arcsec
NO_ATTITUDE = "NaN, beyond what can be, quaternion not of length one or not that of ra, dec, roll, time twice"


@dataclass(frozen=True, eq=False)
class Solution:
    """The aspect solution that an observation is processed with.

    Attributes
    ----------
    table
        Its usable rows; None without a solution.
    origin
        ``ground``, ``onboard`` or, without a solution, an empty text.
    dropped
        Rows of the solutions that were looked at that can not be used.
    """

    table: Table | None
    origin: str
    dropped: int = 0

    @property
    def asptype(self) -> tuple[str, str]:
        """Value and comment of the keyword ASPTYPE."""
        kind = {"ground": "KALMAN", "onboard": "OBC"}.get(self.origin, "NONE")
        return kind, "which aspect solution was used"

    @property
    def covered(self) -> NDArray[np.float64]:
        """Intervals [s], shape (n, 2), in which there is an attitude."""
        return covered(self.table) if self.table is not None else np.zeros((0, 2))


def best_aspect(ground: Sequence[Product] | None, onboard: Sequence[Product] | None, quick_look: bool) -> Solution:
    """The aspect solution to work with.

    Parameters
    ----------
    ground, onboard
        ``ASOL`` and ``ASPSOL_OBC``.
    quick_look
        The quick-look stream works on the on-board solution; the archival one takes it only where there is no other,
        or none of which two rows can be used.
    """
    order = (("onboard", onboard), ("ground", ground)) if quick_look else (("ground", ground), ("onboard", onboard))
    dropped = 0
    for origin, given in order:
        if given:
            table, more = usable(given[0].tables[0])
            dropped += more
            if len(table) > 1:
                return Solution(table, origin, dropped)
    return Solution(None, "", dropped)


def usable(solution: Table) -> tuple[Table, int]:
    """Rows of an aspect solution that hold an attitude, in order of time, and how many there are besides.

    A row does not hold one if a number of it is not finite or beyond `MOST`, its quaternion is not of length one or
    not that of its angles, or its time stands there twice. What it leaves is a gap like any other.
    """
    given = {name: np.asarray(solution[name], float) for name in MOST if name in solution}
    good = np.all([np.isfinite(values) & (np.abs(values) <= MOST[name]) for name, values in given.items()], axis=0)
    if "q_att" in solution:
        with np.errstate(over="ignore"):
            length = np.linalg.norm(np.asarray(solution["q_att"], float), axis=1)
        good &= np.abs(length - 1) < UNIT  # NaN is not less
    if {"q_att", "ra", "dec", "roll"} <= solution.columns.keys():
        whole = np.flatnonzero(good)
        angles = quaternion_from_angles(*(given[name][whole] for name in ("ra", "dec", "roll")))
        apart = quaternions.difference(np.asarray(solution["q_att"], float)[whole], angles)
        good[whole] = np.linalg.norm(apart, axis=1) < SAME
    rows = np.flatnonzero(good)
    rows = rows[np.unique(solution["time"][rows], return_index=True)[1]]
    return solution.where(rows), len(solution) - len(rows)


def aspect_findings(solution: Solution, key: str, quick_look: bool, span: tuple[float, float]) -> list[Table]:
    """What there is to say of the aspect of an observation: not that of the ground, gaps, rows that were left out."""
    found = []
    if solution.origin != "ground" and not quick_look:
        used = "the on-board attitude was used" if solution.origin else "X and Y are not known, no time is good"
        detail = f"no aspect solution of the ground: {used}; see ASPECT of the observation, or deliver an asol1"
        found.append(finding(f"{key} aspect", "PCAD", "no_aspect", detail, span))
    if solution.dropped:
        found.append(rows_finding(f"{key} aspect", "the aspect solution", solution.dropped, span))
    gaps = intervals.subtract([span], solution.covered) if solution.origin else np.zeros((0, 2))
    gaps = gaps[gaps[:, 1] - gaps[:, 0] > MAX_GAP]
    if len(gaps):
        detail = (
            f"{len(gaps)} gaps of the aspect, {intervals.total(gaps):.0f} s: X and Y of events are NaN, the time is "
            "not good; deliver an asol1 that covers them"
        )
        found.append(
            finding(f"{key} aspect", "PCAD", "aspect_gap", detail, (gaps[0, 0], gaps[-1, 1]), len(gaps), "gaps")
        )
    return found


def rows_finding(name: str, what: str, dropped: int, span: tuple[float, float]) -> Table:
    """A finding of rows of a solution that hold no attitude (`usable`)."""
    detail = (
        f"{dropped} rows of {what} are no attitude ({NO_ATTITUDE}) and were left out; make it again or deliver another"
    )
    return finding(name, "PCAD", "aspect_rows", detail, span, dropped, "rows")


def covered(solution: Table) -> NDArray[np.float64]:
    """Intervals [s], shape (n, 2), in which an aspect solution can be interpolated."""
    time = np.asarray(solution["time"], float)
    cut = np.flatnonzero(np.diff(time) > MAX_GAP)
    starts, stops = np.concatenate([[0], cut + 1]), np.concatenate([cut, [len(time) - 1]])
    return np.column_stack([time[starts], time[stops]])
