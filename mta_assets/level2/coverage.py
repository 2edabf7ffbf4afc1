"""How much of a region of the sky a chip looked at.

A ring about a source near the edge of a chip lies partly where nothing was seen, or on the next chip, which has other
good times and another efficiency. So the sky about a source is that of its own chip, and its area is counted as far as
the chip lay on it, averaged over the dither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Table
from mta_assets.level2.columns import blocks, column, spelling
from mta_assets.level2.exposure import STEPS, ChipPlace, covered, places_of
from mta_assets.level2.regions import Region, contains, points

SAMPLES = 10_000  # points of a region that are asked


@dataclass(frozen=True)
class Coverage:
    """Where the chips lay.

    Parameters
    ----------
    places
        By ccd_id.
    dither
        Offsets at equal steps of time, shape (n, 2) [sky pixel].
    """

    places: Mapping[int, ChipPlace]
    dither: NDArray[np.float64]

    def area(self, region: Region, chip: int | None) -> float:
        """Area [square pixel] of a region as far as a chip saw it; all of it if the place of the chip is not known."""
        x, y, cell = points(region)
        place = self.places.get(chip) if chip is not None else None
        if place is None or not len(x):
            return len(x) * cell
        some = np.linspace(0, len(x) - 1, min(len(x), SAMPLES)).astype(np.int64)
        steps = self.dither[np.linspace(0, len(self.dither) - 1, min(len(self.dither), STEPS)).astype(np.int64)]
        return len(x) * cell * float(covered(place, x[some], y[some], steps).mean())


def coverage_of(events: Table) -> Coverage:
    """Where the chips of an event list lay, from its events."""
    return Coverage(*places_of(events))


def within(events: Table, region: Region, chip: int | None = None) -> NDArray[np.bool_]:
    """For each event whether it lies in a region, on one chip if it is named."""
    inside = contains(region, column(events, "X"), column(events, "Y"))
    return inside if chip is None else inside & (column(events, "CCD_ID") == chip)


def chip_of(events: Table, region: Region) -> int | None:
    """The chip on which most events of a region lie; None without events or chips."""
    if spelling(events, "CCD_ID") is None:
        return None
    counts: Counter[int] = Counter()
    for block in blocks(events):
        chips, number = np.unique(column(block, "CCD_ID")[within(block, region)], return_counts=True)
        counts.update(dict(zip(chips.tolist(), number.tolist(), strict=True)))
    return min(counts, key=lambda chip: (-counts[chip], chip), default=None)
