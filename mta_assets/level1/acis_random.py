"""Random numbers that belong to an event: the same whatever the blocks in which a list is worked through."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEP = 0x9E3779B97F4A7C15  # golden ratio times 2^64: increment of the splitmix64 generator
MIX_A, MIX_B = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # its multipliers (Steele, Lea & Flood 2014, OOPSLA)


def uniform(seed: int, stream: int, first: int, count: int) -> NDArray[np.float32]:
    """Numbers in [0, 1) for events ``first`` to ``first + count - 1`` of a list.

    Parameters
    ----------
    seed
        Of the run.
    stream
        Tells the uses apart: 0 energy, 1 chip column, 2 chip row.
    """
    key = (int(seed) * 3 + stream) * STEP % (1 << 64)
    state = np.arange(first + 1, first + count + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        state *= np.uint64(STEP)
        state += np.uint64(key ^ (key >> 29) * MIX_A % (1 << 64))
        state = (state ^ (state >> np.uint64(30))) * np.uint64(MIX_A)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(MIX_B)
        state ^= state >> np.uint64(31)
    return (state >> np.uint64(40)).astype(np.float32) * np.float32(1 / (1 << 24))
