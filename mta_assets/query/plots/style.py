"""How plots look: sizes in inches, colours that the colour-blind tell apart, texts that mean what they say."""

from __future__ import annotations

from typing import Any

import numpy as np

DPI = 100
WIDTH = 12.0  # [inch]
LEFT, RIGHT = 0.95, 2.15  # [inch] beside the panels: values, legends
PANEL, SMALL_PANEL, LANE = 2.1, 1.5, 0.24  # [inch] heights of a panel, of one of many, of a state
HEADING, BETWEEN, AXIS = 0.28, 0.14, 0.62  # [inch] above a panel, below it, below the lowest one
LEGEND = 0.36  # [inch] of the reasons of gaps, below all
MANY = 5  # panels that are drawn smaller
MOST = 16  # panels of one figure
MOST_STATES = 12  # lanes of a panel

# Okabe & Ito (2008), the yellow left out: it is not seen on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#7f7f7f")
YELLOW, RED, BAD, GRID, GREY = "#d9a300", "#c8102e", "#c8102e", "#e3e3e3", "#666666"
# Shades and hatches of gaps, by their reason; any other reason is drawn like 'no data'.
GAPS = {
    "no contact": ("#dfe7f1", ""),
    "not yet dumped": ("#f4ead2", ""),
    "decommutation error": ("#f3d6d6", "////"),
    "filtered": ("#e6def0", "...."),
    "instrument off": ("#d9d9d9", "\\\\\\\\"),
    "no data": ("#eeeeee", ""),
}


def colour(number: int) -> str:
    """Colour of the n-th series."""
    return COLOURS[number % len(COLOURS)]


def plain(text: str, longest: int = 0) -> str:
    """Text that matplotlib shows as it is: no formulas, no line breaks, not hidden from legends; cut if too long."""
    shown = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    if longest and len(shown) > longest:
        shown = shown[: longest - 1] + "…"
    shown = shown.replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def number(value: Any) -> str:
    """A number in as few characters as say it."""
    return f"{float(value):.6g}"


def value_range(low: float, high: float, others: Any = ()) -> tuple[float, float]:
    """Limits of an axis: the data with a margin, and those other values that are not far off."""
    span = max(high - low, 1e-3 * max(abs(low), abs(high)), 1e-9)
    near = [v for v in np.ravel(others) if np.isfinite(v) and low - 0.75 * span <= v <= high + 0.75 * span]
    low, high = min([low, *near]), max([high, *near])
    margin = 0.07 * max(high - low, span)
    return low - margin, high + margin
