from __future__ import annotations

import numpy as np
import pytest

from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.core.tables import Table
from mta_assets.telemetry.byte_source import MemoryBytes
from mta_assets.telemetry.frame_faults import MOST, frame_faults, time_step_faults
from mta_assets.telemetry.frames import FrameIndex, check_times, read_frames
from mta_assets_tests.telemetry.frame_files import FRAME, LENGTH, accounted, frames, index_of, unsealed

START = 5 * (1 << 24) + 1000


def faults(index: FrameIndex) -> Table:
    return frame_faults(index, lambda counter: counter * 0.25, LENGTH)


def kinds(index: FrameIndex) -> dict[str, list[tuple[int, int, int]]]:
    """first, last, count of each fault by kind, relative to START where they are counters."""
    table = faults(index)
    found: dict[str, list[tuple[int, int, int]]] = {}
    for kind, first, last, count in zip(*(table[n].tolist() for n in ("kind", "first", "last", "count")), strict=True):
        base = 0 if kind in ("truncated", "unplaced") else START
        found.setdefault(kind, []).append((first - base, last - base, count))
    return found


def relative(index: FrameIndex) -> list[int]:
    return (index.counter - START).tolist()


def test_clean_frames_come_out_as_they_went_in() -> None:
    data = frames(START + np.arange(10))
    index = index_of(data, START)
    assert relative(index) == list(range(10))
    assert not index.quality.any()
    assert index.format.tolist() == [2] * 10
    assert len(faults(index)) == 0
    assert np.array_equal(read_frames(MemoryBytes(data.ravel()), index.offset, LENGTH), data)


def test_a_missing_stretch_is_a_gap_with_its_first_and_last_counter() -> None:
    data = np.delete(frames(START + np.arange(10)), [3, 4, 5], axis=0)
    assert kinds(index_of(data, START)) == {"gap": [(3, 5, 3)]}


def test_the_counter_rolls_over_without_a_gap() -> None:
    zero = 6 * (1 << 24)
    index = index_of(frames(zero + np.arange(-3, 3)), zero)
    assert (index.counter - zero).tolist() == [-3, -2, -1, 0, 1, 2]
    assert len(faults(index)) == 0


def test_a_repeated_frame_is_kept_once_and_counted() -> None:
    data = frames(START + np.array([0, 1, 2, 1, 2, 3]))
    index = index_of(data, START)
    assert relative(index) == [0, 1, 2, 3]
    assert index.offset.tolist() == [0, LENGTH, 2 * LENGTH, 5 * LENGTH]
    assert kinds(index) == {"duplicate": [(1, 2, 2)]}
    assert "same content" in faults(index)["detail"][0]


def test_a_repeat_on_another_virtual_channel_is_the_same_content() -> None:
    data = unsealed(START + np.array([0, 1, 2, 1, 2, 3]))
    data[3:, 1] ^= 0x08
    index = index_of(data, START)
    assert kinds(index) == {"duplicate": [(1, 2, 2)]}
    assert not index.again_differs.any()


def test_a_repeat_with_other_content_says_so() -> None:
    data = unsealed(START + np.array([0, 1, 2, 1, 2, 3]))
    data[3, 600] ^= 1
    index = index_of(data, START)
    assert index.again_differs.tolist() == [True, False]
    assert sorted(kinds(index)["duplicate"]) == [(1, 1, 1), (2, 2, 1)]


def test_of_two_copies_the_one_with_the_good_checksum_is_kept() -> None:
    data = frames(START + np.array([0, 1, 2, 0, 1, 2, 3]))
    data[1, 500] ^= 4
    index = index_of(data, START)
    assert index.offset.tolist() == [0, 4 * LENGTH, 2 * LENGTH, 6 * LENGTH]
    assert not index.quality.any()
    assert kinds(index) == {"bad_checksum": [(1, 1, 1)], "duplicate": [(0, 2, 3)]} or "duplicate" in kinds(index)
    assert int(faults(index)["count"][faults(index)["kind"] == "duplicate"].sum()) == 3


def test_frames_in_another_order_are_sorted_and_flagged() -> None:
    order = np.array([0, 1, 2, 6, 7, 3, 4, 5, 8])
    index = index_of(frames(START + order), START)
    assert relative(index) == list(range(9))
    assert (index.quality == Quality.OUT_OF_ORDER).tolist() == [i in (3, 4, 5) for i in range(9)]
    assert kinds(index) == {"out_of_order": [(3, 5, 3)]}


