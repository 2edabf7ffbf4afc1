"""Regions of the sky in pixels: circles, ellipses, annuli, rotated boxes and rectangles, and their table form.

The table is the archive's REGION block (ASC-FITS-REGION-1.0, McDowell & Rots "FITS REGION Binary Table Design"):
SHAPE, X, Y, R, ROTANG, COMPONENT. A leading ``!`` of a shape excludes; shapes of one COMPONENT are intersected,
components are united.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Array, Column, Header, Schema, Table
from mta_assets.level2.columns import column, find

SHAPES = ("circle", "ellipse", "annulus", "rotbox", "box")
FARTHEST = 1e6  # [pixel] beyond is no sky plane: the widest has 65536
MOST = 4_000_000  # points of the grid that measures an area

REGION = Schema(
    "REGION",
    (
        Column("SHAPE", "U16", "", "shape of the region; ! excludes"),
        Column("X", "f8", "pixel", "position"),
        Column("Y", "f8", "pixel", "position"),
        Column("R", "f8", "pixel", "radii, or sides of a box", (2,)),
        Column("ROTANG", "f8", "deg", "angle of the first axis from +X"),
        Column("COMPONENT", "i2", "", "component number"),
    ),
    "Region of the sky",
)


@dataclass(frozen=True)
class Shape:
    """One shape.

    Parameters
    ----------
    kind
        circle, ellipse, annulus (radii inner and outer), box, rotbox (full sides).
    x, y
        Centre [sky pixel].
    r
        Radii or sides [pixel]; a circle uses the first.
    angle
        [deg] of the first axis from +X towards +Y.
    excluded
        What lies in it is left out.
    component
        Shapes of one component are intersected.
    """

    kind: str
    x: float
    y: float
    r: tuple[float, float]
    angle: float = 0.0
    excluded: bool = False
    component: int = 1

    def __post_init__(self) -> None:
        numbers = (self.x, self.y, *self.r, self.angle)
        if not np.all(np.abs(numbers) < FARTHEST):  # NaN is not less
            raise BadData(
                f"region {self.kind} at ({self.x}, {self.y}), size {self.r}: expected numbers of sky pixels; make the "
                "list that it comes from again"
            )

    def contains(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        """Whether points lie in the shape (of an excluded one: outside of it); NaN never does."""
        dx, dy = np.asarray(x, float) - self.x, np.asarray(y, float) - self.y
        if self.kind in ("ellipse", "rotbox") and self.angle:
            angle = np.radians(self.angle)
            dx, dy = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        a, b = self.r
        if self.kind == "circle":
            inside = dx * dx + dy * dy <= a * a
        elif self.kind == "annulus":
            r2 = dx * dx + dy * dy
            inside = (r2 >= a * a) & (r2 <= b * b)
        elif self.kind == "ellipse":
            inside = (dx / a) ** 2 + (dy / b) ** 2 <= 1
        else:
            inside = (np.abs(dx) <= a / 2) & (np.abs(dy) <= b / 2)
        known = np.isfinite(dx) & np.isfinite(dy)
        return np.asarray(~inside & known if self.excluded else inside)


Region = Sequence[Shape]


def contains(region: Region, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
    """Whether points lie in a region."""
    found = np.zeros(np.broadcast(x, y).shape, bool)
    for number in sorted({shape.component for shape in region}):
        part = np.ones(found.shape, bool)
        for shape in region:
            if shape.component == number:
                part &= shape.contains(x, y)
        found |= part
    return found


def points(region: Region, step: float = 0.1) -> tuple[Array, Array, float]:
    """Points of a fine grid in a region, x and y [pixel], and the area of each [square pixel]."""
    included = [shape for shape in region if not shape.excluded]
    if not included:
        raise BadData("a region of excluded shapes only has no area: name what they are taken from")
    reach = [float(np.hypot(*shape.r)) if shape.kind != "circle" else shape.r[0] for shape in included]
    low = [min(getattr(s, axis) - r for s, r in zip(included, reach, strict=True)) for axis in "xy"]
    high = [max(getattr(s, axis) + r for s, r in zip(included, reach, strict=True)) for axis in "xy"]
    size = (high[0] - low[0]) * (high[1] - low[1])
    step = max(step, float(np.sqrt(size / MOST)))
    x, y = (np.arange(low[i] + step / 2, high[i], step) for i in (0, 1))
    row, column_ = np.nonzero(contains(region, x[None, :], y[:, None]))
    return x[column_], y[row], step**2


def area(region: Region, step: float = 0.1) -> float:
    """Area [square pixel], counted on a fine grid: exact for what the events see, whatever overlaps."""
    x, _, cell = points(region, step)
    return len(x) * cell


def region_table(region: Region, header: Header | None = None) -> Table:
    """The REGION table of a region."""
    return REGION.build(
        {
            "SHAPE": np.array([("!" if s.excluded else "") + s.kind for s in region], "U16"),
            "X": np.array([s.x for s in region], float),
            "Y": np.array([s.y for s in region], float),
            "R": np.array([s.r for s in region], float).reshape(-1, 2),
            "ROTANG": np.array([s.angle for s in region], float),
            "COMPONENT": np.array([s.component for s in region], np.int16),
        },
        {
            "CONTENT": ("REGION", "region of the sky"),
            "HDUCLASS": ("ASC", "format"),
            "HDUCLAS1": ("REGION", "kind of table"),
            "HDUCLAS2": ("STANDARD", "which ones"),
            "HDUVERS": ("1.2.0", "version of the format"),
            "MTYPE1": ("pos", "the columns that are a position"),
            "MFORM1": ("X,Y", "[pixel]"),
            **(header or {}),
        },
    )


def region_of(table: Table) -> list[Shape]:
    """The region of a REGION table.

    Raises
    ------
    BadData
        If it has a shape that is not known here.
    """
    found = []
    r, angle, component = column(table, "R"), find(table, "ROTANG"), find(table, "COMPONENT")
    for i, text in enumerate(column(table, "SHAPE").tolist()):
        kind = text.strip().lower()
        excluded, kind = kind.startswith("!"), kind.lstrip("!")
        if kind not in SHAPES:
            raise BadData(f"table {table.name}: shape {text!r} is not known; known: {', '.join(SHAPES)}")
        radii: Array = np.atleast_1d(r[i]).astype(float)
        found.append(
            Shape(
                kind,
                float(column(table, "X")[i]),
                float(column(table, "Y")[i]),
                (float(radii[0]), float(radii[-1])),
                0.0 if angle is None else float(np.atleast_1d(angle[i])[0]),
                excluded,
                i + 1 if component is None else int(component[i]),
            )
        )
    return found


def source_region(x: float, y: float, radius: float) -> list[Shape]:
    """A circle about a source."""
    return [Shape("circle", x, y, (radius, 0.0))]


def background_region(
    x: float, y: float, inner: float, outer: float, others: Sequence[tuple[float, float, float]] = ()
) -> list[Shape]:
    """A ring about a source without the circles (x, y, radius) about other sources."""
    ring = [Shape("annulus", x, y, (inner, outer))]
    near = [o for o in others if np.hypot(o[0] - x, o[1] - y) < outer + o[2]]
    return ring + [Shape("circle", ox, oy, (radius, 0.0), excluded=True) for ox, oy, radius in near]
