"""ACIS level 1 on simulated observations, whose truth is known: energies, places, and the files of the calibration."""

from __future__ import annotations

import numpy as np
import pytest

from mta_assets.core.tables import concatenate
from mta_assets.instruments import geometry_sky
from mta_assets.instruments.acis import ROW_TIME
from mta_assets.level1.acis import process_events
from mta_assets.level1.acis_columns import HOT_PIXEL, VF_BACKGROUND, status_number
from mta_assets.level1.acis_hot import PixelWatch
from mta_assets.level1.acis_status import BadPixels
from mta_assets.simulate import sky
from mta_assets.simulate.acis_hits import known_hot_pixels
from mta_assets_tests.level1 import acis_calibration as files
from mta_assets_tests.level1.calibration_files import acis_ready, acis_tables
from mta_assets_tests.level1.simulated import dwell, observed, settings_of, true_aspect

SECONDS = 2500.0
PIXEL = 0.492  # [arcsec]
# an imaging observation with islands of 5x5 and ten sources, one with gratings, one graded on board, one clocked
OBSIDS = {28102: "VFAINT", 28101: "FAINT", 28105: "GRADED", 28104: "CC33_FAINT"}


@pytest.fixture(scope="module", params=list(OBSIDS))
def obsid(request):
    return request.param


@pytest.fixture(scope="module")
def run(obsid):
    d = dwell(obsid)
    blocks, truth = observed(obsid, SECONDS)
    pixels = BadPixels(acis_tables(files.BADPIX_FILE), d.tstart, d.tstop)
    made = process_events(blocks, settings_of(d), acis_ready(), true_aspect(d, SECONDS), pixels)
    return d, concatenate(made), truth


def test_no_event_is_lost_and_every_one_has_a_place_and_an_energy(run, obsid):
    d, events, truth = run
    assert d.datamode == OBSIDS[obsid]
    assert len(events) == len(truth["energy"]) > 3000
    for name in ("detx", "dety", "x", "y", "energy", "time"):
        assert np.isfinite(events[name]).all()
    assert (np.diff(events["time"]) >= 0).all() or d.datamode.startswith("CC")
    assert events["pi"].min() >= 1


def test_energies_are_those_of_the_photons_to_a_percent(run, obsid):
    _, events, truth = run
    photon = np.isfinite(truth["energy"]) & np.isin(events["grade"], (0, 2, 3, 4, 6))
    ratios = {}
    for low, high in ((500, 1000), (1000, 2000), (2000, 4000), (4000, 8000)):
        for name, chips in (("front", (0, 1, 2, 3, 4, 6, 8, 9)), ("back", (5, 7))):
            rows = photon & (truth["energy"] >= low) & (truth["energy"] < high) & np.isin(events["ccd_id"], chips)
            if rows.sum() >= 300:
                ratios[f"{name} {low}-{high} eV"] = np.mean(events["energy"][rows] / truth["energy"][rows])
    print(obsid, {name: round(float(ratio), 4) for name, ratio in ratios.items()})
    assert len(ratios) >= 3
    assert np.abs(np.array(list(ratios.values())) - 1).max() < 0.01


def test_sources_are_where_they_were_put_to_a_third_of_an_arcsecond(run, obsid):
    d, events, truth = run
    far = {}
    for source in sky.sources(obsid):
        rows = (truth["source_id"] == source.source_id) & (truth["tg_m"] == 0)
        if source.extent or rows.sum() < 100:
            continue
        place = geometry_sky.sky_pixel("ACIS", source.ra, source.dec, d.ra, d.dec)
        off = np.stack([events["x"][rows] - place[0], events["y"][rows] - place[1]])
        if d.datamode.startswith("CC"):  # along the columns everything is at the target
            assert np.median(np.hypot(*off)) < 3
        near = np.hypot(*off) < 12
        far[source.name] = float(np.hypot(*np.median(off[:, near], axis=1)) * PIXEL), int(near.sum())
    print(obsid, {name: f'{arcsec:.3f}" of {count}' for name, (arcsec, count) in far.items()})
    # far off axis the width of the image and the number of photons say less than that
    assert far or obsid == 28105
    assert all(arcsec < 0.3 for arcsec, _ in far.values())


@pytest.mark.parametrize("obsid", [28104], indirect=True)
def test_clocked_events_of_the_target_lie_in_a_line_through_it(run):
    d, events, truth = run
    place = geometry_sky.sky_pixel("ACIS", d.ra, d.dec, d.ra, d.dec)
    rows = (truth["source_id"] == 1) & (events["ccd_id"] == 7)
    off = np.stack([events["x"][rows] - place[0], events["y"][rows] - place[1]])
    spread = np.sqrt(np.linalg.eigvalsh(np.cov(off[:, np.hypot(*off) < 6])))
    print(f"standard deviations {spread.round(4)} pixels across and along the line")
    assert spread[0] < 0.01
    assert spread[1] > 0.4  # the width of the image is left along the columns only
    assert (events["time_ro"] > events["time"]).all()
    assert np.ptp(events["chipy_adj"][rows]) > 10  # the dither


