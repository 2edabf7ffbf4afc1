"""Cut off and damaged playbacks: every byte and every bit is accounted for, and nothing stands at a wrong time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.archive.products import read_fits
from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.level0.acis import extract_events
from mta_assets.missions.load import Mission, load_mission
from mta_assets.telemetry import playback as telemetry_playback
from mta_assets.telemetry.decom import decommutate
from mta_assets.telemetry.odb import dictionary_of
from mta_assets.telemetry.playback import Playback, open_playback
from mta_assets_tests.playback_files import LENGTH, House, first_frames
from mta_assets_tests.realdata import realdata

NAME = "2024_061_0000_0010_Dump_EM_00001.vcdu"
JPSS = "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1"
FRAMES = 256
HEADER = 20  # [byte] sync, counter, format, checksum, and a bit more
BEP_TICK = 1e-5  # [s] what the clock of the ACIS processor can tell apart
few = settings(derandomize=True, deadline=None, max_examples=40)


@cache
def mission(name: str = "chandra") -> Mission:
    return load_mission(name)


@pytest.fixture(autouse=True, scope="module")
def _one_clock() -> Iterator[None]:
    """Read the clock table once: thousands of files are opened here."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("mission_clock", "from_datetime"):
            patch.setattr(telemetry_playback, name, cache(getattr(telemetry_playback, name)))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


def opened(folder: Path, content: bytes, name: str = NAME, of: str = "chandra") -> Playback:
    path = folder / name
    path.write_bytes(content)
    return open_playback(path, mission(of))


def rows(playback: Playback) -> dict[int, tuple[float, bytes, int]]:
    """Time, bytes and quality of each frame by its counter."""
    (block,) = playback.blocks()
    return {
        int(counter): (float(time), data.tobytes(), int(quality))
        for counter, time, data, quality in zip(block.counter, block.time, block.data, block.quality, strict=True)
    }


# ---- cut off


@pytest.mark.slow
def test_a_playback_cut_off_at_every_byte_of_its_last_frame_keeps_all_frames_before(folder: Path) -> None:
    count = 3
    content = first_frames(count)[1]
    whole = rows(opened(folder, content))
    before = {counter: row for counter, row in whole.items() if counter < max(whole)}
    path = folder / NAME
    for left in range(LENGTH - 1, -1, -1):
        os.truncate(path, (count - 1) * LENGTH + left)
        playback = open_playback(path, mission())
        assert rows(playback) == before
        assert playback.faults["kind"].tolist() == ["truncated"] * bool(left)
        assert playback.faults["count"].tolist() == [left] * bool(left)


def test_a_playback_cut_off_within_its_only_frame_is_bad_data(folder: Path) -> None:
    content = first_frames(1)[1]
    for size in range(0, LENGTH, 31):
        with pytest.raises(BadData, match=r"less than one frame|empty"):
            opened(folder, content[:size])


def test_a_playback_cut_off_at_its_beginning_keeps_all_frames_behind(folder: Path) -> None:
    count = 12
    content = first_frames(count)[1]
    whole = rows(opened(folder, content))
    for cut in range(1, LENGTH, 13):
        playback = opened(folder, content[cut:])
        found = rows(playback)
        assert found == {counter: row for counter, row in whole.items() if counter > min(whole)}
        assert int(playback.faults["count"].sum()) == LENGTH - cut


def test_packets_cut_off_at_every_byte_of_the_last_two_are_told(folder: Path) -> None:
    content = realdata("packets", "jpss", JPSS).read_bytes()[: 71 * 40]
    whole = opened(folder, content, JPSS, "jpss")
    assert (whole.facts["packets"], len(whole.faults)) == (40, 0)
    for size in range(71 * 38, 71 * 40):
        playback = opened(folder, content[:size], JPSS, "jpss")
        assert playback.facts["packets"] == size // 71
        assert playback.tstart == whole.tstart
        kinds = list(zip(playback.faults["kind"].tolist(), playback.faults["count"].tolist(), strict=True))
        assert kinds == ([("truncated", size % 71)] if size % 71 else [])


