"""Chandra playbacks from the file to all level-0 tables: an hour in memory, a day in the memory of an hour."""

from __future__ import annotations

from pathlib import Path

from benchmarks.inputs import Inputs
from benchmarks.measure import Row, best, fresh
from mta_assets.simulate.playbacks import Written

SECONDS = 2.0  # [s] required for an hour
MEMORY = 1 << 30  # [byte] required peak for an hour
CONSTANT = 1.5  # times the memory of an hour: only the index, 28 bytes of each frame of 1025, grows with the file
MIB = 1 << 20


def run(inputs: Inputs, repeats: int = 5) -> list[Row]:
    """Hours of ACIS, HRC and the full rate."""
    cases = [("ACIS", inputs.acis_hour), ("HRC", inputs.hrc_hour), ("full-rate", inputs.full_hour)]
    return [row for name, written in cases for row in _hour(name, written, repeats)]


def _hour(name: str, written: Written, repeats: int) -> list[Row]:
    path = written.path
    answer = fresh("benchmarks.extract", path, "--repeats", repeats)
    came = (answer["ACIS_EVT0"], answer["HRC_EVT0"])
    if came != (written.acis_events, written.hrc_events):
        raise RuntimeError(
            f"{path.name}: {written.acis_events}, {written.hrc_events} events were sent, {came} came out"
        )
    alone = [fresh("benchmarks.extract", path) for _ in range(min(repeats, 3))]
    first = min(each["first"] for each in alone)
    peak = max(each["peak"] for each in alone)
    content = path.read_bytes()
    copy, read = best(lambda: bytearray(content)), best(path.read_bytes)
    what = f"{name} hour: {answer['input'] / 1e6:.1f} MB to {answer['products']} products, {sum(came):,} events"
    seconds = answer["best"]
    return [
        Row(what, seconds, "s", "memcpy", copy, seconds / copy, f"< {SECONDS:g} s", seconds < SECONDS),
        Row(f"{name} hour, beside reading the file", seconds, "s", "read", read, seconds / read),
        Row(f"{name} hour, first in a new process", first, "s", "", None, None, f"< {SECONDS:g} s", first < SECONDS),
        Row(f"{name} hour, peak memory", peak / MIB, "MiB", "", None, None, "< 1 GiB", peak < MEMORY),
    ]


def run_day(inputs: Inputs) -> list[Row]:
    """A day in one file, streamed as the archive does it, beside an hour streamed the same way."""
    day: Path = inputs.day_run.files[0].path
    hours = [fresh("benchmarks.extract", each.path, "--stream") for each in (inputs.acis_hour, inputs.hrc_hour)]
    hour = max(hours, key=_peak)
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
