"""Packets to tables by an XTCE dictionary: all packets of a kind at once.

Packets travel together through the plan of containers (telemetry.xtce). At each container the ones that continue
differently part; behind a field of varying size each has its own position. There is no loop over packets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Column, Schema, Table
from mta_assets.missions.load import PacketTimeSection
from mta_assets.telemetry.ccsds import BLOCK, Framer, Packets, frame_stream
from mta_assets.telemetry.ccsds_sequence import join_segments, segment_flaws
from mta_assets.telemetry.packet_columns import Columns, Later
from mta_assets.telemetry.packet_columns import stack as stack  # for those who join tables
from mta_assets.telemetry.packet_time import packet_times, time_fields
from mta_assets.telemetry.xtce import Plan, XtceModel
from mta_assets.telemetry.xtce_bits import Position, Source
from mta_assets.telemetry.xtce_calibrate import Value
from mta_assets.telemetry.xtce_compile import Field
from mta_assets.telemetry.xtce_match import all_match

CHUNK = 1 << 15  # packets decoded together: few enough that they stay in the processor's cache
CHUNK_BYTES = 1 << 24  # and not more bytes than this, each packet counted as long as the longest


@dataclass(frozen=True)
class Trouble:
    """Packets that a dictionary does not explain: ``index`` in the block, ``kind`` of core.records.FAULTS and why."""

    kind: str
    source: str
    detail: str
    index: NDArray[np.int64]


@dataclass
class Decoded:
    """What a dictionary makes of a block: per packet type the packets and their values, and the rest."""

    values: dict[str, dict[str, Value]] = field(default_factory=dict)
    index: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)


@dataclass
class _Group:
    """Packets that have gone the same way so far."""

    source: Source
    index: NDArray[np.int64]
    position: Position = 0
    values: dict[str, Value] = field(default_factory=dict)
    later: dict[str, Later] = field(default_factory=dict)

    def where(self, rows: NDArray[Any]) -> _Group:
        position = self.position if isinstance(self.position, int) else self.position[rows]
        values = {name: value.where(rows) for name, value in self.values.items()}
        return _Group(self.source.where(rows), self.index[rows], position, values, dict(self.later))


def decode(model: XtceModel, packets: Packets, wanted: frozenset[str] | None = None) -> Decoded:
    """Values of all parameters (or the wanted ones) of all packets.

    A packet that is too short for its description, or that no container (or more than one) fits, is not decoded but
    named in ``troubles``; bits behind the description are counted there too.
    """
    columns: dict[str, Columns] = {}
    troubles: dict[tuple[str, str, str], list[NDArray[np.int64]]] = {}
    keep = None if wanted is None else wanted | model.deciding
    longest = int(packets.length.max(initial=1))
    step = max(min(CHUNK, CHUNK_BYTES // longest), 64)
    for low in range(0, len(packets), step):
        index = np.arange(low, min(low + step, len(packets)))
        for place, root in enumerate(model.roots):
            run = _Run(root, model.deciding, keep, final=place == len(model.roots) - 1)
            source = Source(packets.data, packets.offset[index], packets.length[index])
            with np.errstate(invalid="ignore", over="ignore"):  # telemetry may hold any float, signalling NaN too
                run.follow(root, _Group(source, index))
                for plan, group in run.ended:
                    taken = columns.setdefault(plan.name, Columns(plan, len(packets)))
                    taken.add(group.source, group.index, group.values, group.later, min(low + step, len(packets)))
            for key, rows in run.troubles:
                troubles.setdefault(key, []).append(rows)
            index = np.sort(np.concatenate([*run.left, np.zeros(0, np.int64)]))
            if not len(index):
                break
    result = Decoded(troubles=[Trouble(*key, np.sort(np.concatenate(rows))) for key, rows in troubles.items()])
    for name, taken in columns.items():
        result.index[name] = np.concatenate(taken.index)
        result.values[name] = taken.finish()
    return result


class _Run:
    """One chunk through one plan."""

    def __init__(self, root: Plan, deciding: frozenset[str], keep: frozenset[str] | None, final: bool) -> None:
        self.root, self.deciding, self.keep, self.final = root, deciding, keep, final
        self.ended: list[tuple[Plan, _Group]] = []
        self.left: list[NDArray[np.int64]] = []
        self.troubles: list[tuple[tuple[str, str, str], NDArray[np.int64]]] = []

    def follow(self, plan: Plan, group: _Group) -> None:
        group = self._fields(plan, group)
        if not len(group.index):
            return
        if not plan.branches:
            return self._end(plan, group)
        met = [all_match(criteria, group.values, len(group.index)) for criteria, _ in plan.branches]
        counts = [int(np.count_nonzero(rows)) for rows in met]
        if sum(counts) == max(counts) == len(group.index):  # all the same way: the usual case
            return self.follow(plan.branches[counts.index(max(counts))][1], group)
        ways = np.sum(met, axis=0)
        self._trouble("bad_packet", plan.name, "more than one container fits", group.index[ways > 1])
        for rows, (_, branch) in zip(met, plan.branches, strict=True):
            here = np.flatnonzero(rows & (ways == 1))
            if len(here):
                self.follow(branch, group.where(here))
        if (ways == 0).any():
            self._end(plan, group if not ways.any() else group.where(np.flatnonzero(ways == 0)))
        return None

    def _fields(self, plan: Plan, group: _Group) -> _Group:
        for item in plan.fields:
            bits: Any = item.bits
            if bits is None:
                bits, bad = item.sizes(group.values, len(group.index))
                if bad.any():
                    self._trouble("bad_packet", plan.name, f"{item.name} has no size", group.index[bad])
                    group, bits = group.where(np.flatnonzero(~bad)), bits[~bad]
                if len(bits) and (bits == bits[0]).all():
                    bits = int(bits[0])
            fits = group.source.holds(group.position, bits)
            if fits is not True and not np.all(fits):
                fits = np.broadcast_to(fits, len(group.index))
                self._trouble("bad_packet", plan.name, f"ends before {item.name} does", group.index[~fits])
                group = group.where(np.flatnonzero(fits))
                bits = bits if isinstance(bits, int) else bits[fits]
            if not len(group.index):
                return group
            if self.keep is None or item.name in self.keep:
                self._read(item, group, bits)
            group.position = group.position + bits
        return group

    def _read(self, item: Field, group: _Group, bits: Any) -> None:
        if item.plain and isinstance(group.position, int) and item.name not in self.deciding:
            group.values.pop(item.name, None)  # of a name that comes twice the last one counts
            group.later[item.name] = Later(item, group.position, bits)
        else:
            group.later.pop(item.name, None)
            group.values[item.name] = item.read(group.source, group.position, bits, group.values)

    def _end(self, plan: Plan, group: _Group) -> None:
        if not self.final and (plan is self.root or plan.abstract):
            self.left.append(group.index)
            return
        if plan.abstract:
            self._trouble("unplaced", plan.name, "no packet type of the dictionary fits", group.index)
            return
        if not isinstance(group.position, int) or group.position < 8 * group.source.longest:
            over = group.index[group.position < 8 * group.source.length]
            self._trouble("unplaced", plan.name, "the dictionary describes only the beginning", over)
        self.ended.append((plan, group))

    def _trouble(self, kind: str, source: str, detail: str, index: NDArray[np.int64]) -> None:
        if len(index):
            self.troubles.append(((kind, source, detail), index))


def tables(
    model: XtceModel, packets: Packets, decoded: Decoded, rule: PacketTimeSection | None = None, first: int = 0
) -> dict[str, Table]:
    """One table per packet type: ``time`` (or ``packet``, the number in the file from ``first`` on), then per parameter
    NAME, NAME__r (raw count, where that is something else), NAME__n (bytes, where the size varies), NAME__q (flags,
    where something is not good).
    """
    return {
        name: _table(model.types[name], values, decoded.index[name], rule, first)
        for name, values in decoded.values.items()
    }


def _table(plan: Plan, values: Mapping[str, Value], index: Any, rule: PacketTimeSection | None, first: int) -> Table:
    columns: dict[str, NDArray[Any]] = {}
    schema: list[Column] = []

    def put(name: str, array: NDArray[Any], unit: str = "", doc: str = "") -> None:
        if array.dtype == object:  # integers above 64 bits
            array = np.array([str(number) for number in array.tolist()], str)
        columns[name] = array
        schema.append(Column(name, array.dtype.str.lstrip("<>|="), unit, doc, array.shape[1:]))

    if rule is not None and set(time_fields(rule)) <= set(values):
        fields = {name: values[name].converted for name in time_fields(rule)}
        put("time", packet_times(rule, fields), "s", "TT since 1998.0, from the packet")
    else:
        put("packet", index + first, "", "number of the packet in the file, from 0")
    for item in plan.all_fields:
        if item.name not in values:
            continue
        value = values[item.name]
        put(item.name, value.converted, item.unit, item.doc)
        if item.differs:
            put(f"{item.name}__r", value.raw, "", f"{item.name}: raw count")
        if value.size is not None:
            put(f"{item.name}__n", value.size.astype(np.int32), "byte", f"{item.name}: size of the raw value")
        if value.quality is not None:
            put(f"{item.name}__q", value.quality, "", f"{item.name}: quality flags")
    return Table(plan.name, columns, {}, Schema(plan.name, tuple(schema)))


def decommutate_packets(
    data_or_path: bytes | str | Path,
    model: XtceModel,
    rule: PacketTimeSection | None = None,
    join: bool = False,
    secondary_header: int = 0,
    framer: Framer | None = None,
) -> dict[str, Table]:
    """All packets of a file or of bytes, one table per packet type (name of its container).

    Parameters
    ----------
    rule
        How a packet's time follows from its fields (mission.toml, ``[packet_time]``); without it, or for types that
        lack those fields, the table has a column ``packet`` instead of ``time``.
    join, secondary_header
        Put segmented packets together first, see telemetry.ccsds_sequence.join_segments.
    framer
        Collects what is no packet, and segments that could not be joined.

    Raises
    ------
    BadData
        If there is no packet in it.
    """
    data = data_or_path if isinstance(data_or_path, bytes) else Path(data_or_path).read_bytes()
    framer = framer or Framer()
    packets, _ = framer.frame(np.frombuffer(data, np.uint8), final=True)
    if not len(packets):
        name = "the data" if isinstance(data_or_path, bytes) else str(data_or_path)
        raise BadData(
            f"{name}: expected CCSDS space packets, found none in {len(data)} bytes ({len(framer.flaws)} flaws)"
        )
    if join:
        joined = join_segments(packets, secondary_header)
        packets = joined.packets
        framer.flaws += segment_flaws(joined.lost) + segment_flaws(joined.waiting)
    return tables(model, packets, decode(model, packets), rule)


def iter_packet_blocks(
    path: str | Path, framer: Framer, block: int = BLOCK, join: bool = False, secondary_header: int = 0
) -> Iterator[Packets]:
    """Packets of a file of any size block by block, in constant memory.

    ``framer`` collects what is no packet, and segments that could not be joined.

    Where small and very large packets mix, blocks are cut so that a table of their byte strings stays small.
    """
    with open(path, "rb") as stream:
        waiting: Packets | None = None
        for packets in frame_stream(stream, framer, block):
            if join:
                joined = join_segments(packets, secondary_header, waiting)
                packets, waiting = joined.packets, joined.waiting
                framer.flaws += segment_flaws(joined.lost)
            pieces = 1 + len(packets) * int(packets.length.max(initial=0)) // (1 << 28)
            for rows in np.array_split(np.arange(len(packets)), pieces):
                if len(rows):
                    yield packets if pieces == 1 else packets.where(slice(int(rows[0]), int(rows[-1]) + 1))
        if waiting is not None:
            framer.flaws += segment_flaws(waiting)
