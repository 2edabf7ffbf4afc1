"""HRC events of a dwell: tap amplitudes as the electronics would send them, with the truth beside them.

Everything that triggers holds the electronics while the vetoes are checked, and longer if it is processed; what comes
meanwhile is lost. What the vetoes reject is not sent but counted. Time is cut into cells of five minutes from the start
of the dwell, each with its own random generator.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments import hrc, hrc_plane
from mta_assets.simulate import photons
from mta_assets.simulate.schedule import Dwell, Schedule
from mta_assets.simulate.seeds import cell_generator

Columns = dict[str, NDArray[Any]]

CELL = 300.0  # [s] stretch that shares a random generator
TRIGGERED = 3  # both axes triggered
BACKGROUND = {"HRC-I": 52.0, "HRC-S": 55.0}  # [events/s] over the whole detector after on-board screening
REJECTED = 110.0  # [events/s] that the vetoes reject: particles; two real observations have 50 and 150
KEPT_CELLS = 16  # a little more than an hour: rates and events ask for the same ones
ACTIVE = {"HRC-I": ((470, 14890), (380, 14940)), "HRC-S": ((560, 3536), (1665, 47036))}  # raw x, raw y with counts
AMPLITUDE_PER_PHA = 74.0  # sum of an axis' three taps per PHA channel at scale 1 (half the six-tap sum of real events)
SCALE_LIMITS = (50, 110)  # PHA from which the amplitude scale factor is 2 and 3 (real events: medians 31, 94, 213)
# share of the middle tap against the distance from it, in taps: medians of a real HRC-I event list
MIDDLE_SHARE = ((0.0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.5), (0.795, 0.788, 0.745, 0.677, 0.597, 0.523, 0.487))
VETO_CHANCE = {"width_v": 0.08, "width_u": 0.12, "uld": 0.03, "antico": 0.01}  # chance of each bit


class Cell(NamedTuple):
    """What happens in a cell: the events that are sent; times of all that triggered, and which of them are valid."""

    events: Columns
    triggers: NDArray[np.float64]
    valid: NDArray[np.bool_]


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
    blocks = []
    for cell, begin, end in _cells(schedule, dwell, tstart, tstop, rng_seed):
        kept = (cell.events["time"] >= begin) & (cell.events["time"] < end)
        blocks.append({name: column[kept] for name, column in cell.events.items()})
    if not blocks:
        return {name: column[:0] for name, column in _cell(dwell, -1, rng_seed).events.items()}
    return photons.join(blocks)


def triggers(
    schedule: Schedule, dwell: Dwell, tstart: float, tstop: float, rng_seed: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Times in [tstart, tstop) of all that triggered while the electronics were free, and which of them are valid.

    The valid ones are the `events`.
    """
    times, valid = [np.zeros(0)], [np.zeros(0, bool)]
    for cell, begin, end in _cells(schedule, dwell, tstart, tstop, rng_seed):
        kept = (cell.triggers >= begin) & (cell.triggers < end)
        times.append(cell.triggers[kept])
        valid.append(cell.valid[kept])
    return np.concatenate(times), np.concatenate(valid)


def _cells(
    schedule: Schedule, dwell: Dwell, tstart: float, tstop: float, rng_seed: int
) -> Iterator[tuple[Cell, float, float]]:
    """Cells that an HRC observation has between two times, and from when to when it takes data then.

    The voltage is up before the manoeuvre ends, as telemetry says: events come from the start of the dwell on.
    """
    begin, end = max(tstart, dwell.tstart), min(tstop, dwell.tstop)
    if dwell.instrument in hrc.PLATES and dwell.kind == "observation" and begin < end:
        for cell in range(int((begin - dwell.tstart) // CELL), int((end - dwell.tstart) // CELL) + 1):
            yield _cell(dwell, cell, rng_seed + schedule.seed), begin, end


@lru_cache(maxsize=KEPT_CELLS)
def _cell(dwell: Dwell, cell: int, seed: int) -> Cell:
    """All of one cell; cell -1 is an empty one that shows the columns."""
    keys = (dwell.obsid, dwell.obi, round(dwell.tstart), cell)
    rng = cell_generator(seed, "hrc", *keys)
    start = dwell.tstart + cell * CELL
    instrument = dwell.instrument if dwell.instrument in hrc.PLATES else "HRC-I"
    plate = hrc.PLATES[instrument]
    light = photons.detected(dwell, start, start + CELL, rng) if cell >= 0 else photons.empty()
    count = int(rng.poisson(BACKGROUND[instrument] * CELL)) if cell >= 0 else 0
    (x0, x1), (y0, y1) = ACTIVE[instrument]
    offset = np.zeros(max(plate.raw_offset) + 1)
    offset[list(plate.raw_offset)] = list(plate.raw_offset.values())
    nowhere = np.full(count, np.nan)
    raw_x = light["x"] - hrc_plane.CHIP_X_OFFSET
    columns: Columns = {
        "time": np.concatenate([light["time"], start + rng.random(count) * CELL]),
        "rawx": np.concatenate([raw_x, x0 + rng.random(count) * (x1 - x0)]),
        "rawy": np.concatenate([light["y"] + offset[light["chip_id"]], y0 + rng.random(count) * (y1 - y0)]),
        "source_id": np.concatenate([light["source_id"], np.zeros(count, np.int16)]),
        "energy": np.concatenate([light["energy"], nowhere]),
        "true_ra": np.concatenate([light["ra"], nowhere]),
        "true_dec": np.concatenate([light["dec"], nowhere]),
        "tg_part": np.concatenate([light["tg_part"], np.zeros(count, np.int8)]),
        "tg_m": np.concatenate([light["tg_m"], np.zeros(count, np.int8)]),
    }
    inside = (columns["rawx"] >= x0) & (columns["rawx"] < x1) & (columns["rawy"] >= y0) & (columns["rawy"] < y1)
    particles = cell_generator(seed, "hrc rejected", *keys)
    rejected = start + particles.random(particles.poisson(REJECTED * CELL) if cell >= 0 else 0) * CELL
    times = np.concatenate([columns["time"][inside], rejected])
    source = np.concatenate([np.flatnonzero(inside), np.full(len(rejected), -1)])
    order = np.argsort(times, kind="stable")
    times, source = times[order], source[order]
    alive = taken(times, np.where(source >= 0, hrc.GATE_CHECK + hrc.GATE_PROCESS, hrc.GATE_CHECK))
    times, source = times[alive], source[alive]
    columns = {name: column[source[source >= 0]] for name, column in columns.items()}
    return Cell(_signals(columns, rng), times, source >= 0)


def taken(times: NDArray[np.float64], hold: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which of the sorted triggers find the electronics free, when each that does holds them for ``hold`` [s].

    A trigger that finds them held holds nothing itself. So in each group without a pause the first that is too early
    goes, and it is looked again: a few rounds.
    """
    group = np.cumsum(np.diff(times, prepend=times[:1]) >= hold.max(initial=0.0))
    kept = np.arange(len(times))
    while True:
        early = np.flatnonzero(np.diff(times[kept]) < hold[kept][:-1]) + 1
        if not len(early):
            return kept
        kept = np.delete(kept, early[np.unique(group[kept[early]], return_index=True)[1]])


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
