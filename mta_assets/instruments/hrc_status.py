"""The 32 status bits of an HRC level-1 event, counted from the left as the archive's documents do.

Source: M. Juda, "HRC Status Bit Definitions" (memo of the HRC team), and the columns of a real HRC-I event list.
What level 2 asks of them is not the same for both detectors (CXC calibration page "HRC event filtering",
cxc.harvard.edu/cal/Hrc/filter_20060216.html).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 32

RINGING_V, RINGING_U = 1, 2  # the third tap was corrected for ringing
SHIFTED_TIME = 5  # the time was telemetered with the next event
NEXT_IN_LINE = 6  # low-bandwidth telemetry: the time is not reliable
NO_TRIGGER_V, NO_TRIGGER_U = 7, 8
VETO = 9  # the first of eight bits that are the veto byte of the telemetry, in its order
WIDTH_V, WIDTH_U = 11, 12
BAD_REGION = 17  # lies on a bad pixel
NO_SUM = 18  # the three taps of an axis add up to nothing
BAD_CENTRE_V, BAD_CENTRE_U = 19, 20  # an outer tap is larger than the middle one
PHA_RATIO = 21  # pulse height and tap sum do not fit
NO_AMPLITUDE = 22  # the six taps are less than one pulse-height channel
GRID_RATIO = 23  # the sums of the two axes do not fit
ZERO_SUM = 24  # an axis' sum is zero
PI_OVERFLOW = 25  # the pulse invariant is beyond the last channel
OUT_OF_SEQUENCE = 26  # the time is earlier than that of the event before
FLAT_V, FLAT_U = 27, 28  # the charge is spread too evenly
SATURATED_V, SATURATED_U = 29, 30  # the middle tap lies outside the range of its amplifier
HYPERBOLA_V, HYPERBOLA_U = 31, 32  # fine position and share of the middle tap do not fit

# what a good event has zero, by DETNAM: the masks of the page above. That of HRC-I stands in the HISTORY of the
# archive's img2 of 22772 and 62650 too. HRC-S does not ask for PHA_RATIO and the hyperbola, neither for PI_OVERFLOW
GOOD = {
    "HRC-I": "xxxxxx00xxxx0xxx00000000x0000000",
    "HRC-S": "xxxxxx00xxxx0xxx0000x000x00000xx",
}


def mask(bit: int) -> np.uint32:
    """The bit as a number: bit 1 is the most significant one."""
    return np.uint32(1 << (BITS - bit))


def filter_mask(pattern: str) -> np.uint32:
    """Bits that a filter such as ``xx0…`` wants to be zero.

    Raises
    ------
    ValueError
        If the pattern has not 32 places, or others than ``x`` and ``0``.
    """
    if len(pattern) != BITS or set(pattern) - {"x", "0"}:
        raise ValueError(f"status filter {pattern!r}: expected {BITS} places, each x or 0")
    return np.uint32(int(pattern.replace("0", "1").replace("x", "0"), 2))


def as_bits(status: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """(n, 32) bit array as the FITS column has it."""
    rows = np.ascontiguousarray(status, ">u4").view(np.uint8).reshape(-1, 4)
    return np.unpackbits(rows, axis=1).view(np.bool_)


def as_number(bits: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """The inverse of `as_bits`."""
    return np.packbits(bits, axis=1).view(">u4").astype(np.uint32).ravel()
