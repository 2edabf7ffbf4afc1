"""Level 0 of packet telemetry: engineering files per packet type, and the record of a playback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.request import Request
from mta_assets.core.tables import Column, Product, Schema, Table
from mta_assets.missions.load import Mission
from mta_assets.telemetry.ccsds_playback import PacketPlayback
from mta_assets.telemetry.packet_decom import stack

HOUR = 3600.0  # [s] about the length of one engineering file


def extract(playback: PacketPlayback, mission: Mission, request: Request) -> Iterator[Product]:
    """Engineering products, one per packet type and about an hour, in the order in which they become complete.

    Each has two tables: VALUES (TIME, engineering values, quality flags) and COUNTS (TIME, raw counts of everything,
    sizes of byte strings that vary). Byte strings have no engineering value and are in COUNTS only. Rows are in order
    of time. A type without a time has PACKET, the number of the packet in the file, and one file for all.

    Yields
    ------
    Product
        ``file_id`` is the name of the packet type with ``_ENG0``; ``fields`` has ``packet``, the name in small letters.
    """
    span = playback.tstop - playback.tstart
    edges = np.linspace(playback.tstart, playback.tstop, max(1, round(span / HOUR)) + 1)[1:-1]
    sorters: dict[str, _Sorter] = {}
    for block in playback.tables():
        for name, table in block.items():
            sorter = sorters.setdefault(name, _Sorter(edges))
            for part in sorter.put(table):
                yield _product(part, playback)
    for sorter in sorters.values():
        for part in sorter.rest():
            yield _product(part, playback)


def record_packets(
    playback: PacketPlayback, mission: Mission, request: Request
) -> tuple[Product, Table, dict[str, Any]]:
    """The record of a playback: what was in it and what is wrong with it.

    Returns
    -------
    product, faults, facts
        PLAYBACK_RECORD with the tables PACKETS (per packet type and APID) and FAULTS; the faults once more, for the
        catalog; what is known of the playback.
    """
    header = {
        "PLAYBACK": (playback.path.name, "name of the playback"),
        "PBSIZE": (playback.size, "[byte] its length"),
        "PBSHA256": (playback.sha256, "its SHA-256"),
        "CONTENT": ("PLAYBACK", "what the file contains"),
    }
    tables = (playback.summary, playback.faults)
    product = Product("PLAYBACK_RECORD", tables, playback.tstart, playback.tstop, header)
    return product, playback.faults, dict(playback.facts)


class _Sorter:
    """Puts the rows of one packet type into the parts of a playback; gives one out when a block starts behind it."""

    def __init__(self, edges: NDArray[np.float64]) -> None:
        self.edges = edges
        self.open = 0
        self.parts: dict[int, list[Table]] = {}

    def put(self, table: Table) -> list[Table]:
        if "time" not in table:
            self.parts.setdefault(0, []).append(table)
            return []
        # Rows that come later than their part was given out go with the part that is open.
        part = np.maximum(np.searchsorted(self.edges, table["time"], side="right"), self.open)
        self.open = max(self.open, int(part.min()))
        ready = [_merge(self.parts.pop(number)) for number in sorted(self.parts) if number < self.open]
        for number in np.unique(part).tolist():
            rows = part == number
            self.parts.setdefault(number, []).append(table if rows.all() else table.where(rows))
        return ready

    def rest(self) -> list[Table]:
        ready = [_merge(self.parts[number]) for number in sorted(self.parts)]
        self.parts = {}
        return ready


def _merge(tables: list[Table]) -> Table:
    """Tables of one packet type as one in order of time; a flag column that only some have is 0 in the others."""
    schema: dict[str, Column] = {}
    for table in tables:
        assert table.schema is not None
        schema.update({column.name: column for column in table.schema.columns if column.name not in schema})
    columns = {}
    for name in schema:
        columns[name] = stack([t[name] if name in t else np.zeros(len(t), np.uint8) for t in tables])
    merged = Table(tables[0].name, columns, {}, Schema(tables[0].name, tuple(schema.values())))
    if "time" not in merged or bool(np.all(np.diff(merged["time"]) >= 0)):
        return merged
    return merged.where(np.argsort(merged["time"], kind="stable"))


def _product(table: Table, playback: PacketPlayback) -> Product:
    timed = "time" in table
    tstart, tstop = (float(table["time"][0]), float(table["time"][-1])) if timed else (playback.tstart, playback.tstop)
    header = {
        "PACKET": (table.name, "packet type"),
        "PLAYBACK": (playback.path.name, "name of the playback"),
        "CONTENT": ("ENG0", "what the file contains"),
    }
    tables = (_values(table), _counts(table))
    return Product(f"{table.name.upper()}_ENG0", tables, tstart, tstop, header, {"packet": table.name.lower()})


def _values(table: Table) -> Table:
    bytes_only = {name for name, array in table.columns.items() if array.ndim > 1 and f"{name}__r" not in table}
    names = [name for name in table.columns if not name.endswith(("__r", "__n")) and name not in bytes_only]
    return _pick(table, "VALUES", {name: name for name in names})


def _counts(table: Table) -> Table:
    pairs = {}
    for name in table.columns:
        if not name.endswith(("__r", "__q")):
            pairs[name] = f"{name}__r" if f"{name}__r" in table else name
    return _pick(table, "COUNTS", pairs)


def _pick(table: Table, name: str, pairs: dict[str, str]) -> Table:
    assert table.schema is not None
    declared = {column.name: column for column in table.schema.columns}
    columns, schema = {}, []
    for new, old in pairs.items():
        title = {"time": "TIME", "time__q": "TIME__q", "packet": "PACKET"}.get(new, new)
        array = table[old]
        columns[title] = array
        unit = declared[old].unit
        schema.append(Column(title, array.dtype.str.lstrip("<>|="), unit, declared[old].doc, array.shape[1:]))
    return Table(name, columns, {}, Schema(name, tuple(schema)))
