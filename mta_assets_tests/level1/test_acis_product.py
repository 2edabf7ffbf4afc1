"""The level-1 event list as a file: columns, units and coordinate systems as in the archive's."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from mta_assets.archive.products import write_fits
from mta_assets.core.tables import Product, concatenate
from mta_assets.level1.acis import process_events
from mta_assets.level1.acis_status import BadPixels
from mta_assets_tests.level1 import acis_calibration as files
from mta_assets_tests.level1.calibration_files import acis_ready, acis_tables
from mta_assets_tests.level1.simulated import dwell, observed, settings_of, true_aspect
from mta_assets_tests.needs import program
from mta_assets_tests.realdata import realdata

SECONDS = 200.0


@pytest.fixture(scope="module", params=[28101, 28102, 28104, 28105])
def written(request, tmp_path_factory):
    d = dwell(request.param)
    pixels = BadPixels(acis_tables(files.BADPIX_FILE), d.tstart, d.tstop)
    made = process_events(observed(d.obsid, SECONDS)[0], settings_of(d), acis_ready(), true_aspect(d, SECONDS), pixels)
    table = concatenate(made)
    path = tmp_path_factory.mktemp("evt1") / f"acisf{d.obsid}_000N001_evt1.fits"
    keywords = {"INSTRUME": "ACIS", "OBS_ID": str(d.obsid), "DATAMODE": d.datamode}
    write_fits(path, Product("ACIS_EVT1", (table,), d.tstart, d.tstart + SECONDS, keywords), created=9e8)
    return d, table, path


def test_the_file_opens_in_astropy_without_a_warning_and_holds_the_same(written):
    from astropy.io import fits

    _, table, path = written
    with fits.open(path, checksum=True) as file:
        file.verify("exception")
        assert file["EVENTS"].columns.names == list(table.columns)
        for name, column in table.columns.items():
            np.testing.assert_array_equal(file["EVENTS"].data[name], column)


def test_the_sky_of_the_file_is_that_of_its_header(written):
    from astropy.io import fits
    from astropy.wcs import WCS

    d, table, path = written
    header = fits.getheader(path, "EVENTS")
    n = [list(table.columns).index(name) + 1 for name in ("x", "y")]
    for keyword in ("DATE-OBS", "DATE-END", "MJD-OBS"):
        header.remove(keyword)  # wcslib takes them for an image's, in the archive's files too
    wcs = WCS(header, keysel=["pixel"], colsel=n)
    ra, dec = wcs.wcs_pix2world([4096.5], [4096.5], 1)
    assert (ra[0], dec[0]) == pytest.approx((d.ra, d.dec))
    assert wcs.wcs_pix2world([4096.5], [4196.5], 1)[1][0] > d.dec  # north is up


def test_columns_units_and_bits_are_those_of_a_real_list(written):
    from astropy.io import fits

    d, _, path = written
    if d.datamode != "FAINT":
        pytest.skip("the real list is of FAINT mode")
    ours = fits.getheader(path, "EVENTS")
    real = fits.getheader(realdata("chandra", "acis", "28229", "repro", "acisf28229_repro_evt2.fits.gz"), "EVENTS")
    assert ours["TFIELDS"] == real["TFIELDS"]
    for n in range(1, ours["TFIELDS"] + 1):
        for keyword in ("TTYPE", "TUNIT", "TLMIN", "TLMAX", "TNULL", "TDIM", "TCTYP", "TCRPX", "TCUNI"):
            if keyword in ("TCTYP", "TCRPX", "TCUNI") and real[f"TTYPE{n}"] in ("chipx", "chipy"):
                continue  # millimetres on the chip: not ours
            if (keyword, real[f"TTYPE{n}"]) == ("TLMAX", "expno"):
                continue  # the largest number of its type is no limit
            assert ours.get(f"{keyword}{n}") == real.get(f"{keyword}{n}"), (real[f"TTYPE{n}"], keyword)
        assert ours[f"TFORM{n}"].lstrip("1") == real[f"TFORM{n}"].lstrip("1")


def test_the_verifier_has_nothing_to_say(written):
    verifier = program("fitsverify", "fitsverify")
    done = subprocess.run([verifier, "-q", str(written[2])], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == f"verification OK: {written[2]}"


def test_the_verifier_has_nothing_to_say_of_the_calibration_files():
    verifier = program("fitsverify", "fitsverify")
    for path in sorted(files.FOLDER.glob("acis*.fits")):
        done = subprocess.run([verifier, "-q", str(path)], capture_output=True, text=True, check=False)
        assert done.stdout.strip() == f"verification OK: {path}"
