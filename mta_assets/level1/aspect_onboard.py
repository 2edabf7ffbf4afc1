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

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.tables import Header, Product, Table, concatenate
from mta_assets.instruments import quaternions
from mta_assets.level1.aspect_choice import MOST, NO_ATTITUDE, usable
from mta_assets.level1.aspect_tables import ASPSOL

Array = NDArray[Any]
MOVEMENTS = ("dy", "dz", "dtheta")  # of the instruments against the mirror


def onboard_solution(products: Iterable[Product], tstart: float, tstop: float) -> Product:
    """On-board solution of an interval out of ``OSOL`` products, in the columns of a ground solution.

    Parameters
    ----------
    products
        In any order; rows that two of them have are taken once, rows that hold no attitude (`aspect_choice.usable`)
        not at all.
    tstart, tstop
        Interval [s].

    Returns
    -------
    Product
        File id ``ASPSOL_OBC``, table ASPSOL; NUMLOST is the number of rows that hold no attitude.

    Raises
    ------
    NothingToDo
        If there is no row in the interval.
    BadData
        If none of them holds an attitude.
    """
    parts, lost = [], 0
    for product in products:
        part, dropped = usable(_of_interval(product.table("ASPSOL"), tstart, tstop))
        lost += dropped
        if len(part):
            parts.append(_columns(part))
    if not parts and lost:
        raise BadData(
            f"OSOL from {tstart:.3f} to {tstop:.3f} s: none of {lost} rows is an attitude ({NO_ATTITUDE}); extract the "
            "playback again or deliver another osol1"
        )
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
        "NUMLOST": (lost, "rows that hold no attitude and were left out"),
        "NUMFID": (0, "Number of fids used in aspect solution"),
        "RADESYS": ("ICRS", "default"),
    }
    start, stop = float(table["time"][0]), float(table["time"][-1])
    return Product("ASPSOL_OBC", (table.with_header(header),), start, stop, {"INSTRUME": ("PCAD", "Aspect Camera")})


def _of_interval(solution: Table, tstart: float, tstop: float) -> Table:
    """Rows of an interval, and those of no time that can be: of which interval they are nobody knows."""
    time = np.asarray(solution["time"], float)
    return solution.where(((time >= tstart) & (time < tstop)) | ~(np.abs(time) <= MOST["time"]))


def _columns(part: Table) -> Table:
    """Rows of an on-board solution with all columns of `ASPSOL`: movements that it has not are zero, the rest NaN."""
    fill = {name: np.full(len(part), 0.0 if name in MOVEMENTS else np.nan) for name in ASPSOL.names}
    return ASPSOL.build({name: part.columns.get(name, fill[name]) for name in ASPSOL.names})
