"""The smoother without a loop gives what filter and smoother give one step after the other."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mta_assets.level1 import aspect_smoother
from mta_assets.level1.aspect_smoother import GyroNoise, Smoothed, between, smooth

Array = NDArray[Any]
NOISE = GyroNoise(walk=0.03, drift=1e-3, first_angle=50.0, first_rate=2.0)


def filter_and_smoother(times: Array, information: Array, right: Array, noise: GyroNoise) -> tuple[Array, Array]:
    """Kalman filter (in information form) and Rauch-Tung-Striebel smoother, written out as in the text books."""
    identity = np.eye(3)
    x, p = np.zeros(6), np.diag([noise.first_angle**2] * 3 + [noise.first_rate**2] * 3)
    kept: list[tuple[Array, ...]] = []
    for k in range(len(times)):
        if k:
            dt = times[k] - times[k - 1]
            f = np.block([[identity, dt * identity], [np.zeros((3, 3)), identity]])
            a, b = noise.walk**2, noise.drift**2
            q = np.kron(np.array([[a * dt + b * dt**3 / 3, b * dt**2 / 2], [b * dt**2 / 2, b * dt]]), identity)
            kept[-1] += (f, f @ x, f @ p @ f.T + q)
            x, p = f @ x, f @ p @ f.T + q
        weight = np.zeros((6, 6))
        weight[:3, :3] = information[k]
        p_new = np.linalg.inv(np.linalg.inv(p) + weight)
        x = p_new @ (np.linalg.inv(p) @ x + np.concatenate([right[k], np.zeros(3)]))
        p = p_new
        kept.append((x, p))
    xs, ps = [x], [p]
    for x, p, f, predicted, spread in kept[-2::-1]:  # the last one has no step after it
        gain = p @ f.T @ np.linalg.inv(spread)
        xs.insert(0, x + gain @ (xs[0] - predicted))
        ps.insert(0, p + gain @ (ps[0] - spread) @ gain.T)
    return np.array(xs), np.array(ps)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.integers(1, 17), st.integers(0, 2**31))
def test_estimates_and_covariances_are_those_of_filter_and_smoother(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.5, 30.0, count))
    rows = rng.normal(size=(count, 2, 3)) * (rng.random((count, 1, 1)) > 0.2)  # some times without a measurement
    information = np.einsum("nij,nik->njk", rows, rows) / 0.05**2
    right = np.einsum("nij,ni->nj", rows, rng.normal(size=(count, 2)) * 5) / 0.05**2
    found = smooth(times, information, right, NOISE)
    x, p = filter_and_smoother(times, information, right, NOISE)
    np.testing.assert_allclose(np.concatenate([found.angle, found.rate], axis=1), x, rtol=1e-6, atol=1e-6)
    scale = np.sqrt(np.einsum("nii->ni", p))
    ratio = (found.covariance - p) / scale[:, :, None] / scale[:, None, :]
    # the filter loses digits where measurements meet a first state that is hardly known; the next test has them all
    assert np.abs(ratio).max() < 1e-3


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 16, 17])
def test_the_reduction_is_the_inverse_of_the_whole_matrix_to_rounding(count: int) -> None:
    rng = np.random.default_rng(count)
    times = np.cumsum(rng.uniform(0.5, 30.0, count))
    rows = rng.normal(size=(count, 2, 3))
    information = np.einsum("nij,nik->njk", rows, rows) / 0.05**2
    right = rng.normal(size=(count, 3)) / 0.05
    diagonal, off = aspect_smoother._normal_equations(times, information, NOISE)
    whole = np.zeros((count, 6, count, 6))
    for k in range(count):
        whole[k, :, k, :] = diagonal[k]
    for k in range(count - 1):
        whole[k, :, k + 1, :], whole[k + 1, :, k, :] = off[k], off[k].T
    inverse = np.linalg.inv(whole.reshape(6 * count, -1))
    load = np.concatenate([right, np.zeros_like(right)], axis=1).ravel()
    found = smooth(times, information, right, NOISE)
    np.testing.assert_allclose(
        np.concatenate([found.angle, found.rate], axis=1).ravel(), inverse @ load, rtol=1e-8, atol=1e-8
    )
    blocks = inverse.reshape(count, 6, count, 6)[np.arange(count), :, np.arange(count)]
    scale = np.sqrt(np.einsum("nii->ni", blocks))
    assert np.abs((found.covariance - blocks) / scale[:, :, None] / scale[:, None, :]).max() < 1e-7


def test_a_drift_that_was_put_in_is_found_and_the_error_is_what_it_says() -> None:
    rng = np.random.default_rng(4)
    times = np.arange(0.0, 6000.0, 2.05)
    truth = np.array([30.0, -4.0, 9.0]) + times[:, None] * np.array([1.0, -0.5, 0.25])
    sigma = np.array([0.5, 0.1, 0.1])
    measured = truth + rng.normal(size=truth.shape) * sigma
    information = np.broadcast_to(np.diag(sigma**-2.0), (len(times), 3, 3))
    found = smooth(times, information, measured / sigma**2, GyroNoise(walk=1e-3, drift=1e-6))
    np.testing.assert_allclose(found.rate[len(times) // 2], [1.0, -0.5, 0.25], atol=2e-4)
    normal = (found.angle - truth) / np.sqrt(np.einsum("nii->ni", found.covariance))[:, :3]
    assert 0.5 < np.sqrt(np.mean(normal**2)) < 1.6


def test_between_the_nodes_runs_the_cubic_of_angles_and_rates_and_outside_a_line() -> None:
    times = np.array([0.0, 2.0, 5.0])
    cubic = np.polynomial.Polynomial([1.0, -2.0, 0.5, 0.1])
    angle, rate = (np.repeat(p(times)[:, None], 3, axis=1) for p in (cubic, cubic.deriv()))
    at = np.array([0.0, 0.7, 2.0, 4.2, 5.0])
    found, _ = between(times, Smoothed(angle, rate, np.zeros((3, 6, 6))), at)
    np.testing.assert_allclose(found[:, 1], cubic(at), atol=1e-12)
    outside, slope = between(times, Smoothed(angle, rate, np.zeros((3, 6, 6))), np.array([-1.0, 6.0]))
    np.testing.assert_allclose(outside[:, 0], [cubic(0.0) - cubic.deriv()(0.0), cubic(5.0) + cubic.deriv()(5.0)])
    np.testing.assert_allclose(slope[:, 0], cubic.deriv()(np.array([0.0, 5.0])))
    one, _ = between(times[:1], Smoothed(angle[:1], rate[:1], np.zeros((1, 6, 6))), np.array([3.0]))
    np.testing.assert_allclose(one[0], cubic(0.0) + 3 * cubic.deriv()(0.0))


def test_a_day_of_measurements_takes_seconds() -> None:
    times = np.arange(0.0, 86400.0, 2.05)
    information = np.broadcast_to(np.eye(3), (len(times), 3, 3))
    began = time.perf_counter()
    smooth(times, information, np.zeros((len(times), 3)))
    assert time.perf_counter() - began < 30.0
