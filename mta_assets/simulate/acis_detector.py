"""ACIS exposures of a dwell: events as the on-board software would send them, with the truth beside them.

Time is cut into cells of 128 exposures from the start of the dwell, each with its own random generator: any stretch
of a playback gives the same events, in whatever pieces it is asked for.

Values are bias-corrected: the simulated bias level is zero, so that raw and corrected pulse heights are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments import acis
from mta_assets.simulate.acis_hits import CELL, HotPixel, arrivals, hot_events, join, known_hot_pixels, read_out
from mta_assets.simulate.schedule import Dwell, Schedule
from mta_assets.simulate.seeds import cell_generator

__all__ = ["CELL", "HotPixel", "exposure_times", "exposures", "known_hot_pixels"]

Columns = dict[str, NDArray[Any]]

SETUP = 30.0  # [s] from the start of a dwell to the first exposure
FIRST_EXPNO = 2  # exposures before it are the instrument's own
THRESHOLD_PIXELS = 45.0  # pixels above threshold an exposure and chip beyond the events, from discarded particles


def exposure_times(dwell: Dwell) -> NDArray[np.float64]:
    """Start of each exposure that ends before the dwell does [s]; exposure k has expno ``k + 2``."""
    period = acis.frame_time(dwell.datamode, dwell.ccds)
    count = max(0, int((dwell.tstop - dwell.tstart - SETUP) / period))
    return np.asarray(dwell.tstart + SETUP + np.arange(count) * period, dtype=np.float64)


def exposures(
    schedule: Schedule,
    dwell: Dwell,
    tstart: float,
    tstop: float,
    rng_seed: int,
    hot_pixels: Sequence[HotPixel | tuple[int, int, int, float, float]] = (),
) -> Iterator[dict[str, Any]]:
    """Blocks of exposures that start within [tstart, tstop), in order of time.

    Parameters
    ----------
    schedule
        The plan; its seed is mixed with ``rng_seed``.
    dwell
        An ACIS observation or calibration stretch of it; other dwells give no block.
    hot_pixels
        Injected ones, besides the known ones: `HotPixel`, or (ccd_id, chipx, chipy, tstart, tstop).

    Yields
    ------
    dict
        Events sorted by exposure, chip, row and column: ``time`` (start of the exposure [s]), ``expno``, ``ccd_id``,
        ``fep_id``, ``node_id``, ``chipx``, ``chipy`` (1 to 1024; in continuous clocking the row 1 to 512 of the
        exposure), ``phas`` (n, 3, 3) or (n, 5, 5) int16 0 to 4095 [row, column], lowest row first, ``fltgrade``,
        ``pha``; the truth: ``source_id`` (above 0 a source of the field; else what ``acis_hits`` names), ``energy``
        [eV], ``true_ra``, ``true_dec`` [deg, NaN if not from the sky], ``tg_part``, ``tg_m``.
        ``true_time`` [s] is when the photon came (NaN if it was none).
        And ``exposures``, a dict of arrays with one row per exposure and chip: ``time``, ``expno``, ``ccd_id``,
        ``fep_id``, ``events_sent``, ``threshold_pixels``, ``discard_amplitude``, ``discard_position``,
        ``discard_grade``, ``delta_overclocks`` (n, 4), ``bias_parity_errors``.
    """
    times = exposure_times(dwell) if dwell.datamode else np.zeros(0)
    if not dwell.instrument.startswith("ACIS") or not len(times):
        return
    injected = tuple(pixel if isinstance(pixel, HotPixel) else HotPixel(*pixel) for pixel in hot_pixels)
    first, last = (int(edge) for edge in np.searchsorted(times, [tstart, tstop]))
    for cell in range(first // CELL, -(-last // CELL)):
        low, high = max(first, cell * CELL), min(last, (cell + 1) * CELL)
        if low < high:
            yield _cell(dwell, times, cell, (low, high), rng_seed + schedule.seed, injected)


def _cell(
    dwell: Dwell,
    times: NDArray[np.float64],
    cell: int,
    wanted: tuple[int, int],
    seed: int,
    injected: tuple[HotPixel, ...],
) -> dict[str, Any]:
    """All exposures of a cell made, the wanted ones kept."""
    rng = cell_generator(seed, "acis", dwell.obsid, dwell.obi, round(dwell.tstart), cell)
    period = acis.frame_time(dwell.datamode, dwell.ccds)
    start = float(times[0] + cell * CELL * period)
    events = read_out(dwell, arrivals(dwell, start, period, rng), start, period, rng)
    events = join(events, hot_events(dwell, start, period, seed, cell, injected))
    events["exposure"] = events["exposure"] + cell * CELL
    sent, discarded = _telemetered(dwell, events)
    records = _placed(_records(dwell, sent, discarded, cell, rng), dwell, times, wanted)
    block: dict[str, Any] = _placed(sent, dwell, times, wanted)
    block["node_id"] = acis.node_id(block["chipx"])
    block["exposures"] = records
    return block


def _placed(rows: Columns, dwell: Dwell, times: NDArray[np.float64], wanted: tuple[int, int]) -> Columns:
    """Rows of the wanted exposures with time, exposure number and front-end processor."""
    kept = (rows["exposure"] >= wanted[0]) & (rows["exposure"] < wanted[1])
    out = {name: column[kept] for name, column in rows.items()}
    exposure = out.pop("exposure")
    feps = acis.fep_ids(dwell.ccds)
    fep_of = np.array([feps.get(ccd, 0) for ccd in range(len(acis.CCD_NAMES))], dtype=np.int16)
    return out | {
        "time": times[exposure],
        "expno": (exposure + FIRST_EXPNO).astype(np.int32),
        "fep_id": fep_of[out["ccd_id"]],
    }


def _telemetered(dwell: Dwell, events: Columns) -> tuple[Columns, Columns]:
    """Events that the on-board software sends, sorted as read out, and those it discards by amplitude or grade.

    Events below threshold, on the rim of the chip or on top of an earlier one in the same exposure are none.
    """
    rows = acis.CC_ROWS if dwell.datamode.startswith("CC") else acis.ROWS
    order = np.lexsort((events["source_id"], events["chipx"], events["chipy"], events["ccd_id"], events["exposure"]))
    events = {name: column[order] for name, column in events.items()}
    phas = events["phas"]
    middle = phas.shape[-1] // 2
    x, y = events["chipx"], events["chipy"]
    good = (x > 1) & (x < acis.COLUMNS) & (y > 1) & (y < rows)
    good &= phas[:, middle, middle] >= acis.event_threshold(events["ccd_id"])
    events = {name: column[good] for name, column in events.items()}
    place = ((events["exposure"] * 10 + events["ccd_id"]) * 1024 + events["chipy"]) * 1025 + events["chipx"]
    single = np.concatenate([[True], np.diff(place) > 0])[: len(place)]
    events = {name: column[single] for name, column in events.items()}
    events["fltgrade"] = acis.fltgrade(events["phas"])
    events["pha"] = acis.pha(events["phas"])
    too_high = events["pha"] >= acis.PHA_MIN + acis.PHA_RANGE
    rejected = acis.REJECTED_GRADES if dwell.datamode != "FAINT" else acis.REJECTED_GRADES[:-1]
    bad_grade = np.isin(events["fltgrade"], rejected) & ~too_high
    out = too_high | bad_grade
    discarded = {name: events[name][out] for name in ("exposure", "ccd_id")} | {"by_grade": bad_grade[out]}
    return {name: column[~out] for name, column in events.items()}, discarded


def _records(dwell: Dwell, sent: Columns, discarded: Columns, cell: int, rng: np.random.Generator) -> Columns:
    """One row per exposure and chip of the cell with the counters of the on-board software."""
    chips = np.array(sorted(dwell.ccds), dtype=np.int16)
    rows = CELL * len(chips)

    def counted(columns: Columns, mask: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        place = (columns["exposure"] - cell * CELL) * len(chips) + np.searchsorted(chips, columns["ccd_id"])
        return np.bincount(place if mask is None else place[mask], minlength=rows)

    by_grade = counted(discarded, discarded["by_grade"])
    by_amplitude = counted(discarded, ~discarded["by_grade"])
    events = counted(sent)
    clocks = np.clip(np.rint(rng.normal(0.0, 0.8, (rows, 4))), -8, 8).astype(np.int16)
    pixels = events + 9 * by_grade + by_amplitude + rng.poisson(THRESHOLD_PIXELS, rows)
    return {
        "exposure": cell * CELL + np.repeat(np.arange(CELL), len(chips)),
        "ccd_id": np.tile(chips, CELL),
        "events_sent": events.astype(np.int32),
        "threshold_pixels": pixels.astype(np.int32),
        "discard_amplitude": by_amplitude.astype(np.int32),
        "discard_position": np.zeros(rows, np.int32),
        "discard_grade": by_grade.astype(np.int32),
        "delta_overclocks": clocks,
        "bias_parity_errors": np.zeros(rows, np.int32),
    }
