"""From exposures to the ACIS packets of a stretch of time, with the events in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments import acis
from mta_assets.simulate.acis_detector import HotPixel, exposures
from mta_assets.simulate.acis_packets import (
    PacketBatch,
    encode_events,
    encode_exposures,
    encode_words,
    merge,
)
from mta_assets.simulate.schedule import Dwell, Schedule
from mta_assets.telemetry.acis_layouts import LOAD_CC_BLOCK, LOAD_TE_BLOCK, MODES, TICKS_PER_FRAME, Field
from mta_assets.telemetry.clock import Clock

Array = NDArray[Any]
READOUT = 1.0  # [s] from the end of an exposure until its events have been processed
NO_WINDOW = 0xFFFFFFFF  # windowBlockId: none in use
NO_VALID_CORNER = 4095  # cornerMean of an event whose corners all exceed the split threshold
ROW_EVENTS = (
    "time", "expno", "ccd_id", "fep_id", "node_id", "chipx", "chipy", "fltgrade", "pha", "source_id",
    "true_time", "energy", "tg_part", "tg_m",
)  # fmt: skip


@dataclass(frozen=True)
class Stream:
    """Packets waiting for frames, and the events in them.

    Attributes
    ----------
    packets
        In the order in which they are to go down; their ``exposure`` is a key: an exposure of all CCDs, never twice.
    available
        Unwrapped frame counter from which each may go down.
    events
        Columns of the events in telemetry order; ``packet`` is the index of the packet that holds each.
    """

    packets: PacketBatch
    available: Array
    events: dict[str, Array]

    def __len__(self) -> int:
        return len(self.packets)

    def select(self, mask: Array) -> Stream:
        """Some of the packets with their events."""
        number = np.cumsum(mask) - 1
        kept = mask[self.events["packet"]] if self.events else np.zeros(0, bool)
        events = {name: column[kept] for name, column in self.events.items()}
        if events:
            events["packet"] = number[events["packet"]]
        return Stream(self.packets.select(np.flatnonzero(mask)), self.available[mask], events)


def empty() -> Stream:
    """No packets."""
    none = np.zeros(0, np.int64)
    return Stream(PacketBatch(np.zeros(0, np.uint32), none, none), none, {})


def chain(first: Stream, second: Stream) -> Stream:
    """Packets of one stream before those of another."""
    if not len(first) or not len(second):
        return first if len(first) else second
    a, b = first.packets, second.packets
    packets = merge([a, b])
    shifted = {**second.events, "packet": second.events["packet"] + len(a)} if second.events else {}
    if first.events and shifted:
        events = {name: _stacked(first.events[name], shifted[name]) for name in shifted}
    else:
        events = first.events or shifted
    return Stream(packets, np.concatenate([first.available, second.available]), events)


def _stacked(first: Array, second: Array) -> Array:
    """Columns of two modes one after the other: islands of different size are padded to the larger one."""
    if first.ndim == 3 and first.shape[1:] != second.shape[1:]:
        size = max(first.shape[1], second.shape[1])
        first, second = _padded(first, size), _padded(second, size)
    return np.concatenate([first, second])


def _padded(islands: Array, size: int) -> Array:
    margin = (size - islands.shape[1]) // 2
    return np.pad(islands, ((0, 0), (margin, margin), (margin, margin)), constant_values=-1)


def packets_between(
    schedule: Schedule, clock: Clock, tstart: float, tstop: float, seed: int, hot_pixels: tuple[HotPixel, ...] = ()
) -> Stream:
    """All ACIS packets that become available within [tstart, tstop)."""
    stream = empty()
    for number, dwell in enumerate(schedule.dwells):
        if not dwell.instrument.startswith("ACIS") or not dwell.datamode:
            continue
        if dwell.tstop + 60 < tstart or dwell.tstart > tstop:
            continue
        if tstart <= dwell.tstart < tstop:
            stream = chain(stream, _parameter_block(dwell, number, clock))
        delay = acis.frame_time(dwell.datamode, dwell.ccds) + READOUT
        for block in exposures(schedule, dwell, tstart - delay, tstop - delay, seed, hot_pixels):
            stream = chain(stream, _block(block, dwell, number, clock, delay))
    return stream


def _block(block: dict[str, Any], dwell: Dwell, number: int, clock: Clock, delay: float) -> Stream:
    """Packets of a block of exposures: for each exposure and chip its events, then its record."""
    mode = dwell.datamode if dwell.datamode in MODES else f"{dwell.datamode.replace('CC', 'CC_')}"
    record = block["exposures"]
    key = number * 10_000_000 + record["expno"].astype(np.int64)
    order = np.lexsort((record["ccd_id"], key))
    record, key = {n: c[order] for n, c in record.items()}, key[order]
    place = key * 16 + record["ccd_id"]
    event_key = number * 10_000_000 + block["expno"].astype(np.int64)
    event_place = event_key * 16 + block["ccd_id"]
    rows = np.argsort(event_place, kind="stable")
    events = {n: c[rows] for n, c in block.items() if n != "exposures"}
    event_place = event_place[rows]
    row, column = events["chipy"] - 1, events["chipx"] - 1
    data = encode_events(mode, events["ccd_id"], events["fep_id"], row, column, _values(mode, events), event_place)
    records = encode_exposures(mode, _record_fields(record, dwell, clock), place)
    # a record follows the events that it counts
    sort_key = np.concatenate([data.exposure * 2, records.exposure * 2 + 1])
    order = np.argsort(sort_key, kind="stable")
    packets = merge([data, records]).select(order)
    first_of_packet = np.cumsum(_events_in(data, mode)) - _events_in(data, mode)
    in_data = np.searchsorted(first_of_packet, np.arange(len(event_place)), side="right") - 1
    kept = {n: events[n] for n in (*ROW_EVENTS, "phas")}
    kept["packet"] = np.argsort(order)[in_data]  # position of each data packet after sorting
    start = record["time"][np.searchsorted(key, packets.exposure // 16)]
    available = np.ceil(clock.counter(start + delay)).astype(np.int64)
    keyed = PacketBatch(packets.words, packets.length, packets.exposure // 16)
    return Stream(keyed, available, kept)


def _events_in(data: PacketBatch, mode: str) -> Array:
    """Events in each data packet: what its length has room for; the layouts leave less than a record unused."""
    layout = MODES[mode].layout
    return (32 * data.length - layout.record_offset) // layout.record_bits


def _values(mode: str, events: dict[str, Array]) -> Any:
    if not mode.endswith("GRADED"):
        return events["phas"]
    phas = events["phas"]
    corners = phas[:, ::2, ::2].reshape(-1, 4).astype(np.int64)
    valid = corners < acis.SPLIT_THRESHOLD
    count = valid.sum(axis=1)
    mean = np.rint((corners * valid).sum(axis=1) / np.maximum(count, 1)).astype(np.int64)
    return {
        "eventAmplitude": events["pha"],
        "gradeCode": events["fltgrade"],
        "cornerMean": np.where(count > 0, mean, NO_VALID_CORNER),
    }


def _ticks(clock: Clock, time: Any) -> Array:
    """Count of the back-end processor [10 µs] at times: frames are its clock."""
    return np.rint(clock.counter(time) * TICKS_PER_FRAME).astype(np.int64)


def _record_fields(record: dict[str, Array], dwell: Dwell, clock: Clock) -> dict[str, Any]:
    start = int(_ticks(clock, dwell.tstart))
    return {
        "runStartTime": start,
        "parameterBlockId": dwell.obsid,
        "windowBlockId": NO_WINDOW,
        "biasStartTime": start,
        "biasParameterId": dwell.obsid,
        "ccdId": record["ccd_id"],
        "fepId": record["fep_id"],
        "fepTimestamp": _ticks(clock, record["time"]),
        "exposureNumber": record["expno"],
        "eventsSent": record["events_sent"],
        "thresholdPixels": record["threshold_pixels"],
        "discardEventAmplitude": record["discard_amplitude"],
        "discardWindow": record["discard_position"],
        "discardGrade": record["discard_grade"],
        "deltaOverclocks": record["delta_overclocks"],
        "biasParityErrors": record["bias_parity_errors"],
    }


def _parameter_block(dwell: Dwell, number: int, clock: Clock) -> Stream:
    """The dump of the parameter block at the start of a run."""
    continuous = dwell.datamode.startswith("CC")
    fields = LOAD_CC_BLOCK if continuous else LOAD_TE_BLOCK
    feps = acis.fep_ids(dwell.ccds)
    select = [10] * acis.FEPS  # 10: the processor is not used
    for ccd, fep in feps.items():
        select[fep] = ccd
    values: dict[str, Any] = {"parameterBlockId": dwell.obsid, "fepCcdSelect": select, "fepMode": 2, "recomputeBias": 1}
    values |= {} if continuous else {"subarrayStartRow": 0, "subarrayRowCount": acis.ROWS - 1}
    packet = encode_words(13 if continuous else 12, _load_block(fields, values))
    keyed = PacketBatch(packet.words, packet.length, np.array([number * 10_000_000], np.int64))
    return Stream(keyed, np.ceil(clock.counter(np.array([dwell.tstart]))).astype(np.int64), {})


def _load_block(fields: tuple[Field, ...], values: dict[str, Any]) -> Array:
    """Words of the head of a load command, least significant bit first."""
    number = 0
    for entry in fields:
        for i, value in enumerate(np.atleast_1d(values.get(entry.name, 0)).tolist()):
            number |= (int(value) & ((1 << entry.bits) - 1)) << (entry.offset + i * entry.bits)
    length = (max(f.offset + f.count * f.bits for f in fields) + 31) // 32
    return np.frombuffer(number.to_bytes(4 * length, "little"), "<u4").astype(np.uint32)
