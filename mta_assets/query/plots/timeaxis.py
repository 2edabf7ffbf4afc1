"""The axis of UTC below a figure, and the words that say which days it shows."""

from __future__ import annotations

from typing import Any

from mta_assets.core.times import to_utc_iso, to_yday
from mta_assets.query.plots.style import GREY


def set_time_axis(ax: Any, is_lowest: bool, tstart: float, tstop: float) -> None:
    """Ticks at round UTC times; the lowest axis names them and says the period, with days of year."""
    from matplotlib.dates import UTC, AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(tz=UTC, minticks=5, maxticks=11)
    formatter = ConciseDateFormatter(locator, tz=UTC, show_offset=False)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(formatter)
    ax.tick_params(axis="both", labelsize=8, length=3, color=GREY)
    ax.tick_params(axis="x", labelbottom=is_lowest)
    if is_lowest:
        ax.set_xlabel(period_text(tstart, tstop), fontsize=9, labelpad=6)


def period_text(tstart: float, tstop: float) -> str:
    """``UTC, 2024-03-01 00:00 – 2024-03-08 00:00 (2024:061 – 2024:068)``."""
    cut = 19 if tstop - tstart < 600 else 16
    first, last = (to_utc_iso(t)[:cut].replace("T", " ") for t in (tstart, tstop))
    days = [to_yday(t)[:8] for t in (tstart, tstop)]
    return (
        f"UTC, {first} – {last} ({days[0]} – {days[1]})" if days[0] != days[1] else f"UTC, {first} – {last} ({days[0]})"
    )
