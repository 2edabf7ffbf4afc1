from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData, ToolFailed
from mta_assets.core.times import from_utc
from mta_assets.missions.load import load_mission
from mta_assets.telemetry.clock import mission_clock
from mta_assets.telemetry.playback import FramePlayback, file_sha256, name_interval, open_playback, partition_key
from mta_assets_tests.telemetry.frame_files import frames, unsealed

MISSION = load_mission("chandra")
CLOCK = mission_clock(MISSION)
MIDNIGHT = from_utc("2024-03-01T00:00:00")
FIRST = int(np.ceil(CLOCK.counter(MIDNIGHT)))
NAME = "2024_061_0000_0100_Dump_EM_00001.vcdu"


def write(folder: Path, data: np.ndarray, name: str = NAME) -> Path:
    path = folder / name
    data.tofile(path)
    return path


def test_a_playback_knows_its_time_content_and_identity(tmp_path: Path) -> None:
    data = frames(FIRST + np.arange(40), format=[1] * 20 + [2] * 20)
    playback = open_playback(write(tmp_path, data), MISSION)
    assert isinstance(playback, FramePlayback)
    assert 0 <= playback.tstart - MIDNIGHT < 0.26
    assert playback.tstop - playback.tstart == pytest.approx(40 * 0.25625, abs=1e-5)
    assert playback.sha256 == hashlib.sha256(data.tobytes()).hexdigest()
    assert (playback.size, playback.kind, len(playback.faults)) == (data.size, "vcdu", 0)
    assert playback.facts["instruments"] == ["ACIS", "HRC"]
    assert playback.facts["formats"] == [1, 2]
    assert playback.facts["frames"] == playback.facts["good"] == 40
    assert partition_key(playback) == f"20240301T000000-{playback.sha256[:8]}"


