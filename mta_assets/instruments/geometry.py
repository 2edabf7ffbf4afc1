"""Where a photon lands and where it came from: sky, focal-plane, detector-plane and chip coordinates.

Frames, each a plain array of vectors, so that the functions compose (Chandra coordinate memos of J. McDowell,
"Coordinate systems for analysis of on-orbit Chandra data", papers I and III; checked against real event lists):

- sky: right ascension and declination [deg] or a unit vector in the equatorial frame (ICRS);
- body: spacecraft axes, +X from the mirror to the target. A quaternion (q1, q2, q3, q4), scalar last, turns
  body vectors into equatorial ones;
- FC: focal-plane millimetres, origin at the focus, same axes; the mirror node is at (F, 0, 0);
- DET: tangent-plane pixels, ``DETX = centre + y / (F - x) / p``, ``DETY = centre - z / (F - x) / p``, with p
  the angular size of a pixel that the products state (TCDLT), not the chip's pixel over the focal length:
  the two differ by 0.14 % for ACIS, three pixels at the ends of ACIS-S;
- chip: ``chipx``, ``chipy`` [pixel], the centre of the first pixel is 1. A chip point lies ``(chipx - 1/2) p`` and
  ``(chipy - 1/2) p`` along its two edges from its corner, with p the size of a pixel: the corners of the table only
  give the directions. (Dividing the edges by the number of pixels instead is 0.07 pixels off at the far end of an ACIS
  chip and 1.1 pixels at that of HRC-I: seen in real event lists, whose DET of unsplit events this gives to 5e-4.)

All functions are vectorised over leading dimensions and change nothing that they are given.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.errors import ConfigError

Vectors = NDArray[np.float64]

FOCAL_LENGTH = 10070.0  # [mm] mirror node to focus; CALDB telD1999-07-23geomN0006 era value, FOC_LEN of the products
ARCSEC = np.pi / 180 / 3600  # [rad]


@dataclass(frozen=True)
class Instrument:
    """A focal-plane instrument as the geometry sees it.

    Parameters
    ----------
    origin
        STT origin of its chip coordinates (LSI) at SIM offset zero [mm] (CALDB geometry file, INSTRUMENTS).
    pixel
        Size of a chip pixel [mm].
    det_pixel
        Angular size of a DET pixel [rad] (TCDLT of the DET columns of real products).
    centre
        DET coordinate of the optical axis [pixel].
    """

    origin: tuple[float, float, float]
    pixel: float
    det_pixel: float
    centre: float


INSTRUMENTS = {
    "ACIS": Instrument((0.684, 0.750, 236.552), 0.023987, 0.492 * ARCSEC, 4096.5),
    "HRC-I": Instrument((1.04, 0.978, -132.028), 0.0064294, 0.1318 * ARCSEC, 16384.5),
    "HRC-S": Instrument((1.533, 1.53, -251.437), 0.0064294, 0.1318 * ARCSEC, 32768.5),
}

# SIM offsets (SIM_X, SIM_Z) [mm] that bring each aim point to the axis: values of real event files
AIM_POINTS = {
    "ACIS-I": (-0.78234819833843, -233.5924630914),
    "ACIS-S": (-0.68282252473119, -190.14006604987),
    "HRC-I": (-1.0388663562383, 126.98549430529),
    "HRC-S": (-1.5333, 250.466),
}


@dataclass(frozen=True, eq=False)
class Chip:
    """One flat detector, in LSI millimetres: its corner and the steps from pixel to pixel along its two edges."""

    chip_id: int
    name: str
    size: tuple[int, int]
    corner: Vectors
    step_x: Vectors
    step_y: Vectors


def detector_of(instrument: str) -> str:
    """The geometry's name of an instrument: ``ACIS-S`` and ``ACIS-I`` are one detector."""
    name = "ACIS" if instrument.startswith("ACIS") else instrument
    if name not in INSTRUMENTS:
        raise ConfigError(f"instrument {instrument!r} has no geometry; known: {', '.join(INSTRUMENTS)}, ACIS-I, ACIS-S")
    return name


