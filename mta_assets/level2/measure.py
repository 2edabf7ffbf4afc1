"""Positions, counts and shapes of sources that are known to be there.

Sources whose surroundings overlap are measured together. Each event near sources is shared among them and the
background by the densities of the point image there; a source's place is the mean of its events, weighted with their
share and with the shape's own weight ``1 / (s² + r²)``, iterated until it stands: the maximum-likelihood place for
that point image (the EM algorithm for Student's t, Lange, Little & Taylor 1989, JASA 84, 881, with a background).
Unlike a plain centroid in a circle it is not drawn to the circle's centre by the background, nor to a neighbour.
Events may be taken together where many lie (`Points`). No loop goes over events: pairs of point and source are flat
arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.level2 import psf
from mta_assets.level2.lots import lots

Array = NDArray[np.float64]
Index = NDArray[np.int64]
ROUNDS = (8, 12, 40)  # of the iteration: after each lot the sources that stand are left alone
STILL = 0.02  # shifts of so little of a position's error end the iteration
EXPONENT = psf.SLOPE + 1  # of the density
STRONG = 50.0  # events from which on the width of a source's image is fitted too
WIDTHS = (0.8, 2.0)  # times the model's: between them lie real images off axis; what is wider is no point
GRID = np.geomspace(1e-3, 1.0, 65)  # radii of the information integral, in units of the greatest


@dataclass(frozen=True)
class Points:
    """Sky coordinates at which events are, and the number of events at each."""

    x: Array
    y: Array
    number: Array

    @classmethod
    def single(cls, x: Array, y: Array) -> Points:
        """Events one by one."""
        return cls(x, y, np.ones(len(x)))


@dataclass(frozen=True)
class Places:
    """Fitted positions.

    Attributes
    ----------
    x, y
        Sky coordinates.
    error
        1 σ error along each axis [sky pixel].
    s
        Scale of the image [sky pixel]: the model's, or the fitted one of strong sources.
    """

    x: Array
    y: Array
    error: Array
    s: Array


@dataclass(frozen=True)
class Pairs:
    """Points near sources: ``point`` and ``source`` index, one pair for each source that a point is near to."""

    point: Index
    source: Index


def pairs_of(points: Points, sx: Array, sy: Array, radius: Array) -> Pairs:
    """Pairs of points and sources that are closer than the source's radius."""
    order = np.argsort(points.y, kind="stable")
    height, across = points.y[order], points.x[order]
    low, high = np.searchsorted(height, sy - radius), np.searchsorted(height, sy + radius, side="right")
    near_points, sources = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for i in range(len(sx)):  # sources, not events
        part = slice(int(low[i]), int(high[i]))
        near = np.flatnonzero((across[part] - sx[i]) ** 2 + (height[part] - sy[i]) ** 2 <= radius[i] ** 2)
        near_points.append(order[part][near])
        sources.append(np.full(len(near), i, np.int64))
    return Pairs(np.concatenate(near_points), np.concatenate(sources))


def places(
    points: Points, pairs: Pairs, start: tuple[Array, Array], s: Array, background: Array, reach: Array
) -> Places:
    """Positions of sources.

    Parameters
    ----------
    points
        Events.
    pairs
        Which are near which source, within ``reach`` of the start.
    start
        First guess, within about the radius of half the light.
    s
        Scale of the point image at each source [sky pixel]; of strong sources it is fitted within `WIDTHS`.
    background
        Events per square sky pixel at each source.
    reach
        [sky pixel]
    """
    x, y, error, scale = (np.array(values, dtype=np.float64) for values in (*start, s, s))
    lot = lots(pairs.point, pairs.source, len(s))
    order = np.argsort(lot[pairs.source], kind="stable")
    ends = np.cumsum(np.bincount(lot[pairs.source], minlength=int(lot.max(initial=-1)) + 1))
    for number, mine in enumerate(np.split(order, ends[:-1])):
        of = np.flatnonzero(lot == number)
        here, point = np.unique(pairs.point[mine], return_inverse=True)
        part = Points(points.x[here], points.y[here], points.number[here])
        near = Pairs(point, np.searchsorted(of, pairs.source[mine]))
        at = _together(part, near, (x[of], y[of]), s[of], background[of], reach[of])
        x[of], y[of], error[of], scale[of] = at.x, at.y, at.error, at.s
    return Places(x, y, error, scale)


def _together(
    points: Points, pairs: Pairs, start: tuple[Array, Array], s: Array, background: Array, reach: Array
) -> Places:
    """`places` of sources that are measured at once."""
    point, source = pairs.point, pairs.source
    number = len(s)
    x, y, events = (values[point] for values in (points.x, points.y, points.number))
    strength = np.maximum(np.bincount(source, events, number) / 2, 1.0)
    state = _State(*start, strength, s)
    noise = background[source]
    part: Index | slice = slice(None)
    share = np.zeros(len(source))
    for rounds in ROUNDS:
        lot = _Lot(x[part], y[part], events[part], point[part], source[part], noise[part])
        state, share[part], moves = _fit(lot, state, s, reach, rounds)
        if not moves.any():
            break
        # sources that stand become background to the others: most need few rounds, faint ones many
        fixed = ~moves[source]
        i = source[fixed]
        r2 = (x[fixed] - state.x[i]) ** 2 + (y[fixed] - state.y[i]) ** 2
        light = state.strength[i] * psf.density(r2, state.s[i])
        noise = background[source] + np.bincount(point[fixed], light, len(points.x))[point]
        part = np.flatnonzero(~fixed)
    r2 = (x - state.x[source]) ** 2 + (y - state.y[source]) ** 2
    pull = events * (share * 2 * EXPONENT / (state.s[source] ** 2 + r2)) ** 2 * r2 / 2
    expected = information(state.strength, state.s, background)
    # what the events say (Huber 1967: information from the scatter of the pulls) wins where it says less than the model
    scatter = np.sqrt(np.bincount(source, pull, number)) / expected
    return Places(state.x, state.y, np.maximum(1 / np.sqrt(expected), scatter), state.s)


