"""From DET pixels to sky pixels with the attitude at each event's time, and the fids' shift of the detector.

A direction in body axes is ``(1, -(DETX - c) p, (DETY - c) p)`` (`instruments.geometry`), turned by the attitude and
projected on the tangent plane about the nominal pointing (FITS TAN). The attitude is that of the nominal pointing times
a small turn, kept as Rodrigues vectors ``g = axis * tan(angle / 2)``: exact for any angle, smooth, three numbers to
interpolate. Source of the algebra: Markley & Crassidis (2014), section 2.9.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table
from mta_assets.instruments import geometry
from mta_assets.instruments.geometry_sky import MAX_GAP, REACH

Array = NDArray[np.float64]

OFFSETS = ("dy", "dz", "dtheta")  # shift of the fids' frame [mm, mm, deg] in an aspect solution


@dataclass(frozen=True, eq=False)
class Aspect:
    """An aspect solution ready for events.

    Attributes
    ----------
    times
        (n,) ascending [s].
    values
        (6, n): g (3), dy, dz [mm], dtheta [rad] at each sample.
    covered
        (n,) whether the time from each sample to the next is short enough to be interpolated over.
    """

    times: Array
    values: Array
    covered: NDArray[np.bool_]


def prepare(solution: Table, ra_nom: float, dec_nom: float, roll_nom: float) -> Aspect:
    """An aspect solution (time, q_att and, if measured, dy, dz, dtheta) relative to the nominal pointing [deg].

    Raises
    ------
    BadData
        If it has fewer than two rows, its times do not ascend, or a quaternion is not of length one.
    """
    times, q = np.asarray(solution["time"], float), np.asarray(solution["q_att"], float)
    if len(times) < 2 or np.any(np.diff(times) <= 0):
        raise BadData(
            f"aspect solution {solution.name}: expected two or more rows with ascending time, has {len(times)}"
        )
    if not np.all(np.abs(np.linalg.norm(q, axis=1) - 1) < 1e-6):
        raise BadData(f"aspect solution {solution.name}: q_att is not of length one everywhere; drop the damaged rows")
    nominal = geometry.quaternion_from_angles(ra_nom, dec_nom, roll_nom)
    turn = geometry.multiply(geometry.conjugate(nominal), q)
    values = np.zeros((6, len(times)))
    values[:3] = (turn[:, :3] / turn[:, 3:]).T
    for row, name in enumerate(OFFSETS, start=3):
        if name in solution:
            values[row] = np.radians(solution[name]) if name == "dtheta" else solution[name]
    return Aspect(times, values, np.append(np.diff(times) <= MAX_GAP, False))


def at(aspect: Aspect, times: Array) -> tuple[Array, NDArray[np.bool_] | None]:
    """g (3), dy, dz, dtheta as rows of (6, n) at times, and where they are known: None for everywhere.

    Only the samples about the times are looked at: a block of events is short against an observation.
    """
    if not len(times):
        return np.zeros((6, 0)), None
    least, most = float(times.min()), float(times.max())
    low = max(int(np.searchsorted(aspect.times, least, side="right")) - 1, 0)
    high = min(int(np.searchsorted(aspect.times, most)) + 1, len(aspect.times))
    samples = aspect.times[low:high]
    found = np.empty((6, len(times)))
    for row, values in zip(found, aspect.values[:, low:high], strict=True):
        row[:] = np.interp(times, samples, values) if values.any() else 0.0
    if aspect.times[0] <= least and most <= aspect.times[-1] and aspect.covered[low : high - 1].all():
        return found, None
    index = np.clip(np.searchsorted(aspect.times, times, side="right") - 1, 0, len(aspect.times) - 1)
    known = aspect.covered[index] | (times == aspect.times[index])
    outside = (times < aspect.times[0]) | (times > aspect.times[-1])
    near = (times >= aspect.times[0] - REACH) & (times <= aspect.times[-1] + REACH)  # the first and last value hold
    return found, np.where(outside, near, known)


def shift(y: Array, z: Array, offsets: Array) -> tuple[Array, Array]:
    """Focal-plane y, z [mm] turned by dtheta about the optical axis and moved by dy, dz.

    Signs and order as a real HRC-I event list has them: DETX grows by dy / pixel, DETY falls by dz / pixel, and
    the plane turns by dtheta in (DETX, DETY), from DETX to DETY.
    """
    dy, dz, dtheta = offsets
    return y + z * dtheta + dy, z - y * dtheta + dz


def to_sky(detx: Array, dety: Array, turns: Array, roll_nom: float, frame: geometry.Instrument) -> tuple[Array, Array]:
    """Sky X, Y [pixel] of DET pixels; ``turns`` is g, (3, n)."""
    y = (frame.centre - detx) * frame.det_pixel
    z = (dety - frame.centre) * frame.det_pixel
    g1, g2, g3 = turns
    # b + 2 / (1 + g·g) (g × b + g × (g × b)) with b = (1, y, z)
    c1, c2, c3 = g2 * z - g3 * y, g3 - g1 * z, g1 * y - g2
    twice = 2 / (1 + g1 * g1 + g2 * g2 + g3 * g3)
    ahead = 1 + twice * (c1 + g2 * c3 - g3 * c2)
    y = y + twice * (c2 + g3 * c1 - g1 * c3)
    z = z + twice * (c3 + g1 * c2 - g2 * c1)
    # at roll 0 body +Y points east and +Z north
    sine, cosine = np.sin(np.radians(roll_nom)), np.cos(np.radians(roll_nom))
    scale = 1 / (ahead * frame.det_pixel)
    east, north = (cosine * y - sine * z) * scale, (sine * y + cosine * z) * scale
    return frame.centre - east, frame.centre + north
