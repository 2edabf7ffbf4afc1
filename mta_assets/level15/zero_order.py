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
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Column, Schema, Table, concatenate
from mta_assets.instruments.geometry import ARCSEC, FOCAL_LENGTH, INSTRUMENTS, chips
from mta_assets.instruments.gratings import HC, Arm, sky_angle

Array = NDArray[np.float64]

SEARCH = 60.0  # [arcsec] how far from where it is expected the source may be
CELL = 2.0  # [arcsec] of the count image in which it is searched
CIRCLES = (8.0, 4.0, 2.5, 1.5)  # [arcsec] radii of the iterated centroid, the last one again until it stays
WIDE = 4.0  # [arcsec] radius where the core is piled up
CORE, RING = 0.5, 1.5  # [arcsec] fewer counts per area within the first than up to the second: a crater
STRIP = 1.0  # [arcsec] half width of the strips about streak and arms: twice that of an image
NEAR = 5.0  # [arcsec] nearer to the zero order a strip is not used: the core's wings fill it
ARM_ENDS = (15.0, 900.0)  # [arcsec] part of an arm that is used: apart from the crossing, up to where it fans out
FIRST_ORDER = 0.2  # CCD energy and place on an arm may differ by so much of the first order's energy
ENOUGH = 20  # counts above the background that an estimate needs
SIGNIFICANCE = 5.0  # of the zero order above the background
STEADY = 1e-3  # [pixel] iterations end when nothing moves farther
MOST_EVENTS = 1_000_000  # of a longer list every n-th is taken: some hundred bytes of memory for each
ROUNDS = 50  # at most so many
MOST_GAIN = 2.0  # of an iteration's step: more could make it swing


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


@dataclass(frozen=True)
class _Line:
    """An estimate along one direction: unit vector · (x, y) = place, with its error."""

    name: str
    direction: Array
    place: float
    error: float


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
    events = _some(events)
    x, y = events["x"].astype(np.float64), events["y"].astype(np.float64)
    x0, y0 = _brightest(x, y, expected, pixel)
    x0, y0, counts, error, piled = _centroid(x, y, x0, y0, pixel, 1 if clocked else 2)
    if counts < max(ENOUGH, SIGNIFICANCE * np.sqrt(max(counts, 1))):
        # no image: the core was blocked out, or nothing is there; streak and arms are searched for themselves
        (x0, y0), counts = expected, 0.0
        lines = [] if clocked else _lines(events, x, y, expected, arms, detector, roll, pixel, SEARCH)
        if len(lines) < 2:
            raise BadData(
                f"no zero order within {SEARCH:.0f} arcsec of sky pixel ({expected[0]:.1f}, {expected[1]:.1f}): no "
                f"image and {len(lines)} of streak and arms; give its place (zero_order = x, y) if the target is there"
            )
    elif clocked:
        return ZeroOrder(x0, y0, error, error, counts, ("centroid",), piled)
    else:
        lines = _lines(events, x, y, (x0, y0), arms, detector, roll, pixel)
    for _ in range(ROUNDS):
        answer = _combine((x0, y0), error, counts, lines)
        again = _lines(events, x, y, answer[0], arms, detector, roll, pixel)
        moved = max((abs(a.place - b.place) for a, b in zip(again, lines, strict=False)), default=0.0)
        steady = moved < STEADY and len(again) == len(lines)
        lines = again
        if steady:
            break
    (best_x, best_y), (error_x, error_y) = _combine((x0, y0), error, counts, lines)
    used = (*(("centroid",) if counts >= ENOUGH else ()), *(line.name for line in lines))
    return ZeroOrder(best_x, best_y, error_x, error_y, counts, used, piled)


