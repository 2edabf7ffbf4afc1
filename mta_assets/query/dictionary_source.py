"""The dictionary of a mission as parameters that hold for all time: ``ODB.1DPAMZT.UNIT``, ``ODB.1DPAMZT.STATES`` …

It is the dictionary as it is now; its history is that of the mission folder. A packet dictionary (XTCE) gives the same
of its parameters, with the packet types that carry them as GROUP.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import ParameterInfo, Samples, to_nanoseconds
from mta_assets.missions.load import Mission
from mta_assets.query.interval_read import meeting, value_bytes
from mta_assets.query.sources import FAR

if TYPE_CHECKING:
    from mta_assets.telemetry.odb_model import Dictionary, Parameter
    from mta_assets.telemetry.xtce_compile import Field

PREFIX = "ODB."
BEGIN = -883_612_800.0  # [s] 1970-01-01 TT: before all spacecraft time, and a date that UTC has
FIELDS: dict[str, tuple[str, str, str]] = {  # name: dtype, unit, meaning
    "UNIT": ("U", "", "unit of the converted value"),
    "DESCRIPTION": ("U", "", "what it is"),
    "SUBSYSTEM": ("U", "", "subsystem that it belongs to"),
    "GROUP": ("U", "", "table or packet types that it comes in"),
    "TYPE": ("U", "", "type of the raw count"),
    "LENGTH": ("i8", "bit", "length of the raw count"),
    "OFFSET": ("i8", "byte", "first byte in the frame"),
    "BIT": ("i8", "", "first bit in that byte, 0 is the most significant"),
    "PERIOD": ("f8", "s", "from one sample to the next"),
    "FORMATS": ("U", "", "telemetry formats that carry it"),
    "STATES": ("U", "", "names of its codes"),
    "SOURCE": ("U", "", "file of its definition"),
}


class DictionarySource:
    """The dictionary of one mission, read when it is first asked for."""

    label = "dictionary"

    def __init__(self, mission: Mission) -> None:
        self.mission = mission

    @cached_property
    def _table(self) -> Mapping[str, Mapping[str, Any]]:
        """Fields of each parameter by its name in capitals; a field without content is left out."""
        rows = packet_rows(self.mission) if self.mission.kind == "ccsds" else frame_rows(self.mission)
        kept = {name.upper(): {k: v for k, v in row.items() if v not in ("", None)} for name, row in rows.items()}
        return {name: row for name, row in kept.items() if row}

    def names(self) -> Sequence[str]:
        """``ODB.<MSID>.<FIELD>`` of all that is known."""
        return [f"{PREFIX}{name}.{field}" for name, row in self._table.items() for field in row]

    def info(self, name: str) -> ParameterInfo | None:
        """What a field is; None if the dictionary says nothing there."""
        found = self._value(name)
        if found is None:
            return None
        dtype, unit, meaning = FIELDS[name.upper().rpartition(".")[2]]
        return ParameterInfo(name.upper(), PREFIX.rstrip("."), dtype, unit, meaning, origin="definition")

    def _value(self, name: str) -> Any:
        upper = name.upper()
        if not upper.startswith(PREFIX):
            return None
        parameter, _, field = upper.removeprefix(PREFIX).rpartition(".")
        return self._table.get(parameter, {}).get(field)

    def read(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Mapping[str, Samples]:
        """One sample of each, from 1970 on for good; what was defined before (``as_of``) is not kept."""
        time, until = to_nanoseconds([BEGIN]), to_nanoseconds([FAR])
        kept = meeting(time, until, intervals)
        out = {}
        for name in dict.fromkeys(names):
            info = self.info(name)
            if info is not None:
                dtype = np.str_ if info.dtype == "U" else np.dtype(info.dtype)
                out[name] = Samples(info, time, np.array([self._value(name)], dtype=dtype), until=until).where(kept)
        return out

    def blocks(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Iterator[Mapping[str, Samples]]:
        """The same at once."""
        yield self.read(names, intervals, raw, as_of)

    def span(self, names: Sequence[str]) -> tuple[float, float] | None:
        """All time."""
        return (BEGIN, FAR) if any(self._value(name) is not None for name in names) else None

    def estimate(self, names: Sequence[str], intervals: Intervals | None) -> tuple[int, int]:
        """A row for each name."""
        known = [(info, self._value(name)) for name in names if (info := self.info(name)) is not None]
        return len(known), sum(value_bytes(info, len(str(value))) for info, value in known)


def frame_rows(mission: Mission) -> dict[str, dict[str, Any]]:
    """Fields of the parameters of a dictionary of frames (ODB tables)."""
    from mta_assets.telemetry.odb import dictionary_of

    dictionary = dictionary_of(mission)
    return {name: _frame_row(parameter, dictionary) for name, parameter in dictionary.msids.items()}


def _frame_row(parameter: Parameter, dictionary: Dictionary) -> dict[str, Any]:
    return {
        "UNIT": parameter.unit,
        "DESCRIPTION": parameter.description,
        "SUBSYSTEM": parameter.subsystem,
        "GROUP": dictionary.groups[parameter.subsystem, parameter.group].content,
        "TYPE": parameter.type,
        "LENGTH": parameter.length,
        "OFFSET": parameter.offset,
        "BIT": parameter.bit,
        "PERIOD": parameter.step * dictionary.layout.period,
        "FORMATS": ";".join(str(number) for number in sorted(parameter.formats)),
        "STATES": states_text(parameter.states),
        "SOURCE": parameter.source.replace("\\", "/").rpartition("/")[2],
    }


def packet_rows(mission: Mission) -> dict[str, dict[str, Any]]:
    """Fields of the parameters of a packet dictionary (XTCE)."""
    from mta_assets.telemetry.xtce import load_xtce

    model = load_xtce(mission.path(mission.file.telemetry.dictionary))
    rows: dict[str, dict[str, Any]] = {}
    for packet, plan in model.types.items():
        if plan.abstract:
            continue
        for item in plan.all_fields:
            row = rows.setdefault(item.name, _packet_row(item))
            row["GROUP"] = ";".join([part for part in (row["GROUP"], packet) if part])
    return rows


def _packet_row(item: Field) -> dict[str, Any]:
    return {
        "UNIT": item.unit,
        "DESCRIPTION": item.doc,
        "GROUP": "",
        "TYPE": item.kind,
        "LENGTH": item.bits,
        "STATES": states_text(item.enumeration),
    }


def states_text(states: Mapping[Any, str]) -> str:
    """``0=OFF;1=ON``."""
    return ";".join(f"{code}={name}" for code, name in sorted(states.items(), key=lambda pair: str(pair[0]).zfill(20)))
