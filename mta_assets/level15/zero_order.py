"""Where the zero order of a grating observation is on the sky image, also where its core is piled up or blocked out.

Up to four things tell where it is, each of them an estimate along some direction; their weighted mean is the answer:

- the image itself: its centroid, iterated in a circle that shrinks to a few pixels. A crater in a piled-up core is as
  round as the core was, so that it does not shift the centroid; where there are more events in the ring about the
  core than in it, the centroid is taken in a wider circle and its error is larger;
- the readout streak: events that came while the chip was read out lie in the source's column, at any row: their
  distance across tells the place along the rows;
- the arms: the distance of their events across the dispersion.

Streak and arms are what tg_findzo uses (D. Huenemoerder, "TG_FINDZO: an algorithm for finding zeroth order position",
MIT: intersection of the streak with an arm), there as straight-line fits, here as iterated centroids in a strip with
known direction: on top of an even background these converge to the middle of the line.

Of a long list only the events that can count are kept: those about the expected place for the image, then those in the
strips of streak and arms. Should even these be too many, every second, fourth … of them is taken, and counts and errors
are those of the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Column, Schema, Table, concatenate
from mta_assets.instruments.geometry import ARCSEC, INSTRUMENTS
from mta_assets.instruments.gratings import Arm
from mta_assets.level15.zero_order_lines import ENOUGH, ROUNDS, SIGNIFICANCE, STEADY, Line, Lines, Mask

Array = NDArray[np.float64]

SEARCH = 60.0  # [arcsec] how far from where it is expected the source may be
CELL = 2.0  # [arcsec] of the count image in which it is searched
CIRCLES = (8.0, 4.0, 2.5, 1.5)  # [arcsec] radii of the iterated centroid, the last one again until it stays
WIDE = 4.0  # [arcsec] radius where the core is piled up
ABOUT = SEARCH + 4 * WIDE + 2 * CIRCLES[0]  # [arcsec] to the sides, events that can count for the image
CORE, RING = 0.5, 1.5  # [arcsec] fewer counts per area within the first than up to the second: a crater
MOST_EVENTS = 2_000_000  # a list no longer is taken whole, of a longer one that many of those that can count


@dataclass(frozen=True)
class ZeroOrder:
    """Zero order on the sky image.

    Parameters
    ----------
    x, y
        [sky pixel]
    x_error, y_error
        One standard deviation [sky pixel].
    counts
        Events above the background in the circle of the centroid.
    used
        What it was found from: ``centroid``, ``streak``, names of arms.
    piled
        True if the core has a crater.
    """

    x: float
    y: float
    x_error: float
    y_error: float
    counts: float
    used: tuple[str, ...]
    piled: bool


SOURCES = Schema(
    "SRCLIST",
    (
        Column("COMPONENT", "i2", "", "source number"),
        Column("X", "f8", "pixel", "sky x of the zero order"),
        Column("Y", "f8", "pixel", "sky y of the zero order"),
        Column("X_ERR", "f8", "pixel", "its error"),
        Column("Y_ERR", "f8", "pixel", "its error"),
        Column("NET_COUNTS", "f8", "count", "events above the background"),
        Column("PILEUP", "bool", "", "the core has a crater"),
        Column("METHOD", "U64", "", "what it was found from"),
    ),
    "zero orders",
)


def find_zero_order(
    events: Table,
    arms: tuple[Arm, ...],
    detector: str,
    roll: float,
    expected: tuple[float, float],
    clocked: bool = False,
) -> ZeroOrder:
    """Find the zero order.

    Parameters
    ----------
    events
        Level-1 or level-2 events with x, y [sky pixel], and for ACIS ccd_id.
    arms
        Of the grating.
    detector
        ``ACIS``, ``HRC-I`` or ``HRC-S``.
    roll
        Of the observation [deg].
    expected
        Where the target is expected [sky pixel].
    clocked
        Continuous clocking: the image is a line through the target, its centroid is all there is.

    Raises
    ------
    BadData
        If nothing significant is there: give the place by hand.
    """
    pixel = INSTRUMENTS[detector].det_pixel / ARCSEC
    near, weight = _kept(events, lambda block: _about(block, expected, ABOUT / pixel))
    x, y = near["x"], near["y"]
    x0, y0 = _brightest(x, y, expected, pixel)
    x0, y0, counts, error, piled = _centroid(x, y, x0, y0, pixel, 1 if clocked else 2, weight)
    if clocked and counts:
        return ZeroOrder(x0, y0, error, error, counts, ("centroid",), piled)
    search = 0.0
    if not counts:
        # no image: the core was blocked out, or nothing is there; streak and arms are searched for themselves
        (x0, y0), search = expected, SEARCH
    sky, lines = Lines(arms, detector, roll, pixel), []
    if not clocked:
        whole = len(near) == len(events)
        part, each = (near, weight) if whole else _kept(events, lambda block: sky.in_strips(block, (x0, y0), search))
        lines = sky.find(part, near, (x0, y0), search, each)
    if not counts and len(lines) < 2:
        raise BadData(
            f"no zero order within {SEARCH:.0f} arcsec of sky pixel ({expected[0]:.1f}, {expected[1]:.1f}): no "
            f"image and {len(lines)} of streak and arms; give its place (zero_order = x, y) if the target is there"
        )
    for _ in range(ROUNDS):
        answer = _combine((x0, y0), error, counts, lines)
        again = sky.find(part, near, answer[0], weight=each)
        moved = max((abs(a.place - b.place) for a, b in zip(again, lines, strict=False)), default=0.0)
        steady = moved < STEADY and len(again) == len(lines)
        lines = again
        if steady:
            break
    (best_x, best_y), (error_x, error_y) = _combine((x0, y0), error, counts, lines)
    used = (*(("centroid",) if counts >= ENOUGH else ()), *(line.name for line in lines))
    return ZeroOrder(best_x, best_y, error_x, error_y, counts, used, piled)


def _about(events: Table, expected: tuple[float, float], reach: float) -> Mask:
    """Events of a square about a place [pixel]."""
    return (np.abs(events["x"] - expected[0]) < reach) & (np.abs(events["y"] - expected[1]) < reach)


def _kept(events: Table, wanted: Callable[[Table], Mask]) -> tuple[Table, float]:
    """Events that are wanted, of a short list all; of too many of them some, evenly; and for how many each stands."""
    needed = [name for name in ("x", "y", "ccd_id", "energy") if name in events]
    whole = len(events) <= MOST_EVENTS
    kept, found, step = events.rows(0, 0).select(needed), 0, 1
    parts, number = [kept], 0
    for block in events.select(needed).blocks():
        rows = np.arange(len(block)) if whole else np.flatnonzero(wanted(block))
        parts.append(block.where(rows[-found % step :: step]))
        found += len(rows)
        number += len(parts[-1])
        while number > MOST_EVENTS:
            kept = concatenate(parts)
            parts, step = [kept.where(np.arange(0, number, 2))], 2 * step
            number = len(parts[0])
    kept = concatenate(parts)
    place = {name: kept[name].astype(np.float64) for name in ("x", "y")}
    return Table(kept.name, {**kept.columns, **place}), found / max(number, 1)


def _brightest(x: Array, y: Array, expected: tuple[float, float], pixel: float) -> tuple[float, float]:
    """Middle of the 3 x 3 cells with the most events near the expected place."""
    reach, cell = SEARCH / pixel, CELL / pixel
    number = max(3, int(2 * reach / cell))
    edges = [np.linspace(at - reach, at + reach, number + 1) for at in expected]
    image, _, _ = np.histogram2d(x, y, bins=edges)
    padded = np.pad(image, 1)
    smooth = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).sum(axis=(2, 3))
    i, j = np.unravel_index(int(np.argmax(smooth)), smooth.shape)
    return float(edges[0][i] + cell / 2), float(edges[1][j] + cell / 2)


def _centroid(
    x: Array, y: Array, x0: float, y0: float, pixel: float, axes: int, weight: float
) -> tuple[float, float, float, float, bool]:
    """Iterated centroid: place, counts above the background (0 if too few), error and whether the core has a crater.

    ``axes`` is 2 for an image and 1 for a line: sizes of the rings go with that power of their radius. Each event
    stands for ``weight`` events.
    """
    for radius in CIRCLES:
        x0, y0 = _centred(x, y, x0, y0, radius / pixel)
    distance = np.hypot(x - x0, y - y0) * pixel
    inner, outer = np.count_nonzero(distance < CORE), np.count_nonzero((distance >= CORE) & (distance < RING))
    # a crater, not a fluctuation: lower by three standard deviations
    piled = bool((inner + 3 * np.sqrt(inner + 1)) / CORE**axes < outer / (RING**axes - CORE**axes))
    radius = WIDE if piled else CIRCLES[-1]
    x0, y0 = _centred(x, y, x0, y0, radius / pixel)
    distance = np.hypot(x - x0, y - y0) * pixel
    near, about = distance < radius, (distance >= 2 * radius) & (distance < 4 * radius)
    background = np.count_nonzero(about) / (4**axes - 2**axes)  # areas 1 to 12
    counts = weight * (np.count_nonzero(near) - background)
    spread = float(np.hypot(x[near] - x0, y[near] - y0).std()) if near.any() else np.inf
    error = spread / float(np.sqrt(max(counts, 1)))
    # what is left of a thinned background fluctuates by more than the counts that an estimate needs
    noise = weight * np.sqrt(background) if weight > 1 else 0.0
    noise = max(noise, np.sqrt(max(counts, 1)))
    return float(x0), float(y0), float(counts) if counts >= max(ENOUGH, SIGNIFICANCE * noise) else 0.0, error, piled


def _centred(x: Array, y: Array, x0: float, y0: float, radius: float) -> tuple[float, float]:
    """Centroid in a circle [pixel] that is moved until it is about its own centroid."""
    for _ in range(ROUNDS):
        near = (x - x0) ** 2 + (y - y0) ** 2 < radius**2
        if not near.any():
            break
        moved = float(x[near].mean()) - x0, float(y[near].mean()) - y0
        x0, y0 = x0 + moved[0], y0 + moved[1]
        if np.hypot(*moved) < STEADY:
            break
    return x0, y0


def _combine(
    centre: tuple[float, float], error: float, counts: float, lines: list[Line]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Weighted least squares of all estimates: place and its errors [pixel]."""
    weights = np.eye(2) / max(error, 0.02) ** 2 if counts >= ENOUGH else np.eye(2) * 1e-6
    right_hand = weights @ np.array(centre)
    for line in lines:
        weight = 1 / max(line.error, 0.02) ** 2
        weights = weights + weight * np.outer(line.direction, line.direction)
        right_hand = right_hand + weight * line.place * line.direction
    covariance = np.linalg.inv(weights)
    place = covariance @ right_hand
    return (float(place[0]), float(place[1])), (float(np.sqrt(covariance[0, 0])), float(np.sqrt(covariance[1, 1])))


def zero_order_table(found: list[ZeroOrder]) -> Table:
    """Zero orders as the table of the product."""
    rows: dict[str, Any] = {"COMPONENT": np.arange(1, len(found) + 1)}
    attributes = {"X": "x", "Y": "y", "X_ERR": "x_error", "Y_ERR": "y_error", "NET_COUNTS": "counts", "PILEUP": "piled"}
    rows |= {name: np.array([getattr(one, attribute) for one in found]) for name, attribute in attributes.items()}
    rows["METHOD"] = np.array([" ".join(one.used) for one in found], "U64")
    return SOURCES.build(rows, {"CONTENT": ("TGSRC1", "zero orders")})
