"""ACIS level 1: level-0 events to all columns of level 1, beside plain astropy and a copy of the same bytes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

import mta_assets
from benchmarks.measure import Row, best, fresh, peak_memory
from mta_assets.archive.products import read_fits
from mta_assets.core.tables import Table
from mta_assets.instruments import acis, geometry, geometry_sky
from mta_assets.level1.acis import process_events
from mta_assets.level1.acis_setup import Calibration, Settings, calibration
from mta_assets.level1.acis_status import BadPixels
from mta_assets.simulate import acis_islands

FOLDER = Path(mta_assets.__file__).parent / "missions" / "chandra" / "calibration"
EVENTS, PLAIN = 2_000_000, 200_000  # events; so many are enough for the plain way
BLOCK = 500_000
EXPOSURE = 3.24104  # [s]
PER_EXPOSURE = 300
POINTING = (10.0, 20.0, 30.0)
SETTINGS = Settings(-0.68, -190.14, POINTING[0], POINTING[1], POINTING[2], 0.0, 1e9, 3.2)
REQUIRED = 5.0  # [M events/s]
KINDS = {"S3 FAINT": ((7,), 3), "I3 FAINT": ((3,), 3), "I0-3, S2 VFAINT": ((0, 1, 2, 3, 6), 5)}


def level_0(count: int, ccds: tuple[int, ...], size: int, first: int = 0) -> Table:
    """Events of photons of 0.3 to 8 keV all over some chips; the islands repeat after 100 000."""
    some = _islands(ccds, size)
    row = np.arange(first, first + count)
    exposure = row // PER_EXPOSURE
    columns = {name: column[row % len(column)] for name, column in some.items()}
    return Table("EVENTS", columns | {
        "TIME": exposure * EXPOSURE, "EXPNO": (exposure + 2).astype(np.int32), "STATUS": np.zeros(count, np.uint8),
    })  # fmt: skip


@lru_cache
def _islands(ccds: tuple[int, ...], size: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    count = 100_000
    ccd = rng.choice(np.array(ccds, np.int16), count)
    x, y = rng.uniform(1.5, 1023.5, (2, count))
    phas = acis_islands.x_ray_islands(ccd, x, y, rng.uniform(300, 8000, count), size, rng)
    place = {name: (np.rint(v) - 1).astype(np.int16) for name, v in (("CCDX", x), ("CCDY", y))}
    return {"CCD_ID": ccd, **place, "PHAS": phas}


def blocks(count: int, ccds: tuple[int, ...], size: int) -> Iterator[Table]:
    """The same as a stream: no more than a block is there at a time."""
    for start in range(0, count, BLOCK):
        yield level_0(min(BLOCK, count - start), ccds, size, start)


def ready() -> tuple[Calibration, BadPixels]:
    """Calibration and bad pixels of the simulated mission."""

    def tables(name: str) -> tuple[Table, ...]:
        return read_fits(FOLDER / name, "ACIS_CALDB").tables

    density, volume = tables("acisD2000-01-29ctiN0001.fits")
    return calibration(
        tables("acisD2000-01-29gain_ctiN0001.fits")[0], 0.0, tables("acisD2000-01-29t_gainN0001.fits")[0],
        density, volume, tables("acisD1999-07-22subpixN0001.fits")[0],
    ), BadPixels(tables("acisD2000-01-29badpixN0001.fits"), 0.0, 1e9)  # fmt: skip


def aspect(count: int) -> geometry_sky.Aspect:
    """A dither at four samples a second over all of the events."""
    time = np.arange(-10.0, count / PER_EXPOSURE * EXPOSURE + 10, 0.25625)
    ra = POINTING[0] + 8 / 3600 * np.sin(2 * np.pi * time / 1000)
    dec = POINTING[1] + 8 / 3600 * np.sin(2 * np.pi * time / 707)
    columns = {"time": time, "ra": ra, "dec": dec, "roll": np.full(len(time), POINTING[2])}
    return geometry_sky.aspect_of(Table("ASPSOL", columns))


def plain(table: Table, solution: geometry_sky.Aspect) -> np.ndarray:
    """The same the plain way: astropy coordinates and a WCS, np.interp, one expression per column.

    Without charge transfer, drift, STATUS and sub-pixel positions: less than what ours does.
    """
    from astropy import units as u
    from astropy.coordinates import SkyCoord, SkyOffsetFrame
    from astropy.wcs import WCS

    phas = table["PHAS"]
    pha = acis.pha(phas)
    energy = pha * acis.gains()[table["CCD_ID"], acis.node_id(table["CCDX"] + 1)]
    grade = acis.grade(acis.fltgrade(phas))
    detx, dety = np.empty(len(table)), np.empty(len(table))
    for ccd in np.unique(table["CCD_ID"]).tolist():
        rows = table["CCD_ID"] == ccd
        x, y = table["CCDX"][rows] + 1, table["CCDY"][rows] + 1
        fc = geometry.chip_to_fc("ACIS", ccd, x, y, SETTINGS.sim_x, SETTINGS.sim_z)
        detx[rows], dety[rows] = geometry.fc_to_det("ACIS", fc)
    ra, dec, roll = geometry.angles_from_quaternion(solution.q)
    at = [np.interp(table["TIME"] + SETTINGS.exptime / 2, solution.time, angle) for angle in (ra, dec, roll)]
    # DET is a plane tangent at the optical axis, turned by the roll
    east, north = (-(detx - 4096.5) * 0.492 / 3600, (dety - 4096.5) * 0.492 / 3600)
    turn = np.radians(at[2])
    lon, lat = east * np.cos(turn) - north * np.sin(turn), north * np.cos(turn) + east * np.sin(turn)
    frame = SkyOffsetFrame(origin=SkyCoord(at[0] * u.deg, at[1] * u.deg))
    place = SkyCoord(np.degrees(np.arctan(np.radians(lon))) * u.deg, lat * u.deg, frame=frame).icrs
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crpix, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [4096.5, 4096.5], list(POINTING[:2])
    wcs.wcs.cdelt = [-0.492 / 3600, 0.492 / 3600]
    sky = wcs.wcs_world2pix(place.ra.deg, place.dec.deg, 1)
    return np.column_stack([*sky, pha, energy, (energy / 14.6).astype(int) + 1, grade, detx, dety])


def memory(count: int, longest: int) -> int:
    """Peak memory [byte] of a stream of so many events, with an aspect solution that is long enough for more."""
    tools, pixels = ready()
    made = sum(len(t) for t in process_events(blocks(count, (7,), 3), SETTINGS, tools, aspect(longest), pixels))
    if made != count:
        raise RuntimeError(f"{count} events went in, {made} came out")
    return peak_memory()


def run(events: int = EVENTS, plain_events: int = PLAIN, repeats: int = 5) -> list[Row]:
    """One row per kind of chip and island, one of the plain way, one of the memory."""
    tools, pixels = ready()
    solution = aspect(events)
    rows = []
    for name, (ccds, size) in KINDS.items():
        parts = list(blocks(events, ccds, size))

        def ours(parts: list[Table] = parts) -> int:
            return sum(len(made) for made in process_events(parts, SETTINGS, tools, solution, pixels))

        made = list(process_events(parts, SETTINGS, tools, solution, pixels))
        arrays = [column for table in made for column in table.columns.values()]
        seconds, copy = best(ours, repeats), best(lambda: [a.copy() for a in arrays], repeats)  # noqa: B023
        rate = events / seconds / 1e6
        what = f"ACIS level 1, {name}: all columns of {events:,} events"
        rows.append(Row(what, rate, "M events/s", "memcpy of the columns", None, seconds / copy,
                        f"≥ {REQUIRED:g} M events/s", rate >= REQUIRED))  # fmt: skip
    table = level_0(plain_events, *KINDS["S3 FAINT"])
    astropy = plain_events / best(lambda: plain(table, solution), min(repeats, 2)) / 1e6
    rate = rows[0].value
    rows.append(Row("ACIS level 1, S3 FAINT", rate, "M events/s", "plain astropy and WCS", astropy, rate / astropy))
    # after some blocks the allocator has what it needs; from then on nothing may grow
    little, much = (fresh("benchmarks.bench_acis_level1", count, 4 * events) for count in (events, 4 * events))
    grown = (much - little) / (1 << 20)
    what = f"memory of {4 * events:,} events over that of {events:,}"
    rows.append(Row(what, grown, "MiB", f"{much / (1 << 20):.0f} MiB in all", None, None, "< 16 MiB", grown < 16))
    return rows


if __name__ == "__main__":
    print(json.dumps(memory(*map(int, sys.argv[1:]))))
