"""Images: keywords of the archive's own, and images of the archive's events."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.products import read_fits, write_fits
from mta_assets.core.tables import Image
from mta_assets.level2.images import centre_grid, images_of
from mta_assets.level2.skygrid import Grid, SkyPlane, image_keywords, sky_plane
from mta_assets_tests.realdata import realdata


@pytest.mark.parametrize("obsid", ["22772", "62650"])
@pytest.mark.parametrize("part", ["cntr", "full"])
def test_coordinates_are_written_as_the_archive_writes_them(obsid: str, part: str) -> None:
    """Every keyword of ours stands in the real header with the same value; the centre lies where the target is."""
    path = realdata("chandra", "hrc", obsid, "primary", f"hrcf{obsid}N001_{part}_img2.fits.gz")
    product = read_fits(path, "HRC_IMG2", images=True)
    picture = product.tables[0]
    assert isinstance(picture, Image)
    head = {key: value[0] if isinstance(value, tuple) else value for key, value in picture.header.items()}
    plane = SkyPlane(head["RA_NOM"], head["DEC_NOM"], 16384.5, 16384.5, 0.1318 / 3600)
    grid = Grid(head["CRVAL1P"], head["CRVAL2P"], picture.pixels.shape, head["CDELT1P"])
    for name, (value, _) in image_keywords(plane, grid).items():
        assert head[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-10)), name
    assert (head["HDUCLAS1"], head["HDUNAME"], product.tables[1].name) == ("IMAGE", "IMAGE", "GTI")
    assert head["CONTENT"] == {"cntr": "HIRESIMG", "full": "LORESIMG"}[part]
    if part == "cntr":
        ours = centre_grid(picture.header, plane)
        off = grid.x0 - ours.x0, grid.y0 - ours.y0
        print(f"{obsid}: the archive's centre is {off[0]:+.2f}, {off[1]:+.2f} pixels from ours, the target's pixel")
        assert np.hypot(*off) < 2.5


def test_images_of_real_events_hold_all_of_them(tmp_path: Path) -> None:
    path = realdata("chandra", "acis", "28229", "repro", "acisf28229_repro_evt2.fits.gz")
    events = read_fits(path, "ACIS_EVT2", images=True)
    assert [table.name for table in events.tables] == ["EVENTS", "GTI7", "GTI6"]
    full, centre = images_of(events, "ACIS_IMG2")
    for made in (full, centre):
        write_fits(tmp_path / f"{made.fields['part']}.fits", made, events.tstop)
        again = read_fits(tmp_path / f"{made.fields['part']}.fits", "ACIS_IMG2", images=True).tables[0]
        np.testing.assert_array_equal(again["IMAGE"], made.tables[0]["IMAGE"])
    rows, inside = len(events.tables[0]), int(centre.tables[0]["IMAGE"].sum())
    print(f"28229: {full.tables[0]['IMAGE'].shape} bins of the field with {rows} events, {inside} in the centre")
    assert full.tables[0]["IMAGE"].sum() == rows
    table = events.tables[0]
    grid = centre_grid(table.header, sky_plane(table))
    edges = grid.y0 + np.arange(1025), grid.x0 + np.arange(1025)
    counted = np.histogram2d(table["y"], table["x"], bins=edges)[0]
    assert np.array_equal(counted.astype(np.int32), centre.tables[0]["IMAGE"])
