"""The sky as pixels: the tangent plane of an event file, and images on it.

Sky coordinates X, Y of an event file are pixels of a tangent plane about the nominal pointing, north up and east to the
left (J. McDowell, "Coordinate systems for analysis of on-orbit Chandra data I", SKY:ASC-FP-1.1); TCRVLn, TCRPXn
and TCDLTn of the two columns say which. The projection is the gnomonic one, TAN of Calabretta & Greisen (2002, A&A 395,
1077), section 5.1.3; astropy.wcs gives the same to 1e-9 pixels (tests).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.headers import keyword, required
from mta_assets.core.tables import Header, Table
from mta_assets.level2.columns import column, number, sky_places, spelling

Array = NDArray[np.float64]
SIZES = {"ACIS": 8192, "HRC-I": 32768, "HRC-S": 65536}  # [pixel] sky planes of real files (TLMAX of X)
FARTHEST = 1e6  # [pixel] beyond the largest sky plane by far: no tangent point lies there
MOST_PIXELS = 1 << 26  # an image beyond is a mistake, or wants a larger bin


@dataclass(frozen=True)
class SkyPlane:
    """Pixels of a tangent plane.

    Parameters
    ----------
    ra, dec
        Tangent point [deg].
    x, y
        Its pixel.
    scale
        Size of a pixel [deg].
    """

    ra: float
    dec: float
    x: float
    y: float
    scale: float

    @property
    def arcsec(self) -> float:
        """Size of a pixel [arcsec]."""
        return self.scale * 3600

    def world(self, x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
        """Right ascension (0 to 360) and declination [deg] of pixels."""
        east = -np.radians((np.asarray(x, float) - self.x) * self.scale)
        north = np.radians((np.asarray(y, float) - self.y) * self.scale)
        sine, cosine = np.sin(np.radians(self.dec)), np.cos(np.radians(self.dec))
        toward = cosine - north * sine
        ra = np.degrees(np.arctan2(east, toward)) + self.ra
        return ra % 360, np.degrees(np.arctan2(sine + north * cosine, np.hypot(east, toward)))

    def pixel(self, ra: ArrayLike, dec: ArrayLike) -> tuple[Array, Array]:
        """Pixels of places [deg]; NaN for those on the other half of the sky."""
        away, d = np.radians(np.asarray(ra, float) - self.ra), np.radians(np.asarray(dec, float))
        sine, cosine = np.sin(np.radians(self.dec)), np.cos(np.radians(self.dec))
        depth = sine * np.sin(d) + cosine * np.cos(d) * np.cos(away)
        depth = np.where(depth > 0, depth, np.nan)
        east = np.degrees(np.cos(d) * np.sin(away) / depth)
        north = np.degrees((cosine * np.sin(d) - sine * np.cos(d) * np.cos(away)) / depth)
        return self.x - east / self.scale, self.y + north / self.scale


def on_plane(events: Table) -> NDArray[np.bool_]:
    """Events whose sky coordinates are pixels of the sky plane of their instrument: no NaN, nothing far off.

    The list of the instrument with chips (CCD_ID) is one of ACIS, any other one may reach as far as that of HRC-S.
    """
    edge = SIZES["ACIS" if spelling(events, "CCD_ID") is not None else "HRC-S"] + 0.5
    inside = [(column(events, name) >= 0.5) & (column(events, name) < edge) for name in ("X", "Y")]
    return np.asarray(inside[0] & inside[1])


def sky_plane(events: Table) -> SkyPlane:
    """The plane of an event table from TCRVLn, TCRPXn, TCDLTn of its columns X and Y.

    Raises
    ------
    BadData
        If a keyword is missing or out of its range, the pixels are not square, or the pointing, where one is stated,
        lies on the other half of the sky.
    """
    nx, ny = number(events, "X"), number(events, "Y")
    what = f"sky coordinates of table {events.name}"
    ra, dec = (required(events.header, f"TCRVL{n}", what) for n in (nx, ny))
    x, y = (required(events.header, f"TCRPX{n}", what) for n in (nx, ny))
    dx, dy = (required(events.header, f"TCDLT{n}", what) for n in (nx, ny))
    if not (dy > 0 and abs(dx + dy) < 1e-6 * dy):
        raise BadData(f"{what}: pixels of {dx} by {dy} deg, expected square ones with east to the left (TCDLT{nx})")
    if not (abs(ra) <= 360 and abs(dec) <= 90 and max(abs(x), abs(y)) < FARTHEST and dy < 1):
        raise BadData(
            f"{what}: tangent point RA {ra:g}, Dec {dec:g} deg in pixel {x:g}, {y:g} of {dy:g} deg (TCRVL{nx}, "
            f"TCRVL{ny}, TCRPX{nx}, TCRPX{ny}, TCDLT{ny}) is no place of the sky; make the "
            "product again or deliver another"
        )
    plane = SkyPlane(ra, dec, x, y, dy)
    if keyword(events.header, "RA_PNT") is not None and keyword(events.header, "DEC_PNT") is not None:
        pointing = [required(events.header, name, what) for name in ("RA_PNT", "DEC_PNT")]
        if not np.isfinite(plane.pixel(*pointing)).all():
            raise BadData(
                f"{what}: tangent point RA {ra:g}, Dec {dec:g} deg (TCRVL{nx}, TCRVL{ny}) and pointing "
                f"{pointing[0]:g}, {pointing[1]:g} (RA_PNT, DEC_PNT) lie on two halves of the sky; make the "
                "product again or deliver another"
            )
    return plane


def plane_keywords(plane: SkyPlane, nx: int, ny: int) -> Header:
    """The same keywords for the columns with numbers ``nx`` and ``ny`` of a table."""
    found: Header = {}
    names = (("RA---TAN", plane.ra, plane.x, -plane.scale), ("DEC--TAN", plane.dec, plane.y, plane.scale))
    for n, (kind, value, pixel, step) in zip((nx, ny), names, strict=True):
        found[f"TCTYP{n}"] = (kind, "projection")
        found[f"TCRVL{n}"] = (value, "[deg] tangent point")
        found[f"TCRPX{n}"] = (pixel, "[pixel] its place")
        found[f"TCDLT{n}"] = (step, "[deg] size of a pixel")
        found[f"TCUNI{n}"] = ("deg", "unit")
    return found


@dataclass(frozen=True)
class Grid:
    """Bins of a part of the sky plane: bin (0, 0) begins at sky pixel edge (x0, y0).

    Parameters
    ----------
    x0, y0
        Lower edges in sky coordinates (pixel n reaches from n − 0.5 to n + 0.5).
    shape
        Rows and columns of the image.
    binning
        Sky pixels along a side of a bin.
    """

    x0: float
    y0: float
    shape: tuple[int, int]
    binning: float = 1.0

    def index(self, x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
        """Continuous column and row; the centre of the first bin is at 0."""
        column_ = (np.asarray(x, float) - self.x0) / self.binning - 0.5
        return column_, (np.asarray(y, float) - self.y0) / self.binning - 0.5

    def sky(self, columns: ArrayLike, rows: ArrayLike) -> tuple[Array, Array]:
        """Sky coordinates of continuous columns and rows."""
        x = self.x0 + (np.asarray(columns, float) + 0.5) * self.binning
        return x, self.y0 + (np.asarray(rows, float) + 0.5) * self.binning

    def add(self, image: NDArray[np.int32], x: ArrayLike, y: ArrayLike) -> NDArray[np.int32]:
        """The image with the events of a block in it (a new array); events outside or NaN are left out."""
        total = image.copy()
        _, flat = self.bins(x, y)
        # with few events in a large image much cheaper than bincount; of another type the 1 takes fifty times as long
        np.add.at(total.reshape(-1), flat, np.int32(1))
        return total

    def bins(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices of the events that lie in a bin (not outside, not NaN), and of their bins in the raveled image."""
        rows, columns = self.shape
        with np.errstate(invalid="ignore"):  # NaN becomes an index outside
            i = np.floor((np.asarray(x, np.float64) - self.x0) / self.binning)
            j = np.floor((np.asarray(y, np.float64) - self.y0) / self.binning)
            inside = np.flatnonzero((i >= 0) & (i < columns) & (j >= 0) & (j < rows))
        return inside, j[inside].astype(np.int64) * columns + i[inside].astype(np.int64)

    def empty(self) -> NDArray[np.int32]:
        """An image without events."""
        return np.zeros(self.shape, np.int32)


