"""Attitude from guide stars and gyros over a pointing.

Stars say where the telescope points, but with noise and every two seconds; gyros how it moves in between, but with a
drift. The attitude is written as ``q(t) = q₀ ⊗ turn(gyro angle + error)``, the error (angle and drift rate) is a slow
process measured by the stars, and `aspect_smoother` finds it for all times at once (state and model as in Hain et al.
2001, ASP Conf. Ser. 238, 471). Every star measurement is used as it is, two angles of one star, so that it does not
matter how many stars are tracked at a time. What is linear only for small angles (the place of a star on the camera as
a function of attitude) is done again with the attitude found, until it stays.

Chosen instead of a filter that steps through time: a loop over 10⁵ gyro samples costs seconds in Python for every
pass, and the star selection and linearisation need several. Here a pass costs 0.1 s for an observation of 30 ks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import NothingToDo
from mta_assets.core.tables import Table
from mta_assets.instruments import aca, quaternions
from mta_assets.instruments.geometry import conjugate, multiply, rotate, unit_vector
from mta_assets.level1.aca_centroid import AT_EDGE
from mta_assets.level1.aspect_gyro import Gyros
from mta_assets.level1.aspect_smoother import GyroNoise, Smoothed, between, smooth

Array = NDArray[Any]

ARCSEC = aca.ARCSEC
FLOOR = 0.05  # [arcsec] error of a centroid besides the noise of its pixels: the camera's distortion and pixel response
SPEED_OF_LIGHT = 299792.458  # [km/s]
PASSES = 4  # of linearisation and star selection at most
STILL = 1e-3  # [arcsec] an attitude that moves less between passes is found
FAR = 5.0  # sigma beyond which a single measurement is left out
WRONG_STAR = 3.0  # [arcsec] a star whose median residual is larger is not the one that the catalogue says
LEAST_STARS = 2  # for three axes
FARTHEST = 10.0  # [s] between times at which the smoother gives a state


@dataclass(frozen=True)
class StarData:
    """Measurements of n centroids.

    Attributes
    ----------
    time
        (n,) [s].
    slot
        (n,)
    yag, zag, error
        (n,) [arcsec].
    direction
        (n, 3) unit vectors of the stars, equatorial.
    """

    time: Array
    slot: Array
    yag: Array
    zag: Array
    error: Array
    direction: Array

    def where(self, rows: Array) -> StarData:
        return StarData(*(getattr(self, name)[rows] for name in self.__annotations__))


@dataclass(frozen=True)
class Attitude:
    """A solution at the times of the gyro samples, and what it rests on.

    Attributes
    ----------
    time, q_att
        (n,) [s] and (n, 4), scalar last.
    sigma
        (n, 3) [arcsec] standard errors about roll, pitch, yaw.
    bias, bias_sigma
        (n, 3) [arcsec/s] gyro drift and its standard error.
    used, residual_y, residual_z
        Of the star measurements that were given: whether each was used, and measured minus predicted angles [arcsec].
    stars
        The measurements.
    wrong
        Slots whose star is not the one of the catalogue.
    """

    time: Array
    q_att: Array
    sigma: Array
    bias: Array
    bias_sigma: Array
    used: NDArray[np.bool_]
    residual_y: Array
    residual_z: Array
    stars: StarData
    wrong: tuple[int, ...]


def star_data(centroids: Table, stars: Table, velocity: Array | None = None) -> StarData:
    """Measurements of the guide stars of a catalogue.

    Parameters
    ----------
    centroids
        `aca_tables.ACACENT`; only good ones are taken.
    stars
        `aca_tables.STARCAT` of the observation.
    velocity
        (3,) [km/s] barycentric velocity of the spacecraft: the stars stand where aberration puts them. None if the
        positions are apparent ones.
    """
    guides = stars.where(stars["type"] == "GUI")
    good = (centroids["status"] & ~AT_EDGE) == 0
    rows = np.flatnonzero(good & np.isin(centroids["slot"], guides["slot"]))
    rows = rows[np.argsort(centroids["time"][rows], kind="stable")]
    vectors = unit_vector(guides["ra"], guides["dec"]).reshape(-1, 3)
    if velocity is not None:
        vectors = vectors + np.asarray(velocity) / SPEED_OF_LIGHT
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    place = np.argsort(guides["slot"])
    index = place[np.searchsorted(guides["slot"][place], centroids["slot"][rows])] if len(rows) else rows
    angle = {name: centroids[name][rows].astype(float) * 3600 for name in ("ang_y", "ang_z", "ang_err")}
    return StarData(
        centroids["time"][rows], centroids["slot"][rows], angle["ang_y"], angle["ang_z"], angle["ang_err"],
        vectors[index],
    )  # fmt: skip


def solve(stars: StarData, gyros: Gyros, first: Array, noise: GyroNoise | None = None) -> Attitude:
    """Attitude at every gyro sample between the first and the last star measurement.

    Parameters
    ----------
    stars
        Measurements, from `star_data`.
    gyros
        From `aspect_gyro.read_gyros`.
    first
        (4,) attitude to begin with, right to some arcminutes (from the on-board computer or the plan).
    noise
        Of the gyros.

    Raises
    ------
    NothingToDo
        If there are less than two guide stars or no gyro data: no attitude can be found.
    """
    slots = np.unique(stars.slot)
    if len(slots) < LEAST_STARS:
        raise NothingToDo(f"{len(slots)} guide star(s) with good centroids: an attitude needs {LEAST_STARS}")
    inside = (gyros.time >= stars.time[0]) & (gyros.time <= stars.time[-1])
    if np.count_nonzero(inside) < 2:
        raise NothingToDo("no gyro data in the time of the star measurements: no attitude can be found")
    used = np.ones(len(stars.time), dtype=bool)
    wrong: tuple[int, ...] = ()
    turned = gyros.at(stars.time)
    angle = np.zeros_like(turned)  # of the body from `first` [arcsec], at the measurements
    for _ in range(PASSES + len(slots)):
        state, nodes = _pass(stars, used, turned, angle, first, noise)
        found = turned + between(nodes, state, stars.time)[0]
        moved = float(np.max(np.abs(found - angle)))
        angle = found
        rest_y, rest_z, _ = _rest(stars, angle, first)
        selected, wrong = _selected(stars, rest_y, rest_z, wrong)
        if moved < STILL and np.array_equal(selected, used):
            break
        used = selected
        if len(np.unique(stars.slot[used])) < LEAST_STARS:
            raise NothingToDo(
                f"guide stars of slots {', '.join(map(str, wrong))} do not fit the catalogue: less than "
                f"{LEAST_STARS} are left, no attitude can be found"
            )
    return _attitude(gyros, inside, state, nodes, first, stars, used, (rest_y, rest_z), wrong)


def predicted(stars: StarData, q_att: Array) -> tuple[Array, Array]:
    """Y and Z angles [arcsec] of the stars at attitudes (n, 4)."""
    return aca.body_angles(rotate(conjugate(q_att), stars.direction))


def _rest(stars: StarData, angle: Array, first: Array) -> tuple[Array, Array, Array]:
    """Measured minus predicted angles [arcsec], and the body vectors of the stars."""
    q = multiply(np.broadcast_to(first, (len(angle), 4)), quaternions.turn(angle * ARCSEC))
    body = rotate(conjugate(q), stars.direction)
    yag, zag = aca.body_angles(body)
    return stars.yag - yag, stars.zag - zag, body


def _slopes(body: Array) -> Array:
    """(n, 2, 3) how Y and Z angle change with a small turn of the attitude about roll, pitch, yaw.

    A star at body vector d goes to d − e×d when the attitude turns by e.
    """
    x, y, z = body.T
    zero = np.zeros_like(x)
    dx, dy, dz = np.stack([zero, -z, y]), np.stack([z, zero, -x]), np.stack([-y, x, zero])  # of d × e
    in_y = (x * dy - y * dx) / (x * x + y * y)
    in_z = (x * dz - z * dx) / (x * x + z * z)
    return np.stack([in_y.T, in_z.T], axis=1)


def _pass(
    stars: StarData, used: NDArray[np.bool_], turned: Array, angle: Array, first: Array, noise: GyroNoise | None
) -> tuple[Smoothed, Array]:
    """Smoothed error of the gyro angles at the times that have measurements."""
    rest_y, rest_z, body = _rest(stars, angle, first)
    slopes = _slopes(body)
    # what the stars measure of the error: the rest, and what the present attitude differs from the gyros
    offset = np.einsum("nij,nj->ni", slopes, angle - turned)
    measured = np.stack([rest_y, rest_z], axis=1) + offset
    weight = np.where(used, 1.0 / (stars.error**2 + FLOOR**2), 0.0)
    weighted = slopes * weight[:, None, None]
    times, start = np.unique(stars.time, return_index=True)
    nodes = _nodes(times)
    place = np.searchsorted(nodes, times)
    information, right = np.zeros((len(nodes), 3, 3)), np.zeros((len(nodes), 3))
    information[place] = np.add.reduceat(np.einsum("nij,nik->njk", weighted, slopes), start)
    right[place] = np.add.reduceat(np.einsum("nij,ni->nj", weighted, measured), start)
    return smooth(nodes, information, right, noise), nodes


def _nodes(times: Array) -> Array:
    """Times of measurements, and some in between where none is for long, so that errors grow there as they should."""
    step = np.diff(times)
    wide = np.flatnonzero(step > FARTHEST)
    fill = [np.linspace(times[k], times[k + 1], int(np.ceil(step[k] / FARTHEST)) + 1)[1:-1] for k in wide]
    return np.sort(np.concatenate([times, *fill]))


def _selected(
    stars: StarData, rest_y: Array, rest_z: Array, wrong: tuple[int, ...]
) -> tuple[NDArray[np.bool_], tuple[int, ...]]:
    """Measurements to use, and slots with a wrong star: the worst one is left out at a time, it pulls at the others."""
    slots = [slot for slot in np.unique(stars.slot).tolist() if slot not in wrong]
    middle = {
        slot: float(np.hypot(np.median(rest_y[stars.slot == slot]), np.median(rest_z[stars.slot == slot])))
        for slot in slots
    }
    worst = max(slots, key=lambda slot: middle[slot])
    if middle[worst] > WRONG_STAR:
        wrong = (*wrong, worst)
    use = ~np.isin(stars.slot, wrong)
    for slot in slots:
        here = stars.slot == slot
        for rest in (rest_y, rest_z):
            sigma = 1.4826 * float(np.median(np.abs(rest[here] - np.median(rest[here]))))
            use[here] &= np.abs(rest[here] - np.median(rest[here])) <= FAR * max(sigma, FLOOR)
    return use, wrong


def _attitude(
    gyros: Gyros,
    inside: NDArray[np.bool_],
    state: Smoothed,
    nodes: Array,
    first: Array,
    stars: StarData,
    used: NDArray[np.bool_],
    rest: tuple[Array, Array],
    wrong: tuple[int, ...],
) -> Attitude:
    time = gyros.time[inside]
    error, rate = between(nodes, state, time)
    q = multiply(np.broadcast_to(first, (len(time), 4)), quaternions.turn((gyros.angle[inside] + error) * ARCSEC))
    spread = np.maximum(np.einsum("nii->ni", state.covariance), 0.0)
    sigma = np.sqrt(np.stack([np.interp(time, nodes, spread[:, k]) for k in range(6)], axis=-1))
    # the error of the gyros grows by their drift with the other sign
    return Attitude(time, q, sigma[:, :3], -rate, sigma[:, 3:], used, *rest, stars, wrong)