@dataclass(frozen=True)
class _State:
    x: Array
    y: Array
    strength: Array
    s: Array


@dataclass(frozen=True)
class _Lot:
    """Pairs that take part: place and events of the point, its index and the source's, and what else falls there."""

    x: Array
    y: Array
    events: Array
    point: Index
    source: Index
    noise: Array


def _fit(lot: _Lot, state: _State, model: Array, reach: Array, rounds: int) -> tuple[_State, Array, NDArray[np.bool_]]:
    """Rounds of the iteration on some pairs: new state, shares of pairs, sources that still move."""
    number = len(model)
    source = lot.source
    points = int(lot.point.max()) + 1 if len(lot.point) else 0
    there = np.bincount(source, minlength=number) > 0
    share, moves = np.zeros(len(lot.x)), there
    for _ in range(rounds):
        dx, dy = lot.x - state.x[source], lot.y - state.y[source]
        r2, width = dx * dx + dy * dy, state.s[source]
        light = state.strength[source] * psf.density(r2, width)
        share = light / (np.bincount(lot.point, light, points)[lot.point] + lot.noise)
        mine = share * lot.events
        weight = mine / (width * width + r2)
        total = np.maximum(np.bincount(source, weight, number), 1e-30)
        step_x = np.bincount(source, weight * dx, number) / total
        step_y = np.bincount(source, weight * dy, number) / total
        strength = np.where(there, np.maximum(np.bincount(source, mine, number), 0.5), state.strength)
        inner = np.bincount(source, weight * r2, number) / np.maximum(strength, 1e-30)
        s = np.where(there & (strength > STRONG), _width(inner, state.s, model, reach), state.s)
        moves = there & (np.hypot(step_x, step_y) * np.sqrt(strength) >= STILL * s)
        moves |= np.abs(s - state.s) * np.sqrt(strength) >= 10 * STILL * s
        state = _State(state.x + step_x, state.y + step_y, strength, s)
        if not moves.any():
            break
    return state, share, moves


def _width(inner: Array, s: Array, model: Array, reach: Array) -> Array:
    """Next scale of the images: where the mean of r² / (s² + r²) is what the shape has within ``reach``."""
    v = 1 + (reach / s) ** 2
    expected = (0.4 + 0.6 * v**-2.5 - v**-1.5) / (1 - v**-1.5)
    return np.asarray(np.clip(s * np.sqrt(inner / expected), WIDTHS[0] * model, WIDTHS[1] * model))


def information(strength: Array, s: Array, background: Array) -> Array:
    """Fisher information about the place along one axis [1/pixel²] of sources with so many events."""
    reach = np.maximum(20 * s, 1.0)[:, None]
    r = GRID * reach
    scale = s[:, None]
    light = strength[:, None] * psf.density(r**2, scale)
    slope = light * 2 * EXPONENT * r / (scale**2 + r**2)
    inside = slope**2 / (light + background[:, None]) * np.pi * r
    return np.asarray(np.sum((inside[:, 1:] + inside[:, :-1]) / 2 * np.diff(r, axis=1), axis=1))


@dataclass(frozen=True)
class Shapes:
    """Second moments: half-axes [sky pixel] of the 1 σ ellipse, angle [deg] of the major one from +X towards +Y."""

    major: Array
    minor: Array
    angle: Array


def apertures(points: Points, pairs: Pairs, at: Places, radius: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Events within a radius about each place, and which pairs they are."""
    i, point = pairs.source, pairs.point
    inside = (points.x[point] - at.x[i]) ** 2 + (points.y[point] - at.y[i]) ** 2 <= radius[i] ** 2
    return np.asarray(np.bincount(i[inside], points.number[point[inside]], len(at.x)), np.float64), inside


def shapes(
    points: Points, pairs: Pairs, inside: NDArray[np.bool_], at: Places, radius: Array, background: Array
) -> Shapes:
    """Ellipses from the second moments of the events within a radius, less those of an even background.

    Where nothing is left they are NaN.
    """
    i, point = pairs.source[inside], pairs.point[inside]
    number = len(at.x)
    dx, dy, events = points.x[point] - at.x[i], points.y[point] - at.y[i], points.number[point]
    noise = background * np.pi * radius**2
    net = np.bincount(i, events, number) - noise
    with np.errstate(divide="ignore", invalid="ignore"):
        xx = (np.bincount(i, events * dx * dx, number) - noise * radius**2 / 4) / net
        yy = (np.bincount(i, events * dy * dy, number) - noise * radius**2 / 4) / net
        xy = np.bincount(i, events * dx * dy, number) / net
        mean, split = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
        good = (net > 0) & (mean - split > 0)
        major = np.sqrt(np.where(good, mean + split, np.nan))
        minor = np.sqrt(np.where(good, mean - split, np.nan))
    return Shapes(major, minor, np.where(good, np.degrees(np.arctan2(2 * xy, xx - yy)) / 2 % 180, 0.0))


def spread(radius: Array, s: Array) -> Array:
    """1 σ [pixel] along an axis of the point image's light within a radius: what `shapes` finds for a point."""
    u2 = (radius / s) ** 2
    # ∫ u² dE over E = 1 − (1 + u²)^−3/2: 2 − (1 + u²)^−3/2 (2 + 3 u²)
    moment = 2 - (2 + 3 * u2) * (1 + u2) ** -psf.SLOPE
    return np.asarray(s * np.sqrt(moment / psf.enclosed(radius, s) / 2))
