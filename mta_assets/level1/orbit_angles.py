"""Angles between the pointing and Sun, Moon, Earth and the direction of flight, from ephemerides: the ANGLES product.

Source: the products themselves (orbitf…_eph1, solarf…_eph1, lunarf…_eph1 → anglesf…_eph1 of the archive, tool
``ephem_calc_vg_angles``). What it does, as two real observations show to 1e-9 degree: one row at each ephemeris point;
pointing from the quaternion of the aspect sample that is nearest in time; Sun and Moon as seen from the spacecraft; an
angular radius is radius over distance, without the arc sine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Column, Header, Product, Schema, Table
from mta_assets.instruments.geometry import rotate

Array = NDArray[np.float64]

SUN_RADIUS = 6.96e8  # [m] each radius is what the archive's limb angles give: (centre - limb) * distance
MOON_RADIUS = 1.738e6  # [m]
EARTH_RADIUS = 6.378137e6  # [m] WGS 84, equator
FARTHEST = 1.0e12  # [m] seven times as far as the Sun: no body of these is
BORESIGHT = np.array([1.0, 0.0, 0.0])  # body axis that points to the target


def _angle(name: str, doc: str) -> Column:
    return Column(name, "f8", "deg", doc)


EPHEMERIS = tuple(
    Column(name, "f8", unit, doc)
    for name, unit, doc in (
        ("Time", "s", "time"),
        *((axis, "m", f"position from the Earth's centre, {axis}, J2000") for axis in "XYZ"),
        *((f"V{axis}", "m/s", f"velocity, {axis.upper()}") for axis in "xyz"),
    )
)
ANGLES = Schema(
    "ANGLES",
    (
        Column("Time", "f8", "s", "time"),
        *(Column(f"Point_{axis}", "f8", "", f"unit pointing ({axis})") for axis in "XYZ"),
        _angle("Point_SunCentAng", "pointing to the Sun's centre"),
        _angle("Point_SunLimbAng", "pointing to the Sun's limb"),
        _angle("Point_MoonCentAng", "pointing to the Moon's centre"),
        _angle("Point_MoonLimbAng", "pointing to the Moon's limb"),
        _angle("Point_EarthCentAng", "pointing to the Earth's centre"),
        _angle("Point_EarthLimbAng", "pointing to the Earth's limb"),
        Column("Dist_SatEarth", "f8", "m", "spacecraft to the Earth's centre"),
        _angle("Sun_EarthCentAng", "Sun to the Earth's centre, seen from the spacecraft"),
        _angle("Sun_EarthLimbAng", "the same number in the archive's files: no limb is subtracted"),
        _angle("Point_RamVectorAng", "pointing to the direction of flight"),
    ),
    "angles of the pointing",
)


def separation(a: Array, b: Array) -> Array:
    """Angles [deg] between vectors (…, 3) of any length; exact also near 0 and 180 degrees."""
    across = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.degrees(np.arctan2(across, np.sum(a * b, axis=-1)))


def state(ephemeris: Table, times: Array) -> tuple[Array, Array]:
    """Positions [m] and velocities [m/s], each (n, 3), at times: cubic Hermite between the points of the ephemeris.

    Raises
    ------
    BadData
        If the ephemeris is empty, goes backward, does not cover the times or holds values that are no numbers there.
    """
    at = np.asarray(ephemeris["Time"], float)
    times = np.asarray(times, float)
    if len(at) < 2 or np.any(np.diff(at) <= 0):
        raise BadData(f"ephemeris {ephemeris.name}: expected two or more rows with ascending Time, there are {len(at)}")
    if len(times) and (times.min() < at[0] or times.max() > at[-1]):
        raise BadData(
            f"ephemeris {ephemeris.name} covers {at[0]:.3f} to {at[-1]:.3f} s, asked for {times.min():.3f} to "
            f"{times.max():.3f} s: deliver the ephemeris of that time"
        )
    place = np.stack([np.asarray(ephemeris[axis], float) for axis in "XYZ"], axis=-1)
    speed = np.stack([np.asarray(ephemeris[f"V{axis}"], float) for axis in "xyz"], axis=-1)
    k = np.clip(np.searchsorted(at, times, side="right") - 1, 0, len(at) - 2)
    step = (at[k + 1] - at[k])[:, None]
    s = (times - at[k])[:, None] / step
    p0, p1, v0, v1 = place[k], place[k + 1], speed[k] * step, speed[k + 1] * step
    if not np.isfinite([p0, p1, v0, v1]).all():
        raise BadData(
            f"ephemeris {ephemeris.name} holds values that are no numbers between {times.min():.3f} and "
            f"{times.max():.3f} s: deliver another of that time"
        )
    position = p0 + s * (v0 + s * (3 * (p1 - p0) - 2 * v0 - v1 + s * (2 * (p0 - p1) + v0 + v1)))
    velocity = (v0 + s * (6 * (p1 - p0) - 4 * v0 - 2 * v1 + 3 * s * (2 * (p0 - p1) + v0 + v1))) / step
    return position, velocity


def pointing(solution: Table, times: Array) -> Array:
    """Unit vectors (n, 3) of the boresight at times: that of the nearest sample of an aspect solution (time, q_att).

    Raises
    ------
    BadData
        If the solution is empty.
    """
    at = np.asarray(solution["time"], float)
    if not len(at):
        raise BadData(f"aspect solution {solution.name} has no rows: there is no pointing")
    times = np.asarray(times, float)
    after = np.clip(np.searchsorted(at, times), 1, max(len(at) - 1, 1))
    nearest = np.where(times - at[after - 1] <= at[np.minimum(after, len(at) - 1)] - times, after - 1, after)
    nearest = np.minimum(nearest, len(at) - 1)
    return rotate(np.asarray(solution["q_att"], float)[nearest], BORESIGHT)


def grid(ephemeris: Table, tstart: float, tstop: float) -> Array:
    """Times of the ephemeris in [tstart, tstop)."""
    at = np.asarray(ephemeris["Time"], float)
    return at[(at >= tstart) & (at < tstop)]


def angles(times: Array, toward: Array, orbit: Table, solar: Table, lunar: Table) -> Table:
    """The ANGLES table.

    Parameters
    ----------
    times
        (n,) TT s since 1998.0.
    toward
        (n, 3) unit vectors of the pointing, from `pointing`.
    orbit, solar, lunar
        Geocentric ephemerides with the columns of `EPHEMERIS`: of the spacecraft, of the Sun, of the Moon.
    """
    place, speed = state(orbit, times)
    sun, moon = (state(body, times)[0] - place for body in (solar, lunar))
    distance = np.linalg.norm(place, axis=-1)
    columns: dict[str, Any] = {"Time": times, "Dist_SatEarth": distance}
    columns |= {f"Point_{axis}": toward[:, k] for k, axis in enumerate("XYZ")}
    bodies = (("Sun", sun, SUN_RADIUS), ("Moon", moon, MOON_RADIUS), ("Earth", -place, EARTH_RADIUS))
    for name, vector, radius in bodies:
        away = np.linalg.norm(vector, axis=-1)
        if not ((away > radius) & (away < FARTHEST)).all():
            raise BadData(
                f"ephemerides put the spacecraft {away.min():.6g} to {away.max():.6g} m from the middle of the {name}: "
                f"expected {radius:g} to {FARTHEST:g} m; deliver other ephemerides of that time"
            )
        centre = separation(toward, vector)
        columns[f"Point_{name}CentAng"] = centre
        columns[f"Point_{name}LimbAng"] = centre - np.degrees(radius / away)
    columns["Sun_EarthCentAng"] = columns["Sun_EarthLimbAng"] = separation(sun, -place)
    columns["Point_RamVectorAng"] = separation(toward, speed)
    return ANGLES.build(columns)


def angles_product(solution: Table, orbit: Table, solar: Table, lunar: Table, tstart: float, tstop: float) -> Product:
    """The angles file of an observation: one row at each ephemeris point from ``tstart`` to ``tstop``.

    Raises
    ------
    BadData
        If no ephemeris point lies in the interval.
    """
    times = grid(orbit, tstart, tstop)
    if not len(times):
        raise BadData(f"orbit ephemeris has no point in {tstart:.3f} to {tstop:.3f} s: deliver the one of that time")
    step = float(np.median(np.diff(np.asarray(orbit["Time"], float))))
    header: Header = {
        "HDUCLASS": ("ASC", "format"),
        "HDUCLAS1": ("TEMPORALDATA", "kind of table"),
        "HDUCLAS2": ("ANGLES", "which one"),
        "TIMEPIXR": (0.0, "time stamps are the start of a bin"),
        "TIMEDEL": (step, "[s] between ephemeris points"),
    }
    table = angles(times, pointing(solution, times), orbit, solar, lunar).with_header(header)
    common: Header = {"CONTENT": ("ANGLEEPHEM", "data product")}
    return Product("ANGLES_EPH", (table,), float(times[0]), float(times[-1]) + step, common)
