"""Science events of one hour at the full 24 kbit/s: frames to level-0 tables, against a plain copy of the bytes.

Run it alone (``python benchmarks/bench_events.py``) or through ``make bench``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mta_assets.core.request import Request
from mta_assets.core.tables import Product
from mta_assets.level0 import acis, hrc
from mta_assets.missions.load import load_mission
from mta_assets.simulate.acis_packets import encode_events, encode_exposures, fill_science, merge
from mta_assets.simulate.hrc_events import encode
from mta_assets.telemetry.acis_layouts import MODES
from mta_assets.telemetry.frames import FrameBlock
from mta_assets.telemetry.hrc_events import FIELDS
from mta_assets.telemetry.science import format_of, put_science

FRAMES = 14_049  # one hour
PERIOD = 0.25625  # [s]
EXPOSURE = 3.24104  # [s]
FIRST = 3_000_000
FEPS = 6


@dataclass
class _Played:
    block: FrameBlock

    def blocks(self, seconds: float) -> Iterator[FrameBlock]:
        yield self.block


def _block(science: np.ndarray, instrument: str) -> FrameBlock:
    mission = load_mission("chandra")
    counter = FIRST + np.arange(FRAMES, dtype=np.int64)
    data = put_science(np.zeros((FRAMES, 1025), np.uint8), science, mission.frame.science)
    number = np.full(FRAMES, format_of(mission, instrument), np.uint8)
    return FrameBlock(data, counter, counter * PERIOD, number, np.zeros(FRAMES, np.uint8))


def acis_hour(mode: str) -> tuple[FrameBlock, int, float]:
    """Frames full of packets of one mode, the events in them, and the seconds that encoding took."""
    rng = np.random.default_rng(1)
    layout = MODES[mode].layout
    exposures = FEPS * int(FRAMES * PERIOD / EXPOSURE)
    words = FRAMES * 192 - 20 * exposures - 6 * exposures - FRAMES // 8
    n = int(32 * words / layout.record_bits * 0.98)
    of = np.sort(rng.integers(0, exposures, n))
    values = {f.name: rng.integers(0, 1 << (f.bits - int(f.signed)), (n, f.count)) for f in layout.record}
    rest = {name: v for name, v in values.items() if name not in (layout.record[0].name, "ccdColumn")}
    k = np.arange(exposures)
    began = time.perf_counter()
    events = encode_events(mode, 4 + of % FEPS, of % FEPS, values[layout.record[0].name], values["ccdColumn"], rest, of)
    at = (FIRST * PERIOD + (k // FEPS) * EXPOSURE) / 1e-5
    fields = {"ccdId": 4 + k % FEPS, "fepId": k % FEPS, "exposureNumber": k // FEPS, "fepTimestamp": np.rint(at)}
    fields["eventsSent"] = np.bincount(of, minlength=exposures)
    records = encode_exposures(mode, fields)
    packets = merge([events, records], [2 * events.exposure, 2 * k + 1])
    filled = fill_science(packets, ((packets.exposure // FEPS) * EXPOSURE / PERIOD).astype(np.int64), FRAMES, FIRST)
    seconds = time.perf_counter() - began
    return _block(filled.data, "ACIS"), n, seconds


def hrc_hour() -> tuple[FrameBlock, int, float]:
    """Frames with 167 events a second."""
    rng = np.random.default_rng(2)
    n = 600_000
    events: dict[str, Any] = {f.name: rng.integers(0, 1 << f.bits, n) for f in FIELDS}
    del events["CLKTICKS"], events["SUB_MJF"]
    events["AMP_SF"] = rng.integers(1, 4, n)
    counter = FIRST + np.arange(FRAMES, dtype=np.int64)
    events["TIME"] = np.sort(rng.uniform(FIRST * PERIOD, (FIRST + FRAMES - 20) * PERIOD, n))
    began = time.perf_counter()
    data = encode(events, counter, counter * PERIOD).data
    return _block(data, "HRC"), n, time.perf_counter() - began


def best(function: Callable[[], Any], times: int = 5) -> float:
    """Shortest of several runs [s]."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def run() -> list[dict[str, Any]]:
    """Measure, print and return: one row per instrument and mode."""
    mission = load_mission("chandra")
    request = Request("benchmark", "sdp", 0.0, 1.0, 1.0)
    rows = []
    cases = [(f"ACIS {mode}", acis.extract_events, acis_hour(mode)) for mode in ("FAINT", "VFAINT", "GRADED")]
    cases.append(("HRC", hrc.extract_events, hrc_hour()))
    for name, extract, (block, n, encoding) in cases:

        def decode(extract: Any = extract, block: FrameBlock = block) -> int:
            made = extract(_Played(block), mission, request)
            return sum(p.rows for p in made if isinstance(p, Product) and p.file_id.endswith("EVT0"))

        found = decode()
        seconds, copy = best(decode), best(lambda block=block: block.data.copy())
        rows.append({"case": name, "events": found, "seconds": seconds, "memcpy": seconds / copy, "encode": encoding})
        print(
            f"{name:12s} {found:8,d} of {n:,d} events in {seconds:.3f} s  "
            f"{found / seconds / 1e6:5.1f} M events/s  {seconds / copy:5.1f} x memcpy of the frames  "
            f"{FRAMES * PERIOD / seconds:9,.0f} x real time; encoded at {FRAMES * PERIOD / encoding:,.0f} x real time"
        )
    return rows


if __name__ == "__main__":
    run()
