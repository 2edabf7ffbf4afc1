"""Noise that is a function of (seed, name, counter): any stretch of a day can be made alone and is the same.

A pseudo random generator with a state would give other numbers when a day is cut differently into playbacks
or made by several processes; a hash of the sample's place does not.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # splitmix64 (Steele, Lea, Flood 2014): increment
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)  # and its two multipliers
_MIX2 = np.uint64(0x94D049BB133111EB)
_MASK = (1 << 64) - 1
BELL = float(1 / np.sqrt(12))  # standard deviation of `bell`


def key(seed: int, *names: Any) -> int:
    """A 64-bit number that stands for a seed and a name."""
    text = "/".join(str(name) for name in names)
    word = zlib.crc32(text.encode()) | (zlib.crc32(text[::-1].encode()) << 32)
    return int(_mix(np.array([(word ^ (seed * int(_GOLDEN))) & _MASK], np.uint64))[0])


def bits(stream: int, counter: ArrayLike) -> NDArray[np.uint64]:
    """64 random bits per counter (the finalizer of splitmix64 over ``stream + counter * increment``)."""
    place = np.asarray(counter).astype(np.int64).view(np.uint64)
    return _mix(np.uint64(stream) + place * _GOLDEN)


def _mix(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    word = (word ^ (word >> np.uint64(30))) * _MIX1
    word = (word ^ (word >> np.uint64(27))) * _MIX2
    return word ^ (word >> np.uint64(31))


def uniform(stream: int, counter: ArrayLike) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1)."""
    return np.asarray((bits(stream, counter) >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def bell(stream: int, counter: ArrayLike) -> NDArray[np.float64]:
    """Bell-shaped numbers, mean 0, within -1 … 1, standard deviation 0.289.

    The sum of four 16-bit uniform numbers (Irwin-Hall): bounded, so that a quiet sensor stays quiet.
    """
    word = np.atleast_1d(bits(stream, counter))
    part = word.view(np.uint16).reshape(-1, 4).T.astype(np.float32)  # sums of 18 bits: exact in float32
    total = (part[0] + part[1]) + (part[2] + part[3])
    return total.astype(np.float64) / (2.0 * 65535.0) - 1.0


def constant(seed: int, *names: Any) -> float:
    """One uniform number in [0, 1) for a name: phases, periods and the like."""
    return float(uniform(key(seed, *names), np.zeros(1, np.int64))[0])
