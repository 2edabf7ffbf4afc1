"""Transmission gratings: periods, angles, the grating equation and where the arms lie on the sky.

Numbers are those of the CALDB table telD1999-07-23geomN0006, GRATINGS. Coordinates as in J. McDowell and
D. Huenemoerder, "Coordinate systems for analysis of on-orbit Chandra data, paper III: dispersed spectra" (1999):
``tg_r`` [deg] is the angle at the grating node between the zero order and the event along the dispersion, ``tg_d``
[deg] the angle across it, and ``P sin(tg_r) = m λ``. The angle of a dispersion axis is counted from FC +Y to +Z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.errors import ConfigError

Array = NDArray[np.float64]

HC = 12398.419843320026  # [eV Å] Planck constant times speed of light, CODATA 2018
ZERO_ORDER, HEG, MEG, LEG, NO_PART = 0, 1, 2, 3, 99  # tg_part (Grating Data Products: Level 1.5 ICD)
NO_ORDER = 99  # tg_m of an event that belongs to no order
MAX_ORDER = 62  # TLMAX of tg_m in the archive's files


@dataclass(frozen=True)
class Arm:
    """One set of facets with its own period and direction.

    Parameters
    ----------
    part
        ``tg_part`` of its events.
    name
        HEG, MEG or LEG.
    period
        Distance of the bars [Å].
    angle
        Dispersion direction from FC +Y [deg].
    rowland
        Distance of the grating node from the focus [mm].
    """

    part: int
    name: str
    period: float
    angle: float
    rowland: float


_HETG = (Arm(HEG, "HEG", 2000.81, -5.205, 8632.48), Arm(MEG, "MEG", 4001.95, 4.755, 8632.48))
# HRC-I has 4.775 for the MEG in the table: two digits changed places, no other detector and no other document has it
_ARMS = {
    ("HETG", "ACIS"): _HETG,
    ("HETG", "HRC-I"): _HETG,
    ("HETG", "HRC-S"): _HETG,
    ("LETG", "ACIS"): (Arm(LEG, "LEG", 9912.16, -0.0167, 8637.0),),
    ("LETG", "HRC-I"): (Arm(LEG, "LEG", 9912.16, 0.07, 8637.0),),
    ("LETG", "HRC-S"): (Arm(LEG, "LEG", 9912.16, 0.07, 8637.0),),
}


def arms(grating: str, detector: str) -> tuple[Arm, ...]:
    """Arms of a grating as a detector sees them.

    Parameters
    ----------
    grating
        ``HETG`` or ``LETG`` (GRATING of the products).
    detector
        ``ACIS`` (with any suffix), ``HRC-I`` or ``HRC-S``.

    Raises
    ------
    ConfigError
        If there is no such grating or detector.
    """
    key = (grating.upper(), "ACIS" if detector.upper().startswith("ACIS") else detector.upper())
    if key not in _ARMS:
        known = ", ".join(f"{one} with {other}" for one, other in _ARMS)
        raise ConfigError(f"no dispersion is known of grating {grating!r} with detector {detector!r}; known: {known}")
    return _ARMS[key]


def order_wavelength(tg_r: ArrayLike, arm: Arm) -> Array:
    """Order times wavelength [Å], ``tg_mlam``, of dispersion angles [deg]."""
    return np.asarray(arm.period * np.sin(np.radians(np.asarray(tg_r, float))))


def dispersion_angle(order_wavelength: ArrayLike, arm: Arm) -> Array:
    """Dispersion angle ``tg_r`` [deg] of order times wavelength [Å]."""
    return np.degrees(np.arcsin(np.asarray(order_wavelength, float) / arm.period))


def sky_angle(roll: float, angle: float = 0.0) -> float:
    """Direction on the sky image [deg, counter-clockwise from +x] of the FC direction ``angle`` [deg] at a roll [deg].

    Positive orders lie there. The archive's REGION tables have it modulo 180 as ROTANG (checked against 13838 and
    14392).
    """
    return -(roll + angle) % 360.0


def sky_pixels(tg_r: float, arm: Arm, pixel: float, focal_length: float) -> float:
    """Distance from the zero order [pixel] at which light of the dispersion angle [deg] lies on the sky image.

    Parameters
    ----------
    pixel
        Angular size of a sky pixel [rad].
    focal_length
        Mirror node to focus [mm].
    """
    return float(np.radians(tg_r) * arm.rowland / focal_length / pixel)
