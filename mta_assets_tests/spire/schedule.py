"""What SPIRE did in a simulated half year: campaigns of four days, cooler recycles, observations with their blocks.

Everything comes from one seed; times are TT seconds since 1998.0 TT, whole seconds, so that they are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from astropy.time import Time

SEED = 2815
HOUR, DAY = 3600, 86400  # [s]
DAYS = 210
CAMPAIGN_EVERY, CAMPAIGN_DAYS, FIRST_CAMPAIGN = 21, 4, 3  # [d]
FIRST_OBSID = 1342182000
START = round(float(Time("2009-09-02T00:00:00", scale="utc").cxcsec))  # [s] within a second of that UTC
STOP = START + DAYS * DAY

MOVING = ("PointSource", "SmallMap", "SpectroRaster")  # AOTs in which the beam steering mirror moves
PHOTOMETER = ("PointSource", "SmallMap", "LargeMap")
SPECTROMETER = ("SpectroPoint", "SpectroRaster")
SEQUENCE = (*PHOTOMETER, *SPECTROMETER)
BLOCK_TYPES = {
    "PointSource": "JIGGLE7", "SmallMap": "JIGGLE64", "LargeMap": "SCANLINE", "SpectroPoint": "SMECSCAN",
    "SpectroRaster": "SMECSCAN", "Engineering": "MCUTEST", "CoolerRecycle": "RECYCLE",
}  # fmt: skip


@dataclass(frozen=True)
class Observation:
    """One observation; ``scans`` and ``resolution`` are those of the spectrometer, 0 and empty without it."""

    obsid: int
    aot: str
    target: str
    ra: float
    dec: float
    tstart: int
    tstop: int
    scans: int = 0
    resolution: str = ""
    clipped: bool = False


@dataclass(frozen=True)
class Block:
    """One building block of an observation."""

    bbid: int
    bbtype: str
    obsid: int
    tstart: int
    tstop: int


@lru_cache(maxsize=1)
def observations() -> tuple[Observation, ...]:
    """All observations in order of time; each second day of a campaign begins with a cooler recycle."""
    rng = np.random.default_rng(SEED)
    found: list[Observation] = []
    for first in range(FIRST_CAMPAIGN, DAYS - CAMPAIGN_DAYS, CAMPAIGN_EVERY):
        for day in range(CAMPAIGN_DAYS):
            midnight = START + (first + day) * DAY
            clock = midnight + int(rng.integers(600, 1800))
            if day % 2 == 0:
                found.append(_observation(rng, len(found), "CoolerRecycle", clock, 2 * HOUR + 1800))
                clock = found[-1].tstop + int(rng.integers(300, 1200))
            if day == CAMPAIGN_DAYS - 1:
                found.append(_observation(rng, len(found), "Engineering", clock, 1200))
                clock = found[-1].tstop + int(rng.integers(300, 1200))
            while clock < midnight + DAY - 3 * HOUR:
                aot = SEQUENCE[int(rng.integers(len(SEQUENCE)))]
                found.append(_observation(rng, len(found), aot, clock, int(rng.integers(2000, 7200))))
                clock = found[-1].tstop + int(rng.integers(300, 9000))
    return tuple(found)


def _observation(rng: np.random.Generator, number: int, aot: str, tstart: int, length: int) -> Observation:
    # The sky positions are those of a survey field and of points all over the sky, half and half.
    near = bool(rng.random() < 0.5)
    ra = float(rng.normal(161.75, 1.5) if near else rng.uniform(0, 360))
    dec = float(rng.normal(58.0, 1.0) if near else np.degrees(np.arcsin(rng.uniform(-1, 1))))
    scans = int(rng.choice([4, 20, 80, 100, 101, 160])) if aot in SPECTROMETER else 0
    return Observation(
        FIRST_OBSID + 7 * number, aot, f"Field{number:03d}", round(ra % 360, 6), round(dec, 6), tstart, tstart + length,
        scans, str(rng.choice(["HR", "LR"])) if scans else "", bool(scans and rng.random() < 0.2),
    )  # fmt: skip


@lru_cache(maxsize=1)
def blocks() -> tuple[Block, ...]:
    """Building blocks: an observation is set up, worked off in four parts, and closed by a flash of PCAL."""
    found: list[Block] = []
    for obs in observations():
        science = obs.aot in SEQUENCE
        edges = [obs.tstart, obs.tstart + 120]
        stop = obs.tstop - (180 if science else 0)
        edges += [edges[1] + (stop - edges[1]) * part // 4 for part in range(1, 5)]
        kinds = ["SETUP", *[BLOCK_TYPES[obs.aot]] * 4]
        if science:
            edges.append(obs.tstop)
            kinds.append("PCALFLASH")
        for kind, first, last in zip(kinds, edges[:-1], edges[1:], strict=True):
            found.append(Block(0xA0000000 + len(found), kind, obs.obsid, first, last))
    return tuple(found)


def of_aot(*aots: str) -> tuple[Observation, ...]:
    return tuple(obs for obs in observations() if obs.aot in aots)


def spans(*aots: str) -> np.ndarray:
    """Start and stop of the observations of these types, float64 (n, 2) [s]."""
    return np.array([(obs.tstart, obs.tstop) for obs in of_aot(*aots)], float).reshape(-1, 2)


def inside(times: np.ndarray, intervals: np.ndarray) -> np.ndarray:
    """Whether each time lies in one of the (sorted, disjoint, half open) intervals."""
    place = np.searchsorted(intervals[:, 0], times, side="right") - 1
    return (place >= 0) & (times < intervals[np.maximum(place, 0), 1])
