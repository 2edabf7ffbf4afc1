"""Field of view (fov1): the outlines of the chips on the sky over an observation, as polygons.

A chip is a rectangle that the dither carries about without turning it by more than arcseconds, so that what it swept
over is, but for those, the convex hull of its outlines at all times. Columns and HDU as in the archive's fov1 of 28229
(skyfov); there the polygons are smoothed ones, of another number of corners.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Column, Header, Schema, Table
from mta_assets.instruments import geometry, geometry_sky

Array = NDArray[np.float64]
Edges = tuple[tuple[float, float], tuple[float, float]]  # first and last pixel of CHIPX and CHIPY

STEPS = 4000  # samples of the aspect that are looked at: a tenth of a sky pixel of ACIS over two hours of dither
POINTS = 64  # corners of a polygon at most: cells of one length, which the shorter ones fill with their first corner


def hull(points: Array) -> Array:
    """Corners of the convex hull of points (n, 2), counter-clockwise from the lowest x.

    Andrew's monotone chain (A. M. Andrew 1979, Information Processing Letters 9, 216).
    """
    ordered = np.unique(points, axis=0)
    if len(ordered) < 3:
        return ordered
    halves = []
    for some in (ordered, ordered[::-1]):
        chain: list[Array] = []
        for point in some:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        halves.append(chain[:-1])
    return np.array(halves[0] + halves[1])


def _turn(a: Array, b: Array, c: Array) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def thinned(corners: Array, most: int = POINTS) -> Array:
    """A polygon of at most so many corners: those are dropped first that cut off the least area."""
    kept = list(range(len(corners)))
    while len(kept) > most:
        places = corners[kept]
        before, after = np.roll(places, 1, axis=0), np.roll(places, -1, axis=0)
        into, out = places - before, after - places
        kept.pop(int(np.argmin(np.abs(into[:, 0] * out[:, 1] - into[:, 1] * out[:, 0]))))
    return corners[kept]


def outlines(
    instrument: str, edges: Mapping[int, Edges], solution: Table, sim: tuple[float, float], nominal: tuple[float, float]
) -> dict[int, Array]:
    """Polygon on the sky image of each chip, corners (n, 2) [sky pixel].

    Parameters
    ----------
    instrument
        ``ACIS``, ``HRC-I`` or ``HRC-S``.
    edges
        First and last pixel of each chip that counts; the outline goes through their middles, as the archive's does
        (four edges of 28229 to 0.2 pixels).
    solution
        Aspect solution.
    sim
        SIM offset x, z [mm].
    nominal
        RA and declination of the tangent point [deg].

    Raises
    ------
    BadData
        If a chip is not in the geometry.
    """
    known = geometry.chips(instrument)
    strange = sorted(set(edges) - set(known))
    if strange:
        raise BadData(f"field of view: chips {strange}, which {instrument} does not have; it has {sorted(known)}")
    aspect = geometry_sky.aspect_of(solution)
    times = aspect.time[np.linspace(0, len(aspect.time) - 1, min(len(aspect.time), STEPS)).astype(np.int64)]
    q, offsets = geometry_sky.attitudes(aspect, times)
    sky = geometry_sky.sky_maps(instrument, q, *nominal)
    maps = geometry_sky.det_maps(instrument, *sim)
    index = np.arange(len(times))
    found = {}
    for chip, ((x0, x1), (y0, y1)) in edges.items():
        swept = []
        for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1)):
            corner = np.full(len(times), x), np.full(len(times), y)
            det = geometry_sky.chip_to_det(instrument, maps, np.full(len(times), chip), *corner, offsets)
            swept.append(np.column_stack(geometry_sky.det_to_sky(instrument, sky, index, *det)))
        found[chip] = thinned(hull(np.concatenate(swept)))
    return found


def fov_table(polygons: Mapping[int, Array], instrument: str, nominal: tuple[float, float]) -> Table:
    """The FOV table of polygons by chip [sky pixel]; the column CCD_ID is the chip of the HRC, too, as in its files."""
    frame = geometry.INSTRUMENTS[geometry.detector_of(instrument)]
    corners = np.stack([np.concatenate([p, np.repeat(p[:1], POINTS - len(p), axis=0)]) for p in polygons.values()])
    count = len(polygons)
    schema = Schema(
        "FOV",
        (
            Column("X", "f8", "pixel", "Sky coords", (POINTS,)),
            Column("Y", "f8", "pixel", "Sky coords", (POINTS,)),
            Column("SHAPE", "U16", "", "region shape"),
            Column("R", "f8", "pixel", "radius (not used of a polygon)", (2,)),
            Column("ROTANG", "f8", "deg", "angle (not used of a polygon)", (2,)),
            Column("COMPONENT", "i2", "", "component number"),
            Column("CCD_ID", "i2", "", "chip"),
        ),
        "outlines of the chips on the sky",
    )
    columns = {
        "X": corners[..., 0],
        "Y": corners[..., 1],
        "SHAPE": np.full(count, "Polygon", "U16"),
        "R": np.full((count, 2), np.nan),
        "ROTANG": np.full((count, 2), np.nan),
        "COMPONENT": np.arange(1, count + 1),
        "CCD_ID": np.array(list(polygons)),
    }
    fixed: Header = {
        "CONTENT": ("FOV", "what data product"),
        "HDUCLASS": ("ASC", "format"),
        "HDUCLAS1": ("REGION", "kind of table"),
        "HDUCLAS2": ("FOV", "which one"),
        "MTYPE1": ("pos", "DM Keyword: Descriptor name."),
        "MFORM1": ("X,Y", "[pixel]"),
        "MTYPE2": ("EQPOS", "DM Keyword: Descriptor name."),
        "MFORM2": ("RA,DEC", "[deg]"),
    }
    step = float(np.degrees(frame.det_pixel))
    for number, (kind, value, size) in enumerate((("RA---TAN", nominal[0], -step), ("DEC--TAN", nominal[1], step)), 1):
        fixed |= {
            f"TCTYP{number}": (kind, "projection"),
            f"TCRVL{number}": (value, "[deg] tangent point"),
            f"TCRPX{number}": (frame.centre, "[pixel] its place"),
            f"TCDLT{number}": (size, "[deg] size of a pixel"),
            f"TCUNI{number}": ("deg", "unit"),
        }
    return schema.build(columns, fixed)
