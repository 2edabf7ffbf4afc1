"""Sources of the simulated sky, found in events as the detector gives them."""

from __future__ import annotations

import numpy as np
import pytest

from mta_assets.level2.regions import source_region
from mta_assets.level2.skygrid import sky_plane
from mta_assets.level2.sources import sources_of
from mta_assets.level2.spectra import spectrum
from mta_assets.simulate import sky
from mta_assets_tests.level2.simulated import dwell_of, evt2

OBSID = 28102  # 14 sources of many strengths on ACIS-I


@pytest.mark.parametrize("seconds", [60.0, 1500.0])
def test_all_sources_above_five_sigma_are_found_at_their_places_and_hardly_any_other(seconds):
    events, truth = evt2(OBSID, seconds)
    found = sources_of(events, "ACIS_SRC2").table("SRCLIST")
    kept = events.table("EVENTS")["row"]
    put_in = sky.sources(OBSID)
    counts = np.array([np.count_nonzero(truth["source_id"][kept] == s.source_id) for s in put_in])
    ra, dec = np.array([s.ra for s in put_in]), np.array([s.dec for s in put_in])
    dx = (found["RA"][:, None] - ra) * np.cos(np.radians(dec)) * 3600
    dy = (found["DEC"][:, None] - dec) * 3600
    away = np.hypot(dx, dy)
    nearest = away.argmin(axis=1)
    real = away[np.arange(len(found)), nearest] < np.maximum(1.5, 4 * 3600 * found["DEC_ERR"])
    for n in np.argsort(-counts):
        mine = np.flatnonzero(real & (nearest == n))
        text = "".join(
            f"{found['NET_COUNTS'][i]:7.1f} ± {found['NET_COUNTS_ERR'][i]:5.1f} {found['SIGNIFICANCE'][i]:5.1f} σ, "
            f"{away[i, n]:.2f} arcsec off (± {found['DEC_ERR'][i] * 3600:.2f}), θ {found['THETA'][i]:.1f}" for i in mine
        )  # fmt: skip
        print(f"{put_in[n].name}: {counts[n]} events: {text or 'not found'}")
    print(f"{(~real).sum()} false")
    assert (~real).sum() <= 1
    # a source of n events on a background of less than a few in its cell is above 5 sigma from 30 on
    assert set(np.flatnonzero(counts >= 30)) <= set(nearest[real])
    bright = found["NET_COUNTS"] > 100
    off = away[np.arange(len(found)), nearest]
    pull = off[real] / (found["DEC_ERR"][real] * 3600)
    assert np.sqrt(np.mean(pull**2) / 2) < 1.5
    if (real & bright).any():
        print(f"above 100 counts: greatest {off[real & bright].max():.3f} arcsec")
        near = real & bright & (found["DEC_ERR"] * 3600 < 0.1)
        assert (off[near] < 0.3).all()


def test_the_spectrum_of_a_source_has_the_energies_that_were_put_in():
    events, truth = evt2(OBSID, 1500.0)
    table = events.table("EVENTS")
    plane, dwell = sky_plane(table), dwell_of(OBSID)
    print(f"pointing {dwell.ra:.3f}, {dwell.dec:.3f}")
    for source in sky.sources(OBSID):
        mine = truth["source_id"][table["row"]] == source.source_id
        if mine.sum() < 1000:
            continue
        x, y = (float(a) for a in plane.pixel(source.ra, source.dec))
        radius = 8.0 + 3.0 * np.hypot(x - 4096.5, y - 4096.5) * 0.492 / 60
        counts = spectrum(events, source_region(x, y, radius), "ACIS_PHA").table("SPECTRUM")
        line = (counts["CHANNEL"] - 0.5) * 14.6
        soft = (line > 300) & (line < 7000)
        mean = np.average(line[soft], weights=counts["COUNTS"][soft])
        energy = truth["energy"][table["row"]][mine]
        expected = energy[(energy > 300) & (energy < 7000)].mean()
        print(f"{source.name}: {mine.sum()} events, mean {mean:.0f} eV, injected {expected:.0f} eV")
        assert mean == pytest.approx(expected, rel=0.05)
        assert counts["COUNTS"].sum() > 0.85 * mine.sum()
