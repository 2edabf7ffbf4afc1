"""ACACENT: centroids of all slots of an interval out of level-0 image telemetry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Product, Table
from mta_assets.instruments import aca
from mta_assets.level1 import aca_centroid
from mta_assets.level1.aca_centroid import (
    BAD_IMAGE,
    NO_STAR,
    NOT_TRACKED,
    REJECTED_Y,
    REJECTED_Z,
    SATURATED,
    Centroids,
)
from mta_assets.level1.aca_smooth import smooth_series
from mta_assets.level1.aca_tables import ACACENT, GAUSSIAN

Array = NDArray[Any]

TRACK = 1  # IMGFUNC of a slot that follows something
KELVIN = 273.15  # [K] at 0 °C
TEMPERATURES = (-40.0, 80.0)  # [°C] what a housing can have; other numbers are damaged telemetry
SATURATED_BIT = 0x20  # of IMGSTAT (first of six bits)
SHAPES = ((4, 4), (6, 6), (8, 8))  # [pixel] of images
FARTHEST = 520.0  # [pixel] from the centre of the CCD: no image lies beyond
USABLE = ~(aca_centroid.AT_EDGE) & 0xFF  # an edge alone is no reason to leave a centroid out of the smoothing


def find_centroids(images: Iterable[Product], tstart: float, tstop: float, method: int = GAUSSIAN) -> Table:
    """Centroids of an interval.

    Parameters
    ----------
    images
        ``ACA_IMG0`` products in any order, read one at a time; what overlaps is taken once.
    tstart, tstop
        Interval [s].
    method
        `aca_tables.GAUSSIAN` or `aca_tables.MOMENT`.

    Returns
    -------
    Table
        `ACACENT`, ordered by slot and time. NOTEMP is 1 if no image tells the temperature of the camera's housing, on
        which the angles depend: the usual one is taken then.
    """
    parts = [_of_table(table, tstart, tstop, method) for product in images for table in product.tables if len(table)]
    parts = [part for part in parts if len(part["time"])]
    if not parts:
        return ACACENT.empty()
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    _, order = np.unique(np.stack([columns["slot"].astype(float), columns["time"]]), axis=1, return_index=True)
    columns = {name: values[order] for name, values in columns.items()}
    housing = columns.pop("housing")
    columns |= _angles(columns, housing)
    for slot in np.unique(columns["slot"]):
        _smooth(columns, columns["slot"] == slot)
    unknown = bool(np.isnan(housing).all())
    return ACACENT.build(columns, {"NOTEMP": (int(unknown), "1: usual temperature of the camera taken")})


def _of_table(table: Table, tstart: float, tstop: float, method: int) -> dict[str, Array]:
    use = (table["TIME"] >= tstart) & (table["TIME"] < tstop)
    table = table.where(use)
    images = table["IMGRAW"]
    if images.shape[1:] not in SHAPES:
        raise BadData(
            f"{table.name}.IMGRAW: cells of {images.shape[1:]} pixels, expected 4, 6 or 8 square; make it again"
        )
    fit = aca_centroid.gaussian_fit(images) if method == GAUSSIAN else aca_centroid.first_moments(images)
    row = table["IMGROW0"] + fit.row + aca.CENTRE
    col = table["IMGCOL0"] + fit.col + aca.CENTRE
    integration = np.asarray(table["INTEG"], float)
    count = len(table)
    return {
        "time": table["TIME"], "slot": table["IMGNUM1"].astype(np.int16),
        "alg": np.full(count, method, np.int16), "status": _status(table, fit),
        "cent_i": row, "cent_j": col, "housing": _housing(table),
        "ang_y_sm": np.full(count, np.nan), "ang_z_sm": np.full(count, np.nan),
        "counts": np.where(integration > 0, fit.counts * aca.GAIN, 0.0), "background": fit.background,
        "chi": fit.chi, "ang_err": fit.error * _scale() / 3600,
    }  # fmt: skip


def _angles(columns: dict[str, Array], housing: Array) -> dict[str, Array]:
    """Angles of centroids at the temperature [°C] that their images tell, else the others', else the usual one.

    A place that is no number or beyond the CCD, though there is a star, is one of a damaged image.
    """
    known = housing[np.isfinite(housing)]
    usual = float(np.median(known)) if len(known) else aca.HOUSING
    at = np.where(np.isfinite(housing), housing, usual)
    with np.errstate(invalid="ignore", over="ignore"):
        yag, zag = aca.pixels_to_angles(columns["cent_i"], columns["cent_j"], at)
    status = columns["status"]
    near = (np.abs(columns["cent_i"]) < FARTHEST) & (np.abs(columns["cent_j"]) < FARTHEST)
    lost = ~near & ((status & NO_STAR) == 0)
    return {"ang_y": yag / 3600, "ang_z": zag / 3600, "status": np.where(lost, status | BAD_IMAGE, status)}


def _scale() -> float:
    """[arcsec/pixel] at the centre of the camera."""
    return abs(aca.GROUND.yag[2])


def _status(table: Table, fit: Centroids) -> NDArray[np.int16]:
    status = fit.status.astype(np.int16)
    status[table["QUALITY"] != 0] |= BAD_IMAGE
    status[table["IMGFUNC1"] != TRACK] |= NOT_TRACKED
    status[(table["IMGSTAT"] & SATURATED_BIT) != 0] |= SATURATED
    return status


def _housing(table: Table) -> Array:
    """Temperature of the camera housing [°C]: the median of those telemetered (in steps of 0.4 K); NaN without, as in
    images of 4x4 pixels."""
    given = np.asarray(table["TEMPHOUS"], float) - KELVIN if "TEMPHOUS" in table else np.zeros(0)
    given = given[(given > TEMPERATURES[0]) & (given < TEMPERATURES[1])]
    return np.full(len(table), float(np.median(given)) if len(given) else np.nan)


def _smooth(columns: dict[str, Array], rows: NDArray[np.bool_]) -> None:
    """Fill in the smoothed angles of one slot, and flag what stands off."""
    times, status = columns["time"][rows], columns["status"][rows]
    good = (status & USABLE) == 0
    for name, flag in (("ang_y", REJECTED_Y), ("ang_z", REJECTED_Z)):
        smoothed, rejected = smooth_series(times, columns[name][rows], good)
        columns[f"{name}_sm"][rows] = smoothed
        status = status | np.where(rejected, flag, 0).astype(np.int16)
    columns["status"][rows] = status


def mean_magnitudes(centroids: Table, slot: int, integration: float) -> tuple[float, float, float]:
    """Mean, brightest and faintest magnitude of the good centroids of a slot; NaN if there are none.

    Parameters
    ----------
    integration
        [s] of each image.
    """
    rows = (centroids["slot"] == slot) & ((centroids["status"] & 0x3F) == 0)
    mags = aca.magnitude(centroids["counts"][rows] / integration)
    mags = mags[np.isfinite(mags)]
    return (float(mags.mean()), float(mags.min()), float(mags.max())) if len(mags) else (np.nan, np.nan, np.nan)