def _some(events: Table) -> Table:
    """The columns that are looked at; of a long list events evenly over the observation: more would not tell more."""
    step = max(1, -(-len(events) // MOST_EVENTS))
    needed = [name for name in ("x", "y", "ccd_id", "energy") if name in events]
    parts, at = [events.rows(0, 0).select(needed)], 0
    for block in events.select(needed).blocks():
        parts.append(block.where(np.arange(-at % step, len(block), step)))
        at += len(block)
    return concatenate(parts)


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
    x: Array, y: Array, x0: float, y0: float, pixel: float, axes: int = 2
) -> tuple[float, float, float, float, bool]:
    """Iterated centroid: place, counts above the background, error and whether the core has a crater.

    ``axes`` is 2 for an image and 1 for a line: sizes of the rings go with that power of their radius.
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
    counts = np.count_nonzero(near) - np.count_nonzero(about) / (4**axes - 2**axes)  # areas 1 to 12
    spread = float(np.hypot(x[near] - x0, y[near] - y0).std()) if near.any() else np.inf
    return float(x0), float(y0), float(counts), spread / float(np.sqrt(max(counts, 1))), piled


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


def _lines(
    events: Table, x: Array, y: Array, at: tuple[float, float], arms: tuple[Arm, ...], detector: str, roll: float,
    pixel: float, search: float = 0.0,
) -> list[_Line]:  # fmt: skip
    """Estimates from the streak and the arms, those with enough events; ``search`` [arcsec] to the sides for them."""
    right, up = (x - at[0]) * pixel, (y - at[1]) * pixel
    found: list[_Line | None] = []
    if detector == "ACIS":
        centre = np.hypot(right, up) < NEAR
        on = int(np.bincount(events["ccd_id"][centre].astype(int)).argmax()) if centre.any() else 7
        step = chips("ACIS")[on].step_y
        same = events["ccd_id"] == on
        streak = sky_angle(roll, float(np.degrees(np.arctan2(step[2], step[1]))))
        found.append(_strip("streak", right[same], up[same], at, streak, (NEAR, np.inf), pixel, search))
    for arm in arms:
        angle = sky_angle(roll, arm.angle)
        if "energy" in events:
            # first order by the CCD energy: most of the background goes
            along = np.abs(right * np.cos(np.radians(angle)) + up * np.sin(np.radians(angle)))
            ratio = events["energy"] * along * (arm.period * ARCSEC * FOCAL_LENGTH / arm.rowland / HC)
            first = np.abs(ratio - 1) < FIRST_ORDER
            found.append(_strip(arm.name, right[first], up[first], at, angle, ARM_ENDS, pixel, search))
        else:
            found.append(_strip(arm.name, right, up, at, angle, ARM_ENDS, pixel, search))
    return [line for line in found if line is not None]


def _strip(
    name: str, right: Array, up: Array, at: tuple[float, float], angle: float, ends: tuple[float, float], pixel: float,
    search: float,
) -> _Line | None:  # fmt: skip
    """Iterated centroid across a strip along a direction [deg] through the zero order, on both sides of it."""
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    along, across = right * cosine + up * sine, up * cosine - right * sine
    part = (np.abs(along) > ends[0]) & (np.abs(along) < ends[1]) & (np.abs(across) < search + 2 * STRIP)
    across = across[part]
    middle, total, source = 0.0, 0, 0
    if search:
        # the strip with the most events
        image, edges = np.histogram(across, np.arange(-search, search + STRIP, STRIP))
        middle = float(edges[np.argmax(image)]) + STRIP / 2
    first = middle
    for _ in range(ROUNDS):
        aside = np.abs(across - middle)
        total = int(np.count_nonzero(aside < STRIP))
        source = 2 * int(np.count_nonzero(aside < STRIP / 2)) - total  # equal areas: the background is the same in both
        if source < max(ENOUGH, SIGNIFICANCE * np.sqrt(total)) or abs(middle - first) > 2 * STRIP:
            return None
        # the background's centroid is the middle of the strip: it holds back the source's in proportion
        moved = (float(across[aside < STRIP].mean()) - middle) * min(total / source, MOST_GAIN)
        middle += moved
        if abs(moved) < STEADY * pixel:
            break
    error = float(across[np.abs(across - middle) < STRIP].std()) * np.sqrt(total) / source / pixel
    direction = np.array([-sine, cosine])
    return _Line(name, direction, float(direction @ np.array(at)) + middle / pixel, error)


def _combine(
    centre: tuple[float, float], error: float, counts: float, lines: list[_Line]
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
