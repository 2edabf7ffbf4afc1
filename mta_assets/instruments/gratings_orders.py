"""Which order of a grating an ACIS event belongs to: its CCD energy against windows about the energies of the orders.

The place gives ``m λ``, so order m has the energy ``m hc / |m λ|``. An event whose CCD energy lies within the window
about that energy of the nearest whole order is of this order, any other of none (D. Huenemoerder, "OSIP:
order-sorting, and integrated probability", MIT: "events within the boundary are assigned to the nearest integral
order", also where the boundaries of high orders cross; all 5,625 sorted events of the archive's 13838 and 14392 are
of the nearest order).

Windows are a table in the form of the CALDB's OSIP: for each chip, or cells of it, ENERG_LO and ENERG_HI against
ENERGY. Where no such file is given there is ours: five Gaussian widths to both sides, by the resolution at the rows
farthest from the readout (front-illuminated) and near what the whole chip has (back-illuminated), read off the
figures of the Proposers' Observatory Guide, chapter 6 (FWHM against row at 1.49, 4.51 and 5.89 keV). The OSIP's
authors took 2.5 to 4 widths and more where the gain was inaccurate; one more covers that ours knows neither row nor
gain.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Column, Schema, Table
from mta_assets.instruments.acis import CCD_NAMES, COLUMNS, is_back_illuminated
from mta_assets.instruments.gratings import HC, MAX_ORDER, NO_ORDER

Array = NDArray[np.float64]

CELL = 32  # [pixel] side of the cells on which windows may differ (mkosip: nominally a 32 x 32 pixel grid)
STEP = 10.0  # [eV] of the look-up table; windows change by less than their hundredth over it
STEPS = 2001  # up to 20 keV: the archive's event lists reach 16; there are no orders beyond
WIDTHS = 5.0  # our windows: Gaussian widths to each side
FWHM = 2.3548200450309493  # full width at half maximum of a Gaussian in its standard deviations

_PIXELS = tuple(Column(f"CHIP{axis}_{end}", "i2", "pixel", "cell of the chip") for axis in "XY" for end in ("LO", "HI"))
OSIP = Schema(
    "OSIP",
    (
        Column("CCD_ID", "i2", "", "chip"),
        *_PIXELS,
        Column("ENERGY", "f4", "eV", "energy of the photon by the grating", (STEPS,)),
        Column("ENERG_LO", "f4", "eV", "smallest CCD energy", (STEPS,)),
        Column("ENERG_HI", "f4", "eV", "largest CCD energy", (STEPS,)),
    ),
    "order-sorting windows",
)


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows ready for look-up.

    Parameters
    ----------
    cell
        Row of the limits for each chip and cell, shape (chips, 32, 32) by chipx and chipy, -1 where there is none.
    low, high
        Limits over the energy, shape (rows, energies at steps of 10 eV).
    single
        True if no chip is divided: cells need not be looked up.
    """

    cell: NDArray[np.intp]
    low: Array
    high: Array
    single: bool


@lru_cache
def standard_windows() -> Table:
    """Our windows as a table of the OSIP's form, whole chips."""
    points: dict[str, list[tuple[float, float]]] = {}
    with (Path(__file__).parent / "gratings_windows.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            points.setdefault(row["kind"], []).append((float(row["energy"]), float(row["fwhm"])))
    energy = np.arange(STEPS) * STEP
    count = len(CCD_NAMES)
    width = [
        np.interp(energy, *np.array(points["BI" if bi else "FI"]).T) for bi in is_back_illuminated(np.arange(count))
    ]
    half = WIDTHS / FWHM * np.array(width)
    ones = np.ones(count, np.int16)
    return OSIP.build(
        {
            "CCD_ID": np.arange(count),
            **{name.name: ones if name.name.endswith("LO") else ones * COLUMNS for name in _PIXELS},
            "ENERGY": np.tile(energy, (count, 1)),
            "ENERG_LO": np.maximum(energy - half, 0),
            "ENERG_HI": energy + half,
        },
        {"ORIGIN": "MTA"},
    )


def windows(table: Table | None = None) -> Windows:
    """Windows for look-up, from a table of the OSIP's form (energies of any spacing, ascending) or ours.

    Raises
    ------
    BadData
        If a chip or cell is out of range, or limits do not enclose their energy.
    """
    given = standard_windows() if table is None else table
    ccd = given["CCD_ID"].astype(int)
    if len(ccd) == 0 or ccd.min() < 0 or ccd.max() >= len(CCD_NAMES):
        raise BadData(f"order-sorting windows of chips {sorted(set(ccd.tolist()))}: expected some of 0 to 9")
    grid = np.arange(STEPS) * STEP
    limits = np.zeros((2, len(ccd), STEPS))
    for row in range(len(ccd)):
        energy, low, high = (given[name][row].astype(float) for name in ("ENERGY", "ENERG_LO", "ENERG_HI"))
        if not (np.all(np.diff(energy) > 0) and np.all(low <= energy) and np.all(energy <= high)):
            raise BadData(f"order-sorting windows, row {row}: energies do not ascend or lie outside of their limits")
        limits[0, row] = grid + np.interp(grid, energy, low - energy)
        limits[1, row] = grid + np.interp(grid, energy, high - energy)
    edges = {name: (given[name].astype(int) - 1) // CELL for name in OSIP.names[1:5]}
    if any(edge.min() < 0 or edge.max() >= COLUMNS // CELL for edge in edges.values()):
        raise BadData("order-sorting windows: cells lie outside of the chip (pixels 1 to 1024)")
    cell = np.full((len(CCD_NAMES), COLUMNS // CELL, COLUMNS // CELL), -1, np.intp)
    for row, (x0, x1, y0, y1) in enumerate(zip(*edges.values(), strict=True)):
        cell[ccd[row], x0 : x1 + 1, y0 : y1 + 1] = row
    return Windows(cell, limits[0], limits[1], bool((cell == cell[:, :1, :1]).all()))


def sort_orders(
    energy: Array,
    order_wavelength: Array,
    ccd_id: NDArray[np.intp],
    chipx: Array,
    chipy: Array,
    limits: Windows,
) -> NDArray[np.int16]:
    """Diffraction order of events, with the sign of ``m λ``; 99 where there is none.

    Parameters
    ----------
    energy
        CCD energies [eV]; NaN gives no order.
    order_wavelength
        ``tg_mlam`` [Å].
    ccd_id, chipx, chipy
        Where the event is [pixel].
    """
    wavelength = np.abs(order_wavelength)
    ratio = energy * wavelength * (1 / HC)
    order = np.rint(ratio)
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.fmin(order * (HC / STEP) / wavelength + 0.5, STEPS - 1)  # where it is NaN, order is NaN or 0
    if limits.single:
        row: NDArray[np.intp] = limits.cell[:, 0, 0].take(ccd_id)
    else:
        row = limits.cell[ccd_id, (chipx.astype(np.intp) - 1) // CELL, (chipy.astype(np.intp) - 1) // CELL]
    place = row * STEPS + step.astype(np.intp)
    good = limits.low.ravel().take(place, mode="clip") <= energy
    good &= limits.high.ravel().take(place, mode="clip") >= energy
    good &= (order >= 1) & (order <= MAX_ORDER) & (row >= 0)
    return np.where(good, np.copysign(order, order_wavelength), NO_ORDER).astype(np.int16)
