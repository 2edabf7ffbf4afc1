"""``plot(…)``: the plot that suits what is given, as a matplotlib figure and, if it is asked for, as a file.

Figures have a canvas of their own and are not known to pyplot: nothing stays open, and runs in one process do not meet.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mta_assets.archive.store import write_bytes
from mta_assets.core.errors import BadData, MtaError
from mta_assets.query.plots.series import Series, series_of

KINDS = ("timeline", "xy", "density")
SUFFIXES = {".png": "png", ".pdf": "pdf", ".svg": "svg"}
NO_DATE: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    "svg": {"Creator": None, "Date": None},
}


def plot(
    given: Any,
    kind: str | None = None,
    *,
    path: Path | str | None = None,
    title: str | None = None,
    x: str | None = None,
    y: str | None = None,
    colour: str | None = "time",
    ax: Any = None,
    **options: Any,
) -> Any:
    """Draw samples, statistics, parameters of a session or an answer.

    Parameters
    ----------
    given
        See `series_of`.
    kind
        ``timeline``: over time, below each other; ``xy``: y against x; ``density``: the same as a density. Without it
        a timeline, or ``xy`` if ``x`` is named (a density from 50 000 points on).
    path
        ``.png``, ``.pdf`` or ``.svg`` file that is written, whole or not at all; one that is there is replaced.
    title
        The query, or nothing, if it is not given.
    x, y
        Names of the parameters of ``xy``; the first two numbers if they are not given.
    colour
        Of ``xy``: ``time``, the name of a parameter (number or state), or None.
    ax
        Axes of one's own that one parameter is drawn into; nothing else is done to its figure.
    **options
        ``limits``, ``gaps``, ``panels``, ``tstart``, ``tstop`` of `timeline.timeline`; ``split`` of `against.against`.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    BadData
        If it can not be drawn.
    """
    target = None if path is None else _format(Path(path))
    series = series_of(given)
    title = _title(given) if title is None else title
    if kind is not None and kind not in KINDS:
        raise BadData(f"kind {kind!r}: expected one of {', '.join(KINDS)}")
    if ax is not None:
        figure = _into(ax, series, options)
    elif kind in ("xy", "density") or (kind is None and x is not None):
        from mta_assets.query.plots.against import TIME, against

        first, second = _two(series, x, y)
        by = colour if colour in (None, TIME) else _named(series, str(colour))
        figure = against(first, second, title, colour=by, density=True if kind == "density" else None, **options)
    else:
        from mta_assets.query.plots.timeline import timeline

        figure = timeline(series, title, **options)
    if path is not None and target is not None:
        write_bytes(Path(path), render(figure, target))
    return figure


def _format(path: Path) -> str:
    if path.suffix.lower() not in SUFFIXES:
        raise MtaError(f"{path}: a plot is {', '.join(SUFFIXES)}, not {path.suffix or 'a file without suffix'}")
    return SUFFIXES[path.suffix.lower()]


def render(figure: Any, format: str = "png") -> bytes:
    """The figure as the bytes of a file; the same figure gives the same bytes."""
    import matplotlib

    buffer = io.BytesIO()
    with warnings.catch_warnings(), matplotlib.rc_context({"svg.hashsalt": "mta"}):
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # a name in letters that the font lacks
        figure.savefig(buffer, format=format, metadata=NO_DATE[format])
    return buffer.getvalue()


def _into(ax: Any, series: Sequence[Series], options: dict[str, Any]) -> Any:
    from mta_assets.query.plots.timeline import Panel, bounds_of, draw_panel

    if len(series) != 1:
        raise BadData(f"{len(series)} parameters can not be drawn into one pair of axes: draw each, or leave ax out")
    one = series[0]
    if one.is_state and len(one):
        days = one.days
        ax.set_xlim(float(days[0]), float(days[-1]) if days[-1] > days[0] else float(days[0]) + 1e-3)
    bounds = bounds_of(one, options.get("limits"))
    draw_panel(ax, Panel((one,), (), {} if bounds is None else {one.name: bounds}))
    ax.xaxis_date("UTC")
    return ax.figure


def _title(given: Any) -> str:
    query = getattr(given, "query", None)
    return str(getattr(query, "text", query or ""))


def _two(series: Sequence[Series], x: str | None, y: str | None) -> tuple[Series, Series]:
    numbers = [one for one in series if not one.is_state]
    first = _named(series, x) if x else (numbers[0] if numbers else None)
    others = [one for one in numbers if first is None or one.name != first.name]
    second = _named(series, y) if y else (others[0] if others else None)
    if first is None or second is None:
        names = ", ".join(one.name for one in series) or "nothing"
        raise BadData(f"two numbers are needed to draw one against the other; there is {names}")
    return first, second


def _named(series: Sequence[Series], name: str) -> Series:
    for one in series:
        if one.name.upper() == name.upper():
            return one
    raise BadData(f"{name!r} is not among {', '.join(one.name for one in series)}")
