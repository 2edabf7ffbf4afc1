"""What stands in one panel of a timeline: lines with envelope, limits and bad samples, or the lanes of a state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mta_assets.core.samples import Array
from mta_assets.monitors.limits import Bounds
from mta_assets.query.plots import style
from mta_assets.query.plots.reduce import envelope_points, line_points, spans
from mta_assets.query.plots.series import Series

FEW = 200  # samples that are drawn as dots too
MOST_MARKS = 5000  # bad samples that are marked one by one
SIDES = (("yellow_low", style.YELLOW), ("yellow_high", style.YELLOW), ("red_low", style.RED), ("red_high", style.RED))
OTHER = "other"


def draw_lines(ax: Any, series: Sequence[Series], bounds: Mapping[str, Bounds]) -> None:
    """Numbers of one unit as lines; the legend stands beside the panel."""
    ends: list[float] = []
    handles: list[Any] = []
    for number, one in enumerate(series):
        good = one.good()
        colour = style.colour(number)
        if not len(good):
            continue
        if good.low is not None and good.high is not None:
            handles.append(_envelope(ax, good, colour))
            ends += [float(np.nanmin(good.low)), float(np.nanmax(good.high))]
        x, y = line_points(good)
        dots = {"marker": ".", "ms": 3.5} if len(good) <= FEW else {}
        label = f"{style.plain(one.name, 22)}, mean" if good.low is not None else style.plain(one.name, 24)
        handles += ax.plot(x, y, color=colour, lw=0.9, label=label, **dots)
        ends += [float(np.nanmin(y)), float(np.nanmax(y))]
        handles += _marks(ax, one)
    limits, values = [], []
    for name, given in bounds.items():
        one = next(s for s in series if s.name == name)
        found, some = _limits(ax, one, given, name if len(bounds) > 1 else "")
        limits += found
        values += some
    if ends:
        ax.set_ylim(*style.value_range(min(ends), max(ends), values))
    else:
        _say_nothing_is_there(ax)
        return
    _say_what_is_off_scale(ax, limits)
    _value_axis(ax, series)
    if limits or len(handles) > 1:
        shown = handles + limits
        ax.legend(
            handles=shown, loc="upper left", bbox_to_anchor=(1.005, 1.03), fontsize=7.5, frameon=False,
            borderaxespad=0.0, handlelength=1.8, labelspacing=0.3,
        )  # fmt: skip


def _value_axis(ax: Any, series: Sequence[Series]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: style.number(value)))
    ax.grid(True, axis="y", color=style.GRID, lw=0.6)
    if len(series) == 1:  # of several the unit is the heading
        ax.set_ylabel(style.plain(series[0].unit, 24), fontsize=8)
    ax.yaxis.set_label_coords(-0.62 / (style.WIDTH - style.LEFT - style.RIGHT), 0.5)


def _envelope(ax: Any, series: Series, colour: str) -> Any:
    x, low, high = envelope_points(series)
    return ax.fill_between(
        x, low, high, color=colour, alpha=0.25, lw=0, label=f"{style.plain(series.name, 15)}, min–max"
    )


def _marks(ax: Any, series: Series) -> list[Any]:
    """Samples that are not good, as crosses."""
    if series.bads is None or not series.bads.any():
        return []
    chosen = np.flatnonzero(series.bads & np.isfinite(np.asarray(series.values, np.float64)))
    chosen = chosen[:: max(1, -(-len(chosen) // MOST_MARKS))]
    marks = ax.plot(
        series.days[chosen], np.asarray(series.values)[chosen], "x", color=style.BAD, ms=4, mew=0.8, clip_on=True,
        label=_not_good(series),
    )  # fmt: skip
    return list(marks)


def _limits(ax: Any, series: Series, bounds: Bounds, name: str) -> tuple[list[Any], list[float]]:
    """Dashed lines; those that change are steps. Returns what the legend names, and the values."""
    handles, values = [], []
    for side, colour in SIDES:
        given = getattr(bounds, side)
        if np.all(np.isnan(given)):
            continue
        words = f"{side.replace('_', ' ')} {_numbers(given)}"
        label = style.plain(f"{name} {words}".strip(), 34)
        options = {"color": colour, "ls": (0, (5, 3)), "lw": 1.0, "label": label, "zorder": 1.5}
        if np.ndim(given) == 0:
            handles.append(ax.axhline(float(given), **options))
        else:
            handles += ax.plot(series.days, given, drawstyle="steps-post", **options)
        values += np.unique(np.asarray(given)[~np.isnan(given)]).tolist()
    return handles, values


def _say_what_is_off_scale(ax: Any, limits: Sequence[Any]) -> None:
    low, high = ax.get_ylim()
    for line in limits:
        values = np.asarray(line.get_ydata(), np.float64)
        if not np.any((values >= low) & (values <= high)):
            line.set_label(f"{line.get_label()} (off scale)")


def _numbers(given: Any) -> str:
    known = np.unique(np.asarray(given)[~np.isnan(given)])
    return style.number(known[0]) if len(known) == 1 else f"{style.number(known[0])} … {style.number(known[-1])}"


# ---- states


def lanes_of(series: Series) -> list[str]:
    """Names of the states that occur, in the order of their codes; the rarer ones of too many are ``other``."""
    return [name for name, _ in _lanes(series)]


def _lanes(series: Series) -> list[tuple[str, Array]]:
    """Each lane with the values that belong to it."""
    if not len(series):
        return []
    known, counts = np.unique(series.values, return_counts=True)
    kept = known
    if len(known) > style.MOST_STATES:
        kept = np.sort(known[np.argsort(-counts, kind="stable")[: style.MOST_STATES - 1]])
    lanes = [(_name(series, value), np.array([value])) for value in kept]
    rest = np.setdiff1d(known, kept)
    return [*lanes, (f"{OTHER} ({len(rest)})", rest)] if len(rest) else lanes


def _name(series: Series, value: Any) -> str:
    return series.states.get(int(value), str(int(value))) if series.states else str(value)


def draw_lanes(ax: Any, series: Series) -> None:
    """A state as bars, each of its values in a lane of its own with its name beside it, so that none hides another."""
    good = series.good()
    lanes = _lanes(good)
    left, right = ax.get_xlim()
    shortest = (right - left) / 1200  # a pixel
    names = [style.plain(name, 27) for name, _ in lanes]
    for number, (name, values) in enumerate(lanes):
        bars = spans(good, np.isin(good.values, values), shortest)
        where, colour = (number - 0.36, 0.72), style.colour(number)
        ax.broken_barh(bars, where, facecolor=colour, linewidth=0, label=style.plain(name))
    if series.bads is not None and series.bads.any():
        x = series.days[series.bads]
        x = x[:: max(1, -(-len(x) // MOST_MARKS))]
        ax.plot(x, np.full(len(x), float(len(lanes))), "x", color=style.BAD, ms=4, mew=0.8)
        names.append(_not_good(series))
    ax.set_xlim(left, right)
    ax.set_ylim(-0.6, max(len(names), 1) - 0.4)
    ax.yaxis.tick_right()
    ax.set_yticks(range(len(names)), names)
    if not names:
        _say_nothing_is_there(ax)


def _not_good(series: Series) -> str:
    return f"not good ({0 if series.bads is None else int(series.bads.sum()):,})"


def _say_nothing_is_there(ax: Any) -> None:
    ax.text(0.5, 0.5, "no samples", transform=ax.transAxes, ha="center", va="center", color=style.GREY, fontsize=9)
    ax.set_yticks([])
