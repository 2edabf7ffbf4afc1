"""Small groups of rows for the tests of the telemetry archive."""

from __future__ import annotations

from typing import Any

import numpy as np

from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.samples import ParameterInfo, to_nanoseconds

TEMP = ParameterInfo("TEMP", "T1ENG", "f8", "K", "a temperature")
MODE = ParameterInfo("MODE", "T1ENG", "u1", "", "a mode", {0: "OFF", 1: "ON", 2: "STBY"})
VOLT = ParameterInfo("VOLT", "T1ENG", "f4", "V", "a voltage")


def group(times: Any, temp: Any = None, mode: Any = None, **given: Any) -> GroupRows:
    """Rows of group T1ENG; the temperature is the time, the mode OFF, where nothing else is given."""
    times = np.asarray(times, dtype=np.float64)
    values = {
        "TEMP": times.copy() if temp is None else np.asarray(temp, np.float64),
        "MODE": np.zeros(len(times), np.uint8) if mode is None else np.asarray(mode, np.uint8),
    }
    return GroupRows("T1ENG", (TEMP, MODE), to_nanoseconds(times), values, period=10.0, **given)


def column(values: Any, name: str = "X", start: float = 0.0, where: str = "G", **about: Any) -> GroupRows:
    """Rows of one parameter, one each second."""
    values = np.asarray(values)
    info = ParameterInfo(name, where, about.pop("dtype", values.dtype.str[1:]), **about)
    return GroupRows(where, (info,), to_nanoseconds(start + np.arange(len(values))), {name: values})
