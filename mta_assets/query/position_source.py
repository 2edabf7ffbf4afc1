"""Values without a name: bit fields of frames and packets, ``FRAME[112:0:8]``, ``JPSS_ATT_EPHEM[6:0:16]``.

The numbers are the first byte (from 0, the header included), the first bit in it (0 is the most significant) and the
length in bits; the value is an unsigned integer. A frame stands at its start, a packet at the time that it carries.
Where playbacks overlap, a time comes once: the good one, then that of the playback that began first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.archive.catalog_playbacks import PlaybackCatalog
from mta_assets.archive.entries import PlaybackEntry
from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import ParameterInfo, Samples, nanosecond, to_nanoseconds
from mta_assets.missions.load import Mission
from mta_assets.query.model import Position
from mta_assets.query.product_read import within
from mta_assets.query.time_order import Piece, concatenate, in_time_order
from mta_assets.telemetry.byte_source import FileBytes
from mta_assets.telemetry.ccsds_faults import steady
from mta_assets.telemetry.ccsds_playback import PacketPlayback
from mta_assets.telemetry.frames import read_frames
from mta_assets.telemetry.packet_decom import decode
from mta_assets.telemetry.packet_time import packet_times, time_fields
from mta_assets.telemetry.playback import FramePlayback, Playback, open_playback
from mta_assets.telemetry.xtce import XtceModel, load_xtce
from mta_assets.telemetry.xtce_bits import Source as Bits
from mta_assets.telemetry.xtce_bits import unsigned

NAME = re.compile(r"(?P<packet>[^\[\]]+)\[(?P<byte>\d{1,9}):(?P<bit>\d{1,9}):(?P<length>\d{1,9})\]")
FRAME = "FRAME"
LONGEST = 64  # [bit] that a number holds
CHUNK = 1 << 14  # frames read at once: 16 MB
OPEN = 4  # playbacks that are kept open: their index, not their data
SAME_TIME = 10_000  # [ns] nearer ones are one frame or packet (`archive.telemetry_rows`)


def position_name(position: Position) -> str:
    """The name that a position goes by."""
    return f"{position.packet or FRAME}[{position.byte}:{position.bit}:{position.length}]"


def parse_position(name: str) -> Position | None:
    """The position that a name means; None if it is not of that form."""
    found = NAME.fullmatch(name)
    if found is None:
        return None
    packet = "" if found["packet"].upper() == FRAME else found["packet"]
    return Position(packet, int(found["byte"]), int(found["bit"]), int(found["length"]))


class PositionSource:
    """Bit fields of the playbacks of one mission. Made for one query.

    Parameters
    ----------
    catalog, mission
        Where the playbacks are listed, and whose they are.

    Attributes
    ----------
    notes
        What was left out, and why.
    """

    label = "positions"

    def __init__(self, catalog: PlaybackCatalog, mission: Mission) -> None:
        self.catalog, self.mission = catalog, mission
        self.notes: list[str] = []
        self._open: dict[str, Playback] = {}

    def names(self) -> Sequence[str]:
        """None: there are as many as bits."""
        return ()

    def info(self, name: str) -> ParameterInfo | None:
        """What is known of a position; None if the name is not of that form.

        Raises
        ------
        BadData
            If no frame or packet of the mission can have such a position.
        """
        position = parse_position(name)
        if position is None:
            return None
        if not 1 <= position.length <= LONGEST:
            raise BadData(f"{name}: has {position.length} bits, expected 1 to {LONGEST}")
        position = replace(position, packet=self._packet(position.packet, name))
        period = 0.0
        if not position.packet:
            frame = self.mission.frame
            period = frame.period
            last = 8 * position.byte + position.bit + position.length
            if last > 8 * frame.length:
                raise BadData(f"{name}: ends at bit {last}; a frame has {frame.length} bytes ({8 * frame.length} bits)")
        dtype = next(f"u{size}" for size in (1, 2, 4, 8) if position.length <= 8 * size)
        text = (
            f"{position.length} bits from byte {position.byte}, bit {position.bit} of the {position.packet or 'frame'}"
        )
        group = f"{position.packet or FRAME}[]"
        return ParameterInfo(position_name(position), group, dtype, "", text, {}, period, origin="telemetry")

    def _packet(self, packet: str, name: str) -> str:
        """Packet type as the dictionary spells it; empty for the frame."""
        if self.mission.kind != "ccsds":
            if packet:
                raise BadData(f"{name}: {self.mission.name} sends frames, not packets of a type {packet}; use FRAME[…]")
            return ""
        types = {kind.upper(): kind for kind, plan in self._model.types.items() if not plan.abstract}
        if packet.upper() not in types:
            known = ", ".join(types.values())
            raise BadData(f"{name}: {self.mission.name} has no packet type {packet or FRAME!r}; it has {known}")
        return types[packet.upper()]

    @cached_property
    def _model(self) -> XtceModel:
        return load_xtce(self.mission.path(self.mission.file.telemetry.dictionary))

    # ---- samples

    def read(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Mapping[str, Samples]:
        """Values of the fields in order of time; ``as_of`` leaves out playbacks that came later."""
        parts: dict[str, list[Samples]] = {name: [] for name in names}
        for _, piece in self._pieces(names, intervals, raw, as_of):
            for name, samples in piece.items():
                parts[name].append(samples)
        return {name: once(concatenate(found)) if found else self._empty(name) for name, found in parts.items()}

    def blocks(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Iterator[Mapping[str, Samples]]:
        """The same, about a million frames or packets at once and not less than a playback."""
        for block in in_time_order(self._pieces(names, intervals, raw, as_of), once):
            yield {name: block[name] if name in block else self._empty(name) for name in names}

    def _empty(self, name: str) -> Samples:
        info = self._info(name)
        return Samples(info, np.zeros(0, np.int64), np.zeros(0, info.dtype))

    def _info(self, name: str) -> ParameterInfo:
        info = self.info(name)
        if info is None:
            raise BadData(f"{name}: expected FRAME[byte:bit:length] or PACKET_TYPE[byte:bit:length]")
        return info

    def _pieces(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool, as_of: float | None
    ) -> Iterator[Piece]:
        wanted = {name: self._info(name) for name in names}
        for entry in self._entries(intervals, as_of) if wanted else ():
            bound = nanosecond(entry.tstart) - SAME_TIME
            try:
                playback = self._opened(entry)
                if isinstance(playback, FramePlayback):
                    parts = frame_fields(playback, wanted, intervals)
                else:
                    parts = packet_fields(playback, wanted, intervals, self.notes)  # type: ignore[arg-type]
                for piece in parts:
                    yield bound, {n: replace(s, raw=s.values) if raw else s for n, s in piece.items()}
            except (BadData, OSError) as error:
                self.notes.append(f"playback {entry.file_name} is left out: {error}")

    def _entries(self, intervals: Intervals | None, as_of: float | None) -> list[PlaybackEntry]:
        found = self.catalog.playbacks(self.mission.name, "accepted")
        if as_of is not None:
            found = [entry for entry in found if entry.accepted is not None and entry.accepted <= as_of]
        if intervals is None:
            return found
        edges = np.asarray(intervals).reshape(-1, 2)
        return [e for e in found if bool(np.any((edges[:, 0] < e.tstop) & (edges[:, 1] > e.tstart)))]

    def _opened(self, entry: PlaybackEntry) -> Playback:
        if entry.partition not in self._open:
            while len(self._open) >= OPEN:
                del self._open[next(iter(self._open))]
            self._open[entry.partition] = open_playback(Path(entry.path), self.mission)
        return self._open[entry.partition]

    def span(self, names: Sequence[str]) -> tuple[float, float] | None:
        """From the start of the first playback to the stop of the last."""
        found = self._entries(None, None)
        return (min(e.tstart for e in found), max(e.tstop for e in found)) if found and names else None

    def estimate(self, names: Sequence[str], intervals: Intervals | None) -> tuple[int, int]:
        """As if every playback were complete, and all packets of the type."""
        infos = [self._info(name) for name in names]
        rows = 0
        for entry in self._entries(intervals, None):
            inside = [(entry.tstart, entry.tstop)] if intervals is None else np.asarray(intervals).tolist()
            seconds = sum(max(min(b, entry.tstop) - max(a, entry.tstart), 0.0) for a, b in inside)
            period = infos[0].period if infos else 0.0
            rows += int(seconds / period) + len(inside) if period else int(entry.facts.get("packets", 0))
        groups = len({info.group for info in infos})
        return rows * groups, rows * sum(8 + np.dtype(info.dtype).itemsize for info in infos)


def frame_fields(
    playback: FramePlayback, wanted: Mapping[str, ParameterInfo], intervals: Intervals | None
) -> Iterator[dict[str, Samples]]:
    """Bit fields of the frames of a playback, some thousand frames at once; only what is asked for is read."""
    index, length = playback.index, playback.mission.frame.length
    time = to_nanoseconds(playback.clock.time(index.counter))
    rows = np.flatnonzero(within(time, None, intervals))
    source = FileBytes(playback.path, playback.size)
    for first in range(0, len(rows), CHUNK):
        part = rows[first : first + CHUNK]
        order = np.argsort(index.offset[part])  # in file order: frames that came out of order do not break up reading
        data = read_frames(source, index.offset[part][order], length)
        place = np.argsort(order)
        bits = Bits(data.reshape(-1), place * length, np.full(len(part), length))
        quality = index.quality[part] if index.quality[part].any() else None
        yield {name: Samples(info, time[part], _field(bits, info), quality) for name, info in wanted.items()}


def packet_fields(
    playback: PacketPlayback, wanted: Mapping[str, ParameterInfo], intervals: Intervals | None, notes: list[str]
) -> Iterator[dict[str, Samples]]:
    """Bit fields of the packets of a playback, block by block; packets that end before the field are counted."""
    fields = frozenset(time_fields(playback.rule))
    short: dict[str, int] = {}
    for packets in playback.packets():
        decoded = decode(playback.model, packets, fields)
        found: dict[str, Samples] = {}
        for name, info in wanted.items():
            position = _position(info)
            values = decoded.values.get(position.packet)
            if values is None or not fields <= set(values):
                continue
            seconds, moved = steady(packet_times(playback.rule, {key: values[key].converted for key in fields}))
            index = decoded.index[position.packet]
            time = to_nanoseconds(seconds)
            long = 8 * packets.length[index] >= 8 * position.byte + position.bit + position.length
            short[name] = short.get(name, 0) + int(np.count_nonzero(~long))
            rows = np.flatnonzero(within(time, None, intervals) & long)
            bits = Bits(packets.data, packets.offset[index[rows]], packets.length[index[rows]])
            quality = np.where(moved[rows], np.uint8(Quality.TIME_STEP), np.uint8(0)) if moved[rows].any() else None
            found[name] = Samples(info, time[rows], _field(bits, info), quality)
        yield found
    notes += [f"{n}: {count} packets of {playback.path.name} end before it" for n, count in short.items() if count]


def _position(info: ParameterInfo) -> Position:
    position = parse_position(info.name)
    assert position is not None, info.name
    return position


def _field(bits: Bits, info: ParameterInfo) -> Any:
    position = _position(info)
    if not len(bits):
        return np.zeros(0, info.dtype)
    return unsigned(bits, 8 * position.byte + position.bit, position.length).astype(info.dtype, copy=False)


def once(samples: Samples) -> Samples:
    """One sample for each time: a good one if there is one, then the first."""
    time = samples.time
    if len(time) < 2 or not bool(np.any(time[1:] - time[:-1] <= SAME_TIME)):
        return samples
    cluster = np.concatenate([[0], np.cumsum(time[1:] - time[:-1] > SAME_TIME)])
    order = np.lexsort((np.arange(len(time)), samples.bads, cluster))
    first = np.concatenate([[True], np.diff(cluster[order]) > 0])
    return samples.where(np.sort(order[first]))
