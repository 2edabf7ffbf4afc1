"""Gathering: the rows of many segments into arrays that are made once, piece by piece and on two threads.

A piece is some row groups of a segment and the stretches that are wanted of it. Every piece is decoded by itself and
copied to its place in the answer, so that the memory of decoding is used again for the next one. Quality is only read
of row groups where something is not good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive import segments
from mta_assets.archive.telemetry_rows import SAME_TIME, GroupRows, doubled, nothing, resolve
from mta_assets.archive.telemetry_sql import Segment
from mta_assets.core.flags import Quality
from mta_assets.core.samples import Array, Nanoseconds, ParameterInfo

READERS = 2  # pieces decoded at once
PIECE = 1 << 23  # [byte] of the decoded columns of a piece, about: more of them cost more than they share
TIME_WIDTH = 8  # [byte] of a time
Spans = Sequence[tuple[int, int]]
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Piece:
    """Some row groups of a segment, the stretches [ns] wanted of them, and how many rows they have at most."""

    segment: Segment
    foot: segments.Footer
    groups: list[int]
    spans: Spans
    rows: int


def parallel(work: Callable[[T], U], items: Sequence[T]) -> list[U]:
    """Work on items at once, the answers in their order; one item needs no other thread."""
    return [work(item) for item in items] if len(items) < 2 else list(_pool().map(work, items))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(READERS, thread_name_prefix="mta-read")


def pieces(
    root: Path, found: Sequence[Segment], spans: Spans, warnings: list[str], width: int = TIME_WIDTH
) -> list[Piece]:
    """What has to be decoded of each segment, which has ``width`` bytes in a row; a damaged one is left out with a
    warning."""
    several: list[Piece] = []
    starts, stops = np.array([s[0] for s in spans]), np.array([s[1] for s in spans])
    for segment in found:
        first, last = int(np.searchsorted(stops, segment.start, "right")), int(np.searchsorted(starts, segment.stop))
        mine = [(max(low, segment.start), min(high, segment.stop)) for low, high in spans[first:last]]
        if not mine:
            continue
        try:
            foot = segments.footer(root / segment.path)
        except segments.Damaged as error:
            warnings.append(str(error))
            continue
        several += _of_segment(segment, foot, mine, width)
    return several


def _of_segment(segment: Segment, foot: segments.Footer, spans: Spans, width: int) -> Iterator[Piece]:
    slack = SAME_TIME if segment.doubled else 0  # rows of one time must come together
    low = np.array([span[0] for span in spans]) - slack
    high = np.array([span[1] for span in spans]) + slack
    # A row group is wanted if some stretch begins before its end and ends after its beginning.
    wanted = np.flatnonzero(np.searchsorted(high, foot.first, "right") < np.searchsorted(low, foot.last, "right"))
    groups = wanted.tolist()
    # Rows of one time may stand on both sides of a row group's end: then the whole is one piece.
    size = max(1, len(groups) if segment.doubled else PIECE // (width * int(foot.rows.max(initial=1))))
    for first in range(0, len(groups), size):
        part = groups[first : first + size]
        yield Piece(segment, foot, part, spans, int(foot.rows[part].sum()))


class Answer:
    """The arrays that pieces are copied into, each at its own place."""

    def __init__(self, found: Sequence[Piece], infos: Sequence[ParameterInfo], raw: bool) -> None:
        self.infos = infos
        self.room = sum(piece.rows for piece in found)
        self.place = [0, *accumulate(piece.rows for piece in found)]
        self.taken = [0] * len(found)
        self.time = np.empty(self.room, np.int64)
        self.values = {i.name: np.empty(self.room, _dtype(found, i.name)) for i in infos}
        self.raw = {i.name: np.empty(self.room, _dtype(found, f"{i.name}__r", i.name)) for i in infos if raw}
        self.quality: dict[str, NDArray[np.uint8]] = {}
        for info in infos:
            if any(
                info.name not in piece.foot.names or piece.foot.suspicious(info.name, piece.groups) for piece in found
            ):
                self.quality[info.name] = np.zeros(self.room, np.uint8)

    def put(self, number: int, part: GroupRows) -> None:
        """Copy one piece to its place."""
        if number == 0:  # the first piece may begin within, and the last one end: no hole between them
            self.place[0] = self.place[1] - len(part)
        low = self.place[number]
        rows = slice(low, low + len(part))
        self.taken[number] = len(part)
        self.time[rows] = part.time
        for info in self.infos:
            name = info.name
            if name not in part.values:
                self.quality[name][rows] = np.uint8(Quality.MISSING)
                continue
            self.values[name][rows] = part.values[name]
            if self.raw:
                self.raw[name][rows] = part.raw.get(name, part.values[name])
            if name in part.quality:
                self.quality[name][rows] = part.quality[name]

    def rows(self, group: str, period: float) -> GroupRows:
        """Everything, without the places that stayed empty."""

        def whole(arrays: Mapping[str, Array]) -> dict[str, Array]:
            return {name: closed(array, self.place, self.taken) for name, array in arrays.items()}

        return GroupRows(
            group, tuple(self.infos), closed(self.time, self.place, self.taken), whole(self.values), whole(self.raw),
            whole(self.quality), period,
        )  # fmt: skip


def closed(array: Array, place: Sequence[int], taken: Sequence[int]) -> Array:
    """An array without what stayed empty behind each piece: a view of it, if that is nothing."""
    ends = [first + count for first, count in zip(place, taken, strict=False)]
    if all(end == following for end, following in zip(ends[:-1], place[1:], strict=False)):
        return array[place[0] : ends[-1]] if ends else array
    return np.concatenate([array[first:end] for first, end in zip(place, ends, strict=False)])


def _dtype(found: Sequence[Piece], *names: str) -> np.dtype[Any]:
    types = {piece.foot.dtypes[name] for piece in found for name in names if name in piece.foot.names}
    if any(dtype.kind == "O" for dtype in types):
        return np.dtype(object)
    return np.result_type(*types) if types else np.dtype(np.float64)


def gather(
    root: Path, found: Sequence[Piece], infos: Sequence[ParameterInfo], raw: bool, group: str, period: float,
    warnings: list[str],
) -> GroupRows:  # fmt: skip
    """Rows of all pieces in order, one for each time."""
    alone = len(found) == 1

    def decoded(number: int) -> GroupRows | None:
        try:
            return _decoded(root, found[number], infos, raw, group, period, threads=alone)
        except segments.Damaged as error:
            warnings.append(str(error))
            return None

    if alone and all(info.name in found[0].foot.names for info in infos):
        rows = decoded(0)  # no copy: the arrays of the only piece are as good as ours
        return nothing(infos, period) if rows is None else rows
    answer = Answer(found, infos, raw)

    def work(number: int) -> None:
        part = decoded(number)
        if part is not None:
            answer.put(number, part)

    parallel(work, range(len(found)))
    return answer.rows(group, period)


def _decoded(
    root: Path, piece: Piece, infos: Sequence[ParameterInfo], raw: bool, group: str, period: float, threads: bool
) -> GroupRows:
    names = [info.name for info in infos]
    wanted = names + [f"{name}__q" for name in names if piece.foot.suspicious(name, piece.groups)]
    if raw:
        wanted += [f"{name}__r" for name in names]
    found = segments.decode(root / piece.segment.path, piece.foot, piece.groups, wanted, threads)
    rows = segments.rows_of(found, group, infos, period)
    if piece.segment.doubled and doubled(rows.time):
        rows = resolve(rows)
    cuts = _cuts(rows.time, piece.spans)
    if len(cuts) == 1:
        return rows if cuts[0] == slice(0, len(rows)) else rows.where(cuts[0])
    return rows.where(np.concatenate([np.arange(c.start, c.stop) for c in cuts]) if cuts else slice(0, 0))


def _cuts(time: Nanoseconds, spans: Spans) -> list[slice]:
    low, high = np.searchsorted(time, [s[0] for s in spans]), np.searchsorted(time, [s[1] for s in spans])
    return [slice(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True) if b > a]
