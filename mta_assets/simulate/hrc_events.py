"""HRC event words from events: the inverse of telemetry.hrc_events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.errors import BadData
from mta_assets.instruments.hrc import TICK
from mta_assets.telemetry.hrc_events import FIELDS, LATENCY, PARITY_BIT, SLOTS, SUB_FRAME, SUB_MODULO


@dataclass(frozen=True)
class Encoded:
    """Science bytes of the frames and which events are in them.

    Attributes
    ----------
    data
        (n_frames, 768) uint8.
    frame
        (n,) index of the frame that brings each event, −1 for events that found no room.
    time
        (n,) the time that the telemetry states, rounded to the clock's ticks (NaN without a place).
    """

    data: NDArray[np.uint8]
    frame: NDArray[np.int64]
    time: NDArray[np.float64]


def encode(
    events: Mapping[str, ArrayLike],
    counter: NDArray[np.int64],
    frame_time: NDArray[np.float64],
    period: float = 0.25625,
) -> Encoded:
    """Put events into frames.

    Parameters
    ----------
    events
        ``TIME`` (TT s since 1998.0, sorted) and CRSV, AV1 … AV3, CRSU, AU1 … AU3, AMP_SF (1 … 3), PHA, E_TRIG, VETOSTT,
        DET_ID.
    counter, frame_time
        Unwrapped counter and start time of consecutive frames.
    period
        Length of a minor frame [s].

    Notes
    -----
    A frame takes 48 events. More wait for the next frames; events that would come down later than the telemetry can
    say, or that happen outside the frames, are lost, as in the instrument.

    Raises
    ------
    BadData
        If the times decrease or a value does not fit its field.
    """
    time = np.asarray(events["TIME"], dtype=np.float64)
    if len(time) and np.any(np.diff(time) < 0):
        raise BadData("HRC events: the times decrease; expected them sorted")
    own = np.searchsorted(frame_time, time, side="right") - 1
    inside = (own >= 0) & (time < frame_time[-1] + period) if len(frame_time) else np.zeros(len(time), bool)
    own = np.clip(own, 0, max(len(counter) - 1, 0))
    n_slots = SLOTS * len(counter)
    rows = np.flatnonzero(inside)
    while True:  # events that would come too late go, the others move up; two or three rounds
        rank = np.arange(len(rows))
        slot = rank + np.maximum.accumulate(SLOTS * own[rows] - rank) if len(rows) else rank
        place = np.minimum(slot // SLOTS, len(counter) - 1)
        late = counter[place] // SUB_FRAME - counter[own[rows]] // SUB_FRAME > LATENCY
        late |= slot >= n_slots
        if not late.any():
            break
        rows = rows[~late] if not late.all() else rows[:0]
    sub = counter[own[rows]] // SUB_FRAME
    start = frame_time[own[rows]] - (counter[own[rows]] - SUB_FRAME * sub) * period
    # an event at the very end of the sub-major frame must not round into the next one
    ticks = np.minimum(np.rint((time[rows] - start) / TICK).astype(np.int64), (1 << 18) - 1)
    columns = {name: np.asarray(value, dtype=np.int64)[rows] for name, value in events.items() if name != "TIME"}
    halves = _words({**columns, "CLKTICKS": ticks, "SUB_MJF": sub % SUB_MODULO})
    data = np.zeros((n_slots, 2), np.uint64)
    data[slot] = halves
    frame = np.full(len(time), -1, np.int64)
    frame[rows] = slot // SLOTS
    stated = np.full(len(time), np.nan)
    stated[rows] = start + ticks * TICK
    return Encoded(data.astype("<u8").view(np.uint8).reshape(len(counter), -1), frame, stated)


def _words(columns: Mapping[str, NDArray[np.int64]]) -> NDArray[np.uint64]:
    """(n, 2) event words with their parity bit."""
    names = {field.name for field in FIELDS}
    if names != set(columns):
        raise BadData(f"HRC events: fields {sorted(columns)} were given; expected TIME and {sorted(names)}")
    n = len(columns["CLKTICKS"])
    halves = np.zeros((n, 2), np.uint64)
    for field in FIELDS:
        value = columns[field.name]
        low = int(field.name == "AMP_SF")  # an event is never all zero
        high = (1 << field.bits) - 1
        if n and (value.min() < low or value.max() > high):
            raise BadData(f"HRC events: {field.name} {value.min()} … {value.max()} does not fit into {low} … {high}")
        halves[:, field.half] |= value.astype(np.uint64) << np.uint64(field.offset)
    odd = (np.bitwise_count(halves).sum(axis=1) & 1).astype(np.uint64)
    halves[:, 1] |= odd << np.uint64(PARITY_BIT)
    return halves
