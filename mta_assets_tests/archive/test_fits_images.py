"""Images of products: written and read as astropy has them, and read only where they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mta_assets.archive import fits_image
from mta_assets.archive.fits_read import read_fits
from mta_assets.archive.fits_sums import verify_file
from mta_assets.archive.products import write_fits
from mta_assets.core.errors import BadData, ToolFailed
from mta_assets.core.tables import Image, Product, Table, image


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "f4", "f8"])
@pytest.mark.parametrize("primary", [True, False])
def test_an_image_is_read_with_its_values_and_type(tmp_path: Path, dtype: str, primary: bool) -> None:
    from astropy.io import fits

    pixels = (np.arange(12).reshape(3, 4) * 7 % 256).astype(dtype)
    hdu: Any = fits.PrimaryHDU(pixels) if primary else fits.ImageHDU(pixels, name="BIAS")
    table = fits.BinTableHDU.from_columns([fits.Column("START", "D", array=np.array([1.0]))], name="GTI")
    fits.HDUList([hdu, table] if primary else [fits.PrimaryHDU(), hdu, table]).writeto(
        tmp_path / "a.fits", checksum=True
    )
    product = read_fits(tmp_path / "a.fits", "X", images=True)
    assert [t.name for t in product.tables] == ["PRIMARY" if primary else "BIAS", "GTI"]
    image = product.tables[0]["IMAGE"]
    assert image.dtype == np.dtype(dtype)
    assert np.array_equal(image, pixels)
    with pytest.raises(BadData, match="products hold binary tables only"):
        read_fits(tmp_path / "a.fits", "X")


def test_a_scaled_image_has_its_true_values(tmp_path: Path) -> None:
    from astropy.io import fits

    hdu = fits.PrimaryHDU(np.array([[1.0, 2.0], [3.0, 4.0]]))
    hdu.scale("int16", bscale=0.5, bzero=1.0)
    hdu.writeto(tmp_path / "a.fits")
    image = read_fits(tmp_path / "a.fits", "X", images=True).tables[0]["IMAGE"]
    assert np.allclose(image, [[1.0, 2.0], [3.0, 4.0]])


def test_an_image_of_three_axes_is_refused(tmp_path: Path) -> None:
    from astropy.io import fits

    fits.PrimaryHDU(np.zeros((2, 2, 2))).writeto(tmp_path / "a.fits")
    with pytest.raises(BadData, match="3 axes, expected 2"):
        read_fits(tmp_path / "a.fits", "X", images=True)


WORLD = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": -20.0, "CRPIX1": 2.5, "CRPIX2": 1.5,
         "CDELT1": (-1e-3, "[deg] size of a pixel"), "CDELT2": (1e-3, "[deg] size of a pixel"), "CRVAL1P": 100.5,
         "BZERO": 7.0, "NAXIS1": 99}  # fmt: skip
GTI = Table("GTI", {"START": np.array([1.0]), "STOP": np.array([2.0])})


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("primary", [True, False])
@pytest.mark.parametrize("ending", ["fits", "fits.gz"])
@pytest.mark.filterwarnings("ignore:.*datfix:astropy.wcs.FITSFixedWarning")  # it adds DATEREF to what MJDREF says
def test_an_image_that_is_written_is_read_back_and_is_astropys(
    tmp_path: Path, dtype: str, primary: bool, ending: str
) -> None:
    from astropy.io import fits
    from astropy.wcs import WCS

    pixels = (np.arange(12).reshape(3, 4) * 7 % 256).astype(dtype)
    if dtype[0] != "f":
        pixels[0, 0], pixels[2, 3] = np.iinfo(dtype).min, np.iinfo(dtype).max
    made = image("IMAGE", pixels, WORLD)
    path = tmp_path / f"a.{ending}"
    write_fits(path, Product("X", (made, GTI) if primary else (GTI, made), 1.0, 2.0, {"OBS_ID": "7"}), 3.0)
    assert verify_file(path).stated == (2 if primary else 3)
    back = read_fits(path, "X", images=True).table("IMAGE")
    assert isinstance(back, Image)
    assert back.pixels.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(back.pixels, pixels)
    assert back.header["CDELT1"] == WORLD["CDELT1"]
    with fits.open(path, checksum=True) as hdus:  # warns where a sum does not fit, and warnings are errors
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus] == (["PRIMARY", "GTI"] if primary else ["PRIMARY", "GTI", "IMAGE"])
        hdu = hdus[0 if primary else 2]
        np.testing.assert_array_equal(hdu.data, pixels)
        assert (hdu.header["HDUNAME"], hdu.header["OBS_ID"], hdu.header["TSTART"]) == ("IMAGE", "7", 1.0)
        assert WCS(hdu.header).wcs_pix2world([[2.5, 1.5]], 1)[0] == pytest.approx([10.0, -20.0])


def test_a_large_image_goes_out_in_blocks_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = image("IMAGE", (np.arange(37 * 11) % 251).astype("i2").reshape(37, 11))
    product = Product("X", (made,), 1.0, 2.0)
    whole = write_fits(tmp_path / "whole.fits", product, 3.0)
    monkeypatch.setattr(fits_image, "AT_ONCE", 88)
    assert len(list(fits_image.image_blocks(made.pixels))) > 5
    assert write_fits(tmp_path / "blocks.fits", product, 3.0) == whole


def test_an_image_stays_one_when_rows_are_taken_or_keywords_added() -> None:
    made = image("IMAGE", np.zeros((3, 4), "i4"), {"A": 1})
    assert isinstance(made.with_header({"B": 2}), Image)
    assert isinstance(made.where(np.array([True, False, True])), Image)
    assert made.where(np.array([0])).columns["IMAGE"].shape == (1, 4)


@pytest.mark.parametrize("columns", [{"IMAGE": np.zeros(3)}, {"IMAGE": np.zeros((0, 3))}, {"A": np.zeros((2, 2))}])
def test_what_is_no_image_is_refused(columns: Any) -> None:
    with pytest.raises(BadData, match="expected one column IMAGE of two axes"):
        Image("IMAGE", columns)


@pytest.mark.parametrize("dtype", ["i1", "bool", "c8"])
def test_pixels_without_a_form_in_fits_are_refused(tmp_path: Path, dtype: str) -> None:
    made = image("IMAGE", np.zeros((2, 2), dtype))
    with pytest.raises(ToolFailed, match="FITS has no form for pixels of type"):
        write_fits(tmp_path / "a.fits", Product("X", (made,), 1.0, 2.0), 3.0)
