"""The attitude of the on-board computer as an aspect solution.

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
from mta_assets.core.tables import Header, Product, Table, concatenate
from mta_assets.instruments import quaternions
from mta_assets.level1.aspect_tables import ASPSOL

Array = NDArray[Any]


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


def _columns(part: Table) -> Table:
    """Rows of an on-board solution with all columns of `ASPSOL`; what is not there is NaN."""
    nothing = np.full(len(part), np.nan)
    return ASPSOL.build({name: part.columns.get(name, nothing) for name in ASPSOL.names})
