"""What the aspect camera (ACA) sees: guide stars that move with the dither, fid lights that do not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.instruments import aca
from mta_assets.instruments.geometry import ARCSEC, quaternion_from_angles, rotate, sky_to_body
from mta_assets.simulate.attitude import quaternion
from mta_assets.simulate.schedule import Dwell, Schedule
from mta_assets.simulate.seeds import cell_generator, hashed_normal

Array = NDArray[np.float64]

SLOTS = 8
FIDS = 3  # slots 0 to 2 follow fid lights, 3 to 7 guide stars
FID_SIZE, STAR_SIZE = 8, 6  # [pixel] side of the image window
PIXEL = 4.9960  # [arcsec] linear part of the ACA pixel scale
HOUSING = 31.2  # [C] temperature of the camera housing, which the distortion depends on
MAG_ZERO, RATE_ZERO = 10.32, 5263.0  # magnitude of so many electrons a second (CALDB acapD1998-12-14ccdN0002)
GAIN, INTEGRATION = 5.0, 1.696  # [electron/adu], [s] usual integration
WIDTH = 0.75  # [pixel] Gaussian width of a star image
SKY_LEVEL, NOISE = 22.0, 4.0  # [adu] background and its scatter in a pixel
LOST = 13.94  # magnitude telemetered when nothing is tracked
FIELD = 2300.0  # [arcsec] stars are picked within so far of the boresight

# Y and Z angles [arcsec] of three fid lights for each instrument at the focus
FID_ANGLES = {
    "ACIS-S": ((-773.0, -1742.0), (2140.0, 166.0), (-1826.0, 160.0)),
    "ACIS-I": ((922.0, -1737.0), (-1826.0, 160.0), (388.0, 804.0)),
    "HRC-I": ((-776.0, -1306.0), (1198.0, -1302.0), (-1187.0, 931.0)),
    "HRC-S": ((-1174.0, -468.0), (1224.0, -460.0), (-1177.0, 561.0)),
}
FID_MAG = 7.1


@dataclass(frozen=True)
class Slot:
    """One image slot over some times.

    Parameters
    ----------
    kind
        ``fid`` or ``star``.
    size
        Side of its image [pixel].
    tracking
        Whether it follows something (not during manoeuvres).
    row, col
        Centroid [ACA pixel].
    mag
        Magnitude as the camera reports it.
    row0, col0
        Pixel of the window's lower corner.
    image
        (n, size, size) pixel values [adu], [row, column]; background included.
    """

    slot: int
    kind: str
    size: int
    tracking: NDArray[np.bool_]
    row: Array
    col: Array
    mag: Array
    row0: NDArray[np.int16]
    col0: NDArray[np.int16]
    image: NDArray[np.float32]


def angles_to_pixels(yag: ArrayLike, zag: ArrayLike) -> tuple[Array, Array]:
    """ACA row and column of Y and Z angles [arcsec], whole numbers at the centres of pixels, with the distortion."""
    row, col = aca.angles_to_pixels(yag, zag, HOUSING)
    return row - aca.CENTRE, col - aca.CENTRE


@lru_cache(maxsize=64)
def guide_stars(obsid: int, ra: float, dec: float, roll: float) -> tuple[Array, Array, Array]:
    """Right ascension, declination [deg] and magnitude of the five guide stars of a pointing: fixed by it alone."""
    rng = cell_generator(obsid, "stars", round(ra * 1e4), round(dec * 1e4))
    # one star in each fifth of the circle, so that roll is always well determined
    angle = np.radians(72.0 * np.arange(SLOTS - FIDS) + rng.uniform(0, 50, SLOTS - FIDS))
    radius = rng.uniform(900.0, FIELD, SLOTS - FIDS) * ARCSEC
    body = np.stack([np.ones(len(angle)), radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    sky = rotate(quaternion_from_angles(ra, dec, roll), body / np.linalg.norm(body, axis=-1, keepdims=True))
    star_ra, star_dec = np.degrees(np.arctan2(sky[:, 1], sky[:, 0])) % 360, np.degrees(np.arcsin(sky[:, 2]))
    return star_ra, star_dec, np.sort(rng.uniform(7.2, 10.2, SLOTS - FIDS))


def slots(schedule: Schedule, times: ArrayLike) -> list[Slot]:
    """The eight image slots at some times; the values at a time do not depend on the other times asked for."""
    at = np.atleast_1d(np.asarray(times, float))
    index = schedule.at(at)
    row, col = np.zeros((SLOTS, len(at))), np.zeros((SLOTS, len(at)))
    mag = np.full((SLOTS, len(at)), LOST)
    q = quaternion(schedule, at)
    for number in np.unique(index):
        dwell, here = schedule.dwells[number], index == number
        if dwell.kind == "manoeuvre":
            continue
        yag, zag, light = _positions(dwell, q[here])
        row[:, here], col[:, here] = angles_to_pixels(yag, zag)
        mag[:, here] = light[:, None]
    tracking = mag < LOST
    rows = zip(tracking, row, col, mag, strict=True)
    return [_slot(number, schedule.seed, at, *values) for number, values in enumerate(rows)]


def _positions(dwell: Dwell, q: Array) -> tuple[Array, Array, Array]:
    """Y and Z angles [arcsec], shape (8, n), and magnitudes (8,) of what the slots follow."""
    focus = dwell.instrument if dwell.kind == "observation" else "HRC-S"
    fids = np.array(FID_ANGLES[focus])
    ra, dec, magnitude = guide_stars(dwell.obsid, dwell.ra, dwell.dec, dwell.roll)
    body = sky_to_body(ra[:, None], dec[:, None], q[None, :, :])
    yag = np.degrees(np.arctan2(body[..., 1], body[..., 0])) * 3600
    zag = np.degrees(np.arctan2(body[..., 2], body[..., 0])) * 3600
    still = np.ones((1, len(q)))
    return (
        np.concatenate([fids[:, :1] * still, yag]),
        np.concatenate([fids[:, 1:] * still, zag]),
        np.concatenate([np.full(FIDS, FID_MAG), magnitude]),
    )


def _slot(
    slot: int,
    seed: int,
    times: Array,
    tracking: NDArray[np.bool_],
    row: Array,
    col: Array,
    mag: Array,
) -> Slot:
    size = FID_SIZE if slot < FIDS else STAR_SIZE
    noise = hashed_normal(seed, f"aca{slot}", times, size * size + 3)
    measured = np.where(tracking, mag + 0.015 * noise[:, 0], LOST)
    # centroid noise of 0.01 to 0.1 pixel, larger for faint stars
    scatter = np.where(tracking, 0.01 * 10 ** (0.3 * np.clip(mag - 7, 0, None)), 0.0)
    row0 = np.floor(row - size / 2 + 0.5).astype(np.int16)
    col0 = np.floor(col - size / 2 + 0.5).astype(np.int16)
    counts = np.where(tracking, RATE_ZERO * 10 ** (0.4 * (MAG_ZERO - mag)) * INTEGRATION / GAIN, 0.0)
    grid = np.arange(size)
    along = np.exp(-0.5 * ((row0[:, None] + grid - row[:, None]) / WIDTH) ** 2)
    across = np.exp(-0.5 * ((col0[:, None] + grid - col[:, None]) / WIDTH) ** 2)
    peak = counts / (2 * np.pi * WIDTH**2)
    image = SKY_LEVEL + peak[:, None, None] * along[:, :, None] * across[:, None, :]
    image = image + NOISE * noise[:, 3:].reshape(len(times), size, size)
    return Slot(
        slot,
        "fid" if slot < FIDS else "star",
        size,
        tracking,
        row + scatter * noise[:, 1],
        col + scatter * noise[:, 2],
        measured,
        row0,
        col0,
        image.astype(np.float32),
    )
