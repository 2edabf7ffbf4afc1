"""Engineering of an invented day as level-0 products: what `history.read_history` reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Product, Table
from mta_assets.instruments.geometry import quaternion_from_angles

Array = NDArray[Any]
MODE_STEP, OBSID_STEP, SIM_STEP = 1.0, 2.0, 8.0  # [s] rounded periods of the telemetry
ACIS_S, HRC_S = 75623, -99616  # [step] of 3TSCPOS
Dwell = tuple[float, int, str]  # start [s], obsid, mode


def playback(plan: Sequence[Dwell], tstart: float, tstop: float, bad: Sequence[float] = ()) -> list[Product]:
    """Engineering products of the time from ``tstart`` to ``tstop``; ``bad``: times of bad pointing-mode samples."""
    mode_time, obsid_time = np.arange(tstart, tstop, MODE_STEP), np.arange(tstart, tstop, OBSID_STEP)
    sim_time = np.arange(tstart, tstop, SIM_STEP)
    modes = np.array([dwell[2] for dwell in plan])[dwell_at(plan, mode_time)]
    identifiers = np.array([dwell[1] for dwell in plan], np.int64)
    obsids = identifiers[dwell_at(plan, obsid_time)]
    pointing = quaternion_from_angles(10.0 * (identifiers[dwell_at(plan, mode_time)] % 30), 20.0, 30.0)
    pcad: dict[str, Array] = {"AOPCADMD": modes} | {f"AOATTQT{k + 1}": pointing[:, k] for k in range(4)}
    return [
        _product("PCAD", mode_time, pcad, MODE_STEP, {"AOPCADMD": np.isin(mode_time, bad)}),
        _product("CCDM", obsid_time, {"COBSRQID": obsids}, OBSID_STEP),
        _product("SIM", sim_time, {"3TSCPOS": np.full(len(sim_time), ACIS_S)}, SIM_STEP),
    ]


def dwell_at(plan: Sequence[Dwell], times: Array) -> Array:
    """Row of the plan at each time."""
    return np.searchsorted([dwell[0] for dwell in plan], times, side="right") - 1


def _product(
    subsystem: str, time: Array, columns: dict[str, Array], step: float, bad: dict[str, Array] | None = None
) -> Product:
    names = ["TIME", "QUALITY", *columns]
    quality = np.zeros((len(time), len(names)), bool)
    for name, flags in (bad or {}).items():
        quality[:, names.index(name)] = flags
    table = Table(f"AXAF_{subsystem}", {"TIME": time, "QUALITY": quality, **columns}, {"TIMEDEL": (step, "")})
    return Product(f"{subsystem}_ENG0", (table,), float(time[0]), float(time[-1]) + step)
