"""Vectorised decommutation: a block of frames and a dictionary to one table per rate group.

The frames are laid out as a grid (major frame, minor frame, byte). The samples of a parameter are then a strided
view of it, and a parameter costs about a dozen NumPy calls, however many samples it has.

A row of a table is one period of the group (its step, in minor frames). Its time is that of the minor frame that
starts the period, whether that frame came down or not, for every parameter of the group, as in the archive's
engineering files. A row exists if any frame of its period is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.flags import Quality
from mta_assets.core.tables import Column, Schema, Table
from mta_assets.telemetry.odb import Dictionary, Layout, Parameter, RateGroup

if TYPE_CHECKING:
    from mta_assets.telemetry.frames import FrameBlock

Array = NDArray[Any]
FIELDS = ("values", "raw", "quality")
FILLER = np.uint8(Quality.MISSING | Quality.OTHER_FORMAT)  # nothing was measured: the value says so too


def decommutate(
    block: FrameBlock,
    dictionary: Dictionary,
    msids: Iterable[str] | None = None,
    fields: Iterable[str] = FIELDS,
) -> dict[tuple[str, int], Table]:
    """All samples of some parameters in a block of frames.

    Parameters
    ----------
    block
        Frames sorted by counter, without duplicates; need not be whole major frames.
    msids
        Which parameters; all of them if None.
    fields
        Which of ``values``, ``raw`` and ``quality``.

    Returns
    -------
    dict
        By (subsystem, group number) a table with ``time`` [s, TT since 1998.0], ``counter`` (unwrapped frame counter
        of the row), then for each parameter ``NAME`` (value; text for states), ``NAME__r`` (count, only if it
        differs from the value) and ``NAME__q`` (Quality, only if something in it is not good). Where a sample is
        MISSING or of OTHER_FORMAT the value is NaN, 0 or empty text and the count 0. Groups without rows are left out.
    """
    wanted = [dictionary[name] for name in msids] if msids is not None else list(dictionary.msids.values())
    chosen = frozenset(fields)
    if not len(block.counter) or not wanted:
        return {}
    grid = _Grid(block, dictionary.layout)
    members: dict[tuple[str, int], list[Parameter]] = {}
    for parameter in wanted:
        members.setdefault((parameter.subsystem, parameter.group), []).append(parameter)
    return {key: _table(grid, dictionary.groups[key], parameters, chosen) for key, parameters in members.items()}


def values(block: FrameBlock, dictionary: Dictionary, msid: str) -> tuple[NDArray[np.float64], Array, Array]:
    """Time, value and quality of one parameter: the rows of its group's table."""
    parameter = dictionary[msid]
    if not len(block.counter):
        return np.zeros(0), np.zeros(0, parameter.dtype), np.zeros(0, np.uint8)
    grid = _Grid(block, dictionary.layout)
    time, _, _ = grid.rows(parameter.step)
    _, value, quality, _ = grid.sample(parameter)
    return time, value, quality


def times_at(counter: Array, time: Array, at: Array, period: float) -> NDArray[np.float64]:
    """Times of frame counters, also of frames that are missing, from the last frame there before (or the first).

    ``period`` [s] is the nominal one: within a major frame the clock's drift stays below a microsecond.
    """
    near = np.maximum(np.searchsorted(counter, at, side="right") - 1, 0)
    return time[near] + (at - counter[near]) * period


