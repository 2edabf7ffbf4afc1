"""HRC events of a dwell: tap amplitudes as the electronics would send them, with the truth beside them.

Time is cut into cells of five minutes from the start of the dwell, each with its own random generator.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments import hrc
from mta_assets.simulate import photons
from mta_assets.simulate.schedule import Dwell, Schedule
from mta_assets.simulate.seeds import cell_generator

Columns = dict[str, NDArray[Any]]

CELL = 300.0  # [s] stretch that shares a random generator
TRIGGERED = 3  # both axes triggered
SETUP = 30.0  # [s] from the start of a dwell until the voltage is up and events come
DEAD_TIME = 5.0e-5  # [s] the electronics take to process an event
BACKGROUND = {"HRC-I": 52.0, "HRC-S": 55.0}  # [events/s] over the whole detector after on-board screening
ACTIVE = {"HRC-I": ((470, 14890), (380, 14940)), "HRC-S": ((560, 3536), (1665, 47036))}  # raw x, raw y with counts
AMPLITUDE_PER_PHA = 74.0  # sum of an axis' three taps per PHA channel at scale 1 (half the six-tap sum of real events)
SCALE_LIMITS = (50, 110)  # PHA from which the amplitude scale factor is 2 and 3 (real events: medians 31, 94, 213)
# share of the middle tap against the distance from it, in taps: medians of a real HRC-I event list
MIDDLE_SHARE = ((0.0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.5), (0.795, 0.788, 0.745, 0.677, 0.597, 0.523, 0.487))
VETO_CHANCE = {"width_v": 0.08, "width_u": 0.12, "uld": 0.03, "antico": 0.01}  # chance of each bit


def events(schedule: Schedule, dwell: Dwell, tstart: float, tstop: float, rng_seed: int) -> Columns:
    """Events with times in [tstart, tstop), in order of time.

    Parameters
    ----------
    schedule
        The plan; its seed is mixed with ``rng_seed``.
    dwell
        An HRC observation of it; other dwells give no events.

    Returns
    -------
    dict
        ``time`` [s]; ``crsv``, ``crsu`` coarse positions (HRC-I 0 to 63; HRC-S 0 to 191 and 0 to 15); ``av1`` …
        ``au3`` tap amplitudes 0 to 4095; ``amp_sf`` 1 to 3; ``pha`` 0 to 255; ``vetostt`` veto byte (bits in
        ``instruments.hrc``); ``e_trig`` trigger bits (3); the truth: ``rawx``, ``rawy`` (where it hit [pixel]),
        ``source_id`` (0 background), ``energy`` [eV], ``true_ra``, ``true_dec`` [deg], ``tg_part``, ``tg_m``.
    """
    begin, end = max(tstart, dwell.tstart + SETUP), min(tstop, dwell.tstop)
    blocks = []
    if dwell.instrument in hrc.PLATES and dwell.kind == "observation" and begin < end:
        for cell in range(int((begin - dwell.tstart) // CELL), int((end - dwell.tstart) // CELL) + 1):
            block = _cell(dwell, cell, rng_seed + schedule.seed)
            kept = (block["time"] >= begin) & (block["time"] < end)
            blocks.append({name: column[kept] for name, column in block.items()})
    if not blocks:
        block = _cell(dwell, -1, rng_seed)
        return {name: column[:0] for name, column in block.items()}
    return photons.join(blocks)


def _cell(dwell: Dwell, cell: int, seed: int) -> Columns:
    """All events of one cell; cell -1 is an empty one that shows the columns."""
    rng = cell_generator(seed, "hrc", dwell.obsid, dwell.obi, round(dwell.tstart), cell)
    start = dwell.tstart + cell * CELL
    instrument = dwell.instrument if dwell.instrument in hrc.PLATES else "HRC-I"
    plate = hrc.PLATES[instrument]
    light = photons.detected(dwell, start, start + CELL, rng) if cell >= 0 else photons.empty()
    count = int(rng.poisson(BACKGROUND[instrument] * CELL)) if cell >= 0 else 0
    (x0, x1), (y0, y1) = ACTIVE[instrument]
    offset = np.zeros(max(plate.raw_offset) + 1)
    offset[list(plate.raw_offset)] = list(plate.raw_offset.values())
    nowhere = np.full(count, np.nan)
    columns: Columns = {
        "time": np.concatenate([light["time"], start + rng.random(count) * CELL]),
        "rawx": np.concatenate([light["x"], x0 + rng.random(count) * (x1 - x0)]),
        "rawy": np.concatenate([light["y"] + offset[light["chip_id"]], y0 + rng.random(count) * (y1 - y0)]),
        "source_id": np.concatenate([light["source_id"], np.zeros(count, np.int16)]),
        "energy": np.concatenate([light["energy"], nowhere]),
        "true_ra": np.concatenate([light["ra"], nowhere]),
        "true_dec": np.concatenate([light["dec"], nowhere]),
        "tg_part": np.concatenate([light["tg_part"], np.zeros(count, np.int8)]),
        "tg_m": np.concatenate([light["tg_m"], np.zeros(count, np.int8)]),
    }
    inside = (columns["rawx"] >= x0) & (columns["rawx"] < x1) & (columns["rawy"] >= y0) & (columns["rawy"] < y1)
    order = np.flatnonzero(inside)[np.argsort(columns["time"][inside], kind="stable")]
    columns = {name: column[order] for name, column in columns.items()}
    alive = np.concatenate([[True], np.diff(columns["time"]) >= DEAD_TIME])[: len(order)]
    columns = {name: column[alive] for name, column in columns.items()}
    return _signals(columns, rng)


def _signals(columns: Columns, rng: np.random.Generator) -> Columns:
    """Pulse height, scale and tap amplitudes added to positions."""
    count = len(columns["time"])
    background = columns["source_id"] == 0
    gain = np.where(background, rng.gamma(1.3, 110.0, count), rng.gamma(7.0, 19.0, count))
    pha = np.clip(np.rint(gain), 4, hrc.PHA_MAX).astype(np.int16)
    scale = (1 + (pha >= SCALE_LIMITS[0]) + (pha >= SCALE_LIMITS[1])).astype(np.int16)
    out = dict(columns)
    for axis, raw in (("v", columns["rawy"]), ("u", columns["rawx"])):
        coarse = np.floor(raw / hrc.TAP_PIXELS)
        out[f"crs{axis}"] = coarse.astype(np.int16)
        total = pha * AMPLITUDE_PER_PHA / 2.0 ** (scale - 1) * (1 + 0.02 * rng.standard_normal(count))
        for number, amplitude in enumerate(_taps(raw / hrc.TAP_PIXELS - coarse - 0.5, total), start=1):
            out[f"a{axis}{number}"] = np.clip(np.rint(amplitude), 0, hrc.ADC_MAX).astype(np.int16)
    out["amp_sf"], out["pha"] = scale, pha
    veto = np.zeros(count, np.uint8)
    for name, chance in VETO_CHANCE.items():
        veto |= np.where(rng.random(count) < chance, hrc.VETO_BITS[name], 0).astype(np.uint8)
    out["vetostt"], out["e_trig"] = veto, np.full(count, TRIGGERED, np.uint8)
    return out


def _taps(fine: NDArray[np.float64], total: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Three tap amplitudes whose centroid is the fine position (-1/2 to 1/2 taps) and whose sum is ``total``."""
    middle = np.interp(np.abs(fine), *MIDDLE_SHARE)
    outer = 1 - middle
    return (outer - fine) / 2 * total, middle * total, (outer + fine) / 2 * total
