"""Drawings: what is drawn where, the size of the file, and round values for axes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.drawing import LARGEST, Drawing, round_values


def pixels(png):
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def dark(png):
    """(row, column) of the pixels that are not nearly white."""
    return np.argwhere(pixels(png).sum(axis=-1) < 600)


def test_a_box_fills_its_pixels_and_no_other():
    drawing = Drawing(40, 30)
    drawing.box(10, 5, 20, 15, "#000000")
    found = dark(drawing.png())
    assert (found.min(axis=0), found.max(axis=0)) == (pytest.approx([5, 10]), pytest.approx([14, 19]))
    assert len(found) == 100


def test_a_line_is_interrupted_where_there_is_no_number_and_a_lone_point_is_a_dot():
    drawing = Drawing(60, 20)
    drawing.line([5, 15, 25, 35, 45], [10, 10, np.nan, 10, np.nan], "#000000")
    columns = set(dark(drawing.png())[:, 1].tolist())
    assert {6, 10, 14} <= columns
    assert 35 in columns
    assert not columns & set(range(18, 33))
    assert not columns & set(range(38, 60))


def test_an_area_lies_between_its_curves():
    drawing = Drawing(30, 30)
    drawing.area([5, 25], [20, 20], [10, 10], "#000000")
    found = dark(drawing.png())
    assert set(found[:, 0].tolist()) <= set(range(10, 21))
    assert 9 <= found[:, 0].max() - found[:, 0].min() <= 10


def test_text_is_put_where_its_anchor_says():
    drawing = Drawing(200, 40)
    drawing.text(100, 20, "mmmm", 12, "rm")
    found = dark(drawing.png())
    assert len(found)
    assert found[:, 1].max() <= 100
    assert abs(found[:, 0].mean() - 20) < 4


def test_noise_stays_within_the_size_that_is_asked_for():
    rng = np.random.default_rng(0)
    drawing = Drawing(860, 700)
    for k in range(60):
        drawing.line(np.arange(860), rng.uniform(0, 700, 860), f"#{k * 4:02x}{255 - k:02x}{k:02x}")
    assert len(drawing.png()) <= LARGEST


@settings(derandomize=True, deadline=None)
@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_round_values_lie_in_the_range(low, span):
    high = low + span
    if not high - low > 1e-9 * max(abs(low), abs(high)):
        return
    values, _ = round_values(low, high)
    assert len(values) <= 5
    assert np.all(values >= low - 1e-9 * span)
    assert np.all(values <= high + 1e-9 * span)
    assert len(values) >= 1


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 128, ["0", "50", "100"]),
        (19.97, 20.03, ["19.98", "20.00", "20.02"]),
        (-1, 1, ["-1", "0", "1"]),
        (0, 1, ["0.0", "0.5", "1.0"]),
        (2e6, 8e6, ["2e+06", "4e+06", "6e+06", "8e+06"]),
    ],
)
def test_round_values_are_what_one_would_write(low, high, texts):
    assert round_values(low, high)[1] == texts
