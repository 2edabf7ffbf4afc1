"""How the sky of one observation is shifted and turned against another's, from sources that both see.

Absolute pointing of Chandra is good to 1.1 arcsec (90 %; CXC, cal/ASPECT/celmon), sources
within an observation are good to their own errors: a shift and a small turn take the rest out. The fit is linear in
the tangent plane, weighted with the errors, and repeated without matches farther off than a number of sigmas
(clipping), so that wrong pairs and moving stars do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.level3.matching import ARCSEC, directions, mutual, pairs

Array = NDArray[np.float64]
CLIP = 3.5  # [sigma] of the distance in two dimensions: one right match in 460 is lost
ROUNDS = 20
FOR_TURN = 3  # matches from which on a turn is fitted


@dataclass(frozen=True)
class Positions:
    """Sources of one observation: place [deg] and 1 σ error along each axis [arcsec]."""

    ra: Array
    dec: Array
    error: Array


@dataclass(frozen=True)
class Offset:
    """What has to be added to an observation's places to bring them onto the reference.

    Attributes
    ----------
    east, north
        Shift at the centre [arcsec], and their 1 σ errors.
    turn, turn_error
        Turn about the centre, from north through east [deg]; 0 where too few sources match.
    centre
        Right ascension and declination [deg].
    matches
        Pairs that were used.
    scatter
        rms distance of the pairs along an axis after the fit [arcsec].
    chi2
        Sum of squared residuals over squared errors, of both axes; ``2 matches − parameters`` are expected.
    """

    east: float
    north: float
    east_error: float
    north_error: float
    turn: float
    turn_error: float
    centre: tuple[float, float]
    matches: int
    scatter: float
    chi2: float

    def apply(self, ra: Array, dec: Array) -> tuple[Array, Array]:
        """Places [deg] after shift and turn."""
        xi, eta = tangent(ra, dec, self.centre)
        angle = np.radians(self.turn)
        east = xi + eta * np.sin(angle) - xi * (1 - np.cos(angle)) + self.east
        north = eta - xi * np.sin(angle) - eta * (1 - np.cos(angle)) + self.north
        return untangent(east, north, self.centre)


def tangent(ra: Array, dec: Array, centre: tuple[float, float]) -> tuple[Array, Array]:
    """Offsets east and north [arcsec] in the tangent plane at ``centre`` [deg]."""
    east, north, toward = _axes(centre)
    vectors = directions(ra, dec)
    depth = vectors @ toward
    return (vectors @ east) / depth / ARCSEC, (vectors @ north) / depth / ARCSEC


def untangent(xi: Array, eta: Array, centre: tuple[float, float]) -> tuple[Array, Array]:
    """Places [deg, right ascension 0 to 360] of offsets in the tangent plane."""
    east, north, toward = _axes(centre)
    x, y = np.asarray(xi, float)[..., None] * ARCSEC, np.asarray(eta, float)[..., None] * ARCSEC
    v = toward + x * east + y * north
    ra = np.degrees(np.arctan2(v[..., 1], v[..., 0])) % 360
    return ra, np.degrees(np.arctan2(v[..., 2], np.hypot(v[..., 0], v[..., 1])))


def _axes(centre: tuple[float, float]) -> tuple[Array, Array, Array]:
    a, d = np.radians(centre[0]), np.radians(centre[1])
    east = np.array([-np.sin(a), np.cos(a), 0.0])
    north = np.array([-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)])
    return east, north, directions(centre[0], centre[1])


def fit_offset(positions: Positions, reference: Positions, radius: float = 2.0, clip: float = CLIP) -> Offset | None:
    """Shift and turn that bring ``positions`` onto ``reference``; None where nothing matches.

    Parameters
    ----------
    radius
        Greatest distance of a match before the fit [arcsec]. It has to be less than half the distance between sources.
    clip
        Pairs farther off than so many sigmas are left out.
    """
    if not len(positions.ra) or not len(reference.ra):
        return None
    i, j, distance = pairs(directions(positions.ra, positions.dec), directions(reference.ra, reference.dec), radius)
    kept = mutual(i, j, distance)
    i, j = i[kept], j[kept]
    if not len(i):
        return None
    mean = directions(reference.ra[j], reference.dec[j]).mean(axis=0)
    height = np.arctan2(mean[2], np.hypot(mean[0], mean[1]))
    centre = (float(np.degrees(np.arctan2(mean[1], mean[0])) % 360), float(np.degrees(height)))
    x, y = tangent(positions.ra[i], positions.dec[i], centre)
    u, v = tangent(reference.ra[j], reference.dec[j], centre)
    sigma = np.hypot(positions.error[i], reference.error[j])
    if not (np.isfinite(sigma) & (sigma > 0)).all():
        raise BadData("a source has a position error that is not above 0: see the source list that it comes from")
    good = np.ones(len(i), bool)
    # the shift of wrong pairs is anything within the radius: begin at the median, which a minority can not move
    start = np.array([np.median(u - x), np.median(v - y)])
    if len(i) > 2:
        far = np.hypot(u - x - start[0], v - y - start[1])
        good = far <= np.maximum(clip * np.maximum(sigma, np.median(far) / 1.18), 1e-9)
    parameters, covariance = _solve(x[good], y[good], u[good], v[good], sigma[good])
    for _ in range(ROUNDS):
        dx, dy = _residuals(x, y, u, v, parameters)
        keep = np.hypot(dx, dy) <= clip * sigma
        if keep.sum() < max(len(i) // 2, 1) or np.array_equal(keep, good):
            break
        good = keep
        parameters, covariance = _solve(x[good], y[good], u[good], v[good], sigma[good])
    dx, dy = (d[good] for d in _residuals(x, y, u, v, parameters))
    number = int(good.sum())
    chi2 = float(np.sum((dx**2 + dy**2) / sigma[good] ** 2))
    free = 2 * number - (3 if number >= FOR_TURN else 2)
    # where the errors of the places are too small, those of the offset are what the scatter says
    error = np.sqrt(np.diag(covariance) * max(chi2 / free if free > 0 else 1.0, 1.0))
    return Offset(
        float(parameters[0]), float(parameters[1]), float(error[0]), float(error[1]),
        float(np.degrees(parameters[2])), float(np.degrees(error[2])) if number >= FOR_TURN else 0.0, centre, number,
        float(np.sqrt(np.mean(dx**2 + dy**2) / 2)), chi2,
    )  # fmt: skip


def _solve(x: Array, y: Array, u: Array, v: Array, sigma: Array) -> tuple[Array, Array]:
    """Shift and turn [rad] by weighted least squares: ``u = x + e + t y``, ``v = y + n − t x``."""
    number, zero, one = len(x), np.zeros_like(x), np.ones_like(x)
    columns = 3 if number >= FOR_TURN else 2
    design = np.concatenate([np.stack([one, zero, y], axis=1), np.stack([zero, one, -x], axis=1)])[:, :columns]
    weight = 1 / np.concatenate([sigma, sigma])
    design = design * weight[:, None]
    target = np.concatenate([u - x, v - y]) * weight
    inverse = np.linalg.pinv(design.T @ design)
    found = inverse @ design.T @ target
    parameters, covariance = np.zeros(3), np.zeros((3, 3))
    parameters[:columns], covariance[:columns, :columns] = found, inverse
    return parameters, covariance


def _residuals(x: Array, y: Array, u: Array, v: Array, parameters: Array) -> tuple[Array, Array]:
    east, north, turn = parameters
    return u - x - east - turn * y, v - y - north + turn * x
