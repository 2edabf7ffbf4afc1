"""One parameter against another: points coloured by time, number, state or date; a density where there are too many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mta_assets.core.errors import BadData
from mta_assets.core.samples import SECOND, Array, nanosecond, state_texts, to_seconds
from mta_assets.core.times import to_utc_iso
from mta_assets.query.plots import style
from mta_assets.query.plots.series import Series, days_of
from mta_assets.query.plots.timeaxis import period_text
from mta_assets.query.utc import as_seconds

TOO_MANY = 50_000  # points that hide each other
SIZE = (12.0, 8.0)  # [inch]
BOX = (0.085, 0.095, 0.68, 0.80)  # left, bottom, width, height of the axes, parts of the figure
BAR = (0.785, 0.095, 0.022, 0.80)  # the same of the colour bar
CELLS = (200, 150)  # of a density
TIME = "time"


def against(
    x: Series, y: Series, title: str = "", *, colour: str | Series | None = TIME, split: Sequence[Any] = (),
    density: bool | None = None,
) -> Any:  # fmt: skip
    """Figure of y against x.

    Parameters
    ----------
    x, y
        Numbers. If they have other times than each other, y is taken at the sample nearest to each one of x, if that is
        not farther than a period and a half of y.
    colour
        ``time``, a series (number or state), or None.
    split
        Dates: what lies before and after each has a colour of its own, in place of ``colour``.
    density
        True for a density; by the number of points if it is None.

    Raises
    ------
    BadData
        If one is no number.
    """
    for one in (x, y):
        if one.is_state:
            raise BadData(
                f"{one.name} is a state: only numbers can be drawn against each other, a state can be the colour"
            )
    time, xs, ys = paired(x, y)
    figure, ax = _figure(title)
    if not len(time):
        ax.text(0.5, 0.5, "no samples at the same time", transform=ax.transAxes, ha="center", color=style.GREY)
    elif density or (density is None and len(time) > TOO_MANY):
        _density(figure, ax, xs, ys)
    elif split:
        _split(ax, time, xs, ys, split)
    elif isinstance(colour, Series):
        _by_series(figure, ax, time, xs, ys, colour)
    elif colour == TIME:
        _by_time(figure, ax, time, xs, ys)
    else:
        ax.scatter(xs, ys, s=_size(len(xs)), color=style.colour(0), lw=0)
    _name_axes(ax, x, y)
    if len(time):
        words = f"{len(time):,} samples · {period_text(*to_seconds(time[[0, -1]]).tolist())}"
        figure.text(BOX[0], 0.912, words, fontsize=8.5, color=style.GREY)
    return figure


def paired(x: Series, y: Series) -> tuple[Array, Array, Array]:
    """Times of x with its values and those of y then; what is not good or no number is left out."""
    index, near = nearest(x.time, y)
    rows = np.flatnonzero(near)
    rows = rows[x.is_good[rows] & y.is_good[index[rows]]]
    return x.time[rows], np.asarray(x.values[rows], np.float64), np.asarray(y.values[index[rows]], np.float64)


def nearest(time: Array, series: Series) -> tuple[Array, Array]:
    """Index of the sample nearest to each time, and whether it is near enough to be of the same time."""
    if not len(series) or not len(time):
        return np.zeros(len(time), np.int64), np.zeros(len(time), bool)
    if np.array_equal(time, series.time):
        return np.arange(len(time)), np.ones(len(time), bool)
    right = np.minimum(np.searchsorted(series.time, time), len(series) - 1)
    left = np.maximum(right - 1, 0)
    index = np.where(time - series.time[left] <= series.time[right] - time, left, right)
    reach = 1.5 * series.period * SECOND if series.period > 0 else 0.5 * SECOND
    return index, np.abs(series.time[index] - time) <= reach


def _figure(title: str) -> tuple[Any, Any]:
    import textwrap

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=style.DPI, facecolor="white")
    FigureCanvasAgg(figure)
    ax = figure.add_axes(BOX)
    ax.grid(True, color=style.GRID, lw=0.6)
    ax.set_axisbelow(True)
    lines = textwrap.wrap(style.plain(title, 230), 125)
    figure.text(BOX[0], 0.945, "\n".join(lines), fontsize=10.5, weight="bold", va="bottom", linespacing=1.3)
    return figure, ax


def _name_axes(ax: Any, x: Series, y: Series) -> None:
    for set_label, one in ((ax.set_xlabel, x), (ax.set_ylabel, y)):
        words = f"{one.label}   {one.description}" if one.description else one.label
        set_label(style.plain(words, 90), fontsize=9.5)
    ax.tick_params(labelsize=8.5, color=style.GREY)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _size(count: int) -> float:
    """Area of a point [pt²]: smaller where there are many."""
    return float(np.clip(6000 / max(count, 1), 2.0, 18.0))


def _density(figure: Any, ax: Any, xs: Array, ys: Array) -> None:
    from matplotlib.colors import LogNorm

    ranges = [style.value_range(float(v.min()), float(v.max())) for v in (xs, ys)]
    counts, x_edges, y_edges = np.histogram2d(xs, ys, bins=CELLS, range=ranges)
    shown = np.ma.masked_equal(counts.T, 0)
    norm = LogNorm(1, max(float(counts.max()), 10.0))
    mesh = ax.pcolormesh(x_edges, y_edges, shown, cmap="viridis", norm=norm, rasterized=True)
    _bar(figure, mesh, "samples in a cell")


def _by_time(figure: Any, ax: Any, time: Array, xs: Array, ys: Array) -> None:
    from matplotlib.dates import UTC, AutoDateLocator, ConciseDateFormatter

    points = ax.scatter(xs, ys, c=days_of(time), s=_size(len(xs)), cmap="viridis", lw=0)
    bar = _bar(figure, points, "UTC")
    locator = AutoDateLocator(tz=UTC, minticks=4, maxticks=10)
    bar.ax.yaxis.set_major_locator(locator)
    bar.ax.yaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC, show_offset=False))


def _by_series(figure: Any, ax: Any, time: Array, xs: Array, ys: Array, series: Series) -> None:
    index, near = nearest(time, series)
    xs, ys, values = xs[near], ys[near], series.values[index[near]] if len(series) else np.zeros(0)
    if not series.is_state:
        points = ax.scatter(xs, ys, c=np.asarray(values, np.float64), s=_size(len(xs)), cmap="viridis", lw=0)
        _bar(figure, points, style.plain(series.label, 50))
        return
    names = state_texts(values, series.states) if series.states else values.astype("U")
    found, counts = np.unique(names, return_counts=True)
    shown = found[np.argsort(-counts, kind="stable")][: len(style.COLOURS) - 1]
    groups = [(name, names == name) for name in sorted(shown)]
    rest = ~np.isin(names, shown)
    groups += [(f"other ({len(found) - len(shown)})", rest)] if rest.any() else []
    _groups(ax, xs, ys, groups, series.name)


def _split(ax: Any, time: Array, xs: Array, ys: Array, split: Sequence[Any]) -> None:
    edges = sorted(as_seconds(date) for date in split)
    number = np.searchsorted(np.array([nanosecond(edge) for edge in edges]), time, side="right")
    dates = [to_utc_iso(edge)[:16].replace("T", " ") for edge in edges]
    names = [f"before {dates[0]}", *(f"from {date}" for date in dates)]
    _groups(ax, xs, ys, [(name, number == i) for i, name in enumerate(names)], "UTC")


def _groups(ax: Any, xs: Array, ys: Array, groups: Sequence[tuple[str, Array]], title: str) -> None:
    for number, (name, chosen) in enumerate(groups):
        label = f"{style.plain(name, 24)} ({int(chosen.sum()):,})"
        ax.scatter(xs[chosen], ys[chosen], s=_size(len(xs)), color=style.colour(number), lw=0, label=label)
    ax.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=8.5, frameon=False, title=style.plain(title, 30),
        markerscale=max(1.0, 4 / _size(len(xs)) ** 0.5), alignment="left", title_fontsize=9, borderaxespad=0,
    )  # fmt: skip


def _bar(figure: Any, mappable: Any, label: str) -> Any:
    bar = figure.colorbar(mappable, cax=figure.add_axes(BAR))
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    return bar
