"""HRC events of the simulator as the columns of evt0, with their truth, and the attitude that was flown."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Table
from mta_assets.instruments import hrc_plane
from mta_assets.level1 import hrc_events, hrc_regions, hrc_sky
from mta_assets.simulate import attitude
from mta_assets.simulate.hrc_detector import events
from mta_assets.simulate.schedule import Dwell, make_schedule
from mta_assets_tests.level1.hrc_calibration import bad_pixels, hrc_ready

Array = NDArray[Any]
DETECTORS = ("HRC-I", "HRC-S")
SCHEDULE = make_schedule(825_638_400.0, 24, 1)
SAMPLE = 0.25625  # [s] of the aspect solution


def dwell_of(detector: str) -> Dwell:
    return next(d for d in SCHEDULE.dwells if d.instrument == detector and d.kind == "observation")


@lru_cache
def truth(detector: str, seconds: float = 1500.0) -> dict[str, Array]:
    dwell = dwell_of(detector)
    return events(SCHEDULE, dwell, dwell.tstart, dwell.tstart + seconds, 5)


def level0(found: dict[str, Array], detector: str) -> Table:
    """The columns of evt0 that level 1 reads."""
    columns = {name.upper(): found[name] for name in ("crsv", "crsu", "amp_sf", "pha")}
    columns |= {f"A{axis}{k}": found[f"a{axis.lower()}{k}"] for axis in "VU" for k in (1, 2, 3)}
    columns["TIME"] = found["time"]
    columns["VETOSTT"] = np.unpackbits(found["vetostt"].astype(np.uint8)[:, None], axis=1).astype(bool)
    columns["E_TRIG"] = np.unpackbits(found["e_trig"].astype(np.uint8)[:, None], axis=1)[:, 6:].astype(bool)
    columns["DET_ID"] = np.full((len(found["time"]), 1), detector == "HRC-S")
    return Table("EVENTS", columns)


def solution(dwell: Dwell, start: float, stop: float) -> Table:
    """The true attitude as an aspect solution."""
    times = np.arange(start, stop, SAMPLE)
    return Table("ASPSOL", {"time": times, "q_att": attitude.quaternion(SCHEDULE, times)})


def setup(detector: str, seconds: float = 1500.0) -> hrc_events.Setup:
    """What level 1 needs of the simulated observation."""
    dwell = dwell_of(detector)
    aspect = hrc_sky.prepare(solution(dwell, dwell.tstart, dwell.tstart + seconds + 1), dwell.ra, dwell.dec, dwell.roll)
    bad = hrc_regions.bad_regions(bad_pixels(detector), detector)
    return hrc_events.Setup(
        hrc_plane.Plane(detector, dwell.sim_x, dwell.sim_z),
        hrc_ready(detector),
        dwell.ra,
        dwell.dec,
        dwell.roll,
        aspect,
        bad,
    )
