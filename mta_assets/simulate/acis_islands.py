"""What an X-ray or a particle leaves in the pixels of a CCD: islands of 3x3 or 5x5 pulse heights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments import acis

Array = NDArray[np.float64]
Islands = NDArray[np.int16]

READ_NOISE = 2.0  # [adu] scatter of an empty pixel; corner pixels of real S3 events scatter as much
PAIR_ENERGY = 3.65  # [eV] to make an electron-hole pair in silicon
FANO = 0.115  # Fano factor of silicon
EXTRA_WIDTH_FI, EXTRA_WIDTH_BI = 55.0, 40.0  # [eV] further broadening (transfer noise, gain scatter)
CHARGE_LOSS_FI = 0.03  # part of the charge that front-illuminated chips lose over 1024 transfers (CTI)
CLOUD_FI, CLOUD_BI = 0.06, 0.14  # [pixel] mean width of the charge cloud: gives about the grade mix of real S2 and S3
TRAILING_FI = 1.7  # charge of front-illuminated chips spreads so much wider along the columns (deferred charge)
FULL_SCALE = 4095  # [adu] 12-bit converter


def x_ray_islands(
    ccd_id: NDArray[np.int16], x: Array, y: Array, energy: Array, size: int, rng: np.random.Generator
) -> Islands:
    """Islands (n, size, size), [row, column] with the lowest row first, of X-rays.

    The charge is a Gaussian cloud around the point of impact, shared among the pixels that it covers, with the
    Fano and read noise; the gain is that of chip and node; the central pixel holds the largest pulse height.

    Parameters
    ----------
    x, y
        Continuous chip coordinates: pixel centres at whole numbers.
    energy
        [eV]
    size
        3 or 5.
    """
    back = acis.is_back_illuminated(ccd_id)
    column, row = np.rint(x), np.rint(y)
    node = np.clip(acis.node_id(column), 0, 3)
    sigma = np.sqrt(np.where(back, EXTRA_WIDTH_BI, EXTRA_WIDTH_FI) ** 2 + FANO * PAIR_ENERGY * energy)
    kept = np.where(back, 1.0, 1.0 - CHARGE_LOSS_FI * row / acis.ROWS)
    adu = np.maximum(energy + sigma * rng.standard_normal(len(x)), 0) * kept / acis.gains()[ccd_id, node]
    # clouds differ in size with the depth at which the photon was absorbed
    cloud = np.where(back, CLOUD_BI, CLOUD_FI) * (0.5 + rng.random(len(x)))
    across, up = _shares(x - column, cloud, size), _shares(y - row, np.where(back, 1.0, TRAILING_FI) * cloud, size)
    charge = adu[:, None, None] * up[:, :, None] * across[:, None, :]
    return _centred(_digitised(charge, rng))


def _shares(offset: Array, cloud: Array, size: int) -> Array:
    """Part of a Gaussian cloud in each of ``size`` pixels along an axis, shape (n, size)."""
    edges = np.arange(size + 1) - size / 2
    # logistic curve with the slope that follows the normal integral to 1 %
    steps = 1 / (1 + np.exp(np.clip(-1.702 * (edges - offset[:, None]) / cloud[:, None], -60, 60)))
    return np.diff(steps, axis=1)


def particle_islands(count: int, size: int, rng: np.random.Generator) -> Islands:
    """Islands of charged particles in a front-illuminated chip: charge above the split threshold in every pixel."""
    top = np.minimum(60 + rng.gamma(1.6, 350.0, count), FULL_SCALE)
    rim = rng.random((count, size, size)) ** 1.5 * 0.45 * top[:, None, None] + acis.SPLIT_THRESHOLD + 4 * READ_NOISE
    rim[:, size // 2, size // 2] = top + acis.SPLIT_THRESHOLD
    return _centred(_digitised(rim, rng))


def single_islands(height: Array, size: int, rng: np.random.Generator) -> Islands:
    """Islands of a single hot pixel of some height [adu]."""
    charge = np.zeros((len(height), size, size))
    charge[:, size // 2, size // 2] = height
    return _digitised(charge, rng)


def _digitised(charge: Array, rng: np.random.Generator) -> Islands:
    """Bias-corrected pulse heights: noise added, cut to what the telemetry holds (0 to 4095)."""
    noise = rng.standard_normal(charge.shape, dtype=np.float32) * np.float32(READ_NOISE)
    return np.clip(np.rint(charge + noise), 0, FULL_SCALE).astype(np.int16)


def _centred(islands: Islands) -> Islands:
    """The same islands with the largest of the inner 3x3 in the middle: an event is a local maximum."""
    out = islands.copy()
    middle = out.shape[-1] // 2
    inner = out[:, middle - 1 : middle + 2, middle - 1 : middle + 2].reshape(len(out), 9)
    best = np.argmax(inner, axis=1)
    wrong = np.flatnonzero(inner[np.arange(len(out)), best] > inner[:, 4])
    row, column = middle - 1 + best[wrong] // 3, middle - 1 + best[wrong] % 3
    high, low = out[wrong, row, column].copy(), out[wrong, middle, middle].copy()
    out[wrong, middle, middle], out[wrong, row, column] = high, low
    return out
