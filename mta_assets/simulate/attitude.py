"""Where the telescope points: targets with dither, and smooth manoeuvres between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.instruments.geometry import (
    ARCSEC,
    angles_from_quaternion,
    multiply,
    quaternion_from_angles,
    unit_vector,
)
from mta_assets.instruments.quaternions import difference, turn

if TYPE_CHECKING:
    from mta_assets.simulate.schedule import Dwell, Schedule

Array = NDArray[np.float64]

DITHER_RAMP = 120.0  # [s] the dither grows and dies over so long, so that rates stay continuous


def nominal_roll(ra: float, dec: float, sun: Array) -> float:
    """Roll [deg] that puts the Sun into the body X-Z plane on the -Z side, as Chandra flies."""
    a, d = np.radians(ra), np.radians(dec)
    east = np.array([-np.sin(a), np.cos(a), 0.0])
    north = np.array([-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)])
    # body Z = cos(roll) north - sin(roll) east; it has to point away from the Sun's place on the sky
    return float(np.degrees(np.arctan2(sun @ east, -(sun @ north))) % 360)


def pitch(ra: ArrayLike, dec: ArrayLike, sun: Array) -> Array:
    """Angle [deg] between pointing and Sun."""
    return np.degrees(np.arccos(np.clip(np.sum(unit_vector(ra, dec) * sun, axis=-1), -1, 1)))


def smooth_step(x: Array) -> Array:
    """0 to 1 with zero first and second derivative at both ends: the eigen-axis profile of a manoeuvre."""
    x = np.clip(x, 0, 1)
    return x**3 * (10 - 15 * x + 6 * x * x)


def dither(dwell: Dwell, times: ArrayLike) -> tuple[Array, Array]:
    """Dither of the boresight along body Y and Z [rad]: a Lissajous figure from the start of the dwell on."""
    since = np.asarray(times, float) - dwell.tstart
    ramp = smooth_step(np.minimum(since, dwell.tstop - dwell.tstart - since) / DITHER_RAMP)
    y = dwell.dither_y * ARCSEC * np.sin(2 * np.pi * since / dwell.dither_period_y)
    z = dwell.dither_z * ARCSEC * np.sin(2 * np.pi * since / dwell.dither_period_z)
    return ramp * y, ramp * z


def offset_quaternion(y: Array, z: Array) -> Array:
    """Rotation in the body frame that moves the boresight by small angles [rad] towards +Y and +Z."""
    # towards +Y is a turn about +Z, towards +Z one about -Y
    angle = np.hypot(y, z)
    half = np.where(angle > 0, np.sin(angle / 2) / np.where(angle > 0, angle, 1), 0.5)
    return np.stack([np.zeros_like(y), -z * half, y * half, np.cos(angle / 2)], axis=-1)


def quaternion(schedule: Schedule, times: ArrayLike) -> Array:
    """Attitude (n, 4): q1, q2, q3, q4, scalar last; continuous within a dwell and across its ends."""
    at = np.atleast_1d(np.asarray(times, float))
    index = schedule.at(at)
    q = np.zeros((len(at), 4))
    for number in np.unique(index):
        dwell, here = schedule.dwells[number], index == number
        target = quaternion_from_angles(dwell.ra, dwell.dec, dwell.roll)
        if dwell.kind == "manoeuvre" and number > 0:
            before = schedule.dwells[number - 1]
            q[here] = _slew(quaternion_from_angles(before.ra, before.dec, before.roll), target, dwell, at[here])
        else:
            q[here] = multiply(target, offset_quaternion(*dither(dwell, at[here])))
    return q


def _slew(start: Array, stop: Array, dwell: Dwell, times: Array) -> Array:
    """Turn about the eigen-axis from one attitude to the next over the dwell."""
    vector = _whole_turn(start, stop)
    return multiply(start, turn(vector * _profile(dwell, times)[:, None]))


def _whole_turn(start: Array, stop: Array) -> Array:
    """Rotation vector (3,) [rad] from one attitude to the next, the shorter way."""
    return difference(stop, start)


def _profile(dwell: Dwell, times: Array) -> Array:
    return smooth_step((times - dwell.tstart) / (dwell.tstop - dwell.tstart))


def body_angle(schedule: Schedule, times: ArrayLike) -> Array:
    """What ideal gyros have turned since the start of the plan (n, 3) [rad] about body X, Y, Z.

    The integral of the body rates: in a manoeuvre the axis stands still and the angle adds up; in a dwell the angles
    are those of the dither, to second order in it (1e-9 rad).
    """
    at = np.atleast_1d(np.asarray(times, float))
    index = schedule.at(at)
    turns = _turns(schedule)
    angle = np.concatenate([np.zeros((1, 3)), np.cumsum(turns, axis=0)])[index]
    for number in np.unique(index):
        dwell, here = schedule.dwells[number], index == number
        if dwell.kind == "manoeuvre":
            angle[here] += turns[number] * _profile(dwell, at[here])[:, None]
        else:
            y, z = dither(dwell, at[here])
            angle[here] += np.stack([np.zeros_like(y), -z, y], axis=-1)
    return angle


def _turns(schedule: Schedule) -> Array:
    """Rotation vector (dwells, 3) of each manoeuvre, zero for what points."""
    pointing = [quaternion_from_angles(dwell.ra, dwell.dec, dwell.roll) for dwell in schedule.dwells]
    moves = [number > 0 and dwell.kind == "manoeuvre" for number, dwell in enumerate(schedule.dwells)]
    return np.array(
        [_whole_turn(pointing[n - 1], pointing[n]) if move else np.zeros(3) for n, move in enumerate(moves)]
    )


def ra_dec_roll(schedule: Schedule, times: ArrayLike) -> tuple[Array, Array, Array]:
    """Right ascension, declination, roll [deg] of the boresight."""
    return angles_from_quaternion(quaternion(schedule, times))
