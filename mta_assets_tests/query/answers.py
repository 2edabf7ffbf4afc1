"""Small answers for the tests of files and plots."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from mta_assets.core.flags import Quality
from mta_assets.core.samples import ParameterInfo
from mta_assets.query.answer import Answer, AnswerTable
from mta_assets.query.model import Query

T0 = 825_638_469  # [s] 2024-03-01T00:00:00.816 UTC
MISSING, CHECKSUM = int(Quality.MISSING), int(Quality.BAD_CHECKSUM)
INFO = {
    "TEPHIN": ParameterInfo("TEPHIN", "EPHIN5ENG", "f4", "degC", "EPHIN sensor housing temperature", period=32.8),
    "COUNT": ParameterInfo("COUNT", "EPHIN5ENG", "u2", "", "a counter", period=32.8),
    "AOPCADMD": ParameterInfo("AOPCADMD", "PCAD3ENG", "i2", "", "PCAD mode", {0: "STBY", 1: "NPNT", 2: "NMAN"}, 32.8),
    "OBS.TARGET": ParameterInfo("OBS.TARGET", "", "U12", "", "target", origin="observation"),
}


def nanoseconds(*seconds):
    return np.array([int((T0 + s) * 1_000_000_000) for s in seconds], np.int64)


def table(name="EPHIN5ENG", start=0.0, rows=5, **quality):
    """A table of a float, an unsigned integer, a state and a text."""
    number = np.arange(rows)
    columns = {
        "TEPHIN": np.float32(20.1) + number.astype(np.float32) / 3,
        "COUNT": (number + 65_530 - rows).astype(np.uint16),
        "AOPCADMD": (number % 3).astype(np.int16),
        "OBS.TARGET": np.array([f"Cas A{'x' * (i % 4)}" for i in number], "U12"),
    }
    time = nanoseconds(*(start + number * 32.8))
    flags = {key: np.array(value, np.uint8) for key, value in quality.items()}
    units = {key: INFO[key].unit for key in columns}
    return AnswerTable(name, time, columns, units, flags or None, dict(INFO))


def answer(*tables, text="GET TEPHIN, AOPCADMD FROM 2024-03-01 TO 2024-03-02", notes=(), **query):
    return Answer(Query(text, (), **query), None, tuple(tables), list(notes))


def streaming(*parts, text="GET TEPHIN"):
    """An answer that comes in these parts."""
    names = list(dict.fromkeys(part.name for part in parts))
    return Answer(Query(text, ()), SimpleNamespace(tables=names), stream=lambda: iter(parts))
