"""Fields of events whose sources are known: points spread as the mirror spreads them, on an even background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Table
from mta_assets.level2 import psf
from mta_assets.level2.detect import Field
from mta_assets.level2.skygrid import Grid, SkyPlane

Array = NDArray[np.float64]
PLANE = SkyPlane(150.0, 2.0, 4096.5, 4096.5, 0.492 / 3600)
SIZE = 1024


@dataclass(frozen=True)
class Sky:
    """What was put in, and the events."""

    sx: Array
    sy: Array
    counts: NDArray[np.int64]
    x: Array
    y: Array


def field(size: int = SIZE, exposure: Array | None = None) -> Field:
    """A square of sky pixels about the optical axis."""
    edge = 4096.5 - size / 2
    return Field(PLANE, Grid(edge, edge, (size, size)), (4096.5, 4096.5), exposure)


def sky(seed: int, means: Array, background: float, size: int = SIZE) -> Sky:
    """Sources with Poisson counts about ``means`` at random places, and background events per pixel."""
    rng = np.random.default_rng(seed)
    low = 4096.5 - size / 2
    sx, sy = (low + rng.uniform(30, size - 30, len(means)) for _ in range(2))
    counts = rng.poisson(means)
    s = psf.scale(np.hypot(sx - 4096.5, sy - 4096.5) * 0.492 / 60) / 0.492
    i = np.repeat(np.arange(len(means)), counts)
    r = s[i] * np.sqrt(rng.random(len(i)) ** (-1 / psf.SLOPE) - 1)
    angle = rng.uniform(0, 2 * np.pi, len(i))
    number = rng.poisson(background * size**2)
    x = np.concatenate([sx[i] + r * np.cos(angle), low + rng.uniform(0, size, number)])
    y = np.concatenate([sy[i] + r * np.sin(angle), low + rng.uniform(0, size, number)])
    return Sky(sx, sy, counts, x, y)


def event_table(columns: dict[str, Array | NDArray[np.bool_]], header: dict[str, object] | None = None) -> Table:
    """Events with the keywords that level 2 asks for; X and Y are the first two columns."""
    plane = {
        "TCRVL1": PLANE.ra, "TCRPX1": PLANE.x, "TCDLT1": -PLANE.scale, "TCTYP1": "RA---TAN", "TCUNI1": "deg",
        "TCRVL2": PLANE.dec, "TCRPX2": PLANE.y, "TCDLT2": PLANE.scale, "TCTYP2": "DEC--TAN", "TCUNI2": "deg",
    }  # fmt: skip
    known = {
        "INSTRUME": "ACIS", "DETNAM": "ACIS-7", "OBS_ID": "28229", "EXPTIME": 3.1, "TIMEDEL": 3.14104, "SIM_Z": -190.14,
        "RA_PNT": PLANE.ra, "DEC_PNT": PLANE.dec,
    }  # fmt: skip
    return Table("EVENTS", columns, {**plane, **known, **(header or {})})
