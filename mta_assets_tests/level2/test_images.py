"""Images of the sky: what they count, where they are, and what of the events they carry on."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from mta_assets.archive.products import read_fits, write_fits
from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.gti import gti_tables
from mta_assets.core.png import LARGEST
from mta_assets.core.tables import Image, Product, Table
from mta_assets.level2.images import centre_grid, images_of
from mta_assets.level2.skygrid import SkyPlane
from mta_assets.level2.steps import sky_images
from mta_assets_tests.level2.fields import PLANE, event_table

# the target lies in pixel (4086, 4116); a pixel n reaches from n - 0.5 to n + 0.5
TARGET = PLANE.world(4086.3, 4116.3)
EDGES = (4086.0 - 511.5, 4116.0 - 511.5)


def evt2(x: Any, y: Any, energy: Any = None, **header: Any) -> Product:
    columns = {"X": np.array(x, "f4"), "Y": np.array(y, "f4"), "CCD_ID": np.full(len(x), 7, "i2")}
    if energy is not None:
        columns["ENERGY"] = np.array(energy, "f4")
    known = {"RA_TARG": TARGET[0], "DEC_TARG": TARGET[1], "OBS_ID": "7", "EXPOSUR7": 9.0, "TDMIN1": 3, **header}
    events = event_table(columns, known)
    return Product("ACIS_EVT2", (events, *gti_tables({7: np.array([[1.0, 15.0]])})), 1.0, 15.0)


def test_the_centre_has_the_events_of_each_sky_pixel_about_the_target() -> None:
    low = EDGES[0] + 0.01, EDGES[0] - 0.01  # within and outside of the lower edge
    made = images_of(evt2([4000.4, 4000.4, 3999.6, *low], [4100.0, 4100.2, 4100.0, 4100.0, 4100.0]), "ACIS_IMG2")[1]
    picture = made.tables[0]
    assert isinstance(picture, Image)
    assert made.fields == {"part": "cntr"}
    row = int(4100 - EDGES[1])
    assert picture.pixels.shape == (1024, 1024)
    assert picture.pixels.sum() == 4
    assert picture.pixels[row, int(4000.4 - EDGES[0])] == 3  # 3999.6 is of the pixel 4000 as well
    assert picture.pixels[row, 0] == 1
    assert (picture.header["CONTENT"][0], picture.header["EXPOSUR7"]) == ("HIRESIMG", 9.0)
    made = images_of(evt2([4000.0], [4100.0], RAND_SKY=0.5, TIMEPIXR=0.5, ACSYS2="TDET", CALDBVER="4.1"), "ACIS_IMG2")[
        1
    ]
    assert {"RAND_SKY", "TIMEPIXR", "ACSYS2", "CALDBVER"} < set(made.tables[0].header)  # as real images have
    assert "TDMIN1" not in picture.header
    assert "TCRVL1" not in picture.header
    assert [table.name for table in made.tables] == ["IMAGE", "GTI7"]


def test_the_field_has_all_events_in_bins_of_eight_pixels() -> None:
    made = images_of(evt2([100.0, 107.4, 107.6, 8000.0], [200.0, 200.0, 200.0, 7000.0]), "ACIS_IMG2")[0]
    pixels = made.tables[0]["IMAGE"]
    assert made.fields == {"part": "full"}
    assert pixels.sum() == 4
    assert pixels[0, :2].tolist() == [2, 1]
    assert made.tables[0].header["CDELT1P"][0] == 8.0


def test_the_energy_limits_the_events_that_count_the_least_included() -> None:
    given = evt2([4000.0] * 4, [4100.0] * 4, [499.0, 500.0, 6999.0, 7000.0])
    for made in images_of(given, "ACIS_IMG2", (500.0, 7000.0)):
        assert made.tables[0]["IMAGE"].sum() == 2
        assert made.tables[0].header["EMIN"][0] == 500.0


@pytest.mark.filterwarnings("ignore:.*datfix:astropy.wcs.FITSFixedWarning")
@pytest.mark.parametrize("part", [0, 1])
def test_the_place_of_an_event_is_in_the_coordinates_of_the_file(tmp_path: Path, part: int) -> None:
    from astropy.io import fits
    from astropy.wcs import WCS

    made = images_of(evt2([4001.0, 4200.0], [4101.0, 4200.0]), "ACIS_IMG2")[part]
    write_fits(tmp_path / "img2.fits", made, 9.0)
    assert read_fits(tmp_path / "img2.fits", "ACIS_IMG2", images=True).tables[1].name == "GTI7"
    with fits.open(tmp_path / "img2.fits", checksum=True) as hdus:
        hdus.verify("exception")
        assert (hdus[1].name, hdus[1].header["EXTVER"], hdus[1].header["HDUNAME"]) == ("GTI", 7, "GTI7")
        row, column = (int(axis[0]) for axis in np.nonzero(hdus[0].data))
        size = hdus[0].header["CDELT2"]
        world = WCS(hdus[0].header).all_pix2world(column + 1, row + 1, 1)
        sky = WCS(hdus[0].header, key="P").all_pix2world(column + 1, row + 1, 1)
    assert abs(float(world[1]) - float(PLANE.world(4001.0, 4101.0)[1])) <= size / 2
    assert np.hypot(sky[0] - 4001.0, sky[1] - 4101.0) <= 0.71 * size / PLANE.scale


def test_without_a_target_the_centre_is_the_pointing() -> None:
    assert centre_grid({"RA_PNT": PLANE.ra, "DEC_PNT": PLANE.dec}, PLANE).x0 == 4096 - 511.5
    with pytest.raises(BadData, match="other half of the sky"):
        centre_grid({"RA_TARG": 0.0, "DEC_TARG": 0.0}, SkyPlane(180.0, 0.0, 1.0, 1.0, 1e-4))


def test_the_step_gives_both_images_and_a_small_picture() -> None:
    rng = np.random.default_rng(1)
    given = evt2(*rng.uniform(500, 7500, (2, 20000)), OBJECT="here", DETNAM="ACIS-7")
    made, plots = sky_images([given], file_id="ACIS_IMG2")
    assert [product.fields["part"] for product in made] == ["full", "cntr"]
    picture = Picture.open(BytesIO(plots["images"]))
    assert picture.size[0] > 400
    assert len(plots["images"]) <= LARGEST


def test_without_places_or_events_there_is_no_image() -> None:
    with pytest.raises(NothingToDo, match="continuous clocking"):
        sky_images([evt2([1.0], [1.0], READMODE="CONTINUOUS")], file_id="ACIS_IMG2")
    with pytest.raises(NothingToDo, match="none of the 0 events of level 2 is on the sky plane"):
        sky_images([evt2([], [])], file_id="ACIS_IMG2")
    with pytest.raises(BadData, match="no column 'X'"):
        images_of(Product("ACIS_EVT2", (Table("EVENTS", {"time": np.zeros(1)}),), 0.0, 1.0), "ACIS_IMG2")