@pytest.mark.parametrize("obsid", [28104], indirect=True)
def test_clocked_photons_have_the_time_at_which_they_came(run):
    """To a row time for each row by which a photon missed the target's: its image is a pixel wide, with wings."""
    _, events, truth = run
    rows = (truth["source_id"] == 1) & (truth["tg_m"] == 0)
    late = (events["time"] - truth["true_time"])[rows] / ROW_TIME
    half, most = np.percentile(np.abs(late), (50, 99))
    print(f"{rows.sum()} photons: median {np.median(late):+.3f} rows, half within {half:.2f}, most {most:.1f}")
    assert rows.sum() > 20_000
    assert abs(np.median(late)) < 0.05
    assert half < 1.0
    assert np.abs(late).max() < 150  # none by the rows of an exposure or of the frame store


@pytest.mark.parametrize("obsid", [28102], indirect=True)
def test_photons_seldom_have_charge_in_the_rim_of_their_islands(run):
    _, events, truth = run
    flagged = status_number(events["status"]) & VF_BACKGROUND != 0
    photons = np.isfinite(truth["energy"])
    print(f"{flagged[photons].mean():.4f} of photons")
    assert photons.sum() > 50_000
    assert flagged[photons].mean() < 0.02  # as many are lost in Vikhlinin 2001


@pytest.mark.parametrize("obsid", [28102, 28101], indirect=True)
def test_events_of_known_hot_pixels_are_flagged(run):
    _, events, truth = run
    bad = status_number(events["status"]) & 0x10 != 0
    hot = truth["source_id"] == -3
    assert hot.sum() > 100
    assert bad[hot].all()
    assert bad[~hot].mean() < 0.001


@pytest.mark.parametrize("obsid", [28102, 28101], indirect=True)
def test_hot_pixels_that_nobody_knows_of_are_found_in_the_events_and_nothing_else(run, obsid):
    d, _, truth = run
    watch = PixelWatch()
    for block in observed(obsid, SECONDS)[0]:
        watch.count(block)
    for block in observed(obsid, SECONDS)[0]:
        watch.look(block)
    found = {(ccd, x, y) for ccd in d.ccds for x, y, _ in watch.hot_pixels(ccd)}
    there = {(p.ccd_id, p.chipx, p.chipy) for p in known_hot_pixels() if p.ccd_id in d.ccds}
    print(f"{obsid}: hot pixels {sorted(found)}")
    assert found == there
    # they go into a bad-pixel file, and by it into STATUS
    pixels = BadPixels(watch.bad_pixels([], d.tstart, d.tstop, 3.2), d.tstart, d.tstop)
    again = concatenate(process_events(observed(obsid, SECONDS)[0], settings_of(d), acis_ready(), None, pixels))
    hot = status_number(again["status"]) & HOT_PIXEL != 0
    np.testing.assert_array_equal(hot, truth["source_id"] == -3)
    assert np.isnan(again["x"]).all()  # no aspect was given


@pytest.mark.parametrize("obsid", [28101], indirect=True)
def test_any_cut_into_blocks_gives_the_same_events(run, obsid):
    d, events, _ = run
    whole = concatenate(observed(obsid, SECONDS)[0])
    pixels = BadPixels(acis_tables(files.BADPIX_FILE), d.tstart, d.tstop)
    for cuts in ([], [5, 6, 7, 1000, len(whole) - 1]):
        parts = [whole.where(rows) for rows in np.split(np.arange(len(whole)), cuts)]
        again = concatenate(process_events(parts, settings_of(d), acis_ready(), true_aspect(d, SECONDS), pixels))
        for name, column in events.columns.items():
            np.testing.assert_array_equal(again[name], column, err_msg=name)


def test_the_calibration_files_are_those_of_the_simulated_chips():
    for name, expected in files.tables().items():
        found = acis_tables(name)
        assert [table.name for table in found] == [table.name for table in expected]
        for ours, theirs in zip(found, expected, strict=True):
            assert list(ours.columns) == list(theirs.columns)
            for column in theirs.columns:
                if theirs[column].dtype.kind == "U":
                    assert np.array_equal(ours[column], theirs[column])
                else:
                    np.testing.assert_allclose(ours[column], theirs[column], atol=2e-3, rtol=1e-4, err_msg=column)
