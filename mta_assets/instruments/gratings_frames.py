"""From places on the detector to diffraction angles: the three dimensions of the Rowland spectrograph, block by block.

Frames as in :mod:`mta_assets.instruments.geometry`. The zero order is where undispersed light of the source meets the
focal plane at the moment of the event; the grating node lies on that ray at the Rowland distance before it. An event
is seen from the node under ``tg_r`` along and ``tg_d`` across the dispersion (McDowell and Huenemoerder, "Coordinate
systems …, paper III: dispersed spectra", grating angular coordinates).

Arrays are float64 and of one length; nothing is changed in place. All of it is arithmetic of whole arrays, so that it
runs at memory speed if the caller hands over blocks that fit into the cache.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.instruments.geometry import (
    FOCAL_LENGTH,
    INSTRUMENTS,
    chips,
    detector_of,
    instrument_offset,
)

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Planes:
    """The chips of an instrument at one SIM offset, by chip_id, for look-up with whole arrays of events.

    Parameters
    ----------
    known
        For each chip_id whether there is such a chip.
    origin, along, up
        FC position [mm] of chip coordinates (0, 0) and steps of one pixel, shape (3, chips): x, y, z.
    tilt
        The plane as ``x + tilt[0] y + tilt[1] z = distance``, shape (2, chips).
    distance
        [mm], shape (chips,).
    """

    name: str
    known: NDArray[np.bool_]
    origin: Array
    along: Array
    up: Array
    tilt: Array
    distance: Array


def planes(instrument: str, sim_x: float, sim_z: float) -> Planes:
    """Chip planes of an instrument for a SIM offset [mm]."""
    found = chips(instrument)
    count = max(found) + 1
    origin, along, up = (np.zeros((3, count)) for _ in range(3))
    offset = instrument_offset(instrument, sim_x, sim_z)
    for number, chip in found.items():
        along[:, number] = chip.step_x
        up[:, number] = chip.step_y
        origin[:, number] = chip.corner + offset - (along[:, number] + up[:, number]) / 2
    known = np.zeros(count, bool)
    known[list(found)] = True
    normal = np.cross(along, up, axis=0)
    normal[0, ~known] = 1.0
    normal = normal / normal[0]
    distance = np.sum(normal * origin, axis=0)
    return Planes(detector_of(instrument), known, origin, along, up, normal[1:], distance)


def check_chips(chip_id: NDArray[np.integer], seen: Planes) -> NDArray[np.intp]:
    """Chip numbers as indices.

    Raises
    ------
    BadData
        If one is not in the geometry.
    """
    index = chip_id.astype(np.intp)
    if len(index) and (index.min() < 0 or index.max() >= len(seen.known) or not seen.known[index].all()):
        wrong = sorted({int(one) for one in index} - set(np.flatnonzero(seen.known).tolist()))
        raise BadData(
            f"events on chips {wrong}, which {seen.name} does not have; it has {np.flatnonzero(seen.known).tolist()}: "
            "the event list is of another instrument or damaged"
        )
    return index


def chip_points(index: NDArray[np.intp], chipx: Array, chipy: Array, seen: Planes) -> tuple[Array, Array, Array]:
    """FC x, y, z [mm] of chip coordinates [pixel]."""
    x, y, z = (_affine(seen.origin[axis], seen.along[axis], seen.up[axis], index, chipx, chipy) for axis in range(3))
    return x, y, z


def _affine(origin: Array, along: Array, up: Array, index: NDArray[np.intp], chipx: Array, chipy: Array) -> Array:
    """One coordinate of chip points; few arrays at once, so that they stay in the cache."""
    value = along.take(index)
    value *= chipx
    step = up.take(index)
    step *= chipy
    value += step
    value += origin.take(index)
    return value


def det_points(index: NDArray[np.intp], detx: Array, dety: Array, seen: Planes) -> tuple[Array, Array, Array]:
    """FC x, y, z [mm] at which the light that is drawn at DET coordinates [pixel] meets its chip."""
    frame = INSTRUMENTS[seen.name]
    a, b = (detx - frame.centre) * frame.det_pixel, (frame.centre - dety) * frame.det_pixel
    length = (FOCAL_LENGTH - seen.distance[index]) / (1 - seen.tilt[0][index] * a - seen.tilt[1][index] * b)
    return FOCAL_LENGTH - length, a * length, b * length


def focus(instrument: str, detx: Array, dety: Array) -> tuple[Array, Array]:
    """FC y, z [mm] in the focal plane (x = 0) of DET coordinates [pixel]."""
    frame = INSTRUMENTS[detector_of(instrument)]
    scale = frame.det_pixel * FOCAL_LENGTH
    return (detx - frame.centre) * scale, (frame.centre - dety) * scale


def undispersed(
    instrument: str,
    detx: Array,
    dety: Array,
    right: Array,
    up: Array,
    place: tuple[float, float],
    roll: float,
) -> tuple[Array, Array]:
    """FC y, z [mm] in the focal plane (x = 0) of the zero order at the time of events.

    Where an event is, less what the two are apart on the sky. DET and sky are planes that touch the sphere at the
    pointing of the moment and at the nominal one: from one to the other a place s moves by the shift d of the pointing
    and, to second order, by ``s (s d)``, 1e-3 pixels at the ends of the HETG's arms with a dither of 10 arcsec. (For
    the zero order itself that is 1e-4 pixels where it lies 10 arcmin off the axis, and left out.)

    Parameters
    ----------
    detx, dety
        Events [pixel].
    right, up
        The same on the sky image, from the zero order [pixel].
    place
        Zero order on the sky image [pixel].
    roll
        Between both [deg].
    """
    frame = INSTRUMENTS[detector_of(instrument)]
    cosine, sine = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    x, y = place[0] - frame.centre, place[1] - frame.centre
    zero_along, zero_across = cosine * x - sine * y, sine * x + cosine * y
    # the event on the sky image along DETX and DETY, from the zero order, then from the middle of the image
    along, across = _turned(right, up, cosine, -sine)
    zero_x, zero_y = detx - along, dety - across
    along += zero_along
    across += zero_across
    bend = along * (zero_along + frame.centre - zero_x)
    bend += across * (zero_across + frame.centre - zero_y)
    bend *= frame.det_pixel**2
    along *= bend
    across *= bend
    zero_x += along
    zero_y += across
    return focus(instrument, zero_x, zero_y)


def diffraction(
    x: Array,
    y: Array,
    z: Array,
    zero_y: Array,
    zero_z: Array,
    cosine: Array | float,
    sine: Array | float,
    rowland: float,
) -> tuple[Array, Array]:
    """Tangents of the diffraction angles of FC points.

    Parameters
    ----------
    x, y, z
        Events, FC [mm].
    zero_y, zero_z
        Zero order in the focal plane at the time of each event, FC [mm].
    cosine, sine
        Of the angle between the dispersion direction and FC +Y.
    rowland
        Distance of the grating node from the focus [mm].

    Returns
    -------
    along, across
        ``tan(tg_r)`` and ``tan(tg_d)``.
    """
    # axes along and across the dispersion, turned from FC y and z about the optical axis
    zero_along, zero_across = _turned(zero_y, zero_z, cosine, sine)
    d_along, d_across = _turned(y, z, cosine, sine)
    d_along -= zero_along
    d_across -= zero_across
    inverse = 1 / np.sqrt(zero_along * zero_along + zero_across * zero_across + FOCAL_LENGTH**2)
    # how far an event lies before the zero order along the undispersed ray; the node is ``rowland`` before it
    depth = x * FOCAL_LENGTH
    depth -= d_along * zero_along
    depth -= d_across * zero_across
    depth *= inverse
    # the dispersion direction is at right angles to that ray: what it leans, and its length
    lean = zero_along * inverse
    d_along += lean * depth
    scale = (1 + lean * lean / 2) / (rowland - depth)  # of 1 / sqrt(1 - lean²): to 1e-9 half a degree off the axis
    d_along *= scale
    d_across *= FOCAL_LENGTH
    d_across += x * zero_across
    d_across *= inverse
    d_across *= scale
    d_across *= 1 - d_along * d_along / 2  # of 1 / sqrt(1 + tan²): to 7e-7 of tg_d at 2 deg
    return d_along, d_across


def _turned(y: Array, z: Array, cosine: Array | float, sine: Array | float) -> tuple[Array, Array]:
    """y and z in axes that are turned by an angle."""
    along = y * cosine
    along += z * sine
    across = z * cosine
    across -= y * sine
    return along, across


def small_arctan(tangent: Array) -> Array:
    """Arc tangent [rad] of numbers below 0.04 (2.3 deg) to 1e-14: the series, five times as fast as the real one."""
    square = tangent * tangent
    return tangent * (1 - square * (1 / 3 - square * (1 / 5 - square / 7)))
