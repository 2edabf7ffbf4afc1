"""Good times: the mode telemetry of an observation judged by its limits, as intervals (flt1) and row by row (mtl1).

A row of the mode telemetry stands for one TIMEDEL; it is good if every rule of the LIMITS table passes, and good rows
without a gap between them make an interval. Source: the mtl1 and flt1 files of two real observations, made by
``mtl_build_gti``: TIME of the MTL table is the middle of the bin (TIMEPIXR 0.5), that of MTL_S its start, which also
holds one bit a rule in ``limit_status``, set where the rule is violated; GTI begins and ends on bin edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.core import intervals
from mta_assets.core.errors import BadData
from mta_assets.core.gti import GTI, subspace
from mta_assets.core.tables import Column, Header, Product, Schema, Table, plain
from mta_assets.level1.goodtime_rules import passes

GAP = 1.5  # [TIMEDEL] a longer step between rows ends an interval

FILTER = Schema("FILTER", (Column("TIME", "f8", "s", "time column"),), "what the good times filter; no rows")


@dataclass(frozen=True, eq=False)
class Judged:
    """Mode telemetry with its verdict.

    Attributes
    ----------
    rules
        The limits, in order.
    violated
        (rows, rules), True where a rule does not pass.
    gti
        Good intervals, shape (n, 2) [s].
    """

    rules: tuple[str, ...]
    violated: NDArray[np.bool_]
    gti: intervals.Intervals

    @property
    def ontime(self) -> float:
        """[s]"""
        return intervals.total(self.gti)


def rules_of(limits: Table | Sequence[str]) -> tuple[str, ...]:
    """The rules of a LIMITS table (its only column), or of a list, without empty ones."""
    lines = limits[next(iter(limits.columns))] if isinstance(limits, Table) else limits
    return tuple(text for line in lines if (text := str(line).strip()))


def judge(mtl: Table, limits: Table | Sequence[str]) -> Judged:
    """Which rows of the mode telemetry violate which limit, and the good times.

    Parameters
    ----------
    mtl
        Table with ``time`` and the columns that the limits name; keywords TIMEDEL [s] and TIMEPIXR.
    limits
        LIMITS table or rules as text, see `goodtime_rules`.

    Raises
    ------
    BadData
        If TIMEDEL is missing, the times do not ascend or a rule names a column that is not there.
    ConfigError
        If a rule can not be read.
    """
    rules = rules_of(limits)
    violated = np.zeros((len(mtl), len(rules)), np.bool_)
    for number, rule in enumerate(rules):
        violated[:, number] = ~passes(rule, mtl)
    good = np.asarray(~violated.any(axis=1), dtype=np.bool_)
    step, place = _number(mtl, "TIMEDEL"), _number(mtl, "TIMEPIXR", 0.5)
    return Judged(rules, violated, good_intervals(_times(mtl), good, step, place))


def good_intervals(
    times: NDArray[np.float64], good: NDArray[np.bool_], step: float, place: float = 0.5
) -> intervals.Intervals:
    """Intervals that the good rows cover.

    Parameters
    ----------
    times
        (n,) ascending time stamps [s].
    good
        (n,) which rows are good.
    step
        Length of a row [s] (TIMEDEL).
    place
        Where in its row a time stamp lies, 0 start to 1 end (TIMEPIXR).
    """
    if np.any(np.diff(times) <= 0):
        raise BadData("mode telemetry: the times do not ascend; sort them and drop repeated rows")
    if not good.any():
        return intervals.EMPTY.copy()
    apart = np.concatenate([[True], np.diff(times) > GAP * step])
    starts = good & (apart | ~np.concatenate([[False], good[:-1]]))
    ends = good & (np.concatenate([apart[1:], [True]]) | ~np.concatenate([good[1:], [False]]))
    return np.column_stack([times[starts] - place * step, times[ends] + (1 - place) * step])


def judged_table(mtl: Table, judged: Judged) -> Table:
    """The MTL_S table: time stamps at the start of the bins, and ``limit_status``."""
    step, place = _number(mtl, "TIMEDEL"), _number(mtl, "TIMEPIXR", 0.5)
    columns = {name: values for name, values in mtl.columns.items() if name.lower() != "time"}
    columns = {"time": _times(mtl) - place * step, **columns, "limit_status": judged.violated}
    schema = mtl.schema
    if schema is not None:
        bits = Column("limit_status", "bool", "", "limits that the row violates", (len(judged.rules),), bits=True)
        schema = Schema("MTL_S", (*schema.columns, bits), schema.doc)
    return Table("MTL_S", columns, {**mtl.header, "TIMEPIXR": (0.0, "time stamps are the start of a bin")}, schema)


def gti_table(gti: intervals.Intervals, selection: str = "STANDARD") -> Table:
    """The GTI table of a product."""
    header: Header = {
        "HDUCLASS": ("OGIP", "format"),
        "HDUCLAS1": ("GTI", "good times"),
        "HDUCLAS2": (selection, "which ones"),
    }
    return GTI.build({"START": gti[:, 0], "STOP": gti[:, 1]}, header)


def filter_product(file_id: str, judged: Judged, tstart: float, tstop: float) -> Product:
    """The flt1 product: an empty FILTER table and the GTI.

    ``tstart``, ``tstop`` are those of the observation. No good time at all is no error: the GTI has no rows and ONTIME
    is zero.
    """
    header: Header = {
        "HDUCLASS": ("ASC", "format"),
        "HDUCLAS1": ("FILTER", "kind of table"),
        **subspace({None: judged.gti}),
    }
    common: Header = {"CONTENT": ("GTI", "data product"), "ONTIME": (judged.ontime, "[s] sum of the good times")}
    return Product(file_id, (FILTER.empty(header), gti_table(judged.gti)), tstart, tstop, common)


def _times(table: Table) -> NDArray[np.float64]:
    name = next((name for name in table.columns if name.lower() == "time"), "time")
    return np.asarray(table[name], dtype=np.float64)


def _number(table: Table, keyword: str, default: float | None = None) -> float:
    value = table.header.get(keyword, default)
    value = plain(value)
    if value is None:
        raise BadData(f"table {table.name} has no keyword {keyword}: it says how long a row of mode telemetry is [s]")
    return float(value)
