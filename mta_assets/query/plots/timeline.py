"""Timelines below each other: a panel for each parameter or unit, states as lanes, limits, gaps with their reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from mta_assets.core.intervals import intersect
from mta_assets.core.samples import to_seconds
from mta_assets.monitors.limit_table import LimitTable
from mta_assets.monitors.limits import Bounds
from mta_assets.query.plots import style
from mta_assets.query.plots.panels import draw_lanes, draw_lines, lanes_of
from mta_assets.query.plots.series import Gap, Series, day_of, gaps_of
from mta_assets.query.plots.timeaxis import set_time_axis

Limits = LimitTable | Mapping[str, Bounds]
Gaps = Sequence[tuple[Any, ...]] | Mapping[str, Sequence[tuple[Any, ...]]]
ALL = ""  # key of gaps that are those of every parameter


@dataclass(frozen=True)
class Panel:
    """What is drawn in one pair of axes: a state, or numbers of one unit."""

    series: tuple[Series, ...]
    gaps: tuple[Gap, ...] = ()
    bounds: dict[str, Bounds] = field(default_factory=dict)

    @property
    def is_state(self) -> bool:
        return self.series[0].is_state

    def height(self, many: bool) -> float:
        """[inch]"""
        if self.is_state:
            bads = self.series[0].bads
            lanes = len(lanes_of(self.series[0].good())) + (bads is not None and bool(bads.any()))
            return style.LANE * max(lanes, 1) + 0.1
        return style.SMALL_PANEL if many else style.PANEL


def timeline(
    series: Sequence[Series], title: str = "", *, limits: Limits | None = None, gaps: Gaps | None = None,
    panels: str | None = None, tstart: float | None = None, tstop: float | None = None,
) -> Any:  # fmt: skip
    """Figure of parameters over time.

    Parameters
    ----------
    limits
        Drawn as dashed lines, yellow and red, as of the time of each sample.
    gaps
        (start, stop, reason) for all parameters, or by name; what is not given is found from the period of the samples
        (``no data``). ``()`` for none.
    panels
        ``parameter`` (a panel each) or ``unit`` (one for all of a unit); by their number if it is not given.
    tstart, tstop
        Period that is shown [TT s since 1998.0]; that of the samples if it is not given.
    """
    groups = _groups(series, panels)
    left_out = sum(map(len, groups[style.MOST :]))
    groups = groups[: style.MOST]
    first, last = _period([one for group in groups for one in group], tstart, tstop)
    parts = [_panel(group, limits, gaps) for group in groups]
    heights = [part.height(len(parts) > style.MANY) for part in parts] or [style.PANEL]
    shades = [gap.reason for part in parts for gap in part.gaps if gap.stop > first and gap.start < last]
    figure, tops = _figure(heights, title, left_out, bool(shades))
    height = figure.get_figheight()
    for number, (top, tall) in enumerate(zip(tops, heights, strict=True)):
        across = (style.WIDTH - style.LEFT - style.RIGHT) / style.WIDTH
        ax = figure.add_axes((style.LEFT / style.WIDTH, 1 - (top + tall) / height, across, tall / height))
        ax.set_xlim(day_of(first), day_of(last))
        if parts:
            draw_panel(ax, parts[number])
        else:
            ax.text(0.5, 0.5, "no data", transform=ax.transAxes, ha="center", color=style.GREY)
            ax.set_yticks([])
        set_time_axis(ax, number == len(heights) - 1, first, last)
    _gap_legend(figure, list(dict.fromkeys(shades)))
    return figure


def draw_panel(ax: Any, panel: Panel) -> None:
    """One panel: gaps behind, then lanes of a state or lines with their limits."""
    _shade(ax, panel.gaps)
    ax.grid(True, axis="x", color=style.GRID, lw=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if panel.is_state:
        draw_lanes(ax, panel.series[0])
    else:
        draw_lines(ax, panel.series, panel.bounds)
    _heading(ax, panel.series)


def _period(series: Sequence[Series], tstart: float | None, tstop: float | None) -> tuple[float, float]:
    firsts = [s.time[0] for s in series if len(s)]
    lasts = [(s.time[-1] if s.until is None else s.until.max()) for s in series if len(s)]
    ends = to_seconds(np.array([min(firsts), max(lasts)])) if firsts else np.zeros(2)
    first, last = float(ends[0]) if tstart is None else tstart, float(ends[1]) if tstop is None else tstop
    return (first, last) if last > first else (first - 30.0, first + 30.0)


def _groups(series: Sequence[Series], panels: str | None) -> list[list[Series]]:
    """Series of each panel: a state has its own, numbers theirs or that of their unit."""
    by_unit = panels == "unit" or (panels is None and len(series) > 8)
    groups: dict[Any, list[Series]] = {}
    for number, one in enumerate(series):
        groups.setdefault(one.unit if by_unit and not one.is_state else number, []).append(one)
    most = len(style.COLOURS)
    return [group[i : i + most] for group in groups.values() for i in range(0, len(group), most)]


def _panel(group: Sequence[Series], limits: Limits | None, gaps: Gaps | None) -> Panel:
    found = {one.name: bounds for one in group if (bounds := bounds_of(one, limits)) is not None}
    return Panel(tuple(group), tuple(_gaps(group, gaps)), found)


def bounds_of(series: Series, limits: Limits | None) -> Bounds | None:
    """Limits of a parameter as of each of its samples."""
    if limits is None or series.is_state:
        return None
    if isinstance(limits, LimitTable):
        return limits.bounds(series.name, to_seconds(series.time)) if series.name in limits and len(series) else None
    return limits.get(series.name)


def _gaps(group: Sequence[Series], gaps: Gaps | None) -> list[Gap]:
    if gaps is None:
        return _common([gaps_of(one.good()) for one in group])
    if isinstance(gaps, Mapping):
        given = [gap for name in (ALL, *(one.name for one in group)) for gap in gaps.get(name, ())]
    else:
        given = list(gaps)
    return [Gap(*gap) for gap in given]


def _common(found: Sequence[Sequence[Gap]]) -> list[Gap]:
    """Where none of several parameters has samples."""
    if len(found) == 1:
        return list(found[0])
    shared = reduce(intersect, [np.array([gap[:2] for gap in gaps], float).reshape(-1, 2) for gaps in found])
    return [Gap(start, stop) for start, stop in shared.tolist()]


def _figure(heights: Sequence[float], title: str, left_out: int, has_gaps: bool) -> tuple[Any, list[float]]:
    """An empty figure, and how far below its top each panel begins [inch]."""
    import textwrap

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = textwrap.wrap(style.plain(title, 260), 130) if title else []
    at = 0.14 + 0.2 * len(lines)
    tops = []
    for tall in heights:
        at += style.HEADING
        tops.append(at)
        at += tall + style.BETWEEN
    figure = Figure(
        figsize=(style.WIDTH, at + style.AXIS + (0.36 if has_gaps else 0.0)), dpi=style.DPI, facecolor="white"
    )
    FigureCanvasAgg(figure)
    height = figure.get_figheight()
    for number, line in enumerate(lines):
        y = 1 - (0.2 + 0.2 * number) / height
        figure.text(style.LEFT / style.WIDTH, y, line, fontsize=10, weight="bold", va="center")
    if left_out > 0:
        words = f"{left_out} more not shown"
        figure.text(
            1 - 0.1 / style.WIDTH, 1 - 0.2 / height, words, fontsize=8, color=style.GREY, ha="right", va="center"
        )
    return figure, tops


def _heading(ax: Any, series: Sequence[Series]) -> None:
    """Name and meaning above the panel; several names are in the legend."""
    name = series[0].name if len(series) == 1 else (series[0].unit or "no unit")
    title = ax.annotate(
        style.plain(name, 60), (0, 1), (0, 3), "axes fraction", textcoords="offset points", fontsize=9, weight="bold",
        va="bottom",
    )  # fmt: skip
    if len(series) == 1 and series[0].description:
        words = style.plain(series[0].description, 100)
        ax.annotate(words, (1, 0), (8, 0), title, textcoords="offset points", fontsize=8, color=style.GREY, va="bottom")


def _shade(ax: Any, gaps: Sequence[Gap]) -> None:
    from matplotlib.transforms import blended_transform_factory

    across = blended_transform_factory(ax.transData, ax.transAxes)
    for reason in dict.fromkeys(gap.reason for gap in gaps):
        face, hatch = style.GAPS.get(reason, style.GAPS["no data"])
        spans = [(day_of(g.start), max(day_of(g.stop) - day_of(g.start), 0)) for g in gaps if g.reason == reason]
        # Hatches are drawn in the colour of the edge, which itself is not wanted.
        ax.broken_barh(
            spans, (0, 1), transform=across, facecolor=face, hatch=hatch or None,
            edgecolor="#bbbbbb" if hatch else face, linewidth=0.0, zorder=0, label=f" gap: {reason}",
        )  # fmt: skip


def _gap_legend(figure: Any, reasons: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    if not reasons:
        return
    handles = []
    for reason in reasons:
        face, hatch = style.GAPS.get(reason, style.GAPS["no data"])
        handles.append(Patch(facecolor=face, hatch=hatch or None, edgecolor="#aaaaaa", label=style.plain(reason, 40)))
    figure.legend(
        handles=handles, title="no samples:", loc="lower left", bbox_to_anchor=(style.LEFT / style.WIDTH, 0.0),
        ncols=len(handles), fontsize=8, title_fontsize=8, frameon=False, alignment="left", handlelength=1.6,
        borderpad=0.2, columnspacing=1.4,
    )  # fmt: skip
