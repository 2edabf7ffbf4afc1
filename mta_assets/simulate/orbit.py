"""A Chandra-like orbit: 64 hours, very eccentric, with a radiation zone and an eclipse at known places.

Two-body motion around the Earth. The orientation and the perigee time are fitted to the run, so that a day holds
a perigee passage and an eclipse whatever its date; that is the only liberty taken (the real orbit would
pass perigee in three days out of eight and have eclipses twice a year).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.intervals import Intervals, from_samples

MU = 398600.4418  # [km3 s-2] geocentric gravitational constant, IERS Conventions 2010
EARTH_RADIUS = 6378.137  # [km] WGS 84, equator
PERIOD = 64.0 * 3600  # [s] about Chandra's 63.5 h
ECCENTRICITY = 0.75
INCLINATION = 65.0  # [deg]
RADZONE_ALTITUDE = 60_000.0  # [km] below it the radiation belts: no observing (POG, chapter 3)
AU = 149_597_870.7  # [km]
SUN_RADIUS = 695_700.0  # [km] IAU 2015 nominal
# north ecliptic pole: 90 degrees from the Sun all year
ECLIPTIC_POLE = np.array([0.0, -np.sin(np.radians(23.4393)), np.cos(np.radians(23.4393))])
J2000 = 730.5 * 86400  # [s] 2000-01-01T12:00:00 TT, since 1998.0 TT


@dataclass(frozen=True)
class Elements:
    """Keplerian elements: what fixes an orbit.

    Parameters
    ----------
    perigee
        A time of perigee passage, TT s since 1998.0.
    node, argument
        Right ascension of the ascending node and argument of perigee [deg].
    """

    perigee: float
    node: float
    argument: float
    period: float = PERIOD
    eccentricity: float = ECCENTRICITY
    inclination: float = INCLINATION

    @property
    def semi_major_axis(self) -> float:
        """[km]"""
        return float((MU * (self.period / (2 * np.pi)) ** 2) ** (1 / 3))


def sun_direction(times: ArrayLike) -> NDArray[np.float64]:
    """Equatorial unit vectors (n, 3) from the Earth to the Sun.

    Low-precision formula of the Astronomical Almanac (section C, "low precision formulas for the Sun"): 0.01 degree.
    """
    days = (np.asarray(times, float) - J2000) / 86400
    anomaly = np.radians(357.528 + 0.9856003 * days)
    of_date = 280.460 + 0.9856474 * days
    precession = 3.8247e-5 * days  # [deg] 50.29 arcsec a year, from the equinox of date back to J2000
    longitude = np.radians(of_date - precession + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    tilt = np.radians(23.4393)
    return np.stack([np.cos(longitude), np.cos(tilt) * np.sin(longitude), np.sin(tilt) * np.sin(longitude)], axis=-1)


def fit_elements(tstart: float, hours: float) -> Elements:
    """An orbit for a run: from six hours on, it enters the radiation zone at 60 % of the run (of the first 64 h).

    Shorter runs lie around apogee. The shadow axis lies in the orbital plane, and is reached 1.5 h after
    the entry into the zone.
    """
    span = min(hours * 3600, PERIOD)
    shape = Elements(0.0, 0.0, 0.0)
    half_zone = _time_from_perigee(shape)
    entry = tstart + 0.6 * span if hours >= 6 else tstart + span / 2 + PERIOD / 2 - half_zone
    perigee = entry + half_zone
    eclipse_time = entry + min(5400.0, 0.2 * span)
    shadow = -sun_direction(eclipse_time)
    right_ascension, declination = np.arctan2(shadow[1], shadow[0]), np.arcsin(shadow[2])
    tilt = np.radians(INCLINATION)
    node = right_ascension - np.arcsin(np.tan(declination) / np.tan(tilt))
    latitude_argument = np.arctan2(
        np.sin(declination) / np.sin(tilt), np.cos(declination) * np.cos(right_ascension - node)
    )
    anomaly = _true_anomaly(np.array([eclipse_time - perigee]), shape)[0]
    return Elements(perigee, float(np.degrees(node) % 360), float(np.degrees(latitude_argument - anomaly) % 360))


def _time_from_perigee(elements: Elements) -> float:
    """Seconds between perigee and the crossing of the radiation-zone altitude."""
    ratio = (EARTH_RADIUS + RADZONE_ALTITUDE) / elements.semi_major_axis
    eccentric = np.arccos((1 - ratio) / elements.eccentricity)
    mean = eccentric - elements.eccentricity * np.sin(eccentric)
    return float(mean / (2 * np.pi) * elements.period)


def _true_anomaly(since_perigee: NDArray[np.float64], elements: Elements) -> NDArray[np.float64]:
    """True anomaly [rad] by Newton's method on Kepler's equation."""
    mean = (2 * np.pi * since_perigee / elements.period + np.pi) % (2 * np.pi) - np.pi
    e = elements.eccentricity
    eccentric = mean + 0.85 * e * np.sign(np.sin(mean))
    for _ in range(8):
        eccentric = eccentric - (eccentric - e * np.sin(eccentric) - mean) / (1 - e * np.cos(eccentric))
    return np.asarray(
        2 * np.arctan2(np.sqrt(1 + e) * np.sin(eccentric / 2), np.sqrt(1 - e) * np.cos(eccentric / 2)), dtype=np.float64
    )


def position(times: ArrayLike, elements: Elements) -> NDArray[np.float64]:
    """Geocentric equatorial position (n, 3) [km]."""
    at = np.atleast_1d(np.asarray(times, float))
    anomaly = _true_anomaly(at - elements.perigee, elements)
    e = elements.eccentricity
    radius = elements.semi_major_axis * (1 - e * e) / (1 + e * np.cos(anomaly))
    node, tilt = np.radians(elements.node), np.radians(elements.inclination)
    u = anomaly + np.radians(elements.argument)
    x = np.cos(node) * np.cos(u) - np.sin(node) * np.sin(u) * np.cos(tilt)
    y = np.sin(node) * np.cos(u) + np.cos(node) * np.sin(u) * np.cos(tilt)
    z = np.sin(u) * np.sin(tilt)
    return np.stack([radius * x, radius * y, radius * z], axis=-1)


def altitude(times: ArrayLike, elements: Elements) -> NDArray[np.float64]:
    """Height above a spherical Earth [km]."""
    return np.asarray(np.linalg.norm(position(times, elements), axis=-1) - EARTH_RADIUS, dtype=np.float64)


def radzone(times: ArrayLike, elements: Elements) -> NDArray[np.bool_]:
    """Whether the spacecraft is in the radiation zone."""
    return altitude(times, elements) < RADZONE_ALTITUDE


def eclipse(times: ArrayLike, elements: Elements) -> NDArray[np.bool_]:
    """Whether the spacecraft is in the Earth's umbra (the shadow cone of a spherical Earth)."""
    at = np.atleast_1d(np.asarray(times, float))
    place, sun = position(at, elements), sun_direction(at)
    along = -np.sum(place * sun, axis=-1)
    across = np.linalg.norm(place + along[:, None] * sun, axis=-1)
    return np.asarray((along > 0) & (across < EARTH_RADIUS - along * (SUN_RADIUS - EARTH_RADIUS) / AU), dtype=np.bool_)


def zones(tstart: float, tstop: float, elements: Elements, step: float = 60.0) -> Intervals:
    """Radiation-zone intervals within a span, to one step [s]."""
    at = tstart + np.arange(int(np.ceil((tstop - tstart) / step))) * step
    found = from_samples(at[radzone(at, elements)], step)
    return np.minimum(found, tstop)
