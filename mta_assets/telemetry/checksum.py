"""CRC-16 of many equally long frames at once.

CRC-16/CCITT-FALSE: polynomial x¹⁶+x¹²+x⁵+1, start value 0xFFFF, most significant bit first, nothing reflected or
inverted at the end; the frame error control of CCSDS 132.0-B (TM Space Data Link Protocol), section 4.1.6.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL = 0x1021  # CCSDS 132.0-B section 4.1.6.2
START = 0xFFFF
ROWS = 1024  # so many frames at a time keep the work arrays in the cache


@lru_cache(maxsize=1)
def _tables() -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Remainders of ``b·x¹⁶`` for every byte b, and of ``w·x¹⁶`` for every 16-bit word w."""
    table = np.arange(256, dtype=np.uint16) << 8
    for _ in range(8):
        table = np.where(table & 0x8000, (table << 1) ^ POLYNOMIAL, table << 1).astype(np.uint16)
    words = np.arange(1 << 16, dtype=np.uint16)
    half = (table[words >> 8] ^ (words << 8)).astype(np.uint16)
    return table.astype(np.uint16), (table[half >> 8] ^ (half << 8)).astype(np.uint16)


def crc16(frames: NDArray[np.uint8], zeroed: slice | None = None) -> NDArray[np.uint16]:
    """CRC-16/CCITT-FALSE of each row.

    Parameters
    ----------
    frames
        (n, length) bytes.
    zeroed
        Bytes that count as zero: the place of the checksum itself.
    """
    byte_table, word_table = _tables()
    result = np.empty(len(frames), dtype=np.uint16)
    for start in range(0, len(frames), ROWS):
        rows = np.array(frames[start : start + ROWS])
        if zeroed is not None:
            rows[:, zeroed] = 0
        crc = np.full(len(rows), START, dtype=np.uint16)
        odd = rows.shape[1] % 2
        if odd:
            crc = byte_table[(crc >> 8) ^ rows[:, 0]] ^ (crc << 8)
        columns = np.ascontiguousarray(np.ascontiguousarray(rows[:, odd:]).view(">u2").T).astype(np.uint16)
        for column in columns:  # over the words of a frame, all frames at once
            crc = word_table[crc ^ column]
        result[start : start + len(rows)] = crc
    return result
