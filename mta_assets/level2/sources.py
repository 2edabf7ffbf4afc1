"""The source list of an observation (src2): detection on its level-2 events, in the archive's table.

Columns as celldetect writes them (CIAO Detect Manual, "celldetect: data products"), with THETA, SIGNIFICANCE and
LOG_PROB besides. The ellipse is the one of the events in the aperture, three times its 1 σ half-axes (parameter
ellsigma).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mta_assets.core import intervals
from mta_assets.core.errors import BadData
from mta_assets.core.gti import gtis_of
from mta_assets.core.headers import keyword, required
from mta_assets.core.tables import Column, Header, Product, Schema, Table
from mta_assets.instruments.livetime import dead_time
from mta_assets.level2 import celldetect, measure, poisson, psf
from mta_assets.level2.columns import column, identity, narrowed, sky_places, spelling
from mta_assets.level2.detect import APERTURE, FALSE_ALARMS, Field, Found, detect
from mta_assets.level2.exposure import exposure_map, outline, places_of, without
from mta_assets.level2.skygrid import Grid, SkyPlane, grid_of, image_of, on_plane, plane_keywords, sky_plane

Array = NDArray[np.float64]
ELLIPSE = 3.0  # [sigma] half-axes of the ellipses in the list
MARGIN = 10  # [bin] around the events
BINS = {"ACIS": 1.0, "HRC": 8.0}  # [sky pixel] bins of the image: 0.5 and 1.1 arcsec; places come from the events


def _column(name: str, unit: str, doc: str, dtype: str = "f4") -> Column:
    return Column(name, dtype, unit, doc)


SRCLIST = Schema(
    "SRCLIST",
    (
        _column("RA", "deg", "source right ascension", "f8"),
        _column("DEC", "deg", "source declination", "f8"),
        _column("RA_ERR", "deg", "1 sigma error of RA, as an angle along RA over cos(DEC)", "f8"),
        _column("DEC_ERR", "deg", "1 sigma error of DEC", "f8"),
        _column("X", "pixel", "source X position", "f8"),
        _column("Y", "pixel", "source Y position", "f8"),
        _column("X_ERR", "pixel", "1 sigma error of X", "f8"),
        _column("Y_ERR", "pixel", "1 sigma error of Y", "f8"),
        _column("NPIXSOU", "pixel", "pixels in the source cell", "i4"),
        _column("NPIXBKG", "pixel", "exposed pixels in the frame", "i4"),
        _column("NET_COUNTS", "count", "net source counts in all of the image"),
        _column("NET_COUNTS_ERR", "count", "upper 1 sigma error of NET_COUNTS"),
        _column("NET_COUNTS_LOW", "count", "lower 1 sigma error of NET_COUNTS"),
        _column("BKG_COUNTS", "count", "background counts in the aperture"),
        _column("BKG_COUNTS_ERR", "count", "error of BKG_COUNTS"),
        _column("NET_RATE", "count/s", "source count rate"),
        _column("NET_RATE_ERR", "count/s", "error of NET_RATE"),
        _column("BKG_RATE", "count/s/pixel", "background count rate"),
        _column("EXPTIME", "s", "effective exposure time"),
        _column("SNR", "", "net counts over their error in the cell"),
        _column("SIGNIFICANCE", "", "one-sided Gaussian equivalent of LOG_PROB"),
        _column("LOG_PROB", "", "log10 of the chance of a false alarm at this pixel"),
        Column("SHAPE", "U16", "", "region shape"),
        Column("R", "f4", "pixel", "half-axes of the source ellipse, 3 sigma", (2,)),
        _column("ROTANG", "deg", "angle of the major axis from +X"),
        _column("PSFRATIO", "", "size of the source over that of the point image"),
        _column("THETA", "arcmin", "off-axis angle"),
        _column("DETSIZE", "pixel", "side of the source cell"),
        _column("BKGSIZE", "pixel", "side of the background frame"),
        Column("CCD_ID", "i2", "", "chip on which the source lies; -1: unknown", null=-1),
        _column("BLOCK", "", "sky pixels in a bin of the image"),
        Column("COMPONENT", "i2", "", "number of the source, from 1"),
    ),
    "Detected sources",
)


def field_of(events: Table, binning: float | None = None, arms: Table | None = None) -> Field:
    """The field of an event table: plane, image grid, optical axis, exposure and chips.

    Parameters
    ----------
    events
        Columns TIME, X, Y, and CCD_ID, CHIPX, CHIPY for ACIS; keywords of the sky columns, RA_PNT, DEC_PNT, INSTRUME.
    binning
        Sky pixels in a bin; 1 for ACIS and 8 for the HRC if None.
    arms
        REGION table of a grating observation: its dispersed light is no place for sources.
    """
    plane = sky_plane(events)
    what = f"field of table {events.name}"
    axis = plane.pixel(required(events.header, "RA_PNT", what), required(events.header, "DEC_PNT", what))
    instrument = str(keyword(events.header, "INSTRUME", "ACIS")).strip()
    grid = grid_of(sky_places(events), binning or BINS.get(instrument[:4].rstrip("-"), 1.0), MARGIN)
    centre = (float(axis[0]), float(axis[1]))
    if spelling(events, "CCD_ID") is None:
        exposure: Array | None = outline(image_of(events, grid))
        return Field(plane, grid, centre, _cut(exposure, grid, arms))
    places, dither = places_of(events)
    stated = all(keyword(events.header, f"EXPOSUR{ccd}") is not None for ccd in places)
    known = {ccd: required(events.header, f"EXPOSUR{ccd}", what) for ccd in places} if stated else None
    exposure = exposure_map(grid, places, dither, known) if places else None
    return Field(plane, grid, centre, _cut(exposure, grid, arms), places)


def _cut(exposure: Array | None, grid: Grid, arms: Table | None) -> Array | None:
    if arms is None:
        return exposure
    return without(np.ones(grid.shape) if exposure is None else exposure, grid, arms)


def source_list(
    events: Table, field: Field, exposure: float, false_alarms: float = FALSE_ALARMS, header: Header | None = None
) -> Table:
    """SRCLIST of the sources in a table of events, brightest excess first.

    Parameters
    ----------
    exposure
        Exposure [s] where the relative exposure is 1.
    """
    found = detect(lambda: sky_places(events), field, false_alarms)
    return _table(found, field, exposure, header or {})


def _table(found: Found, field: Field, exposure: float, header: Header) -> Table:
    plane, binning = field.plane, field.grid.binning
    ra, dec = plane.world(found.x, found.y)
    cells = found.cells
    side = 2 * cells.half + 1.0
    s = psf.scale(found.theta) / plane.arcsec
    width = measure.spread(found.radius, s)
    shape = found.shapes
    size = np.sqrt((shape.major**2 + shape.minor**2) / 2)
    axes = np.column_stack([np.where(np.isfinite(size), axis, width) for axis in (shape.major, shape.minor)])
    seconds = np.maximum(exposure * found.exposure, 1e-9)
    in_cell = cells.counts - cells.background
    noise = poisson.upper_error(cells.counts) ** 2 + cells.background**2 / np.maximum(cells.around, 1)
    error = found.error * plane.scale
    ccd = np.full(len(found), -1, np.int16)
    for place in field.chips.values():
        ccd[place.contains(found.x, found.y)] = place.ccd_id
    return SRCLIST.build(
        {
            "RA": ra,
            "DEC": dec,
            "RA_ERR": error / np.cos(np.radians(dec)),
            "DEC_ERR": error,
            "X": found.x,
            "Y": found.y,
            "X_ERR": found.error,
            "Y_ERR": found.error,
            "NPIXSOU": side**2,
            "NPIXBKG": np.rint(cells.frame),
            "NET_COUNTS": found.net,
            "NET_COUNTS_ERR": found.upward,
            "NET_COUNTS_LOW": found.downward,
            "BKG_COUNTS": found.background,
            "BKG_COUNTS_ERR": found.background / np.sqrt(np.maximum(cells.around, 1)),
            "NET_RATE": found.net / seconds,
            "NET_RATE_ERR": found.upward / seconds,
            "BKG_RATE": found.noise / seconds,
            "EXPTIME": seconds,
            "SNR": in_cell / np.sqrt(noise),
            "SIGNIFICANCE": poisson.sigmas(found.log_chance),
            "LOG_PROB": found.log_chance / np.log(10),
            "SHAPE": np.full(len(found), "Ellipse", "U16"),
            "R": (ELLIPSE * axes).astype(np.float32),
            "ROTANG": shape.angle,
            "PSFRATIO": np.where(np.isfinite(size), size / width, 1.0),
            "THETA": found.theta,
            "DETSIZE": side * binning,
            "BKGSIZE": (2 * celldetect.reach(cells.half) + 1.0) * binning,
            "CCD_ID": ccd,
            "BLOCK": np.full(len(found), binning),
            "COMPONENT": np.arange(1, len(found) + 1),
        },
        {**_header(plane, exposure), **header},
    )


def _header(plane: SkyPlane, exposure: float) -> Header:
    """Keywords of a source list, of one without rows too."""
    return {
        "CONTENT": ("SRCLIST", "source list"),
        "HDUCLASS": ("ASC", "format"),
        "HDUCLAS1": ("REGION", "kind of table"),
        "HDUCLAS2": ("STANDARD", "which ones"),
        "EENERGY": (APERTURE, "part of a point source's light in the aperture"),
        "ELLSIGMA": (ELLIPSE, "half-axes of ellipses in sigma"),
        "EXPOSURE": (exposure, "[s] exposure time"),
        **plane_keywords(plane, SRCLIST.names.index("X") + 1, SRCLIST.names.index("Y") + 1),
    }


def sources_of(
    evt2: Product, file_id: str, energy: tuple[float, float] | None = None, false_alarms: float = FALSE_ALARMS
) -> Product:
    """The source product (src2) of a level-2 event product; without events on the sky its list has no rows.

    Parameters
    ----------
    evt2
        EVENTS and its GTI tables, `live.held` against each other; without EXPOSURE the good times say it.
    energy
        Least and greatest energy [eV] of the events that are looked at; all if None.

    Raises
    ------
    BadData
        If there is no exposure, or a keyword of the coordinates is missing.
    """
    events = evt2.table("EVENTS")
    arms = next(
        (table for table in evt2.tables if table.name == "REGION" and spelling(table, "TG_PART") is not None), None
    )
    needed = ("TIME", "X", "Y", "CCD_ID", "CHIPX", "CHIPY", *(("ENERGY",) if energy is not None else ()))
    events = narrowed(events, needed, lambda block: on_plane(block) & _within(block, energy))
    seconds = keyword(events.header, "EXPOSURE")
    if not isinstance(seconds, int | float) or seconds <= 0:
        good = max((intervals.total(g) for g in gtis_of(evt2.tables).values()), default=0.0)
        seconds = good * dead_time(events.header) if good else 0.0
    if seconds <= 0:
        raise BadData(f"{file_id}: {evt2.file_id} has neither EXPOSURE nor good times: make it again")
    header = identity(events.header)
    if len(events):
        found = source_list(events, field_of(events, arms=arms), float(seconds), false_alarms)
    else:
        found = SRCLIST.empty(_header(sky_plane(events), float(seconds)))
    return Product(file_id, (found,), evt2.tstart, evt2.tstop, header)


def _within(events: Table, energy: tuple[float, float] | None) -> NDArray[np.bool_]:
    if energy is None:
        return np.ones(len(events), bool)
    value = column(events, "ENERGY")
    return np.asarray((value >= energy[0]) & (value < energy[1]))


__all__ = ["SRCLIST", "field_of", "source_list", "sources_of"]
