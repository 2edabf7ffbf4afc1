"""Samples and answers as astropy tables and pandas frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mta_assets.core.flags import Quality
from mta_assets.core.samples import Array, state_texts, to_seconds
from mta_assets.query.answer import AnswerTable
from mta_assets.query.utc import to_datetime64

if TYPE_CHECKING:
    from mta_assets.query.dataset import Msid
    from mta_assets.query.dataset_set import Msidset


def time_columns(times: Array) -> tuple[Any, Any]:
    """Spacecraft time (cxcsec, TT) and UTC as astropy Times."""
    from astropy.time import Time

    time = Time(times, format="cxcsec", scale="tt")
    utc = time.utc
    utc.format = "isot"
    return time, utc


def astropy_table(times: Array, columns: Mapping[str, Array], units: Mapping[str, str], meta: Mapping[str, Any]) -> Any:
    """Table with Time columns ``time`` and ``utc`` first."""
    from astropy.table import Table

    out = Table(meta=dict(meta))
    out["time"], out["utc"] = time_columns(times)
    for name, values in columns.items():
        out[name] = values
        if units.get(name):
            out[name].unit = units[name]
    return out


def frame(time: Array, columns: Mapping[str, Array]) -> Any:
    """pandas DataFrame with UTC as its index."""
    import pandas as pd

    index = pd.DatetimeIndex(to_datetime64(time), tz="UTC", name="utc")
    return pd.DataFrame({name: _for_pandas(values) for name, values in columns.items()}, index=index)


def _for_pandas(values: Array) -> Array:
    return values.astype(object) if values.dtype.kind == "U" else values


def _arrays(part: Msid) -> dict[str, Array]:
    return {name: getattr(part, name) for name in part.colnames if name != "times"}


def msid_table(part: Msid) -> Any:
    """Of one parameter."""
    columns = _arrays(part)
    of_value = {"vals", "mins", "maxes", "means", "tmeans", "stds", "firsts", "lasts"}
    units = {name: part.unit for name in columns if name in of_value or (name.startswith("p") and name.endswith("s"))}
    meta = {"msid": part.MSID, "stat": part.stat or "", "datestart": part.datestart, "datestop": part.datestop}
    return astropy_table(part.times, columns, units, meta)


def msid_frame(part: Msid) -> Any:
    """Of one parameter."""
    return frame(part.time, {"time": part.times, **_arrays(part)})


def set_table(parts: Msidset) -> Any:
    """Of parameters with the same times."""
    columns = {name: part.vals for name, part in parts.items()}
    return astropy_table(parts.times, columns, {name: part.unit for name, part in parts.items()}, {})


def set_frame(parts: Msidset) -> Any:
    """Of parameters with any times: their union."""
    import pandas as pd

    union = np.unique(np.concatenate([part.time for part in parts.values()])) if parts else np.zeros(0, np.int64)
    out = frame(union, {"time": to_seconds(union)})
    columns = {}
    for name, part in parts.items():
        time, last = np.unique(part.time[::-1], return_index=True)
        values = pd.Series(_for_pandas(part.vals[::-1][last]), index=time)
        columns[name] = values.reindex(union).to_numpy()
    return out.assign(**columns)


def table_columns(table: AnswerTable) -> dict[str, Array]:
    """Columns of an answer's table: states by name, cells without a value masked (NaN for numbers)."""
    columns: dict[str, Array] = {}
    for name, values in table.columns.items():
        info = table.info.get(name)
        if info is not None and info.states and values.dtype.kind in "iub":
            values = state_texts(values, info.states)
        flags = (table.quality or {}).get(name)
        missing = None if flags is None else flags & np.uint8(Quality.MISSING) != 0
        if missing is not None and missing.any():
            values = np.ma.MaskedArray(values, missing)
        columns[name] = values
        if flags is not None and np.any(flags):
            columns[f"{name}__q"] = flags
    return columns


def answer_table(table: AnswerTable, meta: Mapping[str, Any]) -> Any:
    """astropy Table of an answer's table."""
    out = astropy_table(table.times, table_columns(table), table.units, {"name": table.name, **meta})
    if table.until is not None:
        out["until"] = time_columns(to_seconds(table.until))[0]
    return out


def answer_frame(table: AnswerTable) -> Any:
    """pandas DataFrame of an answer's table; a cell without a value is NaN, None or NA."""
    import pandas as pd

    columns: dict[str, Any] = {"time": table.times}
    for name, values in table_columns(table).items():
        if isinstance(values, np.ma.MaskedArray):
            kind = "object" if values.dtype.kind == "U" else None
            series = pd.Series(values.data.astype(object) if kind else values.data)
            if values.dtype.kind in "iu":
                series = series.astype(f"{'U' if values.dtype.kind == 'u' else ''}Int{8 * values.dtype.itemsize}")
            columns[name] = series.mask(np.ma.getmaskarray(values)).array
        else:
            columns[name] = _for_pandas(values)
    index = pd.DatetimeIndex(to_datetime64(table.time), tz="UTC", name="utc")
    return pd.DataFrame(columns, index=index)
