"""Spectra of gratings, PHA type II."""

import warnings

import numpy as np
import pytest

from mta_assets.archive.products import write_fits
from mta_assets.core.errors import BadData
from mta_assets.core.tables import Product, Table, plain
from mta_assets.level2 import grating_spectra
from mta_assets.level2.grating_layouts import LAYOUTS

HALF = 6.6388885e-4  # [deg] of the HETG's source region
SOURCE = [(1, 4100.0, 4090.0)]


def events(lam, tg_d=0.0, order=1, part=1, source=1):
    lam = np.atleast_1d(np.asarray(lam, np.float64))
    columns = {"tg_lam": lam, "tg_d": np.broadcast_to(np.asarray(tg_d, np.float64), len(lam)).copy()}
    for name, value in (("tg_m", order), ("tg_part", part), ("tg_srcid", source)):
        columns[name] = np.broadcast_to(np.asarray(value, np.int16), len(lam)).copy()
    return Table("EVENTS", columns)


def spectrum(*blocks, grating="HETG", detector="ACIS", sources=SOURCE):
    return grating_spectra.grating_spectra(blocks, grating, detector, sources, {"OBS_ID": "1"})[0]


def row_of(table, part, order):
    return int(np.flatnonzero((table["TG_PART"] == part) & (table["TG_M"] == order))[0])


def test_there_is_a_row_for_each_source_arm_and_order():
    table = spectrum(sources=[*SOURCE, (2, 1.0, 2.0)])
    assert table["SPEC_NUM"].tolist() == list(range(1, 25))
    assert table["TG_M"].tolist() == [-3, -2, -1, 1, 2, 3] * 4
    assert table["TG_PART"].tolist() == ([1] * 6 + [2] * 6) * 2
    assert table["X"].tolist() == [4100.0] * 12 + [1.0] * 12


def test_bins_fall_in_wavelength_and_are_those_of_the_archive():
    table = spectrum()
    heg, meg3 = row_of(table, 1, -1), row_of(table, 2, 3)
    assert table["BIN_LO"][heg][[0, -1]] == pytest.approx([21.4775, 1.0], abs=1e-12)
    assert table["BIN_HI"][heg][[0, -1]] == pytest.approx([21.48, 1.0025], abs=1e-12)
    assert table["BIN_LO"][meg3][[0, -1]] == pytest.approx([41.955 / 3, 1 / 3], abs=1e-12)
    assert np.all(np.diff(table["BIN_LO"], axis=1) < 0)


@pytest.mark.parametrize(("grating", "detector"), list(LAYOUTS))
def test_every_event_is_counted_in_the_bin_that_holds_its_wavelength(grating, detector):
    for layout in LAYOUTS[grating, detector]:
        for order in layout.orders:
            lam = np.array([1.0, 3.456789, 12.345]) / abs(order) + 1e-9
            table = spectrum(events(lam, 0.0, order, layout.part), grating=grating, detector=detector)
            row = row_of(table, layout.part, order)
            filled = np.flatnonzero(table["COUNTS"][row])
            low, high = table["BIN_LO"][row][filled][::-1], table["BIN_HI"][row][filled][::-1]
            inside = lam[(lam >= low.min() - 1e-6)]
            assert np.all((low <= inside + 1e-12) & (inside < high + 1e-12))
            assert table["COUNTS"].sum() == len(inside)


def test_wavelengths_beyond_the_bins_are_not_counted():
    table = spectrum(events([0.9999, 1.0001, 21.4799, 21.4801]))
    assert table["COUNTS"].sum() == 2
    assert table["COUNTS"][row_of(table, 1, 1)][[0, -1]].tolist() == [1, 1]


def test_source_and_background_regions_on_both_sides_of_their_limits():
    inside = [0.0, HALF * 0.999, -HALF * 0.999]
    up, down, outside = [HALF * 1.001, 0.005999], [-HALF * 1.001, -0.005999], [0.006001, -0.006001]
    table = spectrum(events([5.0] * 9, inside + up + down + outside))
    assert [int(table[name].sum()) for name in ("COUNTS", "BACKGROUND_UP", "BACKGROUND_DOWN")] == [3, 2, 2]
    assert table.header["BACKSCUP"][0] == pytest.approx(4.0188284, rel=1e-6)


