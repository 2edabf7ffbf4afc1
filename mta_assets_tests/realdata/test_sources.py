"""Level 2 and level 3 on the event lists of one field from 1999 to 2025: live times, filter, sources, catalogue.

What the files are: 36 lists hold nothing but a circle of 2.5 pixels about Sgr A*, three HETG lists the zero order
and the arms, 28229 the whole of a subarray of 128 rows. There is no level-1 list of any of them, so the filter can
only be shown to keep all that the archive kept. Times are barycentre-corrected in all but 28229 and M82, good times
too.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.products import read_fits
from mta_assets.core import intervals
from mta_assets.core.gti import gtis_of
from mta_assets.core.headers import keyword
from mta_assets.core.tables import Product, Table
from mta_assets.instruments.livetime import live_keywords, main_ccd
from mta_assets.level2 import measure, psf
from mta_assets.level2.columns import column
from mta_assets.level2.events import ACIS, selected
from mta_assets.level2.live import held
from mta_assets.level2.skygrid import sky_plane
from mta_assets.level2.sources import field_of, source_list, sources_of
from mta_assets.level3.astrometry import tangent
from mta_assets.level3.catalogue import catalogue
from mta_assets.level3.identify import POINTING, Observation
from mta_assets_tests.realdata import realdata

SGR_A = (266.4168371, -29.0078106)  # [deg] radio source, 17:45:40.0409 -29:00:28.118 (Reid & Brunthaler 2004)
# [deg] CXOGC J174539.7-290020, the cometary nebula (Morris et al. 2003): the middle of what its cut name allows
NEBULA = (266.41562, -29.0057)
M82_X1 = (148.9592, 69.67964)  # [deg] 09:55:50.2 +69:40:46.7, radial error 0.7 arcsec (Kaaret et al. 2001, HRC)
WHOLE = ("acis", "28229", "repro", "acisf28229_repro_evt2.fits.gz")
GRATINGS = (
    ("hetg", "13838_sgra_evt2.fits.gz"),
    ("hetg", "14392_sgra_evt2.fits.gz"),
    ("evt2", "13839_sgra_evt2.fits.gz"),
)
# [count/s/pixel] background beside Sgr A*: of 28229 (the circles hold none to measure it in)
DIFFUSE = 6e-5


def product(*parts: str) -> Product:
    return read_fits(realdata("chandra", *parts), "ACIS_EVT2", verify=False)  # m82's checksum is not that of its bytes


def circles() -> list[Path]:
    folder = realdata("chandra", "evt2")
    return sorted(path for path in folder.glob("*_sgra_evt2.fits.gz") if not path.name.startswith("13839"))


def observation_files() -> list[tuple[str, ...]]:
    return [*(("evt2", path.name) for path in circles()), *GRATINGS, WHOLE]


def test_live_times_from_good_times_are_those_of_the_headers() -> None:
    worst = 0.0
    for parts in observation_files():
        made = product(*parts)
        header = made.table("EVENTS").header
        gtis = gtis_of(made.tables)
        live = live_keywords(gtis, header)
        assert main_ccd(gtis, header) is not None
        assert held(made) == (made, [])
        for name in live:
            found, stated = keyword(live, name), keyword(header, name)
            assert stated is not None, (parts[-1], name)
            worst = max(worst, abs(found / stated - 1))
    print(f"{len(observation_files())} files: ONTIME, LIVETIME, EXPOSURE, DTCOR of all chips within {worst:.1e}")
    assert worst < 1e-6


def test_the_filter_keeps_what_the_archive_kept() -> None:
    number = 0
    for parts in observation_files():
        made = product(*parts)
        events = made.table("EVENTS")
        keep = selected(events, ACIS, gtis_of(made.tables))
        assert keep.all(), f"{parts[-1]}: {(~keep).sum()} of {len(keep)} events dropped"
        number += len(keep)
    print(f"{number} events, none dropped")
    assert number > 80_000


def test_events_outside_of_the_good_times_would_be_dropped() -> None:
    made = product(*WHOLE)
    events = made.table("EVENTS")
    gtis = {ccd: good + np.array([[3600.0, 0.0]]) for ccd, good in gtis_of(made.tables).items()}
    dropped = ~selected(events, ACIS, gtis)
    late = events["time"] < min(good[0, 0] for good in gtis.values())
    assert np.array_equal(dropped, late)
    assert dropped.sum() > 1000
    assert intervals.total(gtis[7]) == pytest.approx(keyword(events.header, "ONTIME") - 3600)


def zero_order(made: Product) -> Observation:
    """Sources of the circle that a grating list holds about the zero order."""
    events, region = made.table("EVENTS"), made.table("REGION")
    cx, cy, radius = (float(a) for a in (region["X"][0], region["Y"][0], region["R"][0, 0]))
    inside = np.hypot(events["x"] - cx, events["y"] - cy) <= radius
    part = events.where(inside)
    field = field_of(part)
    rows, columns = field.grid.shape
    x, y = field.grid.sky(np.arange(columns)[None, :], np.arange(rows)[:, None])
    field = replace(field, exposure=(np.hypot(x - cx, y - cy) <= radius - 1).astype(float), chips={})
    return observation(made, source_list(part, field, float(keyword(events.header, "EXPOSURE"))))


def observation(made: Product, sources: Table) -> Observation:
    header = made.table("EVENTS").header
    return Observation(str(keyword(header, "OBS_ID")).strip(), made.tstart, sources)


def only_sgr_a(made: Product) -> Observation:
    """The one source of a list that is no more than a circle about it: its place is measured, nothing is searched."""
    events = made.table("EVENTS")
    header = events.header
    plane = sky_plane(events)
    exposure = float(keyword(header, "EXPOSURE"))
    x, y = column(events, "X").astype(float), column(events, "Y").astype(float)
    axis = plane.pixel(float(keyword(header, "RA_PNT")), float(keyword(header, "DEC_PNT")))
    start = np.array([np.median(x)]), np.array([np.median(y)])
    theta = np.hypot(start[0] - axis[0], start[1] - axis[1]) * plane.scale * 60
    noise = np.array([DIFFUSE * exposure])
    reach = np.array([2.5])
    points = measure.Points.single(x, y)
    pairs = measure.pairs_of(points, *start, np.array([6.0]))
    at = measure.places(points, pairs, start, psf.scale(theta) / plane.arcsec, noise, reach)
    ra, dec = plane.world(at.x, at.y)
    rate = (len(x) - noise * np.pi * 2.5**2) / exposure
    table = Table("SRCLIST", {
        "RA": ra, "DEC": dec, "RA_ERR": at.error * plane.scale / np.cos(np.radians(dec)),
        "DEC_ERR": at.error * plane.scale, "NET_RATE": rate, "NET_RATE_ERR": np.sqrt([len(x)]) / exposure,
        "SIGNIFICANCE": np.sqrt([len(x)]), "COMPONENT": np.ones(1, int),
    })  # fmt: skip
    return observation(made, table)


def off(observation: Observation, place: tuple[float, float]) -> tuple[int, float, float, float]:
    """Nearest source to a place: its row, how far it lies off east and north, and its error [arcsec]."""
    x, y = tangent(observation.sources["RA"], observation.sources["DEC"], place)
    i = int(np.hypot(x, y).argmin())
    return i, float(x[i]), float(y[i]), float(observation.sources["DEC_ERR"][i] * 3600)


def test_sgr_a_is_where_the_radio_source_is_in_every_observation() -> None:
    found = [only_sgr_a(product("evt2", path.name)) for path in circles()]
    found += [zero_order(product(*parts)) for parts in GRATINGS]
    whole = product(*WHOLE)
    found.append(observation(whole, sources_of(whole, "ACIS_SRC2").table("SRCLIST")))
    pulls = []
    for one in sorted(found, key=lambda o: o.time):
        i, east, north, error = off(one, SGR_A)
        total = np.hypot(error, POINTING)
        pulls += [east / total, north / total]
        rate = 1000 * one.sources["NET_RATE"][i]
        place = f"{east:+.2f} east, {north:+.2f} north, ± {error:.2f} (with the pointing {total:.2f})"
        print(f"{one.obs_id:>6}: {place}, {rate:.1f} counts/ks")
    pull = np.array(pulls)
    rms = np.sqrt(np.mean(pull**2))
    print(f"{len(found)} observations: rms {rms:.2f} σ, mean {pull.mean():+.2f}, greatest {np.abs(pull).max():.1f}")
    assert len(found) == 39
    assert np.abs(pull).max() < 3.5
    assert rms < 1.2


def test_the_catalogue_of_the_field_has_one_sgr_a_with_all_its_observations() -> None:
    made = [only_sgr_a(product("evt2", path.name)) for path in circles()]
    made += [zero_order(product(*parts)) for parts in GRATINGS]
    whole = product(*WHOLE)
    made.append(observation(whole, sources_of(whole, "ACIS_SRC2").table("SRCLIST")))
    sources, detections, offsets = catalogue(made)
    for i in np.flatnonzero(offsets["MATCHES"] > 0):
        row = {name: column[i] for name, column in offsets.columns.items()}
        east = f"{row['EAST']:+.2f} ± {row['EAST_ERR']:.2f} east"
        north = f"{row['NORTH']:+.2f} ± {row['NORTH_ERR']:.2f} north"
        print(f"{row['OBS_ID']}: {east}, {north} from {row['MATCHES']} sources")
    x, y = tangent(sources["RA"], sources["DEC"], SGR_A)
    near = np.argsort(np.hypot(x, y))
    for i in near[:12]:
        row = {name: column[i] for name, column in sources.columns.items()}
        place = (
            f"{x[i]:+6.2f} {y[i]:+6.2f} ± {row['POS_ERR']:.2f}, {row['NDET']} detections, chi² {row['POS_CHI2']:.0f}"
        )
        print(f"{row['NAME']}: {place}, {row['RATE'] * 1000:.2f} counts/ks, P(constant) {row['VAR_PROB']:.1g}")
    best = near[0]
    assert sources["NDET"][best] == 39
    assert np.hypot(x[best], y[best]) < 3 * sources["POS_ERR"][best]
    assert sources["POS_CHI2"][best] < 2 * 39 * 1.3
    assert sources["VARIABLE"][best]  # Sgr A* flares
    mine = detections["SOURCE_ID"] == sources["SOURCE_ID"][best]
    assert mine.sum() == 39
    nebula = np.hypot(*tangent(sources["RA"], sources["DEC"], NEBULA)).argmin()
    print(f"nebula: {sources['NAME'][nebula]}, {sources['NDET'][nebula]} detections")
    assert np.hypot(*tangent(sources["RA"], sources["DEC"], NEBULA))[nebula] < 1.5  # it is 4 arcsec long
    assert sources["NDET"][nebula] >= 3


def test_the_readout_streak_of_a_source_outside_of_the_subarray_makes_no_sources() -> None:
    whole = product(*WHOLE)
    events = whole.table("EVENTS")
    table = sources_of(whole, "ACIS_SRC2").table("SRCLIST")
    blind = source_list(events, replace(field_of(events), chips={}), 1.0)
    # the streak of AX J1745.6-2901 runs along right ascension at declination -29.0267
    on = [np.count_nonzero(np.abs(t["DEC"] + 29.0267) < 0.0004) for t in (blind, table)]
    print(f"{len(table)} sources; on the streak {on[0]} if it is not known, {on[1]} if it is")
    assert on[0] > 10
    assert on[1] == 0


def test_the_brightest_source_of_m82_is_at_its_published_place() -> None:
    made = product("evt2", "m82_evt2.fits")
    table = sources_of(made, "ACIS_SRC2").table("SRCLIST")
    i, east, north, error = off(observation(made, table), M82_X1)
    print(f"M82 X-1: {east:+.2f} east, {north:+.2f} north, ± {error:.2f} arcsec, {table['NET_COUNTS'][i]:.0f} counts")
    assert i == 0
    assert np.hypot(east, north) < 2 * np.hypot(0.7, POINTING)


def test_the_good_times_of_m82_are_not_those_of_its_header() -> None:
    # that file was cut to a twentieth of its time without its keywords being changed: ours are from the good times
    made = product("evt2", "m82_evt2.fits")
    header = made.table("EVENTS").header
    live = live_keywords(gtis_of(made.tables), header)
    assert keyword(live, "ONTIME") == pytest.approx(0.0469 * keyword(header, "ONTIME"), rel=0.01)
    assert keyword(live, "DTCOR") == pytest.approx(keyword(header, "DTCOR"), rel=1e-12)
    held_, (finding,) = held(made)
    assert keyword(held_.table("EVENTS").header, "EXPOSURE") == pytest.approx(keyword(live, "EXPOSURE"))
    assert "EXPOSURE" in str(finding["detail"][0])
    assert held(held_) == (held_, [])
