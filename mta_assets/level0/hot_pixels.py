"""Hot pixels of a CCD: single pixels that fire on their own, exposure after exposure.

A pixel is called hot if it has an event in most exposures and more events than any point source could leave in one
pixel given what the eight pixels around it have. The image of a point source is wider than a pixel and the
spacecraft dithers, so its light always reaches the neighbours; the boundary between output nodes, or a bad
column, raises neighbours along it as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIDE = 1024  # pixels of a CCD along each axis
# A centred on-axis source at rest puts about half of its events into the central 0.49" pixel and at least a
# tenth of that into its brightest neighbour (Chandra Proposers' Observatory Guide, chapter 4, encircled energy).
PEAK_RATIO = 10.0
FALSE_ALARM = 1e-3  # expected false detections on a CCD of SIDE² pixels
MIN_EXPOSURES = 20  # below that "most exposures" says nothing


@dataclass(frozen=True)
class HotPixels:
    """One entry per hot pixel: position as given, events, and the events that a source might have left at most."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    count: NDArray[np.int64]
    bound: NDArray[np.float64]


def find_hot_pixels(
    x: ArrayLike, y: ArrayLike, exposure: ArrayLike, n_exposures: int, min_fraction: float = 0.5
) -> HotPixels:
    """Find the hot pixels of one CCD.

    Parameters
    ----------
    x, y
        0-based column and row of the events.
    exposure
        Exposure number of each event.
    n_exposures
        Exposures in the data, with events or without.
    min_fraction
        Smallest part of the exposures in which the pixel has an event.

    Returns
    -------
    HotPixels
        ``bound`` is the count above which chance plays no role: the Poisson probability to reach the count found, at
        the rate that the neighbours allow, stays below FALSE_ALARM for the whole CCD (Chernoff's bound).
    """
    column, row = np.asarray(x, dtype=np.int64), np.asarray(y, dtype=np.int64)
    nothing = np.zeros(0, np.int64)
    if n_exposures < MIN_EXPOSURES or not len(column):
        return HotPixels(nothing, nothing, nothing, np.zeros(0))
    pixel = row * SIDE + column
    counts = np.bincount(pixel, minlength=SIDE * SIDE)
    candidates = np.flatnonzero(counts >= min_fraction * n_exposures)
    if not len(candidates):
        return HotPixels(nothing, nothing, nothing, np.zeros(0))
    presence = _presence(pixel, np.asarray(exposure), candidates)
    padded = np.pad(counts.reshape(SIDE, SIDE), 1)
    cy, cx = np.divmod(candidates, SIDE)
    around = np.stack([padded[cy + dy, cx + dx] for dy in range(3) for dx in range(3) if (dy, dx) != (1, 1)])
    brightest = around.max(axis=0)
    # the true rate of the neighbour may be this much higher than what was counted
    rate = PEAK_RATIO * (brightest + 3 * np.sqrt(brightest) + 1)
    count = counts[candidates]
    hot = (presence >= min_fraction * n_exposures) & (_log_tail(count, rate) < np.log(FALSE_ALARM / SIDE**2))
    return HotPixels(cx[hot], cy[hot], count[hot], _bound(rate[hot]))


def _presence(pixel: NDArray[np.int64], exposure: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of different exposures with an event in each wanted pixel."""
    rows = np.flatnonzero(np.isin(pixel, wanted))
    pairs = np.unique(np.column_stack([pixel[rows], exposure[rows]]), axis=0)[:, 0]
    return np.searchsorted(pairs, wanted, side="right") - np.searchsorted(pairs, wanted, side="left")


def _log_tail(count: NDArray[np.int64], rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upper bound of the logarithm of the Poisson probability of so many events or more (Chernoff)."""
    n = np.maximum(count, 1).astype(np.float64)
    return np.where(n > rate, n - rate - n * np.log(n / rate), 0.0)


def _bound(rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smallest count whose bound on the probability is below the false-alarm level."""
    low, high = np.floor(rate), np.ceil(rate * 4 + 200)
    for _ in range(40):  # halving
        middle = np.floor((low + high) / 2)
        reached = _log_tail(middle.astype(np.int64), rate) < np.log(FALSE_ALARM / SIDE**2)
        high, low = np.where(reached, middle, high), np.where(reached, low, middle)
    return high
