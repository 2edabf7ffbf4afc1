"""The source product: exposure from the events, streaks, grating arms, and the files that come of level 2."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from mta_assets.archive.products import read_fits, write_fits
from mta_assets.core.errors import BadData
from mta_assets.core.tables import Product, Table
from mta_assets.level2.detect import detect
from mta_assets.level2.events import level2_events
from mta_assets.level2.exposure import chip_places, exposure_map, outline, without
from mta_assets.level2.lightcurves import light_curve
from mta_assets.level2.regions import background_region, source_region
from mta_assets.level2.skygrid import Grid
from mta_assets.level2.sources import SRCLIST, field_of, sources_of
from mta_assets.level2.spectra import spectrum
from mta_assets_tests.level2.fields import event_table
from mta_assets_tests.needs import program

GTIS = {7: np.array([[1000.0, 9000.0]])}
ROLL = np.radians(35.0)


def observation(seed=1, background=60_000, sources=((300.0, 600.0, 800),), streak=0, **header):
    """Events of one chip that is turned by 35 degrees and moved by a dither; places and counts in chip pixels."""
    rng = np.random.default_rng(seed)
    parts = [rng.uniform(0.5, 1024.5, (background, 2))]
    for chipx, chipy, number in sources:
        r = 1.1 * np.sqrt(rng.random(number) ** (-1 / 1.5) - 1)
        angle = rng.uniform(0, 2 * np.pi, number)
        parts.append(np.column_stack([chipx + r * np.cos(angle), chipy + r * np.sin(angle)]))
    fixed = np.concatenate(parts[1:]) if sources else np.zeros((0, 2))
    number = background + len(fixed) + streak
    time = np.sort(rng.uniform(1000, 9000, number))
    rng.shuffle(time)
    dither = 16 * np.column_stack([np.sin(time / 1000 * 2 * np.pi), np.sin(time / 707 * 2 * np.pi)])
    turn = np.array([[np.cos(ROLL), -np.sin(ROLL)], [np.sin(ROLL), np.cos(ROLL)]])
    # background is even on the chip, sources stand still on the sky, streaks are lines of the chip at the source's x
    chip = parts[0]
    sky = (chip - 512) @ turn.T + 4096.5 + dither[:background]
    here = (fixed - 512) @ turn.T + 4096.5
    on_chip = (here - 4096.5 - dither[background : background + len(fixed)]) @ turn + 512
    line = np.column_stack([np.full(streak, 300.0) + rng.normal(0, 0.7, streak), rng.uniform(0.5, 1024.5, streak)])
    last = dither[number - streak :] if streak else np.zeros((0, 2))
    line_chip = (((line - 512) @ turn.T) - last) @ turn + 512
    sky = np.concatenate([sky, here, (line - 512) @ turn.T + 4096.5])
    chip = np.rint(np.concatenate([chip, on_chip, line_chip]))
    read = ((chip >= 1) & (chip <= 1024)).all(axis=1)
    columns = {
        "X": sky[read, 0], "Y": sky[read, 1], "TIME": time[read], "CCD_ID": np.full(read.sum(), 7, np.int16),
        "CHIPX": chip[read, 0].astype(np.int16), "CHIPY": chip[read, 1].astype(np.int16),
        "GRADE": np.zeros(read.sum(), np.int16), "STATUS": np.zeros((read.sum(), 32), bool),
        "ENERGY": np.full(read.sum(), 1500.0, np.float32), "PI": np.full(read.sum(), 103, np.int32),
    }  # fmt: skip
    known = {"CCD_ID": 7, "OBI_NUM": 0, "RADESYS": "ICRS", "READMODE": "TIMED", "DATAMODE": "FAINT", **header}
    known.pop("CCD_ID")
    return level2_events(event_table(columns, known), GTIS, "ACIS_EVT2")


def place(chipx, chipy):
    turn = np.array([[np.cos(ROLL), -np.sin(ROLL)], [np.sin(ROLL), np.cos(ROLL)]])
    return (np.array([chipx, chipy]) - 512) @ turn.T + 4096.5


def test_the_chip_and_its_dither_are_read_off_the_events():
    events = observation().table("EVENTS")
    places, dither = chip_places(events)
    assert list(places) == [7]
    mean = dither.mean(axis=0)
    x, y = places[7].sky([1.0, 1024.0], [1.0, 1024.0])
    np.testing.assert_allclose(np.column_stack([x, y]) - mean, [place(1, 1), place(1024, 1024)], atol=1.0)
    assert np.abs(dither).max() == pytest.approx(16, abs=1.5)
    back = places[7].chip(*places[7].sky(77.0, 900.0))
    assert [float(b) for b in back] == pytest.approx([77.0, 900.0])
    few = events.where(np.arange(20))
    assert chip_places(few)[0] == {}


def test_the_exposure_is_that_of_the_counts():
    events = observation(background=400_000, sources=()).table("EVENTS")
    field = field_of(events)
    counts = field.grid.add(field.grid.empty(), events["X"], events["Y"])
    assert field.exposure is not None
    assert field.exposure.max() == pytest.approx(1.0)
    scale = 400_000 / 1024**2
    for low, high in ((0.02, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.99), (0.99, 1.01)):
        part = (field.exposure > low) & (field.exposure <= high)
        seen, expected = counts[part].sum(), field.exposure[part].sum() * scale
        assert seen == pytest.approx(expected, rel=0.05, abs=5 * np.sqrt(expected))
    assert counts[field.exposure == 0].sum() < 20


def test_a_chip_that_looked_half_as_long_has_half_the_exposure_and_rows_that_were_not_read_have_none():
    events = observation().table("EVENTS")
    places, dither = chip_places(events, (449.0, 576.0))
    grid = Grid(3300.5, 3300.5, (1600, 1600))
    one = exposure_map(grid, places, dither)
    assert one.max() == pytest.approx(1.0)
    assert one.sum() == pytest.approx(1024 * 128, rel=0.02)
    both = exposure_map(grid, {7: places[7], 6: places[7]}, dither, {7: 1000.0, 6: 500.0})
    np.testing.assert_allclose(both, 1.5 * one, atol=1e-12)


def test_a_detector_without_chips_ends_where_its_events_do():
    rng = np.random.default_rng(0)
    counts = np.zeros((400, 400), np.int32)
    counts[50:350, 100:300] = rng.poisson(0.5, (300, 200))
    counts[200, 200] = 100_000
    seen = outline(counts)
    assert seen[60:340, 115:285].min() == 1
    assert seen[:35].max() == 0
    assert seen[:, 320:].max() == 0
    assert not outline(np.zeros((20, 20), np.int32)).any()


def test_the_arms_of_a_grating_are_cut_out_and_the_zero_order_stays():
    boxes = Table("REGION", {
        "SHAPE": np.array(["circle", "rotbox"]), "X": np.array([50.0, 50.0]), "Y": np.array([50.0, 50.0]),
        "R": np.array([[10.0, 0.0], [200.0, 8.0]]), "ROTANG": np.array([0.0, 90.0]), "TG_PART": np.array([0, 1]),
    })  # fmt: skip
    left = without(np.ones((100, 100)), Grid(0.5, 0.5, (100, 100)), boxes)
    # columns 46 to 54 of the image but for the circle
    assert left[10, 44] == left[49, 49] == 1
    assert left[10, 49] == left[90, 49] == 0
    assert left[10, 60] == 1


def test_a_source_product_says_where_the_source_is_and_on_which_chip():
    found = sources_of(observation(), "ACIS_SRC2")
    table = found.table("SRCLIST")
    at = place(300.0, 600.0)
    assert len(table) == 1
    assert np.hypot(table["X"][0] - at[0], table["Y"][0] - at[1]) < 0.15
    assert table["NET_COUNTS"][0] == pytest.approx(800, rel=0.1)
    assert table["CCD_ID"][0] == 7
    assert table["EXPTIME"][0] == pytest.approx(8000 * 3.1 / 3.14104, rel=1e-3)
    assert table["NET_RATE"][0] == pytest.approx(table["NET_COUNTS"][0] / table["EXPTIME"][0])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_readout_streak_makes_no_sources(seed):
    bright = observation(seed, 20_000, ((300.0, 600.0, 30_000),), streak=1500)
    events = bright.table("EVENTS")
    table = sources_of(bright, "ACIS_SRC2").table("SRCLIST")
    at = place(300.0, 600.0)
    assert np.hypot(table["X"] - at[0], table["Y"] - at[1]).min() < 0.1
    field = field_of(events)
    blind = detect(
        lambda: [(events["X"], events["Y"])], type(field)(field.plane, field.grid, field.axis, field.exposure)
    )
    print(f"seed {seed}: {len(table)} sources, {len(blind)} if streaks were not known")
    assert len(blind) > 10
    assert len(table) <= 2


def changed(product: Product, **columns: object) -> Product:
    events = product.tables[0]
    table = Table(events.name, {**events.columns, **columns}, events.header)
    return Product(product.file_id, (table, *product.tables[1:]), product.tstart, product.tstop, product.header)


def test_events_that_can_not_be_searched_are_refused_with_what_to_do():
    good = observation(background=500, sources=())
    header = {k: v for k, v in good.tables[0].header.items() if k != "RA_PNT"}
    with pytest.raises(BadData, match="RA_PNT"):
        sources_of(Product("ACIS_EVT2", (Table("EVENTS", good.tables[0].columns, header),), 0.0, 1.0), "ACIS_SRC2")
    blind = Product("ACIS_EVT2", (good.tables[0].with_header({"EXPOSURE": -1.0}),), 0.0, 1.0)
    with pytest.raises(BadData, match="neither EXPOSURE nor good times: make it again"):
        sources_of(blind, "ACIS_SRC2")
    assert len(sources_of(good, "ACIS_SRC2").table("SRCLIST")) <= 1


def test_without_events_on_the_sky_the_list_is_empty_and_has_its_keywords():
    good = observation(background=500, sources=())
    events = good.tables[0]
    none = Product("ACIS_EVT2", (events.where(slice(0, 0)), *good.tables[1:]), 0.0, 1.0)
    for product in (none, changed(good, X=np.full(len(events), np.nan, np.float32))):
        table = sources_of(product, "ACIS_SRC2").table("SRCLIST")
        full = sources_of(good, "ACIS_SRC2").table("SRCLIST")
        assert (len(table), list(table.columns)) == (0, list(full.columns))
        assert {k: v for k, v in table.header.items() if k != "EXPOSURE"}.items() <= full.header.items()


def test_an_event_far_off_the_sky_plane_does_not_spoil_the_list():
    good = observation()
    x = good.tables[0]["X"].copy()
    x[:2] = -1e30, np.inf
    found, expected = (sources_of(one, "ACIS_SRC2").table("SRCLIST") for one in (changed(good, X=x), good))
    assert len(found) == len(expected) > 0


def products():
    evt2 = observation()
    x, y = place(300.0, 600.0)
    ring = background_region(x, y, 20.0, 60.0)
    return {
        "evt2": evt2,
        "src2": sources_of(evt2, "ACIS_SRC2"),
        "pha": spectrum(evt2, source_region(x, y, 10.0), "ACIS_PHA", 15),
        "bkg": spectrum(evt2, ring, "ACIS_BKG"),
        "lc": light_curve(evt2, source_region(x, y, 10.0), "ACIS_LTC", 500.0, ring),
    }


def test_the_files_open_in_astropy_without_warnings_and_pass_the_verifier(tmp_path: Path):
    verifier = program("fitsverify", "fitsverify")
    extra = {"TELESCOP": "CHANDRA", "ORIGIN": "MTA", "MISSION": "AXAF"}
    for name, product in products().items():
        path = tmp_path / f"{name}.fits"
        write_fits(path, product, 8.3e8, extra)
        with fits.open(path, checksum=True) as hdus:
            hdus.verify("exception")
            assert [h.header["HDUNAME"] for h in hdus[1:]] == [t.name for t in product.tables]
        report = subprocess.run([verifier, str(path)], capture_output=True, text=True, check=False).stdout
        assert "0 warning(s) and 0 error(s)" in report, report
        back = read_fits(path, product.file_id)
        for table, again in zip(product.tables, back.tables, strict=True):
            for column in table.columns:
                np.testing.assert_array_equal(again[column], table[column])


def test_the_source_list_in_a_file_has_its_columns_units_and_world_coordinates(tmp_path: Path):
    found = products()["src2"]
    write_fits(tmp_path / "src2.fits", found, 8.3e8)
    with fits.open(tmp_path / "src2.fits") as hdus:
        table = hdus["SRCLIST"]
        assert tuple(table.columns.names) == SRCLIST.names
        assert [c.unit or "" for c in table.columns] == [c.unit for c in SRCLIST.columns]
        header = table.header
        n = [SRCLIST.names.index(axis) + 1 for axis in ("X", "Y")]
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = [header[f"TCTYP{i}"] for i in n]
        wcs.wcs.crval, wcs.wcs.crpix = [header[f"TCRVL{i}"] for i in n], [header[f"TCRPX{i}"] for i in n]
        wcs.wcs.cdelt = [header[f"TCDLT{i}"] for i in n]
        ra, dec = wcs.all_pix2world(table.data["X"], table.data["Y"], 1)
        np.testing.assert_allclose(ra, table.data["RA"], atol=1e-9)
        np.testing.assert_allclose(dec, table.data["DEC"], atol=1e-9)
