"""Light curves of sources.

The form is OGIP 93-003 (Angelini et al., "The OGIP Format for Light Curves"): RATE table with TIME (middle of the
bin), RATE, ERROR, FRACEXP (part of the bin that was live), and the counts, background and exposure that they come
from. Bins are equal; the part of a bin outside the good times and the dead time are known exactly, so that a gap
lowers the exposure and not the rate. A bin without exposure has no rate: NaN.

Where there is sky about the source its counts, scaled by area, are taken off the rate: HDUCLAS2 is NET, BACKAPP true,
BACKSCAL the ratio of the areas. Else HDUCLAS2 is TOTAL, BACKAPP false, BKGCOUNT null and there is no BACKSCAL.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core import intervals
from mta_assets.core.errors import BadData
from mta_assets.core.gti import gti_tables
from mta_assets.core.tables import Column, Header, Product, Schema, Table
from mta_assets.instruments.livetime import dead_time
from mta_assets.level2 import poisson
from mta_assets.level2.columns import blocks, column, identity
from mta_assets.level2.coverage import Coverage, chip_of, within
from mta_assets.level2.regions import Region, area, region_table
from mta_assets.level2.spectra import chip_exposure

Array = NDArray[np.float64]
MOST_BINS = 10_000_000
NO_BACKGROUND = -1  # BKGCOUNT (TNULL) of a light curve without a background

RATE = Schema(
    "RATE",
    (
        Column("TIME", "f8", "s", "middle of the bin"),
        Column("RATE", "f8", "count/s", "count rate, net where BACKAPP is true; NaN: no exposure"),
        Column("ERROR", "f8", "count/s", "upper 1 sigma error of RATE"),
        Column("FRACEXP", "f8", "", "live part of the bin"),
        Column("COUNTS", "i4", "count", "counts in the source region"),
        Column("BKGCOUNT", "i4", "count", "counts in the background region; null: there is none", null=NO_BACKGROUND),
        Column("EXPOSURE", "f8", "s", "live time of the bin"),
    ),
    "Light curve of a source",
)


def live_time(edges: ArrayLike, good: ArrayLike) -> Array:
    """Seconds of good time between successive edges: exact, by differences of the time that was good until each."""
    at = np.asarray(edges, np.float64)
    gti = intervals.normalise(good)
    if not len(gti):
        return np.zeros(len(at) - 1)
    lengths = np.concatenate([[0.0], np.cumsum(gti[:, 1] - gti[:, 0])])
    index = np.searchsorted(gti[:, 0], at, side="right")
    before = np.maximum(index - 1, 0)
    partial = np.clip(at - gti[before, 0], 0, gti[before, 1] - gti[before, 0])
    return np.diff(np.where(index > 0, lengths[before] + partial, 0.0))


def bin_edges(good: ArrayLike, width: float) -> Array:
    """Edges of equal bins from the start of the good times until they are covered.

    Raises
    ------
    BadData
        If there is no good time or the bins would be too many.
    """
    gti = intervals.normalise(good)
    if not len(gti) or not width > 0:
        raise BadData(f"light curve with bins of {width} s over {len(gti)} good times: there is nothing to bin")
    number = int(np.ceil((gti[-1, 1] - gti[0, 0]) / width - 1e-9))
    if number > MOST_BINS:
        raise BadData(f"light curve of {number} bins: use bins longer than {width} s")
    return np.asarray(gti[0, 0] + width * np.arange(number + 1))


def counts_in_bins(
    events: Iterable[Table], region: Region, edges: Array, good: ArrayLike, chip: int | None = None
) -> NDArray[np.int64]:
    """Events of a region in each bin, of one chip only if it is named, block by block; events outside of the good
    times do not count."""
    counts = np.zeros(len(edges) - 1, np.int64)
    for block in events:
        times = column(block, "TIME")
        keep = within(block, region, chip) & intervals.contains(good, times)
        place = np.searchsorted(edges, times[keep], side="right") - 1
        counts += np.bincount(place[(place >= 0) & (place < len(counts))], minlength=len(counts))
    return counts


def rate_table(
    edges: Array,
    counts: NDArray[np.int64],
    background: NDArray[np.int64] | None,
    share: float,
    exposure: Array,
    header: Header | None = None,
) -> Table:
    """RATE table.

    Parameters
    ----------
    counts, background
        Events of the source region and of the background region in each bin; None without a background.
    share
        Area of the source region over that of the background region.
    exposure
        Live time of each bin [s].
    """
    width = np.diff(edges)
    net = background is not None
    sky = np.zeros_like(counts) if background is None else background
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(exposure > 0, (counts - share * sky) / exposure, np.nan)
        noise = np.hypot(poisson.upper_error(counts), share * np.sqrt(sky))
        error = np.where(exposure > 0, noise / exposure, np.nan)
    return RATE.build(
        {
            "TIME": (edges[1:] + edges[:-1]) / 2,
            "RATE": rate,
            "ERROR": error,
            "FRACEXP": exposure / width,
            "COUNTS": counts,
            "BKGCOUNT": np.full_like(counts, NO_BACKGROUND) if background is None else background,
            "EXPOSURE": exposure,
        },
        {
            **(header or {}),
            "CONTENT": ("LIGHTCURVE", "light curve"),
            "HDUCLASS": ("OGIP", "format"),
            "HDUCLAS1": ("LIGHTCURVE", "kind of table"),
            "HDUCLAS2": ("NET" if net else "TOTAL", "background subtracted" if net else "with the background"),
            "HDUCLAS3": ("RATE", "rates"),
            "HDUVERS": ("1.1.0", "version of the format"),
            "TIMEDEL": (float(width[0]), "[s] length of a bin"),
            "TIMEPIXR": (0.5, "TIME is the middle of the bin"),
            "DEADAPP": (True, "rates are corrected for dead time"),
            "VIGNAPP": (False, "rates are not corrected for vignetting"),
            "BACKAPP": (net, "background was subtracted"),
            **({"BACKSCAL": (share, "source area over background area")} if net else {}),
        },
    )


def light_curve(
    evt2: Product,
    region: Region,
    file_id: str,
    width: float,
    background: Region | None = None,
    seen: Coverage | None = None,
) -> Product:
    """The light curve of a region of an observation: RATE, GTI of its chip, REGION.

    Events are those of the chip with most of the region's, of the region and of the background, as those of a spectrum
    (`coverage`): other chips have other good times.

    Parameters
    ----------
    evt2
        Level-2 events.
    width
        Length of the bins [s]; for ACIS more than the frame, or the counts beat with it.
    background
        Region of the sky about the source. Where the chip saw nothing of it, there is no background, and without one
        rates are those of source and sky together.
    seen
        Where the chips lay: areas are those that the chip saw. Without it they are those of the regions.
    """
    events = evt2.table("EVENTS")
    chip = chip_of(events, region)
    _, gtis = chip_exposure(evt2, chip)
    good = next(iter(gtis.values()))
    edges = bin_edges(good, width)
    counts = counts_in_bins(blocks(events), region, edges, good, chip)
    around, share = None, 0.0
    size = (lambda part: seen.area(part, chip)) if seen is not None else area
    if background is not None and (sky := size(background)) > 0:
        around = counts_in_bins(blocks(events), background, edges, good, chip)
        share = size(region) / sky
    header = identity(events.header)
    header.pop("TIMEDEL", None)
    table = rate_table(edges, counts, around, share, live_time(edges, good) * dead_time(events.header), header)
    return Product(file_id, (table, *gti_tables(gtis), region_table(region)), evt2.tstart, evt2.tstop, header)
