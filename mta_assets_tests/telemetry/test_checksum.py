from __future__ import annotations

import binascii

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.telemetry.checksum import crc16


def test_the_check_value_of_the_standard_comes_out() -> None:
    assert crc16(np.frombuffer(b"123456789", dtype=np.uint8)[None]).tolist() == [0x29B1]


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_every_row_has_the_checksum_of_the_standard_library(length: int, rows: int, seed: int) -> None:
    data = np.random.default_rng(seed).integers(0, 256, (rows, length), dtype=np.uint8)
    assert crc16(data).tolist() == [binascii.crc_hqx(row.tobytes(), 0xFFFF) for row in data]


def test_more_rows_than_fit_a_work_block_are_all_done() -> None:
    data = np.random.default_rng(3).integers(0, 256, (2500, 7), dtype=np.uint8)
    assert crc16(data).tolist() == [binascii.crc_hqx(row.tobytes(), 0xFFFF) for row in data]


def test_zeroed_bytes_do_not_count_and_the_input_stays_as_it_was() -> None:
    data = np.arange(20, dtype=np.uint8)[None]
    blank = data.copy()
    blank[:, 3:5] = 0
    assert crc16(data, slice(3, 5)).tolist() == crc16(blank).tolist()
    assert data[0].tolist() == list(range(20))


def test_every_single_flipped_bit_changes_the_checksum() -> None:
    data = np.tile(np.arange(30, dtype=np.uint8), (240, 1))
    data[np.arange(240), np.arange(240) // 8] ^= (1 << (np.arange(240) % 8)).astype(np.uint8)
    assert not np.any(crc16(data) == crc16(np.arange(30, dtype=np.uint8)[None]))
