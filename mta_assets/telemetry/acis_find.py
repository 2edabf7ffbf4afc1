"""Find the packets in a row of ACIS telemetry words.

Packets are found by their sync word and chained by their length. A packet is accepted only if its header is
possible for its type and the word after it is a sync word or filler; so a sync pattern inside event data does
not break the chain, and after a gap or a damaged header the search finds the next packet that fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.telemetry.acis_layouts import BY_TAG, FILLER, HEADER_WORDS, SEQUENCE_MODULO, SYNC

NEAR = 3  # [bit] a word that differs from sync or filler in so few bits is taken for a damaged one


@dataclass(frozen=True)
class Found:
    """Where packets are in a row of words, and why candidates were refused."""

    start: NDArray[np.int64]
    length: NDArray[np.int64]
    refused: dict[int, str]  # position of the candidate → reason
    rest: int  # from here on the words are needed again with the next ones
    synced: bool  # nothing but filler lies between the last packet and there


def find(words: NDArray[np.uint32], cuts: NDArray[np.int64], synced: bool = False, final: bool = False) -> Found:
    """Find the packets in a row of words.

    Parameters
    ----------
    words
        (n,) uint32.
    cuts
        Indices of words that do not follow the word before them (a gap lies between).
    synced
        True if the row is known to begin with a packet or filler.
    final
        True if no words will follow: a packet that reaches over the end is lost.
    """
    n = len(words)
    at = np.flatnonzero(words == np.uint32(SYNC)).astype(np.int64)
    clean = _CleanRuns(words, cuts, synced)
    if not len(at):
        return Found(at, at, {}, n, clean.reaches(n))
    header = words[np.minimum(at + 1, n - 1)]
    header[at + 1 >= n] = 0
    length = (header & 0x3FF).astype(np.int64)
    tag = ((header >> 10) & 0x3F).astype(np.int64)
    sequence = (header >> 16).astype(np.int64)
    end = at + length
    limits = np.append(cuts, n).astype(np.int64)
    limit = limits[np.searchsorted(limits, at, side="right")]
    possible = _possible(tag, length) & (at + 1 < limit)
    inside = end <= limit
    after = words[np.minimum(end, n - 1)]
    proper = (end == limit) | (after == np.uint32(SYNC)) | (after == np.uint32(FILLER))
    good = possible & inside & proper
    follower = np.searchsorted(at, end)

    index = np.arange(len(at))
    irregular = np.flatnonzero(~(good & (follower == index + 1)))
    taken = np.zeros(len(at), bool)
    refused: dict[int, str] = {}
    rest, k = n, 0
    while k < len(at):
        position = int(np.searchsorted(irregular, k))
        stop = int(irregular[position]) if position < len(irregular) else len(at)
        taken[k:stop] = True
        if stop > k:
            clean.ended(int(end[stop - 1]))
        k = stop
        if k == len(at):
            break
        inner = index[k + 1 : np.searchsorted(at, min(int(end[k]), int(limit[k])))]
        inner = inner[good[inner]]
        step = k + 1
        if good[k]:
            if len(inner) and _swallows(sequence, k, int(inner[0]), int(follower[k])):
                refused[int(at[k])] = "its length reaches over the next packet"
            else:
                taken[k], step = True, int(follower[k])
                clean.ended(int(end[k]))
        elif not possible[k] and at[k] + 1 < n:
            refused[int(at[k])] = "its header fits no packet type"
        elif not inside[k] or at[k] + 1 >= n:
            if limit[k] == n and not final:  # the next words will tell
                rest = int(at[k])
                break
            trusted = clean.reaches(int(at[k])) or not len(inner)
            refused[int(at[k])] = "it is cut by a gap" if limit[k] < n else "it reaches over the end of the data"
            if trusted:
                step = int(np.searchsorted(at, limit[k]))
        elif _near(int(after[k])):
            taken[k], step = True, int(follower[k])
            clean.ended(int(end[k]))
        else:
            refused[int(at[k])] = "neither a packet nor filler follows where its length ends"
        k = step
    return Found(at[taken], length[taken], refused, rest, clean.reaches(rest))


class _CleanRuns:
    """Whether nothing but filler lies between the last accepted packet and a position."""

    def __init__(self, words: NDArray[np.uint32], cuts: NDArray[np.int64], synced: bool) -> None:
        self.words, self.cuts, self.end = words, cuts, 0 if synced else -1

    def ended(self, at: int) -> None:
        self.end = at

    def reaches(self, at: int) -> bool:
        if self.end < 0 or np.searchsorted(self.cuts, at, "right") != np.searchsorted(self.cuts, self.end, "right"):
            return False
        return bool(np.all(self.words[self.end : at] == np.uint32(FILLER)))


def _swallows(sequence: NDArray[np.int64], outer: int, inner: int, follower: int) -> bool:
    """Whether an inner packet continues the count of the outer one and the follower of the outer one does not."""
    expected = (int(sequence[outer]) + 1) % SEQUENCE_MODULO
    behind = int(sequence[follower]) if follower < len(sequence) else -1
    return int(sequence[inner]) == expected and behind != expected


def _near(word: int) -> bool:
    return min((word ^ SYNC).bit_count(), (word ^ FILLER).bit_count()) <= NEAR


def _possible(tag: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a length can belong to a packet type; of unknown types only that there is a header."""
    fits = length >= HEADER_WORDS
    for number, layout in BY_TAG.items():
        rows = tag == number
        if not rows.any():
            continue
        words = length[rows]
        if layout.words is not None:
            fits[rows] = words == layout.words
        else:
            bits = 32 * words - layout.record_offset
            fits[rows] = (bits >= 0) & (bits % layout.record_bits < 32)
    return fits
