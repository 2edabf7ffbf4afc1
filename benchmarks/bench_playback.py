"""One hour of Chandra frames to engineering tables, beside a copy of the same bytes.

Run: ``python -m benchmarks.bench_playback``. The frames hold random counts: every bit of every parameter is alive.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mta_assets.level0.engineering import extract_block
from mta_assets.missions.load import load_mission
from mta_assets.telemetry.decom import decommutate
from mta_assets.telemetry.frames import FrameBlock
from mta_assets.telemetry.odb import load_odb

FRAMES = 14_049  # one hour of 0.25625 s
REPEATS = 5


def random_hour(seed: int = 1) -> FrameBlock:
    """Frames of an hour in format 2 with random bytes."""
    frame = load_mission("chandra").frame
    counter = np.arange(FRAMES, dtype=np.int64) + 1500 * frame.minor_frames
    return FrameBlock(
        np.random.default_rng(seed).integers(0, 256, (FRAMES, frame.length), dtype=np.uint8),
        counter,
        8.0e8 + counter * frame.period,
        np.full(FRAMES, 2, np.uint8),
        np.zeros(FRAMES, np.uint8),
    )


def best(work: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, float]:
    """First and shortest time of some work [s]: the first has what a fresh process has to make once."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times[0], min(times)


def run() -> dict[str, float]:
    """Measure and print; returns seconds (and MB/s, samples/s) by what was measured."""
    mission = load_mission("chandra")
    folder = mission.path(mission.file.telemetry.dictionary)
    block = random_hour()
    megabytes = block.data.nbytes / 1e6
    _, load = best(lambda: load_odb(folder, mission.frame))
    dictionary = load_odb(folder, mission.frame)
    first, decom = best(lambda: decommutate(block, dictionary))
    _, level0 = best(lambda: list(extract_block(block, dictionary)))
    _, copy = best(lambda: block.data.copy())
    tables = decommutate(block, dictionary)
    samples = sum(len(tables[p.subsystem, p.group]) for p in dictionary.msids.values())
    result = {
        "dictionary_s": load,
        "decom_first_s": first,
        "decom_s": decom,
        "decom_MB_s": megabytes / decom,
        "decom_samples_s": samples / decom,
        "level0_s": level0,
        "memcpy_s": copy,
        "decom_over_memcpy": decom / copy,
    }
    print(
        f"playback of one hour: {FRAMES} frames, {megabytes:.1f} MB, {len(dictionary.msids)} MSIDs, {samples} samples"
    )
    print(f"  dictionary loaded and checked     {load * 1e3:8.1f} ms")
    print(f"  counts, values and quality        {decom * 1e3:8.1f} ms  (first time {first * 1e3:.1f} ms)")
    print(f"                                    {megabytes / decom:8.0f} MB/s, {samples / decom / 1e6:.1f} M samples/s")
    print(f"  level-0 engineering products      {level0 * 1e3:8.1f} ms")
    print(f"  copying the same bytes            {copy * 1e3:8.1f} ms  (decommutation = {decom / copy:.0f} copies)")
    return result


if __name__ == "__main__":
    run()
