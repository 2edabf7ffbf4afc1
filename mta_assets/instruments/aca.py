"""The aspect camera (ACA): pixels to angles and back, magnitudes and counts.

Pixel coordinates are those of the camera's calibration: row and column grow from the corner of the CCD's four quadrants
(0, 0), and pixel (r, c) of telemetry covers r … r+1, so that its centre is r + 0.5 (sot/chandra_aca ``transform``,
"edge" convention). Angles are Y and Z angles in arcsec, ``tan(yag) = y / x`` of a body vector.

The polynomial has the 19 terms of the ACA equations document (section 2.2.4) in row r, column c and the temperature t
of the camera housing [°C]. Numbers of the coefficients: ground calibration of 2020
(cxc.cfa.harvard.edu/mta/ASPECT/aca_plate_scale/calib_2020, as listed in sot/chandra_aca), zero point of the EEPROM.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

ARCSEC = np.pi / 180 / 3600  # [rad]
HOUSING = 35.0  # [°C] usual temperature of the camera housing
MAG_ZERO, RATE_ZERO = 10.32, 5263.0  # magnitude of so many electrons a second (CALDB acapD1998-12-14ccdN0002)
GAIN = 5.0  # [electron/DN]
CENTRE = 0.5  # from the index of a pixel to the coordinate of its centre

# terms: powers of (row, column, temperature)
TERMS = (
    (0, 0, 0), (0, 1, 0), (1, 0, 0), (0, 0, 1), (0, 2, 0), (1, 1, 0), (0, 1, 1), (2, 0, 0), (1, 0, 1), (0, 0, 2),
    (0, 3, 0), (1, 2, 0), (0, 2, 1), (2, 1, 0), (1, 1, 1), (0, 1, 2), (3, 0, 0), (2, 0, 1), (1, 0, 2),
)  # fmt: skip
GROUND_YAG = (
    30.3464845, 8.23205783e-03, -4.99553676, 0.0, -1.37602599e-06, -1.09954525e-06, -2.90995528e-07, -6.20856605e-06,
    1.54786392e-04, 0.0, 5.48539877e-10, 1.17004831e-07, 1.18654095e-08, -1.47271099e-10, -5.27874970e-09,
    5.17812325e-08, 1.18612895e-07, -3.82947347e-09, -3.87317729e-07,
)  # fmt: skip
GROUND_ZAG = (
    -24.6503911, 4.99591058, 9.23841252e-03, 0.0, 2.42501739e-06, 4.56650996e-06, -1.39358988e-04, 1.25436052e-06,
    -1.17830290e-04, 0.0, -1.20837365e-07, -3.32899187e-10, -5.22646769e-09, -1.17362370e-07, -6.02546684e-09,
    -3.09403378e-07, -3.38209660e-10, 9.81968414e-09, 3.94460903e-06,
)  # fmt: skip


@dataclass(frozen=True)
class Camera:
    """Calibration of the camera: coefficients [arcsec] of the terms for Y and Z angle."""

    yag: tuple[float, ...] = GROUND_YAG
    zag: tuple[float, ...] = GROUND_ZAG


GROUND = Camera()


def pixels_to_angles(
    row: ArrayLike, col: ArrayLike, temperature: ArrayLike = HOUSING, camera: Camera = GROUND
) -> tuple[Array, Array]:
    """Y and Z angles [arcsec] of pixel coordinates (edge convention), at a housing temperature [°C]."""
    r, c, t = np.broadcast_arrays(*(np.asarray(x, float) for x in (row, col, temperature)))
    yag, zag = np.zeros(r.shape), np.zeros(r.shape)
    powers = {axis: (1.0, x, x * x, x * x * x) for axis, x in enumerate((r, c, t))}
    for (i, j, k), y, z in zip(TERMS, camera.yag, camera.zag, strict=True):
        term = powers[0][i] * powers[1][j] * powers[2][k]
        yag += y * term
        zag += z * term
    return yag, zag


def angles_to_pixels(
    yag: ArrayLike, zag: ArrayLike, temperature: ArrayLike = HOUSING, camera: Camera = GROUND
) -> tuple[Array, Array]:
    """Pixel coordinates (edge convention) of Y and Z angles [arcsec]: the inverse, to 1e-9 pixel.

    Newton's iteration with the plate scale at the centre as its matrix; the distortion is a few parts in a thousand,
    so that every round wins two digits.
    """
    y, z, t = np.broadcast_arrays(*(np.asarray(x, float) for x in (yag, zag, temperature)))
    inverse = np.linalg.inv([[camera.yag[2], camera.yag[1]], [camera.zag[2], camera.zag[1]]])
    row, col = np.zeros(y.shape), np.zeros(y.shape)
    for _ in range(8):
        found_y, found_z = pixels_to_angles(row, col, t, camera)
        row = row + inverse[0, 0] * (y - found_y) + inverse[0, 1] * (z - found_z)
        col = col + inverse[1, 0] * (y - found_y) + inverse[1, 1] * (z - found_z)
    return row, col


def body_vectors(yag: ArrayLike, zag: ArrayLike) -> Array:
    """Unit vectors (…, 3) in body axes of Y and Z angles [arcsec]."""
    y, z = np.tan(np.asarray(yag, float) * ARCSEC), np.tan(np.asarray(zag, float) * ARCSEC)
    vectors = np.stack([np.ones(np.broadcast_shapes(y.shape, z.shape)), *np.broadcast_arrays(y, z)], axis=-1)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float64)


def body_angles(vectors: Array) -> tuple[Array, Array]:
    """Y and Z angles [arcsec] of body vectors (…, 3)."""
    yag = np.arctan2(vectors[..., 1], vectors[..., 0]) / ARCSEC
    return yag, np.arctan2(vectors[..., 2], vectors[..., 0]) / ARCSEC


def magnitude(rate: ArrayLike) -> Array:
    """Instrumental magnitude of a rate [electron/s]; NaN where nothing is there."""
    counts = np.asarray(rate, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(counts > 0, MAG_ZERO - 2.5 * np.log10(np.where(counts > 0, counts, 1.0) / RATE_ZERO), np.nan)


def rate_of(mag: ArrayLike) -> Array:
    """Electrons a second of a magnitude."""
    return RATE_ZERO * 10 ** (0.4 * (MAG_ZERO - np.asarray(mag, float)))
