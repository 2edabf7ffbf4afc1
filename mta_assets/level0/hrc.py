"""HRC extractor: playback to level-0 event products of about an hour, cut where the observation changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core import intervals
from mta_assets.core.gti import GTI
from mta_assets.core.request import Request
from mta_assets.core.tables import Header, Product, Table
from mta_assets.instruments.hrc import TICK
from mta_assets.level0.hrc_columns import EVENTS, QUALITY_BITS, QUALITY_FRAME, QUALITY_PARITY
from mta_assets.level0.obs_keywords import Engineering
from mta_assets.missions.load import Mission
from mta_assets.telemetry.hrc_events import FIELDS, SUB_FRAME, HrcEvents, decode, sub_major_frame
from mta_assets.telemetry.odb import dictionary_of
from mta_assets.telemetry.science import SUSPECT, ScienceStream, fault_table, format_of, science_stream

if TYPE_CHECKING:
    from mta_assets.telemetry.playback import Playback

BLOCK_SECONDS = 3600.0
MINOR_FRAMES = 128
MAJOR_MODULO = 1 << 17  # the major frame counter has 17 bits
DETECTORS = ("HRC-I", "HRC-S")  # by DET_ID
BITS = {field.name: field.bits for field in FIELDS if field.name in ("E_TRIG", "VETOSTT", "DET_ID")}


def extract_events(playback: Playback, mission: Mission, request: Request) -> Iterator[Product | Table]:
    """Level-0 products of the HRC events of a playback.

    Yields
    ------
    Product
        ``HRC_EVT0`` with the tables EVENTS and GTI, one for each block and observation.
    Table
        At the end ``FAULTS`` (event words with bad parity), if there are any.
    """
    dictionary = dictionary_of(mission)
    number, ranges, period = format_of(mission, "HRC"), mission.frame.science, mission.frame.period
    rows: list[tuple[Any, ...]] = []
    for block in playback.blocks(BLOCK_SECONDS):
        stream = science_stream(block, number, ranges)
        if not len(stream):
            continue
        events = decode(stream)
        rows.extend(parity_faults(stream, events))
        yield from products(stream, events, Engineering(block, dictionary), period)
    if rows:
        yield fault_table(rows)


def products(stream: ScienceStream, events: HrcEvents, engineering: Engineering, period: float) -> Iterator[Product]:
    """Products of one block: one for each stretch of frames with the same observation identifier."""
    obsid = engineering.obsids(stream.time)
    edges = np.flatnonzero(np.diff(obsid)) + 1
    table = event_table(stream, events, period)
    for first, last in zip([0, *edges.tolist()], [*edges.tolist(), len(stream)], strict=True):
        low, high = np.searchsorted(events.frame, [first, last])
        if low == high:
            continue
        part = table.rows(int(low), int(high))
        yield _product(part, stream.time[first:last], engineering, period)


def event_table(stream: ScienceStream, events: HrcEvents, period: float) -> Table:
    """All events of a stream as the columns of the product.

    The time is that of the start of the event's sub-major frame plus its clock ticks (our own convention); the start
    follows from the frame that brought the event, by the nominal length of a frame.
    """
    counter = stream.counter[events.frame]
    sub = sub_major_frame(counter, events.fields["SUB_MJF"])
    start = stream.time[events.frame] - (counter - SUB_FRAME * sub) * period
    minor = (counter % MINOR_FRAMES).astype(np.int32)
    quality = np.zeros((len(counter), QUALITY_BITS), bool)
    quality[:, QUALITY_PARITY] = events.damaged
    quality[:, QUALITY_FRAME] = (stream.quality[events.frame] & SUSPECT) != 0
    columns: dict[str, NDArray[Any]] = {
        **events.fields,
        **{name: _bit_array(events.fields[name], bits) for name, bits in BITS.items()},
        "TIME": start + events.fields["CLKTICKS"] * TICK,
        "MJF": (counter // MINOR_FRAMES % MAJOR_MODULO).astype(np.int32),
        "MNF": minor,
        "ENDMNF": minor,
        "SUB_MJF": (sub % (MINOR_FRAMES // SUB_FRAME)).astype(np.uint8),
        "QUALITY": quality,
    }
    return EVENTS.build(columns)


def parity_faults(stream: ScienceStream, events: HrcEvents) -> Iterator[tuple[Any, ...]]:
    """A row of core.records.FAULTS for each frame with event words that fail their parity."""
    frame, count = np.unique(np.concatenate([events.frame[events.damaged], events.strays]), return_counts=True)
    for index, number in zip(frame.tolist(), count.tolist(), strict=True):
        time, counter = float(stream.time[index]), int(stream.counter[index])
        yield ("bad_packet", "hrc", time, time, counter, counter, number, f"{number} event words with bad parity")


def _bit_array(value: NDArray[Any], bits: int) -> NDArray[np.bool_]:
    """(n, bits) with the most significant bit first, as FITS writes bit columns."""
    unpacked = np.unpackbits(value.astype(np.uint8)[:, None], axis=1)
    return unpacked[:, 8 - bits :].astype(bool)


def _product(events: Table, frames: NDArray[np.float64], engineering: Engineering, period: float) -> Product:
    good = intervals.from_samples(frames, period)
    tstart = min(float(good[0, 0]), float(events["TIME"].min()))
    tstop = max(float(good[-1, 1]), float(events["TIME"].max()) + TICK)
    spectroscopic = 2 * int(np.count_nonzero(events["DET_ID"])) > len(events)
    header: Header = {
        "INSTRUME": ("HRC", "instrument"),
        "DETNAM": (DETECTORS[int(spectroscopic)], "detector"),
        "DATAMODE": ("OBSERVING", "data mode"),
        **engineering.keywords(tstart, tstop),
        "TIMEDEL": (TICK, "[s] time resolution of the data"),
        "STARTMJF": (int(events["MJF"][0]), "major frame of the first event"),
        "STARTMNF": (int(events["MNF"][0]), "minor frame of the first event"),
        "STOPMJF": (int(events["MJF"][-1]), "major frame of the last event"),
        "STOPMNF": (int(events["MNF"][-1]), "minor frame of the last event"),
        "CONTENT": ("EVT0", "level-0 events"),
    }
    event_header: Header = {
        "HDUCLASS": ("OGIP", "format"),
        "HDUCLAS1": ("EVENTS", "kind of table"),
        "HDUCLAS2": ("ALL", "which ones"),
    }
    gti_header: Header = {"HDUCLASS": ("OGIP", "format"), "HDUCLAS1": ("GTI", "good times"), "HDUCLAS2": ("ALL", "all")}
    gti = GTI.build({"START": good[:, 0], "STOP": good[:, 1]}, gti_header)
    return Product("HRC_EVT0", (events.with_header(event_header), gti), tstart, tstop, header, {})
