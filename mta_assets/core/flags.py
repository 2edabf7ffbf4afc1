"""Quality flags of frames, packets and samples. Data is never dropped quietly: it is flagged and counted."""

from __future__ import annotations

from enum import IntFlag


class Quality(IntFlag):
    """Why a frame, packet or sample is not simply good (0). Stored as uint8 in ``NAME__q`` columns."""

    GOOD = 0
    MISSING = 1  # no frame or packet at this place: the value is a filler
    BAD_SYNC = 2  # the frame's sync pattern was damaged
    BAD_CHECKSUM = 4  # the frame or packet fails its error control word: any bit may be wrong
    DUPLICATE = 8  # of frames: the same counter came before
    DECLARED_BAD = 8  # of samples, which have no duplicates any more: a correction says that they are bad
    OUT_OF_ORDER = 16  # came later than a frame with a higher counter
    TIME_STEP = 32  # the time given with the frame does not fit its counter
    OUT_OF_RANGE = 64  # the raw count lies outside the calibration or has no state
    OTHER_FORMAT = 128  # the telemetry format at this place does not carry the parameter
