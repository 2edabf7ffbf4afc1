"""The standard products of the simulated half year, as tables in memory.

The numbers of a product come from a seed of its own, so one product can be made without the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from mta_assets.core.tables import Product, Table
from mta_assets_tests.spire.schedule import (
    DAY,
    DAYS,
    PHOTOMETER,
    SEED,
    SPECTROMETER,
    START,
    Block,
    Observation,
    blocks,
    observations,
)


def _pixels(array: str, rows: str, lengths: list[int], spare: int) -> list[str]:
    """Detectors row by row, then thermistors, dark pixels, resistor and channels that lead to nothing."""
    pixels = [f"{array}{row}{n}" for row, length in zip(rows, lengths, strict=True) for n in range(1, length + 1)]
    return pixels + [f"{array}{x}" for x in ("T1", "T2", "DP1", "DP2", "R1", *(f"X{n + 1}" for n in range(spare)))]


PHOTOMETER_CHANNELS = (
    *_pixels("PSW", "ABCDEFGHJ", [15, 16] * 4 + [15], 0),
    *_pixels("PMW", "ABCDEFG", [13, 12] * 3 + [13], 3),
    *_pixels("PLW", "ABCDE", [9, 8, 9, 8, 9], 0),
)  # 288
SPECTROMETER_CHANNELS = (
    *_pixels("SSW", "ABCDEFG", [4, 5, 6, 7, 6, 5, 4], 6),
    *_pixels("SLW", "ABCDE", [3, 4, 5, 4, 3], 0),
)  # 72


def _rng(obsid: int, kind: int) -> np.random.Generator:
    return np.random.default_rng([SEED, obsid, kind])


def _header(obs: Observation, content: str, level: str) -> dict[str, object]:
    header: dict[str, object] = {
        "CONTENT": content, "OBS_ID": obs.obsid, "AOT": obs.aot, "OBJECT": obs.target, "RA": obs.ra, "DEC": obs.dec,
        "LEVEL": level,
    }  # fmt: skip
    if obs.scans:
        header |= {"NUMSCANS": obs.scans, "RESOLUT": obs.resolution, "ZPDCLIP": obs.clipped}
    return header


def _product(file_id: str, obs: Observation, table: Table, content: str, level: str) -> Product:
    header = _header(obs, content, level)
    return Product(file_id, (table,), float(obs.tstart), float(obs.tstop), header, {"obsid": obs.obsid})


def _blocks_of(obs: Observation, *kinds: str) -> list[Block]:
    return [block for block in _by_obsid()[obs.obsid] if not kinds or block.bbtype in kinds]


@lru_cache(maxsize=1)
def _by_obsid() -> dict[int, list[Block]]:
    found: dict[int, list[Block]] = {}
    for block in blocks():
        found.setdefault(block.obsid, []).append(block)
    return found


def timeline(obs: Observation) -> Product:
    """Level 1: detector signals against time."""
    phot = obs.aot in PHOTOMETER
    rng = _rng(obs.obsid, 1)
    time = np.arange(obs.tstart + 0.5, obs.tstop, 60.0)
    names = ("PSWE8", "PSWE9", "PMWD6", "PLWC4") if phot else ("SSWD4", "SLWC3")
    columns = {"TIME": time, **{name: rng.normal(1.0, 0.05, len(time)) for name in names}}
    content = "PDT1" if phot else "SDT1"
    return _product("PHOT_L1" if phot else "SPEC_L1", obs, Table("SIGNAL", columns), content, "1")


def detectors(obs: Observation) -> Product:
    """Derived parameters of all channels: a row at the middle of each building block."""
    phot = obs.aot in PHOTOMETER
    channels = PHOTOMETER_CHANNELS if phot else SPECTROMETER_CHANNELS
    rng = _rng(obs.obsid, 2)
    time = np.array([(block.tstart + block.tstop) / 2 for block in _blocks_of(obs)])
    noise = rng.normal(30.0, 2.0, (len(channels), len(time)))
    columns = {"TIME": time, **dict(zip(channels, noise, strict=True))}
    content = "PDET1" if phot else "SDET1"
    return _product("PDETPAR" if phot else "SDETPAR", obs, Table("DETECTORS", columns), content, "1")


def flashes(obs: Observation) -> Product:
    """Fluxes in the ten flashes of PCAL that close an observation; the mission's PCAL fades slowly."""
    (block,) = _blocks_of(obs, "PCALFLASH")
    rng = _rng(obs.obsid, 3)
    time = block.tstart + 5.0 + 12.0 * np.arange(10)
    fade = 1.0 - 0.02 * (time - START) / (DAYS * DAY)
    flux = fade * rng.normal(8.0, 0.1, (len(PHOTOMETER_CHANNELS), len(time)))
    columns = {"TIME": time, **dict(zip(PHOTOMETER_CHANNELS, flux, strict=True))}
    return _product("PCALFLUX", obs, Table("FLUX", columns), "PCAL1", "1")


