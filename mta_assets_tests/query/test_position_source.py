"""Bit fields of frames and packets without a name, from the playbacks of a catalog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.store import sha256_of
from mta_assets.core.errors import BadData
from mta_assets.core.samples import Samples
from mta_assets.missions.load import Mission, load_mission
from mta_assets.query.model import Position
from mta_assets.query.position_source import PositionSource, once, parse_position, position_name
from mta_assets.telemetry.ccsds import frame_bytes
from mta_assets.telemetry.clock import mission_clock
from mta_assets.telemetry.playback import open_playback
from mta_assets_tests.realdata import realdata
from mta_assets_tests.telemetry.frame_files import frames

CHANDRA = load_mission("chandra")
JPSS = load_mission("jpss")
NAME = "2024_061_0000_0010_Dump_EM_{:05d}.vcdu"
PERIOD = CHANDRA.frame.period


def enter(catalog: Catalog, path: Path, mission: Mission, accepted: float = 1.0) -> str:
    playback = open_playback(path, mission)
    partition = f"{playback.tstart:.3f}-{path.name}"
    catalog.enter_playback(
        mission=mission.name, partition=partition, file_name=path.name, path=str(path), source=str(path),
        sha256=sha256_of(path), size=path.stat().st_size, tstart=playback.tstart, tstop=playback.tstop, arrived=0.0,
        facts=playback.facts,
    )  # fmt: skip
    catalog.mark_accepted(partition, accepted)
    return partition


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as opened:
        yield opened


def counters(first: int, count: int) -> Any:
    from mta_assets.telemetry.playback import name_interval

    start, _ = name_interval(NAME.format(1))
    return int(mission_clock(CHANDRA).counter(start)) + 10 + first + np.arange(count)


def drop(catalog: Catalog, folder: Path, number: int, data: Any, accepted: float = 1.0) -> Path:
    path = folder / NAME.format(number)
    path.write_bytes(np.ascontiguousarray(data).tobytes())
    enter(catalog, path, CHANDRA, accepted)
    return path


def bits(rows: Any, byte: int, bit: int, length: int) -> list[int]:
    """The field by Python's whole-number arithmetic."""
    found = []
    for row in np.asarray(rows):
        number = int.from_bytes(row.tobytes(), "big")
        found.append((number >> (8 * len(row) - 8 * byte - bit - length)) & ((1 << length) - 1))
    return found


def test_names_and_positions_mean_the_same() -> None:
    assert position_name(Position("", 112, 0, 8)) == "FRAME[112:0:8]"
    assert parse_position("frame[112:3:12]") == Position("", 112, 3, 12)
    assert parse_position("JPSS_ATT_EPHEM[6:0:16]") == Position("JPSS_ATT_EPHEM", 6, 0, 16)
    for other in (
        "FRAME",
        "FRAME[1]",
        "FRAME[1:2]",
        "FRAME[-1:0:8]",
        "1DPAMZT",
        "[1:0:8]",
        "A[0:0:8]x",
        "A[9999999999:0:1]",
    ):
        assert parse_position(other) is None


@pytest.mark.parametrize(("byte", "bit", "length"), [(112, 0, 8), (0, 0, 32), (500, 3, 13), (1017, 0, 64), (77, 7, 1),
                                                     (300, 5, 64), (200, 11, 60)])  # fmt: skip
def test_a_field_of_frames_is_what_whole_number_arithmetic_gives(
    catalog: Catalog, tmp_path: Path, byte: int, bit: int, length: int
) -> None:
    data = frames(counters(0, 40))
    drop(catalog, tmp_path, 1, data)
    name = f"FRAME[{byte}:{bit}:{length}]"
    source = PositionSource(catalog, CHANDRA)
    found = source.read([name], None)[name]
    assert found.values.tolist() == bits(data, byte, bit, length)
    np.testing.assert_allclose(np.diff(found.times), PERIOD, atol=1e-6)
    assert found.info.period == PERIOD
    assert found.values.dtype == found.info.dtype


def test_frames_out_of_order_come_in_order_of_time_and_only_those_asked_for(catalog: Catalog, tmp_path: Path) -> None:
    data = frames(counters(0, 60))
    shuffled = np.concatenate([data[30:], data[:30]])
    drop(catalog, tmp_path, 1, shuffled)
    source = PositionSource(catalog, CHANDRA)
    whole = source.read(["FRAME[100:0:16]"], None)["FRAME[100:0:16]"]
    assert whole.values.tolist() == bits(data, 100, 0, 16)
    when = np.array([[whole.times[10], whole.times[13]], [whole.times[40], whole.times[41] + 1e-6]])
    part = source.read(["FRAME[100:0:16]"], when)["FRAME[100:0:16]"]
    assert part.values.tolist() == [whole.values[i] for i in (10, 11, 12, 40, 41)]
    assert source.estimate(["FRAME[100:0:16]"], when)[0] >= 5
    assert len(source.read(["FRAME[100:0:16]"], np.zeros((0, 2)))["FRAME[100:0:16]"]) == 0


