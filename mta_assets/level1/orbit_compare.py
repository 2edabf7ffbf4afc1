"""On-board against ground aspect: what turns the one attitude into the other, and the picture of it.

The difference is a rotation vector in body axes (roll, pitch, yaw), so it has no singularity and does not mix the
axes as differences of ra, dec and roll do. Source of the algebra: `instruments.quaternions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Column, Schema, Table
from mta_assets.instruments import quaternions
from mta_assets.instruments.geometry import ARCSEC

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

AXES = ("roll", "pitch", "yaw")
GAP = 1.0  # [s] farther from a ground sample on either side an on-board sample is not compared

DIFFERENCES = Schema(
    "ASPDIFF",
    (
        Column("time", "f8", "s", "time of the on-board sample"),
        *(
            Column(f"d{axis}", "f8", "arcsec", f"{axis} that turns the ground attitude into the on-board one")
            for axis in AXES
        ),
    ),
    "on-board minus ground aspect",
)


def differences(ground: Table, onboard: Table) -> Table:
    """Rotation from ground to on-board attitude at the times of the on-board solution that the ground solution covers.

    Parameters
    ----------
    ground, onboard
        Aspect solutions with ``time`` and ``q_att``.

    Raises
    ------
    BadData
        If they have no time in common.
    """
    at, times = np.asarray(ground["time"], float), np.asarray(onboard["time"], float)
    if len(at) < 2 or not len(times):
        raise BadData("aspect comparison: a solution is empty, nothing to compare")
    after = np.clip(np.searchsorted(at, times), 1, len(at) - 1)
    covered = (times >= at[0]) & (times <= at[-1]) & (at[after] - at[after - 1] <= GAP)
    if not covered.any():
        raise BadData(
            f"aspect comparison: ground solution {at[0]:.0f} to {at[-1]:.0f} s and on-board solution {times[0]:.0f} to "
            f"{times[-1]:.0f} s have no time in common: compare those of one observation"
        )
    times = times[covered]
    mine = quaternions.interpolate(at, np.asarray(ground["q_att"], float), times)
    vectors = quaternions.difference(np.asarray(onboard["q_att"], float)[covered], mine) / ARCSEC
    columns: dict[str, Any] = {"time": times} | {f"d{axis}": vectors[:, k] for k, axis in enumerate(AXES)}
    return DIFFERENCES.build(columns)


def summary(table: Table) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation [arcsec] of each axis."""
    return {axis: (float(table[f"d{axis}"].mean()), float(table[f"d{axis}"].std())) for axis in AXES}


def figure(table: Table, title: str = "") -> Figure:
    """Three panels, roll, pitch and yaw difference against time, with mean and standard deviation."""
    from matplotlib.figure import Figure as Canvas

    drawn = Canvas(figsize=(9, 7), layout="constrained")
    panels = drawn.subplots(len(AXES), 1, sharex=True)
    minutes = (table["time"] - table["time"][0]) / 60
    for panel, (axis, (mean, spread)) in zip(panels, summary(table).items(), strict=True):
        panel.plot(minutes, table[f"d{axis}"], ",", color="tab:blue")
        panel.axhline(mean, color="tab:red", linewidth=0.8)
        panel.set_ylabel(f"{axis} [arcsec]")
        panel.set_title(f"mean {mean:+.3f}, std {spread:.3f} arcsec", loc="right", fontsize="small")
    panels[0].set_title(title or "on-board minus ground aspect", loc="left")
    panels[-1].set_xlabel(f"minutes since {table['time'][0]:.0f} s")
    return drawn
