"""Images of delivered products: as astropy has them, and only where they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mta_assets.archive.fits_read import read_fits
from mta_assets.core.errors import BadData


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
