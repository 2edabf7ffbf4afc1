"""Centroids of images of known stars: fits without bias, first moments with, bad images flagged; smoothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mta_assets.level1 import aca_centroid
from mta_assets.level1.aca_centroid import AT_EDGE, NO_FIT, NO_STAR, covered, first_moments, gaussian_fit
from mta_assets.level1.aca_smooth import savitzky_golay, smooth_series

Array = NDArray[Any]
RNG = np.random.default_rng(11)
FIRST = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test has the same random numbers, whichever ran before it."""
    RNG.bit_generator.state = FIRST


def images(
    size: int, row: Array, col: Array, peak: float = 2000.0, width: float = 0.75, noise: float = 4.0
) -> NDArray[np.float64]:
    y, x = np.mgrid[:size, :size]
    shape = np.exp(-((y - row[:, None, None]) ** 2 + (x - col[:, None, None]) ** 2) / 2 / width**2)
    out = 22.0 + peak * shape + noise * RNG.normal(size=shape.shape)
    return np.where(covered(size), out, 0.0)


@pytest.mark.parametrize("size", [4, 6, 8])
def test_the_fit_is_where_the_star_is_and_its_error_what_it_says(size: int) -> None:
    middle = (size - 1) / 2
    row, col = middle + RNG.uniform(-0.5, 0.5, (2, 2000))
    found = gaussian_fit(images(size, row, col))
    assert np.all(found.status == 0)
    off = np.stack([found.row - row, found.col - col])
    assert np.abs(off.mean(axis=1)).max() < 2e-4
    assert 0.85 < np.sqrt(np.mean((off / found.error) ** 2)) < 1.15
    np.testing.assert_allclose(found.counts.mean(), 2 * np.pi * 2000 * 0.75**2, rtol=2e-3)
    assert found.background.mean() == pytest.approx(22.0, abs=1.0)


@pytest.mark.parametrize("width", [0.6, 0.9])
def test_wider_and_narrower_images_are_fitted_too(width: float) -> None:
    row, col = 2.5 + RNG.uniform(-0.7, 0.7, (2, 500))
    found = gaussian_fit(images(6, row, col, width=width))
    assert np.abs(found.row - row).max() < 0.03


def test_first_moments_are_wrong_off_the_middle_of_the_window_and_right_in_it() -> None:
    stack = images(6, np.full(500, 3.4), np.full(500, 2.5), noise=0.5)
    moment, fit = first_moments(stack), gaussian_fit(stack)
    assert abs(np.mean(moment.row) - 3.4) > 0.005
    assert np.mean(moment.col) == pytest.approx(2.5, abs=0.002)
    assert np.mean(fit.row) == pytest.approx(3.4, abs=1e-4)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = images(6, 2.5 + RNG.uniform(-0.5, 0.5, 30), np.full(30, 2.4))
    whole = gaussian_fit(stack)
    monkeypatch.setattr(aca_centroid, "BLOCK", 7)
    np.testing.assert_allclose(gaussian_fit(stack).row, whole.row, atol=1e-9)
    assert len(gaussian_fit(stack[:0]).row) == 0


def test_an_empty_image_has_no_star() -> None:
    stack = images(6, np.full(50, 2.5), np.full(50, 2.5), peak=0.0)
    found = gaussian_fit(stack)
    assert np.all(found.status != 0)
    assert np.mean(found.status & NO_STAR != 0) > 0.9
    assert np.isnan(found.row[found.status & NO_STAR != 0]).all()


def test_a_star_at_the_edge_and_a_flat_image_are_flagged() -> None:
    edge = gaussian_fit(images(6, np.full(20, -0.6), np.full(20, 2.5)))
    assert np.all(edge.status & (AT_EDGE | NO_FIT | NO_STAR) != 0)
    flat = gaussian_fit(np.full((3, 8, 8), 50.0))
    assert np.all(flat.status != 0)


def test_smoothing_keeps_a_polynomial_and_takes_noise_off() -> None:
    x = np.linspace(-1, 1, 101)
    values = 3 - x + 2 * x**2 - x**3 + 4 * x**4
    np.testing.assert_allclose(savitzky_golay(values, 19, 4), values, atol=1e-9)
    noise = RNG.normal(size=5000)
    assert savitzky_golay(noise, 19, 4).std() < 0.55
    np.testing.assert_allclose(savitzky_golay(values[:3], 19, 4), values[:3], atol=1e-9)


def test_what_stands_off_is_rejected_and_does_not_pull() -> None:
    times = np.arange(0.0, 400.0, 2.05)
    values = 5 * np.sin(times / 110) + 0.02 * RNG.normal(size=len(times))
    clean, few = smooth_series(times, values, np.ones(len(times), bool))
    values[60] += 3.0
    smoothed, rejected = smooth_series(times, values, np.ones(len(times), bool))
    assert rejected[60]
    assert np.count_nonzero(rejected) < 10
    assert np.count_nonzero(few) < 10
    assert np.abs(smoothed - clean).max() < 0.03


def test_smoothing_does_not_reach_across_a_gap() -> None:
    times = np.concatenate([np.arange(0.0, 100.0, 2.0), np.arange(500.0, 600.0, 2.0)])
    values = np.where(times < 300, 1.0, 9.0)
    good = np.ones(len(times), bool)
    good[:50] = False
    smoothed, _ = smooth_series(times, values, good)
    assert np.isnan(smoothed[:50]).all()
    np.testing.assert_allclose(smoothed[50:], 9.0, atol=1e-9)
    assert len(smooth_series(times[:0], values[:0], good[:0])[0]) == 0
