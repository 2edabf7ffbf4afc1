"""Files of CCSDS packets by the dictionary of a mission: one group of the archive for each packet type.

Values, raw counts, states and flags are those of `telemetry.packet_decom`. A parameter goes by its own name; one that
several packet types of the dictionary have (header fields, mostly) by ``PACKET.NAME``. Left out, and counted, are byte
strings, which are no samples, and packet types without a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.archive.import_tables import PARAMETER, TableImport, source_name
from mta_assets.archive.telemetry_rows import SAME_TIME, GroupRows, join, ordered
from mta_assets.core.errors import BadData
from mta_assets.core.samples import Array, ParameterInfo, to_nanoseconds
from mta_assets.core.tables import Table
from mta_assets.missions.load import Mission
from mta_assets.telemetry.ccsds_playback import PacketPlayback
from mta_assets.telemetry.playback import open_playback
from mta_assets.telemetry.xtce import XtceModel
from mta_assets.telemetry.xtce_compile import Field

KIND = "packets"
SUFFIXES = ("__r", "__n", "__q")
UNKNOWN = np.iinfo(np.int64).min  # [ns] of a packet whose time can not be told


def read_packets(path: Path, mission: Mission, source: str | None = None) -> TableImport:
    """All packets of a file that the mission's dictionary describes, decoded block by block.

    Raises
    ------
    BadData
        If it holds no packets of the mission.
    """
    playback = open_playback(path, mission)
    if not isinstance(playback, PacketPlayback):
        raise BadData(f"{path}: mission {mission.name} sends frames, not packets; it is taken in as a playback")
    parts: dict[str, list[GroupRows]] = {}
    counts: Counter[str] = Counter()
    names = parameter_names(playback.model)
    for tables in playback.tables():
        for kind, table in tables.items():
            if "time" not in table:
                counts[f"packets of {kind} without a time, left out"] += len(table)
                continue
            rows = packet_rows(table, playback.model, names[kind], counts)
            parts.setdefault(kind, []).append(rows)
    groups = tuple(ordered(join(found)) for found in parts.values())
    groups = tuple(known_times(group, counts) for group in groups)
    for group in groups:
        again = int(np.count_nonzero(np.diff(group.time) <= SAME_TIME))
        counts[f"packets of {group.group} at the time of another, of which the archive shows one"] += again
    counts["exact repeats, left out"] = int(playback.facts["duplicates"])
    total = int(playback.facts["packets"])
    counts["faults of the file"] = len(playback.faults)
    taken = sum(map(len, groups))
    remarks = tuple(str(note) for note in playback.facts["dictionary_notes"])
    return TableImport(KIND, path, source or source_name(path, KIND), groups, total, taken, (), counts, remarks)


def parameter_names(model: XtceModel) -> dict[str, dict[str, str]]:
    """Name of each parameter of each packet type in the archive.

    Raises
    ------
    BadData
        If the dictionary has a name that a parameter must not have.
    """
    types = {name: plan for name, plan in model.types.items() if not plan.abstract}
    seen = Counter(item.name.upper() for plan in types.values() for item in plan.all_fields)
    found: dict[str, dict[str, str]] = {}
    for kind, plan in types.items():
        own: dict[str, str] = {}
        for item in plan.all_fields:
            bare = seen[item.name.upper()] == 1 or item.name.upper().startswith(f"{kind.upper()}.")
            own[item.name] = item.name if bare else f"{kind}.{item.name}"
            if not PARAMETER.fullmatch(own[item.name]):
                raise BadData(f"{model.path}: {own[item.name][:60]!r} can not be the name of a parameter")
        found[kind] = own
    return found


def packet_rows(table: Table, model: XtceModel, names: Mapping[str, str], counts: Counter[str]) -> GroupRows:
    """One decoded table as rows of the archive."""
    fields = {item.name: item for item in model.types[table.name].all_fields}
    infos, values, raw, quality = [], {}, {}, {}
    for column in _parameters(table):
        item = fields[column]
        converted, number = table[column], table.columns.get(f"{column}__r")
        if converted.ndim > 1:
            counts[f"byte strings of {column}, left out"] += len(table)
            continue
        if number is not None and number.ndim > 1:
            number = None  # the bytes of a text, which says the same
        info, stored = _stored(item, names[column], table.name, converted, number)
        infos.append(info)
        values[info.name] = stored
        if number is not None and stored is not number:
            raw[info.name] = number
        if f"{column}__q" in table:
            quality[info.name] = table[f"{column}__q"]
    if "time__q" in table:  # a time that was interpolated makes every value of its packet doubtful
        for info in infos:
            quality[info.name] = quality.get(info.name, np.zeros(len(table), np.uint8)) | table["time__q"]
    time = table["time"]
    unknown = ~np.isfinite(time) | (np.abs(time) > 9e9)
    return GroupRows(
        table.name, tuple(infos), np.where(unknown, UNKNOWN, to_nanoseconds(np.where(unknown, 0.0, time))), values, raw,
        {name: flags for name, flags in quality.items() if flags.any()},
    )  # fmt: skip


def known_times(group: GroupRows, counts: Counter[str]) -> GroupRows:
    """Rows whose time can be told; the others are counted."""
    known = group.time > UNKNOWN
    counts[f"packets of {group.group} whose time can not be told, left out"] += int(np.count_nonzero(~known))
    return group if known.all() else group.where(known)


def _parameters(table: Table) -> Iterable[str]:
    return (name for name in table.columns if name != "time" and not name.endswith(SUFFIXES))


def _stored(item: Field, name: str, group: str, converted: Array, number: Array | None) -> tuple[ParameterInfo, Array]:
    """What the archive keeps: codes of states, numbers, or text."""
    about: dict[str, Any] = {"name": name, "group": group, "unit": item.unit, "description": item.doc}
    if number is not None and number.dtype.kind in "iu" and converted.dtype.kind == "U":
        states = _states(item, number, converted)
        if states is not None:
            return ParameterInfo(**about, dtype=number.dtype.str[1:], states=states), number
    if converted.dtype == bool:
        return ParameterInfo(**about, dtype="u1", states={0: "False", 1: "True"}), converted.astype(np.uint8)
    return ParameterInfo(**about, dtype=converted.dtype.str.lstrip("<>|=")), converted


def _states(item: Field, number: Array, converted: Array) -> dict[int, str] | None:
    """Names of the codes; None if a code has two, so that codes do not say everything."""
    states = {int(code): str(label) for code, label in item.enumeration.items() if isinstance(code, int)}
    found, first = np.unique(number, return_index=True)
    for code, label in zip(found.tolist(), converted[first].tolist(), strict=True):
        if states.setdefault(int(code), str(label)) != str(label) and label:
            return None
    return states
