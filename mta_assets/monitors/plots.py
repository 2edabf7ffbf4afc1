"""Overview plot of a subsystem: stacked panels with the limits shaded, as a small PNG.

The figure is drawn on an Agg canvas of its own, never through pyplot: nothing is left open, and two runs in one
process do not meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.png import small_png
from mta_assets.core.times import to_utc_iso
from mta_assets.monitors.limits import MAX_GAP, NO_BOUNDS, NONE, Bounds

MAX_PANELS = 6
GAP_STEPS = 2.5  # median sampling steps without a sample that break the line
POINTS = 700  # about one column of pixels of a panel
WIDTH, PANEL, FRAME = 8.6, 1.05, 0.75  # [inch] figure width, height of a panel, title and time axis
BAND = 0.76  # part of a panel's height that its data have; the rest is for its heading
LINE, YELLOW, RED, FAULT, GREY = "#1f4e79", "#f2b70533", "#d62d2033", "#b3160c", "#555555"
VERDICT_COLOURS = {"RED": FAULT, "YELLOW": "#b07d00", "OK": "#2e7d32"}
NEAR = 6.0  # a yellow limit is shown if it is not farther off than so many times the range of the data
TICKS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)  # [s] steps of the time axis


@dataclass(frozen=True)
class Panel:
    """What one panel shows: good samples (times TT s), limits as numbers, words.

    ``marked`` are stretches (first and last time) to be marked like violating samples: of a stuck sensor.
    """

    name: str
    time: NDArray[Any]
    value: NDArray[Any]
    unit: str = ""
    bounds: Bounds = NO_BOUNDS
    verdict: str = ""
    plot_range: tuple[float, float] = (NONE, NONE)
    marked: tuple[tuple[float, float], ...] = ()


def overview(title: str, panels: Sequence[Panel], tstart: float, tstop: float, max_gap: float = MAX_GAP) -> bytes:
    """PNG of at most 50 kB with up to six panels, the first ones given.

    A stretch of more than ``max_gap`` seconds, or of two and a half sampling steps if that is less, without a good
    sample is left white: the line does not cross it. All panels are drawn into one pair of axes, scaled to bands of
    it: six pairs of axes take three times as long.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = list(panels[:MAX_PANELS])
    rows = max(len(shown), 1)
    height = FRAME + PANEL * rows
    figure = Figure(figsize=(WIDTH, height), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    left, bottom = 0.09, 0.42 / height
    ax = figure.add_axes((left, bottom, 0.985 - left, 1 - bottom - 0.30 / height))
    ax.set_axis_off()
    span = max(tstop - tstart, 1.0)
    ax.set_xlim(0, span)
    ax.set_ylim(-rows, 0)
    figure.text(0.012, 1 - 0.15 / height, title, fontsize=11, weight="bold", va="center")
    ticks = _time_axis(ax, tstart, span, -rows)
    for row, panel in enumerate(shown):
        _draw(ax, panel, -row - 1.0, tstart, span, ticks, max_gap)
    if not shown:
        ax.text(span / 2, -0.5, "no data", ha="center", color=GREY)
    canvas.draw()
    return small_png(np.asarray(canvas.buffer_rgba()))


def _draw(ax: Any, panel: Panel, base: float, tstart: float, span: float, ticks: Any, max_gap: float) -> None:
    """One panel in the band of the axes from ``base`` up."""
    from matplotlib.collections import LineCollection, PolyCollection

    low, high = _range(panel)

    def place(values: Any) -> Any:
        return base + BAND * (np.clip(values, low, high) - low) / (high - low)

    x, y = thin(panel.time - tstart, panel.value.astype(np.float64), max_gap)
    shades, edges = _limit_marks(panel.bounds, low, high)
    boxes = [[(0, place(a)), (span, place(a)), (span, place(b)), (0, place(b))] for a, b, _ in shades]
    ax.add_collection(PolyCollection(boxes, facecolors=[colour for _, _, colour in shades], linewidths=0))
    marks = [([(t, base), (t, base + BAND)], "#e4e4e4") for t in ticks]
    marks += [([(0, place(value)), (span, place(value))], colour) for value, colour in edges]
    marks += [([(0, base), (span, base)], "#777777"), ([(0, base), (0, base + BAND)], "#777777")]
    levels, labels = _levels(low, high)
    marks += [([(-0.005 * span, place(level)), (0, place(level))], "#777777") for level in levels]
    lines, colours = [line for line, _ in marks], [colour for _, colour in marks]
    ax.add_collection(LineCollection(lines, colors=colours, linewidths=0.7, clip_on=False))
    for level, label in zip(levels, labels, strict=True):
        ax.text(-0.008 * span, place(level), label, fontsize=7, ha="right", va="center")
    ax.plot(x, place(y), color=LINE, lw=0.9, marker="." if len(x) < 60 else None, ms=2.5)
    b = panel.bounds
    beyond = (y > _or(b.yellow_high, b.red_high, np.inf)) | (y < _or(b.yellow_low, b.red_low, -np.inf))
    for first, last in panel.marked:
        beyond |= (x >= first - tstart) & (x <= last - tstart)
    if beyond.any():
        ax.plot(x[beyond], place(y[beyond]), ".", color=FAULT, ms=3.5)
    top = base + BAND + 0.03
    ax.text(0, top, f"{panel.name}  [{panel.unit}]" if panel.unit else panel.name, fontsize=8, va="bottom")
    ax.text(span / 2, top, _limits_text(b), fontsize=7, va="bottom", ha="center", color=GREY)
    colour = VERDICT_COLOURS.get(panel.verdict, GREY)
    ax.text(span, top, panel.verdict, fontsize=8, va="bottom", ha="right", color=colour, weight="bold")


def _limit_marks(b: Bounds, low: float, high: float) -> tuple[list[tuple[Any, Any, str]], list[tuple[Any, str]]]:
    """What is shaded (from, to, colour) and which limits are lines, of those within the range."""
    shades = [
        (b.yellow_high, _or(b.red_high, high), YELLOW), (_or(b.red_low, low), b.yellow_low, YELLOW),
        (b.red_high, high, RED), (low, b.red_low, RED),
    ]  # fmt: skip
    shades = [(a, z, colour) for a, z, colour in shades if a == a and z == z and a < high and z > low and a < z]
    edges = [(b.yellow_low, YELLOW), (b.yellow_high, YELLOW), (b.red_low, RED), (b.red_high, RED)]
    return shades, [(value, colour[:7]) for value, colour in edges if low <= value <= high]


def _levels(low: float, high: float) -> tuple[NDArray[np.float64], list[str]]:
    """Round values inside a range, and their texts with as many decimals as tell them apart."""
    from matplotlib.ticker import MaxNLocator

    levels = np.asarray(MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high), dtype=np.float64)
    levels = levels[(levels >= low) & (levels <= high)]
    step = float(np.min(np.diff(levels))) if len(levels) > 1 else abs(high - low)
    decimals = max(0, int(np.ceil(-np.log10(step) + 1e-9)) + (round(step / 10 ** np.floor(np.log10(step)), 3) == 2.5))
    text = f".{decimals}f" if decimals <= 4 and max(abs(low), abs(high)) < 1e6 else ".6g"
    return levels, [format(level + 0.0, text) for level in levels]