def test_playbacks_that_overlap_give_each_time_once_and_the_good_frame(catalog: Catalog, tmp_path: Path) -> None:
    data = frames(counters(0, 90))
    broken = data[:60].copy()
    broken[50, 600] ^= 255  # its checksum fails now
    drop(catalog, tmp_path, 1, broken)
    drop(catalog, tmp_path, 2, data[40:], accepted=5.0)
    source = PositionSource(catalog, CHANDRA)
    name = "FRAME[600:0:8]"
    found = source.read([name], None)[name]
    assert found.values.tolist() == bits(data, 600, 0, 8)
    assert not found.bads.any()
    before = source.read([name], None, as_of=4.0)[name]
    assert before.values.tolist() == bits(broken, 600, 0, 8)
    assert np.flatnonzero(before.bads).tolist() == [50]
    assert source.span([name]) == pytest.approx((found.times[0], found.times[-1] + PERIOD), abs=1e-6)


def test_blocks_equal_the_whole_and_part_at_times(catalog: Catalog, tmp_path: Path, monkeypatch: Any) -> None:
    data = frames(counters(0, 160))
    for number, first in enumerate(range(0, 120, 30)):
        drop(catalog, tmp_path, number, data[first : first + 50])
    source = PositionSource(catalog, CHANDRA)
    name = "FRAME[600:4:12]"
    whole = source.read([name], None)[name]
    assert whole.values.tolist() == bits(data[:140], 600, 4, 12)
    monkeypatch.setattr("mta_assets.query.time_order.in_time_order.__defaults__", (None, 1))
    monkeypatch.setattr("mta_assets.query.position_source.CHUNK", 7)
    blocks = [block[name] for block in source.blocks([name], None)]
    assert len(blocks) > 2
    np.testing.assert_array_equal(np.concatenate([b.time for b in blocks]), whole.time)
    np.testing.assert_array_equal(np.concatenate([b.values for b in blocks]), whole.values)


def test_a_playback_that_is_gone_is_left_out_and_named(catalog: Catalog, tmp_path: Path) -> None:
    data = frames(counters(0, 60))
    gone = drop(catalog, tmp_path, 1, data[:30])
    drop(catalog, tmp_path, 2, data[30:])
    gone.unlink()
    source = PositionSource(catalog, CHANDRA)
    assert len(source.read(["FRAME[0:0:8]"], None)["FRAME[0:0:8]"]) == 30
    assert NAME.format(1) in source.notes[0]


def test_positions_that_no_frame_has_are_refused(catalog: Catalog) -> None:
    source = PositionSource(catalog, CHANDRA)
    assert source.info("FRAME[1024:0:8]") is not None
    assert source.info("1DPAMZT") is None
    for name, reason in [
        ("FRAME[1024:1:8]", "1025 bytes"), ("FRAME[0:0:65]", "1 to 64"), ("FRAME[0:0:0]", "1 to 64"),
        ("EPHEM[0:0:8]", "frames, not packets"),
    ]:  # fmt: skip
        with pytest.raises(BadData, match=reason):
            source.info(name)
    with pytest.raises(BadData, match=r"no packet type 'FRAME'; it has JPSS_ATT_EPHEM"):
        PositionSource(catalog, JPSS).info("FRAME[0:0:8]")
    assert source.read(["FRAME[0:0:8]"], None)["FRAME[0:0:8]"].values.tolist() == []


def test_fields_of_real_packets_are_their_bytes(catalog: Catalog, tmp_path: Path) -> None:
    path = realdata("packets", "jpss", "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1")
    enter(catalog, path, JPSS)
    packets, _ = frame_bytes(path.read_bytes())
    rows = [packets.data[a : a + n] for a, n in zip(packets.offset, packets.length, strict=True)]
    source = PositionSource(catalog, JPSS)
    names = ["jpss_att_ephem[2:2:14]", "JPSS_ATT_EPHEM[6:0:16]", "JPSS_ATT_EPHEM[15:3:37]"]
    found = source.read(names, None)
    for name, place in zip(names, [(2, 2, 14), (6, 0, 16), (15, 3, 37)], strict=True):
        assert found[name].values.tolist() == bits(rows, *place)
    assert len(found[names[0]]) == 7200
    assert np.all(np.diff(found[names[1]].values.astype(int)) >= 0)
    assert source.estimate(names[:1], None) == (7200, 7200 * 10)


def test_of_samples_at_one_time_the_first_good_one_is_taken() -> None:
    from mta_assets.core.samples import ParameterInfo

    quality = np.array([4, 0, 0, 4, 8], np.uint8)
    samples = Samples(ParameterInfo("A"), np.array([0, 5000, 9000, 10**6, 10**6]), np.arange(5), quality)
    assert once(samples).values.tolist() == [1, 3]
