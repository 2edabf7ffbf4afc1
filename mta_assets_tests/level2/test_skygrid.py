"""Sky pixels against astropy's world coordinates; bins and their edges."""

import numpy as np
import pytest
from astropy.wcs import WCS

from mta_assets.core.errors import BadData
from mta_assets.level2.skygrid import Grid, SkyPlane, grid_of, image_keywords, image_of, on_plane, sky_plane
from mta_assets_tests.level2.fields import PLANE, event_table


@pytest.mark.parametrize("tangent", [(266.4, -29.0), (0.01, 89.9), (359.99, 0.0), (10.0, -89.99)])
def test_places_are_those_of_astropy_and_come_back(tangent):
    plane = SkyPlane(*tangent, 4096.5, 4096.5, 0.492 / 3600)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], list(tangent), [4096.5, 4096.5]
    wcs.wcs.cdelt = [-plane.scale, plane.scale]
    x, y = (np.random.default_rng(n).uniform(0.5, 8192.5, 1000) for n in (1, 2))
    ra, dec = plane.world(x, y)
    theirs = wcs.all_pix2world(x, y, 1)
    np.testing.assert_allclose((ra - theirs[0] + 180) % 360 - 180, 0, atol=1e-9)
    np.testing.assert_allclose(dec, theirs[1], atol=1e-11)
    back = plane.pixel(ra, dec)
    np.testing.assert_allclose(back, [x, y], atol=1e-6)
    assert ((ra >= 0) & (ra < 360)).all()


@pytest.mark.parametrize(("chips", "size"), [({"ccd_id": np.full(6, 7)}, 8192), ({}, 65536)])
def test_the_sky_plane_ends_half_a_pixel_beyond_the_middle_of_its_last_pixels(chips, size):
    x = np.array([0.49, 0.5, size + 0.49, size + 0.5, np.nan, -np.inf])
    inside = [False, True, True, False, False, False]
    for names in (("x", "y"), ("y", "x")):
        columns = {names[0]: x, names[1]: np.full(6, 100.0), **chips}
        assert on_plane(event_table(columns)).tolist() == inside


def test_the_other_half_of_the_sky_has_no_pixel():
    assert np.isnan(SkyPlane(10.0, 0.0, 1.0, 1.0, 1e-4).pixel(190.0, 0.0)).all()


def test_an_event_at_the_edge_of_a_bin_belongs_to_the_upper_one():
    grid = Grid(0.5, 0.5, (2, 3))
    image = grid.add(grid.empty(), [0.49, 0.5, 1.4999, 1.5, 3.499, 3.5, np.nan], [0.5, 0.5, 0.5, 2.4, 2.4, 1, 1])
    assert image.tolist() == [[2, 0, 0], [0, 1, 1]]


def test_the_smallest_grid_holds_all_events():
    x, y = np.array([10.2, 20.9, np.nan]), np.array([5.0, 5.0, 5.0])
    for binning in (1.0, 4.0):
        grid = grid_of([(x, y)], binning, 2)
        assert image_of(event_table({"X": x, "Y": y}), grid).sum() == 2
    with pytest.raises(BadData, match="no events"):
        grid_of([(x[2:], y[2:])])
    with pytest.raises(BadData, match="use bins larger"):
        grid_of([(np.array([0.0, 1e5]), np.array([0.0, 1e5]))])


def test_the_keywords_of_an_image_give_the_places_of_its_events():
    grid = Grid(4000.5, 4100.5, (50, 60), 4.0)
    header = {k: v[0] for k, v in image_keywords(PLANE, grid).items() if not k.endswith("P")}
    column, row = grid.index(4103.0, 4222.0)
    ra, dec = WCS(header).all_pix2world(column + 1, row + 1, 1)
    assert (float(ra), float(dec)) == pytest.approx([float(a) for a in PLANE.world(4103.0, 4222.0)], abs=1e-9)
    assert grid.sky(column, row) == pytest.approx((4103.0, 4222.0))


def test_keywords_that_are_missing_or_do_not_fit_are_named():
    columns = {"X": np.zeros(1), "Y": np.zeros(1)}
    assert sky_plane(event_table(columns)) == PLANE
    with pytest.raises(BadData, match="TCDLT1"):
        sky_plane(event_table(columns, {"TCDLT1": -2 * PLANE.scale}))
    with pytest.raises(BadData, match="TCRVL2"):
        sky_plane(event_table(columns, {"TCRVL2": float("nan")}))
    with pytest.raises(BadData, match="no column 'Y'"):
        sky_plane(event_table({"X": np.zeros(1)}))
