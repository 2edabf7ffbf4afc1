"""Steps of the level-2 pipelines: event list, images, sources, their spectra and light curves, grating spectra."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from mta_assets.core import intervals
from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.gti import gtis_of
from mta_assets.core.headers import keyword, required
from mta_assets.core.records import finding
from mta_assets.core.tables import FileOf, Product, Table
from mta_assets.level2 import columns, coverage, events, grating_spectra, images, lightcurves, regions, sources, spectra
from mta_assets.level2.live import held
from mta_assets.level2.skygrid import on_plane

MOST_SOURCES = 9999  # greatest COMPONENT: the names of their files have four digits
RADIUS = 2.0  # [sky pixel] least radius of the region of a source
INNER, OUTER = 2.0, 5.0  # radii of the ring of background in those of the source's region: 21 times its area


def acis_events(
    evt1: Sequence[Product], evt1a: Sequence[Product] | None, flt1: Sequence[Product] | None, *, file_id: str
) -> Product:
    """``ACIS_EVT2`` from level-1 events, of a grating observation from those with grating coordinates.

    Parameters
    ----------
    evt1, evt1a
        Level-1 events, and the same with grating coordinates and REGION.
    flt1
        Good times; those of the event list, chip by chip, hold besides.
    """
    product = (evt1a or evt1)[0]
    return _filtered(product, flt1, events.ACIS, None, file_id)


def hrc_events(
    evt1: Sequence[Product],
    evt1a: Sequence[Product] | None,
    flt1: Sequence[Product] | None,
    dtfstat: Sequence[Product] | None,
    *,
    file_id: str,
) -> Iterator[Product | Table]:
    """``HRC_EVT2``; without dead-time statistics DTCOR is that of the events (the archive's state one), else 1 and
    a finding.

    Raises
    ------
    BadData
        If DETNAM is neither HRC-I nor HRC-S, or a dead time can not be.
    """
    product = (evt1a or evt1)[0]
    header = {**product.header, **product.table("EVENTS").header}
    stated = required(header, "DTCOR", product.file_id) if "DTCOR" in header else 1.0
    selection = events.hrc_selection(header, product.file_id)
    made = _filtered(product, flt1, selection, _dead_time(dtfstat[0]) if dtfstat else stated, file_id)
    yield made
    if not dtfstat and "DTCOR" not in header:
        detail = (
            f"{file_id}: DTCOR is 1, the exposure too long by the dead time: there is no dtfstat1, and "
            f"{product.file_id} states none; make HRC_DTFSTAT or deliver a dtfstat1, then make it again"
        )
        yield finding(file_id, "HRC", "no_dead_time", detail, (made.tstart, made.tstop))


def _dead_time(product: Product) -> float:
    given = product.tables[0]["DTCOR"]
    if len(given) != 1 or not 0 < given[0] <= 1:
        raise BadData(
            f"{product.file_id}: DTCOR is {given.tolist()}, expected one number above 0 and at most 1; make "
            "HRC_DTFSTAT again or deliver another dtfstat1"
        )
    return float(given[0])


def _filtered(
    product: Product, flt1: Sequence[Product] | None, selection: events.Selection, dtcor: float | None, file_id: str
) -> Product:
    table = product.table("EVENTS")
    table = table.with_header({**product.header, **table.header})
    gtis = gtis_of(product.tables)
    if flt1:
        good = gtis_of(flt1[0].tables)  # one for all chips, or, as in real files of ACIS, one for each
        every = good.get(None, intervals.EMPTY)
        gtis = {chip: intervals.intersect(given, good.get(chip, every)) for chip, given in gtis.items()} or good
    made = events.level2_events(table, gtis, file_id, selection, dtcor, (product.tstart, product.tstop))
    region = tuple(one for one in product.tables if one.name == "REGION")
    return replace(made, tables=(*made.tables, *region))


def source_list(
    evt2: Sequence[Product],
    *,
    file_id: str,
    energy: tuple[float, float] | None = None,
    false_alarms: float = 0.5,
) -> tuple[Product | Table, ...]:
    """The source list (src2) of an observation, and what is wrong with the exposure of its events.

    Raises
    ------
    NothingToDo
        In continuous clocking, where rows are times and there is no image.
    """
    product, said = held(_imaging(evt2[0]))
    return sources.sources_of(product, file_id, _limits(energy), false_alarms), *said


def sky_images(
    evt2: Sequence[Product], *, file_id: str, energy: tuple[float, float] | None = None
) -> tuple[tuple[Product | Table, ...], dict[str, bytes]]:
    """Images of the field and its centre (img2), what is wrong with the exposure of the events, and a picture of both.

    Raises
    ------
    NothingToDo
        In continuous clocking, or if no event was left.
    """
    product = _imaging(evt2[0])
    listed = product.table("EVENTS")
    # of the calibration source the detector is off the sky
    if not any(on_plane(block).any() for block in columns.blocks(listed)):
        raise NothingToDo(f"none of the {len(listed)} events of level 2 is on the sky plane: there is no image to make")
    product, said = held(product)
    made = images.images_of(product, file_id, _limits(energy))
    header = {**product.header, **product.table("EVENTS").header}
    title = " ".join(str(keyword(header, name, "")).strip() for name in ("OBS_ID", "OBJECT", "DETNAM", "GRATING"))
    return (*made, *said), {"images": images.preview(made, title)}


def _imaging(product: Product) -> Product:
    """The product, if its rows are places."""
    header = {**product.header, **product.table("EVENTS").header}
    if str(keyword(header, "READMODE", "TIMED")).startswith("CONT"):
        raise NothingToDo("continuous clocking: rows are times, there is no image to find sources in")
    return product


def _limits(energy: tuple[float, float] | None) -> tuple[float, float] | None:
    return (float(energy[0]), float(energy[1])) if energy is not None else None


def spectra_and_curves(
    evt2: Sequence[Product],
    src2: Sequence[Product],
    *,
    spectrum: str,
    background: str,
    curve: str,
    most: int = 20,
    significance: float = 5.0,
    least: int = 15,
    width: float = 300.0,
) -> Iterator[Product | Table]:
    """Spectra (PHA type I) of each of the brightest sources and of the sky about it, and light curves.

    The field ``source`` is its COMPONENT. Events are those of the chip of the source, and areas those that it saw
    (`coverage`). The sky about it is that of both: the BACKFILE of the spectrum, and taken off the rates of the light
    curve. Where nothing is left of it there is no background: BACKFILE is NONE, and the rates are not net.

    A source where the event list has no event has none of them, but a finding: the two do not belong together.

    Parameters
    ----------
    spectrum, background, curve
        File ids.
    most, significance
        At most so many sources, each of at least that significance.
    least
        Counts in a group of the spectrum.
    width
        Bins of the light curve [s].

    Raises
    ------
    NothingToDo
        If no source is that significant.
    """
    table = src2[0].table("SRCLIST")
    chosen = np.flatnonzero(table["SIGNIFICANCE"] >= significance)
    if not len(chosen):
        raise NothingToDo(
            f"none of the {len(table)} sources is of {significance:g} sigma: there is no spectrum to make"
        )
    product, said = held(evt2[0])
    yield from said
    # what is read again for each source is small
    listed = columns.narrowed(product.table("EVENTS"), ("TIME", "X", "Y", "CCD_ID", "CHIPX", "CHIPY", "PI"))
    product = replace(product, tables=(listed, *(one for one in product.tables if one.name != "EVENTS")))
    seen = coverage.coverage_of(listed)
    chosen = chosen[np.argsort(-table["NET_COUNTS"][chosen], kind="stable")][:most]
    for row in chosen.tolist():
        circle = _circle(table, row)
        number = int(table["COMPONENT"][row])
        fields = {"source": number}
        if not 0 <= number <= MOST_SOURCES or np.count_nonzero(table["COMPONENT"] == number) > 1:
            yield _unnamed(src2[0], number, row)
            continue
        on_sky = bool(np.all(np.abs(circle) < regions.FARTHEST))  # NaN is not less
        if not on_sky or not spectra.counts_within(product, regions.source_region(*circle)):
            yield _strange(src2[0], fields["source"], circle)
            continue
        region = regions.source_region(*circle)
        names: dict[str, FileOf] = {}
        chip, ring = coverage.chip_of(listed, region), _ring(table, row)
        sky = seen.area(ring, chip)
        if sky > 0:
            made = spectra.spectrum(product, ring, background, background=True, seen=(chip, sky))
            yield replace(made, fields=fields)
            names["BACKFILE"] = FileOf(background)
        made = spectra.spectrum(product, region, spectrum, least, names, seen=(chip, seen.area(region, chip)))
        yield replace(made, fields=fields)
        made = lightcurves.light_curve(product, region, curve, width, ring if sky > 0 else None, seen)
        yield replace(made, fields=fields)


def _unnamed(src2: Product, number: int, row: int) -> Table:
    detail = (
        f"COMPONENT {number} of row {row + 1} of the src2 names no file: expected a number from 0 to {MOST_SOURCES} "
        "that no other source has; no spectrum, make the src2 again or deliver another"
    )
    return finding(f"{src2.file_id} source {number}", "SRC", "bad_number", detail, (src2.tstart, src2.tstop))


def _strange(src2: Product, number: int, circle: tuple[float, float, float]) -> Table:
    place = ", ".join(f"{value:.1f}" for value in circle[:2])
    detail = (
        f"source {number} of the src2 at sky pixel ({place}): no event of the evt2 is there, no spectrum; the two do "
        "not belong together: make the src2 again"
    )
    return finding(f"{src2.file_id} source {number}", "SRC", "no_counts", detail, (src2.tstart, src2.tstop))


def _circle(table: Table, row: int) -> tuple[float, float, float]:
    """Place and radius [sky pixel] of a source: the circle around its ellipse, two pixels at least."""
    return float(table["X"][row]), float(table["Y"][row]), max(float(np.max(table["R"][row])), RADIUS)


def _ring(table: Table, row: int) -> list[regions.Shape]:
    """The sky about a source: a ring without the circles of the others."""
    x, y, radius = _circle(table, row)
    others = [_circle(table, other) for other in range(len(table)) if other != row]
    others = [other for other in others if np.all(np.abs(other) < regions.FARTHEST)]
    return regions.background_region(x, y, INNER * radius, OUTER * radius, others)


def grating_spectrum(evt2: Sequence[Product], *, file_id: str) -> tuple[Product | Table, ...]:
    """The grating spectra (pha2) of an observation, and what is wrong with the exposure of its events.

    Raises
    ------
    NothingToDo
        If the events have no grating coordinates, because there is no zero order.
    """
    if not any(table.name == "REGION" for table in evt2[0].tables):
        raise NothingToDo("the events have no grating coordinates: see level 1.5 of this observation")
    product, said = held(evt2[0])
    return grating_spectra.spectra_of(product, file_id), *said
