"""Spectra of sources: PHA files of type I.

The form is OGIP 92-007 (Arnaud, George & Tennant, "The OGIP Spectral File Format") with its addendum 92-007a,
version 1.2.1: one row for each channel; counts without background subtraction, EXPOSURE from the good times,
BACKSCAL the area of the region, as far as it was seen, over that of the sky plane (CIAO's dmextract has the whole area
of the region; both are the same but at the edges of chips), no response files named.
Grouping as 92-007, section 3.1.4: 1 begins a group, −1 belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from mta_assets.core import intervals
from mta_assets.core.errors import BadData
from mta_assets.core.gti import Gtis, gti_tables, gtis_of
from mta_assets.core.headers import keyword
from mta_assets.core.tables import Array, Column, FileOf, Header, Product, Schema, Table
from mta_assets.instruments.livetime import dead_time, live_keywords
from mta_assets.level2.columns import blocks, column, identity
from mta_assets.level2.coverage import chip_of, within
from mta_assets.level2.regions import Region, area, region_table
from mta_assets.level2.skygrid import SIZES

CHANNELS = {"ACIS": (1, 1024), "HRC": (0, 1023)}  # first and last PI channel (TLMIN, TLMAX of PI in real event lists)

SPECTRUM = Schema(
    "SPECTRUM",
    (
        Column("CHANNEL", "i4", "", "detector channel"),
        Column("COUNTS", "i4", "count", "counts in the channel"),
        Column("QUALITY", "i2", "", "0: good"),
        Column("GROUPING", "i2", "", "1: first channel of a group, -1: a further one"),
    ),
    "Spectrum of a source",
)


def channel_counts(
    events: Iterable[Table], region: Region, channels: tuple[int, int], chip: int | None = None
) -> NDArray[np.int64]:
    """Counts by PI channel of the events in a region, of one chip only if it is named, block by block; events without
    a valid channel are left out."""
    low, high = channels
    counts = np.zeros(high - low + 1, np.int64)
    for block in events:
        pi = column(block, "PI")[within(block, region, chip)].astype(np.int64) - low
        counts += np.bincount(pi[(pi >= 0) & (pi <= high - low)], minlength=len(counts))
    return counts


def counts_within(evt2: Product, region: Region) -> int:
    """Events of an observation in a region."""
    parts = blocks(evt2.table("EVENTS"))
    return sum(int(np.count_nonzero(within(part, region))) for part in parts)


def group(counts: Array, least: int) -> NDArray[np.int16]:
    """GROUPING that puts channels together until each group has ``least`` counts; the last may have fewer.

    Parameters
    ----------
    counts
        By channel.
    least
        Counts of a group, at least; 1 or less: no grouping.
    """
    if least <= 1:
        return np.ones(len(counts), np.int16)
    found = np.full(len(counts), -1, np.int16)
    total = np.cumsum(counts)
    first, base = 0, 0
    while first < len(counts):  # groups, of at most 1024 channels
        found[first] = 1
        last = int(np.searchsorted(total, base + least))
        if last >= len(counts):
            break
        first, base = last + 1, int(total[last])
    return found


def spectrum_table(
    counts: Array,
    channels: tuple[int, int],
    exposure: float,
    backscal: float,
    least: int = 1,
    header: Header | None = None,
    background: bool = False,
) -> Table:
    """SPECTRUM table of counts.

    Parameters
    ----------
    exposure
        [s]
    backscal
        Part of the sky plane that the region covers.
    least
        Counts in a group.
    background
        Whether it is a background's.
    """
    if exposure <= 0:
        raise BadData(f"spectrum with an exposure of {exposure} s: there is no good time for it")
    low, high = channels
    return SPECTRUM.build(
        {
            "CHANNEL": np.arange(low, high + 1),
            "COUNTS": counts,
            "QUALITY": np.zeros(len(counts), np.int16),
            "GROUPING": group(counts, least),
        },
        {
            **(header or {}),
            "CONTENT": ("SPECTRUM", "spectrum"),
            "HDUCLASS": ("OGIP", "format"),
            "HDUCLAS1": ("SPECTRUM", "kind of table"),
            "HDUCLAS2": ("BKG", "background") if background else ("TOTAL", "source and background together"),
            "HDUCLAS3": ("COUNT", "counts, not rates"),
            "HDUCLAS4": ("TYPE:I", "one spectrum"),
            "HDUVERS": ("1.2.1", "version of the format"),
            "FILTER": ("NONE", "no filter"),
            "CHANTYPE": ("PI", "channels are corrected for gain"),
            "DETCHANS": (high - low + 1, "number of channels"),
            "TLMIN1": (low, "first channel"),
            "TLMAX1": (high, "last channel"),
            "POISSERR": (True, "errors are those of counts"),
            "STAT_ERR": (0, "no statistical errors given"),
            "SYS_ERR": (0, "no systematic errors given"),
            "EXPOSURE": (exposure, "[s] exposure time"),
            "AREASCAL": (1.0, "area scaling"),
            "BACKSCAL": (backscal, "part of the sky plane in the region"),
            "CORRSCAL": (0.0, "no correction"),
            "BACKFILE": ("NONE", "background file"),
            "CORRFILE": ("NONE", "correction file"),
            "RESPFILE": ("NONE", "redistribution matrix"),
            "ANCRFILE": ("NONE", "ancillary response"),
            "TOTCTS": (int(np.sum(counts)), "[count] all of them"),
        },
    )


def chip_exposure(evt2: Product, chip: int | None) -> tuple[float, Gtis]:
    """Exposure [s] of a chip, and its good times: those of the observation if it has none of its own.

    Chips of one observation differ by a few frames.
    """
    events = evt2.table("EVENTS")
    gtis = gtis_of(evt2.tables)
    chosen = gtis.get(chip, gtis.get(None, next(iter(gtis.values()), intervals.EMPTY)))
    live = live_keywords({None: chosen}, events.header, dead_time(events.header))
    return float(keyword(live, "EXPOSURE")), {chip: chosen}


def spectrum(
    evt2: Product,
    region: Region,
    file_id: str,
    least: int = 1,
    names: Mapping[str, str | FileOf] | None = None,
    background: bool = False,
    seen: tuple[int | None, float] | None = None,
) -> Product:
    """The spectrum of a region of an observation: SPECTRUM, GTI of its chip, REGION.

    Parameters
    ----------
    evt2
        Level-2 events.
    least
        Counts in a group.
    names
        BACKFILE, RESPFILE, ANCRFILE if there are such files.
    background
        Whether it is a background's.
    seen
        The chip whose events are taken, and the area [square pixel] that it saw of the region (`coverage`); by default
        all events are taken, the exposure is that of the chip with most of them and the area that of the region.
    """
    events = evt2.table("EVENTS")
    instrument = str(keyword(events.header, "INSTRUME", "ACIS")).strip()
    channels = CHANNELS["HRC" if instrument.startswith("HRC") else "ACIS"]
    chip, size = seen or (None, area(region))
    exposure, gtis = chip_exposure(evt2, chip if seen else chip_of(events, region))
    detector = str(keyword(events.header, "DETNAM", "HRC-I")).strip()
    plane = SIZES["ACIS"] if not instrument.startswith("HRC") else SIZES.get(detector, SIZES["HRC-I"])
    counts = channel_counts(blocks(events), region, channels, chip)
    header = identity(events.header)
    table = spectrum_table(counts, channels, exposure, size / plane**2, least, header, background)
    table = table.with_header({key: (name, "file name") for key, name in (names or {}).items()})
    return Product(file_id, (table, *gti_tables(gtis), region_table(region)), evt2.tstart, evt2.tstop, header)