def sky_map(obs: Observation) -> Product:
    """A map as rows of pixels: position, surface brightness, error."""
    small = obs.aot == "SmallMap"
    rng = _rng(obs.obsid, 4)
    side = 6 if small else 12
    x, y = np.meshgrid(np.arange(side) - side / 2, np.arange(side) - side / 2)
    columns = {
        "RA": obs.ra + x.ravel() / 600, "DEC": obs.dec + y.ravel() / 600,
        "FLUX": rng.gamma(2.0, 0.1, side * side), "ERROR": rng.uniform(0.005, 0.01, side * side),
    }  # fmt: skip
    file_id, content = ("SMALL_MAP", "SMAP2") if small else ("LARGE_MAP", "LMAP2")
    return _product(file_id, obs, Table("MAP", columns), content, "2")


def interferogram(obs: Observation) -> Product:
    """Interferograms of the central detectors over the optical path difference."""
    rng = _rng(obs.obsid, 5)
    opd = np.linspace(-0.5, 1.25 if obs.resolution == "LR" else 13.0, 64)
    columns = {"OPD": opd, **{name: np.sinc(8 * opd) + rng.normal(0, 0.01, 64) for name in ("SSWD4", "SLWC3")}}
    return _product("INTERFEROGRAM", obs, Table("INTERFEROGRAM", columns), "IFGM1", "1")


def spectrum(obs: Observation) -> Product:
    """Averaged spectrum of the central detectors."""
    rng = _rng(obs.obsid, 6)
    wave = np.linspace(447.0, 1567.0, 80)  # [GHz]
    columns = {"WAVE": wave, **{name: rng.gamma(3.0, 1.0, 80) for name in ("SSWD4", "SLWC3")}}
    return _product("SPECTRUM", obs, Table("SPECTRUM", columns), "SPEC2", "2")


def day_products(day: int) -> Iterator[Product]:
    """Thermistor temperatures of every day; offsets and channel table of the days on which SPIRE observed."""
    first = START + day * DAY
    rng = _rng(day, 7)
    time = first + 7.5 + 600.0 * np.arange(144)
    wave = 0.285 + 0.004 * np.sin(2 * np.pi * (time - START) / (27 * DAY))
    names = [f"{array}{t}" for array in ("PSW", "PMW", "PLW", "SSW", "SLW") for t in ("T1", "T2")]
    columns = {"TIME": time, **{name: wave + 0.001 * i + rng.normal(0, 1e-4, 144) for i, name in enumerate(names)}}
    yield _day("THERMISTORS", "THERM1", day, Table("TEMPERATURES", columns))
    own = [obs for obs in observations() if first <= obs.tstart < first + DAY]
    if own:
        channels = np.array(PHOTOMETER_CHANNELS + SPECTROMETER_CHANNELS)
        gains = {"CHANNEL": channels, "GAIN": rng.normal(1.0, 0.02, 360), "OFFSET": rng.integers(0, 16, 360)}
        yield _day("CHANTAB", "CHAN05", day, Table("CHANNELS", gains))
        starts = np.array([obs.tstart + 60.0 for obs in own])
        offsets = {"TIME": starts, "PSWE8": rng.integers(0, 16, len(own)), "SSWD4": rng.integers(0, 16, len(own))}
        yield _day("OFFSETHIST", "OFFS05", day, Table("OFFSETS", offsets))


def _day(file_id: str, content: str, day: int, table: Table) -> Product:
    first = float(START + day * DAY)
    return Product(file_id, (table,), first, first + DAY, {"CONTENT": content})


def of_observation(obs: Observation) -> Iterator[Product]:
    """Everything that is made of one observation."""
    if obs.aot in PHOTOMETER + SPECTROMETER:
        yield timeline(obs)
        yield detectors(obs)
        yield flashes(obs)
    if obs.aot in ("SmallMap", "LargeMap"):
        yield sky_map(obs)
    if obs.aot in SPECTROMETER:
        yield interferogram(obs)
        yield spectrum(obs)


@lru_cache(maxsize=1)
def all_products() -> tuple[Product, ...]:
    """Every standard product, those of observations first."""
    found = [product for obs in observations() for product in of_observation(obs)]
    return (*found, *(product for day in range(DAYS) for product in day_products(day)))