@pytest.mark.parametrize("bit", range(24))
def test_a_bit_error_in_the_counter_leaves_the_frame_at_its_place(bit: int) -> None:
    data = frames(START + np.arange(6))
    data[3, 2 + bit // 8] ^= 1 << (bit % 8)
    index = index_of(data, START)
    assert relative(index) == list(range(6))
    assert index.quality.tolist() == [0, 0, 0, Quality.BAD_CHECKSUM, 0, 0]


@pytest.mark.parametrize("bit", range(24))
def test_without_checksum_a_frame_with_a_wrong_counter_is_not_used(bit: int) -> None:
    data = unsealed(START + np.arange(6))
    data[3, 2 + bit // 8] ^= 1 << (bit % 8)
    index = index_of(data, START)
    assert relative(index) == [0, 1, 2, 4, 5]
    assert not index.quality.any()
    assert kinds(index) == {"gap": [(3, 3, 1)], "unplaced": [(3 * LENGTH, 4 * LENGTH - 1, 1)]}


def test_a_damaged_frame_that_its_neighbours_do_not_place_is_not_used() -> None:
    data = np.delete(frames(START + np.arange(8)), [4], axis=0)
    data[3, 4] ^= 0x40  # the frame before the gap
    data[3, 900] ^= 1
    index = index_of(data, START)
    assert relative(index) == [0, 1, 2, 5, 6, 7]
    assert kinds(index) == {"gap": [(3, 4, 2)], "unplaced": [(3 * LENGTH, 4 * LENGTH - 1, 1)]}


def test_a_damaged_frame_beside_a_gap_keeps_its_own_counter_if_that_goes_on() -> None:
    data = np.delete(frames(START + np.arange(8)), [4], axis=0)
    data[3, 900] ^= 1
    index = index_of(data, START)
    assert relative(index) == [0, 1, 2, 3, 5, 6, 7]
    assert index.quality[3] == Quality.BAD_CHECKSUM


@pytest.mark.parametrize("sealed", [True, False])
def test_a_damaged_sync_in_place_is_a_frame_with_a_flag(sealed: bool) -> None:
    data = (frames if sealed else unsealed)(START + np.arange(6))
    data[2, 6] ^= 0x10
    index = index_of(data, START)
    assert relative(index) == list(range(6))
    assert index.quality[2] & Quality.BAD_SYNC
    assert kinds(index)["bad_sync"] == [(2, 2, 1)]


@pytest.mark.parametrize("damaged", [0, 5])
def test_a_damaged_sync_at_either_end_is_a_frame_with_a_flag(damaged: int) -> None:
    data = frames(START + np.arange(6))
    data[damaged, 0] = 0
    index = index_of(data, START)
    assert relative(index) == list(range(6))
    assert kinds(index)["bad_sync"] == [(damaged, damaged, 1)]


@pytest.mark.parametrize("sealed", [True, False])
def test_bytes_missing_in_a_frame_cost_that_frame_only(sealed: bool) -> None:
    data = (frames if sealed else unsealed)(START + np.arange(8)).ravel()
    cut = np.delete(data, np.arange(3 * LENGTH + 400, 3 * LENGTH + 407))
    index = index_of(cut, START)
    assert relative(index) == [0, 1, 2, 4, 5, 6, 7]
    assert not index.quality.any()
    assert kinds(index) == {
        "gap": [(3, 3, 1)],
        "truncated": [(3 * LENGTH, 4 * LENGTH - 8, LENGTH - 7)],
    }
    assert accounted(index) == len(cut)


def test_bytes_put_between_frames_are_skipped_and_counted() -> None:
    data = frames(START + np.arange(8)).ravel()
    index = index_of(np.insert(data, 3 * LENGTH, np.arange(5, dtype=np.uint8)), START)
    assert relative(index) == list(range(8))
    assert not index.quality.any()
    assert kinds(index) == {"unplaced": [(3 * LENGTH, 3 * LENGTH + 4, 5)]}


def test_bytes_put_into_a_frame_are_seen_by_its_checksum() -> None:
    data = np.insert(frames(START + np.arange(8)).ravel(), 3 * LENGTH + 500, np.zeros(5, np.uint8))
    index = index_of(data, START)
    assert index.quality.tolist() == [0, 0, 0, Quality.BAD_CHECKSUM, 0, 0, 0, 0]


def test_without_checksum_a_frame_followed_by_foreign_bytes_is_flagged() -> None:
    data = np.insert(unsealed(START + np.arange(8)).ravel(), 3 * LENGTH + 500, np.zeros(5, np.uint8))
    index = index_of(data, START)
    assert relative(index) == list(range(8))
    assert index.quality.tolist() == [0, 0, 0, Quality.BAD_SYNC, 0, 0, 0, 0]


def test_a_sync_pattern_inside_the_data_does_not_distract() -> None:
    data = unsealed(START + np.arange(8))
    data[:, 400:408] = data[:, :8]  # the same place in every frame, but the counter there does not matter
    data[2, 700:708] = np.frombuffer(bytes.fromhex("4180000000002cab"), np.uint8)
    shifted = np.concatenate([np.zeros(3, np.uint8), data.ravel()])
    assert relative(index_of(data, START)) == list(range(8))
    assert relative(index_of(shifted, START)) == list(range(8))


def test_a_single_frame_between_damaged_ones_is_found() -> None:
    data = frames(START + np.arange(5))
    stream = np.concatenate([data[0, :900], data[1], data[2, :300], data[3], data[4, :1000]])
    index = index_of(stream, START)
    assert relative(index) == [1, 3]
    assert accounted(index) == len(stream)


def test_the_rest_of_a_frame_at_the_end_is_a_truncated_tail() -> None:
    index = index_of(frames(START + np.arange(3)).ravel()[:-25], START)
    assert kinds(index) == {"truncated": [(2 * LENGTH, 3 * LENGTH - 26, LENGTH - 25)]}


def test_one_frame_alone_is_enough() -> None:
    assert relative(index_of(unsealed([START]), START)) == [0]


def test_without_a_reference_the_counters_stay_as_the_frames_state_them() -> None:
    assert index_of(frames(START + np.arange(4))).counter.tolist() == (START % (1 << 24) + np.arange(4)).tolist()


def test_frames_far_from_where_the_file_should_be_are_not_used() -> None:
    data = frames(np.concatenate([START + np.arange(4), START + 2_000_000 + np.arange(2)]))
    index = index_of(data, START)
    assert relative(index) == list(range(4))
    assert len(index.lost_offset) == 2
    with pytest.raises(BadData, match="clock table"):
        index_of(data, START + 6_000_000)


def test_the_format_of_a_damaged_frame_is_that_of_the_frame_before() -> None:
    data = frames(START + np.arange(6), format=[1, 1, 1, 2, 2, 2])
    data[4, 9] = 77
    assert index_of(data, START).format.tolist() == [1, 1, 1, 2, 2, 2]


def test_a_checksum_is_only_expected_where_most_frames_state_a_format() -> None:
    assert index_of(frames(START + np.arange(4))).checksums
    assert not index_of(unsealed(START + np.arange(4))).checksums


def test_a_file_of_isolated_faults_does_not_flood_the_fault_table() -> None:
    index = index_of(frames(START + np.arange(0, 2 * MOST + 20, 2)), START)
    gaps = faults(index)
    assert len(gaps) == MOST + 1
    assert int(gaps["count"].sum()) == MOST + 9
    assert "further places" in gaps["detail"][-1]


def test_a_time_that_does_not_follow_from_the_counter_is_flagged() -> None:
    counter = [10, 11, 12, 11, 12, 13, 20]
    times = [0.0, 0.256, 0.512, 0.798, 1.055, 1.311, 3.105]
    assert check_times(counter, times, 0.25625).tolist() == [False, False, False, True, False, False, False]
    table = time_step_faults(counter, times, 0.25625)
    assert (table["kind"].tolist(), table["first"].tolist()) == (["time_step"], [11])
    assert "+0.542" in table["detail"][0]


def test_a_time_that_is_not_a_number_is_flagged() -> None:
    assert check_times([1, 2, 3], [0.0, np.nan, 0.5125], 0.25625).tolist() == [False, True, True]


def test_two_frames_in_a_file_with_a_stray_pattern_before_them() -> None:
    data = np.concatenate([np.frombuffer(bytes.fromhex(FRAME.sync), np.uint8), frames(START + np.arange(2)).ravel()])
    assert relative(index_of(data, START)) == [0, 1]