def grid_of(blocks: Iterable[tuple[ArrayLike, ArrayLike]], binning: float = 1.0, margin: int = 0) -> Grid:
    """The smallest grid that holds all events, with ``margin`` bins around them.

    Parameters
    ----------
    blocks
        X and Y of the events.

    Raises
    ------
    BadData
        If there are no events, or the image would be unreasonably large.
    """
    least, most = np.full(2, np.inf), np.full(2, -np.inf)
    for block in blocks:
        for axis, given in enumerate(block):
            finite = np.asarray(given)[np.isfinite(given)]
            if len(finite):
                least[axis] = min(least[axis], finite.min())
                most[axis] = max(most[axis], finite.max())
    if not np.all(most >= least):
        raise BadData("no events with sky coordinates: there is no image to make")
    low = np.floor(least + 0.5) - 0.5 - margin * binning
    size = [int(np.ceil((end - edge) / binning)) + margin for end, edge in zip(most, low, strict=True)]
    size = [max(n, 1) + 1 for n in size]
    if size[0] * size[1] > MOST_PIXELS:
        raise BadData(f"an image of {size[0]} x {size[1]} bins: use bins larger than {binning} sky pixels")
    return Grid(float(low[0]), float(low[1]), (size[1], size[0]), binning)


def image_keywords(plane: SkyPlane, grid: Grid) -> Header:
    """World coordinates of an image on a grid: linear sky coordinates (P) and right ascension and declination."""
    x = (plane.x - grid.x0) / grid.binning + 0.5
    y = (plane.y - grid.y0) / grid.binning + 0.5
    step = plane.scale * grid.binning
    return {
        "CTYPE1": ("RA---TAN", "projection"),
        "CTYPE2": ("DEC--TAN", "projection"),
        "CRVAL1": (plane.ra, "[deg] tangent point"),
        "CRVAL2": (plane.dec, "[deg] tangent point"),
        "CRPIX1": (x, "[pixel] its place"),
        "CRPIX2": (y, "[pixel] its place"),
        "CDELT1": (-step, "[deg] size of a pixel"),
        "CDELT2": (step, "[deg] size of a pixel"),
        "CUNIT1": ("deg", "unit"),
        "CUNIT2": ("deg", "unit"),
        "MTYPE1": ("sky", "DM Keyword: Descriptor name."),
        "MFORM1": ("x,y", "[pixel]"),
        "MTYPE2": ("EQPOS", "DM Keyword: Descriptor name."),
        "MFORM2": ("RA,DEC", "[deg]"),
        **_linear_keywords(1, "x", grid.x0, grid.binning),
        **_linear_keywords(2, "y", grid.y0, grid.binning),
    }


def _linear_keywords(axis: int, name: str, edge: float, binning: float) -> Header:
    """Sky coordinates of one axis as the archive's images have them: alternate coordinates P, and LTM and LTV."""
    return {
        f"CTYPE{axis}P": (name, "Sky coords"),
        f"CRVAL{axis}P": (float(edge), "[pixel] sky coordinate of the edge"),
        f"CRPIX{axis}P": (0.5, "edge of the first pixel"),
        f"CDELT{axis}P": (float(binning), "sky pixels in a pixel"),
        f"WCSTY{axis}P": ("PHYSICAL", "kind of coordinates"),
        f"LTV{axis}": (0.5 - edge / binning, "pixel = LTM * sky + LTV"),
        f"LTM{axis}_{axis}": (1 / binning, "pixel = LTM * sky + LTV"),
    }


def image_of(events: Table, grid: Grid) -> NDArray[np.int32]:
    """Counts of a table of events."""
    found = grid.empty()
    for x, y in sky_places(events):
        found = grid.add(found, x, y)
    return found
