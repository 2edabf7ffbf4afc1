"""Aspect camera telemetry of a stretch of frames: what the slots see, as packets of four frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.simulate.aca_packets import encode, encode_header, image_pixels
from mta_assets.simulate.schedule import Schedule
from mta_assets.simulate.starfield import HOUSING, INTEGRATION, SLOTS, Slot, slots
from mta_assets.telemetry.aca_packets import FRAMES, PARTS
from mta_assets.telemetry.clock import Clock

Array = NDArray[Any]
OFFSET, DIVISOR, FULL = 50.0, 32.0, 1023  # pixel = raw * IMGSCALE / 32 - 50, raw of ten bits (ACA specification)
CLOCK_UNIT = 0.016  # [s] unit of INTEG
TRACK, SEARCH = 1, 2  # IMGFUNC: tracking, searching
CCD_TEMPERATURE = (-23.0, -10.0)  # [C] coldest and warmest
TEMPERATURE_UNIT = 0.4  # [C] of the temperatures in the slot headers
BACKGROUND = 22  # [adu] what the camera reports as the mean background
UPDATE = 1.025  # [s] an image goes down one update period after the end of its integration


@dataclass(frozen=True)
class Images:
    """Images of one slot as they go down: the truth of a test.

    ``counter`` is that of the first frame of each, ``raw`` (n, 8, 8) the pixels of ten bits, ``scale`` IMGSCALE,
    ``row0`` and ``col0`` the corner that goes down.
    """

    slot: int
    size: int
    counter: Array
    row0: Array
    col0: Array
    scale: Array
    raw: Array
    tracking: Array


def images(schedule: Schedule, clock: Clock, counter: Array) -> list[Images]:
    """Images of all slots that begin within whole groups of four frames.

    Parameters
    ----------
    counter
        Unwrapped counters of consecutive frames; the first is a multiple of 16, so that images begin with it.
    """
    starts = {size: counter[:: FRAMES * len(parts)] for size, parts in PARTS.items()}
    made: dict[int, list[Slot]] = {}
    found = []
    for number in range(SLOTS):
        size = 8 if number < 3 else 6
        if size not in made:
            # the light was gathered before the packet: the middle of the integration counts
            made[size] = slots(schedule, clock.time(starts[size]) - UPDATE - INTEGRATION / 2)
        found.append(_image(made[size][number], starts[size]))
    return found


def _image(slot: Slot, counter: Array) -> Images:
    peak = slot.image.reshape(len(counter), -1).max(axis=1) + OFFSET
    scale = np.clip(np.ceil(peak * DIVISOR / FULL), 1, (1 << 14) - 1).astype(np.int64)
    raw = np.rint((slot.image + OFFSET) * DIVISOR / scale[:, None, None])
    whole = np.zeros((len(counter), 8, 8), np.uint16)
    margin = (8 - slot.size) // 2
    inner = slice(margin, 8 - margin)
    whole[:, inner, inner] = np.clip(raw, 0, FULL)
    if slot.size == 6:  # the corners are not telemetered
        whole[:, margin::5, margin::5][:, :2, :2] = 0
    # telemetered is the corner of the pixels that every image has: of 6x6 pixels the inner 4x4
    corner = margin if slot.size == 6 else 0
    row0, col0 = (np.clip(edge.astype(np.int64) + corner, -512, 511) for edge in (slot.row0, slot.col0))
    return Images(slot.slot, slot.size, counter, row0, col0, scale, whole, slot.tracking)


def packets(found: list[Images], counter: Array, temperature: Array) -> NDArray[np.uint8]:
    """Packets (n, 224) of the frames.

    Parameters
    ----------
    found
        Images of all slots.
    counter
        Unwrapped counters of the frames.
    temperature
        CCD temperature [C] at each packet.
    """
    count = len(counter) // FRAMES
    imgtype = np.zeros((count, SLOTS), np.uint8)
    header = np.zeros((count, SLOTS), np.uint64)
    pixels = np.zeros((count, SLOTS, 16), np.uint16)
    for slot in found:
        parts = PARTS[slot.size]
        for part, kind in enumerate(parts):
            rows = np.arange(part, count, len(parts))
            which = rows // len(parts)
            imgtype[rows, slot.slot] = kind
            pixels[rows, slot.slot] = image_pixels(slot.raw[which], kind)
            function = np.where(slot.tracking[which], TRACK, SEARCH)
            common: dict[str, Any] = {"IMGFID": int(slot.slot < 3), "IMGNUM": slot.slot, "IMGFUNC": function}
            degrees = np.rint(temperature[rows] / TEMPERATURE_UNIT).astype(np.int64)
            places = {"IMGROW0": slot.row0[which], "IMGCOL0": slot.col0[which], "IMGSCALE": slot.scale[which]}
            housing = round(HOUSING / TEMPERATURE_UNIT)
            warm = {"TEMPCCD": degrees, "TEMPHOUS": housing, "TEMPPRIM": degrees + 55, "TEMPSEC": degrees + 56}
            by_part: dict[int, dict[str, Any]] = {0: {**places, "BGDAVG": BACKGROUND}, 1: {**warm, "BGDRMS": 4}}
            fields = by_part.get(part, {})
            header[rows, slot.slot] = encode_header(kind, {**common, **fields})
    front: dict[str, Any] = {
        "INTEG": round(INTEGRATION / CLOCK_UNIT),
        "COMMCNT": (counter[::FRAMES][:count] // FRAMES) % 64,
    }
    return encode(front, imgtype, header, pixels)
