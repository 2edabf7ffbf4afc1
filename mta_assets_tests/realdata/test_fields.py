"""Masks and fields of view against the archive's own."""

from __future__ import annotations

import numpy as np
import pytest

from mta_assets.archive.products import read_fits
from mta_assets.core.tables import Product, Table, plain
from mta_assets.instruments import geometry_sky
from mta_assets.level1.acis_mask import block_of, mask_tables
from mta_assets.level1.fov import outlines
from mta_assets.level1.steps_fields import edges_of
from mta_assets_tests.realdata import realdata


def read(*parts: str) -> Product:
    return read_fits(realdata("chandra", *parts), "X")


def test_the_mask_of_28229_follows_from_its_parameter_block() -> None:
    given = read("acis", "28229", "repro", "acisf28229_000N001_msk1.fits.gz")
    pbk = read("acis", "28229", "repro", "acisf828603200N001_pbk0.fits.gz")
    block = block_of([pbk], "ACIS-67", pbk.tstart - 900.0, pbk.tstop + 900.0)  # the pointing begins before the run
    ours = mask_tables("ACIS-67", block)
    assert [table.name for table in ours] == [table.name for table in given.tables]
    for mine, theirs in zip(ours, given.tables, strict=True):
        assert list(mine.columns) == list(theirs.columns)
        for name, column in mine.columns.items():
            np.testing.assert_array_equal(column, theirs[name])
        for key in ("FIRSTROW", "LASTROW", "PHAMIN", "PHARANGE", "CCD_ID", "FEP_ID", "PBLOCK", "WIND_ID", "EXTVER"):
            assert plain(mine.header[key]) == plain(theirs.header[key]), key


def test_the_mask_of_14392_is_that_of_whole_chips() -> None:
    given = read("hetg", "acisf14392_000N003_msk1.fits.gz")
    ours = mask_tables("ACIS-56789", None)
    for mine, theirs in zip(ours, given.tables, strict=True):
        for name in ("SHAPE", "COMPONENT", "CHIPX", "CHIPY", "SAMP_CYC"):
            np.testing.assert_array_equal(mine[name], theirs[name])


def beyond(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """How far points (n, 2) lie outside of a convex polygon given counter-clockwise; negative inside."""
    along = np.roll(corners, -1, axis=0) - corners
    length = np.hypot(*along.T)
    kept = length > 1e-9
    outward = np.column_stack([along[:, 1], -along[:, 0]])[kept] / length[kept, None]
    return np.asarray(((points[:, None] - corners[kept]) * outward).sum(axis=2).max(axis=1))


def aspect_of_events(events: Table) -> Table:
    """The attitude at the times of ACIS events, from their DET and sky coordinates (there is no asol1 of 28229)."""
    head = {name: float(plain(events.header[name])) for name in ("RA_NOM", "DEC_NOM", "ROLL_NOM")}
    roll = np.radians(head["ROLL_NOM"])
    det, sky = (np.array([events[name] for name in names], float) - 4096.5 for names in (("detx", "dety"), ("x", "y")))
    # what the sky image is moved by, and where that puts the middle of the detector
    x = sky[0] - (np.cos(roll) * det[0] + np.sin(roll) * det[1]) + 4096.5
    y = sky[1] - (np.cos(roll) * det[1] - np.sin(roll) * det[0]) + 4096.5
    ra, dec = geometry_sky.sky_place("ACIS", x, y, head["RA_NOM"], head["DEC_NOM"])
    turned = head["ROLL_NOM"] + (ra - head["RA_NOM"]) * np.sin(np.radians(head["DEC_NOM"]))  # north is another there
    times, first = np.unique(events["time"], return_index=True)
    return Table("ASPSOL", {"time": times, "ra": ra[first], "dec": dec[first], "roll": turned[first]})


def test_the_field_of_acis_is_the_archives() -> None:
    """28229, both chips, all four edges of the polygons of its own processing by chandra_repro."""
    events = read("acis", "28229", "repro", "acisf28229_repro_evt2.fits.gz").tables[0]
    given = read("acis", "28229", "repro", "acisf28229_repro_fov1.fits.gz").tables[0]
    edges = edges_of(read("acis", "28229", "repro", "acisf28229_000N001_msk1.fits.gz"))
    sim, nominal = (
        tuple(float(plain(events.header[name])) for name in names)
        for names in (("SIM_X", "SIM_Z"), ("RA_NOM", "DEC_NOM"))
    )
    ours = outlines("ACIS", edges, aspect_of_events(events), sim, nominal)
    for row, ccd in enumerate(given["CCD_ID"].tolist()):
        theirs = np.column_stack([given[name][row] for name in ("X", "Y")])
        theirs = theirs[np.isfinite(theirs).all(axis=1)]
        mine = ours[ccd]
        box = np.concatenate([mine.min(axis=0) - theirs.min(axis=0), mine.max(axis=0) - theirs.max(axis=0)])
        off = beyond(theirs, mine)
        print(
            f"28229 ccd {ccd}: edges differ by {np.round(box, 2)} px, corners {off.min():+.2f} to {off.max():+.2f} px"
        )
        assert np.abs(box).max() < 0.25


@pytest.mark.parametrize("obsid", ["22772", "62650"])
def test_the_field_of_the_hrc_is_the_archives_within_a_third_of_an_arcsecond(obsid: str) -> None:
    """The archive's polygons have the size of ours, but lie higher: 1.9 and 1.5 pixels in X (0.25, 0.20 arcsec) and 1.5
    and 1.1 in Y.

    No offset of the detector: the rolls are 40 and 224 deg. None of the method: the field of ACIS has none. HISTORY has
    the parameter file of the observation as obsfile, which is not at hand: if its nominal pointing, from before the
    aspect was known, was the tangent point, and not the mean of the aspect that the header has now, this is what
    remains. That is supposed, not shown.
    """
    solution = read("hrc", obsid, "primary", f"pcadf{obsid}_000N001_asol1.fits.gz").tables[0]
    given = read("hrc", obsid, "primary", f"hrcf{obsid}_000N001_fov1.fits.gz")
    head = {key: plain(value) for key, value in given.tables[0].header.items()}
    edges = edges_of(read("hrc", obsid, "secondary", f"hrcf{obsid}_000N001_msk1.fits.gz"))
    sim, nominal = (head["SIM_X"], head["SIM_Z"]), (head["RA_NOM"], head["DEC_NOM"])
    ours = outlines("HRC-I", edges, solution, sim, nominal)[0]
    theirs = np.column_stack([given.tables[0][name][0] for name in ("X", "Y")])
    off = beyond(theirs, ours)
    box = np.concatenate([ours.min(axis=0) - theirs.min(axis=0), ours.max(axis=0) - theirs.max(axis=0)])
    print(f"{obsid}: the archive's {len(theirs)} corners lie {off.min():+.2f} to {off.max():+.2f} px beyond our "
          f"polygon of {len(ours)}; edges of the field differ by {np.round(box, 2)} px")  # fmt: skip
    assert np.abs(box).max() < 2.5
    assert np.abs(off).max() < 3.0
