"""The plan: which instrument looks where, when, with what; fitted into any span from an hour up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.errors import ConfigError
from mta_assets.core.intervals import Intervals, subtract
from mta_assets.instruments.geometry import AIM_POINTS, ra_dec, unit_vector
from mta_assets.simulate import attitude, orbit
from mta_assets.simulate.obscat import Entry, load_obscat

SLEW_RATE = 0.075  # [deg/s] mean over a long manoeuvre; 90 degrees take 25 min with settling
SLEW_SETTLE = 300.0  # [s]
SIM_MOVE = 240.0  # [s] translation of the science instrument module at the start of a manoeuvre
GRATING_MOVE = 150.0  # [s] insertion or retraction; commanded states show 153 to 157 s (HETG)
GRATING_IN, GRATING_OUT = 6.0, 80.0  # [deg] angles of the grating arms
SHORTEST_FREE = 2400.0  # [s] nothing is observed after a radiation zone if less than this is left of the run
MEAN_DWELL = 2.2 * 3600  # [s] observing time per OBI that a long plan aims at
LEAST_SPAN = 4500.0  # [s] that an OBI gets, manoeuvre included, before the OBSCAT is cut for want of room
ECS_CCDS = (4, 5, 6, 7, 8, 9)
ENGINEERING_OBSID = 44055  # first of the obsids for engineering requests, 4xxxx as in real telemetry

# amplitude along Y and Z [arcsec], periods [s]: DITHER keywords of real observations (POG, chapter 5)
DITHER = {"ACIS": (8.0, 8.0, 1000.0, 707.1), "HRC": (20.0, 20.0, 1087.0, 768.6), "OFF": (0.0, 0.0, 1000.0, 707.1)}


@dataclass(frozen=True)
class Dwell:
    """An interval of the plan with one configuration.

    ``kind`` is ``observation``, ``manoeuvre`` (ra, dec, roll and configuration are those of its end), ``radzone``
    (nothing observes) or ``ecs`` (ACIS looks at its calibration source with HRC-S at the focus; ``instrument``
    is then the one that takes data, ACIS-S). Angles in degrees, SIM offsets in millimetres, dither in arcsec and s.
    """

    obsid: int
    obi: int
    tstart: float
    tstop: float
    instrument: str
    grating: str
    datamode: str
    ccds: tuple[int, ...]
    target: str
    ra: float
    dec: float
    roll: float
    sim_z: float
    sim_x: float
    dither_y: float
    dither_z: float
    dither_period_y: float
    dither_period_z: float
    kind: str


@dataclass(frozen=True)
class Schedule:
    """The plan of a run: dwells that cover it without gap, and the orbit under them."""

    epoch: float
    seed: int
    dwells: tuple[Dwell, ...]
    elements: orbit.Elements = field(default=orbit.Elements(0.0, 0.0, 0.0))

    @cached_property
    def _starts(self) -> NDArray[np.float64]:
        return np.array([dwell.tstart for dwell in self.dwells])

    def _column(self, name: str) -> NDArray[Any]:
        return np.array([getattr(dwell, name) for dwell in self.dwells])

    @property
    def tstart(self) -> float:
        return self.dwells[0].tstart

    @property
    def tstop(self) -> float:
        return self.dwells[-1].tstop

    def at(self, times: ArrayLike) -> NDArray[np.int64]:
        """Index of the dwell at each time; times outside belong to the first or the last one."""
        found = np.searchsorted(self._starts, np.asarray(times, float), side="right") - 1
        return np.clip(found, 0, len(self.dwells) - 1)

    def telemetry_format(self, times: ArrayLike) -> NDArray[np.uint8]:
        """1 where the HRC observes or is about to, 2 (ACIS) everywhere else."""
        per_dwell = np.array([1 if d.instrument.startswith("HRC") else 2 for d in self.dwells], dtype=np.uint8)
        return per_dwell[self.at(times)]

    def states(self, times: ArrayLike) -> dict[str, NDArray[Any]]:
        """What the spacecraft is doing at each time.

        Returns
        -------
        dict
            ``obsid``, ``obi``, ``pcad_mode`` (0 NPNT, 1 NMAN), ``hetg`` and ``letg`` (1 inserted, 0 not, changing
            at the end of the move), ``hetg_angle``, ``letg_angle`` [deg], ``sim_z``, ``sim_x`` [mm], ``acis`` and
            ``hrc`` (1 while it takes data), ``radzone``, ``eclipse`` (0, 1), ``pitch`` [deg, from the Sun],
            ``altitude_km``, ``dither`` (1 enabled).
        """
        at = np.atleast_1d(np.asarray(times, float))
        index = self.at(at)
        before = np.maximum(index - 1, 0)
        since = at - self._starts[index]
        kind, instrument = self._column("kind"), self._column("instrument")
        science = np.isin(kind, ("observation", "ecs"))
        out: dict[str, NDArray[Any]] = {
            "obsid": self._column("obsid")[index].astype(np.int32),
            "obi": self._column("obi")[index].astype(np.int16),
            "pcad_mode": (kind == "manoeuvre")[index].astype(np.uint8),
            "acis": (science & np.char.startswith(instrument, "ACIS"))[index].astype(np.uint8),
            "hrc": (science & np.char.startswith(instrument, "HRC"))[index].astype(np.uint8),
            "dither": (self._column("dither_y") > 0)[index].astype(np.uint8),
        }
        for axis in ("sim_x", "sim_z"):
            value = self._column(axis)
            out[axis] = _ramp(value[before], value[index], since / SIM_MOVE)
        for name in ("HETG", "LETG"):
            inserted = (self._column("grating") == name).astype(float)
            fraction = _ramp(inserted[before], inserted[index], since / GRATING_MOVE)
            out[name.lower()] = (fraction >= 1).astype(np.uint8)
            out[f"{name.lower()}_angle"] = GRATING_OUT + (GRATING_IN - GRATING_OUT) * fraction
        ra, dec, _ = attitude.ra_dec_roll(self, at)
        out["pitch"] = attitude.pitch(ra, dec, orbit.sun_direction(at))
        out["altitude_km"] = orbit.altitude(at, self.elements)
        out["radzone"] = (out["altitude_km"] < orbit.RADZONE_ALTITUDE).astype(np.uint8)
        out["eclipse"] = orbit.eclipse(at, self.elements).astype(np.uint8)
        return out


def _ramp(start: NDArray[Any], stop: NDArray[Any], fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(start + (stop - start) * np.clip(fraction, 0, 1), dtype=np.float64)


def make_schedule(tstart: float, hours: float, seed: int) -> Schedule:
    """Fit the OBSCAT into a span.

    Outside the radiation zone observations follow one another with manoeuvres between; inside, ACIS watches its
    calibration source. Any span holds at least an ACIS and an HRC observation; from about 13 h on all of the
    OBSCAT is observed, and again as further OBIs in longer spans. In spans under two hours manoeuvres are
    shortened so that half of the time is left to observe.

    Parameters
    ----------
    tstart
        Start, TT s since 1998.0.
    hours
        Length of the run; at least half an hour.
    seed
        Seed of everything random in the run.
    """
    if not hours >= 0.5:
        raise ConfigError(f"a run of {hours} h is too short to observe in: ask for half an hour or more")
    tstop = tstart + hours * 3600
    elements = orbit.fit_elements(tstart, hours)
    zones = orbit.zones(tstart, tstop, elements)
    if len(zones) and tstop - zones[-1, 1] < SHORTEST_FREE:
        zones[-1, 1] = tstop  # not worth a manoeuvre: stay idle
    free = subtract([[tstart, tstop]], zones)
    dwells: list[Dwell] = []
    done: dict[int, int] = {}
    queue = _queue(free)
    for interval in sorted([(a, b, "zone") for a, b in zones] + [(a, b, "free") for a, b in free]):
        start, stop, what = interval
        if what == "zone":
            _add_zone(dwells, start, stop)
        else:
            count = _share(start, stop, free, queue)
            _add_observations(dwells, queue[:count], start, stop, done)
            del queue[:count]
    return Schedule(tstart, seed, tuple(dwells), elements)


def _queue(free: Intervals) -> list[Entry]:
    """The OBSCAT as often as the observing time asks for, cut where there is not room for all of it."""
    catalogue = list(load_obscat())
    seconds = float(np.sum(free[:, 1] - free[:, 0]))
    rounds = max(1, round(seconds / (len(catalogue) * MEAN_DWELL)))
    room = max(2 * len(free), int(seconds // LEAST_SPAN))
    return (catalogue * rounds)[: max(2, room)]


def _share(start: float, stop: float, free: Intervals, queue: list[Entry]) -> int:
    """How many observations of the queue go into this interval: its share of the observing time still to come."""
    ahead = free[free[:, 0] >= start]
    part = (stop - start) / float(np.sum(ahead[:, 1] - ahead[:, 0]))
    # one at least is kept for each of the intervals after this one
    return min(len(queue) - (len(ahead) - 1), max(1, round(part * len(queue))))


def _add_observations(
    dwells: list[Dwell], entries: list[Entry], start: float, stop: float, done: dict[int, int]
) -> None:
    """Observations with the manoeuvres to them; the first one of a run needs none."""
    plans = []
    for entry in entries:
        plans.append(_observation(entry, done.get(entry.obsid, 0), start))
        done[entry.obsid] = done.get(entry.obsid, 0) + 1
    previous = [dwells[-1] if dwells else None, *plans[:-1]]
    slews = np.array([_slew_time(a, b) if a else 0.0 for a, b in zip(previous, plans, strict=True)])
    length = stop - start
    if slews.sum() > length / 2:
        slews *= length / 2 / slews.sum()
    weights = np.array([entry.weight for entry in entries])
    times = weights / weights.sum() * (length - slews.sum())
    ends = start + np.cumsum(slews + times)
    ends[-1] = stop
    for plan, slew, begin, end in zip(plans, slews, [start, *ends[:-1]], ends, strict=True):
        if slew > 0:
            dwells.append(_manoeuvre(plan, begin, begin + slew))
        dwells.append(replace(plan, tstart=float(begin + slew), tstop=float(end)))


def _add_zone(dwells: list[Dwell], start: float, stop: float) -> None:
    """Radiation zone: to the ecliptic pole, HRC-S to the focus, calibration source, then idle."""
    ra, dec = (float(angle) for angle in ra_dec(orbit.ECLIPTIC_POLE))
    number = sum(dwell.kind == "radzone" for dwell in dwells)
    obsid = ENGINEERING_OBSID - 2 * number
    amplitude_y, amplitude_z, period_y, period_z = DITHER["OFF"]
    sim_x, sim_z = AIM_POINTS["HRC-S"]
    roll = attitude.nominal_roll(ra, dec, orbit.sun_direction(start))
    idle = Dwell(
        obsid, 0, start, stop, "NONE", "NONE", "", (), "radiation zone", ra, dec, roll, sim_z, sim_x,
        amplitude_y, amplitude_z, period_y, period_z, "radzone",
    )  # fmt: skip
    slew = min(_slew_time(dwells[-1], idle), (stop - start) / 4) if dwells else 0.0
    if slew > 0:
        dwells.append(_manoeuvre(idle, start, start + slew))
    begin = start + slew
    quiet = min(1800.0, (stop - begin) / 4)
    ecs_stop = begin + quiet + 0.6 * (stop - begin - quiet)
    dwells.append(replace(idle, tstart=begin, tstop=begin + quiet))
    watch = replace(idle, obsid=obsid - 1, tstart=begin + quiet, tstop=ecs_stop, kind="ecs")
    source = "external calibration source"
    dwells.append(replace(watch, instrument="ACIS-S", datamode="FAINT", ccds=ECS_CCDS, target=source))
    dwells.append(replace(idle, obi=1, tstart=ecs_stop, tstop=stop))


def _observation(entry: Entry, obi: int, time: float) -> Dwell:
    """An observation whose times are still to be set; roll is the nominal one of the date."""
    sim_x, sim_z = AIM_POINTS[entry.instrument]
    roll = attitude.nominal_roll(entry.ra, entry.dec, orbit.sun_direction(time))
    return Dwell(
        entry.obsid, obi, time, time, entry.instrument, entry.grating, entry.datamode, entry.ccds, entry.target,
        entry.ra, entry.dec, roll, sim_z, sim_x, *DITHER[entry.instrument[:4].rstrip("-")], "observation",
    )  # fmt: skip


def _manoeuvre(target: Dwell, start: float, stop: float) -> Dwell:
    move = replace(target, tstart=float(start), tstop=float(stop), kind="manoeuvre")
    return replace(move, datamode="", ccds=(), dither_y=0.0, dither_z=0.0)


def _slew_time(start: Dwell, stop: Dwell) -> float:
    """Seconds from one pointing to the next, settling included."""
    cosine = np.clip(unit_vector(start.ra, start.dec) @ unit_vector(stop.ra, stop.dec), -1, 1)
    return float(SLEW_SETTLE + np.degrees(np.arccos(cosine)) / SLEW_RATE)
