"""Random numbers that depend on what they are for, not on what was asked before.

A generator per cell of time makes the events of [a, b) the same, whether asked for in one go or in pieces.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import ArrayLike, NDArray


def cell_generator(seed: int, *keys: int | str) -> np.random.Generator:
    """Generator for one cell (numbers and names identify it)."""
    words = [zlib.crc32(key.encode()) if isinstance(key, str) else int(key) & 0xFFFFFFFF for key in keys]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([int(seed) & 0xFFFFFFFF, *words])))


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 finaliser (Steele, Lea, Flood 2014): a bijection that scatters every bit."""
    with np.errstate(over="ignore"):
        z = words + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)), dtype=np.uint64)


def hashed_normal(seed: int, key: str, times: ArrayLike, columns: int) -> NDArray[np.float64]:
    """Standard normal deviates, shape (n, columns), each fixed by its time [s, to the millisecond] and column.

    For signals that are asked for at any times: the value at a time is always the same.
    """
    ticks = np.rint(np.asarray(times, float) * 1000).astype(np.int64).view(np.uint64)
    origin = np.uint64(zlib.crc32(f"{seed}/{key}".encode()))
    rows = _mix(ticks ^ (origin << np.uint64(32)))[:, None]
    with np.errstate(over="ignore"):
        first = _mix(rows + np.arange(columns, dtype=np.uint64)[None, :])
    second = _mix(first)
    radius = np.sqrt(-2 * np.log((first >> np.uint64(11)).astype(float) * 2.0**-53 + 2.0**-54))
    return np.asarray(radius * np.cos(2 * np.pi * (second >> np.uint64(11)).astype(float) * 2.0**-53), dtype=np.float64)
