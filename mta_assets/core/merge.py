"""Rows of several tables as one: in order of time, each once, some of them at a time.

Playbacks overlap, and every front-end processor has files of its own. What is in memory is what overlaps: a few pieces
of each table, if the tables are about in order of time; one that is not is held as a whole, and comes out right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mta_assets.core import stored
from mta_assets.core.stored import StoredColumns
from mta_assets.core.tables import Table, concatenate

Mask = NDArray[np.bool_]
HELD = 64 << 20  # [byte] tables in memory that are not let go to be read once more
OPEN = 64  # tables in files that are kept open
NUMBER = "table number"  # no column of a file is called so


@dataclass(frozen=True)
class Same:
    """When two rows are one.

    Parameters
    ----------
    names
        Columns that are equal.
    within
        Their times differ by less [s]; 0: by nothing.
    order
        Columns by which rows of the same time are sorted, the first counts most.
    """

    names: tuple[str, ...]
    within: float
    order: tuple[str, ...]


@dataclass(frozen=True)
class _Piece:
    """Some rows of one table, of which ``count`` are wanted, the earliest at ``start``."""

    number: int
    first: int
    start: float
    count: int


class Merge:
    """Tables that are added one by one, and then read as one.

    Parameters
    ----------
    again
        Gives the table of a number once more: of what is large only a note is kept.
    keep
        Which rows are wanted.
    same
        When two rows are one.
    """

    def __init__(self, again: Callable[[int], Table], keep: Callable[[Table], Mask], same: Same) -> None:
        self._again, self._keep, self._same = again, keep, same
        self._held: dict[int, Table] = {}
        self._pieces: list[_Piece] = []
        self._bytes = self._open = 0
        self.empty: Table | None = None

    def add(self, number: int, table: Table, look: Callable[[Table], None] = lambda block: None) -> int:
        """Go through a table, block by block given to ``look`` too; returns how many of its rows are wanted.

        Of rows that are one, that of the lowest number is taken.
        """
        none = _copied(table.rows(0, 0))
        self._keep(none)  # a column that is missing is noticed without rows too
        before = len(self._pieces)
        for at, block in enumerate(table.blocks()):
            look(block)
            times = block["TIME"][self._keep(block)]
            if len(times):
                self._pieces.append(_Piece(number, at * stored.ROWS, float(times.min()), len(times)))
        wanted = sum(piece.count for piece in self._pieces[before:])
        if self.empty is None or (wanted and not before):  # of tables that give nothing only if all are such
            self.empty = none
        if wanted and isinstance(table.columns, StoredColumns):
            if self._open < OPEN:
                self._held[number] = table
                self._open += 1
        elif wanted and self._bytes + table.nbytes <= HELD:
            self._held[number] = table
            self._bytes += table.nbytes
        return wanted

    def blocks(self) -> Iterator[Table]:
        """All rows that are wanted."""
        if self.empty is None:
            return
        pieces = sorted(self._pieces, key=lambda piece: piece.start)
        pending = tail = _numbered(self.empty, 0)
        left, read = Counter(piece.number for piece in pieces), dict[int, Table]()
        for at, piece in enumerate(pieces):
            left[piece.number] -= 1
            pending = concatenate([pending, self._rows(piece, read, left[piece.number] > 0)])
            until = pieces[at + 1].start if at + 1 < len(pieces) else np.inf
            if len(pending) < stored.ROWS and until < np.inf:
                continue
            ready = pending["TIME"] < until
            some, pending = pending.where(ready), pending.where(~ready)
            if len(some):
                yield self._once(tail, some)
                late = some["TIME"].max() - self._same.within
                tail = concatenate([part.where(part["TIME"] >= late) for part in (tail, some)])

    def _rows(self, piece: _Piece, read: dict[int, Table], more: bool) -> Table:
        """Wanted rows of a piece; a table that was let go is read again and kept while there is more to come of it."""
        table = self._held.get(piece.number, read.pop(piece.number, None))
        if table is None:
            table = self._again(piece.number)
        if piece.number not in self._held and more:
            read[piece.number] = table
        block = table.rows(piece.first, piece.first + stored.ROWS)
        return _numbered(block.where(self._keep(block)), piece.number)

    def _once(self, tail: Table, some: Table) -> Table:
        """Rows in order of time, without those that are the same as one before; ``tail`` is what was given last."""
        names = self._same.names
        both = concatenate([tail, some])
        new = np.arange(len(both)) >= len(tail)
        order = np.lexsort((both[NUMBER], new, both["TIME"], *(both[name] for name in names)))
        again = np.ones(len(both), np.bool_)
        again[:1] = False
        for name in names:
            values = both[name][order]
            again[1:] &= values[1:] == values[:-1]
        apart = np.diff(both["TIME"][order])
        again[1:] &= apart < self._same.within if self._same.within else apart == 0
        kept = order[~again]
        found = both.where(kept[new[kept]])
        found = replace(found, columns={name: found[name] for name in found.columns if name != NUMBER})
        return found.where(np.lexsort((*(found[name] for name in reversed(self._same.order)), found["TIME"])))


def _numbered(table: Table, number: int) -> Table:
    """Rows with the number of their table."""
    return replace(table, columns={**table.columns, NUMBER: np.full(len(table), number)})


def _copied(table: Table) -> Table:
    """A table whose columns are arrays."""
    return Table(table.name, {name: table[name] for name in table.columns}, table.header, table.schema)
