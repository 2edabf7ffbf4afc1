"""What a query gives back: tables with their times, in memory or block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.entries import ProductEntry
from mta_assets.core.errors import MtaError
from mta_assets.core.samples import ParameterInfo, to_seconds
from mta_assets.query.model import Query

if TYPE_CHECKING:
    from mta_assets.query.plan import Plan

Array = NDArray[Any]


class TooLarge(MtaError):
    """The answer does not fit into the memory that it may use, and can not be given in parts."""


class Cancelled(MtaError):
    """The query was stopped by whoever asked it. Nothing is left behind."""


@dataclass(frozen=True)
class AnswerTable:
    """Columns that share their times; or a part of such a table.

    Parameters
    ----------
    name
        Group of its parameters, the parameter whose timeline it is on, or ``SAMPLED``.
    time
        int64 ns since 1998.0 TT, ascending.
    columns
        Values by column name; states as their codes (names in ``info``).
    units
        Unit of each column, empty for none.
    quality
        `core.flags.Quality` of the columns where something is not good or missing; None if all is good. A cell
        without a value is NaN, 0 or ``''`` and has ``Quality.MISSING``.
    info
        What is known of each column's parameter; of expressions what follows from them.
    until
        int64 ns up to which a row holds, where rows are intervals.
    """

    name: str
    time: NDArray[np.int64]
    columns: dict[str, Array]
    units: dict[str, str]
    quality: dict[str, NDArray[np.uint8]] | None = None
    info: dict[str, ParameterInfo] = field(default_factory=dict)
    until: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.time)

    @property
    def times(self) -> NDArray[np.float64]:
        """TT seconds since 1998.0 TT."""
        return to_seconds(self.time)

    @property
    def utc(self) -> Array:
        """UTC texts to the millisecond; leap seconds are astropy's."""
        from astropy.time import Time

        return np.asarray(Time(self.times, format="cxcsec", scale="tt", precision=3).utc.isot)

    @property
    def nbytes(self) -> int:
        parts = [self.time, *self.columns.values(), *(self.quality or {}).values()]
        return sum(part.nbytes for part in parts) + (0 if self.until is None else self.until.nbytes)

    def where(self, rows: Any) -> AnswerTable:
        """The rows that a mask, an index array or a slice selects."""
        quality = {name: flags[rows] for name, flags in (self.quality or {}).items()}
        return AnswerTable(
            self.name,
            self.time[rows],
            {name: values[rows] for name, values in self.columns.items()},
            self.units,
            quality or None,
            self.info,
            None if self.until is None else self.until[rows],
        )


@dataclass(frozen=True)
class Answer:
    """The answer to a query.

    Parameters
    ----------
    query, plan
        What was asked, and how it was answered.
    kept
        The tables, if they fit into memory.
    notes
        What the reader should know: parameters without data, divisions by zero, which source a name was taken from.
    products
        The complete products, if those were asked for.
    stream
        Gives the parts of the tables, each time from the beginning, if they do not fit.
    memory_limit
        Bytes that ``tables`` may take together.
    """

    query: Query
    plan: Plan
    kept: tuple[AnswerTable, ...] = ()
    notes: list[str] = field(default_factory=list)
    products: list[ProductEntry] = field(default_factory=list)
    stream: Callable[[], Iterator[AnswerTable]] | None = None
    memory_limit: int = 1 << 30

    @property
    def streams(self) -> bool:
        """Whether the answer is larger than the memory it may use, and comes in parts."""
        return self.stream is not None

    @property
    def names(self) -> list[str]:
        """Names of the tables."""
        return list(self.plan.tables) if self.streams else [table.name for table in self.kept]

    @property
    def tables(self) -> list[AnswerTable]:
        """All tables in memory.

        Raises
        ------
        TooLarge
            If together they take more than the memory limit.
        """
        if self.stream is None:
            return list(self.kept)
        collected, size = [], 0
        for part in self.stream():
            collected.append(part)
            size += part.nbytes
            if size > self.memory_limit:
                raise TooLarge(too_large(size, self.memory_limit))
        return join(collected, self.names)

    def blocks(self, name: str | None = None) -> Iterator[AnswerTable]:
        """Parts of the tables, each in order of time; of one table if it is named. Parts may have no rows."""
        for part in self.kept if self.stream is None else self.stream():
            if name is None or part.name == name:
                yield part

    def __len__(self) -> int:
        return sum(len(table) for table in self.kept)


def too_large(size: int, limit: int) -> str:
    """What is said where an answer does not fit."""
    return (
        f"the answer takes {size / 2**20:,.0f} MiB or more, and may take {limit / 2**20:,.0f} MiB of memory. Ask for a "
        "shorter time, add LIMIT or EVERY, allow more memory, or write it to a file (which is done in parts)"
    )


def join(parts: Sequence[AnswerTable], names: Sequence[str]) -> list[AnswerTable]:
    """Parts of tables after each other: one table for each name that has parts, in the order of the names."""
    return [joined(own) for name in names if (own := [part for part in parts if part.name == name])]


def joined(parts: Sequence[AnswerTable]) -> AnswerTable:
    """Parts of one table after each other."""
    filled = [part for part in parts if len(part)] or list(parts[:1])
    if len(filled) == 1:
        return filled[0]
    first = filled[0]
    columns = {name: np.concatenate([part.columns[name] for part in filled]) for name in first.columns}
    marked = {name for part in filled for name in part.quality or {}}
    quality = {
        name: np.concatenate([_marks(part, name) for part in filled]) for name in first.columns if name in marked
    }
    until = None if first.until is None else np.concatenate([_until(part) for part in filled])
    time = np.concatenate([part.time for part in filled])
    return AnswerTable(first.name, time, columns, first.units, quality or None, first.info, until)


def _marks(part: AnswerTable, name: str) -> NDArray[np.uint8]:
    none = np.zeros(len(part), np.uint8)
    return (part.quality or {}).get(name, none)


def _until(part: AnswerTable) -> NDArray[np.int64]:
    return part.time if part.until is None else part.until


def units_of(info: Mapping[str, ParameterInfo]) -> dict[str, str]:
    """Unit of each column."""
    return {name: known.unit for name, known in info.items()}
