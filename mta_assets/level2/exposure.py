"""Where on the sky a detector looked and for how long, from the events alone.

Each event carries its chip and its sky coordinates, so the events tell where the chips lay on the sky at each moment:
a plane fit of sky against chip coordinates gives the mean place of each chip, and the residuals against time give the
dither. So no aspect file is needed, and subarrays and roll come out by themselves. The map is the time-weighted mean
of the chips' outlines along the dither (as CIAO's mkexpmap does with an aspect histogram), without the variation of
efficiency within a chip, which is smooth on the scale of a detection cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.headers import whole
from mta_assets.core.tables import Table
from mta_assets.level2.boxes import BoxSums
from mta_assets.level2.columns import blocks, column, spelling
from mta_assets.level2.skygrid import Grid

Array = NDArray[np.float64]
CHIP = (1.0, 1024.0)  # [pixel] first and last of an ACIS chip, both axes
MOST = 50_000  # events of a chip that the fit takes
PERIOD = 100.0  # [s] of a step of the dither: 1/7 of its shorter period (707 s, POG 5.8.2)
LEAST = 30  # events of a chip without which it has no place
NODE = 8  # [bin] distance of the points at which the map is computed; the dither smears edges over 30 pixels
STEPS = 200  # places along the dither
BAND = 64  # [bin] rows of the map that are made at once


@dataclass(frozen=True)
class ChipPlace:
    """A chip on the sky: ``sky = origin + matrix @ (chipx, chipy)``, and its rows and columns that were read."""

    ccd_id: int
    origin: Array
    matrix: Array
    low: tuple[float, float]
    high: tuple[float, float]

    def sky(self, chipx: ArrayLike, chipy: ArrayLike) -> tuple[Array, Array]:
        """Sky coordinates of chip coordinates at the mean of the dither."""
        at = self.origin + np.stack(np.broadcast_arrays(chipx, chipy), axis=-1) @ self.matrix.T
        return at[..., 0], at[..., 1]

    def chip(self, x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
        """Chip coordinates of sky coordinates at the mean of the dither."""
        at = (np.stack(np.broadcast_arrays(x, y), axis=-1) - self.origin) @ np.linalg.inv(self.matrix).T
        return at[..., 0], at[..., 1]

    def contains(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        """Whether sky coordinates lie on the part of the chip that was read."""
        cx, cy = self.chip(x, y)
        inside = (cx >= self.low[0] - 0.5) & (cx <= self.high[0] + 0.5)
        return np.asarray(inside & (cy >= self.low[1] - 0.5) & (cy <= self.high[1] + 0.5))


def chip_places(events: Table, rows: tuple[float, float] = CHIP) -> tuple[dict[int, ChipPlace], Array]:
    """Places of the chips, and the dither about them.

    Parameters
    ----------
    events
        Columns TIME, CCD_ID, CHIPX, CHIPY, X, Y.
    rows
        First and last row that was read (FIRSTROW, FIRSTROW + NROWS − 1).

    Returns
    -------
    places
        By ccd_id; chips with fewer than 30 events have none.
    dither
        Offsets [sky pixel] at equal steps of time, shape (n, 2); steps without events are left out.
    """
    ccd, time, x, y, chipx, chipy = _sample(events)
    found: dict[int, ChipPlace] = {}
    offsets, times = [np.zeros((0, 2))], [np.zeros(0)]
    for ccd_id in np.unique(ccd).tolist():
        here = np.flatnonzero(ccd == ccd_id)
        if len(here) < LEAST:
            continue
        sky = np.column_stack([x[here], y[here]]).astype(np.float64)
        chip = np.column_stack([np.ones(len(here)), chipx[here], chipy[here]])
        solution, _, rank, _ = np.linalg.lstsq(chip, sky, rcond=None)
        if rank < 3:
            continue
        found[ccd_id] = ChipPlace(
            ccd_id,
            np.asarray(solution[0], float),
            np.asarray(solution[1:].T, float),
            (CHIP[0], rows[0]),
            (CHIP[1], rows[1]),
        )
        offsets.append(sky - chip @ solution)
        times.append(time[here])
    return found, _means(np.concatenate(times), np.concatenate(offsets))


def _sample(events: Table) -> list[NDArray[Any]]:
    """Chip, time, sky and chip coordinates of some events of each chip, evenly, block by block."""
    names = ("CCD_ID", "TIME", "X", "Y", "CHIPX", "CHIPY")
    counts: dict[int, int] = {}
    for block in blocks(events):
        for ccd_id, count in zip(*np.unique(column(block, "CCD_ID")[_placed(block)], return_counts=True), strict=True):
            counts[int(ccd_id)] = counts.get(int(ccd_id), 0) + int(count)
    seen = dict.fromkeys(counts, 0)
    parts: list[list[NDArray[Any]]] = [[np.zeros(0, column(events.rows(0, 0), name).dtype) for name in names]]
    for block in blocks(events):
        ccd, good = column(block, "CCD_ID"), _placed(block)
        taken = np.zeros(len(block), np.bool_)
        for ccd_id in np.unique(ccd[good]).tolist():
            here = np.flatnonzero(good & (ccd == ccd_id))
            step = max(1, counts[ccd_id] // MOST)
            taken[here[-seen[ccd_id] % step :: step]] = True
            seen[ccd_id] += len(here)
        parts.append([column(block, name)[taken] for name in names])
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def _placed(block: Table) -> NDArray[np.bool_]:
    """Events with a time and a place on the sky."""
    return np.asarray(np.logical_and.reduce([np.isfinite(column(block, name)) for name in ("X", "Y", "TIME")]))


def places_of(events: Table) -> tuple[dict[int, ChipPlace], Array]:
    """`chip_places` of an event list, the rows that were read out of its header; none without chip coordinates."""
    if any(spelling(events, name) is None for name in ("CCD_ID", "CHIPX", "CHIPY", "TIME")):
        return {}, np.zeros((1, 2))
    what, rows = f"rows of table {events.name}", int(CHIP[1])
    first = whole(events.header, "FIRSTROW", what, (1, rows), 1)
    last = first + whole(events.header, "NROWS", what, (1, rows), rows + 1 - first) - 1
    return chip_places(events, (float(first), float(last)))


def _means(times: Array, offsets: Array) -> Array:
    """Mean offset in each step of time that has events."""
    if not len(times):
        return np.zeros((1, 2))
    # a step that has no event takes no place: one wrong time does not make years of them
    _, step = np.unique(np.floor((times - times.min()) / PERIOD), return_inverse=True)
    count = np.bincount(step)
    return np.column_stack([np.bincount(step, offsets[:, i]) / count for i in (0, 1)])


def exposure_map(
    grid: Grid, places: Mapping[int, ChipPlace], dither: Array, seconds: Mapping[int, float] | None = None
) -> Array:
    """Relative exposure of the bins of a grid: the greatest of one chip that looked all the time is 1.

    Parameters
    ----------
    dither
        Offsets at equal steps of time, shape (n, 2) [sky pixel].
    seconds
        Exposure of each chip [s]; equal ones if None.
    """
    rows, columns = grid.shape
    node_row, node_column = (np.arange(-(-n // NODE) + 1) * NODE for n in (rows, columns))
    x, y = grid.sky(*np.meshgrid(node_column, node_row))
    steps = dither[np.linspace(0, len(dither) - 1, min(len(dither), STEPS)).astype(np.int64)]
    most = max(seconds.values()) if seconds else 1.0
    total = np.zeros(x.shape)
    for ccd_id, place in places.items():
        weight = (seconds.get(ccd_id, 0.0) / most if most > 0 else 0.0) if seconds is not None else 1.0
        total += weight * covered(place, x, y, steps)
    return _between(total, rows, columns)


def covered(place: ChipPlace, x: Array, y: Array, steps: Array) -> Array:
    """Part of the steps of a dither during which a chip lay on sky coordinates; only near its edges is it looked at."""
    u, v = place.chip(x, y)
    moved = steps @ np.linalg.inv(place.matrix).T
    inside = np.minimum(
        np.minimum(u - place.low[0] + 0.5, place.high[0] + 0.5 - u),
        np.minimum(v - place.low[1] + 0.5, place.high[1] + 0.5 - v),
    )
    reach = np.abs(moved).max(initial=0.0)
    found = (inside >= reach).astype(np.float64)
    edge = np.abs(inside) < reach
    edge_u, edge_v = u[edge][:, None] - moved[:, 0], v[edge][:, None] - moved[:, 1]
    on = (edge_u >= place.low[0] - 0.5) & (edge_u <= place.high[0] + 0.5)
    on &= (edge_v >= place.low[1] - 0.5) & (edge_v <= place.high[1] + 0.5)
    found[edge] = on.mean(axis=1)
    return found


def _between(nodes: Array, rows: int, columns: int) -> Array:
    """Bilinear interpolation of values at every NODE-th bin; rows a band at a time, which stay in the cache."""
    found = np.empty((rows, columns))
    column_ = np.arange(columns)
    before, wide = column_ // NODE, column_ % NODE / NODE
    for top in range(0, rows, BAND):
        row = np.arange(top, min(top + BAND, rows))
        part = (row % NODE / NODE)[:, None]
        tall = nodes[row // NODE] * (1 - part) + nodes[row // NODE + 1] * part
        found[row[0] : row[-1] + 1] = tall[:, before] * (1 - wide) + tall[:, before + 1] * wide
    return found


def outline(counts: NDArray[np.integer], half: int = 24) -> Array:
    """Exposure 1 where events are about as dense as elsewhere, else 0: for detectors without chip planes (HRC).

    A box centred on a straight edge is half full: where the mean of the box falls below half the median of the occupied
    boxes the detector ends.
    """
    rows, columns = counts.shape
    # bright sources must not make the sky around them look empty: more than a few events in a bin count as few
    some = counts[counts > 0]
    clipped = np.minimum(counts, np.percentile(some, 90) if len(some) else 1).astype(np.int64)
    sums = BoxSums(clipped)
    node_row, node_column = (np.minimum(np.arange(-(-n // NODE) + 1) * NODE, n - 1) for n in (rows, columns))
    node = np.stack(np.meshgrid(node_row, node_column, indexing="ij")).astype(np.int64)
    mean = sums(node[0].ravel(), node[1].ravel(), half).reshape(node[0].shape).astype(np.float64)
    full = mean[mean > 0]
    if not len(full):
        return np.zeros(counts.shape)
    return _between((mean >= 0.5 * np.median(full)).astype(np.float64), rows, columns)


def without(exposure: Array, grid: Grid, boxes: Table) -> Array:
    """An exposure map that is 0 on the dispersed light of a grating observation.

    Parameters
    ----------
    boxes
        REGION table of an event file: SHAPE, X, Y, R, ROTANG, TG_PART. Rotated boxes of TG_PART above 0 are cut out,
        the circles of TG_PART 0 (zero order) are put back.
    """
    rows, columns = exposure.shape
    x, y = grid.sky(np.arange(columns)[None, :], np.arange(rows)[:, None])
    part, r = column(boxes, "TG_PART"), column(boxes, "R")
    cut, kept = np.zeros(exposure.shape, bool), np.zeros(exposure.shape, bool)
    for i in range(len(boxes)):
        dx, dy = x - float(column(boxes, "X")[i]), y - float(column(boxes, "Y")[i])
        if part[i] == 0:
            kept |= dx**2 + dy**2 <= float(r[i, 0]) ** 2
            continue
        angle = np.radians(float(column(boxes, "ROTANG")[i]))
        along, across = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        cut |= (np.abs(along) <= r[i, 0] / 2) & (np.abs(across) <= r[i, 1] / 2)
    return np.where(cut & ~kept, 0.0, exposure)