@lru_cache
def chips(instrument: str) -> dict[int, Chip]:
    """Chips of an instrument by chip_id, from ``chips.csv`` (numbers of CALDB telD1999-07-23geomN0006, INSTGEOM)."""
    detector = detector_of(instrument)
    found: dict[int, Chip] = {}
    with (Path(__file__).parent / "chips.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["instrument"] != detector:
                continue
            ll, lr, ul = (np.array([float(row[f"{c}_{axis}"]) for axis in "xyz"]) for c in ("ll", "lr", "ul"))
            chip_id = int(row["chip_id"])
            size = (int(row["nx"]), int(row["ny"]))
            pixel = INSTRUMENTS[detector].pixel
            steps = (edge * (pixel / np.linalg.norm(edge)) for edge in (lr - ll, ul - ll))
            found[chip_id] = Chip(chip_id, row["name"], size, ll, *steps)
    return found


def instrument_offset(instrument: str, sim_x: float, sim_z: float) -> Vectors:
    """FC position [mm] of the instrument's LSI origin for a SIM offset [mm]."""
    origin = INSTRUMENTS[detector_of(instrument)].origin
    return np.array([origin[0] + sim_x, origin[1], origin[2] + sim_z])


def chip_to_fc(
    instrument: str, chip_id: int, chipx: ArrayLike, chipy: ArrayLike, sim_x: float, sim_z: float
) -> Vectors:
    """FC millimetres, shape (n, 3), of chip coordinates [pixel] of one chip."""
    chip = chips(instrument)[chip_id]
    along, up = np.asarray(chipx, float) - 0.5, np.asarray(chipy, float) - 0.5
    plane = chip.corner + along[..., None] * chip.step_x + up[..., None] * chip.step_y
    return plane + instrument_offset(instrument, sim_x, sim_z)


def fc_to_det(instrument: str, fc: Vectors) -> tuple[Vectors, Vectors]:
    """DETX, DETY [pixel] of FC positions [mm]."""
    frame = INSTRUMENTS[detector_of(instrument)]
    scale = 1 / frame.det_pixel / (FOCAL_LENGTH - fc[..., 0])
    return frame.centre + fc[..., 1] * scale, frame.centre - fc[..., 2] * scale


def fc_to_body(fc: Vectors) -> Vectors:
    """Unit vectors to the sky, body axes, of the light that reaches FC positions through the mirror node."""
    toward = np.array([FOCAL_LENGTH, 0.0, 0.0]) - fc
    return np.asarray(toward / np.linalg.norm(toward, axis=-1, keepdims=True), dtype=np.float64)


def rays_to_chip(
    instrument: str,
    start: Vectors,
    direction: Vectors,
    sim_x: float,
    sim_z: float,
    wanted: tuple[int, ...] | None = None,
) -> tuple[NDArray[np.int16], Vectors, Vectors]:
    """Where rays hit the chips.

    Parameters
    ----------
    start, direction
        Points on the rays and directions of flight, FC axes [mm], shape (n, 3) or broadcastable to it.
    sim_x, sim_z
        SIM offset [mm].
    wanted
        Only these chips; all of the instrument's if None.

    Returns
    -------
    chip_id, chipx, chipy
        Chip (-1: none was hit) and continuous pixel coordinates, each of shape (n,).
    """
    offset = instrument_offset(instrument, sim_x, sim_z)
    start, direction = np.broadcast_arrays(np.asarray(start, float), np.asarray(direction, float))
    chip_id = np.full(len(direction), -1, dtype=np.int16)
    chipx = np.zeros(len(direction))
    chipy = np.zeros(len(direction))
    for chip in chips(instrument).values():
        if wanted is not None and chip.chip_id not in wanted:
            continue
        normal = np.cross(chip.step_x, chip.step_y)
        corner = chip.corner + offset
        with np.errstate(divide="ignore", invalid="ignore"):
            length = ((corner - start) @ normal) / (direction @ normal)
        on_plane = start + length[:, None] * direction - corner
        # the edges of the table are not quite at right angles: oblique coordinates
        across, up = np.cross(chip.step_y, normal), np.cross(normal, chip.step_x)
        x = on_plane @ across / (chip.step_x @ across) + 0.5
        y = on_plane @ up / (chip.step_y @ up) + 0.5
        hit = (x >= 0.5) & (x < chip.size[0] + 0.5) & (y >= 0.5) & (y < chip.size[1] + 0.5) & (chip_id < 0)
        chip_id[hit] = chip.chip_id
        chipx[hit] = x[hit]
        chipy[hit] = y[hit]
    return chip_id, chipx, chipy


def body_to_chip(
    instrument: str, body: Vectors, sim_x: float, sim_z: float, wanted: tuple[int, ...] | None = None
) -> tuple[NDArray[np.int16], Vectors, Vectors]:
    """Chip coordinates of light from unit vectors ``body`` (to the sky): straight on through the mirror node."""
    return rays_to_chip(instrument, np.array([[FOCAL_LENGTH, 0.0, 0.0]]), -body, sim_x, sim_z, wanted)


def unit_vector(ra: ArrayLike, dec: ArrayLike) -> Vectors:
    """Equatorial unit vectors, shape (…, 3), of right ascension and declination [deg]."""
    a, d = np.radians(np.asarray(ra, float)), np.radians(np.asarray(dec, float))
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


def ra_dec(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """Right ascension (0 to 360) and declination [deg] of vectors."""
    ra = np.degrees(np.arctan2(vectors[..., 1], vectors[..., 0])) % 360
    return ra, np.degrees(np.arctan2(vectors[..., 2], np.hypot(vectors[..., 0], vectors[..., 1])))


def attitude_matrix(ra: ArrayLike, dec: ArrayLike, roll: ArrayLike) -> Vectors:
    """Matrices, shape (…, 3, 3), whose columns are the body axes in the equatorial frame.

    Rz(ra) Ry(-dec) Rx(roll): at roll 0 the body +Z axis points north and +Y east.
    """
    a, d, r = (np.radians(np.asarray(angle, float)) for angle in np.broadcast_arrays(ra, dec, roll))
    ca, sa, cd, sd, cr, sr = np.cos(a), np.sin(a), np.cos(d), np.sin(d), np.cos(r), np.sin(r)
    rows = [
        [ca * cd, -ca * sd * sr - sa * cr, -ca * sd * cr + sa * sr],
        [sa * cd, -sa * sd * sr + ca * cr, -sa * sd * cr - ca * sr],
        [sd, cd * sr, cd * cr],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quaternion_from_angles(ra: ArrayLike, dec: ArrayLike, roll: ArrayLike) -> Vectors:
    """Attitude quaternion (q1, q2, q3, q4), scalar last and not negative, of ra, dec, roll [deg]."""
    a, d, r = (np.radians(np.asarray(angle, float)) / 2 for angle in np.broadcast_arrays(ra, dec, roll))
    zero = np.zeros_like(a)
    spin = np.stack([zero, zero, np.sin(a), np.cos(a)], axis=-1)
    tilt = np.stack([zero, -np.sin(d), zero, np.cos(d)], axis=-1)
    turn = np.stack([np.sin(r), zero, zero, np.cos(r)], axis=-1)
    q = multiply(multiply(spin, tilt), turn)
    return np.where(q[..., 3:] < 0, -q, q)


def multiply(p: Vectors, q: Vectors) -> Vectors:
    """Quaternion product: the rotation ``q`` in the frame that ``p`` has turned to, i.e. matrix(p) @ matrix(q)."""
    p1, p2, p3, p4 = np.moveaxis(np.asarray(p, float), -1, 0)
    q1, q2, q3, q4 = np.moveaxis(np.asarray(q, float), -1, 0)
    return np.stack(
        [
            p4 * q1 + p1 * q4 + p2 * q3 - p3 * q2,
            p4 * q2 - p1 * q3 + p2 * q4 + p3 * q1,
            p4 * q3 + p1 * q2 - p2 * q1 + p3 * q4,
            p4 * q4 - p1 * q1 - p2 * q2 - p3 * q3,
        ],
        axis=-1,
    )


def conjugate(q: Vectors) -> Vectors:
    """The inverse rotation."""
    return q * np.array([-1.0, -1.0, -1.0, 1.0])


def rotate(q: Vectors, vectors: Vectors) -> Vectors:
    """Body vectors turned into the equatorial frame by the attitude ``q`` (broadcast over leading dimensions)."""
    axis, scalar = q[..., :3], q[..., 3:]
    twice = 2 * np.cross(axis, vectors)
    return np.asarray(vectors + scalar * twice + np.cross(axis, twice), dtype=np.float64)


def sky_to_body(ra: ArrayLike, dec: ArrayLike, q: Vectors) -> Vectors:
    """Unit vectors in body axes of sky positions [deg] at the attitude ``q``."""
    return rotate(conjugate(q), unit_vector(ra, dec))


def body_to_sky(body: Vectors, q: Vectors) -> tuple[Vectors, Vectors]:
    """Right ascension and declination [deg] of body vectors at the attitude ``q``."""
    return ra_dec(rotate(q, body))


def angles_from_quaternion(q: Vectors) -> tuple[Vectors, Vectors, Vectors]:
    """Right ascension, declination, roll [deg, roll 0 to 360] of attitude quaternions."""
    ra, dec = ra_dec(rotate(q, np.array([1.0, 0.0, 0.0])))
    y_north = rotate(q, np.array([0.0, 1.0, 0.0]))[..., 2]
    z_north = rotate(q, np.array([0.0, 0.0, 1.0]))[..., 2]
    return ra, dec, np.degrees(np.arctan2(y_north, z_north)) % 360
