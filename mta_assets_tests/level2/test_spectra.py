"""Regions, spectra and light curves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.archive.products import write_fits
from mta_assets.core.errors import BadData
from mta_assets.core.gti import gti_tables
from mta_assets.core.tables import FileOf, Product, Table
from mta_assets.level1.hrc_columns import events_schema
from mta_assets.level2.coverage import coverage_of
from mta_assets.level2.lightcurves import bin_edges, light_curve, live_time
from mta_assets.level2.regions import Shape, area, background_region, contains, region_of, region_table, source_region
from mta_assets.level2.spectra import CHANNELS, channel_counts, group, spectrum
from mta_assets.level2.steps import spectra_and_curves
from mta_assets_tests.level2.fields import event_table

GTIS = {7: np.array([[100.0, 200.0], [250.0, 300.0]])}


def product(x, y, times, pi, ccd=7):
    number = len(x)
    events = event_table({
        "X": np.asarray(x, float), "Y": np.asarray(y, float), "TIME": np.asarray(times, float),
        "PI": np.asarray(pi, np.int32), "CCD_ID": np.full(number, ccd, np.int16),
    })  # fmt: skip
    return Product("ACIS_EVT2", (events, *gti_tables(GTIS)), 100.0, 300.0)


@pytest.mark.parametrize("place", [(np.nan, 5.0), (5.0, np.inf), (1e6, 5.0), (5.0, -1e20)])
def test_a_region_that_is_nowhere_on_the_sky_is_refused(place: tuple[float, float]):
    with pytest.raises(BadData, match="expected numbers of sky pixels; make the list that it comes from again"):
        source_region(*place, 3.0)
    assert source_region(-999_999.0, 5.0, 3.0)


def test_shapes_hold_their_edges():
    x = np.array([0.0, 3.0, 3.01, np.nan])
    assert Shape("circle", 0, 0, (3, 0)).contains(x, 0).tolist() == [True, True, False, False]
    assert Shape("annulus", 0, 0, (3, 4)).contains(x, 0).tolist() == [False, True, True, False]
    assert Shape("circle", 0, 0, (3, 0), excluded=True).contains(x, 0).tolist() == [False, False, True, False]
    assert Shape("box", 0, 0, (6, 2)).contains([3, 3.01, 0, 0], [1, 0, 1, 1.01]).tolist() == [True, False, True, False]
    turned = Shape("rotbox", 0, 0, (6, 2), 90)
    assert turned.contains([0, 0, 0.99, 1.01], [2.99, 3.01, 0, 0]).tolist() == [True, False, True, False]
    tilted = Shape("ellipse", 10, 10, (4, 1), 45)
    assert tilted.contains([12.8, 12.8], [12.8, 7.2]).tolist() == [True, False]


def test_areas_are_those_of_the_formulas_and_of_what_is_left():
    assert area(source_region(10, 20, 5)) == pytest.approx(np.pi * 25, rel=1e-3)
    assert area([Shape("ellipse", 0, 0, (4, 2), 30)]) == pytest.approx(np.pi * 8, rel=2e-3)
    assert area([Shape("rotbox", 0, 0, (4, 2), 30)]) == pytest.approx(8, rel=1e-2)
    ring = background_region(0, 0, 10, 20, [(15, 0, 3), (100, 0, 3)])
    assert len(ring) == 2
    assert area(ring) == pytest.approx(np.pi * (400 - 100 - 9), rel=1e-3)
    with pytest.raises(BadData, match="no area"):
        area([Shape("circle", 0, 0, (1, 0), excluded=True)])


def test_a_region_survives_its_table():
    region = [*background_region(5.5, 6.5, 10, 20, [(15, 0, 3)]), Shape("ellipse", 1, 2, (3, 4), 12.5, component=2)]
    assert region_of(region_table(region)) == region
    assert contains(region, [1.0, 15.0, 5.5], [2.0, 0.0, 21.0]).tolist() == [True, False, True]
    bad = Table("REGION", {"SHAPE": np.array(["blob"]), "X": np.zeros(1), "Y": np.zeros(1), "R": np.ones((1, 2))})
    with pytest.raises(BadData, match="blob"):
        region_of(bad)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(2, 40))
def test_every_group_but_the_last_has_enough_counts_and_no_channel_too_many(counts, least):
    flags = group(np.array(counts), least)
    assert flags[0] == 1
    starts = np.flatnonzero(flags == 1)
    sums = np.add.reduceat(counts, starts)
    assert (sums[:-1] >= least).all()
    ends = np.append(starts[1:], len(counts)) - 1
    assert (sums[:-1] - np.array(counts)[ends[:-1]] < least).all()


def test_a_spectrum_counts_channels_in_its_region_and_knows_exposure_and_area():
    made = product([0, 0, 2, 9, 0, 0], [0, 0, 0, 0, 0, 0], [110] * 6, [1, 1, 1024, 5, 0, 1025])
    found = spectrum(made, source_region(0, 0, 5), "ACIS_PHA", least=2)
    table = found.table("SPECTRUM")
    assert [t.name for t in found.tables] == ["SPECTRUM", "GTI7", "REGION"]
    assert table["CHANNEL"].tolist() == list(range(1, 1025))
    assert (table["COUNTS"][0], table["COUNTS"][1023], table["COUNTS"].sum()) == (2, 1, 3)
    header = {k: v[0] for k, v in table.header.items() if isinstance(v, tuple)}
    assert header["EXPOSURE"] == pytest.approx(150 * 3.1 / 3.14104)
    assert header["BACKSCAL"] == pytest.approx(np.pi * 25 / 8192**2, rel=1e-3)
    assert (header["HDUCLAS1"], header["HDUCLAS4"], header["RESPFILE"], header["DETCHANS"]) == (
        "SPECTRUM", "TYPE:I", "NONE", 1024)  # fmt: skip
    assert table["GROUPING"][:3].tolist() == [1, 1, -1]
    assert channel_counts([made.table("EVENTS")], source_region(0, 0, 99), (1, 1024)).sum() == 4


def test_channels_of_the_hrc_begin_at_0_and_events_of_it_count(tmp_path):
    from astropy.io import fits

    events = event_table({
        "X": np.zeros(5), "Y": np.zeros(5), "TIME": np.full(5, 110.0), "PI": np.array([0, 0, 1, 1023, 1024], np.int32),
    }, {"INSTRUME": "HRC", "DETNAM": "HRC-S", "DTCOR": 0.99})  # fmt: skip
    made = Product("HRC_EVT2", (events, *gti_tables({None: GTIS[7]})), 100.0, 300.0)
    for background in (False, True):
        found = spectrum(made, source_region(0, 0, 5), "HRC_PHA", background=background)
        write_fits(tmp_path / f"{background}.fits", found, 8.3e8)
        with fits.open(tmp_path / f"{background}.fits") as file:
            data, header = file["SPECTRUM"].data, file["SPECTRUM"].header
            assert data["CHANNEL"].tolist() == list(range(1024))
            assert (data["COUNTS"][[0, 1, 1023]].tolist(), data["COUNTS"].sum()) == ([2, 1, 1], 4)
            assert [header[name] for name in ("TLMIN1", "TLMAX1", "DETCHANS", "TOTCTS")] == [0, 1023, 1024, 4]


@pytest.mark.parametrize("detector", ["HRC-I", "HRC-S"])
def test_channels_of_spectra_are_those_that_level_1_declares(detector):
    (pi,) = (one for one in events_schema(detector).columns if one.name == "pi")
    assert pi.limits == CHANNELS["HRC"]


def test_live_time_of_bins_is_exact_whatever_the_edges():
    edges = np.array([0.0, 100.0, 150.0, 225.0, 275.0, 400.0])
    assert live_time(edges, GTIS[7]).tolist() == [0, 50, 50, 25, 25]
    assert live_time(edges, np.zeros((0, 2))).tolist() == [0] * 5


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=6), st.floats(0.7, 30))
def test_live_times_of_bins_that_cover_the_good_times_add_up_to_them(spans, width):
    good = np.sort(np.array(spans), axis=1)
    good = good[good[:, 1] > good[:, 0] + 1e-6]
    if not len(good):
        return
    from mta_assets.core import intervals

    assert live_time(bin_edges(good, width), good).sum() == pytest.approx(intervals.total(good))


def test_a_light_curve_has_the_rate_of_its_live_time_and_none_where_there_is_none():
    times = np.concatenate([np.full(10, 101.0), np.full(4, 255.0), [230.0]])  # one event in the gap
    made = product(np.zeros(15), np.zeros(15), times, np.ones(15))
    found = light_curve(made, source_region(0, 0, 5), "ACIS_LTC", 25.0)
    table = found.table("RATE")
    share = 3.1 / 3.14104
    assert table["TIME"].tolist() == [112.5, 137.5, 162.5, 187.5, 212.5, 237.5, 262.5, 287.5]
    assert table["COUNTS"].tolist() == [10, 0, 0, 0, 0, 0, 4, 0]
    np.testing.assert_allclose(table["EXPOSURE"], np.array([25, 25, 25, 25, 0, 0, 25, 25]) * share)
    np.testing.assert_allclose(table["FRACEXP"], table["EXPOSURE"] / 25)
    assert table["RATE"][0] == pytest.approx(10 / 25 / share)
    assert np.isnan(table["RATE"][4:6]).all()
    assert np.isfinite(table["ERROR"][[0, 1, 2, 3, 6, 7]]).all()
    assert_without_background(table)


def assert_without_background(table):
    """The words of a light curve of source and sky together, and no number for a background that there is not."""
    assert (table.header["HDUCLAS2"][0], table.header["BACKAPP"][0]) == ("TOTAL", False)
    assert "BACKSCAL" not in table.header
    assert (table["BKGCOUNT"] == -1).all()
    assert next(column.null for column in table.schema.columns if column.name == "BKGCOUNT") == -1
    live = table["EXPOSURE"] > 0
    np.testing.assert_allclose(table["RATE"][live], table["COUNTS"][live] / table["EXPOSURE"][live])


def test_the_background_is_taken_off_by_its_area():
    x = np.concatenate([np.zeros(10), np.full(30, 12.0)])
    made = product(x, np.zeros(40), np.full(40, 110.0), np.ones(40))
    ring = background_region(0, 0, 10, 20)
    table = light_curve(made, source_region(0, 0, 10), "ACIS_LTC", 200.0, ring).table("RATE")
    live = table["EXPOSURE"][0]
    assert live == pytest.approx(150 * 3.1 / 3.14104)
    assert table["RATE"][0] == pytest.approx((10 - 30 / 3) / live, abs=1e-4)
    assert (table.header["HDUCLAS2"][0], table.header["BACKAPP"][0]) == ("NET", True)
    assert table.header["BACKSCAL"][0] == pytest.approx(1 / 3, rel=1e-3)


def test_a_light_curve_is_of_the_chip_of_its_source_and_its_background_of_what_that_chip_saw():
    """Chip 7 ends at x = 0 with one event a square pixel; chip 6 begins there with four, and looks until 300 s."""
    y, x = (grid.ravel() for grid in np.mgrid[-30.5:31.0, -30.5:31.0])
    far = np.column_stack([x + 31.5, y + 31.5]).astype(np.int32)  # chip coordinates from 1
    left, right = x < 0, np.repeat(np.flatnonzero(x > 0), 4)
    events = event_table({
        "X": np.concatenate([x[left], x[right]]), "Y": np.concatenate([y[left], y[right]]),
        "TIME": np.full(left.sum() + len(right), 150.0), "PI": np.ones(left.sum() + len(right), np.int32),
        "CCD_ID": np.repeat([7, 6], [left.sum(), len(right)]).astype(np.int16),
        "CHIPX": np.concatenate([far[left, 0] + 1024 - 31, far[right, 0] - 31]),
        "CHIPY": np.concatenate([far[left, 1], far[right, 1]]),
    })  # fmt: skip
    good = {6: np.array([[100.0, 300.0]]), 7: np.array([[100.0, 200.0]])}
    made = Product("ACIS_EVT2", (events, *gti_tables(good)), 100.0, 300.0)
    region, ring = source_region(-4, 0, 6), background_region(-4, 0, 8, 20)
    whole = light_curve(made, region, "ACIS_LTC", 100.0, ring).table("RATE")
    inside = contains(region, x, y) & left
    assert whole["COUNTS"].tolist() == [inside.sum()]
    assert whole["BKGCOUNT"].tolist() == [(contains(ring, x, y) & left).sum()]
    found = light_curve(made, region, "ACIS_LTC", 100.0, ring, coverage_of(events)).table("RATE")
    assert found["COUNTS"].tolist() == whole["COUNTS"].tolist()
    assert found.header["BACKSCAL"][0] == pytest.approx(inside.sum() / found["BKGCOUNT"][0], rel=0.03)
    assert abs(found["RATE"][0]) < 0.03 * whole["COUNTS"][0] / whole["EXPOSURE"][0]  # the sky alone: no source
    nowhere = light_curve(made, region, "ACIS_LTC", 100.0, source_region(40, 0, 5), coverage_of(events)).table("RATE")
    assert_without_background(nowhere)  # chip 7 saw nothing of that sky


def test_bins_that_make_no_sense_are_refused():
    with pytest.raises(BadData, match="nothing to bin"):
        bin_edges(np.zeros((0, 2)), 10.0)
    with pytest.raises(BadData, match="nothing to bin"):
        bin_edges(GTIS[7], 0.0)
    with pytest.raises(BadData, match="use bins longer"):
        bin_edges(GTIS[7], 1e-6)


def sources(*rows):
    x, y, radius = np.array(rows, float).T
    count = len(rows)
    columns = {"X": x, "Y": y, "R": np.column_stack([radius, radius]), "SIGNIFICANCE": np.full(count, 9.0),
               "NET_COUNTS": np.arange(count, 0, -1.0), "COMPONENT": np.arange(1, count + 1)}  # fmt: skip
    return Product("ACIS_SRC2", (Table("SRCLIST", columns),), 100.0, 300.0)


def test_each_spectrum_comes_after_that_of_the_sky_about_it_and_names_its_file():
    ids = {"spectrum": "ACIS_PHA", "background": "ACIS_BKG", "curve": "ACIS_LC"}
    # three events on the source, four in its ring of 8 to 20 pixels, of which one is another source's
    made = product([0, 0, 1, 9, 9, -15, 12], [0, 0, 0, 0, 0, 0, 0], [110] * 7, [5] * 7)
    found = list(spectra_and_curves([made], [sources((0, 0, 4), (12, 0, 1))], **ids))
    assert [(p.file_id, p.fields["source"]) for p in found] == [
        (name, source) for source in (1, 2) for name in ("ACIS_BKG", "ACIS_PHA", "ACIS_LC")
    ]
    sky, light = found[0].tables[0], found[1].tables[0]
    assert (sky["COUNTS"].sum(), light["COUNTS"].sum()) == (3, 3)
    assert light.header["BACKFILE"] == (FileOf("ACIS_BKG"), "file name")
    assert (sky.header["HDUCLAS2"][0], light.header["HDUCLAS2"][0]) == ("BKG", "TOTAL")
    assert sky.header["BACKFILE"][0] == "NONE"
    ratio = sky.header["BACKSCAL"][0] / light.header["BACKSCAL"][0]
    assert ratio == pytest.approx(21 - 2**2 / 4**2, rel=2e-3)  # the other source's circle: two pixels at least
    for sky, light, curve in zip(*([product.tables[0] for product in found[k::3]] for k in range(3)), strict=True):
        assert (curve["COUNTS"].sum(), curve["BKGCOUNT"].sum()) == (light["COUNTS"].sum(), sky["COUNTS"].sum())
        assert (curve.header["HDUCLAS2"][0], curve.header["BACKAPP"][0]) == ("NET", True)
        share = light.header["BACKSCAL"][0] / sky.header["BACKSCAL"][0]
        assert curve.header["BACKSCAL"][0] == pytest.approx(share, rel=1e-9)
        live = curve["EXPOSURE"] > 0
        net = (curve["COUNTS"] - share * curve["BKGCOUNT"])[live] / curve["EXPOSURE"][live]
        np.testing.assert_allclose(curve["RATE"][live], net)


def test_without_sky_about_a_source_there_is_no_background():
    ids = {"spectrum": "ACIS_PHA", "background": "ACIS_BKG", "curve": "ACIS_LC"}
    found = list(spectra_and_curves([product([0], [0], [110], [5])], [sources((0, 0, 4), (1, 0, 30))], **ids, most=1))
    assert [p.file_id for p in found] == ["ACIS_PHA", "ACIS_LC"]
    assert found[0].tables[0].header["BACKFILE"][0] == "NONE"
    assert_without_background(found[1].table("RATE"))


def test_the_sky_about_a_source_at_the_edge_of_a_chip_is_as_bright_as_that_within():
    """A flat sky of 0.25 counts a pixel on chip 7, twice that on chip 6 beside it: only the own chip's counts."""
    random = np.random.default_rng(1)
    ids = {"spectrum": "ACIS_PHA", "background": "ACIS_BKG", "curve": "ACIS_LC"}
    chipx, chipy = random.uniform(0.5, 200.5, (2, 10_000))
    other_x, other_y = random.uniform(0.5, 200.5, (2, 20_000))
    x = np.concatenate([chipx, other_x - 210.0])  # a gap of ten pixels between them
    count = len(x)
    events = event_table({
        "X": x, "Y": np.concatenate([chipy, other_y]), "TIME": np.sort(random.uniform(100, 300, count)),
        "PI": np.full(count, 50, np.int32), "CCD_ID": np.repeat([7, 6], [10_000, 20_000]).astype(np.int16),
        "CHIPX": np.concatenate([chipx, other_x]), "CHIPY": np.concatenate([chipy, other_y]),
    }).with_header({"FIRSTROW": 1, "NROWS": 1024})  # fmt: skip
    good = {6: np.array([[100.0, 300.0]]), 7: np.array([[100.0, 200.0]])}
    made = Product("ACIS_EVT2", (events, *gti_tables(good)), 100.0, 300.0)
    for place in (100.0, 3.0):
        found = list(spectra_and_curves([made], [sources((place, 100.0, 4))], **ids))
        sky, light = found[0].tables[0], found[1].tables[0]
        density = sky["COUNTS"].sum() / (sky.header["BACKSCAL"][0] * 8192**2)
        assert density == pytest.approx(0.25, abs=0.03)  # 3 sigma of 310 counts
        assert sky.header["EXPOSURE"][0] == light.header["EXPOSURE"][0]
        curve = found[2].table("RATE")
        assert (curve["BKGCOUNT"].sum(), curve["COUNTS"].sum()) == (sky["COUNTS"].sum(), light["COUNTS"].sum())
        share = light.header["BACKSCAL"][0] / sky.header["BACKSCAL"][0]
        assert curve.header["BACKSCAL"][0] == pytest.approx(share, rel=1e-9)  # of what the chip saw, not of the ring
        assert [table.name for table in found[0].tables[1:2]] == [table.name for table in found[1].tables[1:2]]
    assert light.header["BACKSCAL"][0] * 8192**2 < np.pi * 16  # the source's circle lies over the edge as well
