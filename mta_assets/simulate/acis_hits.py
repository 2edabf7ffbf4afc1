"""What falls on the ACIS chips during a cell of exposures, besides and including the light of the sources.

Sources, quiescent background, the external calibration source, charged particles and hot pixels become events in their
exposures, before the on-board software looks at them (see ``acis_detector``).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments import acis
from mta_assets.simulate import acis_islands, photons, sky
from mta_assets.simulate.schedule import Dwell
from mta_assets.simulate.seeds import cell_generator

Columns = dict[str, NDArray[Any]]

CELL = 128  # exposures that share a random generator
BACKGROUND, COSMIC_RAY, CALIBRATION, KNOWN_HOT, INJECTED_HOT = 0, -1, -2, -3, -4  # source_id of what is not a source

# events/s and chip: quiescent background after on-board filtering, and particles with charge in all nine pixels
BACKGROUND_FI, BACKGROUND_BI, COSMIC_FI = 6.5, 10.0, 1.5
LONGEST_WAIT = (acis.ROWS + acis.STORE_ROWS + 1) * acis.ROW_TIME  # [s] in continuous clocking, photon to readout
CALIBRATION_RATE = 5.0  # [events/s and chip] external calibration source
# fluorescence of Al, Si, Au, Ni, Au [keV] and its share of the background
BACKGROUND_LINES = ((1.487, 0.02), (1.740, 0.04), (2.142, 0.05), (7.478, 0.04), (9.713, 0.06))


@dataclass(frozen=True)
class HotPixel:
    """A pixel that fires by itself during an interval [s]; ``pha`` is its mean pulse height [adu]."""

    ccd_id: int
    chipx: int
    chipy: int
    tstart: float = -np.inf
    tstop: float = np.inf
    chance: float = 0.9
    pha: float = 150.0


@lru_cache
def known_hot_pixels() -> tuple[HotPixel, ...]:
    """Hot pixels that the observatory knows of (``bad_pixels.csv``): there all the time, listed in the truth."""
    with (Path(__file__).parent / "bad_pixels.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            HotPixel(int(r["ccd_id"]), int(r["chipx"]), int(r["chipy"]), chance=float(r["rate"]), pha=float(r["pha"]))
            for r in csv.DictReader(file)
        )


def arrivals(dwell: Dwell, start: float, period: float, rng: np.random.Generator) -> Columns:
    """X-rays that hit the chips during a cell, or can be read out in it: sources, background, calibration source."""
    stop = start + CELL * period
    if dwell.datamode.startswith("CC"):
        start -= LONGEST_WAIT
    parts = [photons.detected(dwell, start, stop, rng) if dwell.kind == "observation" else photons.empty()]
    for ccd in dwell.ccds:
        rate = BACKGROUND_BI if ccd in acis.BACK_ILLUMINATED else BACKGROUND_FI
        count = int(rng.poisson(rate * (stop - start)))
        energy = np.exp(rng.uniform(np.log(0.3), np.log(11.0), count))  # flat in log E: about E^-1, as particles give
        lines = np.array(BACKGROUND_LINES)
        in_line = rng.random(count) < lines[:, 1].sum()
        energy[in_line] = sky.draw_lines(lines[:, 0], lines[:, 1], int(in_line.sum()), rng)
        parts.append(_flat(ccd, energy, BACKGROUND, start, stop, rng))
        if dwell.kind == "ecs":
            lines = np.array(sky.CALIBRATION_LINES)
            count = int(rng.poisson(CALIBRATION_RATE * (stop - start)))
            energy = sky.draw_lines(lines[:, 0], lines[:, 1], count, rng)
            parts.append(_flat(ccd, energy, CALIBRATION, start, stop, rng))
    return photons.join(parts)


def _flat(
    ccd: int, energy: NDArray[np.float64], source_id: int, start: float, stop: float, rng: np.random.Generator
) -> Columns:
    """Photons [keV] spread evenly over a chip and a time."""
    count = len(energy)
    columns: Columns = {name: np.zeros(count, column.dtype) for name, column in photons.empty().items()}
    columns |= {
        "time": start + rng.random(count) * (stop - start),
        "chip_id": np.full(count, ccd, np.int16),
        "x": 0.5 + rng.random(count) * acis.COLUMNS,
        "y": 0.5 + rng.random(count) * acis.ROWS,
        "energy": energy * 1000,
        "source_id": np.full(count, source_id, np.int16),
        "ra": np.full(count, np.nan),
        "dec": np.full(count, np.nan),
    }
    return columns


def read_out(dwell: Dwell, hits: Columns, start: float, period: float, rng: np.random.Generator) -> Columns:
    """Events of X-rays and particles in their exposures, before the on-board filter."""
    if dwell.datamode.startswith("CC"):
        # a row is read out as many row times after the photon came as there are rows before it, those of the frame
        # store included; rows are numbered on through the exposures
        rows = np.floor((hits["time"] - start) / acis.ROW_TIME + hits["y"] + acis.STORE_ROWS).astype(np.int64)
        here = (rows >= 0) & (rows < CELL * acis.CC_ROWS)
        hits, rows = {name: column[here] for name, column in hits.items()}, rows[here]
        exposure, y = rows // acis.CC_ROWS, rows % acis.CC_ROWS + 1.0
        fell = hits["y"]  # charge is lost on the way from there, whatever number the row gets
    else:
        since = hits["time"] - start
        exposure = np.minimum((since / period).astype(np.int64), CELL - 1)
        y = hits["y"].copy()
        trailed = since - exposure * period < acis.FRAME_TRANSFER  # came while the image moved: any row
        y[trailed] = 0.5 + rng.random(int(trailed.sum())) * acis.ROWS
        fell = y
    size = acis.island_size(dwell.datamode)
    events: Columns = {
        "exposure": exposure,
        "ccd_id": hits["chip_id"],
        "chipx": np.rint(hits["x"]).astype(np.int16),
        "chipy": np.rint(y).astype(np.int16),
        "phas": acis_islands.x_ray_islands(hits["chip_id"], hits["x"], fell, hits["energy"], size, rng),
        "source_id": hits["source_id"],
        "true_time": hits["time"],
        "energy": hits["energy"],
        "true_ra": hits["ra"],
        "true_dec": hits["dec"],
        "tg_part": hits["tg_part"],
        "tg_m": hits["tg_m"],
    }
    front = np.array([ccd for ccd in dwell.ccds if ccd not in acis.BACK_ILLUMINATED], dtype=np.int16)
    count = int(rng.poisson(COSMIC_FI * CELL * period * len(front))) if len(front) else 0
    phas = acis_islands.particle_islands(count, size, rng)
    ccd = rng.choice(front, count) if count else np.zeros(0, np.int16)
    rows_of = acis.CC_ROWS if dwell.datamode.startswith("CC") else acis.ROWS
    chipx, chipy = rng.integers(2, acis.COLUMNS, count), rng.integers(2, rows_of, count)
    particles = _without_sky(rng.integers(0, CELL, count), ccd, chipx, chipy, phas, COSMIC_RAY)
    return join(events, particles)


def _without_sky(
    exposure: NDArray[Any],
    ccd: NDArray[Any],
    chipx: NDArray[Any],
    chipy: NDArray[Any],
    phas: NDArray[np.int16],
    source_id: int,
) -> Columns:
    """Events that are not X-rays."""
    count = len(exposure)
    return {
        "exposure": exposure.astype(np.int64),
        "ccd_id": ccd.astype(np.int16),
        "chipx": chipx.astype(np.int16),
        "chipy": chipy.astype(np.int16),
        "phas": phas,
        "source_id": np.full(count, source_id, np.int16),
        "true_time": np.full(count, np.nan),
        "energy": np.full(count, np.nan),
        "true_ra": np.full(count, np.nan),
        "true_dec": np.full(count, np.nan),
        "tg_part": np.zeros(count, np.int8),
        "tg_m": np.zeros(count, np.int8),
    }


def hot_events(
    dwell: Dwell, start: float, period: float, seed: int, cell: int, injected: tuple[HotPixel, ...]
) -> Columns:
    """Events of hot pixels, each with its own generator, so that an injected one changes no other random number.

    Continuous clocking smears a pixel over its column: there hot pixels are left out.
    """
    size = acis.island_size(dwell.datamode)
    begin = start + np.arange(CELL) * period
    none = np.zeros(0)
    events = _without_sky(none, none, none, none, np.zeros((0, size, size), np.int16), KNOWN_HOT)
    for pixels, source_id in ((known_hot_pixels(), KNOWN_HOT), (injected, INJECTED_HOT)):
        for pixel in pixels:
            if pixel.ccd_id not in dwell.ccds or dwell.datamode.startswith("CC"):
                continue
            rng = cell_generator(seed, "hot", round(dwell.tstart), cell, pixel.ccd_id, pixel.chipx, pixel.chipy)
            fires = (rng.random(CELL) < pixel.chance) & (begin >= pixel.tstart) & (begin < pixel.tstop)
            height = np.maximum(pixel.pha * (1 + 0.15 * rng.standard_normal(CELL)), 45.0)[fires]
            at = np.flatnonzero(fires)
            ccd, chipx, chipy = (np.full(len(at), v) for v in (pixel.ccd_id, pixel.chipx, pixel.chipy))
            phas = acis_islands.single_islands(height, size, rng)
            events = join(events, _without_sky(at, ccd, chipx, chipy, phas, source_id))
    return events


def join(first: Columns, second: Columns) -> Columns:
    """Events of two tables after each other."""
    return {name: np.concatenate([column, second[name]]) for name, column in first.items()}
