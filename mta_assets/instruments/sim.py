"""The science instrument module (SIM): motor steps to millimetres, and which instrument stands at the focus."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.instruments.geometry import AIM_POINTS

Array = NDArray[np.float64]

TSC_STEP = -0.00251431530156  # [mm/step] translation (cheta units, TSCSTEP)
# focus [mm] from motor steps, coefficients of step¹ … step⁶ (cheta units, FASTEP)
FA_STEPS = (1.47906994e-3, 3.5723322e-8, -1.08492544e-12, 3.9803832e-17, 5.29336e-21, 1.020064e-25)
AT_FOCUS = 10.0  # [mm] farther from its aim point an instrument is not at the focus; observations shift by a few
INSERTED = 20.0  # [deg] a grating that stands below this angle is in the beam (it rests at 5 to 7, parks at about 80)


def translation(steps: ArrayLike) -> Array:
    """SIM_Z [mm] of the translation table from 3TSCPOS [step]."""
    return TSC_STEP * np.asarray(steps, float)


def focus(steps: ArrayLike) -> Array:
    """SIM_X [mm] of the focus mechanism from 3FAPOS [step]."""
    return np.polynomial.polynomial.polyval(np.asarray(steps, float), (0.0, *FA_STEPS))


def at_focus(sim_z: float) -> str:
    """Detector whose aim point the table's position [mm] brings to the focus, empty if none is near."""
    name, place = min(AIM_POINTS.items(), key=lambda item: abs(item[1][1] - sim_z))
    return name if abs(place[1] - sim_z) < AT_FOCUS else ""


def grating_in_beam(hetg: float, letg: float) -> str:
    """``HETG``, ``LETG`` or ``NONE`` from the angles [deg] of the two arms; NaN counts as not inserted."""
    return "HETG" if hetg < INSERTED else "LETG" if letg < INSERTED else "NONE"
