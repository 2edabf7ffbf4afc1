"""Source detection on events: cell detect, a second look with the sources masked, positions and counts.

1. Cells whose counts the frame around them does not allow (`celldetect`), thinned to peaks.
2. The same again with the peaks masked in the frames: a neighbour no longer hides a source.
3. What bright sources send into other cells is added to those cells' background: the wings of their images and their
   readout streaks. Peaks that this explains are dropped.
4. Places from the events (`measure`), counts in the radius of 90 % of the light.

The threshold is a number of false sources in the whole field: each exposed pixel may be wrong with that number over
the pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mta_assets.level2 import celldetect, measure, psf
from mta_assets.level2.celldetect import Cells
from mta_assets.level2.exposure import ChipPlace
from mta_assets.level2.nearby import Blocks, events_near
from mta_assets.level2.poisson import lower_error, upper_error
from mta_assets.level2.skygrid import Grid, SkyPlane
from mta_assets.level2.streaks import Columns, Streak

Array = NDArray[np.float64]

FALSE_ALARMS = 0.5  # expected in a field without sources, at most
APERTURE = 0.9  # part of the light in the circle in which counts are taken
WINGS = 1.5  # times the model: real wings are up to so much brighter in some directions
BRIGHT = 5.0  # events from which on a source's wings are looked at
MASK = (1.0, 12.0)  # masks reach at least and at most so many radii of 90 % of the light
FAINT = 0.3  # of the background: how bright the wings still are at the edge of a mask


@dataclass(frozen=True)
class Field:
    """What is known of the field.

    Parameters
    ----------
    plane
        The sky pixels.
    grid
        Bins of the image.
    axis
        Optical axis [sky pixel].
    exposure
        Relative exposure of the bins, 1 everywhere if None.
    chips
        Places of the chips, for readout streaks; none if empty.
    """

    plane: SkyPlane
    grid: Grid
    axis: tuple[float, float]
    exposure: Array | None = None
    chips: Mapping[int, ChipPlace] = field(default_factory=dict)

    def theta(self, x: Array, y: Array) -> Array:
        """Off-axis angle [arcmin] of sky coordinates."""
        return np.hypot(x - self.axis[0], y - self.axis[1]) * self.plane.scale * 60

    def half_widths(self) -> NDArray[np.int16]:
        """Half-width of the cell at each bin."""
        rows, columns = self.grid.shape
        found = np.empty((rows, columns), np.int16)
        band = max(1, celldetect.BAND // columns)
        for top in range(0, rows, band):
            part = found[top : top + band]
            x, y = self.grid.sky(np.arange(columns)[None, :], np.arange(top, top + len(part))[:, None])
            size = psf.radius(self.theta(x, y), celldetect.ENCLOSED) / (self.plane.arcsec * self.grid.binning)
            part[:] = celldetect.half_widths(size)
        return found


@dataclass(frozen=True)
class Found:
    """Detected sources, brightest excess first; lengths in sky pixels.

    Attributes
    ----------
    cells
        What was counted in cell and frame.
    log_chance
        ln of the chance of a false alarm.
    x, y, error
        Place and its 1 σ error along each axis.
    theta
        Off-axis angle [arcmin].
    counts, background, net
        Events in the aperture, background events expected there, events of the source in all its image.
    upward, downward
        1 σ errors of net.
    noise
        Background events per square sky pixel.
    exposure
        Relative exposure.
    radius
        Of the aperture.
    shapes
        Moments of the events in the aperture.
    extra
        Events of other sources in the cell that were reckoned with.
    """

    cells: Cells
    log_chance: Array
    x: Array
    y: Array
    error: Array
    theta: Array
    counts: Array
    background: Array
    net: Array
    upward: Array
    downward: Array
    noise: Array
    exposure: Array
    radius: Array
    shapes: measure.Shapes
    extra: Array

    def __len__(self) -> int:
        return len(self.x)


def detect(blocks: Blocks, where: Field, false_alarms: float = FALSE_ALARMS) -> Found:
    """Sources in the events of a field.

    Parameters
    ----------
    blocks
        Gives the events' sky coordinates block by block; it is asked twice, and gives the same ones.
    where
        The field.
    false_alarms
        Number of false sources to be expected in a field with background only, at most.
    """
    counts = where.grid.empty()
    columns = Columns(where.chips)
    for x, y in blocks():
        counts = where.grid.add(counts, x, y)
        columns.add(x, y)
    if where.exposure is not None:
        counts = np.where(where.exposure > 0, counts, 0)  # what no time was given to is no place for sources
    half = where.half_widths()
    exposed = counts.size if where.exposure is None else int(np.count_nonzero(where.exposure > 0))
    chance = min(false_alarms / max(exposed, 1), 0.5)
    look = celldetect.Look(counts, half, chance, where.exposure)
    first = look.excesses()
    cells = _peaks(first, look)
    cells = cells.take(cells.log_chance() <= np.log(chance))
    extra = np.zeros(len(cells))
    if len(cells):
        masked = _mask(cells, where)
        streaks = columns.streaks()
        cells = _peaks(look.again(first, masked), look)
        for _ in range(2):  # a dropped source takes its wings with it
            extra = _others(cells, where, streaks)
            keep = cells.log_chance(extra) <= np.log(chance)
            cells, extra = cells.take(keep), extra[keep]
    return _measured(blocks, counts, cells, extra, where)


def _peaks(found: Cells, look: celldetect.Look) -> Cells:
    rows, columns = look.counts.shape
    return celldetect.distinct(celldetect.apart(celldetect.peaks(found, (rows, columns))), look.sums)


def _scale(cells: Cells, where: Field) -> Array:
    """s of the point image at cells [bin], with the bin's own width."""
    x, y = where.grid.sky(cells.column, cells.row)
    return psf.scale(where.theta(x, y)) / (where.plane.arcsec * where.grid.binning)


