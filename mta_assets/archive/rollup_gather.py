"""Statistics of one parameter from many roll-ups, in arrays that are made once, on two threads.

Row groups that hold nothing but one parameter's statistics, as their footer tells, are not asked for parameter and
state of each row; nor for buckets, where none is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive import segments
from mta_assets.archive.rollup_files import WHICH
from mta_assets.archive.rollups import INTEGERS, NUMBER, Rollup
from mta_assets.archive.segments import Footer
from mta_assets.archive.telemetry_gather import closed, parallel
from mta_assets.archive.telemetry_sql import Segment
from mta_assets.core.samples import SECOND, Array
from mta_assets.core.statistics import WIDTHS

VALUES = ("min", "max", "first", "last")  # are values that the parameter had


@dataclass(frozen=True)
class Piece:
    """The row groups of one roll-up that hold a parameter, and the buckets [first, stop) wanted of them.

    ``bucket`` are the buckets of all their rows, if these are the statistics of a parameter alone; None otherwise.
    """

    path: Path
    foot: Footer
    groups: list[int]
    first: int
    stop: int
    bucket: NDArray[np.int64] | None

    @cached_property
    def wanted(self) -> slice:
        """Rows that are wanted, as far as that is known."""
        if self.bucket is None:
            return slice(0, int(self.foot.rows[self.groups].sum()))
        low, high = np.searchsorted(self.bucket, [self.first, self.stop]).tolist()
        return slice(low, high)


def gather_rollups(
    root: Path, found: Sequence[Segment], parameter: int, buckets: tuple[int, int], names: Sequence[str],
    warnings: list[str], edges: tuple[Rollup, Rollup] | None = None, own: np.dtype[Any] | None = None,
) -> Rollup:  # fmt: skip
    """The rows of a parameter.

    Parameters
    ----------
    found
        Segments of one kind of roll-up, in order of time; each gives the buckets that it answers for.
    buckets
        [first, stop) of the buckets wanted.
    names
        Columns wanted beside state and bucket.
    warnings
        Gets a sentence for each segment that is damaged; the answer goes without it.
    edges
        Rows that come before and after all others.
    own
        Type of min, max, first and last; float64 if None.

    Returns
    -------
    Columns ``bucket``, ``state`` and those wanted, in the order of the segments; no ``state`` if all rows are
    statistics of the parameter itself.
    """
    several = [piece for segment in found if (piece := _piece(root, segment, parameter, buckets, warnings))]
    before, after = edges or ({}, {})
    sizes = [len(before.get("bucket", ())), *(piece.wanted.stop - piece.wanted.start for piece in several)]
    place, taken = [0, *accumulate(sizes)], [sizes[0], *[0] * len(several)]
    every = ["bucket", *(name for name in names if name not in WHICH)]
    mixed = any((edge["state"] != NUMBER).any() for edge in (before, after) if edge)
    if mixed or any(piece.bucket is None for piece in several):
        every.append("state")
    room = place[-1] + len(after.get("bucket", ()))
    answer = {name: np.empty(room, _dtype(name, own)) for name in every}
    for name in every:
        if before:
            answer[name][: sizes[0]] = before[name]
        if after:
            answer[name][place[-1] :] = after[name]

    def work(number: int) -> None:
        try:
            part = _read(several[number], parameter, every)
        except segments.Damaged as error:
            warnings.append(str(error))
            return
        taken[number + 1] = len(part["bucket"])
        low = place[number + 1]
        for name in every:
            answer[name][low : low + len(part["bucket"])] = part[name]

    parallel(work, range(len(several)))
    place, taken = [*place, room], [*taken, room - place[-1]]
    return {name: closed(array, place, taken) for name, array in answer.items()}


def _piece(root: Path, segment: Segment, parameter: int, buckets: tuple[int, int], warnings: list[str]) -> Piece | None:
    path, step = root / segment.path, WIDTHS[segment.kind] * SECOND
    try:
        foot = segments.footer(path, "parameter")
    except segments.Damaged as error:
        warnings.append(str(error))
        return None
    groups = np.flatnonzero((foot.first <= parameter) & (foot.last >= parameter)).tolist()
    first, stop = max(buckets[0], segment.start // step), min(buckets[1], segment.stop // step)
    if not groups or first >= stop:
        return None
    if _ends(foot, groups, "parameter") != (parameter, parameter) or _ends(foot, groups, "state") != (NUMBER, NUMBER):
        return Piece(path, foot, groups, first, stop, None)
    low, high = _ends(foot, groups, "bucket")
    try:
        bucket = (
            np.arange(low, high + 1)
            if high - low + 1 == foot.rows[groups].sum()
            else segments.columns_of(path, foot, groups, ["bucket"], False)["bucket"]
        )
    except segments.Damaged as error:
        warnings.append(str(error))
        return None
    return Piece(path, foot, groups, first, stop, bucket)


def _dtype(name: str, own: np.dtype[Any] | None) -> np.dtype[Any]:
    return own if own is not None and name in VALUES else np.dtype(INTEGERS.get(name, np.float64))


def _ends(foot: Footer, groups: Sequence[int], name: str) -> tuple[int, int]:
    least, greatest = foot.ends(name)
    return int(least[groups].min()), int(greatest[groups].max())


def _read(piece: Piece, parameter: int, names: Sequence[str]) -> dict[str, Array]:
    asked = [name for name in names if name not in WHICH]
    if piece.bucket is None:
        found = segments.columns_of(piece.path, piece.foot, piece.groups, [*WHICH, *asked], False)
        keep = (found["parameter"] == parameter) & (found["bucket"] >= piece.first) & (found["bucket"] < piece.stop)
        return {name: found[name][keep] for name in names}
    found = segments.columns_of(piece.path, piece.foot, piece.groups, asked, False)
    part: dict[str, Array] = {name: found[name][piece.wanted] for name in asked}
    part["bucket"] = piece.bucket[piece.wanted]
    part["state"] = np.full(len(part["bucket"]), NUMBER, np.int32)
    return part
