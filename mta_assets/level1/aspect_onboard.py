"""The attitude of the on-board computer as an aspect solution, and how it differs from the one made on the ground.

The quick-look stream works on the on-board solution: the same columns, so that the event pipelines do not know which
of the two they are given. What the computer does not tell (errors, movements of the instruments) is NaN or zero, as in
the archive's osol1 files, where dy, dz and dtheta are zero too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import NothingToDo
from mta_assets.core.tables import Column, Header, Product, Schema, Table, concatenate
from mta_assets.instruments import quaternions
from mta_assets.instruments.aca import ARCSEC
from mta_assets.level1.aspect_tables import ASPSOL

Array = NDArray[Any]

ASPDIFF = Schema(
    "ASPDIFF",
    (
        Column("time", "f8", "s", "Time field"),
        Column("roll", "f4", "arcsec", "on-board minus ground attitude, about the body X axis"),
        Column("pitch", "f4", "arcsec", "about the body Y axis"),
        Column("yaw", "f4", "arcsec", "about the body Z axis"),
    ),
    "On-board against ground aspect",
)
LONGEST_STEP = 2.1  # [s] the ground solution is not interpolated across more than two on-board periods


def onboard_solution(products: Iterable[Product], tstart: float, tstop: float) -> Product:
    """On-board solution of an interval out of ``OSOL`` products, in the columns of a ground solution.

    Parameters
    ----------
    products
        In any order; rows that two of them have are taken once.
    tstart, tstop
        Interval [s].

    Returns
    -------
    Product
        File id ``ASPSOL_OBC``, table ASPSOL.

    Raises
    ------
    NothingToDo
        If there is no row in the interval.
    """
    tables = [product.table("ASPSOL") for product in products]
    parts = [table.where((table["time"] >= tstart) & (table["time"] < tstop)) for table in tables]
    parts = [_columns(part) for part in parts if len(part)]
    if not parts:
        raise NothingToDo(
            f"no on-board attitude from {tstart:.3f} to {tstop:.3f} s: is the OSOL of the playback there?"
        )
    every = concatenate(parts)
    _, rows = np.unique(every["time"], return_index=True)
    table = every.where(rows)
    table = Table(table.name, {**table.columns, "q_att": quaternions.continuous(table["q_att"])}, {}, ASPSOL)
    header: Header = {
        "CONTENT": ("OBCSOL", "what data product"),
        "HDUCLASS": ("ASC", ""),
        "HDUCLAS1": ("TEMPORALDATA", ""),
        "HDUCLAS2": ("ASPSOL", ""),
        "ASPTYPE": ("OBC", "Solution method (kalman-photo)"),
        "NUMFID": (0, "Number of fids used in aspect solution"),
        "RADESYS": ("ICRS", "default"),
    }
    start, stop = float(table["time"][0]), float(table["time"][-1])
    return Product("ASPSOL_OBC", (table.with_header(header),), start, stop, {"INSTRUME": ("PCAD", "Aspect Camera")})


def compare(onboard: Table, ground: Table) -> Table:
    """Differences of two solutions at the on-board times that the ground solution covers.

    The header has median and scatter of each axis: a constant is the alignment of the camera to the mirror, which the
    ground solution takes out.
    """
    time = onboard["time"]
    if not len(ground) or not len(time):
        return ASPDIFF.empty()
    after = np.searchsorted(ground["time"], time)
    inside = (after > 0) & (after < len(ground))
    step = ground["time"][np.minimum(after, len(ground) - 1)] - ground["time"][np.maximum(after - 1, 0)]
    use = (inside & (step <= LONGEST_STEP)) | np.isin(time, ground["time"])
    between = quaternions.interpolate(ground["time"], ground["q_att"], time[use])
    apart = quaternions.difference(onboard["q_att"][use], between) / ARCSEC
    columns = {"time": time[use]} | {name: apart[:, k] for k, name in enumerate(("roll", "pitch", "yaw"))}
    header: Header = {}
    for k, name in enumerate(("roll", "pitch", "yaw")):
        if len(apart):
            header[f"{name[:5].upper()}MED"] = (float(np.median(apart[:, k])), f"[arcsec] median of {name}")
            header[f"{name[:5].upper()}STD"] = (float(np.std(apart[:, k])), f"[arcsec] standard deviation of {name}")
    return ASPDIFF.build(columns, header)


def _columns(part: Table) -> Table:
    """Rows of an on-board solution with all columns of `ASPSOL`; what is not there is NaN."""
    nothing = np.full(len(part), np.nan)
    return ASPSOL.build({name: part.columns.get(name, nothing) for name in ASPSOL.names})