@pytest.mark.parametrize("left", [1, 7, 9, 16, 17, 500, 1024])
def test_a_cut_off_playback_goes_through_the_platform_with_its_fault(tmp_path: Path, left: int) -> None:
    house = House(tmp_path)
    arrival = house.arrive(NAME, first_frames(130)[1][: 129 * LENGTH + left])
    assert arrival.state == "accepted"
    assert house.run(arrival.partition, "PLAYBACK_RECORD") == {"PLAYBACK_RECORD sdp": "done"}
    (fault,) = house.catalog.faults(partition=arrival.partition)
    assert (fault["kind"], fault["first"], fault["count"]) == ("truncated", 129 * LENGTH, left)
    assert f"the last {left} bytes are not a whole frame" in fault["detail"]


# ---- one flipped bit


def flipped(content: bytes, bit: int) -> bytes:
    data = bytearray(content)
    data[bit // 8] ^= 0x80 >> (bit % 8)
    return bytes(data)


def seen_and_nothing_moved(whole: dict[int, tuple[float, bytes, int]], playback: Playback, frame: int) -> None:
    """The damaged frame is flagged or left out, with a fault; all others are as they were."""
    found = rows(playback)
    damaged = min(whole) + frame
    assert {c: row for c, row in found.items() if c != damaged} == {c: r for c, r in whole.items() if c != damaged}
    kinds = set(playback.faults["kind"].tolist())
    if damaged in found:
        assert found[damaged][0] == whole[damaged][0]
        assert found[damaged][2] & Quality.BAD_CHECKSUM
        assert "bad_checksum" in kinds
        row = playback.faults["kind"] == "bad_checksum"
        assert playback.faults["first"][row].tolist() == [damaged]
    else:
        assert kinds & {"unplaced", "truncated"}
    assert playback.facts["good"] == len(whole) - 1


@pytest.mark.parametrize("frame", [0, 1, 5, 10, 11])
def test_every_flipped_bit_of_a_frame_header_is_seen_and_moves_nothing(folder: Path, frame: int) -> None:
    content = first_frames(12)[1]
    whole = rows(opened(folder, content))
    for bit in range(8 * HEADER):
        seen_and_nothing_moved(whole, opened(folder, flipped(content, 8 * LENGTH * frame + bit)), frame)


@few
@given(frame=st.integers(0, 11), bit=st.integers(8 * HEADER, 8 * LENGTH - 1))
def test_a_flipped_bit_anywhere_is_seen_and_moves_nothing(folder: Path, frame: int, bit: int) -> None:
    content = first_frames(12)[1]
    whole = rows(opened(folder, content))
    seen_and_nothing_moved(whole, opened(folder, flipped(content, 8 * LENGTH * frame + bit)), frame)


def engineering(playback: Playback) -> dict[Any, Table]:
    (block,) = playback.blocks()
    return decommutate(block, dictionary_of(mission()))


def good_samples_are_those_of(damaged: dict[Any, Table], clean: dict[Any, Table]) -> None:
    """Every sample that is not flagged has the value and the time that it had in the undamaged playback."""
    assert set(damaged) <= set(clean)
    for key, table in damaged.items():
        place = np.searchsorted(clean[key]["counter"], table["counter"])
        for name in table.columns:
            if "__q" in name:
                continue
            quality = table.columns.get(f"{name.removesuffix('__r')}__q", np.zeros(len(table), np.uint8))
            good = quality == 0
            np.testing.assert_array_equal(table[name][good], clean[key][name][place][good], err_msg=f"{key} {name}")


def events(playback: Playback) -> tuple[dict[int, set[bytes]], dict[tuple[int, int], float]]:
    """ACIS events without a STATUS bit by front-end processor, and the time of each exposure."""
    request = Request("p", "sdp", playback.tstart, playback.tstop, playback.tstop)
    good: dict[int, set[bytes]] = {}
    times: dict[tuple[int, int], float] = {}
    for made in extract_events(playback, mission(), request):
        if not isinstance(made, Product) or made.file_id != "ACIS_EVT0":
            continue
        table = made.tables[0]
        fep_id, kept = int(made.fields["fep_id"]), table["STATUS"] == 0
        columns = [table[name][kept].reshape(int(kept.sum()), -1) for name in table.columns if name != "TIME"]
        good.setdefault(fep_id, set()).update(row.tobytes() for row in np.column_stack(columns).astype(np.int64))
        number, first = np.unique(table["EXPNO"][kept], return_index=True)
        times.update(
            {(fep_id, n): t for n, t in zip(number.tolist(), table["TIME"][kept][first].tolist(), strict=True)}
        )
    return good, times


@cache
def undamaged(folder: Path) -> tuple[Any, ...]:
    playback = opened(folder, first_frames(FRAMES)[1])
    return (engineering(playback), *events(playback))


@settings(derandomize=True, deadline=None, max_examples=12)
@given(frame=st.integers(0, FRAMES - 1), bit=st.integers(0, 8 * LENGTH - 1))
def test_no_good_value_changes_by_a_flipped_bit_anywhere(folder: Path, frame: int, bit: int) -> None:
    clean, clean_events, clean_times = undamaged(folder)
    playback = opened(folder, flipped(first_frames(FRAMES)[1], 8 * LENGTH * frame + bit))
    assert len(playback.faults) >= 1
    good_samples_are_those_of(engineering(playback), clean)
    found, times = events(playback)
    assert all(rows <= clean_events[fep_id] for fep_id, rows in found.items())
    assert all(abs(time - clean_times[key]) < BEP_TICK for key, time in times.items())
    kept, total = (sum(map(len, some.values())) for some in (found, clean_events))
    assert kept > 0.8 * total


def first_counter(entry: Any) -> int:
    return int(opened(Path(entry.path).parent, Path(entry.path).read_bytes(), entry.file_name).index.counter[0])  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize(("frame", "byte", "bit"), [(77, 3, 0), (100, 6, 3), (130, 9, 1), (140, 16, 7), (200, 600, 2)])
def test_a_flipped_bit_goes_through_the_platform_with_its_fault(
    tmp_path: Path, frame: int, byte: int, bit: int
) -> None:
    house = House(tmp_path)
    content = first_frames(FRAMES)[1]
    outcomes: dict[str, dict[str, str]] = {}
    for name, data in (
        (NAME, content),
        (NAME.replace("00001", "00002"), flipped(content, 8 * (frame * LENGTH + byte) + bit)),
    ):
        arrival = house.arrive(name, data)
        assert arrival.state == "accepted"
        outcomes[name] = house.run(arrival.partition, "PLAYBACK_RECORD", "EDE", "ADE")
    assert all(set(found.values()) == {"done"} for found in outcomes.values())
    clean, damaged = sorted(house.catalog.playbacks(), key=lambda p: p.file_name)
    (fault, *more) = house.catalog.faults(partition=damaged.partition, pipe_id="PLAYBACK_RECORD")
    kinds = [fault["kind"], *(f["kind"] for f in more)]
    assert "bad_checksum" in kinds
    assert {f["first"] for f in (fault, *more)} == {first_counter(clean) + frame}
    assert house.catalog.faults(partition=clean.partition, pipe_id="PLAYBACK_RECORD") == []
    ours = {p.series: p for p in house.catalog.products(partition=damaged.partition) if p.file_id.endswith("_ENG0")}
    theirs = {p.series: p for p in house.catalog.products(partition=clean.partition) if p.file_id.endswith("_ENG0")}
    assert set(ours) == set(theirs)
    for series in sorted(ours)[::6]:
        left, right = (read_fits(Path(p[series].path), "").tables[0] for p in (ours, theirs))
        np.testing.assert_array_equal(left["TIME"], right["TIME"])
        bad = left["QUALITY"] & ~right["QUALITY"]
        for index, name in enumerate(left.columns):
            same = ~bad[:, index]
            if name != "QUALITY":
                np.testing.assert_array_equal(left[name][same], right[name][same], err_msg=f"{series} {name}")


# ---- packets carry no checksum: what must be seen there is damage to their headers


@pytest.mark.parametrize("number", [0, 1, 20, 39])
def test_a_flipped_bit_of_a_packet_header_is_told_and_the_other_packets_stay(folder: Path, number: int) -> None:
    content = realdata("packets", "jpss", JPSS).read_bytes()[: 71 * 40]
    whole = opened(folder, content, JPSS, "jpss")
    (clean,) = whole.tables()  # type: ignore[attr-defined]
    silent = []
    for bit in range(48):
        if (number, bit) == (39, 16):
            continue  # the first segment of a unit that goes on in the next file looks like that
        try:
            playback = opened(folder, flipped(content, 8 * 71 * number + bit), JPSS, "jpss")
        except BadData:
            silent.append((bit, "bad data"))
            continue
        if not len(playback.faults):
            silent.append((bit, "no fault"))
        times = np.concatenate([t["JPSS_ATT_EPHEM"]["time"] for t in playback.tables()])  # type: ignore[attr-defined]
        if not set(np.delete(clean["JPSS_ATT_EPHEM"]["time"], number)) <= set(times):
            silent.append((bit, "others lost"))
    assert silent == []