def test_the_blocks_hold_all_frames_once_in_whole_major_frames(tmp_path: Path) -> None:
    data = frames(FIRST + np.arange(700))
    playback = open_playback(write(tmp_path, data), MISSION)
    blocks = list(playback.blocks(seconds=65.6))
    assert [len(set((block.counter // 256).tolist())) for block in blocks] == [1] * len(blocks)
    assert len(blocks) in (3, 4)
    assert np.array_equal(np.concatenate([block.data for block in blocks]), data)
    assert np.array_equal(np.concatenate([block.counter for block in blocks]), FIRST + np.arange(700))
    assert np.array_equal(np.concatenate([block.time for block in blocks]), CLOCK.time(FIRST + np.arange(700)))
    assert next(len(block) for block in playback.blocks(1e6)) >= 350


def test_blocks_of_a_shuffled_file_with_repeats_are_sorted_and_unique(tmp_path: Path) -> None:
    data = frames(FIRST + np.arange(300))
    order = np.concatenate([np.arange(150, 300), np.arange(0, 200)])
    blocks = list(open_playback(write(tmp_path, data[order]), MISSION).blocks(32.8))
    assert np.array_equal(np.concatenate([block.data for block in blocks]), data)
    assert np.array_equal(np.concatenate([block.counter for block in blocks]), FIRST + np.arange(300))


def test_a_gap_of_hours_makes_no_empty_blocks(tmp_path: Path) -> None:
    data = frames(FIRST + np.concatenate([np.arange(10), 40_000 + np.arange(10)]))
    blocks = list(open_playback(write(tmp_path, data, "2024_061_0000_0400_Dump.vcdu"), MISSION).blocks())
    assert [len(block) for block in blocks] == [10, 10]


def test_faults_carry_time_and_counter(tmp_path: Path) -> None:
    data = np.delete(frames(FIRST + np.arange(20)), [7, 8], axis=0)
    playback = open_playback(write(tmp_path, data), MISSION)
    row = {name: playback.faults[name][0] for name in playback.faults.columns}
    assert (row["kind"], row["source"], row["first"], row["last"], row["count"]) == (
        "gap", "frames", FIRST + 7, FIRST + 8, 2,
    )  # fmt: skip
    assert row["tstart"] == CLOCK.time(FIRST + 7)
    assert playback.facts["missing"] == 2


def test_the_name_decides_which_roll_over_is_meant(tmp_path: Path) -> None:
    data = frames(FIRST + np.arange(8))
    later = write(tmp_path, data, "2024_110_1816_1916_Dump_EM_00002.vcdu")  # one roll-over, 49.76 d, later
    gap = open_playback(later, MISSION).tstart - open_playback(write(tmp_path, data), MISSION).tstart
    assert gap == pytest.approx((1 << 24) * 0.25625, rel=1e-6)


def test_a_time_given_by_hand_replaces_the_name(tmp_path: Path) -> None:
    path = write(tmp_path, unsealed(FIRST + np.arange(8)), "frames.bin")
    assert open_playback(path, MISSION, near=MIDNIGHT).tstart == CLOCK.time(FIRST)
    with pytest.raises(BadData, match=r"frames\.bin: the name does not say which time"):
        open_playback(path, MISSION)


def test_frames_of_another_time_than_the_name_says_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, frames(FIRST + np.arange(8)), "2024_070_0000_0100_Dump_EM_00003.vcdu")
    with pytest.raises(BadData, match="check the name of the file and the clock table"):
        open_playback(path, MISSION)


@pytest.mark.parametrize(
    ("name", "start", "minutes"),
    [
        (NAME, "2024-03-01T00:00:00", 60),
        ("1a2b3c4d_2024_366_2330_0030_Dump_EM_12345.vcdu", "2024-12-31T23:30:00", 60),
        ("2024_061_0000_0000_Dump_EM_00001.vcdu", "2024-03-01T00:00:00", 1440),
        ("2024_061_0000_2400_Dump_EM_00001.vcdu", "2024-03-01T00:00:00", 1440),
    ],
)
def test_the_name_states_start_and_stop(name: str, start: str, minutes: int) -> None:
    tstart, tstop = name_interval(name)
    assert (tstart, tstop - tstart) == (from_utc(start), 60 * minutes)


@pytest.mark.parametrize(
    "name",
    ["", "frames.bin", "2024_061_0000_Dump", "2023_366_0000_0100_Dump", "2024_000_0000_0100_Dump",
     "2024_061_0060_0100_Dump", "2024_061_2401_0100_Dump", "0000_001_0000_0100_Dump", "9999_001_0000_0100_Dump"],
)  # fmt: skip
def test_a_name_that_is_no_date_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(BadData, match="expected a name like 2024_061_0000_0100_Dump"):
        name_interval(name)


@settings(derandomize=True, deadline=None)
@given(st.text(max_size=40) | st.from_regex(r"\d{4}_\d{3}_\d{4}_\d{4}_Dump", fullmatch=True))
def test_any_name_is_an_interval_or_bad_data(name: str) -> None:
    try:
        start, stop = name_interval(name)
    except BadData:
        return
    assert 0 < stop - start <= 86400


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "0 bytes are less than one frame"),
        (b"\x41\x8b" * 300, "less than one frame of 1025 bytes"),
        (bytes.fromhex("0821c000004d") + bytes(5000), "begin with 0821c000004d0000, expected the sync pattern"),
    ],
)
def test_an_unusable_file_is_bad_data_with_name_and_reason(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / NAME
    path.write_bytes(content)
    with pytest.raises(BadData, match=complaint) as caught:
        open_playback(path, MISSION)
    assert NAME in str(caught.value)
    assert "chandra" in str(caught.value)


def test_a_file_of_another_mission_is_refused_with_its_first_bytes_and_the_expected_ones(tmp_path: Path) -> None:
    path = tmp_path / "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1"
    path.write_bytes(bytes.fromhex("080bc5b40040") + bytes(3000))
    with pytest.raises(BadData, match="begins with 080bc5b400400000, frames of chandra with 4180000000002cab"):
        open_playback(path, MISSION)


def test_a_file_that_shrinks_while_it_is_read_is_bad_data(tmp_path: Path) -> None:
    path = write(tmp_path, frames(FIRST + np.arange(8)))
    playback = open_playback(path, MISSION)
    with path.open("r+b") as file:
        file.truncate(3000)
    with pytest.raises(BadData, match="became shorter"):
        list(playback.blocks())


def test_frames_have_no_packets(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match="ask for its blocks"):
        open_playback(write(tmp_path, frames(FIRST + np.arange(8))), MISSION).packets()


def test_the_hash_of_a_long_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 20_000
    (tmp_path / "long").write_bytes(content)
    assert file_sha256(tmp_path / "long") == hashlib.sha256(content).hexdigest()
