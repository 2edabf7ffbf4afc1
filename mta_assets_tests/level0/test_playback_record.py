from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mta_assets.core.errors import ToolFailed
from mta_assets.core.records import FAULTS
from mta_assets.core.request import Request
from mta_assets.core.times import from_utc
from mta_assets.level0.playback import record
from mta_assets.missions.load import load_mission
from mta_assets.telemetry.clock import mission_clock
from mta_assets.telemetry.playback import Playback, open_playback
from mta_assets_tests.telemetry.frame_files import frames

MISSION = load_mission("chandra")
CLOCK = mission_clock(MISSION)
FIRST = int(np.ceil(CLOCK.counter(from_utc("2024-03-01T00:00:00")))) // 128 * 128 + 128  # a major frame begins
REQUEST = Request("sdp/test", "sdp", 0.0, 0.0, 0.0)


def open_frames(folder: Path, data: np.ndarray) -> Playback:
    path = folder / "2024_061_0000_0100_Dump_EM_00001.vcdu"
    data.tofile(path)
    return open_playback(path, MISSION)


def test_every_frame_of_every_major_frame_is_accounted_for(tmp_path: Path) -> None:
    counter = np.arange(100, 420)  # ends of the first and fourth major frame are outside
    data = frames(FIRST + counter, format=np.where(counter < 200, 1, 2))
    data[150 - 100, 700] ^= 1  # bad checksum in major frame 1
    data[260 - 100, 0] = 0  # bad sync (and checksum) in major frame 2
    keep = np.ones(len(counter), bool)
    keep[[300 - 100, 301 - 100]] = False  # a gap in major frame 2
    data = np.concatenate([data[keep], data[:3]])  # three repeats from major frame 0
    product, faults, facts, plots = record(open_frames(tmp_path, data), MISSION, REQUEST)
    table = product.table("PLAYBACK")
    assert table["TIME"].tolist() == CLOCK.time(FIRST + 128 * np.arange(4)).tolist()
    assert table["MJF"].tolist() == [(FIRST % (1 << 24)) // 128 + i for i in range(4)]
    assert table["TLM_FMT"].tolist() == [1, 1, 2, 2]
    assert table["GOOD"].tolist() == [28, 127, 125, 36]
    assert table["BAD_CHECKSUM"].tolist() == [0, 1, 1, 0]
    assert table["BAD_SYNC"].tolist() == [0, 0, 1, 0]
    assert table["MISSING"].tolist() == [0, 0, 2, 0]
    assert table["DUPLICATE"].tolist() == [3, 0, 0, 0]
    assert product.table("FAULTS").columns is faults.columns
    assert sorted(faults["kind"].tolist()) == ["bad_checksum", "bad_checksum", "bad_sync", "duplicate", "gap"]
    assert faults.schema is FAULTS
    assert facts["instruments"] == ["ACIS", "HRC"]
    assert facts["missing"] == 2
    assert plots["frames"].startswith(b"\x89PNG")
    assert len(plots["frames"]) < 50_000


def test_the_record_covers_the_playback_and_names_it(tmp_path: Path) -> None:
    playback = open_frames(tmp_path, frames(FIRST + np.arange(10)))
    product, *_ = record(playback, MISSION, REQUEST)
    assert (product.file_id, product.tstart, product.tstop) == ("PLAYBACK_RECORD", playback.tstart, playback.tstop)
    header = product.table("PLAYBACK").header
    assert (header["PBNAME"][0], header["PBSHA256"]) == (playback.path.name, playback.sha256)
    assert header["BTIMNULL"][0] == CLOCK.null[-1]


def test_a_major_frame_that_is_missing_has_a_row_without_format(tmp_path: Path) -> None:
    counter = np.concatenate([np.arange(128), 256 + np.arange(128)])
    product, *_ = record(open_frames(tmp_path, frames(FIRST + counter)), MISSION, REQUEST)
    table = product.table("PLAYBACK")
    assert table["MISSING"].tolist() == [0, 128, 0]
    assert table["TLM_FMT"].tolist() == [2, 0, 2]


def test_the_same_playback_gives_the_same_bytes(tmp_path: Path) -> None:
    playback = open_frames(tmp_path, frames(FIRST + np.arange(200)))
    assert record(playback, MISSION, REQUEST)[3] == record(playback, MISSION, REQUEST)[3]


def test_a_playback_of_packets_has_no_frames_to_account_for() -> None:
    packets = Playback(Path("x.DAT1"), MISSION, "ccsds", "0" * 64, 0, 0.0, 0.0, FAULTS.empty())
    with pytest.raises(ToolFailed, match=r"x\.DAT1: a playback of kind ccsds has no frames"):
        record(packets, MISSION, REQUEST)
