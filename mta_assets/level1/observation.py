"""What level 1 takes from the parameters of an observation (OBSPAR): values, facts, and keywords of its products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mta_assets.core.errors import BadData
from mta_assets.core.records import finding
from mta_assets.core.tables import Header, Product, Table
from mta_assets.instruments.geometry import AIM_POINTS
from mta_assets.instruments.sim import AT_FOCUS

Parameters = Mapping[str, str]
UNKNOWN = ("", "INDEF")
LONGEST = 864_000.0  # [s] ten days: twice the longest interval, as far as OBI_DET reaches
KNOWN = {
    "instrume": ("ACIS", "HRC"), "grating": ("NONE", "HETG", "LETG"), "readmode": ("TIMED", "CONTINUOUS"),
    "detector": ("ACIS-I", "ACIS-S", "ACIS", "HRC-I", "HRC-S"),
}  # fmt: skip
FARTHEST = max(abs(place[1]) for place in AIM_POINTS.values()) + AT_FOCUS  # [mm] no detector comes to the focus beyond
RANGES = {
    "ra_nom": (0.0, 360.0), "dec_nom": (-90.0, 90.0), "roll_nom": (-360.0, 360.0), "ra_targ": (0.0, 360.0),
    "dec_targ": (-90.0, 90.0), "sim_x": (-AT_FOCUS, AT_FOCUS), "sim_y": (-AT_FOCUS, AT_FOCUS),
    "sim_z": (-FARTHEST, FARTHEST), "foc_len": (1.0, 20_000.0), "tstart": (-np.inf, np.inf), "tstop": (-np.inf, np.inf),
    "obi_num": (0, 999),
}  # fmt: skip
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
    """Values by name; what is not known is left out.

    Raises
    ------
    BadData
        If a value can not be: an instrument or grating that there is none of, a number out of its range, a stop before
        the start.
    """
    return parameters_in(table_of(obspar))


def parameters_in(table: Table) -> dict[str, str]:
    """`parameters` of an OBSPAR table."""
    pairs = zip(table["name"].tolist(), table["value"].tolist(), strict=True)
    par = {str(name).strip(): str(value).strip() for name, value in pairs if str(value).strip() not in UNKNOWN}
    for name, known in KNOWN.items():
        if par.get(name, known[0]) not in known:
            raise _refused(par, name, f"one of {', '.join(known)}")
    for name, (low, high) in RANGES.items():
        if name in par and not low <= number(par, name) <= high:
            raise _refused(par, name, f"a number from {low:g} to {high:g}")
    if {"tstart", "tstop"} <= par.keys() and not 0 < number(par, "tstop") - number(par, "tstart") <= LONGEST:
        raise _refused(par, "tstop", f"a time up to {LONGEST:.0f} s after tstart, {par['tstart']}")
    return par


def _refused(par: Parameters, name: str, expected: str) -> BadData:
    return BadData(
        f"obspar of obsid {par.get('obs_id', '?')}: {name} is {par.get(name)!r}, expected {expected}; make OBSPAR again"
    )


def number(par: Parameters, name: str) -> float:
    """A parameter that has to be there.

    Raises
    ------
    BadData
        If it is not known or no finite number.
    """
    try:
        value = float(text(par, name))
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise _refused(par, name, "a number")
    return value


def text(par: Parameters, name: str) -> str:
    """A parameter in words that has to be there.

    Raises
    ------
    BadData
        If it is not known.
    """
    if name not in par:
        raise BadData(f"obspar of obsid {par.get('obs_id', '?')}: {name} is not known; make OBSPAR again")
    return par[name]


def facts(obspar: Sequence[Product]) -> dict[str, str]:
    """What conditions of later steps ask for."""
    par = parameters(obspar)
    return {name: par[name] for name in FACTS if name in par}


def keywords(par: Parameters) -> Header:
    """Keywords of the observation, as event lists have them.

    The target is the planned one; where nothing was planned it is what the telescope was pointed at.
    """
    header: Header = {key: (par[name], text) for key, (name, text) in TEXTS.items() if name in par}
    header |= {key: (number(par, name), text) for key, (name, text) in NUMBERS.items() if name in par}
    header["RADESYS"] = ("ICRS", "world coordinate system")
    header["OBI_NUM"] = (int(number(par, "obi_num")) if "obi_num" in par else 0, "observation interval number")
    for axis in ("ra", "dec"):
        header[f"{axis.upper()}_TARG"] = (number(par, f"{axis}_targ" if f"{axis}_targ" in par else f"{axis}_nom"),
                                          f"[deg] target {axis}")  # fmt: skip
    return header


def pairs(names: Sequence[str]) -> Header:
    """Keywords that say which columns of an event list are one place (MTYPE, MFORM), and that the sky's is RA and Dec.

    Parameters
    ----------
    names
        raw, chip, tdet, det, sky in the order of the archive's lists (of 28229 and 2886).
    """
    header: Header = {}
    for number, name in enumerate(names, start=1):
        axes = "x,y" if name == "sky" else f"{name}x,{name}y"
        header |= {f"MTYPE{number}": (name, "pair of columns"), f"MFORM{number}": (axes, "[pixel]")}
    number = len(names) + 1
    return header | {f"MTYPE{number}": ("EQPOS", "world coordinates"), f"MFORM{number}": ("RA,DEC", "[deg]")}


def span(par: Parameters) -> tuple[float, float]:
    """Start and stop of the pointing [s]."""
    return number(par, "tstart"), number(par, "tstop")


def sim_findings(par: Parameters, key: str) -> list[Table]:
    """A finding if the SIM stands where another detector, or none, is at the focus."""
    detector = par.get("detector", "")
    if detector not in AIM_POINTS or "sim_z" not in par:
        return []
    apart = number(par, "sim_z") - AIM_POINTS[detector][1]
    if abs(apart) < AT_FOCUS:
        return []
    detail = (
        f"SIM_Z {par['sim_z']} mm is {apart:+.1f} mm from the aim point of {detector}: coordinates are of that place; "
        "look at 3TSCPOS, and make OBSPAR again if it is wrong"
    )
    return [finding(f"{key} SIM", "SIM", "sim_position", detail, span(par))]
