"""HRC event words: 16 bytes an event, 48 slots in the 768 science bytes of a frame.

The bit layout of the real telemetry is not public: this one is our own, made to hold the fields of the archive's
level-0 event file. A word is two little-endian 64-bit halves, fields counted from the least significant bit. The
last bit makes the number of ones even, so that any single bit error is found; an empty slot is all zero (an event
never is: its amplitude scale is 1, 2 or 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.telemetry.science import ScienceStream

SLOTS = 48  # event words in a frame
SUB_FRAME = 8  # [minor frame] a sub-major frame: one science frame of 2.05 s, 16 in a major frame
SUB_MODULO = 4  # the word holds the number of the sub-major frame modulo this
LATENCY = SUB_MODULO - 1  # [sub-major frame] an event comes down at most so many after its own


@dataclass(frozen=True)
class HrcField:
    """Name as in the archive's file, bits, offset in the half, and which half."""

    name: str
    bits: int
    offset: int
    half: int


FIELDS = (
    HrcField("CLKTICKS", 18, 0, 0),
    HrcField("SUB_MJF", 2, 18, 0),
    HrcField("CRSV", 8, 20, 0),
    HrcField("AV1", 12, 28, 0),
    HrcField("AV2", 12, 40, 0),
    HrcField("AV3", 12, 52, 0),
    HrcField("CRSU", 6, 0, 1),
    HrcField("AU1", 12, 6, 1),
    HrcField("AU2", 12, 18, 1),
    HrcField("AU3", 12, 30, 1),
    HrcField("AMP_SF", 2, 42, 1),
    HrcField("PHA", 8, 44, 1),
    HrcField("E_TRIG", 2, 52, 1),
    HrcField("VETOSTT", 8, 54, 1),
    HrcField("DET_ID", 1, 62, 1),
)
PARITY_BIT = 63  # of the second half
TYPES = {"CLKTICKS": np.int32, "CRSV": np.uint8, "CRSU": np.uint8, "AMP_SF": np.uint8, "PHA": np.uint8}


@dataclass(frozen=True)
class HrcEvents:
    """Events of a stretch of frames in the order in which they came down.

    ``fields`` holds every field of FIELDS; ``frame`` is the index of the frame of each event, ``damaged`` whether its
    parity is wrong. ``strays`` are the frames of damaged words that can not be events (no amplitude scale).
    """

    fields: dict[str, NDArray[Any]]
    frame: NDArray[np.int64]
    damaged: NDArray[np.bool_]
    strays: NDArray[np.int64]


def decode(stream: ScienceStream) -> HrcEvents:
    """All event words of a science stream."""
    halves = np.ascontiguousarray(stream.data).view("<u8").reshape(-1, 2)
    used = np.flatnonzero((halves[:, 0] | halves[:, 1]) != 0)
    words = halves[used].T.astype(np.uint64)
    odd = ((np.bitwise_count(words[0]) + np.bitwise_count(words[1])) & 1).astype(bool)
    frame = used // SLOTS
    scale = _field(words, FIELDS[10])
    event = scale != 0
    if not event.all():
        strays, frame = frame[~event], frame[event]
        words, odd = words[:, event], odd[event]
    else:
        strays = np.zeros(0, np.int64)
    fields = {field.name: _field(words, field) for field in FIELDS}
    return HrcEvents(fields, frame, odd, strays)


def _field(words: NDArray[np.uint64], field: HrcField) -> NDArray[Any]:
    value = (words[field.half] >> np.uint64(field.offset)) & np.uint64((1 << field.bits) - 1)
    return value.astype(TYPES.get(field.name, np.int16))


def sub_major_frame(counter: NDArray[np.int64], low_bits: NDArray[Any]) -> NDArray[np.int64]:
    """Unwrapped number of the sub-major frame of events from the counter of the frame that brought them."""
    now = counter // SUB_FRAME
    return now - (now - low_bits) % SUB_MODULO
