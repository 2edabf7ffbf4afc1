"""ONTIME, LIVETIME, EXPOSURE: how long each chip looked, from its good times and the dead time.

ONTIME is the sum of the good times, LIVETIME that times DTCOR, EXPOSURE the same as LIVETIME; per chip they are
called ONTIMEn, LIVTIMEn, EXPOSURn (ASC FITS Designers' Guide ASC-FITS-2.0; the relation of the numbers as in the
archive's files, which this gives to 1e-13). DTCOR of ACIS is the exposed part of a frame, EXPTIME / TIMEDEL: the rest
is the transfer to the frame store. For the HRC it comes from the dead-time file (dtf1).
"""

from __future__ import annotations

from collections.abc import Mapping

from mta_assets.core import intervals
from mta_assets.core.errors import BadData
from mta_assets.core.headers import keyword, required
from mta_assets.core.intervals import Intervals
from mta_assets.core.tables import Header

AIM_CCD = {"ACIS-I": 3, "ACIS-S": 7}  # chips with the aim points (POG, chapter 6)
BETWEEN = -210.0  # [mm] SIM_Z: ACIS-I lies at −233.6, ACIS-S at −190.1


def acis_dtcor(header: Header) -> float:
    """Exposed part of a frame from EXPTIME and TIMEDEL [s]: timed exposures only; 1 for continuous clocking.

    Raises
    ------
    BadData
        If a keyword is missing or the exposure is longer than the frame.
    """
    if str(keyword(header, "READMODE", "TIMED")).startswith("CONT"):
        return 1.0
    exposed, period = (required(header, name, "dead time of the events") for name in ("EXPTIME", "TIMEDEL"))
    if not 0 < exposed <= period:
        raise BadData(f"dead time of the events: EXPTIME {exposed} s and TIMEDEL {period} s do not fit together")
    return exposed / period


def dead_time(header: Header) -> float:
    """Exposed part of the time of an event list: DTCOR where it is stated, else `acis_dtcor`.

    Raises
    ------
    BadData
        If it is no number, or there is neither.
    """
    return required(header, "DTCOR", "dead time of the events") if "DTCOR" in header else acis_dtcor(header)


def main_ccd(gtis: Mapping[int | None, Intervals], header: Header) -> int | None:
    """The chip whose times stand for the observation: the one at the aim point, else the one that looked longest."""
    chips = [chip for chip in gtis if chip is not None]
    sim_z = keyword(header, "SIM_Z")
    if isinstance(sim_z, int | float):
        aim = AIM_CCD["ACIS-I" if sim_z < BETWEEN else "ACIS-S"]
        if aim in chips:
            return aim
    return max(chips, key=lambda chip: (intervals.total(gtis[chip]), -chip)) if chips else None


def live_keywords(gtis: Mapping[int | None, Intervals], header: Header, dtcor: float | None = None) -> Header:
    """Keywords of exposure for an event file, a spectrum or a light curve.

    Parameters
    ----------
    gtis
        Good times by chip (None: all chips or a detector without chips).
    header
        EXPTIME and TIMEDEL [s] if ``dtcor`` is not given, SIM_Z [mm].
    """
    factor = acis_dtcor(header) if dtcor is None else dtcor
    if not 0 < factor <= 1:
        raise BadData(f"dead-time factor {factor}: expected more than 0 and at most 1; see the dtf1 product")
    main = main_ccd(gtis, header)
    longest = gtis[main] if main is not None else gtis.get(None, intervals.EMPTY)
    ontime = intervals.total(longest)
    found: Header = {
        "ONTIME": (ontime, "[s] sum of GTIs"),
        "LIVETIME": (ontime * factor, "[s] livetime"),
        "EXPOSURE": (ontime * factor, "[s] exposure time"),
        "DTCOR": (factor, "dead time correction"),
    }
    for chip in sorted(chip for chip in gtis if chip is not None):
        time = intervals.total(gtis[chip])
        found[f"ONTIME{chip}"] = (time, "[s] sum of GTIs")
        found[f"LIVTIME{chip}"] = (time * factor, "[s] livetime")
        found[f"EXPOSUR{chip}"] = (time * factor, "[s] exposure time")
    return found
