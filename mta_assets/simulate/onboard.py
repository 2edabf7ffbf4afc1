"""What the on-board computer takes the attitude to be: the one that is flown, and the errors of its own estimate.

It follows the same stars with a simpler filter and older calibration than the ground, so the quick look is off by some
tenths of an arcsecond that wander within minutes, and by a constant that another day has otherwise. Sizes and times are
about those of the archive's osol1 against its asol1 of observations 22772 and 62650: scatter of roll 3.4 to 10", of
pitch 0.25 to 0.3", of yaw 0.33 to 0.45", with half of the correlation gone after 60 s (pitch) to 400 s; from interval
to interval the mean moves by 0.4 to 1.2"; neighbouring samples scatter by 0.02" (roll 0.05"). The 17" of pitch and 8
to 13" of yaw that all of them have are the alignment of camera and mirror, which the simulated spacecraft knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.instruments.geometry import ARCSEC, body_to_sky, multiply, quaternion_from_angles, sky_to_body
from mta_assets.instruments.quaternions import turn
from mta_assets.simulate import attitude, noise

if TYPE_CHECKING:
    from mta_assets.simulate.schedule import Dwell, Schedule

Array = NDArray[np.float64]
STEP = 10.0  # [s] between the times over which the error of a pointing is averaged
BETWEEN = np.sqrt(2 / 3)  # standard deviation of straight lines between independent values of standard deviation one


class Wander(NamedTuple):
    """A part of the error: standard deviations [arcsec] of roll, pitch and yaw, and the time [s] between turns."""

    name: str
    sigma: tuple[float, float, float]
    step: float


WANDERS = (
    Wander("day", (5.0, 0.5, 0.5), 20000.0),
    Wander("filter", (3.5, 0.26, 0.38), 300.0),
    Wander("stars", (0.09, 0.03, 0.03), 2.05),  # an image of each star so often
)


def error(schedule: Schedule, times: ArrayLike) -> Array:
    """Rotation vectors (n, 3) [rad] about the body axes (roll, pitch, yaw) from the flown to the estimated attitude."""
    at = np.atleast_1d(np.asarray(times, float))
    total = np.zeros((len(at), 3))
    for name, sigma, step in WANDERS:
        count = np.floor(at / step).astype(np.int64)
        part = at / step - count
        for axis in range(3):
            stream = noise.key(schedule.seed, "on board", name, axis)
            value = noise.bell(stream, count) * (1 - part) + noise.bell(stream, count + 1) * part
            total[:, axis] += sigma[axis] / (noise.BELL * BETWEEN) * value
    return total * ARCSEC


def quaternion(schedule: Schedule, times: ArrayLike) -> Array:
    """Estimated attitude (n, 4), scalar last."""
    return multiply(attitude.quaternion(schedule, times), turn(error(schedule, times)))


def of_a_part(dwell: Dwell, seconds: Array) -> Array:
    """Standard deviation [arcsec] of the mean error over so many seconds of a pointing about that over all of it.

    A source that dither brings onto a chip for a part of the time only has the error of that part.
    """
    wander = next(one for one in WANDERS if one.name == "filter")
    whole = dwell.tstop - dwell.tstart
    missing = np.clip(whole / np.maximum(seconds, 1.0) - 1.0, 0.0, whole / wander.step)
    return np.asarray(np.hypot(*wander.sigma[1:]) * np.sqrt(wander.step / whole * missing))


def seen(schedule: Schedule, dwell: Dwell, ra: ArrayLike, dec: ArrayLike) -> tuple[Array, Array]:
    """Where the quick look of a pointing has places of the sky [deg]: moved by the mean error of its estimate."""
    mean = error(schedule, np.arange(dwell.tstart, dwell.tstop, STEP)).mean(axis=0)
    pointing = quaternion_from_angles(dwell.ra, dwell.dec, dwell.roll)
    return body_to_sky(sky_to_body(ra, dec, pointing), multiply(pointing, turn(mean)))