def _strength(cells: Cells, s: Array) -> Array:
    """Events of the sources in all their image, from those in the cell."""
    radius = (2 * cells.half + 1) / np.sqrt(np.pi)
    return np.maximum(cells.counts - cells.background, 0) / psf.enclosed(radius, s)


def _mask_radius(cells: Cells, where: Field) -> Array:
    """Radius [bin] at which a source's image falls below a part of the background."""
    s = _scale(cells, where)
    density = np.maximum(cells.around, 1.0) / cells.frame * FAINT
    peak = _strength(cells, s) * psf.density(0.0, s)
    u2 = np.maximum((peak / density) ** (1 / measure.EXPONENT) - 1, 0)
    ninety = s * np.sqrt((1 - APERTURE) ** (-1 / psf.SLOPE) - 1)
    return np.asarray(np.clip(s * np.sqrt(u2), MASK[0] * ninety, MASK[1] * ninety))


def _mask(cells: Cells, where: Field) -> NDArray[np.bool_]:
    """Bins within the mask radius of a source."""
    rows, columns = where.grid.shape
    masked = np.zeros((rows, columns), bool)
    radius = _mask_radius(cells, where)
    for i in range(len(cells)):  # sources
        size = int(np.ceil(radius[i]))
        row, column = int(cells.row[i]), int(cells.column[i])
        top, left = max(row - size, 0), max(column - size, 0)
        part = masked[top : row + size + 1, left : column + size + 1]
        tall = np.arange(top, top + part.shape[0]) - row
        wide = np.arange(left, left + part.shape[1]) - column
        part |= tall[:, None] ** 2 + wide[None, :] ** 2 <= radius[i] ** 2
    return masked


def _others(cells: Cells, where: Field, streaks: Sequence[Streak]) -> Array:
    """Events in each cell that brighter sources sent there: wings and readout streaks."""
    s = _scale(cells, where)
    strength = _strength(cells, s)
    found = np.zeros(len(cells))
    area = (2 * cells.half + 1.0) ** 2
    for j in np.flatnonzero(strength > BRIGHT).tolist():  # bright sources
        r2 = (cells.row - cells.row[j]) ** 2 + (cells.column - cells.column[j]) ** 2
        # of two equal ones the second is the fainter: one source with two peaks is one
        fainter = (strength < strength[j]) | ((strength == strength[j]) & (np.arange(len(cells)) > j))
        found += np.where(fainter, WINGS * strength[j] * psf.density(r2, s[j]) * area, 0)
    x, y = where.grid.sky(cells.column, cells.row)
    for streak in streaks:
        found += WINGS * streak.events(x, y, np.asarray((2 * cells.half + 1.0) * where.grid.binning))
    return found


def _measured(blocks: Blocks, counts: NDArray[np.int32], cells: Cells, extra: Array, where: Field) -> Found:
    sx, sy = where.grid.sky(cells.column, cells.row)
    arcsec, binning = where.plane.arcsec, where.grid.binning
    s = psf.scale(where.theta(sx, sy)) / arcsec
    ninety = s * np.sqrt((1 - APERTURE) ** (-1 / psf.SLOPE) - 1)
    reach = 1.5 * ninety + (cells.half + 1) * binning
    noise = cells.around / cells.frame * (cells.exposure / (2 * cells.half + 1.0) ** 2) / binning**2
    points = events_near(blocks, counts, where.grid, (sx, sy), reach, s)
    pairs = measure.pairs_of(points, sx, sy, reach)
    at = measure.places(points, pairs, (sx, sy), s, np.maximum(noise, 1e-6), reach)
    # a place that ran away belongs to a neighbour: the cell's own centre stays, with the cell's half-width as its error
    lost = np.hypot(at.x - sx, at.y - sy) > (cells.half + 1) * binning * 1.5
    width = (cells.half + 0.5) * binning
    kept = (np.where(lost, old, new) for old, new in ((sx, at.x), (sy, at.y), (width, at.error), (s, at.s)))
    at = measure.Places(*kept)
    # the circle of the fitted image, as far as events were gathered: its part of the light is known
    ninety = np.minimum(ninety * at.s / s, reach)
    inside_part = psf.enclosed(ninety, at.s)
    seen, inside = measure.apertures(points, pairs, at, ninety)
    others = extra / np.maximum((2 * cells.half + 1.0) ** 2 * binning**2, 1) / WINGS
    background = (noise + others) * np.pi * ninety**2
    scatter = background / np.sqrt(np.maximum(cells.around, 1))  # of the background itself
    shape = measure.shapes(points, pairs, inside, at, ninety, noise + others)
    area = (2 * cells.half + 1.0) ** 2
    return Found(
        cells, cells.log_chance(extra), at.x, at.y, at.error, where.theta(at.x, at.y), seen, background,
        (seen - background) / inside_part, np.hypot(upper_error(seen), scatter) / inside_part,
        np.hypot(lower_error(seen), scatter) / inside_part, noise, cells.exposure / area, ninety, shape, extra,
    )  # fmt: skip
