"""ACIS level 1 against the archive's own values: event lists of 1999 to 2025, all SIM positions and chips that occur.

The lists are of level 2 and hold the telemetered pulse heights: level 0 is put together from them, and the columns that
come out are compared. Pulse heights in them are raw; FLTGRADE, PHA and ENERGY are after the archive's charge-transfer
and time-dependent gain corrections, whose files were not at hand.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from mta_assets.core.tables import Table
from mta_assets.instruments import acis as chips
from mta_assets.instruments import geometry, geometry_sky
from mta_assets.level1.acis import Level1
from mta_assets.level1.acis_columns import status_number
from mta_assets.level1.acis_gain import pi_of
from mta_assets.level1.acis_setup import Settings
from mta_assets.level1.acis_status import BadPixels, streaks
from mta_assets_tests.level1.calibration_files import acis_ready
from mta_assets_tests.realdata import PROJECT, realdata

LATEST = "acis/28229/repro/acisf28229_repro_evt2.fits.gz"
SHORT_PI = 3.141592654
KNOT = 60.0  # [s] between the knots of the spline


def _names() -> list[str]:
    folder = Path(os.environ.get("MTA_REALDATA", PROJECT.parent / "shared" / "realdata")) / "chandra"
    lists = [*folder.glob("evt2/*_evt2.fits.gz"), *folder.glob("hetg/*_evt2.fits.gz")]
    return [LATEST, *sorted(str(path.relative_to(folder)) for path in lists)]


LISTS = _names()


@lru_cache(maxsize=4)
def event_list(name: str) -> tuple[dict[str, np.ndarray], dict]:
    from astropy.io import fits

    with fits.open(realdata("chandra", *name.split("/"))) as file:
        data, header = file["EVENTS"].data, dict(file["EVENTS"].header)
        native = {n.lower(): np.array(data[n]).astype(data[n].dtype.newbyteorder("=")) for n in data.dtype.names}
    return native, header


def level_0(events: dict[str, np.ndarray]) -> Table:
    """What telemetry brought of these events."""
    count = len(events["time"])
    columns = {
        "TIME": events["time"], "EXPNO": events["expno"], "CCD_ID": events["ccd_id"],
        "CCDX": events["chipx"] - np.int16(1), "CCDY": events["chipy"] - np.int16(1),
        "STATUS": np.zeros(count, np.uint8),
    }  # fmt: skip
    if "phas" in events:
        return Table("EVENTS", columns | {"PHAS": events["phas"]})
    return Table("EVENTS", columns | {"PHA": events["pha"], "FLTGRADE": events["fltgrade"]})


@lru_cache(maxsize=8)
def processed(name: str) -> Table:
    """Level 1 of a list, without repositioning."""
    events, header = event_list(name)
    settings = Settings(header["SIM_X"], header["SIM_Z"], header["RA_NOM"], header["DEC_NOM"], pix_adj="NONE")
    return Level1(settings, acis_ready(transfer=False), None, None).block(level_0(events))


@pytest.mark.parametrize("name", LISTS)
def test_tiled_coordinates_and_nodes_are_exact(name):
    events, _ = event_list(name)
    ours = processed(name)
    for column in ("tdetx", "tdety", "node_id", "chipx", "chipy", "expno"):
        np.testing.assert_array_equal(ours[column], events[column])
    print(f"{name}: TDET of {len(ours)} events on chips {np.unique(events['ccd_id']).tolist()} exact")


@pytest.mark.parametrize("name", LISTS)
def test_det_is_within_half_a_pixel_of_every_event_and_the_mean_within_a_seventh(name):
    events, _ = event_list(name)
    off = np.stack([processed(name)[column] - events[column] for column in ("detx", "dety")], axis=-1)
    moved = repositioned(name)
    single = events["fltgrade"] == 0
    print(f"{name}: largest {np.abs(off).max():.3f}, mean {off.mean(axis=0).round(3)} ± {off.std(axis=0).round(3)}; "
          f"unsplit events largest {np.abs(off[single]).max(initial=0):.5f}; "
          f"repositioned {moved.mean(axis=0).round(3)} ± {moved.std(axis=0).round(3)}")  # fmt: skip
    assert np.abs(off).max() <= 0.5
    assert (np.abs(off.mean(axis=0)) <= 0.15).all()
    # an event that shares no charge is not shifted: there is the geometry alone, to the precision of the column
    assert np.abs(off[single]).max(initial=0) < 1e-3
    # what is left is the archive's repositioning: the table of our simulated chips takes most of it off, on every chip
    assert (moved.std(axis=0) < 0.5 * off.std(axis=0)).all()
    for ccd in np.unique(events["ccd_id"]).tolist():
        assert (np.abs(moved[events["ccd_id"] == ccd].mean(axis=0)) <= 0.15).all()


def test_unsplit_events_of_all_lists_lie_beside_the_geometry_by_what_a_short_pi_turns():
    """The archive's DET is 4 nm off: both axes, all chips, ACIS-I and ACIS-S alike, +1.72e-4 and -1.72e-4 pixels.

    As much as a turn by π written with ten digits, 3.141592654, is too far: 4.10e-10 rad. We have not seen the tool's
    code; that the size fits to 2 % in both axes, and that it is an angle the same everywhere, is what speaks for it.
    """
    expected = np.array([1.0, -1.0]) * (SHORT_PI - np.pi) / geometry.INSTRUMENTS["ACIS"].det_pixel
    parts = []
    for name in LISTS:
        events, header = event_list(name)
        whole = (events["fltgrade"] == 0) & np.isfinite(events["detx"])
        for ccd in np.unique(events["ccd_id"][whole]).tolist():
            rows = whole & (events["ccd_id"] == ccd)
            place = events["chipx"][rows], events["chipy"][rows]
            fc = geometry.chip_to_fc("ACIS", ccd, *place, header["SIM_X"], header["SIM_Z"])
            beside = np.stack([events["detx"][rows], events["dety"][rows]], 1) - np.stack(
                geometry.fc_to_det("ACIS", fc), 1
            )
            parts.append(np.column_stack([beside, np.full(len(beside), ccd)]))
    every = np.concatenate(parts)
    for ccd in (*np.unique(every[:, 2]).astype(int).tolist(), None):
        some = every[:, :2] if ccd is None else every[every[:, 2] == ccd, :2]
        mean, error = some.mean(axis=0), some.std(axis=0) / np.sqrt(len(some))
        print(f"{'all chips' if ccd is None else f'chip {ccd}'}: {len(some)} events, {mean * 1e4} ± {error * 1e4}, "
              f"expected {expected * 1e4} in 1e-4 pixels")  # fmt: skip
        assert (np.abs(mean - expected) < 4 * error).all()
    assert np.abs(mean - expected).max() < 0.02 * np.abs(expected).max()


def repositioned(name: str) -> np.ndarray:
    """DET less the archive's (n, 2), with our sub-pixel table for the archive's flight grades and energies."""
    events, header = event_list(name)
    ready = acis_ready(transfer=False).subpixel
    assert ready is not None
    chip = events["ccd_id"].astype(np.intp)
    dx, dy = ready(chip, events["fltgrade"].astype(np.uint8), events["energy"])
    maps = geometry_sky.det_maps("ACIS", header["SIM_X"], header["SIM_Z"])
    found = geometry_sky.chip_to_det("ACIS", maps, chip, events["chipx"] + dx, events["chipy"] + dy)
    return np.stack([found[0] - events["detx"], found[1] - events["dety"]], axis=-1)


@pytest.mark.parametrize("name", LISTS)
def test_grades_follow_from_flight_grades(name):
    events, _ = event_list(name)
    np.testing.assert_array_equal(chips.grade(events["fltgrade"]), events["grade"])
    print(f"{name}: GRADE of {len(events['grade'])} events exact")


@pytest.mark.parametrize("name", LISTS)
def test_read_out_pulse_heights_follow_from_the_islands(name):
    events, _ = event_list(name)
    if "phas" not in events:
        pytest.skip(f"{name} holds no islands")
    ours = processed(name)
    agree = np.mean(ours["pha_ro"] == events["pha_ro"])
    same = np.mean(ours["fltgrade"] == events["fltgrade"])
    print(f"{name}: PHA_RO {100 * agree:.2f} %; FLTGRADE {100 * same:.1f} % (the archive's: after its correction)")
    # the issue asks for 95 %: all of them, once the corner counts only in events of grade 6 (see acis_pulses)
    assert agree == 1.0


@pytest.mark.parametrize("name", LISTS)
def test_pi_is_exact(name):
    events, _ = event_list(name)
    np.testing.assert_array_equal(pi_of(events["energy"]), events["pi"])
    print(f"{name}: PI of {len(events['pi'])} events exact")


def spline(time: np.ndarray, values: np.ndarray, step: float) -> np.ndarray:
    """Least-squares cubic spline with evenly spaced knots through (n, k) values, at the same times.

    In stretches of a hundred knots each, which keeps the matrices small.
    """
    found = np.empty_like(values)
    place = (time - time.min()) / step
    for stretch in np.unique(place.astype(int) // 100).tolist():
        rows = np.flatnonzero(place.astype(int) // 100 == stretch)
        knot = place[rows].astype(int) - 100 * stretch
        f = (place[rows] % 1)[:, None]
        basis = np.concatenate([(1 - f) ** 3, 3 * f**3 - 6 * f**2 + 4, -3 * f**3 + 3 * f**2 + 3 * f + 1, f**3], axis=1)
        design = np.zeros((len(rows), 103))
        np.put_along_axis(design, knot[:, None] + np.arange(4), basis / 6, axis=1)
        found[rows] = design @ np.linalg.lstsq(design, values[rows], rcond=None)[0]
    return found


@pytest.mark.parametrize("name", LISTS)
def test_sky_less_det_turned_by_the_nominal_roll_is_a_smooth_dither(name):
    """What is left is real motion: events of one exposure agree, to 0.02 pixels of the motion in roll far off axis.

    In 20346 (24 April 2018) the telescope wobbles by ±0.4 pixels with a period of about 40 s, which knots of 60 s can
    not follow: 0.22 pixels in X and 0.10 in Y (0.17 over both). With knots of 15 s it follows.
    """
    events, header = event_list(name)
    nominal = header["RA_NOM"], header["DEC_NOM"]
    q = geometry.quaternion_from_angles(*nominal, header["ROLL_NOM"])
    maps = geometry_sky.sky_maps("ACIS", q[None], *nominal)
    still = geometry_sky.det_to_sky("ACIS", maps, np.zeros(len(events["x"]), int), events["detx"], events["dety"])
    order = np.argsort(events["time"], kind="stable")
    time = events["time"][order]
    dither = np.stack([events["x"] - still[0], events["y"] - still[1]], axis=-1)[order]
    left = dither - spline(time, dither, KNOT)
    faster = dither - spline(time, dither, KNOT / 4)
    together = np.diff(events["expno"][order]) == 0
    apart = np.abs(np.diff(dither, axis=0)[together])
    pairs = np.sqrt(np.mean(apart**2)) if len(apart) else 0.0
    print(f"{name}: dither {np.ptp(dither, axis=0).round(1)}, about a spline {left.std(axis=0).round(3)} (both "
          f"{np.sqrt(np.mean(left**2)):.3f}), knots of 15 s {np.sqrt(np.mean(faster**2)):.3f}; "
          f"{together.sum()} pairs of an exposure differ by {pairs:.4f}")  # fmt: skip
    assert np.sqrt(np.mean(left**2)) <= 0.2
    assert np.sqrt(np.mean(faster**2)) <= 0.1


BAD_PIXELS = [
    (LATEST, "acis/28229/repro/acisf28229_repro_bpix1.fits.gz"),
    ("hetg/14392_sgra_evt2.fits.gz", "hetg/acisf14392_repro_bpix1.fits.gz"),
]


@pytest.mark.parametrize(("name", "bad"), BAD_PIXELS)
def test_no_event_that_the_archive_kept_lies_on_a_bad_pixel(name, bad):
    from mta_assets.archive.products import read_fits

    tables = read_fits(realdata("chandra", *bad.split("/")), "ACIS_BPIX").tables
    events, header = event_list(name)
    settings = Settings(header["SIM_X"], header["SIM_Z"], header["RA_NOM"], header["DEC_NOM"], pix_adj="NONE")
    pixels = BadPixels([t for t in tables if t.name.startswith("BADPIX")], header["TSTART"], header["TSTOP"])
    ours = Level1(settings, acis_ready(transfer=False), None, pixels).block(level_0(events))
    flagged = status_number(ours["status"]) & 0x14030  # bad, beside a bad one, hot, afterglow
    rows = sum(len(t) for t in tables if t.name.startswith("BADPIX"))
    # the times of 14392 are those at the barycentre: regions that are bad for some seconds are off by minutes there
    print(f"{name}: {np.count_nonzero(flagged)} of {len(ours)} events on {rows} regions of the bad-pixel file")
    assert not flagged.any()
    # the file is not empty of meaning: its pixels would have had events
    everywhere = level_0({**events, "chipx": np.full(len(ours), 256, np.int16)})
    assert (
        status_number(Level1(settings, acis_ready(transfer=False), None, pixels).block(everywhere)["status"]) & 16
    ).all()


@pytest.mark.parametrize(
    ("parts", "most"),
    [(("evt2", "13839"), 0.06), (("hetg", "13838"), 0.012), (("hetg", "14392"), 0.005)],
)
def test_few_events_that_the_archive_kept_on_s4_are_streaks_here(parts, most):
    """See `acis_status.streaks`: the archive's number of events in a row is not public and larger than ours."""
    from astropy.io import fits

    with fits.open(realdata("chandra", parts[0], f"{parts[1]}_sgra_evt2.fits.gz")) as file:
        data = file["EVENTS"].data
        columns = {name: data[name].astype(int) for name in ("ccd_id", "node_id", "chipy", "expno", "chipx")}
    flagged = streaks(*(columns[name] for name in ("ccd_id", "node_id", "chipy", "expno"))) > 0
    s4 = columns["ccd_id"] == 8
    places, count = np.unique(columns["chipx"][flagged], return_counts=True)
    print(
        f"{parts[1]}: {flagged.sum()} of {s4.sum()} events on S4, most often in columns {places[count.argsort()[-5:]]}"
    )
    assert not flagged[~s4].any()
    assert 0 < flagged[s4].mean() < most
