"""Finding the packets again after damage: a place is believed if a chain of plausible headers starts there.

The CCSDS space packet has no sync mark. What can be tested is the version (0, CCSDS 133.0-B-2, 4.1.3.2), the kind of
packet (first two bytes) against those met before, the length, which must lead to the next such header, and the
sequence count, which must go up by one from packet to packet of a kind.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HEADER = 6  # [byte] primary header
LONGEST = HEADER + 65536  # [byte] longest packet
CHAIN = 4  # headers in a row that prove a place, if their kinds are known
CHAIN_UNKNOWN = 32  # the same while no kind is known yet; one kind must come twice
WINDOW = (1 << 12, 1 << 18)  # [byte] searched at once: at first, and at most; mostly it is near


def is_header(view: memoryview, at: int) -> bool:
    """Version 0, and not the six zero bytes of fill."""
    return view[at] < 0x20 and any(view[at : at + HEADER])


def find_chain(
    data: NDArray[np.uint8],
    start: int,
    stop: int,
    known: NDArray[np.bool_],
    final: bool,
    counts: NDArray[np.int32] | None = None,
) -> int | None:
    """First offset in [start, stop) where a chain of good headers begins, or None.

    Parameters
    ----------
    data
        The block; chains may run to its end.
    known
        For each of the 65,536 values of the first two bytes, whether a packet of that kind was accepted before;
        if there is none, any kind of version 0 will do, but the chain must be longer.
    final
        Whether the end of ``data`` is the end of the file: a chain may then end there exactly.
    counts
        If given, the last sequence count of each kind: only a chain that goes on from there is taken.
    """
    any_kind = not known.any()
    kinds = (np.arange(65536) < 0x2000) if any_kind else known
    view = np.ascontiguousarray(data).data
    end = len(data)
    low, step = max(start, 0), WINDOW[0]
    while low < min(stop, end - HEADER):
        high = min(low + step, stop, end - HEADER)
        for at in _candidates(data, low, high, kinds, counts):
            if _chain(view, int(at), end, kinds, any_kind, final):
                return int(at)
        low, step = high, min(4 * step, WINDOW[1])
    return None


def _candidates(
    data: NDArray[np.uint8], low: int, high: int, kinds: NDArray[np.bool_], counts: NDArray[np.int32] | None
) -> NDArray[np.int64]:
    """Offsets whose header, and the one it leads to, are of a good kind: the cheap test for all offsets at once."""
    end = len(data)
    word = data[low:high].astype(np.uint16) << 8 | data[low + 1 : high + 1]
    at = low + np.flatnonzero(kinds[word])
    if counts is not None:
        at = at[((_count(data, at) - counts[word[at - low]]) & 0x3FFF) == 1]
    following = at + (data[at + 4].astype(np.int64) << 8 | data[at + 5]) + HEADER + 1
    inside = following + HEADER < end
    spot = np.where(inside, following, 0)
    good = kinds[data[spot].astype(np.uint16) << 8 | data[np.minimum(spot + 1, end - 1)]]
    same = (data[spot] == data[at]) & (data[np.minimum(spot + 1, end - 1)] == data[at + 1])
    step = (_count(data, spot) - _count(data, at)) & 0x3FFF
    return at[np.where(inside, good & (~same | (step == 1)), (following <= end) | (end - at < LONGEST))]


def _count(data: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.int64]:
    last = len(data) - 1
    return data[np.minimum(at + 2, last)].astype(np.int64) << 8 | data[np.minimum(at + 3, last)]


def _chain(view: memoryview, at: int, end: int, kinds: NDArray[np.bool_], any_kind: bool, final: bool) -> bool:
    counts: dict[int, int] = {}
    need = CHAIN_UNKNOWN if any_kind else CHAIN
    repeated = not any_kind
    headers = 0
    while headers < need:
        if at == end:
            return final and headers >= (3 if any_kind else 1)
        if at + HEADER >= end:
            return headers >= 3 and repeated
        word = view[at] << 8 | view[at + 1]
        count = (view[at + 2] << 8 | view[at + 3]) & 0x3FFF
        if not kinds[word] or not is_header(view, at):
            return False
        if word in counts:
            if (count - counts[word]) & 0x3FFF != 1:
                return False
            repeated = True
        counts[word] = count
        headers += 1
        at += (view[at + 4] << 8 | view[at + 5]) + HEADER + 1
        if at > end:
            return headers >= 3 and repeated
    return repeated
