"""Grating coordinates of ACIS events with the HETG, beside a plain astropy implementation and a copy of the same bytes.

``python -m benchmarks.bench_gratings N`` resolves N blocks of events and prints its greatest memory: it is the child
process that tells whether memory grows with the number of events.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Row, best, fresh, peak_memory
from mta_assets.core.tables import Table
from mta_assets.instruments import geometry
from mta_assets.instruments.gratings import HC, arms, sky_angle
from mta_assets.level15.gratings import resolve, resolve_events
from mta_assets.level15.regions import SourceRegion, source_region
from mta_assets.level15.setup import Setup, setup

REQUIRED = 10.0  # [M events/s]
BLOCK_EVENTS = 250_000
BLOCKS = 8
FEW, MANY = 8, 80  # blocks whose memory is compared
SLACK = 1.2  # the allocator's: a tenth or so, of any number of blocks
ROLL, PIXEL, CENTRE = 30.0, 0.492 / 3600, 4096.5  # [deg], [deg], [pixel]
SIM_X, SIM_Z = geometry.AIM_POINTS["ACIS-S"]
HEADER = {
    "INSTRUME": "ACIS", "DETNAM": "ACIS-456789", "GRATING": "HETG", "SIM_X": SIM_X, "SIM_Z": SIM_Z, "ROLL_PNT": ROLL,
}  # fmt: skip
REPEATS = 15
SHARES = {"zero": 0.15, "arms": 0.50}  # of a bright source; the rest is background over the chips


def block(seed: int, count: int = BLOCK_EVENTS) -> Table:
    """Events of a bright source and background with a dither of 8 arcsec, columns as in evt1."""
    rng = np.random.default_rng(seed)
    kind = rng.random(count)
    along, across = rng.uniform(-3500, 3500, count), rng.standard_normal(count) * 3
    angle = np.radians(np.where(rng.random(count) < 0.5, *(sky_angle(ROLL, arm.angle) for arm in arms("HETG", "ACIS"))))
    zero = kind < SHARES["zero"]
    along[zero] = rng.standard_normal(np.count_nonzero(zero)) * 3
    right, up = along * np.cos(angle) - across * np.sin(angle), along * np.sin(angle) + across * np.cos(angle)
    roll = np.radians(ROLL)
    detx = CENTRE + right * np.cos(roll) - up * np.sin(roll) + 16 * np.sin(np.arange(count) * 1e-3)
    dety = CENTRE + right * np.sin(roll) + up * np.cos(roll) + 16 * np.cos(np.arange(count) * 1.3e-3)
    far = kind > SHARES["zero"] + SHARES["arms"]
    detx[far], dety[far] = rng.uniform(1200, 7000, far.sum()), rng.uniform(3600, 4600, far.sum())
    angles = (detx - CENTRE) * np.radians(PIXEL), (CENTRE - dety) * np.radians(PIXEL)
    body = np.stack([np.ones(count), -angles[0], -angles[1]], axis=-1)
    chip, chipx, chipy = geometry.body_to_chip("ACIS", body, SIM_X, SIM_Z, (4, 5, 6, 7, 8, 9))
    right = (detx - CENTRE) * np.cos(roll) + (dety - CENTRE) * np.sin(roll)
    up = (dety - CENTRE) * np.cos(roll) - (detx - CENTRE) * np.sin(roll)
    columns = {
        "x": (CENTRE + right).astype("f4"), "y": (CENTRE + up).astype("f4"), "detx": detx.astype("f4"),
        "dety": dety.astype("f4"), "chipx": np.rint(chipx).astype("i2"), "chipy": np.rint(chipy).astype("i2"),
        "ccd_id": chip, "energy": rng.uniform(300, 10_000, count).astype("f4"),
    }  # fmt: skip
    return Table("EVENTS", {name: column[chip >= 0] for name, column in columns.items()}, HEADER)


def given() -> tuple[Setup, SourceRegion]:
    """Set-up of the observation, and the regions of its source."""
    region = source_region(CENTRE, CENTRE, "HETG", "ACIS", ROLL)
    return setup(HEADER, (region,)), region


def run(blocks: int = BLOCKS) -> list[Row]:
    """Events a second beside both, and how memory grows."""
    made, region = given()
    events = [block(seed) for seed in range(blocks)]
    count, arm = sum(map(len, events)), resolve_events(events[0], made)["tg_part"]
    seconds = best(lambda: [len(out) for out in resolve(events, made)], REPEATS)
    plain = best(lambda: [_plain(table, region) for table in events[:1]], 3) * blocks
    resolved = [resolve_events(table, made) for table in events]
    copy = best(lambda: [column.copy() for table in resolved for column in table.columns.values()], REPEATS)
    share = float(np.mean(np.isin(arm, (0, 1, 2))))
    what = f"gratings: {count / 1e6:.1f} M ACIS events, {share:.0%} of them in the regions"
    speed = count / seconds / 1e6
    little, much = (fresh("benchmarks.bench_gratings", number) / 1e6 for number in (FEW, MANY))
    return [
        Row(what, speed, "M events/s", "plain astropy", count / plain / 1e6, plain / seconds,
            f">= {REQUIRED:g} M events/s", speed >= REQUIRED),
        Row(what, speed, "M events/s", "memcpy of the columns", count / copy / 1e6, seconds / copy),
        Row(f"gratings: memory for {MANY // FEW} times as many events", much, "MB", "for 2 M events", little,
            much / little, "constant", much < SLACK * little),
    ]  # fmt: skip


def _plain(events: Table, region: SourceRegion) -> tuple[NDArray[np.float64], ...]:
    """The same as one would write it with astropy: sky places, offsets from the zero order, angles, orders."""
    import astropy.units as u
    from astropy.coordinates import SkyCoord
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crpix, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [CENTRE, CENTRE], [82.0, -65.0]
    wcs.wcs.cdelt = [-PIXEL, PIXEL]
    ra, dec = wcs.all_pix2world(events["x"], events["y"], 1)
    zero = SkyCoord(*wcs.all_pix2world(region.x, region.y, 1), unit="deg")
    place = SkyCoord(ra, dec, unit="deg")
    distance, towards = zero.separation(place), zero.position_angle(place)
    answers: list[NDArray[np.float64]] = []
    for arm, box in zip(arms("HETG", "ACIS"), region.boxes, strict=True):
        # position angles count from north (+y) to east (-x), the arm's direction from +x to +y; tg_d counts to FC +Z
        angle = sky_angle(ROLL, arm.angle) * u.deg - towards
        along, across = (distance * np.sin(angle)).deg, (-distance * np.cos(angle)).deg
        scale = geometry.FOCAL_LENGTH / arm.rowland
        tg_r, tg_d = along * scale, across * scale
        mlam = arm.period * np.sin(np.radians(tg_r))
        ratio = events["energy"] * np.abs(mlam) / HC
        order = np.where(np.abs(ratio - np.rint(ratio)) < 0.3, np.rint(ratio), 99)
        inside = np.abs(across) < box.width / 2 * PIXEL
        answers.extend(np.where(inside, values, np.nan) for values in (tg_r, tg_d, mlam, order))
    return tuple(answers)


def _stream(number: int) -> Iterator[Table]:
    for seed in range(number):
        yield block(seed)


if __name__ == "__main__":
    total = sum(len(out) for out in resolve(_stream(int(sys.argv[1])), given()[0]))
    print(json.dumps(peak_memory() if total else 0))
