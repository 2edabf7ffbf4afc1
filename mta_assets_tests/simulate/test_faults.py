"""Injected faults: planned by the seed, apart from each other, and put into the bytes where the plan says."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from mta_assets.core.times import from_utc
from mta_assets.missions.load import load_mission
from mta_assets.simulate.assemble import Plan
from mta_assets.simulate.damage import damage
from mta_assets.simulate.engineering_encode import counts_of
from mta_assets.simulate.faults import FRAME_KINDS, KINDS, OVERLAP_FRAMES, SENSOR_KINDS, Fault
from mta_assets.simulate.truth import describe, lost_frames, suspect_frames

START = from_utc("2024-03-01T00:00:00")
SIZE = 14_432_000


@cache
def day(seed: int = 7, hours: float = 24.0, minutes: float = 60.0) -> Plan:
    return Plan(load_mission("chandra"), START, hours, minutes, seed)


def frames(count: int = 10) -> np.ndarray:
    """Frames that say their number in every byte."""
    return np.repeat(np.arange(count, dtype=np.uint8)[:, None], 16, axis=1)


def numbers(data: bytes) -> list[int]:
    return np.frombuffer(data, np.uint8).reshape(-1, 16)[:, 0].tolist()


def test_a_day_has_every_kind_of_fault_once() -> None:
    assert sorted(f.kind for f in day().faults) == sorted(KINDS)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_faults_lie_inside_their_playback_and_apart_from_each_other(seed: int) -> None:
    plan = day(seed)
    for fault in plan.faults:
        span = plan.spans[fault.playback]
        if fault.kind != "overlap":
            assert span.first <= fault.first <= fault.last < span.stop, fault
        else:
            assert fault.last == span.first - 1
            assert fault.last - fault.first + 1 == OVERLAP_FRAMES
    in_frames = [f for f in plan.faults if f.kind in FRAME_KINDS or f.kind in ("truncated", "overlap")]
    for one in plan.faults:
        for other in in_frames:
            if one is not other and one.kind != "hot_pixel":
                assert one.last < other.first or other.last < one.first, (one, other)
    sensors = [f.params["msid"] for f in plan.faults if f.kind in SENSOR_KINDS]
    assert len(set(sensors)) == len(sensors)


def test_the_seed_chooses_the_faults_and_without_faults_there_are_none() -> None:
    again = Plan(load_mission("chandra"), START, 24.0, 60.0, 7)
    assert again.faults == day().faults
    assert day(8).faults != day().faults
    clean = Plan(load_mission("chandra"), START, 24.0, 60.0, 7, with_faults=False)
    assert clean.faults == ()
    assert clean.engineering.overrides == {}


def test_a_short_run_leaves_out_what_finds_no_room() -> None:
    plan = day(7, 1.0, 30.0)
    kinds = {f.kind for f in plan.faults}
    assert "stuck" not in kinds  # it takes longer than the part of the playback for sensors
    assert {"yellow_high", "gap", "truncated"} <= kinds


def test_a_playback_that_the_next_one_overlaps_is_not_truncated() -> None:
    for seed in range(1, 6):
        faults = {f.kind: f for f in day(seed).faults}
        assert faults["truncated"].playback != faults["overlap"].playback - 1


@pytest.mark.parametrize("kind", ["yellow_low", "yellow_high", "red_low", "red_high"])
def test_a_limit_crossing_crosses_the_limits_that_it_should_and_no_other(kind: str) -> None:
    plan = day()
    fault = next(f for f in plan.faults if f.kind == kind)
    severity, side = kind.split("_")
    parameter, limits = plan.dictionary[fault.params["msid"]], plan.engineering.limits[fault.params["msid"]]
    times = plan.clock.time(np.arange(fault.first, fault.last + 1, parameter.step))
    values = np.asarray(
        parameter.convert(counts_of(parameter, plan.engineering.values(parameter.msid, times)))[0], float
    )
    sign = 1 if side == "high" else -1
    bound = getattr(limits, kind)
    assert (sign * values > sign * bound).all()
    if severity == "yellow" and np.isfinite(getattr(limits, f"red_{side}")):
        assert (sign * values < sign * getattr(limits, f"red_{side}")).all()
    records = describe(plan, fault, "x", SIZE)["expected"]
    assert [r["severity"] for r in records if r["severity"] == severity] == [severity]
    for record in records:
        assert record["count"] == len(times) > limits.samples
        assert record["bound"] == getattr(limits, f"{record['severity']}_{side}")
        assert record["tstart"] == pytest.approx(times[0])
        assert record["tstop"] == pytest.approx(times[-1])


def test_a_crossing_shorter_than_the_persistence_expects_nothing() -> None:
    plan = day()
    fault = next(f for f in plan.faults if f.kind == "short")
    parameter, limits = plan.dictionary[fault.params["msid"]], plan.engineering.limits[fault.params["msid"]]
    times = plan.clock.time(
        np.arange(fault.first - 10 * parameter.step, fault.last + 10 * parameter.step, parameter.step)
    )
    values = np.asarray(
        parameter.convert(counts_of(parameter, plan.engineering.values(parameter.msid, times)))[0], float
    )
    beyond = np.count_nonzero((values > limits.high) | (values < limits.low))
    assert 0 < beyond < limits.samples
    assert describe(plan, fault, "x", SIZE)["expected"] == []


def test_a_stuck_sensor_is_stuck_for_longer_than_its_limit_and_within_its_limits() -> None:
    plan = day()
    fault = next(f for f in plan.faults if f.kind == "stuck")
    record = describe(plan, fault, "x", SIZE)["expected"][0]
    limits = plan.engineering.limits[fault.params["msid"]]
    assert record["kind"] == "stuck"
    assert record["tstop"] - record["tstart"] >= limits.stuck_seconds > 0
    assert record["first"] == record["last"]
    assert np.fmax(limits.low, -np.inf) <= record["first"] <= np.fmin(limits.high, np.inf)


def test_a_gap_takes_frames_out_and_a_repeat_puts_them_in_again() -> None:
    data = frames()
    assert numbers(damage(data, 100, [Fault("gap", 0, 103, 105)])) == [0, 1, 2, 6, 7, 8, 9]
    assert numbers(damage(data, 100, [Fault("repeated_frame", 0, 104, 104)])) == [0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9]
    stretch = damage(data, 100, [Fault("repeated_stretch", 0, 102, 104)])
    assert numbers(stretch) == [0, 1, 2, 3, 4, 2, 3, 4, 5, 6, 7, 8, 9]


def test_frames_out_of_order_are_two_stretches_exchanged() -> None:
    assert numbers(damage(frames(), 100, [Fault("out_of_order", 0, 102, 105)])) == [0, 1, 4, 5, 2, 3, 6, 7, 8, 9]


def test_several_faults_of_a_playback_do_not_disturb_each_other() -> None:
    faults = [
        Fault("truncated", 0, 108, 109, {"bytes_left": 5}),
        Fault("gap", 0, 101, 102),
        Fault("repeated_frame", 0, 105, 105),
        Fault("yellow_high", 0, 103, 104, {"msid": "X"}),
        Fault("bit_sync", 0, 106, 106, {"byte": 3, "bit": 1}),
    ]
    data = damage(frames(), 100, faults)
    assert len(data) == 7 * 16 + 5
    assert numbers(data[: 7 * 16]) == [0, 3, 4, 5, 5, 6, 7]
    assert data[7 * 16 :] == bytes([8] * 5)
    assert data[5 * 16 + 3] == 6 ^ 2


def test_a_bit_error_changes_one_bit_of_one_frame_and_not_the_frames_that_were_given() -> None:
    data = frames()
    changed = np.frombuffer(damage(data, 100, [Fault("bit_science", 0, 107, 107, {"byte": 9, "bit": 7})]), np.uint8)
    difference = np.bitwise_count(changed.reshape(-1, 16) ^ frames())
    assert difference.sum() == 1
    assert difference[7, 9] == 1
    np.testing.assert_array_equal(data, frames())


def test_lost_and_suspect_frames_are_those_of_the_plan() -> None:
    plan = day()
    gap = next(f for f in plan.faults if f.kind == "gap")
    assert (gap.first, gap.last) in lost_frames(plan.faults, plan.spans[gap.playback])
    bits = [f for f in plan.faults if f.kind.startswith("bit_")]
    found = [c for span in plan.spans for c in suspect_frames(plan.faults, span)]
    assert sorted(found) == sorted(f.first for f in bits)
