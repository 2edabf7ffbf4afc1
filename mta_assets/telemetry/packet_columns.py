"""The columns of one packet type while its packets are decoded, some thousands at a time.

Most fields are plain numbers. They are read straight to their place in one piece of memory for all of them: nothing is
put together afterwards, and a large piece costs the system much less than many of middle size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mta_assets.telemetry.ccsds import one_piece
from mta_assets.telemetry.xtce import Plan
from mta_assets.telemetry.xtce_bits import Source
from mta_assets.telemetry.xtce_calibrate import Value
from mta_assets.telemetry.xtce_compile import Field


class Later(NamedTuple):
    """A plain number that nothing depends on, at the same place [bit] in all packets: read when their type is known."""

    item: Field
    position: int
    bits: int

    def read(self, source: Source) -> Value:
        return self.item.read(source, self.position, self.bits, {})


class Columns:
    """Values of the packets of one type.

    Parameters
    ----------
    plan
        Of the type.
    total
        Packets of all types that there are: no column gets longer.
    """

    def __init__(self, plan: Plan, total: int) -> None:
        self.plan, self.total = plan, total
        self.room = self.rows = 0
        self.index: list[NDArray[np.int64]] = []  # numbers in the block
        self.parts: dict[str, list[Value]] = {}
        self.numbers: dict[str, NDArray[Any]] = {}  # the columns with their room; what the first packets had as Later

    def add(
        self,
        source: Source,
        index: NDArray[np.int64],
        values: Mapping[str, Value],
        later: Mapping[str, Later],
        done: int,
    ) -> None:
        """Take packets in; ``done`` is how many of all types have been looked at, with these."""
        if not self.rows:
            one = source.where(np.zeros(1, np.int64))
            self.numbers = {name: entry.read(one).raw[:0] for name, entry in later.items()}
            self.parts = {name: [] for name in values}
        low, self.rows = self.rows, self.rows + len(index)
        if self.rows > self.room:
            self._grow(low, done)
        self.index.append(index)
        for name, column in self.numbers.items():
            out = column[low : self.rows]
            if name in later:
                entry = later[name]
                entry.item.number(source, entry.position, entry.bits, out)
            else:
                out[:] = values[name].raw
        for name, parts in self.parts.items():
            parts.append(values[name] if name in values else later[name].read(source))

    def _grow(self, used: int, done: int) -> None:
        """Room for as many packets as there will be if they go on being as frequent, and an eighth more."""
        self.room = min(max(self.rows * self.total // done * 9 // 8, self.rows), self.total)
        wider = one_piece(self.room, [column.dtype for column in self.numbers.values()])
        for old, new in zip(self.numbers.values(), wider, strict=True):
            new[:used] = old[:used]
        self.numbers = dict(zip(self.numbers, wider, strict=True))

    def finish(self) -> dict[str, Value]:
        """The values of all packets taken in, by name in the order of the packet."""
        found: dict[str, Value] = {}
        for name in (item.name for item in self.plan.all_fields):
            if name in self.numbers:
                column = self.numbers[name][: self.rows]
                found[name] = Value(column, column)
            elif name in self.parts:
                found[name] = join(self.parts[name])
        return found


def join(parts: list[Value]) -> Value:
    """Values after each other."""
    if len(parts) == 1:
        return parts[0]
    raw = stack([part.raw for part in parts])
    same = parts[0].converted is parts[0].raw
    converted = raw if same else stack([part.converted for part in parts])
    quality = None
    if any(part.quality is not None for part in parts):
        zeros = [np.zeros(len(part.raw), np.uint8) if part.quality is None else part.quality for part in parts]
        quality = np.concatenate(zeros)
    sizes = [part.size for part in parts if part.size is not None]
    return Value(converted, raw, quality, np.concatenate(sizes) if sizes else None)


def stack(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    """Columns after each other; byte strings of different widths are filled up with zeros."""
    if arrays[0].ndim == 2 and len({array.shape[1] for array in arrays}) > 1:
        width = max(array.shape[1] for array in arrays)
        arrays = [np.pad(array, ((0, 0), (0, width - array.shape[1]))) for array in arrays]
    return np.concatenate(arrays)
