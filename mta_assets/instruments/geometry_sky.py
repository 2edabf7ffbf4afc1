"""From chips through the detector plane to the sky, for many events at many attitudes: maps made once, then applied.

- chip → DET: a chip is flat, so that FC millimetres are affine in its pixels and DET is a ratio of two such maps:
  nine numbers per chip and SIM offset (`det_maps`);
- DET → sky: X, Y are tangent-plane pixels about the nominal pointing (RA_NOM, DEC_NOM), north up, east to the left,
  whatever the roll; at one attitude that is a ratio of affine maps too: eight numbers per time (`sky_maps`).

Both have inverses (`sky_to_det`, `det_to_chip`). Source: J. McDowell, "Coordinate systems for analysis of on-orbit
Chandra data", paper I: the STF of the SIM is turned by -dtheta and shifted by dy, dz of the aspect solution into the
focal-plane frame before DET is computed (the sign of dtheta: from the DET of a real HRC-I event list of 2002).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table
from mta_assets.instruments import geometry

Array = NDArray[np.float64]

MAX_GAP = 10.0  # [s] between aspect samples; over as long, linear interpolation of a 8" dither errs by 0.01"
REACH = 1.025  # [s] a solution holds so long before its first and after its last sample: a period of the on-board one


@dataclass(frozen=True)
class Offsets:
    """How the SIM stood against the focal-plane frame, per time: turn (its cosine and sine) and shifts [mm]."""

    cosine: Array
    sine: Array
    dy: Array
    dz: Array

    def at(self, index: NDArray[np.intp]) -> Offsets:
        """One entry per event, by the index of its time."""
        return Offsets(self.cosine[index], self.sine[index], self.dy[index], self.dz[index])


@dataclass(frozen=True)
class Aspect:
    """An aspect solution: times (n,) [s], attitudes (n, 4), dy, dz [mm] and dtheta [deg] of the SIM, each (n,)."""

    time: Array
    q: Array
    dy: Array
    dz: Array
    dtheta: Array

    @cached_property
    def moving(self) -> bool:
        """Whether dy, dz, dtheta are other than zero (solutions of today have them in the attitude)."""
        return bool(np.any(self.dy) or np.any(self.dz) or np.any(self.dtheta))


def aspect_of(solution: Table) -> Aspect:
    """The aspect in an ASPSOL table: columns time, ra, dec, roll [deg], and dy, dz [mm], dtheta [deg] if there.

    Raises
    ------
    BadData
        If there are no rows, times go back, or a value is not finite.
    """
    if not len(solution):
        raise BadData(f"aspect solution {solution.name} has no rows: deliver one that covers the observation")
    time = np.asarray(solution["time"], float)
    angles = [np.asarray(solution[name], float) for name in ("ra", "dec", "roll")]
    zero = np.zeros(len(time))
    shifts = [np.asarray(solution[name], float) if name in solution else zero for name in ("dy", "dz", "dtheta")]
    usable = np.all(np.isfinite([time, *angles, *shifts]), axis=0)
    if not usable.all():
        raise BadData(
            f"aspect solution {solution.name}: {np.count_nonzero(~usable)} rows hold values that are no numbers"
        )
    if np.any(np.diff(time) <= 0):
        raise BadData(f"aspect solution {solution.name}: its times do not ascend")
    q = geometry.quaternion_from_angles(*angles)
    flips = np.cumprod(np.where(np.sum(q[1:] * q[:-1], axis=1) < 0, -1.0, 1.0))
    q[1:] *= flips[:, None]  # q and -q are one attitude: neighbours alike, so that they can be interpolated
    return Aspect(time, q, *shifts)


def attitudes(aspect: Aspect, times: ArrayLike, max_gap: float = MAX_GAP) -> tuple[Array, Offsets | None]:
    """Attitudes (m, 4), NaN where the solution has a gap or does not reach, and the SIM's offsets (None: all zero).

    Between samples linear; the quaternions are made unit ones again, which over the arcseconds between samples of
    a dither is exact.
    """
    at = np.asarray(times, float)
    after = np.clip(np.searchsorted(aspect.time, at, side="right"), 1, max(1, len(aspect.time) - 1))
    before = after - 1
    after = np.minimum(after, len(aspect.time) - 1)
    step = aspect.time[after] - aspect.time[before]
    share = np.divide(at - aspect.time[before], step, out=np.zeros_like(at), where=step > 0)
    q = aspect.q[before] + (aspect.q[after] - aspect.q[before]) * share[:, None]
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    outside = (at < aspect.time[0] - REACH) | (at > aspect.time[-1] + REACH)
    q[((step > max_gap) & (share > 0) & (share < 1)) | outside] = np.nan
    if not aspect.moving:
        return q, None
    dy, dz, turn = (v[before] + (v[after] - v[before]) * share for v in (aspect.dy, aspect.dz, aspect.dtheta))
    angle = np.radians(turn)
    return q, Offsets(np.cos(angle), np.sin(angle), dy, dz)


def det_maps(instrument: str, sim_x: float, sim_z: float) -> Array:
    """Coefficients (chips + 1, 9) of chip → FC: y, z and (F - x) times the DET pixel, each ``c0 + c1 x + c2 y``.

    Row by chip_id; the last row, and those of numbers that no chip has, are NaN.
    """
    chips = geometry.chips(instrument)
    maps = np.full((max(chips) + 2, 9), np.nan)
    scale = geometry.INSTRUMENTS[geometry.detector_of(instrument)].det_pixel
    offset = geometry.instrument_offset(instrument, sim_x, sim_z)
    for chip in chips.values():
        origin = chip.corner + offset - 0.5 * (chip.step_x + chip.step_y)
        rows = np.column_stack([origin, chip.step_x, chip.step_y])
        depth = np.array([geometry.FOCAL_LENGTH - origin[0], -chip.step_x[0], -chip.step_y[0]]) * scale
        maps[chip.chip_id] = np.concatenate([rows[1], rows[2], depth])
    return maps


def chip_to_det(
    instrument: str, maps: Array, chip_id: NDArray[np.integer], x: Array, y: Array, offsets: Offsets | None = None
) -> tuple[Array, Array]:
    """DETX, DETY [pixel] of chip coordinates.

    Parameters
    ----------
    maps
        `det_maps` of the SIM offset.
    chip_id, x, y
        (n,) chip and coordinates [pixel], not necessarily whole. Numbers that no chip has give NaN.
    offsets
        Of the aspect at each event's time.
    """
    centre = geometry.INSTRUMENTS[geometry.detector_of(instrument)].centre
    if not len(chip_id):
        return np.zeros(0), np.zeros(0)
    low, high = int(chip_id.min()), int(chip_id.max())
    if low == high:  # one chip: no need to look its numbers up for each event
        c = maps[low if 0 <= low < len(maps) else -1]
    else:
        row = np.where((chip_id < 0) | (chip_id >= len(maps)), len(maps) - 1, chip_id)
        c = [np.take(maps[:, k], row) for k in range(9)]
    along, up = c[0] + c[1] * x + c[2] * y, c[3] + c[4] * x + c[5] * y
    if offsets is not None:
        turned = offsets.cosine * along + offsets.sine * up + offsets.dy
        up = offsets.cosine * up - offsets.sine * along + offsets.dz
        along = turned
    scale = 1 / (c[6] + c[7] * x + c[8] * y)
    return centre + along * scale, centre - up * scale


def det_to_chip(
    instrument: str, chip_id: int, detx: ArrayLike, dety: ArrayLike, sim_x: float, sim_z: float
) -> tuple[Array, Array]:
    """Coordinates on (the plane of) one chip of DET coordinates, without offsets of the aspect: the inverse."""
    frame = geometry.INSTRUMENTS[geometry.detector_of(instrument)]
    c = det_maps(instrument, sim_x, sim_z)[chip_id]
    u, v = np.asarray(detx, float) - frame.centre, frame.centre - np.asarray(dety, float)
    # u (c6 + c7 x + c8 y) = c0 + c1 x + c2 y and the same for v: two linear equations
    a11, a12, b1 = c[1] - u * c[7], c[2] - u * c[8], u * c[6] - c[0]
    a21, a22, b2 = c[4] - v * c[7], c[5] - v * c[8], v * c[6] - c[3]
    determinant = a11 * a22 - a12 * a21
    return (b1 * a22 - b2 * a12) / determinant, (a11 * b2 - a21 * b1) / determinant


def sky_maps(instrument: str, q: Array, ra_nom: float, dec_nom: float) -> Array:
    """Coefficients (m, 8) of DET → sky at attitudes (m, 4).

    With u, v = DET minus centre: X - centre = (h0 + h1 u + h2 v) / d and Y - centre = (h3 + h4 u + h5 v) / d,
    d = 1 + h6 u + h7 v. Sky pixels have the size of DET pixels (TCDLT of X and Y in real event lists).
    """
    pixel = geometry.INSTRUMENTS[geometry.detector_of(instrument)].det_pixel
    q1, q2, q3, q4 = np.moveaxis(np.asarray(q, float), -1, 0)
    columns = np.stack(
        [
            [1 - 2 * (q2 * q2 + q3 * q3), 2 * (q1 * q2 - q3 * q4), 2 * (q1 * q3 + q2 * q4)],
            [2 * (q1 * q2 + q3 * q4), 1 - 2 * (q1 * q1 + q3 * q3), 2 * (q2 * q3 - q1 * q4)],
            [2 * (q1 * q3 - q2 * q4), 2 * (q2 * q3 + q1 * q4), 1 - 2 * (q1 * q1 + q2 * q2)],
        ]
    )  # body axes in the equatorial frame, [component, axis, time]
    frame = geometry.attitude_matrix(ra_nom, dec_nom, 0.0)  # toward the nominal pointing, east, north
    m = np.einsum("ci,cat->iat", frame, columns)
    m = m / m[0, 0]
    scale = np.array([1.0, -pixel, pixel])[:, None]  # the ray of DET (u, v) is (1, -u p, v p) in body axes
    east, north = -m[1] * scale / pixel, m[2] * scale / pixel
    return np.ascontiguousarray(np.concatenate([east, north, (m[0] * scale)[1:]]).T)


def det_to_sky(instrument: str, maps: Array, index: NDArray[np.intp], detx: Array, dety: Array) -> tuple[Array, Array]:
    """Sky X, Y [pixel] of DET coordinates; ``index`` (n,) says which row of `sky_maps` belongs to each event."""
    centre = geometry.INSTRUMENTS[geometry.detector_of(instrument)].centre
    h = [np.take(maps[:, k], index) for k in range(8)] if len(maps) > 1 else maps[0]
    u, v = detx - centre, dety - centre
    scale = 1 / (1 + h[6] * u + h[7] * v)
    return centre + (h[0] + h[1] * u + h[2] * v) * scale, centre + (h[3] + h[4] * u + h[5] * v) * scale


def sky_to_det(instrument: str, maps: Array, index: NDArray[np.intp], x: Array, y: Array) -> tuple[Array, Array]:
    """The inverse of `det_to_sky`: DET coordinates at which sky positions [pixel] are seen."""
    centre = geometry.INSTRUMENTS[geometry.detector_of(instrument)].centre
    h = [np.take(maps[:, k], index) for k in range(8)]
    east, north = np.asarray(x, float) - centre, np.asarray(y, float) - centre
    a11, a12, b1 = h[1] - east * h[6], h[2] - east * h[7], east - h[0]
    a21, a22, b2 = h[4] - north * h[6], h[5] - north * h[7], north - h[3]
    determinant = a11 * a22 - a12 * a21
    return centre + (b1 * a22 - b2 * a12) / determinant, centre + (a11 * b2 - a21 * b1) / determinant


def sky_pixel(instrument: str, ra: ArrayLike, dec: ArrayLike, ra_nom: float, dec_nom: float) -> tuple[Array, Array]:
    """Sky X, Y [pixel] of places [deg] in the tangent plane of a nominal pointing."""
    frame = geometry.INSTRUMENTS[geometry.detector_of(instrument)]
    toward = geometry.unit_vector(ra, dec) @ geometry.attitude_matrix(ra_nom, dec_nom, 0.0)
    scale = 1 / frame.det_pixel / toward[..., 0]
    return frame.centre - toward[..., 1] * scale, frame.centre + toward[..., 2] * scale


def sky_place(instrument: str, x: ArrayLike, y: ArrayLike, ra_nom: float, dec_nom: float) -> tuple[Array, Array]:
    """Right ascension and declination [deg] of sky pixels: the inverse of `sky_pixel`."""
    frame = geometry.INSTRUMENTS[geometry.detector_of(instrument)]
    east = (frame.centre - np.asarray(x, float)) * frame.det_pixel
    north = (np.asarray(y, float) - frame.centre) * frame.det_pixel
    toward = np.stack([np.ones_like(east), east, north], axis=-1)
    return geometry.ra_dec(toward @ geometry.attitude_matrix(ra_nom, dec_nom, 0.0).T)


def place_error(dec: Array, ra_err: Array, dec_err: Array) -> Array:
    """Error of places along one axis, the root mean square of both, in the unit of the errors.

    Parameters
    ----------
    dec
        [deg]
    ra_err, dec_err
        1 sigma; of right ascension in angles of right ascension, which are longer by 1 / cos(dec).
    """
    return np.asarray(np.hypot(ra_err * np.cos(np.radians(dec)), dec_err) / np.sqrt(2), float)
