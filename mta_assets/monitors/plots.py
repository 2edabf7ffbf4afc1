"""Overview plot of a subsystem: stacked panels with the limits shaded, as a small PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.drawing import LARGEST, Drawing, round_values
from mta_assets.core.times import to_utc_iso
from mta_assets.monitors.limits import MAX_GAP, NO_BOUNDS, NONE, Bounds

MAX_PANELS = 6
GAP_STEPS = 2.5  # median sampling steps without a sample that break the line
POINTS = 700  # about one column of pixels of a panel
WIDTH, LEFT, RIGHT = 860, 77, 847  # [pixel] of the image, edges of the panels
TITLE, PANEL, AXIS = 30, 105, 42  # [pixel] heights of the title, of a panel and of the time axis
BAND = 0.76  # part of a panel's height that its data have; the rest is for its heading
LINE, FAULT, GREY, FRAME, GRID = "#1f4e79", "#b3160c", "#555555", "#777777", "#e4e4e4"
YELLOW, RED = ("#fcf1cd", "#f2b705"), ("#f7d5d2", "#d62d20")  # shade and edge of a limit
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
    sample is left white: the line does not cross it.
    """
    shown = list(panels[:MAX_PANELS])
    rows = max(len(shown), 1)
    drawing = Drawing(WIDTH, TITLE + PANEL * rows + AXIS)
    drawing.text(10, TITLE / 2, title, 15, "lm", bold=True)
    span = max(tstop - tstart, 1.0)
    ticks = _time_axis(drawing, tstart, span, TITLE + PANEL * rows)
    for row, panel in enumerate(shown):
        _draw(drawing, panel, TITLE + PANEL * (row + 1), tstart, span, ticks, max_gap)
    if not shown:
        drawing.text((LEFT + RIGHT) / 2, TITLE + PANEL / 2, "no data", 13, "mm", GREY)
    return drawing.png(LARGEST)


def _draw(
    drawing: Drawing, panel: Panel, base: float, tstart: float, span: float, ticks: NDArray[Any], max_gap: float
) -> None:
    """One panel, upwards from the line of pixels ``base``."""
    low, high = _range(panel)
    top = base - BAND * PANEL

    def across(seconds: Any) -> Any:
        return LEFT + (RIGHT - LEFT) * np.asarray(seconds) / span

    def up(values: Any) -> Any:
        return base - (base - top) * (np.clip(values, low, high) - low) / (high - low)

    x, y = thin(panel.time - tstart, panel.value.astype(np.float64), max_gap)
    b = panel.bounds
    for first, last, colour in _shades(b, low, high):
        drawing.box(LEFT, up(last), RIGHT, up(first), colour)
    for tick in ticks:
        drawing.line([tick, tick], [base, top], GRID)
    edges = ((b.yellow_low, YELLOW), (b.yellow_high, YELLOW), (b.red_low, RED), (b.red_high, RED))
    for value, (_, colour) in edges:
        if low <= value <= high:
            drawing.line([LEFT, RIGHT], [up(value), up(value)], colour)
    drawing.line([LEFT, LEFT, RIGHT], [top, base, base], FRAME)
    for level, label in zip(*round_values(low, high), strict=True):
        drawing.line([LEFT - 4, LEFT], [up(level), up(level)], FRAME)
        drawing.text(LEFT - 7, up(level), label, 10, "rm")
    drawing.line(across(x), up(y), LINE, 1.5)
    if len(x) < 60:
        drawing.dots(across(x[y == y]), up(y[y == y]), LINE, 1.7)
    beyond = (y > _or(b.yellow_high, b.red_high, np.inf)) | (y < _or(b.yellow_low, b.red_low, -np.inf))
    for first, last in panel.marked:
        beyond |= (x >= first - tstart) & (x <= last - tstart) & (y == y)
    drawing.dots(across(x[beyond]), up(y[beyond]), FAULT, 1.7)
    heading = top - 5
    drawing.text(LEFT, heading, f"{panel.name}  [{panel.unit}]" if panel.unit else panel.name, 11)
    drawing.text((LEFT + RIGHT) / 2, heading, _limits_text(b), 10, "ms", GREY)
    drawing.text(RIGHT, heading, panel.verdict, 11, "rs", VERDICT_COLOURS.get(panel.verdict, GREY), bold=True)


def _shades(b: Bounds, low: float, high: float) -> list[tuple[Any, Any, str]]:
    """What is shaded (from, to, colour) of the range."""
    shades = [
        (b.yellow_high, _or(b.red_high, high), YELLOW), (_or(b.red_low, low), b.yellow_low, YELLOW),
        (b.red_high, high, RED), (low, b.red_low, RED),
    ]  # fmt: skip
    return [(a, z, shade) for a, z, (shade, _) in shades if a == a and z == z and a < high and z > low and a < z]


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


def _time_axis(drawing: Drawing, tstart: float, span: float, bottom: float) -> NDArray[np.float64]:
    """Labels of the time axis at round UTC times; returns their places across the image."""
    start = to_utc_iso(tstart)
    of_day = sum(float(part) * unit for part, unit in zip(start[11:].split(":"), (3600, 60, 1), strict=True))
    step = next((s for s in TICKS if span / s <= 9), 86400 * int(np.ceil(span / 86400 / 9)))
    ticks = np.arange(np.ceil(of_day / step) * step, of_day + span + 1e-6, step)
    places = LEFT + (RIGHT - LEFT) * (ticks - of_day) / span
    for tick, place in zip(ticks, places, strict=True):
        drawing.text(place, bottom + 14, f"{int(tick // 3600) % 24:02d}:{int(tick // 60) % 60:02d}", 10, "ms")
    drawing.text((LEFT + RIGHT) / 2, bottom + 32, f"UTC, from {start[:10]} {start[11:19]}", 11, "ms")
    return np.asarray(places, np.float64)
