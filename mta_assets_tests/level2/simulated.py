"""Level-2 events of a simulated ACIS observation: its events at the true attitude, energies of their pulses."""

from __future__ import annotations

from typing import Any

import numpy as np

from mta_assets.core.tables import Product, Table
from mta_assets.instruments import acis, geometry_sky
from mta_assets.level2.events import level2_events
from mta_assets.simulate import acis_hits, attitude
from mta_assets.simulate.acis_detector import exposures
from mta_assets.simulate.schedule import Dwell, make_schedule

SCHEDULE = make_schedule(825_638_400.0, 24, 1)


def dwell_of(obsid: int) -> Dwell:
    """The observation of an obsid in the plan."""
    return next(d for d in SCHEDULE.dwells if d.obsid == obsid and d.kind == "observation")


def evt2(obsid: int, seconds: float, after: float = 200.0) -> tuple[Product, dict[str, np.ndarray[Any, Any]]]:
    """Level-2 events of a part of an observation, and everything that was put into them (dropped or not)."""
    dwell = dwell_of(obsid)
    start = dwell.tstart + after
    blocks = list(exposures(SCHEDULE, dwell, start, start + seconds, 7))
    names = [name for name in blocks[0] if name != "exposures"]
    truth = {name: np.concatenate([block[name] for block in blocks]) for name in names}
    truth = {name: column[truth["source_id"] > acis_hits.KNOWN_HOT] for name, column in truth.items()}  # BPIX1 knows
    times, index = np.unique(truth["time"], return_inverse=True)
    maps = geometry_sky.det_maps("ACIS", dwell.sim_x, dwell.sim_z)
    detx, dety = geometry_sky.chip_to_det(
        "ACIS", maps, truth["ccd_id"], truth["chipx"].astype(float), truth["chipy"].astype(float)
    )
    sky = geometry_sky.sky_maps("ACIS", attitude.quaternion(SCHEDULE, times), dwell.ra, dwell.dec)
    x, y = geometry_sky.det_to_sky("ACIS", sky, index, detx, dety)
    gain = acis.gains()[truth["ccd_id"], acis.node_id(truth["chipx"])]
    energy = acis.pha(truth["phas"]) * gain
    columns = {
        "time": truth["time"], "ccd_id": truth["ccd_id"], "chipx": truth["chipx"], "chipy": truth["chipy"],
        "x": x.astype(np.float32), "y": y.astype(np.float32), "energy": energy.astype(np.float32),
        "pi": np.clip((energy / 14.6).astype(np.int32) + 1, 1, 1024),
        "grade": acis.grade(acis.fltgrade(truth["phas"])), "status": np.zeros((len(x), 32), bool),
        "row": np.arange(len(x)),
    }  # fmt: skip
    period = acis.frame_time(dwell.datamode, dwell.ccds)
    header = {
        "TCRVL5": dwell.ra, "TCRPX5": 4096.5, "TCDLT5": -0.492 / 3600, "TCTYP5": "RA---TAN",
        "TCRVL6": dwell.dec, "TCRPX6": 4096.5, "TCDLT6": 0.492 / 3600, "TCTYP6": "DEC--TAN",
        "RA_PNT": dwell.ra, "DEC_PNT": dwell.dec, "INSTRUME": "ACIS", "OBS_ID": str(obsid), "SIM_Z": dwell.sim_z,
        "DETNAM": "ACIS-" + "".join(map(str, dwell.ccds)), "EXPTIME": period - 0.04104, "TIMEDEL": period,
    }  # fmt: skip
    gtis = {ccd: np.array([[start, start + seconds]]) for ccd in dwell.ccds}
    return level2_events(Table("EVENTS", columns, header), gtis, "ACIS_EVT2"), truth
