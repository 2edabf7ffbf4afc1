"""Whatever the bytes are: every byte accounted for, no frame at a wrong place, no other exception than BadData."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.telemetry.byte_source import MemoryBytes
from mta_assets.telemetry.frame_faults import frame_faults
from mta_assets.telemetry.frames import read_frames
from mta_assets.telemetry.sync import DENSITY
from mta_assets_tests.telemetry.frame_files import FRAME, LENGTH, accounted, frames, index_of, unsealed

START = 9 * (1 << 24) - 6  # the files below roll over
ORIGINAL = {int(c): row for c, row in zip(START + np.arange(16), frames(START + np.arange(16)), strict=True)}
DAMAGE = Quality.BAD_SYNC | Quality.BAD_CHECKSUM
quick = settings(derandomize=True, deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def test_an_empty_file_is_bad_data() -> None:
    with pytest.raises(BadData, match="0 bytes are less than one frame"):
        index_of(np.zeros(0, np.uint8))


def test_a_frame_truncated_at_every_byte_is_bad_data_and_two_are_one_and_a_tail() -> None:
    data = frames(START + np.arange(2)).ravel()
    for size in range(LENGTH):
        with pytest.raises(BadData, match="less than one frame"):
            index_of(data[:size], START)
    for size in range(LENGTH, 2 * LENGTH):
        index = index_of(data[:size], START)
        assert (index.counter.tolist(), index.positions.tail) == ([START], size - LENGTH)


def test_every_single_flipped_bit_of_a_frame_is_seen_and_moves_nothing() -> None:
    clean = frames(START + np.arange(3))
    for bit in range(8 * 20):  # the header, where a bit can move a frame
        data = clean.copy()
        data[1, bit // 8] ^= 0x80 >> (bit % 8)
        index = index_of(data, START)
        assert index.counter.tolist() == [START, START + 1, START + 2]
        assert index.quality[[0, 2]].tolist() == [0, 0]
        assert index.quality[1] & Quality.BAD_CHECKSUM


@quick
@given(st.binary(max_size=4000))
def test_random_bytes_are_bad_data(data: bytes) -> None:
    with pytest.raises(BadData, match=r"less than one frame|no frame found"):
        index_of(np.frombuffer(data, np.uint8), START)


def test_a_file_full_of_sync_patterns_is_bad_data() -> None:
    pattern = np.frombuffer(bytes.fromhex(FRAME.sync), np.uint8)
    with pytest.raises(BadData, match=f"more than {DENSITY * 9} sync patterns"):
        index_of(np.tile(pattern, 8 * LENGTH // 8), START)


PIECE = st.one_of(
    st.tuples(st.just("frame"), st.integers(0, 15)),
    st.tuples(st.just("run"), st.integers(0, 12)),
    st.tuples(st.just("flip"), st.integers(0, 15), st.integers(0, 8 * LENGTH - 1)),
    st.tuples(st.just("cut"), st.integers(0, 15), st.integers(1, LENGTH - 1)),
    st.tuples(st.just("noise"), st.integers(1, LENGTH - 1)),
)


@quick
@given(st.lists(PIECE, min_size=1, max_size=9), st.integers(0, 2**32 - 1))
def test_any_mixture_of_frames_and_damage_is_accounted_for(pieces: list[tuple], seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts: list[np.ndarray] = []
    whole: dict[int, tuple[int, bool]] = {}  # offset → counter, intact
    at = 0
    for piece in pieces:
        if piece[0] == "noise":
            made = [(None, rng.integers(0, 256, piece[1], dtype=np.uint8))]
        elif piece[0] == "run":
            made = [(True, ORIGINAL[START + piece[1] + i]) for i in range(4)]
        else:
            row = ORIGINAL[START + piece[1]].copy()
            if piece[0] == "flip":
                row[piece[2] // 8] ^= 0x80 >> (piece[2] % 8)
            made = [(piece[0] == "frame", row)] if piece[0] != "cut" else [(None, row[: piece[2]])]
        for intact, row in made:
            if intact is not None:
                whole[at] = (_counter(piece, row), intact)
            parts.append(row)
            at += len(row)
    data = np.concatenate(parts)
    try:
        index = index_of(data, START)
    except BadData:
        assert not any(intact for _, intact in whole.values())
        return
    assert accounted(index) == len(data)
    good = (index.quality & DAMAGE) == 0
    rows = read_frames(MemoryBytes(data), index.offset, LENGTH)
    for counter, row in zip(index.counter[good].tolist(), rows[good], strict=True):
        assert np.array_equal(row, ORIGINAL[counter])
    for offset, counter in zip(index.offset[~good].tolist(), index.counter[~good].tolist(), strict=True):
        if offset in whole and whole[offset][0] != counter:  # then it fits where frames around it leave room
            near = [(c - counter) * LENGTH == at - offset for at, (c, intact) in whole.items() if intact]
            assert sum(near) >= 2
    assert {counter for counter, intact in whole.values() if intact} == set(index.counter[good].tolist())
    table = frame_faults(index, lambda count: count * 0.25, LENGTH)
    lost = table["kind"] == "unplaced"
    assert int(table["count"][table["kind"] == "gap"].sum()) == index.counter[-1] - index.counter[0] + 1 - len(index)
    assert bool(lost.any()) == bool(len(index.lost_offset) or np.any(~index.positions.short))


def _counter(piece: tuple, row: np.ndarray) -> int:
    """True counter of a piece: from its number, or for a run from the unchanged row."""
    if piece[0] == "run":
        raw = int.from_bytes(row[2:5].tobytes(), "big")
        return next(counter for counter in ORIGINAL if counter % (1 << 24) == raw)
    return START + piece[1]


@quick
@given(st.integers(0, 11), st.integers(0, 8 * LENGTH - 1))
def test_without_checksums_one_flipped_bit_never_moves_a_frame(number: int, bit: int) -> None:
    data = unsealed(START + np.arange(12))
    data[number, bit // 8] ^= 0x80 >> (bit % 8)
    index = index_of(data, START)
    assert accounted(index) == data.size
    assert np.array_equal(index.counter, START + index.offset // LENGTH)
    assert len(index) >= 11


def test_without_checksums_frames_whose_counters_all_disagree_are_not_strung_together() -> None:
    data = unsealed(START + np.array([0, 5, 3, 14, 9]))
    index = index_of(data, START)
    assert accounted(index) == data.size
    assert index.counter.tolist() == [START]
