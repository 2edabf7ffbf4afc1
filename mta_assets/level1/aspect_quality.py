"""Quality of an aspect solution: the indicators of the archive's aqual1 files, one row every 1.025 s.

Definitions found from real files and held to them, to 1e-6 (``realdata/test_aspect.py``): img_diam_rms is twice the
root of the summed squares of ra_err, dec_err and, at 20.625 arcsec/mm, dy_err and dz_err; img_roll_rms the root of
those of roll_err and dtheta_err; both of the last row of the solution before the time. aca_data_bad has a bit for each
slot. The other flags are our own reading of their names.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Table
from mta_assets.instruments.aca import ARCSEC
from mta_assets.instruments.geometry import unit_vector
from mta_assets.level1.aca_centroid import AT_EDGE
from mta_assets.level1.aspect_fids import SCALE
from mta_assets.level1.aspect_gyro import Gyros
from mta_assets.level1.aspect_tables import ASPQUAL, ASPQUAL_LIMITS, QUALITY_STEP, SAMPLE, SECOND

Array = NDArray[Any]

NO_SOLUTION, NO_STARS, NO_FIDS = 16384, 1, 2  # asp_sol_status; the first as in real files, the others our own
STARS_SEEN = 10.0  # [s] without a good guide star so long, the attitude rests on the gyros alone
NULL = 255
# name, description, yellow and red limit: the table of real aqual1 files
LIMITS = (
    ("img_diam_rms", "Aspect image RMS diameter", 0.5, 1.0),
    ("img_roll_rms", "Aspect image RMS roll error", 5.0, 50.0),
    ("gyro_glitch", "Gyro data glitch", 1, 256),
    ("gyro_gap", "Gyro data gap", 1, 1),
    ("gyro_incons", "Gyro data incons", 1, 1),
    ("img_fit_chisq", "Image fit chi**2 worst case", 1.0e3, 1.0e5),
    ("aca_data_bad", "ACA data unreliable", 1, 256),
    ("target_offset", "Target offset from nominal RA, Dec", 30.0, 30.0),
    ("rw_speed_bad", "Reaction wheel speed bad", 1, 1),
    ("asp_sol_status", "Aspect solution status flags", 1, 256),
)


def image_diameter(solution: Table) -> Array:
    """img_diam_rms [arcsec] of rows of an aspect solution."""
    angles = (solution["ra_err"].astype(float) * 3600) ** 2 + (solution["dec_err"].astype(float) * 3600) ** 2
    shifts = (solution["dy_err"].astype(float) ** 2 + solution["dz_err"].astype(float) ** 2) * SCALE**2
    return np.asarray(2 * np.sqrt(angles + shifts), dtype=np.float64)


def image_roll(solution: Table) -> Array:
    """img_roll_rms [arcsec] of rows of an aspect solution."""
    return np.hypot(solution["roll_err"].astype(float), solution["dtheta_err"].astype(float)) * 3600


def assess(
    solution: Table, centroids: Table, gyros: Gyros, guides: Array, tstart: float, tstop: float,
    nominal: tuple[float, float],
) -> Table:  # fmt: skip
    """Indicators of an interval.

    Parameters
    ----------
    solution
        `aspect_tables.ASPSOL`, may have gaps.
    centroids
        `aca_tables.ACACENT`.
    gyros
        Angles of the interval.
    guides
        Slots of the guide stars.
    tstart, tstop
        Interval [s]; a row stands for the 1.025 s up to its time.
    nominal
        Right ascension and declination [deg] that target_offset is counted from.
    """
    count = max(int(np.ceil((tstop - tstart) / QUALITY_STEP - 1e-6)), 0)
    edges = tstart + QUALITY_STEP * np.arange(count + 1)
    rows = _rows(solution["time"], edges)
    there = rows >= 0
    part = solution.where(np.maximum(rows, 0)) if len(solution) else solution
    columns: dict[str, Array] = {"time": edges[1:]}
    offset = unit_vector(part["ra"], part["dec"]) - unit_vector(*nominal) if len(solution) else np.zeros((count, 3))
    values = {
        "img_diam_rms": image_diameter(part) if len(solution) else np.zeros(count),
        "img_roll_rms": image_roll(part) if len(solution) else np.zeros(count),
        "target_offset": 2 * np.arcsin(np.linalg.norm(offset, axis=-1) / 2) / ARCSEC,
    }
    columns |= {name: np.where(there, value, np.nan) for name, value in values.items()}
    columns["img_fit_chisq"] = _worst(centroids["time"], centroids["chi"].astype(float) ** 2, edges)
    columns["gyro_glitch"] = _any(gyros.time[gyros.glitch], edges).astype(np.uint8)
    columns["gyro_gap"] = _in_gaps(gyros.gaps, edges).astype(np.uint8)
    columns["gyro_incons"] = columns["gyro_glitch"]
    columns["aca_data_bad"] = _bad_slots(centroids, edges)
    columns["rw_speed_bad"] = np.full(count, NULL, np.uint8)  # not judged here
    columns["asp_sol_status"] = _status(solution, centroids, guides, edges, there)
    return ASPQUAL.build(columns)


def limit_table(quality: Table) -> Table:
    """The limits of the indicators, and whether any row violates them."""
    found = []
    for name, _, yellow, red in LIMITS:
        values = quality[name].astype(float)
        values = (
            values[values != NULL] if name in ("rw_speed_bad", "gyro_glitch", "gyro_gap", "gyro_incons") else values
        )
        worst = np.nanmax(values, initial=-np.inf)
        found.append((int(worst >= yellow), int(worst >= red)))
    shown = [tuple(f"{v:.6E}" if isinstance(v, float) else str(v) for v in row[2:]) for row in LIMITS]
    return ASPQUAL_LIMITS.build(
        {
            "name": np.array([row[0] for row in LIMITS]), "descr": np.array([row[1] for row in LIMITS]),
            "yellow": np.array([y for y, _ in shown]), "red": np.array([r for _, r in shown]),
            "ylviol": np.array([y for y, _ in found]), "rdviol": np.array([r for _, r in found]),
        },
        SECOND,
    )  # fmt: skip


def _rows(times: Array, edges: Array) -> Array:
    """For each step the last row of the solution in it; -1 if there is none."""
    last = np.searchsorted(times, edges[1:]) - 1
    inside = (last >= 0) & (times[np.maximum(last, 0)] > edges[:-1] - SAMPLE) if len(times) else last >= 0
    return np.where(inside, last, -1)


def _counts(times: Array, edges: Array) -> Array:
    ordered = np.sort(times)
    return np.searchsorted(ordered, edges[1:]) - np.searchsorted(ordered, edges[:-1])


def _any(times: Array, edges: Array) -> Array:
    return _counts(times, edges) > 0


def _in_gaps(gaps: Array, edges: Array) -> Array:
    inside = np.zeros(len(edges) - 1, bool)
    for start, stop in gaps:
        inside |= (edges[1:] > start) & (edges[:-1] < stop)
    return inside


def _worst(times: Array, values: Array, edges: Array) -> Array:
    """Largest value in each step, or of the steps before if it has none; NaN before the first."""
    place = np.searchsorted(edges, times, side="right") - 1
    use = (place >= 0) & (place < len(edges) - 1) & np.isfinite(values)
    worst = np.full(len(edges) - 1, -np.inf)
    np.maximum.at(worst, place[use], values[use])
    known = np.isfinite(worst)
    last = np.maximum.accumulate(np.where(known, np.arange(len(worst)), -1)) if len(worst) else known
    return np.where(last >= 0, worst[np.maximum(last, 0)], np.nan)


def _bad_slots(centroids: Table, edges: Array) -> NDArray[np.uint8]:
    bits = np.zeros(len(edges) - 1, np.uint8)
    bad = (centroids["status"] & ~AT_EDGE) != 0
    for slot in np.unique(centroids["slot"]):
        bits |= (_any(centroids["time"][bad & (centroids["slot"] == slot)], edges) << slot).astype(np.uint8)
    return bits


def _status(solution: Table, centroids: Table, guides: Array, edges: Array, there: Array) -> NDArray[np.int16]:
    good = ((centroids["status"] & ~AT_EDGE) == 0) & np.isin(centroids["slot"], guides)
    seen = np.sort(centroids["time"][good])
    middle = (edges[1:] + edges[:-1]) / 2
    after = np.searchsorted(seen, middle)
    low = np.where(after > 0, middle - seen[np.maximum(after - 1, 0)], np.inf) if len(seen) else middle * np.inf
    high = np.where(after < len(seen), seen[np.minimum(after, len(seen) - 1)] - middle, np.inf) if len(seen) else low
    status = np.where(there, 0, NO_SOLUTION) | np.where(np.minimum(low, high) > STARS_SEEN, NO_STARS, 0)
    if len(solution):
        status |= np.where(np.isnan(solution["dy_err"]).all(), NO_FIDS, 0)
    return status.astype(np.int16)
