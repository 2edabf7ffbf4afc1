"""Centroids of aspect camera images: first moments, and a Gaussian fitted to each (ACACENT).

The archive's pipeline knows several algorithms (first moment, PSF, Gaussian, elliptical Gaussian: the ASPALG keyword
and the public notes on ``aca_calc_centr``). The first moment is what the camera itself computes; where a star stands
off the middle of its window it is wrong by hundredths of a pixel, because wings are cut off on one side and lie in what
is taken for background. The fit is not, and is what the aspect solution uses. All images of a block are fitted at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
BLOCK = 8192  # images fitted at once: 60 MB of work space
WIDTH = 0.75  # [pixel] Gaussian width that a fit begins with; the real camera's images are 9 arcsec wide (FWHM)
WIDTHS = (0.35, 2.5)  # [pixel] a fit outside is no star
ROUNDS = 12  # of Gauss-Newton at most
CLOSE = 1e-4  # [pixel] a fit that moves less has converged
FAINTEST = 5.0  # peak over noise below which there is no star

# status bits; the values of the rejection bits are those of the archive's ACACENT (public notes on aca_filter_centr)
BAD_IMAGE, NO_STAR, NO_FIT, AT_EDGE, SATURATED, NOT_TRACKED = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
REJECTED_Y, REJECTED_Z = 0x40, 0x80


@dataclass(frozen=True)
class Centroids:
    """Centroids of n images.

    Attributes
    ----------
    row, col
        [pixel] from the centre of the image's first pixel; NaN where there is none.
    error
        [pixel] standard error of row and column, from the scatter of the pixels about the fit.
    counts
        [DN] light in the star, background taken off.
    background
        [DN per pixel].
    chi
        [DN] root mean square of the pixels about the fit.
    status
        Bits; 0 is good.
    """

    row: Array
    col: Array
    error: Array
    counts: Array
    background: Array
    chi: Array
    status: NDArray[np.uint8]


def covered(size: int) -> NDArray[np.bool_]:
    """(size, size) mask of the pixels that an image has: of 6x6 images the corners are not telemetered."""
    mask = np.ones((size, size), dtype=bool)
    if size == 6:
        mask[::5, ::5] = False
    return mask


def first_moments(images: Array) -> Centroids:
    """Centroids by first moments of the light over the background, which is the median of the outermost pixels.

    Parameters
    ----------
    images
        (n, size, size) [DN], [row, column]; 4, 6 or 8 pixels square.
    """
    size = images.shape[1]
    inside = covered(size)
    rim = inside.copy()
    rim[1:-1, 1:-1] = False
    background = np.median(images[:, rim], axis=1)
    light = np.where(inside, images - background[:, None, None], 0.0)
    total = light.sum(axis=(1, 2))
    grid = np.arange(size)
    noise = np.maximum(1.4826 * np.median(np.abs(images[:, rim] - background[:, None]), axis=1), 1e-6)
    seen = (light.max(axis=(1, 2)) > FAINTEST * noise) & (total > 0)
    safe = np.where(seen, total, 1.0)
    row = np.where(seen, (light.sum(axis=2) @ grid) / safe, np.nan)
    col = np.where(seen, (light.sum(axis=1) @ grid) / safe, np.nan)
    status = np.where(seen, 0, NO_STAR).astype(np.uint8)
    error = np.where(seen, noise * np.sqrt(inside.sum()) * size / 3.46 / safe, np.nan)
    return Centroids(row, col, error, total, background, noise, status)


def gaussian_fit(images: Array) -> Centroids:
    """Centroids by a round Gaussian on a flat background, fitted to every image by least squares.

    Parameters
    ----------
    images
        (n, size, size) [DN]; 4, 6 or 8 pixels square.
    """
    parts = [_fit_block(images[rows]) for rows in _blocks(len(images))]
    if not parts:
        empty = np.zeros(0)
        return Centroids(empty, empty, empty, empty, empty, empty, np.zeros(0, np.uint8))
    return Centroids(*(np.concatenate([getattr(part, name) for part in parts]) for name in Centroids.__annotations__))


def _blocks(count: int) -> Iterator[slice]:
    return (slice(first, first + BLOCK) for first in range(0, count, BLOCK))


def _fit_block(images: Array) -> Centroids:
    size = images.shape[1]
    inside = covered(size).ravel()
    rows, cols = (axis.ravel()[inside].astype(float) for axis in np.mgrid[:size, :size])
    pixels = images.reshape(len(images), -1)[:, inside].astype(np.float64)
    start = first_moments(images)
    brightest = np.argmax(pixels, axis=1)
    # unknowns: background, peak, row, column, width
    found = np.stack([
        start.background, pixels.max(axis=1) - start.background, rows[brightest], cols[brightest],
        np.full(len(images), WIDTH),
    ])  # fmt: skip
    step = np.full(len(images), np.inf)
    for _ in range(ROUNDS):
        active = np.flatnonzero(step > CLOSE)
        if not len(active):
            break
        model, slopes = _gaussian(found[:, active], rows, cols)
        change, _ = _solve(slopes, pixels[active] - model)
        # a step of more than half a pixel leaves the range in which the model is linear
        change[2:4] = np.clip(change[2:4], -0.5, 0.5)
        change[4] = np.clip(change[4], -0.2, 0.2)
        found[:, active] += change
        found[4, active] = np.clip(found[4, active], *WIDTHS)
        step[active] = np.abs(change[2:4]).max(axis=0)
    return _judged(found, pixels, rows, cols, size, step, start)


def _gaussian(found: Array, rows: Array, cols: Array) -> tuple[Array, Array]:
    """Model (n, pixels) and its slopes (n, pixels, 5) in the five unknowns."""
    background, peak, row, col, width = (value[:, None] for value in found)
    y, x = (rows - row) / width, (cols - col) / width
    shape = np.exp(-0.5 * (x * x + y * y))
    light = peak * shape
    slopes = np.stack(
        [np.ones_like(shape), shape, light * y / width, light * x / width, light * (x * x + y * y) / width], axis=-1
    )
    return background + light, slopes


def _solve(slopes: Array, rest: Array) -> tuple[Array, Array]:
    """Steps (5, n) and inverse normal matrices (n, 5, 5); a little is added to the diagonal of a singular one."""
    normal = np.matmul(slopes.transpose(0, 2, 1), slopes)
    right = np.matmul(slopes.transpose(0, 2, 1), rest[..., None])
    diagonal = np.einsum("nii->ni", normal)
    diagonal += 1e-9 * diagonal.max(axis=1, keepdims=True) + 1e-12
    inverse = np.linalg.inv(normal)
    return np.matmul(inverse, right)[..., 0].T, inverse


def _judged(
    found: Array, pixels: Array, rows: Array, cols: Array, size: int, step: Array, start: Centroids
) -> Centroids:
    """Errors and status of the fits; what is no good fit has the first moment and says so."""
    model, slopes = _gaussian(found, rows, cols)
    freedom = max(pixels.shape[1] - 5, 1)
    chi = np.sqrt(np.sum((pixels - model) ** 2, axis=1) / freedom)
    _, inverse = _solve(slopes, pixels - model)
    error = chi * np.sqrt(np.maximum((inverse[:, 2, 2] + inverse[:, 3, 3]) / 2, 0.0))
    background, peak, row, col, width = found
    bad = (step > CLOSE) | (width <= WIDTHS[0]) | (width >= WIDTHS[1]) | (peak <= 0) | ~np.isfinite(error)
    outside = (np.minimum(row, col) < 0) | (np.maximum(row, col) > size - 1)
    no_star = (peak < FAINTEST * np.maximum(chi, 1e-6)) | ((bad | outside) & (start.status != 0))
    status = np.where(no_star, NO_STAR, 0) | np.where(bad, NO_FIT, 0) | np.where(outside, AT_EDGE, 0)
    replaced = bad | outside
    counts = np.where(replaced, start.counts, 2 * np.pi * peak * width**2)
    return Centroids(
        np.where(no_star, np.nan, np.where(replaced, start.row, row)),
        np.where(no_star, np.nan, np.where(replaced, start.col, col)),
        np.where(no_star, np.nan, np.where(replaced, start.error, error)),
        counts,
        np.where(replaced, start.background, background),
        chi,
        status.astype(np.uint8),
    )
