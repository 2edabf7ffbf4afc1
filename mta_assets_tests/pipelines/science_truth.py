"""Products of simulated observations against what was put in: each figure by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.intervals import contains
from mta_assets.core.request import Stream
from mta_assets.core.tables import Table
from mta_assets.instruments import gratings
from mta_assets.instruments.geometry import ARCSEC
from mta_assets.instruments.hrc import ROW
from mta_assets.level1.aspect_compare import AXES
from mta_assets.simulate import onboard, sky
from mta_assets.simulate.compare_observations import SIGNIFICANT, key_of, limits, offsets, sources_of
from mta_assets.simulate.schedule import Dwell
from mta_assets_tests.pipelines.science_run import Science

Array = NDArray[Any]
TRUTH = ("source_id", "energy", "tg_part", "tg_m")
SAME_TIME = 1e-5  # [s] HRC events: their clock ticks every 8 µs


def dwell_of(science: Science, key: str) -> Dwell:
    return next(d for d in science.plan.schedule.dwells if (key_of(d), d.kind) == (key, "observation"))


def instrument(science: Science, key: str) -> str:
    """ACIS or HRC, as file ids begin."""
    return dwell_of(science, key).instrument.split("-")[0]


@dataclass(frozen=True)
class Place:
    """Where a source was found: offset from where it should be, how far it may be [arcsec], the significance."""

    name: str
    east: float
    north: float
    limit: float
    significance: float

    @property
    def far(self) -> float:
        return float(np.hypot(self.east, self.north))


def places(science: Science, key: str, stream: Stream) -> tuple[list[Place], list[str], int]:
    """Sources found at 5 sigma where they are, those that were not, and how many rows of the list are none of them."""
    table = science.table(f"{instrument(science, key)}_SRC2", key, stream)
    detected = table.where(table["SIGNIFICANCE"] > SIGNIFICANT)
    dwell = dwell_of(science, key)
    true = sources_of(science.plan.schedule, dwell, stream)
    limit = limits(detected, dwell, stream)
    found, missed, of_one = [], [], set()
    for source, east, north in zip(true, *offsets(true, detected), strict=True):
        row = int(np.argmin(np.hypot(east, north))) if len(detected) else -1
        if row < 0 or np.hypot(east[row], north[row]) > limit[row]:
            missed.append(f"{source.name} ({np.hypot(east, north).min(initial=np.inf):.2f} arcsec)")
            continue
        of_one.add(row)
        values = (east[row], north[row], limit[row], detected["SIGNIFICANCE"][row])
        found.append(Place(source.name, *map(float, values)))
    return found, missed, len(table) - len(of_one)


def aspect_differences(science: Science, key: str) -> Array:
    """ASPDIFF minus the error that was put into the on-board attitude (n, 3): roll, pitch, yaw [arcsec]."""
    table = science.table("ASPDIFF", key)
    found = np.column_stack([table[axis] for axis in AXES])
    return found - onboard.error(science.plan.schedule, table["time"]) / ARCSEC


def with_truth(science: Science, events: Table, key: str) -> tuple[Table, dict[str, Array]]:
    """Events that were put in, and the truth of each, in the same order."""
    acis = instrument(science, key) == "ACIS"
    dwell = dwell_of(science, key)
    parts = [science.truth.events("acis" if acis else "hrc", p["number"]) for p in science.truth.playbacks]
    names = ("expno", "ccd_id", "chipx", "chipy", "true_time", "time", *TRUTH) if acis else ("stated_time", *TRUTH)
    parts = [part for part in parts if "source_id" in part]
    known = {name: np.concatenate([part[name] for part in parts]) for name in names}
    time = known["time" if acis else "stated_time"]
    here = (time >= dwell.tstart) & (time < dwell.tstop)
    known = {name: column[here] for name, column in known.items()}
    if acis:
        return _paired(events, _place(events.columns), known, _place(known), 0)
    return _paired(events, events["time"], known, known["stated_time"], SAME_TIME)


def _place(columns: Any) -> Array:
    """A number of exposure, chip, row and column."""
    exposure = columns["expno"].astype(np.int64) * 10 + columns["ccd_id"]
    return (exposure * 1025 + columns["chipy"]) * 1025 + columns["chipx"]


def _paired(
    events: Table, ours: Array, known: dict[str, Array], theirs: Array, slack: float
) -> tuple[Table, dict[str, Array]]:
    order = np.argsort(theirs, kind="stable")
    after = np.clip(np.searchsorted(theirs[order], ours), 1, len(order) - 1)
    low, high = order[after - 1], order[after]
    row = np.where(np.abs(theirs[low] - ours) <= np.abs(theirs[high] - ours), low, high)
    same = np.abs(theirs[row] - ours) <= slack
    return events.where(same), {name: column[row[same]] for name, column in known.items()}


def dead_time(science: Science, key: str) -> tuple[float, float]:
    """DTCOR of an HRC observation, and the share of the good times in which the electronics were free."""
    rates = [science.truth.events("hrc_rates", playback["number"]) for playback in science.truth.playbacks]
    time, dead = (np.concatenate([part[name] for part in rates if name in part]) for name in ("time", "dead"))
    gti = science.product("HRC_FLT1", key).table("GTI")
    good = contains(np.column_stack([gti["START"], gti["STOP"]]), time)
    return float(science.table("HRC_DTFSTAT1", key)["DTCOR"][0]), 1 - float(dead[good].mean()) / ROW


def energy_ratios(events: Table, truth: dict[str, Array], least: int = 300) -> dict[str, float]:
    """Mean ENERGY over true energy of photons of good grade, by band and kind of chip."""
    photon = np.isfinite(truth["energy"]) & np.isin(events["grade"], (0, 2, 3, 4, 6))
    found = {}
    for low, high in ((500, 1000), (1000, 2000), (2000, 4000), (4000, 8000)):
        for name, chips in (("front", (0, 1, 2, 3, 4, 6, 8, 9)), ("back", (5, 7))):
            rows = photon & (truth["energy"] >= low) & (truth["energy"] < high) & np.isin(events["ccd_id"], chips)
            if np.count_nonzero(rows) >= least:
                found[f"{name} {low}-{high} eV"] = float(np.mean(events["energy"][rows] / truth["energy"][rows]))
    return found


def line_offsets(events: Table, part: int, half: float, least: int = 30) -> dict[float, tuple[float, int]]:
    """Wavelength [Å] of each line of the corona that was put in: median of first-order events near it minus the
    truth, and how many there are. No event's own truth is looked at."""
    first = (events["tg_part"] == part) & (np.abs(events["tg_m"]) == 1)
    wavelength = events["tg_lam"][first]
    found = {}
    for energy, _ in sky.CORONA_LINES:
        line = gratings.HC / 1000 / energy
        near = wavelength[np.abs(wavelength - line) < half] - line
        if len(near) >= least:
            found[round(line, 4)] = float(np.median(near)), len(near)
    return found
