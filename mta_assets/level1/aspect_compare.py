"""On-board against ground aspect: what turns the one attitude into the other, and the picture of it.

The difference is a rotation vector in body axes (roll, pitch, yaw), so it has no singularity and does not mix the
axes as differences of ra, dec and roll do. Source of the algebra: `instruments.quaternions`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Column, Header, Schema, Table, plain
from mta_assets.instruments import quaternions
from mta_assets.instruments.geometry import ARCSEC

AXES = ("roll", "pitch", "yaw")
MOST = 360.0  # [arcsec] between the two: in real files up to 72 about roll and 18 about pitch and yaw
LONGEST_STEP = 2.1  # [s] the ground solution is not interpolated across more than two on-board periods
ASPDIFF = Schema(
    "ASPDIFF",
    (
        Column("time", "f8", "s", "Time field"),
        Column("roll", "f4", "arcsec", "on-board minus ground attitude, about the body X axis"),
        Column("pitch", "f4", "arcsec", "about the body Y axis"),
        Column("yaw", "f4", "arcsec", "about the body Z axis"),
    ),
    "On-board against ground aspect",
)


def compare(onboard: Table, ground: Table) -> Table:
    """Differences of two solutions at the on-board times that the ground solution covers.

    Parameters
    ----------
    onboard, ground
        Aspect solutions with ``time`` and ``q_att``, in order of time.

    Returns
    -------
    Table
        `ASPDIFF`, empty if they have no time in common. The header has median and scatter of each axis: a constant is
        the alignment of the camera to the mirror, which the ground solution takes out.
    """
    time = onboard["time"]
    if not len(ground) or not len(time):
        return ASPDIFF.empty()
    after = np.searchsorted(ground["time"], time)
    inside = (after > 0) & (after < len(ground))
    step = ground["time"][np.minimum(after, len(ground) - 1)] - ground["time"][np.maximum(after - 1, 0)]
    use = (inside & (step <= LONGEST_STEP)) | np.isin(time, ground["time"])
    between = quaternions.interpolate(ground["time"], ground["q_att"], time[use])
    turned = quaternions.difference(onboard["q_att"][use], between) / ARCSEC
    columns: dict[str, NDArray[np.float64]] = {"time": time[use], **dict(zip(AXES, turned.T, strict=True))}
    return ASPDIFF.build(columns, summary(columns) if len(turned) else {})


def summary(columns: Table | dict[str, NDArray[np.float64]]) -> Header:
    """Median and scatter [arcsec] of each axis, as keywords."""
    header: Header = {}
    for axis in AXES:
        name = axis.upper()
        header[f"{name}MED"] = (float(np.median(columns[axis])), f"[arcsec] median of {axis}, on-board minus ground")
        header[f"{name}STD"] = (float(np.std(columns[axis])), f"[arcsec] standard deviation of {axis}")
    return header


def apart(table: Table) -> dict[str, float]:
    """Medians [arcsec] by axis, of those that two attitudes of one observation can not have."""
    medians = {axis: float(plain(table.header[f"{axis.upper()}MED"])) for axis in AXES}
    return {axis: median for axis, median in medians.items() if abs(median) > MOST}


def figure(table: Table, title: str) -> bytes:
    """PNG of at most 50 kB: roll, pitch and yaw difference against time, with median and standard deviation."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from mta_assets.core.png import small_png

    drawn = Figure(figsize=(8.6, 5.0), dpi=100, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(drawn)
    minutes, header = (table["time"] - table["time"][0]) / 60, summary(table)
    panels = drawn.subplots(len(AXES), 1, sharex=True)
    for panel, axis in zip(panels, AXES, strict=True):
        median, spread = (header[f"{axis.upper()}{which}"][0] for which in ("MED", "STD"))
        panel.plot(minutes, table[axis], ".", markersize=2, color="#1f4e79")
        panel.axhline(median, color="#b3160c", linewidth=0.8)
        panel.set_ylabel(f"{axis} [arcsec]")
        panel.set_title(f"median {median:+.3f}, scatter {spread:.3f} arcsec", loc="right", fontsize="small")
    panels[0].set_title(title, loc="left")
    panels[-1].set_xlabel(f"minutes since {table['time'][0]:.0f} s")
    canvas.draw()
    return small_png(np.asarray(canvas.buffer_rgba()))
