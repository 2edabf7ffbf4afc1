"""The 28 public frames of 2023:297, two of them repeated, with the times that came with them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mta_assets.core.times import to_yday
from mta_assets.missions.load import load_mission
from mta_assets.simulate.frames import encode_frames
from mta_assets.telemetry.byte_source import MemoryBytes
from mta_assets.telemetry.frame_faults import time_step_faults
from mta_assets.telemetry.frames import check_times
from mta_assets.telemetry.playback import FramePlayback, open_playback
from mta_assets.telemetry.sync import counters, find_frames
from mta_assets_tests.realdata import realdata

MISSION = load_mission("chandra")


@pytest.fixture(scope="module")
def given() -> np.ndarray:
    return np.array(json.loads(realdata("chandra", "vcdu", "repeat_frames.json").read_text())["times"])


@pytest.fixture(scope="module")
def playback(given: np.ndarray) -> FramePlayback:
    opened = open_playback(realdata("chandra", "vcdu", "repeat_frames.bin"), MISSION, near=given[0] - 3600.0)
    assert isinstance(opened, FramePlayback)
    return opened


@pytest.fixture(scope="module")
def stated() -> np.ndarray:
    data = np.fromfile(realdata("chandra", "vcdu", "repeat_frames.bin"), np.uint8)
    place = find_frames(MemoryBytes(data), MISSION.frame).offset
    return counters(data[place[:, None] + np.arange(16)], MISSION.frame)


def test_the_counters_are_those_of_major_frame_1500(playback: FramePlayback) -> None:
    raw = playback.index.counter % (1 << 24)
    assert raw.tolist() == list(range(192049, 192075))
    assert set((raw // 128).tolist()) == {1500}
    assert (raw % 128).tolist() == list(range(49, 75))


def test_the_two_repeated_frames_are_found_and_are_the_same(playback: FramePlayback) -> None:
    again = playback.index
    assert (again.again_counter % (1 << 24)).tolist() == [192063, 192064]
    assert not again.again_differs.any()
    assert playback.faults["kind"].tolist() == ["duplicate"]
    assert playback.facts["duplicates"] == 2
    assert playback.facts["good"] == 26


def test_the_step_of_the_given_times_at_the_repeat_is_flagged(given: np.ndarray, stated: np.ndarray) -> None:
    period = MISSION.frame.period
    assert np.flatnonzero(check_times(stated, given, period)).tolist() == [16]
    faults = time_step_faults(stated, given, period)
    assert faults["first"].tolist() == [192063]
    assert "+0.286 s against the counter" in faults["detail"][0]


def test_the_times_of_each_run_follow_from_its_first_to_a_millisecond(
    playback: FramePlayback, given: np.ndarray, stated: np.ndarray
) -> None:
    clock = playback.clock
    times = clock.time(clock.unwrap(stated, playback.tstart))
    assert np.max(np.abs(times[:16] - given[:16])) <= 0.001  # the clock is fitted to the very first
    second = slice(16, None)
    assert np.max(np.abs((times[second] - times[16]) - (given[second] - given[16]))) <= 0.001
    assert to_yday(playback.tstart).startswith("2023:297:12:0")


def test_a_clock_row_of_another_year_gives_the_same_times_to_a_millisecond(
    playback: FramePlayback, given: np.ndarray
) -> None:
    clock = playback.clock
    v = playback.index.counter[0] - clock.origin[-1]  # extrapolated back from the correlation of 2024
    assert abs(clock.null[-1] + clock.rate[-1] * v + clock.drift[-1] * v * v - given[0]) < 0.001


def test_the_real_frames_state_no_format_and_carry_no_checksum(playback: FramePlayback) -> None:
    assert not playback.facts["checksums"]
    assert playback.facts["formats"] == [MISSION.frame.format_default]
    assert not playback.index.quality.any()


def test_a_block_of_the_real_frames_holds_their_bytes(playback: FramePlayback) -> None:
    (block,) = playback.blocks()
    data = np.fromfile(playback.path, np.uint8).reshape(-1, 1025)
    assert np.array_equal(block.data, np.delete(data, [16, 17], axis=0))


def test_encoded_frames_have_the_header_of_the_real_ones(playback: FramePlayback) -> None:
    data = np.fromfile(playback.path, np.uint8).reshape(-1, 1025)
    blank = data.copy()
    blank[:, :9] = 0
    counter = [192049 + i for i in range(16)] + [192063 + i for i in range(12)]
    ours = encode_frames(counter, 0, blank, MISSION.frame)
    ours[16:, 1] ^= 11 ^ 3  # the repeat is on virtual channel 3
    checksum = [MISSION.frame.checksum_offset, MISSION.frame.checksum_offset + 1]
    assert np.array_equal(np.delete(ours, checksum, axis=1), np.delete(data, checksum, axis=1))
