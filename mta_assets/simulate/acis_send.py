"""ACIS packets into the frames of a playback.

A packet stream knows nothing of playbacks. To make each playback readable alone, exposures whose packets would cross
its end go into the next one as a whole; exposures that find no room before the telemetry turns to another
instrument are lost on board, as in flight, and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.simulate.acis_packets import fill_science
from mta_assets.simulate.acis_stream import Stream, chain, empty

Array = NDArray[Any]
WORDS_PER_FRAME = 191  # at least, of the 192 science words of a frame


@dataclass(frozen=True)
class Sent:
    """Science bytes of one playback and what went down in it.

    ``rows`` are the frames of the playback that carry ACIS science, ``data`` their bytes, ``stream`` the packets sent,
    ``first`` and ``last`` the counters of the frames that each touches (``last`` may be one too many), ``left`` what
    waits for the next playback, ``lost`` the number of exposures lost for want of room.
    """

    rows: Array
    data: Array
    stream: Stream
    first: Array
    last: Array
    left: Stream
    sequence: int
    lost: int


def send(stream: Stream, counter: Array, in_format: Array, sequence: int, boundary: int | None = None) -> Sent:
    """Put the packets into the frames of a playback.

    Parameters
    ----------
    stream
        Packets, those left from the playback before first.
    counter
        Unwrapped counters of the frames of the playback, one after the other.
    in_format
        Which of them carry ACIS science.
    sequence
        Sequence number of the next packet.
    boundary
        Counter of a frame that no packet may cross into.
    """
    rows = np.flatnonzero(in_format)
    edges = np.flatnonzero(np.diff(rows) > 1) + 1
    parts: list[tuple[Array, Stream, Array, Array]] = []
    lost = 0
    last_row = len(counter) - 1
    for stretch in np.split(rows, edges):
        if not len(stretch):
            continue
        first, stop = int(counter[stretch[0]]), int(counter[stretch[-1]]) + 1
        due = stream.available < stop
        late = due & (stream.available < first) if parts or stretch[0] > 0 else np.zeros(len(stream), bool)
        lost += len(np.unique(stream.packets.exposure[late]))  # became available while another instrument was on
        here, stream = stream.select(due & ~late), stream.select(~due)
        inside = [boundary - first] if boundary is not None and first < boundary < stop else []
        data, here, waiting, frame, sequence = _fill(here, first, stop - first, sequence, inside)
        reach = frame + (here.packets.length + WORDS_PER_FRAME - 1) // WORDS_PER_FRAME
        parts.append((data, here, first + frame, np.minimum(first + reach, stop - 1)))
        if stretch[-1] == last_row:
            stream = chain(waiting, stream)
        else:
            lost += len(np.unique(waiting.packets.exposure))
    if rows.size == 0 or rows[-1] != last_row:  # the telemetry belongs to another instrument at the end
        gone = stream.available <= counter[-1]
        lost += len(np.unique(stream.packets.exposure[gone]))
        stream = stream.select(~gone)
    sent = empty()
    for _, part, _, _ in parts:
        sent = chain(sent, part)
    none = np.zeros(0, np.int64)
    return Sent(
        rows,
        np.concatenate([p[0] for p in parts]) if parts else np.zeros((0, 768), np.uint8),
        sent,
        np.concatenate([p[2] for p in parts]) if parts else none,
        np.concatenate([p[3] for p in parts]) if parts else none,
        stream,
        sequence,
        lost,
    )


def _fill(
    stream: Stream, first: int, count: int, sequence: int, boundaries: list[int]
) -> tuple[Array, Stream, Stream, Array, int]:
    """Fill consecutive frames; exposures that do not fit whole wait whole."""
    filled = fill_science(
        stream.packets, np.maximum(stream.available - first, 0), count, first, sequence, boundaries=boundaries
    )
    waiting = filled.frame < 0
    if waiting.any():
        waiting = np.isin(stream.packets.exposure, stream.packets.exposure[waiting])
        rest, stream = stream.select(waiting), stream.select(~waiting)
        filled = fill_science(
            stream.packets, np.maximum(stream.available - first, 0), count, first, sequence, boundaries=boundaries
        )
    else:
        rest = empty()
    return filled.data, stream, rest, filled.frame, filled.sequence
