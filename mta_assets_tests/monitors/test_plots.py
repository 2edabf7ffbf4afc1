"""Overview plots: size, what they show, and the thinning that keeps every extreme."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.png import LARGEST
from mta_assets.monitors.limits import Bounds
from mta_assets.monitors.plots import FAULT, POINTS, Panel, overview, thin

T0 = 825638400.0  # [s] 2024-02-29T23:58:50 UTC
LIMITS = Bounds(yellow_low=10.0, yellow_high=30.0, red_high=35.0)


def panel(value, name="1PIN1AT", **kwargs):
    return Panel(
        name, T0 + np.arange(len(value)) * 3600.0 / max(len(value), 1), np.asarray(value), "DEGC", LIMITS, **kwargs
    )


def pixels(png):
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def reddish(png):
    """Pixels about as red as a violating sample."""
    wanted = np.array([int(FAULT[i : i + 2], 16) for i in (1, 3, 5)])
    return int((np.abs(pixels(png) - wanted).sum(axis=-1) < 60).sum())


def test_the_noisiest_plot_stays_within_50_kb():
    rng = np.random.default_rng(0)
    noisy = [panel(rng.normal(20, 4, 14049).astype(np.float32), f"MSID{i}") for i in range(6)]
    png = overview("noise", noisy, T0, T0 + 3600)
    assert len(png) <= LARGEST
    assert pixels(png).shape[1] == 860


def test_violating_samples_are_marked():
    calm, hot = np.full(100, 20.0), np.full(100, 20.0)
    hot[40:60] = 33.0
    assert (
        reddish(overview("hot", [panel(hot)], T0, T0 + 3600))
        > reddish(overview("calm", [panel(calm)], T0, T0 + 3600)) + 50
    )


def test_the_same_input_gives_the_same_bytes():
    panels = [panel(np.linspace(0, 40, 500), verdict="YELLOW")]
    assert overview("x", panels, T0, T0 + 3600) == overview("x", panels, T0, T0 + 3600)


@pytest.mark.parametrize("count", [0, 1, 6, 9])
def test_any_number_of_panels_is_drawn_six_at_most(count):
    heights = [pixels(overview("x", [panel(np.full(50, 20.0))] * n, T0, T0 + 3600)).shape[0] for n in (count, 6)]
    assert heights[0] <= heights[1]


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(0),
        np.full(3, 1e-30),
        np.full(3, -1e12),
        np.array([7], np.uint8),
        np.array([1e-9, 2e-9]),
        np.array([1e30, -1e30]),
    ],
)
@pytest.mark.parametrize("span", [0.0, 0.5, 3600.0, 86400.0 * 40])
def test_awkward_values_and_spans_are_drawn(value, span):
    given = Panel("X", T0 + np.linspace(0, span, len(value)), value)
    assert overview("x", [given], T0, T0 + span)


def test_a_gap_breaks_the_line():
    time, value = thin(np.array([0.0, 10, 20, 30, 200, 210]), np.array([1.0, 2, 3, 4, 5, 6]))
    np.testing.assert_array_equal(value, [1, 2, 3, 4, np.nan, 5, 6])
    assert len(time) == len(value)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 20000))
def test_thinning_keeps_the_extremes_and_the_order(seed, size):
    rng = np.random.default_rng(seed)
    time = np.cumsum(rng.uniform(0.1, 1.0, size))
    value = rng.normal(size=size)
    x, y = thin(time, value, max_gap=1e9)
    assert len(x) <= max(2 * POINTS, 2 * POINTS + 2)
    assert np.all(np.diff(x) >= 0)
    assert (np.nanmin(y), np.nanmax(y)) == (value.min(), value.max())
    assert np.isin(y[~np.isnan(y)], value).all()
