"""Small overview plots, drawn with Pillow: lines, boxes, dots and texts on white, as a PNG of a limited size.

For the plots that every playback brings, fifteen of them within seconds. Matplotlib needs 0.15 s for a figure with
forty labels and 0.4 s to be imported; this takes 0.04 s. Whatever is drawn once, or needs more than this, is
matplotlib's. Positions are pixels from the upper left corner.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

LARGEST = 50_000  # [byte] what the UI shows inline
FINER = 2  # lines are drawn on an image so many times larger, which smooths them when it is reduced
COLOURS = (48, 16, 8)  # of the palette: fewer ones where the file gets too large


class Drawing:
    """An image to draw on.

    Parameters
    ----------
    width, height
        [pixel]
    """

    def __init__(self, width: int, height: int) -> None:
        from PIL import Image, ImageDraw

        self.width, self.height = width, height
        self._image = Image.new("RGB", (FINER * width, FINER * height), "white")
        self._draw = ImageDraw.Draw(self._image)
        self._texts: list[tuple[tuple[float, float], str, dict[str, Any]]] = []

    def box(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        """A filled rectangle."""
        corners = [round(FINER * edge) for edge in (left, top, right, bottom)]
        if corners[2] > corners[0] and corners[3] > corners[1]:
            self._draw.rectangle((corners[0], corners[1], corners[2] - 1, corners[3] - 1), fill=colour)

    def area(self, x: ArrayLike, lower: ArrayLike, upper: ArrayLike, colour: str) -> None:
        """What lies between two curves over the same ``x``."""
        curve, back = (np.column_stack([np.asarray(x, np.float64), np.asarray(y, np.float64)]) for y in (upper, lower))
        self._draw.polygon((FINER * np.concatenate([curve, back[::-1]])).ravel().tolist(), fill=colour)

    def line(self, x: ArrayLike, y: ArrayLike, colour: str, width: float = 1.0) -> None:
        """A line through points, interrupted where ``y`` is not a number; a point by itself is a dot."""
        points = np.column_stack([np.asarray(x, np.float64), np.asarray(y, np.float64)])
        alone = []
        for piece in _pieces(points):
            if len(piece) == 1:
                alone.append(piece[0])
            else:
                self._draw.line((FINER * piece).ravel().tolist(), fill=colour, width=round(FINER * width))
        if alone:
            self.dots(np.array(alone)[:, 0], np.array(alone)[:, 1], colour, width)

    def dots(self, x: ArrayLike, y: ArrayLike, colour: str, radius: float) -> None:
        """Filled circles."""
        for a, b in zip((FINER * np.asarray(x)).tolist(), (FINER * np.asarray(y)).tolist(), strict=True):
            r = FINER * radius
            self._draw.ellipse((a - r, b - r, a + r, b + r), fill=colour)

    def text(
        self, x: float, y: float, text: str, size: float, anchor: str = "ls", colour: str = "black", bold: bool = False
    ) -> None:
        """A line of text.

        Parameters
        ----------
        size
            [pixel]
        anchor
            What of the text is at (x, y), as Pillow names it: l, m or r, then a (top), m (middle) or s (baseline).
        """
        self._texts.append(((x, y), text, {"font": _font(size, bold), "anchor": anchor, "fill": colour}))

    def png(self, largest: int = LARGEST) -> bytes:
        """The image as a PNG, with fewer colours, and half as wide in the end, if it gets too large."""
        from PIL import ImageDraw

        image = self._image.reduce(FINER)
        draw = ImageDraw.Draw(image)
        for place, text, look in self._texts:
            draw.text(place, text, **look)
        content = b""
        for colours in COLOURS:
            content = _encoded(image, colours)
            if len(content) <= largest:
                return content
        return _encoded(image.resize((image.width // 2, image.height // 2)), COLOURS[-1])


def round_values(low: float, high: float, at_most: int = 4) -> tuple[NDArray[np.float64], list[str]]:
    """Round values inside a range, for an axis, and their texts with as many decimals as tell them apart."""
    span = high - low
    power = 10.0 ** np.floor(np.log10(span / at_most))
    step = next(s * power for s in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0) if np.floor(span / (s * power)) < at_most)
    first = np.ceil(low / step)
    values = step * np.arange(first, np.floor(high / step) + 1)
    decimals = max(0, int(np.ceil(-np.log10(step) - 1e-9)) + (round(step / 10 ** np.floor(np.log10(step)), 3) == 2.5))
    form = f".{decimals}f" if decimals <= 4 and max(abs(low), abs(high)) < 1e6 else ".6g"
    return values, [format(value + 0.0, form) for value in values.tolist()]


def _pieces(points: NDArray[np.float64]) -> Sequence[NDArray[np.float64]]:
    whole = np.isfinite(points).all(axis=1)
    cut = np.flatnonzero(np.diff(whole)) + 1
    return [piece for piece in np.split(points, cut) if len(piece) and np.isfinite(piece[0]).all()]


def _encoded(image: Any, colours: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    image.quantize(colours, method=Image.Quantize.FASTOCTREE).save(buffer, "PNG", compress_level=7)
    return buffer.getvalue()


@lru_cache(maxsize=16)
def _font(size: float, bold: bool) -> Any:
    """DejaVu Sans as matplotlib brings it, found without importing it."""
    from PIL import ImageFont

    spec = find_spec("matplotlib")
    folder = Path(next(iter(spec.submodule_search_locations or []), "")) if spec else Path()
    path = folder / "mpl-data" / "fonts" / "ttf" / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
