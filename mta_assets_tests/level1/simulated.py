"""Stretches of simulated ACIS observations as level-0 tables, with the truth beside them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from mta_assets.core.tables import Table
from mta_assets.instruments import acis, geometry_sky
from mta_assets.level1.acis_setup import Settings
from mta_assets.simulate import acis_detector, attitude
from mta_assets.simulate.schedule import Dwell, Schedule, make_schedule

SEED = 11


@lru_cache
def plan() -> Schedule:
    """Half a day and more: every observation once."""
    return make_schedule(8e8, 14.0, SEED)


def dwell(obsid: int) -> Dwell:
    return next(d for d in plan().dwells if d.obsid == obsid and d.kind == "observation")


@lru_cache(maxsize=4)
def observed(obsid: int, seconds: float) -> tuple[tuple[Table, ...], dict[str, Any]]:
    """Level-0 blocks of the first seconds of an observation, and the columns of the truth."""
    d = dwell(obsid)
    blocks, truths = [], []
    for made in acis_detector.exposures(plan(), d, d.tstart, d.tstart + seconds, SEED):
        count = len(made["time"])
        columns = {
            "TIME": made["time"], "EXPNO": made["expno"], "CCD_ID": made["ccd_id"],
            "CCDX": made["chipx"] - np.int16(1), "STATUS": np.zeros(count, np.uint8),
        }  # fmt: skip
        columns["TROW" if d.datamode.startswith("CC") else "CCDY"] = made["chipy"] - np.int16(1)
        if "GRADED" in d.datamode:
            columns |= {"PHA": made["pha"], "FLTGRADE": made["fltgrade"]}
        else:
            columns["PHAS"] = made["phas"]
        blocks.append(Table("EVENTS", columns))
        truths.append(made)
    names = ("source_id", "true_time", "energy", "true_ra", "true_dec", "tg_m")
    return tuple(blocks), {name: np.concatenate([t[name] for t in truths]) for name in names}


def true_aspect(d: Dwell, seconds: float) -> geometry_sky.Aspect:
    """The attitude that was flown."""
    time = np.arange(d.tstart - 10, d.tstart + seconds + 60, 0.25)
    ra, dec, roll = attitude.ra_dec_roll(plan(), time)
    return geometry_sky.aspect_of(Table("ASPSOL", {"time": time, "ra": ra, "dec": dec, "roll": roll}))


def settings_of(d: Dwell, **more: Any) -> Settings:
    """Settings of an observation."""
    clocked = d.datamode.startswith("CC")
    exptime = 0.0 if clocked else round(acis.frame_time(d.datamode, d.ccds) - acis.FRAME_TRANSFER, 1)
    place = {"ra_targ": d.ra, "dec_targ": d.dec} if clocked else {}
    return Settings(d.sim_x, d.sim_z, d.ra, d.dec, d.roll, d.tstart, d.tstop, exptime, clocked, **place, **more)
