"""One file of CCSDS packets as a playback: what it is, what is wrong with it, and its packets block by block.

Opening reads the file once, decodes only what is needed to follow and to time the packets, and keeps the findings.
The tables come from a second reading, block by block, so that memory does not grow with the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData, ConfigError
from mta_assets.core.flags import Quality
from mta_assets.core.tables import Column, Schema, Table
from mta_assets.missions.load import Mission, PacketTimeSection
from mta_assets.telemetry.ccsds import Framer, Packets
from mta_assets.telemetry.ccsds_faults import FaultBook, Kinds, steady
from mta_assets.telemetry.ccsds_sequence import SequenceCheck, odd_headers
from mta_assets.telemetry.packet_decom import Decoded, decode, iter_packet_blocks, tables
from mta_assets.telemetry.packet_time import packet_times, time_fields
from mta_assets.telemetry.playback import Playback, file_sha256
from mta_assets.telemetry.xtce import XtceModel, load_xtce

PACKETS = Schema(
    "PACKETS",
    (
        Column("packet", "U64", doc="packet type: name of the container in the dictionary, empty if none fits"),
        Column("apid", "i4", doc="application process identifier"),
        Column("count", "i8", doc="packets, repeats included"),
        Column("tstart", "f8", "s", "time of the first packet, TT since 1998.0 (NaN if it carries none)"),
        Column("tstop", "f8", "s", "time of the last packet"),
        Column("missing", "i8", doc="packets missing by the sequence count"),
        Column("duplicates", "i8", doc="exact repeats of the packet before"),
        Column("bytes", "i8", "byte", "length of all packets with their headers"),
    ),
    "What a playback of packets contains, per packet type and APID",
)


@dataclass(frozen=True)
class PacketPlayback(Playback):
    """A file of CCSDS packets that has been looked through.

    Its facts are ``packets``, ``packet_types``, ``apids``, ``missing``, ``duplicates``, ``skipped_bytes`` and
    ``dictionary_notes``.

    Attributes
    ----------
    model, rule
        The dictionary, and how a packet's time follows from its fields.
    summary
        Table of ``PACKETS``.
    """

    model: XtceModel = field(kw_only=True)
    rule: PacketTimeSection = field(kw_only=True)
    summary: Table = field(kw_only=True)

    def packets(self, *args: Any, **kwargs: Any) -> Iterator[Packets]:
        """The packets in file order, block by block, repeats included; arguments as of ``iter_packet_blocks``."""
        return iter_packet_blocks(self.path, Framer(), *args, **kwargs)

    def tables(self) -> Iterator[dict[str, Table]]:
        """One table per packet type and block: telemetry.packet_decom.tables, without exact repeats.

        Where a single packet's time lies far from both its neighbours, ``time`` is interpolated and ``time__q`` says
        so; the fields that hold the time keep what was sent.
        """
        sequence = SequenceCheck()
        first = 0
        for packets in self.packets():
            *_, repeat = sequence.check(packets)
            kept = packets.where(~repeat) if repeat.any() else packets
            block = tables(self.model, kept, decode(self.model, kept), self.rule, first)
            first += len(packets)
            yield {name: _with_steady_time(table) for name, table in block.items()}


def _with_steady_time(table: Table) -> Table:
    if "time" not in table:
        return table
    time, moved = steady(table["time"])
    if not moved.any():
        return table
    columns = {**table.columns, "time": time, "time__q": np.where(moved, np.uint8(Quality.TIME_STEP), np.uint8(0))}
    extra = Column("time__q", "u1", "", "time: quality flags")
    return Table(table.name, columns, table.header, Schema(table.name, (*table.schema.columns, extra)))  # type: ignore[union-attr]


def open_packets(path: str | Path, mission: Mission) -> PacketPlayback:
    """Look through a file of packets.

    Raises
    ------
    BadData
        If the file is empty, holds no packets, or none that the mission's dictionary describes and times.
    ConfigError
        If the mission says nothing about packet times, or its dictionary is wrong.
    """
    path = Path(path)
    rule = mission.file.packet_time
    if rule is None:
        raise ConfigError(f"mission {mission.name}: {mission.folder / 'mission.toml'} has no [packet_time] section")
    model = load_xtce(mission.path(mission.file.telemetry.dictionary))
    size = path.stat().st_size
    if size == 0:
        raise BadData(f"{path.name}: the file is empty; expected CCSDS packets; send it again")
    scan = _Scan(model, rule)
    framer = Framer()
    for packets in iter_packet_blocks(path, framer):
        scan.block(packets)
    if not scan.count:
        raise BadData(f"{path.name}: expected CCSDS packets, found none in {size} bytes; is it a file of this mission?")
    if not np.isfinite(scan.tstart):
        apids = ", ".join(str(apid) for _, apid in sorted(scan.rows)[:8])
        known = ", ".join(name for name, plan in model.types.items() if not plan.abstract)
        raise BadData(
            f"{path.name}: none of its {scan.count} packets (APID {apids}) is of a type with a time that "
            f"{mission.name} knows ({known}); is it a file of this mission?"
        )
    scan.book.flaws(framer.flaws, *scan.landmarks())
    summary = scan.summary()
    return PacketPlayback(
        path=path,
        mission=mission,
        kind="ccsds",
        sha256=file_sha256(path),
        size=size,
        tstart=scan.tstart,
        tstop=scan.tstop,
        faults=scan.book.table(),
        facts={
            "packets": scan.count,
            "packet_types": sorted({name for name, _ in scan.rows if name}),
            "apids": sorted({apid for _, apid in scan.rows}),
            "missing": int(summary["missing"].sum()),
            "duplicates": int(summary["duplicates"].sum()),
            "skipped_bytes": sum(flaw.last - flaw.first + 1 for flaw in framer.flaws),
            "dictionary_notes": list(model.notes),
        },
        model=model,
        rule=rule,
        summary=summary,
    )


class _Scan:
    """What is gathered while a file is read for the first time."""

    def __init__(self, model: XtceModel, rule: PacketTimeSection) -> None:
        self.model, self.rule = model, rule
        self.wanted = frozenset(time_fields(rule))
        self.sequence = SequenceCheck()
        self.book = FaultBook()
        self.count = 0
        self.tstart, self.tstop = np.nan, np.nan
        self.rows: dict[tuple[str, int], dict[str, Any]] = {}
        self.places: list[NDArray[np.int64]] = []
        self.times: list[NDArray[np.float64]] = []

    def block(self, packets: Packets) -> None:
        decoded = decode(self.model, packets, self.wanted)
        time, moved, kinds = self._times(packets, decoded)
        _, breaks, repeat = self.sequence.check(packets)
        self.book.sequence(packets, breaks, repeat, time, kinds)
        self.book.troubles(packets, decoded.troubles, time)
        for index, detail in odd_headers(packets, first_block=not self.count):
            self.book.odd(packets, index, detail, time, kinds)
        self.book.moved(packets, np.flatnonzero(moved), time, kinds)
        self._count(packets, kinds, time, repeat, breaks)
        known = time[np.isfinite(time)]
        if len(known):
            self.tstart = float(np.fmin(self.tstart, known.min()))
            self.tstop = float(np.fmax(self.tstop, known.max()))
        every = slice(None, None, max(len(packets) // 1000, 1))
        self.places.append(packets.place[every].copy())
        self.times.append(time[every].copy())
        self.count += len(packets)

    def landmarks(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Some places in the file with the times there."""
        place, time = np.concatenate(self.places), np.concatenate(self.times)
        return place[np.isfinite(time)], time[np.isfinite(time)]

    def summary(self) -> Table:
        rows = [{"packet": name, "apid": apid, **self.rows[name, apid]} for name, apid in sorted(self.rows)]
        return PACKETS.build({column: np.array([row[column] for row in rows]) for column in PACKETS.names})

    def _times(self, packets: Packets, decoded: Decoded) -> tuple[NDArray[np.float64], NDArray[np.bool_], Kinds]:
        time = np.full(len(packets), np.nan)
        moved = np.zeros(len(packets), bool)
        number = np.full(len(packets), len(decoded.values))
        for place, (packet, values) in enumerate(decoded.values.items()):
            index = decoded.index[packet]
            number[index] = place
            if self.wanted <= set(values):
                fields = {key: values[key].converted for key in self.wanted}
                time[index], moved[index] = steady(packet_times(self.rule, fields))
        return time, moved, Kinds((*decoded.values, ""), number)

    def _count(self, packets: Packets, kinds: Kinds, time: Any, repeat: Any, breaks: Any) -> None:
        gap = np.zeros(len(packets), np.int64)
        gap[breaks.index] = np.maximum(breaks.step - 1, 0)
        key = kinds.number << 16 | packets.apid
        for one in np.unique(key).tolist():
            here = key == one
            row = self.rows.setdefault(
                (kinds.names[one >> 16], one & 0xFFFF),
                {"count": 0, "tstart": np.nan, "tstop": np.nan, "missing": 0, "duplicates": 0, "bytes": 0},
            )
            row["count"] += int(here.sum())
            row["missing"] += int(gap[here].sum())
            row["duplicates"] += int(repeat[here].sum())
            row["bytes"] += int(packets.length[here].sum())
            known = time[here & np.isfinite(time)]
            if len(known):
                row["tstart"] = float(np.fmin(row["tstart"], known.min()))
                row["tstop"] = float(np.fmax(row["tstop"], known.max()))