def thin(time: NDArray[Any], value: NDArray[Any], max_gap: float = MAX_GAP) -> tuple[NDArray[Any], NDArray[Any]]:
    """Least and greatest sample of each column of pixels in time order, with a NaN where the line must break."""
    if not len(time):
        return time, value
    steps = np.diff(time)
    limit = min(max_gap, GAP_STEPS * float(np.median(steps))) if len(steps) else max_gap
    cut = np.flatnonzero(steps > limit) + 1
    if len(time) > 2 * POINTS:
        edges = np.searchsorted(time, np.linspace(time[0], time[-1], POINTS + 1)[:-1])
        edges = np.unique(np.concatenate([edges, cut]))
        part = np.repeat(np.arange(len(edges)), np.diff(edges, append=len(time)))
        by_value = np.lexsort((value, part))
        last = np.append(edges[1:], len(time)) - 1
        keep = np.unique(np.concatenate([by_value[edges], by_value[last]]))
        cut = np.searchsorted(keep, cut)
        time, value = time[keep], value[keep]
    return np.insert(time, cut, time[cut]), np.insert(value, cut, np.nan)


def _range(panel: Panel) -> tuple[float, float]:
    """The data with a margin, and the limits that are near them; a given range is kept unless data lie outside."""
    low, high = (float(panel.value.min()), float(panel.value.max())) if len(panel.value) else (0.0, 1.0)
    span = max(high - low, 1e-3 * max(abs(low), abs(high)), 1e-9)
    given_low, given_high = panel.plot_range
    b = panel.bounds
    near = [x for x in (b.yellow_low, b.yellow_high) if x == x and low - NEAR * span <= x <= high + NEAR * span]
    near += [x for x in (b.red_low, b.red_high) if x == x and low - 0.5 * span <= x <= high + 0.5 * span]
    low, high = float(min([low, *near])), float(max([high, *near]))
    margin = 0.12 * max(high - low, span)
    return min(low - margin, _or(given_low, low - margin)), max(high + margin, _or(given_high, high + margin))


def _or(*values: Any) -> float:
    return next((value for value in values if value == value), NONE)


def _limits_text(b: Bounds) -> str:
    pairs = (("yellow", b.yellow_low, b.yellow_high), ("red", b.red_low, b.red_high))
    words = [f"{name} {_edge(low)} … {_edge(high)}" for name, low, high in pairs if low == low or high == high]
    return "    ".join(words) or "no limits"


def _edge(value: Any) -> str:
    return f"{value:.6g}" if value == value else "–"


def _time_axis(ax: Any, tstart: float, span: float, bottom: float) -> NDArray[np.float64]:
    """Labels of the time axis at round UTC times; returns the places, in seconds from ``tstart``."""
    start = to_utc_iso(tstart)
    of_day = sum(float(part) * unit for part, unit in zip(start[11:].split(":"), (3600, 60, 1), strict=True))
    step = next((s for s in TICKS if span / s <= 9), 86400 * int(np.ceil(span / 86400 / 9)))
    ticks = np.arange(np.ceil(of_day / step) * step, of_day + span + 1e-6, step)
    for tick in ticks:
        text = f"{int(tick // 3600) % 24:02d}:{int(tick // 60) % 60:02d}"
        ax.text(tick - of_day, bottom - 0.05, text, fontsize=7, ha="center", va="top")
    ax.text(span / 2, bottom - 0.21, f"UTC, from {start[:10]} {start[11:19]}", fontsize=8, ha="center", va="top")
    return ticks - of_day
