"""PNG pictures small enough to be shown inline."""

from __future__ import annotations

import io
from typing import Any

from numpy.typing import NDArray

LARGEST = 50_000  # [byte] what the UI shows inline


def small_png(pixels: NDArray[Any]) -> bytes:
    """Pixels (height, width, 3 or 4) as a PNG of at most `LARGEST` bytes where that can be had.

    Indexed colours are enough for lines and halve the size; fewer of them if it is still too large.
    """
    from PIL import Image

    image = Image.fromarray(pixels[..., :3])
    content = b""
    for colours in (48, 16, 8):
        buffer = io.BytesIO()
        image.quantize(colours, method=Image.Quantize.FASTOCTREE).save(buffer, "PNG", compress_level=7)
        content = buffer.getvalue()
        if len(content) <= LARGEST:
            return content
    small = image.resize((image.width // 2, image.height // 2)).quantize(8, method=Image.Quantize.FASTOCTREE)
    buffer = io.BytesIO()
    small.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
