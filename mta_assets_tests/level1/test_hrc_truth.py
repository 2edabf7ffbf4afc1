"""HRC level 1 of the simulator against its truth: where events hit, where they came from, how many."""

from __future__ import annotations

import numpy as np
import pytest

from mta_assets.core.tables import concatenate
from mta_assets.instruments import geometry, hrc_status
from mta_assets.level1 import hrc_dead_time, hrc_events
from mta_assets_tests.level1.hrc_simulated import DETECTORS, dwell_of, level0, setup, truth


def made(detector):
    found = truth(detector)
    return found, concatenate(hrc_events.stream([level0(found, detector)], setup(detector)))


@pytest.mark.parametrize("detector", DETECTORS)
def test_events_lie_where_they_hit(detector):
    found, events = made(detector)
    for name in ("rawx", "rawy"):
        wrong = events[name] - found[name]
        strong = found["pha"] > 30  # the taps of weak events are a few counts high
        print(f"{detector} {name}: {wrong[strong].mean():+.3f} ± {wrong[strong].std():.3f} px, "
              f"largest {np.abs(wrong).max():.2f}")  # fmt: skip
        assert abs(wrong.mean()) < 0.05
        assert np.abs(wrong).max() < 2
        assert wrong[strong].std() < 0.35  # whole pixels: 0.29


@pytest.mark.parametrize("detector", DETECTORS)
def test_sources_lie_where_they_are(detector):
    """Without blur and rounding they would be exact: what is left is the error of a mean, at most 4 sigma.

    A pixel is 0.13 arcsec: CHIPX = u + 1, as in the list of 2886 (realdata/test_hrc_events.py), on both sides.
    """
    found, events = made(detector)
    dwell, frame = dwell_of(detector), geometry.INSTRUMENTS[detector]
    body = geometry.sky_to_body(found["true_ra"], found["true_dec"],
                                geometry.quaternion_from_angles(dwell.ra, dwell.dec, 0.0))  # fmt: skip
    east = frame.centre - body[:, 1] / body[:, 0] / frame.det_pixel
    north = frame.centre + body[:, 2] / body[:, 0] / frame.det_pixel
    pixel = frame.det_pixel / geometry.ARCSEC
    for source in np.unique(found["source_id"])[1:]:
        mine = (found["source_id"] == source) & (found["tg_m"] == 0)
        if mine.sum() < 200:
            continue
        apart = np.stack([events["x"][mine] - east[mine], events["y"][mine] - north[mine]]) * pixel
        off, spread = apart.mean(axis=1), float(apart.std())
        sigma = spread / np.sqrt(mine.sum())
        print(f"{detector} source {source}: {mine.sum()} events, {off[0]:+.4f}, {off[1]:+.4f} arcsec, ± {spread:.2f}; "
              f"{np.hypot(*off) / sigma:.1f} sigma of {sigma:.4f}")  # fmt: skip
        assert np.abs(off).max() < 4 * sigma
        assert source > 1 or spread < 1.0  # the others lie off axis


@pytest.mark.parametrize("detector", DETECTORS)
def test_every_event_comes_out_once_with_its_pulse_height_and_flags(detector):
    found, events = made(detector)
    assert len(events) == len(found["time"])
    np.testing.assert_array_equal(events["pha"], found["pha"])
    np.testing.assert_array_equal(events["amp_sf"], found["amp_sf"])
    np.testing.assert_array_equal(np.packbits(events["status"][:, 8:16], axis=1)[:, 0], found["vetostt"])
    scaled = events["sumamps"] * 2.0 ** (events["amp_sf"] - 1)
    np.testing.assert_array_equal(events["pi"], np.minimum(np.floor(scaled / 148.0), 1023))
    between = events["status"][:, [hrc_status.BAD_CENTRE_V - 1, hrc_status.BAD_CENTRE_U - 1]].any(axis=1)
    good = (hrc_status.as_number(events["status"]) & hrc_status.filter_mask(hrc_status.GOOD[detector])) == 0
    light = found["source_id"] > 0
    lost = found["vetostt"] & 0x08 != 0  # the shield fired: the filter drops these
    # less than 4 raw pixels from half way between two taps the simulator makes the outer one the larger: a bad centre
    halfway = np.any([np.abs(found[name] % 256 - 128) > 124 for name in ("rawx", "rawy")], axis=0)
    print(f"{detector}: {good[light].mean():.4f} of the photons are kept, {between[light].mean():.4f} lie between")
    assert good[light & ~lost & ~between].all()
    assert halfway[between & light & (found["pha"] > 30)].all()


@pytest.mark.parametrize("detector", DETECTORS)
def test_positions_pass_the_hyperbola_and_no_position_is_nan(detector):
    found, events = made(detector)
    for bit in (hrc_status.HYPERBOLA_V, hrc_status.HYPERBOLA_U):
        assert events["status"][found["pha"] > 20, bit - 1].mean() < 0.01
    assert np.isfinite(events["x"]).all()
    assert np.isfinite(events["y"]).all()


@pytest.mark.parametrize("detector", DETECTORS)
def test_counts_and_dead_time_give_the_rate(detector):
    found, _ = made(detector)
    start = found["time"][0]
    rows = start + hrc_dead_time.ROW * np.arange(600)
    processed = hrc_dead_time.processed_counts(found["time"], rows)
    dtf = hrc_dead_time.dead_time(rows, 2 * processed, processed, processed)
    gti = np.array([[rows[0], rows[-1] + hrc_dead_time.ROW]])
    live = hrc_dead_time.live_time(gti, hrc_dead_time.statistics(dtf, gti))
    rate = processed.sum() / live["ONTIME"][0]
    inside = (found["time"] >= gti[0, 0]) & (found["time"] < gti[0, 1])
    assert processed.sum() == inside.sum()
    # 19.5 µs for each of two triggers and 49 µs for the one that is processed
    dead = rate * hrc_dead_time.ROW / hrc_dead_time.STEP * (2 * 19.5e-6 + 49e-6)
    assert live["DTCOR"][0] == pytest.approx(1 - dead, abs=2e-4)
    print(f"{detector}: {rate:.2f} events/s, DTCOR {live['DTCOR'][0]:.5f}")
    assert live["LIVETIME"][0] == live["EXPOSURE"][0] == live["ONTIME"][0] * live["DTCOR"][0]