class _Grid:
    """A block as a dense (major, minor, byte) array, and what all parameters of one place have in common."""

    def __init__(self, block: FrameBlock, layout: Layout) -> None:
        per_major = layout.minor_frames
        counter = block.counter
        majors, row = np.unique(counter // per_major, return_inverse=True)
        place = row * per_major + counter % per_major
        size = len(majors) * per_major
        complete = len(place) == size  # sorted and without duplicates, so it is the whole grid in order
        shape = (len(majors), per_major)
        self.data = _spread(block.data, place, size, complete).reshape(*shape, -1)
        self.format = _spread(block.format, place, size, complete).reshape(shape)
        quality = _spread(block.quality, place, size, complete)
        if not complete:
            absent = np.ones(size, dtype=bool)
            absent[place] = False
            quality[absent] |= np.uint8(Quality.MISSING)
        self.quality = quality.reshape(shape)
        self.present = (self.quality & np.uint8(Quality.MISSING)) == 0
        self.counter = (majors[:, None] * per_major + np.arange(per_major)).ravel()
        self.time = times_at(counter, block.time, self.counter, layout.period)
        self._rows: dict[int, tuple[Array, Array, Array | slice]] = {}
        self._quality: dict[tuple[tuple[int, ...], frozenset[int]], tuple[Array, Array | None, bool]] = {}

    def rows(self, step: int) -> tuple[Array, Array, Array | slice]:
        """Time and counter of the rows of a rate, and which of all periods they are."""
        if step not in self._rows:
            there = self.present.reshape(-1, step).any(axis=1)
            keep: Array | slice = slice(None) if there.all() else np.flatnonzero(there)
            self._rows[step] = self.time[::step][keep], self.counter[::step][keep], keep
        return self._rows[step]

    def sample(self, parameter: Parameter) -> tuple[Array, Array, Array, bool]:
        """Counts, values and quality of a parameter by row, and whether any quality is not good."""
        quality, filler, flagged = self.quality_of(parameter)
        keep = self.rows(parameter.step)[2]
        pattern = _patterns(self.data, parameter)[keep]
        if filler is not None:
            pattern[filler] = 0
        raw = _signed(pattern, parameter) if parameter.type == "int" else pattern
        raw = raw.view(parameter.raw_dtype) if parameter.type in ("float", "bool") else raw
        if not parameter.converted:
            value, outside = raw, None
        elif parameter.lookup is not None:
            table, bad = parameter.lookup
            value, outside = table[pattern], None if bad is None else bad[pattern]
        else:
            value, outside = parameter.convert(raw)
        if filler is not None and value.dtype.kind in "fU":
            value = value.copy() if value is raw else value
            value[filler] = np.nan if value.dtype.kind == "f" else ""
        if outside is not None:
            if filler is not None:
                outside = outside & ~filler
            if outside.any():
                quality = quality | np.where(outside, np.uint8(Quality.OUT_OF_RANGE), np.uint8(0))
                flagged = True
        return raw, value, quality, flagged

    def quality_of(self, parameter: Parameter) -> tuple[Array, Array | None, bool]:
        """Quality by row from the frames alone, which rows are fillers (None: none), whether any is not good."""
        key = parameter.frames, parameter.formats
        if key not in self._quality:
            where = _frames(parameter)
            carries = np.zeros(256, dtype=bool)
            carries[list(parameter.formats)] = True
            quality = self.quality[:, where]
            other = ~carries[self.format[:, where]] & self.present[:, where]
            quality = np.where(other, quality | np.uint8(Quality.OTHER_FORMAT), quality)
            quality[:, np.array(parameter.frames) < 0] = np.uint8(Quality.MISSING)
            quality = quality.reshape(-1)[self.rows(parameter.step)[2]]
            filler = (quality & FILLER) != 0
            self._quality[key] = quality, filler if filler.any() else None, bool(quality.any())
        return self._quality[key]


def _spread(array: Array, place: Array, size: int, complete: bool) -> Array:
    if complete:
        return array.copy() if array.ndim == 1 else array  # the bytes are only read
    grid = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
    grid[place] = array
    return grid


def _frames(parameter: Parameter) -> slice | list[int]:
    start = parameter.start
    return slice(start, None, parameter.step) if start is not None else [max(f, 0) for f in parameter.frames]


def _patterns(data: Array, parameter: Parameter) -> Array:
    """Bit patterns of all samples, in time order, as the smallest unsigned integers that hold them."""
    span = parameter.span
    cells = data[:, _frames(parameter), parameter.offset : parameter.offset + span]
    width = next(n for n in (1, 2, 4, 8) if span <= n)
    if span == width:
        word = cells.copy().view(f">u{width}")
    else:
        padded = np.zeros((*cells.shape[:2], width), dtype=np.uint8)
        padded[..., width - span :] = cells
        word = padded.view(f">u{width}")
    word = word.reshape(-1).astype(f"u{width}", copy=False)  # native byte order; never the frames themselves
    below = 8 * span - parameter.bit - parameter.length
    if below:
        word >>= np.array(below, dtype=word.dtype)
    if parameter.length < 8 * width:
        word &= np.array((1 << parameter.length) - 1, dtype=word.dtype)
    size = next(n for n in (1, 2, 4, 8) if parameter.length <= 8 * n)
    return word.astype(f"u{size}", copy=False)


def _signed(pattern: Array, parameter: Parameter) -> Array:
    """Two's complement of the parameter's length."""
    size = 8 * pattern.dtype.itemsize
    shift = np.array(size - parameter.length, dtype=parameter.raw_dtype)
    return (pattern.view(parameter.raw_dtype) << shift) >> shift


def _table(grid: _Grid, group: RateGroup, parameters: list[Parameter], fields: frozenset[str]) -> Table:
    time, counter, _ = grid.rows(group.step)
    columns: dict[str, Array] = {"time": time, "counter": counter}
    declared = [Column("time", "f8", "s", "start of the period, TT since 1998.0"), Column("counter", "i8")]
    for parameter in parameters:
        name = parameter.msid
        raw, value, quality, flagged = grid.sample(parameter)
        if "values" in fields or ("raw" in fields and not parameter.converted):
            columns[name] = value
            declared.append(Column(name, parameter.dtype.str[1:], parameter.unit, parameter.description))
        if "raw" in fields and parameter.converted:
            columns[f"{name}__r"] = raw
            declared.append(Column(f"{name}__r", parameter.raw_dtype.str[1:], "", "counts"))
        if "quality" in fields and flagged:
            columns[f"{name}__q"] = quality
            declared.append(Column(f"{name}__q", "u1", "", "quality flags"))
    schema = Schema(group.content, tuple(declared))
    return Table(group.content, columns, {"CONTENT": group.content}, schema)
