"""Source detection on one chip's image with a million events, beside a plain astropy implementation and a plain copy.

``python -m benchmarks.bench_sources N`` searches N million events of background and a hundred sources, and prints its
greatest memory: it is the child process that tells whether memory grows with the number of events. Sources and
background grow alike, as they do with a longer exposure.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Row, best, fresh, peak_memory
from mta_assets.level2 import celldetect, psf
from mta_assets.level2.detect import Field, detect
from mta_assets.level2.skygrid import Grid, SkyPlane

Array = NDArray[np.float64]
REQUIRED = 2.0  # [s] for 1024 x 1024 pixels and a million events
SIDE = 1024  # [pixel]
EVENTS = 1_000_000
SOURCES = 100
FAINTEST, BRIGHTEST = 20, 20_000  # events of sources in `EVENTS`
BLOCK = 250_000
FEW, MANY = 2, 20  # million events whose memory is compared
SLACK = 1.2  # the allocator's: a tenth or so, of any number of blocks
PLANE = SkyPlane(150.0, 2.0, 4096.5, 4096.5, 0.492 / 3600)
EDGE = 4096.5 - SIDE / 2


def field() -> Field:
    """The chip about the optical axis."""
    return Field(PLANE, Grid(EDGE, EDGE, (SIDE, SIDE)), (4096.5, 4096.5))


def blocks(events: int = EVENTS) -> Iterator[tuple[Array, Array]]:
    """Events of sources and of even background, in each block the same mixture; the same with every call.

    Of a million events each source has between 20 and 20,000, all together three tenths.
    """
    rng = np.random.default_rng(1)
    sx, sy = (EDGE + rng.uniform(20, SIDE - 20, SOURCES) for _ in range(2))
    s = psf.scale(np.hypot(sx - 4096.5, sy - 4096.5) * PLANE.scale * 60) / PLANE.arcsec
    counts = np.geomspace(FAINTEST, BRIGHTEST, SOURCES) * events / EVENTS
    for start in range(0, events, BLOCK):
        number = min(BLOCK, events - start)
        before, after = (np.floor(counts * done / events).astype(np.int64) for done in (start, start + number))
        i = np.repeat(np.arange(SOURCES), after - before)
        r = s[i] * np.sqrt(rng.random(len(i)) ** (-1 / psf.SLOPE) - 1)
        angle = rng.uniform(0, 2 * np.pi, len(i))
        even = EDGE + rng.uniform(0, SIDE, (2, number - len(i)))
        yield (
            np.concatenate([sx[i] + r * np.cos(angle), even[0]]),
            np.concatenate([sy[i] + r * np.sin(angle), even[1]]),
        )


def run(events: int = EVENTS, repeats: int = 3, memory: tuple[int, int] = (FEW, MANY)) -> list[Row]:
    """Seconds for a chip beside both, and how memory grows."""
    held = list(blocks(events))
    number = sum(len(x) for x, _ in held)
    where = field()
    found = len(detect(lambda: held, where))
    seconds = best(lambda: detect(lambda: held, where), repeats)
    plain = best(lambda: _plain(held), 1)
    copy = best(lambda: [(x.copy(), y.copy()) for x, y in held], repeats)
    what = f"source detection: {number / 1e6:.1f} M events on {SIDE} x {SIDE} pixels, {found} of {SOURCES} sources"
    little, much = (fresh("benchmarks.bench_sources", n) / 1e6 for n in memory)
    return [
        Row(what, seconds, "s", "plain astropy", plain, plain / seconds, f"< {REQUIRED:g} s", seconds < REQUIRED),
        Row(what, seconds, "s", "memcpy of the events", copy, seconds / copy),
        Row(f"source detection: memory for {memory[1] // memory[0]} times as many events", much, "MB",
            f"for {memory[0]} M events", little, much / little, "constant", much < SLACK * little),
    ]  # fmt: skip


def _plain(held: list[tuple[Array, Array]]) -> int:
    """The same as one would write it with astropy: an image, cell and ring kernels of each size, peaks, places."""
    from astropy.convolution import Box2DKernel, convolve_fft
    from astropy.wcs import WCS

    x, y = (np.concatenate([block[axis] for block in held]) for axis in (0, 1))
    edges = EDGE + np.arange(SIDE + 1)
    image = np.histogram2d(y, x, bins=(edges, edges))[0]
    half = field().half_widths()
    cell, background = np.zeros_like(image), np.zeros_like(image)
    for size in np.unique(half).tolist():
        sums = []
        for width in (size, int(celldetect.gap(np.int64(size))), int(celldetect.reach(np.int64(size)))):
            kernel = Box2DKernel(2 * width + 1)
            sums.append(convolve_fft(image, kernel, normalize_kernel=False) * (2 * width + 1) ** 2)
        here = half == size
        cell[here] = sums[0][here]
        inner, outer = (2 * celldetect.gap(half[here]) + 1) ** 2, (2 * celldetect.reach(half[here]) + 1) ** 2
        background[here] = (sums[2] - sums[1])[here] / (outer - inner) * (2 * size + 1) ** 2
    snr = (cell - background) / np.sqrt(np.maximum(cell, 1))
    row, column = np.nonzero(snr[1:-1, 1:-1] > 5)
    peak = [
        (r + 1, c + 1) for r, c in zip(row.tolist(), column.tolist(), strict=True)
        if snr[r + 1, c + 1] == snr[r : r + 3, c : c + 3].max()
    ]  # fmt: skip
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crpix, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [4096.5, 4096.5], [150.0, 2.0]
    wcs.wcs.cdelt = [-PLANE.scale, PLANE.scale]
    for r, c in peak:
        px, py = EDGE + c + 0.5, EDGE + r + 0.5
        reach = 2.0 * half[r, c] + 1
        for _ in range(5):
            near = np.hypot(x - px, y - py) < reach
            px, py = x[near].mean(), y[near].mean()
        wcs.all_pix2world(px, py, 1)
    return len(peak)


if __name__ == "__main__":
    million = int(sys.argv[1])
    some = detect(lambda: blocks(million * 1_000_000), field())
    print(json.dumps(peak_memory() if len(some) else 0))
