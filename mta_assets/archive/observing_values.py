"""The statements that read what held for intervals: commanded states, limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from mta_assets.archive import observing_schema as db
from mta_assets.archive.observing_overlap import disjoint
from mta_assets.archive.observing_read import (
    END,
    NAMES_AT_ONCE,
    Intervals,
    NameSummary,
    cells,
    names,
    nanoseconds,
    overlapping,
)
from mta_assets.archive.observing_rows import alive


def values(
    connection: sa.Connection,
    wanted: Sequence[str],
    start: float | None,
    stop: float | None,
    as_of: float | None,
) -> dict[str, Intervals]:
    """Values of names, disjoint, not cut at the bounds."""
    known = names(connection, "value", as_of, wanted)
    listed = [name for name in dict.fromkeys(wanted) if name in known]
    longest = max((known[name].longest for name in listed), default=0.0)
    found = _values(connection, listed, start, stop, longest, as_of)
    if (start is not None or stop is not None) and found:
        # What overlaps those rows outside of the bounds cuts them too, or a value would begin where it does not.
        low = min(row.tstart for row in found)
        high = max(END if row.tstop is None else row.tstop for row in found)
        found = _values(connection, listed, low, high, longest, as_of)
    rows: dict[str, list[Any]] = {name: [] for name in wanted}
    for row in found:
        rows[row.name].append(row)
    empty = NameSummary("f8", "", "", {}, {}, 0, 0, 0.0, None, 0.0)
    low_ns, high_ns = nanoseconds([-END if start is None else start, stop]).tolist()
    out = {}
    for name, given in rows.items():
        whole = _disjoint(given, known.get(name, empty))
        inside = (whole.until > low_ns) & (whole.time < high_ns)
        out[name] = Intervals(whole.time[inside], whole.until[inside], {"value": whole.columns["value"][inside]})
    return out


def _values(
    connection: sa.Connection,
    listed: Sequence[str],
    start: float | None,
    stop: float | None,
    longest: float,
    as_of: float | None,
) -> list[Any]:
    table = db.interval_values
    c = table.c
    found: list[Any] = []
    for first in range(0, len(listed), NAMES_AT_ONCE):
        query = sa.select(c.name, c.import_id, c.tstart, c.tstop, c.number, c.text).join(db.imports)
        query = query.where(alive(as_of), c.name.in_(listed[first : first + NAMES_AT_ONCE]))
        found += connection.execute(query.where(*overlapping(table, start, stop, longest)).order_by(c.id)).all()
    return found


def _disjoint(rows: Sequence[Any], entry: NameSummary) -> Intervals:
    ranks: NDArray[np.int64] = np.array([row.import_id for row in rows], dtype=np.int64)
    begin, end, index = disjoint(nanoseconds([r.tstart for r in rows]), nanoseconds([r.tstop for r in rows]), ranks)
    if entry.dtype == "U":
        given = cells([_text(row) for row in rows], False)
    else:
        given = np.array([row.number for row in rows], dtype=np.float64).astype(entry.dtype)
    return Intervals(begin, end, {"value": given[index]})


def _text(row: Any) -> str:
    return row.text if row.text is not None else f"{row.number:.17g}"
