"""Chandra playbacks from the file to all level-0 tables: an hour in memory, a day in the memory of an hour."""

from __future__ import annotations

from pathlib import Path

from benchmarks.inputs import Inputs
from benchmarks.measure import Row, best, fresh

SECONDS = 2.0  # [s] required for an hour
MEMORY = 1 << 30  # [byte] required peak for an hour
CONSTANT = 1.25  # a day may need so many times the memory of an hour: its index of frames is 24 times as long
MIB = 1 << 20


def run(inputs: Inputs, repeats: int = 5) -> list[Row]:
    """Hours of ACIS, HRC and the full rate."""
    rows = []
    cases = [("ACIS", inputs.acis_hour), ("HRC", inputs.hrc_hour), ("full-rate", inputs.full_hour)]
    for name, path in cases:
        answer = fresh("benchmarks.extract", path, "--repeats", repeats)
        alone = fresh("benchmarks.extract", path)
        content = path.read_bytes()
        copy = best(lambda content=content: bytearray(content))
        read = best(path.read_bytes)
        events = answer["ACIS_EVT0"] + answer["HRC_EVT0"]
        what = f"{name} hour, {answer['input'] / 1e6:.1f} MB, to {answer['products']} products, {events:,} events"
        first = max(answer["first"], alone["first"])
        rows += [
            Row(what, answer["best"], "s", "memcpy", copy, answer["best"] / copy, "< 2 s", answer["best"] < SECONDS),
            Row(f"{name} hour, beside reading the file", answer["best"], "s", "read", read, answer["best"] / read),
            Row(f"{name} hour, first in a process", first, "s", "real time", 3600.0, 3600.0 / first, "< 2 s", first < SECONDS),
            Row(f"{name} hour, peak memory of the process", alone["peak"] / MIB, "MiB", "1 GiB", MEMORY / MIB,
                alone["peak"] / MEMORY, "< 1 GiB", alone["peak"] < MEMORY),
        ]  # fmt: skip
    return rows


def run_day(inputs: Inputs) -> list[Row]:
    """A day in one file, streamed as the archive does it, beside an hour streamed the same way."""
    day: Path = inputs.day_run.files[0].path
    hour = max((fresh("benchmarks.extract", p, "--stream") for p in (inputs.acis_hour, inputs.hrc_hour)), key=_peak)
    whole = fresh("benchmarks.extract", day, "--stream")
    name = f"{inputs.day_hours:g} hours in one file ({whole['input'] / 1e6:.0f} MB)"
    ratio = whole["peak"] / hour["peak"]
    speed = inputs.day_hours * 3600.0 / whole["first"]
    return [
        Row(f"{name}, streamed: peak memory", whole["peak"] / MIB, "MiB", "an hour streamed", hour["peak"] / MIB, ratio,
            f"constant (≤ {CONSTANT} ×)", ratio <= CONSTANT),
        Row(f"{name}, streamed: time", whole["first"], "s", "real time", inputs.day_hours * 3600.0, speed),
    ]  # fmt: skip


def _peak(answer: dict[str, float]) -> float:
    return answer["peak"]
