"""Mode telemetry of an observation (mtl1): what the limits of good times are asked of, on one grid of times.

Each column comes from a product or from engineering with times of its own (angles every 300 s, dead time every 2.05 s,
aspect quality every 1.025 s, telemetry …); a row of the table takes the last sample at or before its middle. Source:
the mtl1 files of two real observations beside their anglesf…_eph1, dtf1 and aqual1 files. In the row before a new
sample the archive mixes the old one with it (it interpolates from the row before to the sample): such rows differ, by
design.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData, ConfigError
from mta_assets.core.tables import Column, Header, Product, Schema, Table
from mta_assets.level1.goodtime import Judged, judged_table
from mta_assets.level1.hrc_calibration import rows_of

Array = NDArray[Any]

STEP = 0.25625  # [s] a minor frame: a row of the archive's mtl1
SAME = 1e-5  # [s] times of two products that differ by less are one: they are rounded differently
UNKNOWN: dict[str, Any] = {"f": np.nan, "i": np.nan, "u": np.nan, "U": "UNKNOWN", "b": True}


@dataclass(frozen=True, eq=False)
class Source:
    """Where columns of the mode telemetry come from.

    Parameters
    ----------
    table
        A product's table or engineering, with its times in ``time`` (any case).
    columns
        Column of the mode telemetry → column of the table.
    hold
        How long a sample is valid [s]; a row farther from it is unknown: NaN for a number, ``UNKNOWN`` for a text, True
        for a truth value (they all say that something is wrong: MOVING …).
    """

    table: Table
    columns: Mapping[str, str]
    hold: float
    whole: Mapping[str, int] = field(default_factory=dict)


def grid(tstart: float, tstop: float, step: float = STEP) -> NDArray[np.float64]:
    """Middles of the rows that lie wholly in an observation, which begins with the first one."""
    count = max(int(np.floor((tstop - tstart) / step + SAME)), 0)
    return np.asarray(tstart + (np.arange(count) + 0.5) * step, dtype=np.float64)


def mode_telemetry(tstart: float, tstop: float, sources: Sequence[Source], step: float = STEP) -> Table:
    """The MTL table of an observation.

    Raises
    ------
    ConfigError
        If two sources give the same column.
    BadData
        If a source lacks a column or its times do not ascend.
    """
    rows = grid(tstart, tstop, step)
    columns: dict[str, Array] = {"time": rows}
    declared = [Column("time", "f8", "s", "middle of the row")]
    for source in sources:
        for name, values in _sampled(source, rows).items():
            if name in columns:
                raise ConfigError(f"mode telemetry: column {name} is given by two sources")
            columns[name] = values
            declared.append(_declared(name, values, source))
    header: Header = {
        "HDUCLASS": ("OGIP", "format"),
        "HDUCLAS1": ("TEMPORALDATA", "kind of table"),
        "HDUCLAS2": ("TSI", "which one"),
        "TIMEDEL": (step, "[s] length of a row"),
        "TIMEPIXR": (0.5, "time stamps are the middle of a row"),
    }
    return Schema("MTL", tuple(declared), "mode telemetry").build(columns, header)


def _sampled(source: Source, rows: NDArray[np.float64]) -> dict[str, Array]:
    table = source.table
    name = next((name for name in table.columns if name.lower() == "time"), "time")
    at = np.asarray(table[name], np.float64)
    if np.any(np.diff(at) < 0):
        raise BadData(f"mode telemetry: times of {table.name} do not ascend")
    last = np.searchsorted(at, rows + SAME, side="right") - 1
    known = (last >= 0) & (rows - at[np.maximum(last, 0)] < source.hold) if len(at) else np.zeros(len(rows), bool)
    found = {}
    for column, original in source.columns.items():
        values = table[original]
        kind = values.dtype.kind.replace("S", "U")
        if kind not in UNKNOWN:
            raise ConfigError(
                f"mode telemetry: column {original} of {table.name} is neither number, text nor truth value"
            )
        picked = values[np.maximum(last, 0)] if len(at) else np.zeros((len(rows), *values.shape[1:]), values.dtype)
        picked = picked.astype("f8" if kind in "iuf" else f"U{_width(values)}" if kind == "U" else bool)
        picked[~known] = UNKNOWN[kind]
        found[column] = _whole(picked, source.whole[column]) if column in source.whole and kind in "iuf" else picked
    return found


def _whole(values: Array, unknown: int) -> Array:
    limits = np.iinfo(np.int16)
    fits = (values >= limits.min) & (values <= limits.max)  # NaN is neither
    return np.where(fits, values, unknown).astype(np.int16)


def _width(values: Array) -> int:
    return max(np.asarray(values).astype(str).dtype.itemsize // 4, len(UNKNOWN["U"]))


def _declared(name: str, values: Array, source: Source) -> Column:
    unit = doc = ""
    if source.table.schema is not None:
        original = {column.name: column for column in source.table.schema.columns}.get(source.columns[name])
        unit, doc = (original.unit, original.doc) if original is not None else ("", "")
    return Column(name, values.dtype.str.lstrip("<|="), unit, doc, values.shape[1:], bits=values.ndim == 2)


def limits_of(table: Table | None, detector: str) -> tuple[str, ...]:
    """The rules of good times of a detector in a calibration table: DETNAM and RULE.

    Raises
    ------
    ConfigError
        If the table or the detector is not there.
    """
    return tuple(str(row["RULE"]) for row in rows_of(table, "LIMITS", detector))


def limits_table(rules: Sequence[str]) -> Table:
    """The LIMITS table of rules."""
    width = max((len(rule) for rule in rules), default=1)
    column = Column("gti_limits", f"U{width}", "", "a rule that good times satisfy")
    header: Header = {"CONTENT": (None, "")}  # the archive's has none
    rows = np.array(list(rules), f"U{width}")
    return Schema("LIMITS", (column,), "limits of good times").build({"gti_limits": rows}, header)


def product(file_id: str, mtl: Table, judged: Judged, tstart: float, tstop: float) -> Product:
    """The mtl1 product: MTL, MTL_S and LIMITS."""
    tables = (mtl, judged_table(mtl, judged), limits_table(judged.rules))
    return Product(file_id, tables, tstart, tstop, {"CONTENT": ("mtl", "data product")})
