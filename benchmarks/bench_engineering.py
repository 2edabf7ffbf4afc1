"""Engineering of an hour of Chandra frames with random counts: every bit of every parameter is alive."""

from __future__ import annotations

import numpy as np

from benchmarks.measure import Row, best, timed
from mta_assets.level0.engineering import extract_block
from mta_assets.missions.load import load_mission
from mta_assets.telemetry.decom import decommutate
from mta_assets.telemetry.frames import FrameBlock
from mta_assets.telemetry.odb import load_odb

FRAMES = 14_049  # one hour of 0.25625 s


def random_frames(count: int, seed: int = 1) -> FrameBlock:
    """Frames in format 2 with random bytes."""
    frame = load_mission("chandra").frame
    counter = np.arange(count, dtype=np.int64) + 1500 * frame.minor_frames
    return FrameBlock(
        np.random.default_rng(seed).integers(0, 256, (count, frame.length), dtype=np.uint8),
        counter,
        np.asarray(8.0e8 + counter * frame.period, np.float64),
        np.full(count, 2, np.uint8),
        np.zeros(count, np.uint8),
    )


def run(frames: int = FRAMES) -> list[Row]:
    """Dictionary, decommutation and level-0 products."""
    mission = load_mission("chandra")
    folder = mission.path(mission.file.telemetry.dictionary)
    block = random_frames(frames)
    load = best(lambda: load_odb(folder, mission.frame))
    dictionary = load_odb(folder, mission.frame)
    first, tables = timed(lambda: decommutate(block, dictionary))
    samples = sum(len(tables[p.subsystem, p.group]) for p in dictionary.msids.values())
    decom = best(lambda: decommutate(block, dictionary))
    level0 = best(lambda: list(extract_block(block, dictionary)))
    copy = best(block.data.copy)
    count, speed = len(dictionary.msids), samples / decom / 1e6
    return [
        Row(f"dictionary of {count} MSIDs loaded and checked", load, "s"),
        Row(f"decommutation of an hour, {count} MSIDs", speed, "M samples/s", "memcpy", None, decom / copy),
        Row("the same for the first time in a process", first, "s"),
        Row("the same to level-0 products in memory", level0, "s", "memcpy", copy, level0 / copy),
    ]