def test_the_regions_of_the_letg_widen_with_wavelength():
    # 0.531e-3 deg up to 51.67 Å, 2.114e-3 at 199.8 Å
    table = spectrum(
        events([20.0, 20.0, 199.0, 199.0], [0.0005, 0.0010, 0.0010, 0.0030], -1, 3), grating="LETG", detector="HRC-S"
    )
    assert int(table["COUNTS"].sum()) == 2
    assert int(table["BACKGROUND_UP"].sum()) == 1
    assert table["COUNTS"].shape == (2, 16384)


def test_events_of_other_orders_arms_or_sources_are_not_counted():
    table = spectrum(events([5.0] * 4, 0.0, [99, 4, 1, 1], [1, 1, 99, 1], [1, 1, 1, 2]))
    assert table["COUNTS"].sum() == 0


def test_errors_are_those_of_gehrels():
    table = spectrum(events([5.0] * 4))
    errors = np.unique(table["STAT_ERR"])
    np.testing.assert_allclose(errors, [1 + np.sqrt(0.75), 1 + np.sqrt(4.75)], rtol=1e-6)


def test_blocks_add_up_and_full_bins_get_more_bits():
    block = events(np.full(20_000, 5.0))
    assert spectrum(block)["COUNTS"].dtype == np.int16
    table = spectrum(block, block)
    assert table["COUNTS"].dtype == np.int32
    assert table["COUNTS"].max() == 40_000


def test_no_events_give_empty_spectra():
    assert spectrum(events([]))["COUNTS"].sum() == 0


def test_without_a_source_or_with_an_unknown_grating_nothing_is_made():
    with pytest.raises(BadData, match="zero order"):
        spectrum(sources=[])
    with pytest.raises(BadData, match="OTG"):
        spectrum(grating="OTG")


@pytest.mark.parametrize(("grating", "detector", "shape", "rows"), [
    ("HETG", "ACIS", "box", 36), ("LETG", "HRC-S", "polygon", 6),
])  # fmt: skip
def test_the_file_opens_with_its_regions_and_keywords(tmp_path, grating, detector, shape, rows):
    from astropy.io import fits

    tables = grating_spectra.grating_spectra([], grating, detector, SOURCE, {"OBS_ID": ("1", "observation")})
    write_fits(tmp_path / "pha2.fits", Product("ACIS_PHA2", tables, 1.0, 2.0, {"INSTRUME": "ACIS"}), 3.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(tmp_path / "pha2.fits", checksum=True) as file:
            file.verify("exception")
            assert [hdu.name for hdu in file] == ["PRIMARY", "SPECTRUM", "REGION"]
            assert file["SPECTRUM"].header["HDUCLAS4"] == "TYPE:II"
            assert file["REGION"].data["SHAPE"].tolist() == [shape] * rows
            assert file["REGION"].data["ROWID"][:3].tolist() == ["SOURCE", "BACKGROUND_UP", "BACKGROUND_DOWN"]


@pytest.mark.parametrize(("instrument", "chips", "exposure"), [
    ("ACIS", {"EXPOSUR5": (90.0, "[s]"), "EXPOSUR7": 100.0, "EXPOSUR9": 80.0}, 90.0), ("HRC", {}, 100.0),
])  # fmt: skip
def test_the_exposure_is_the_mean_of_the_chips_and_the_live_time_that_of_the_aim_point(instrument, chips, exposure):
    header = {"INSTRUME": instrument, "DETNAM": "HRC-S", "GRATING": "LETG", "LIVETIME": 100.0, "EXPOSURE": 100.0}
    circle = Table("REGION", {"SHAPE": np.array(["circle"]), "SOURCE": np.ones(1, np.int16),
                              "X": np.full(1, 4100.0), "Y": np.full(1, 4090.0)})  # fmt: skip
    evt2 = Product(f"{instrument}_EVT2", (events([5.0]).with_header({**header, **chips}), circle), 1.0, 2.0)
    for table in grating_spectra.spectra_of(evt2, f"{instrument}_PHA2").tables:
        assert plain(table.header["EXPOSURE"]) == pytest.approx(exposure)
        assert plain(table.header["LIVETIME"]) == 100.0
        assert {name: value for name, value in table.header.items() if name in chips} == chips
