"""dy, dz, dtheta: how the science instruments moved against the mirror, from the fid lights.

The lights shine from the instrument's frame through the fiducial transfer system into the camera. A light at focal
plane position p is seen in direction ``(D, 0, 0) − p``; the instrument frame is turned by dtheta about X and shifted by
dy, dz: ``p = R(dtheta) p₀ + (0, dy, dz)`` with ``y = c y₀ + s z₀``, ``z = −s y₀ + c z₀`` (public notes on fid light
processing in the aspect pipeline; sense of the rotation as in sot/mica ``vv``). Three unknowns, two angles a light:
linear least squares at each time, all times at once. The angles are the smoothed ones, as there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Table
from mta_assets.instruments.aca import ARCSEC
from mta_assets.level1.aca_centroid import AT_EDGE

Array = NDArray[Any]

# [arcsec/mm] of shifts in the focal plane as the camera sees them: the factor that takes dy_err and dz_err of asol1 to
# img_diam_rms of aqual1 in real files, exactly. It means a distance of 10 000.7 mm.
SCALE = 20.625
DISTANCE = 1 / ARCSEC / SCALE  # [mm]
FLOOR = 0.05  # [arcsec] error of a smoothed angle besides the noise of its pixels
WRONG_PLACE = 10.0  # [arcsec] a light that stands farther from where the others say is not the one that was meant
MOST = 5.0  # [mm] the camera would not find a light that is shifted farther
NEAR = 20.0  # [s] a light is taken as seen between two good images that are no farther apart


@dataclass(frozen=True)
class Offsets:
    """Shifts of the instrument.

    Attributes
    ----------
    time
        (n,) [s] at which lights were seen; empty if none was.
    value, sigma
        (n, 3) dy [mm], dz [mm], dtheta [deg] and their standard errors; without a second light dtheta is 0.
    slots
        Slots of the lights that were used.
    """

    time: Array
    value: Array
    sigma: Array
    slots: tuple[int, ...]

    def at(self, times: Array) -> tuple[Array, Array]:
        """Values and errors at other times, straight in between; zero with errors NaN if no light was seen."""
        if not len(self.time):
            return np.zeros((len(times), 3)), np.full((len(times), 3), np.nan)
        value = np.stack([np.interp(times, self.time, self.value[:, k]) for k in range(3)], axis=-1)
        return value, np.stack([np.interp(times, self.time, self.sigma[:, k]) for k in range(3)], axis=-1)


NONE = Offsets(np.zeros(0), np.zeros((0, 3)), np.zeros((0, 3)), ())


def focal_positions(yag: Array, zag: Array) -> Array:
    """(…, 2) y and z [mm] of lights that are seen at angles [arcsec]."""
    y, z = np.tan(np.asarray(yag) * ARCSEC), np.tan(np.asarray(zag) * ARCSEC)
    return -DISTANCE * np.stack([y, z], axis=-1)


def seen_angles(position: Array) -> tuple[Array, Array]:
    """Y and Z angles [arcsec] of lights at (…, 2) positions [mm]: the inverse."""
    tangent = -np.asarray(position) / DISTANCE
    return np.arctan(tangent[..., 0]) / ARCSEC, np.arctan(tangent[..., 1]) / ARCSEC


def moved(position: Array, value: Array) -> Array:
    """Positions (…, 2) of lights [mm] when the instrument has moved by (…, 3) dy, dz [mm], dtheta [deg]."""
    s, c = np.sin(np.radians(value[..., 2])), np.cos(np.radians(value[..., 2]))
    y, z = position[..., 0], position[..., 1]
    return np.stack([c * y + s * z + value[..., 0], c * z - s * y + value[..., 1]], axis=-1)


def solve_fids(centroids: Table, stars: Table) -> Offsets:
    """Shifts of an interval.

    Parameters
    ----------
    centroids
        `aca_tables.ACACENT`.
    stars
        `aca_tables.STARCAT` of the observation: its FID rows hold the angles that the lights should be seen at.

    Returns
    -------
    Offsets
        Of the lights that fit each other: one that does not is left out, and one that is alone then as well.
    """
    fids = stars.where(stars["type"] == "FID")
    found, away = _solved(centroids, fids)
    several = len(found.slots) > 1
    while found.slots and np.max(away) > WRONG_PLACE:
        fids = fids.where(np.arange(len(fids)) != np.argmax(away))
        found, away = _solved(centroids, fids)
    if (several and len(found.slots) < 2) or np.abs(found.value[:, :2]).max(initial=0.0) > MOST:
        return NONE
    return found


def _solved(centroids: Table, fids: Table) -> tuple[Offsets, Array]:
    """Shifts from some lights, and how far [arcsec] each of them stands from where these put it."""
    good = ((centroids["status"] & ~AT_EDGE) == 0) & np.isin(centroids["slot"], fids["slot"])
    times = np.unique(centroids["time"][good])
    if not len(times):
        return NONE, np.zeros(len(fids))
    nominal = focal_positions(fids["yang"], fids["zang"])
    series = [_series(centroids, good & (centroids["slot"] == slot), times) for slot in fids["slot"]]
    seen = np.stack([focal_positions(yag, zag) for yag, zag, _ in series])  # (lights, n, 2)
    sigma = np.stack([np.hypot(error, FLOOR) for _, _, error in series]) / SCALE
    weight = np.where(np.isfinite(sigma), 1 / sigma**2, 0.0)
    value, spread = _least_squares(nominal, np.nan_to_num(seen), weight)
    slots = tuple(int(slot) for slot, w in zip(fids["slot"], weight, strict=True) if w.any())
    rest = np.stack([place - moved(at, value) for at, place in zip(nominal, seen, strict=True)])
    rest = np.where(weight > 0, np.hypot(*rest.transpose(2, 0, 1)), np.nan)
    away = [float(np.median(one[np.isfinite(one)])) if np.isfinite(one).any() else 0.0 for one in rest]
    return Offsets(times, value, spread, slots), np.array(away) * SCALE


def _series(centroids: Table, rows: Array, times: Array) -> tuple[Array, Array, Array]:
    """Smoothed angles and error [arcsec] of one light at given times; NaN where it was not seen."""
    at = centroids["time"][rows]
    if not len(at):
        nothing = np.full(len(times), np.nan)
        return nothing, nothing, nothing
    after = np.clip(np.searchsorted(at, times), 0, len(at) - 1)
    before = np.maximum(np.searchsorted(at, times, side="right") - 1, 0)
    near = (at[after] >= times) & (at[before] <= times) & (at[after] - at[before] <= NEAR)
    return tuple(  # type: ignore[return-value]
        np.where(near, np.interp(times, at, centroids[name][rows].astype(float) * 3600), np.nan)
        for name in ("ang_y_sm", "ang_z_sm", "ang_err")
    )


def _least_squares(nominal: Array, seen: Array, weight: Array) -> tuple[Array, Array]:
    """Values (n, 3) and standard errors of shifts from (lights, 2) nominal and (lights, n, 2) seen positions."""
    count = seen.shape[1]
    normal, right = np.zeros((count, 3, 3)), np.zeros((count, 3))
    for (y, z), place, w in zip(nominal, seen, weight, strict=True):
        slopes = np.array([[1.0, 0.0, z], [0.0, 1.0, -y]])
        normal += w[:, None, None] * (slopes.T @ slopes)
        right += w[:, None] * ((place - (y, z)) @ slopes)
    alone = np.count_nonzero(weight > 0, axis=0) < 2  # one light says nothing of a rotation
    normal[alone, 2, :] = normal[alone, :, 2] = 0.0
    normal[alone, 2, 2], right[alone, 2] = 1.0, 0.0
    covariance = np.linalg.inv(normal)
    value = np.einsum("nij,nj->ni", covariance, right)
    sigma = np.sqrt(np.einsum("nii->ni", covariance))
    sigma[alone, 2] = np.nan
    value[:, 2], sigma[:, 2] = np.degrees(value[:, 2]), np.degrees(sigma[:, 2])
    return value, sigma
