"""Science bytes at the full 24 kbit/s with random events, for one mode of ACIS and for HRC."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.simulate.acis_packets import encode_events, encode_exposures, fill_science, merge
from mta_assets.simulate.hrc_events import encode
from mta_assets.telemetry.acis_layouts import MODES
from mta_assets.telemetry.hrc_events import FIELDS

EXPOSURE = 3.24104  # [s] a full-frame exposure and its transfer (IP&CL structure pages)
FEPS = 6
FILLING = 0.98  # of the room that is left beside the packet headers: a few words between packets are lost


def acis_science(mode: str, frames: int, first: int, period: float) -> tuple[NDArray[np.uint8], int]:
    """Frames full of packets of one mode.

    Parameters
    ----------
    mode
        A key of `acis_layouts.MODES`.
    frames, first, period
        How many frames, the counter of the first one, and their length [s].

    Returns
    -------
    data, events
        (frames, 768) science bytes, and how many events are in them.
    """
    rng = np.random.default_rng(1)
    layout = MODES[mode].layout
    exposures = FEPS * max(1, int(frames * period / EXPOSURE))
    words = frames * 192 - 26 * exposures - frames // 8  # 20 of an exposure record, 6 of a packet header
    n = int(32 * words / layout.record_bits * FILLING)
    of = np.sort(rng.integers(0, exposures, n))
    values = {f.name: rng.integers(0, 1 << (f.bits - int(f.signed)), (n, f.count)) for f in layout.record}
    row = layout.record[0].name
    rest = {name: v for name, v in values.items() if name not in (row, "ccdColumn")}
    k = np.arange(exposures)
    events = encode_events(mode, 4 + of % FEPS, of % FEPS, values[row], values["ccdColumn"], rest, of)
    at = (first * period + (k // FEPS) * EXPOSURE) / 1e-5
    fields: dict[str, Any] = {"ccdId": 4 + k % FEPS, "fepId": k % FEPS, "exposureNumber": k // FEPS}
    fields |= {"fepTimestamp": np.rint(at), "eventsSent": np.bincount(of, minlength=exposures)}
    packets = merge([events, encode_exposures(mode, fields)], [2 * events.exposure, 2 * k + 1])
    available = ((packets.exposure // FEPS) * EXPOSURE / period).astype(np.int64)
    return fill_science(packets, available, frames, first).data, n


def hrc_science(frames: int, first: int, period: float) -> tuple[NDArray[np.uint8], int]:
    """Frames with 167 events a second."""
    rng = np.random.default_rng(2)
    n = int(167 * frames * period)
    events: dict[str, Any] = {f.name: rng.integers(0, 1 << f.bits, n) for f in FIELDS}
    del events["CLKTICKS"], events["SUB_MJF"]
    events["AMP_SF"] = rng.integers(1, 4, n)
    counter = first + np.arange(frames, dtype=np.int64)
    events["TIME"] = np.sort(rng.uniform(first * period, (first + frames - 20) * period, n))
    return encode(events, counter, np.asarray(counter * period, np.float64), period).data, n
