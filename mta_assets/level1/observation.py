"""What level 1 takes from the parameters of an observation (OBSPAR): values, facts, and keywords of its products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Header, Product, Table
from mta_assets.instruments.geometry_sky import MAX_GAP

Parameters = Mapping[str, str]
UNKNOWN = ("", "INDEF")
FACTS = ("detector", "grating", "datamode", "readmode", "detnam")
TEXTS = {
    "OBS_ID": ("obs_id", "observation identifier"), "SEQ_NUM": ("seq_num", "sequence number"),
    "OBJECT": ("object", "target"), "INSTRUME": ("instrume", "instrument"), "DETNAM": ("detnam", "detector"),
    "GRATING": ("grating", "grating"), "OBS_MODE": ("obs_mode", "observation mode"),
    "DATAMODE": ("datamode", "data mode"), "READMODE": ("readmode", "read mode"),
}  # fmt: skip
NUMBERS = {
    "RA_NOM": ("ra_nom", "[deg] nominal RA"), "DEC_NOM": ("dec_nom", "[deg] nominal Dec"),
    "ROLL_NOM": ("roll_nom", "[deg] nominal roll"), "RA_PNT": ("ra_nom", "[deg] pointing RA"),
    "DEC_PNT": ("dec_nom", "[deg] pointing Dec"), "ROLL_PNT": ("roll_nom", "[deg] pointing roll"),
    "SIM_X": ("sim_x", "[mm] SIM focus pos"), "SIM_Y": ("sim_y", "[mm] SIM orthogonal axis pos"),
    "SIM_Z": ("sim_z", "[mm] SIM translation stage pos"), "FOC_LEN": ("foc_len", "[mm] SIM focal length"),
}  # fmt: skip


def table_of(obspar: Sequence[Product]) -> Table:
    """The OBSPAR table of the observation."""
    return obspar[0].table("OBSPAR")


def parameters(obspar: Sequence[Product]) -> dict[str, str]:
    """Values by name; what is not known is left out."""
    table = table_of(obspar)
    pairs = zip(table["name"].tolist(), table["value"].tolist(), strict=True)
    return {str(name).strip(): str(value).strip() for name, value in pairs if str(value).strip() not in UNKNOWN}


def number(par: Parameters, name: str) -> float:
    """A parameter that has to be there.

    Raises
    ------
    BadData
        If it is not known.
    """
    if name not in par:
        raise BadData(f"obspar of obsid {par.get('obs_id', '?')}: {name} is not known; make OBSPAR again")
    return float(par[name])


def facts(obspar: Sequence[Product]) -> dict[str, str]:
    """What conditions of later steps ask for."""
    par = parameters(obspar)
    return {name: par[name] for name in FACTS if name in par}


def keywords(par: Parameters) -> Header:
    """Keywords of the observation, as event lists have them.

    The target is the planned one; where nothing was planned it is what the telescope was pointed at.
    """
    header: Header = {key: (par[name], text) for key, (name, text) in TEXTS.items() if name in par}
    header |= {key: (float(par[name]), text) for key, (name, text) in NUMBERS.items() if name in par}
    header["OBI_NUM"] = (int(par.get("obi_num", "0")), "observation interval number")
    for axis in ("ra", "dec"):
        header[f"{axis.upper()}_TARG"] = (number(par, f"{axis}_targ" if f"{axis}_targ" in par else f"{axis}_nom"),
                                          f"[deg] target {axis}")  # fmt: skip
    return header


def span(par: Parameters) -> tuple[float, float]:
    """Start and stop of the pointing [s]."""
    return number(par, "tstart"), number(par, "tstop")


def best_aspect(
    ground: Sequence[Product] | None, onboard: Sequence[Product] | None, quick_look: bool
) -> tuple[Table | None, str]:
    """The aspect solution to work with, and what it is.

    Parameters
    ----------
    ground, onboard
        ``ASOL`` and ``ASPSOL_OBC``.
    quick_look
        The quick-look stream works on the on-board solution; the archival one takes it only where there is no other.

    Returns
    -------
    table, origin
        ``ground``, ``onboard`` or, without a solution, an empty text.
    """
    order = (("onboard", onboard), ("ground", ground)) if quick_look else (("ground", ground), ("onboard", onboard))
    for origin, given in order:
        if given:
            return given[0].tables[0], origin
    return None, ""


def covered(solution: Table) -> NDArray[np.float64]:
    """Intervals [s], shape (n, 2), in which an aspect solution can be interpolated."""
    time = np.asarray(solution["time"], float)
    cut = np.flatnonzero(np.diff(time) > MAX_GAP)
    starts, stops = np.concatenate([[0], cut + 1]), np.concatenate([cut, [len(time) - 1]])
    return np.column_stack([time[starts], time[stops]])
