"""HRC level 1: evt0 columns to all evt1 columns, one core, beside a plain astropy implementation and a copy."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Row, best, fresh, peak_memory
from mta_assets.archive.products import read_fits
from mta_assets.core.tables import Table
from mta_assets.instruments import geometry, hrc_plane
from mta_assets.level1 import hrc_calibration, hrc_events, hrc_regions, hrc_sky
from mta_assets.missions.load import load_mission

EVENTS = 1_000_000
RATE = 180.0  # [events/s] what the telemetry carries
REQUIRED = 5.0  # [M events/s] a core
POINTING = (83.6, 22.0, 271.0)  # [deg] ra, dec, roll
SIM = {"HRC-I": (-1.04, 126.98), "HRC-S": (-1.43, 250.1)}  # [mm] SIM_X, SIM_Z
SAMPLE = 0.25625  # [s] of the aspect solution
MORE = 10  # times as many events for the memory
SLACK = 1.1  # memory may grow by this

Array = NDArray[Any]


def level0(count: int, detector: str, first: int = 0) -> Table:
    """Events as they come down: random places and pulse heights, all in the range of the telemetry."""
    rng = np.random.default_rng(first)
    spectroscopic = detector == "HRC-S"
    columns: dict[str, Array] = {
        "TIME": (first + np.arange(count) + rng.random(count)) / RATE,
        "CRSV": rng.integers(7 if spectroscopic else 3, 183 if spectroscopic else 60, count).astype(np.uint8),
        "CRSU": rng.integers(3, 13 if spectroscopic else 60, count).astype(np.uint8),
        "AMP_SF": rng.integers(1, 4, count).astype(np.uint8),
        "PHA": rng.integers(5, 256, count).astype(np.uint8),
        "E_TRIG": np.ones((count, 2), bool),
        "VETOSTT": rng.random((count, 8)) < 0.02,
        "DET_ID": np.full((count, 1), spectroscopic),
    }
    columns["TIME"].sort()
    scale = 1 + (columns["PHA"] >= 50) + (columns["PHA"] >= 110).astype(int)
    total = columns["PHA"] * 74.0 / 2.0 ** (scale - 1)
    for axis in "VU":
        fine = rng.random(count) - 0.5
        middle = 1.07 - 0.2706 * np.sqrt(1 + (fine / 0.248) ** 2)
        for k, share in ((1, (1 - middle - fine) / 2), (2, middle), (3, (1 - middle + fine) / 2)):
            columns[f"A{axis}{k}"] = np.clip(np.rint(share * total), 0, 4095).astype(np.int16)
    return Table("EVENTS", columns)


def attitude(span: float) -> Table:
    """Dither of 20 arcsec for so many seconds."""
    times = np.arange(-1.0, span + 1.0, SAMPLE)
    ra, dec, roll = POINTING
    shift = 20 / 3600
    q = geometry.quaternion_from_angles(
        ra + shift * np.sin(2 * np.pi * times / 1087),
        dec + shift * np.sin(2 * np.pi * times / 768),
        np.full_like(times, roll),
    )
    drift = {"dy": 1e-7 * times, "dz": 2e-7 * times, "dtheta": 1e-8 * times}
    return Table("ASPSOL", {"time": times, "q_att": q, **drift})


def setup(detector: str, solution: Table) -> hrc_events.Setup:
    """Calibration of the mission, bad regions and aspect."""
    folder = load_mission("chandra").folder / "calibration"
    tap, bad = (read_fits(folder / f"hrcD1999-07-22{kind}N0001.fits", kind).tables for kind in ("tap", "badpix"))
    return hrc_events.Setup(
        hrc_plane.Plane(detector, *SIM[detector]),
        hrc_calibration.of_tables(tap, detector),
        *POINTING,
        hrc_sky.prepare(solution, *POINTING),
        hrc_regions.bad_regions(hrc_regions.bad_pixels_of(bad[0], detector), detector),
    )


def run(events: int = EVENTS, repeats: int = 5) -> list[Row]:
    """One row per detector, and the memory of ten times as many events."""
    rows = []
    for detector in ("HRC-I", "HRC-S"):
        table, solution = level0(events, detector), attitude(events / RATE)
        made = setup(detector, solution)

        def ours(table: Table = table, made: hrc_events.Setup = made) -> int:
            return sum(len(part) for part in hrc_events.stream([table], made))

        if ours() != events:
            raise RuntimeError(f"{detector}: {events} events went in, another number came out")
        seconds = best(ours, repeats)
        copy = best(lambda table=table: {name: column.copy() for name, column in table.columns.items()}, repeats)
        part = table.where(np.arange(min(events, 100_000)))
        plain = best(lambda part=part, solution=solution, detector=detector: astropy_sky(part, solution, detector), 2)
        speed, peer = events / seconds / 1e6, len(part) / plain / 1e6
        what = f"{detector} level 1: {events:,} events, all columns"
        rows.append(Row(what, speed, "M events/s", "plain NumPy and astropy, positions alone", peer, speed / peer,
                        f"> {REQUIRED:g} M/s", speed > REQUIRED))  # fmt: skip
        rows.append(
            Row(f"{what}, beside a copy", speed, "M events/s", "memcpy of the evt0 columns", None, seconds / copy)
        )
    few, many = (fresh("benchmarks.bench_hrc_level1", count)["peak"] / 2**20 for count in (events, MORE * events))
    rows.append(Row(f"HRC level 1: peak memory of {MORE * events:,} events", many, "MiB", f"of {events:,}", few,
                    many / few, f"< {SLACK:g} × that", many < SLACK * few))  # fmt: skip
    return rows


def astropy_sky(table: Table, solution: Table, detector: str) -> Array:
    """Positions of the same events the plain way: a sky offset frame for each event and a TAN WCS."""
    from astropy import units
    from astropy.coordinates import SkyCoord, SkyOffsetFrame
    from astropy.wcs import WCS

    frame = geometry.INSTRUMENTS[detector]
    raw = {}
    for axis, coarse in (("V", "CRSV"), ("U", "CRSU")):
        a1, a2, a3 = (table[f"A{axis}{k}"].astype(float) for k in (1, 2, 3))
        raw[axis] = 256 * (table[coarse] + 0.5 + (a3 - a1) / (a1 + a2 + a3))
    plane = hrc_plane.Plane(detector, *SIM[detector])
    chips = np.broadcast_to(plane.segments(raw["V"]), raw["V"].shape)
    y = plane.chip_y(raw["V"], plane.segments(raw["V"]))
    fc = np.zeros((len(table), 3))
    for chip in np.unique(chips):
        here = chips == chip
        fc[here] = geometry.chip_to_fc(detector, int(chip), raw["U"][here] + 1, y[here], *SIM[detector])
    detx, dety = geometry.fc_to_det(detector, fc)
    ra, dec, roll = (np.interp(table["TIME"], solution["time"], angle) for angle in
                     geometry.angles_from_quaternion(solution["q_att"]))  # fmt: skip
    east, north = -(detx - frame.centre) * frame.det_pixel, (dety - frame.centre) * frame.det_pixel
    length = np.sqrt(1 + east**2 + north**2)
    lon, lat = np.arctan2(east, 1), np.arcsin(north / length)
    origin = SkyCoord(ra * units.deg, dec * units.deg)
    offset = SkyOffsetFrame(origin=origin, rotation=-roll * units.deg)
    sky = SkyCoord(lon * units.rad, lat * units.rad, frame=offset).icrs
    wcs = WCS(naxis=2)
    step = np.degrees(frame.det_pixel)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.cdelt = ["RA---TAN", "DEC--TAN"], list(POINTING[:2]), [-step, step]
    wcs.wcs.crpix = [frame.centre, frame.centre]
    return np.array(wcs.world_to_pixel(sky)) + 1


def _blocks(events: int) -> Iterator[Table]:
    for first in range(0, events, hrc_events.BLOCK):
        yield level0(min(hrc_events.BLOCK, events - first), "HRC-I", first)


def main() -> None:
    """Peak memory of so many events that come and go in blocks; the aspect solution is that of an hour."""
    events = int(sys.argv[1])
    made = setup("HRC-I", attitude(3600.0))
    count = sum(len(part) for part in hrc_events.stream(_blocks(events), made))
    print(json.dumps({"peak": peak_memory(), "events": count}))


if __name__ == "__main__":
    main()
