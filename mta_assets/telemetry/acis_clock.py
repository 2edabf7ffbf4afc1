"""Times of ACIS exposures: the processors' counters, correlated with the frames that carry them.

Every science frame (8 minor frames) begins with the 32-bit count of the back-end processor at its start, in ticks of
10 µs (ACIS Software Requirements, appendix D). An exposure record states the lowest 25 bits of that count
at the beginning-of-frame mark (that both counters are one is our own convention); they roll over every 335.5 s,
and what is meant is the last moment with these bits before the frame in which the record starts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mta_assets.telemetry.acis_layouts import BEP_MODULO, FEP_MODULO, TICK, TICKS_PER_FRAME
from mta_assets.telemetry.acis_packets import ClockReadings

# A reading may stray so far from the nominal rate within a block: the clock is good to 1e-5, 3,600 ticks an hour
STRAY = 20_000  # [tick]
KEEP = 1_600  # [minor frame] readings of the block before that stay, more than one roll-over of 25 bits


class BepClock:
    """Correlation of the back-end processor's counter with time, fed block by block."""

    def __init__(self) -> None:
        self.counter = np.zeros(0, np.int64)
        self.value = np.zeros(0, np.int64)  # unwrapped count
        self.time = np.zeros(0)
        self._offset: int | None = None

    def __bool__(self) -> bool:
        return len(self.counter) > 0

    def add(self, readings: ClockReadings) -> None:
        """Take the readings of a block; single damaged ones are recognised and left out."""
        if not len(readings.counter):
            return
        nominal = readings.counter * TICKS_PER_FRAME
        offset = readings.value - nominal
        middle = int(offset[len(offset) // 2]) if self._offset is None else self._offset
        away = (offset - middle + BEP_MODULO // 2) % BEP_MODULO - BEP_MODULO // 2
        median = int(np.median(away))
        good = np.abs(away - median) <= STRAY
        if not good.any():
            return
        restarted = self._offset is not None and abs(median) > STRAY
        recent = self.counter > readings.counter[0] - KEEP
        if restarted:  # the processor was reset: what was read before says nothing any more
            recent[:] = False
        self.counter = np.append(self.counter[recent], readings.counter[good])
        self.value = np.append(self.value[recent], nominal[good] + middle + away[good])
        self.time = np.append(self.time[recent], readings.time[good])
        self._offset = middle + median

    def count_before(self, bits: NDArray[np.int64], counter: NDArray[np.int64]) -> NDArray[np.int64]:
        """Unwrapped count with the given lowest 25 bits, the last before the end of the frames ``counter``."""
        near = np.maximum(np.searchsorted(self.counter, counter, side="right") - 1, 0)
        end = self.value[near] + (counter + 1 - self.counter[near]) * TICKS_PER_FRAME + STRAY // 10
        return end - (end - bits) % FEP_MODULO

    def times(self, count: NDArray[np.int64]) -> NDArray[np.float64]:
        """TT seconds since 1998.0 TT of unwrapped counts; the nominal rate holds outside the readings."""
        inside = np.interp(count, self.value, self.time)
        before = np.minimum(count - self.value[0], 0)
        after = np.maximum(count - self.value[-1], 0)
        return inside + (before + after) * TICK
