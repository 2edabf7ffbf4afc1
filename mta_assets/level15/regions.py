"""Where the zero order and the arms of a grating lie on the sky image: the REGION table of the archive's grating files.

A circle about the zero order and a rotated box along each arm, in sky pixels. Shape, direction and length are those
of the archive's tables, exactly: the box follows the arm for 0.992 deg (HETG) or 2.1 deg (LETG) of dispersion to both
sides and is cut back in steps of 30 pixels as long as its end lies outside of the sky image (parameters
r_mask_max_hetg, r_mask_max_letg of tg_create_mask as in the files' HISTORY; the steps seen in the boxes of 13838 and
14392).

Widths: tg_create_mask multiplies one-sigma widths (mirror and astigmatism, in quadrature) by factors that the files'
HISTORY names, 50 for the radius and 35 for the boxes of the HETG. Its table of mirror widths
(hrmaD1996-11-01wpsfN0001) is not at hand; PSF_AXIS, PSF_SLOPE and ASTIGMATISM are what the REGION tables of 13838 and
14392, at 0.26 and 0.21 arcmin off axis, say about it. For the LETG, whose tables are not at hand either, the width
encloses the background regions of the CALDB's letgD1999-07-22regN0002 (|tg_d| to 0.0231 deg, as a real pha2 of LETG
and HRC-S lists them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Column, Schema, Table
from mta_assets.instruments.geometry import ARCSEC, FOCAL_LENGTH, INSTRUMENTS, detector_of
from mta_assets.instruments.gratings import LEG, Arm, arms, sky_angle, sky_pixels

RADIUS_FACTOR = 50  # radius of the zero order in mirror widths
WIDTH_FACTOR = 35  # width of a box of the HETG in the one-sigma widths of the arm
PSF_AXIS, PSF_SLOPE = 0.2563, 0.1502  # [arcsec], [arcsec/arcmin] one-sigma width of the mirror on axis and its growth
ASTIGMATISM = {"HEG": 0.8575, "MEG": 1.2687}  # [arcsec] of the arms at the tool's r_astig_max, 0.56 deg
LETG_WIDTH = 0.05  # [deg] full width of the LETG's box in tg_d
REACH = {"HETG": 0.992, "LETG": 2.1}  # [deg] of dispersion that a box covers
CUT = 30.0  # [pixel] steps in which boxes are cut back
MAX_SOURCES = 10  # bits of tg_smap that the ICD gives to sources

REGION = Schema(
    "REGION",
    (
        Column("SOURCE", "i2", "", "source number", limits=(0, 32767)),
        Column("SHAPE", "U16", "", "shape of the region"),
        Column("X", "f4", "pixel", "sky x of its centre"),
        Column("Y", "f4", "pixel", "sky y of its centre"),
        Column("R", "f4", "pixel", "radius, or length and width", (2,), limits=(0.0, 65534.5)),
        Column("ROTANG", "f4", "deg", "rotation of its length from +x", limits=(-360.0, 360.0)),
        Column("GRATING", "U16", "", "hetg or letg"),
        Column("TG_PART", "i2", "", "0 zero order, 1 HEG, 2 MEG, 3 LEG", limits=(0, 3)),
        Column("COMPONENT", "i2", "", "number of the region"),
    ),
    "regions of the zero order and of the arms",
)


@dataclass(frozen=True)
class Box:
    """Rotated box of one arm: centre and size [sky pixel], direction of its length [deg]."""

    part: int
    x: float
    y: float
    length: float
    width: float
    angle: float


@dataclass(frozen=True)
class SourceRegion:
    """Regions of one source: zero order [sky pixel], its radius and the boxes of its arms."""

    source: int
    x: float
    y: float
    radius: float
    boxes: tuple[Box, ...]


def source_region(x: float, y: float, grating: str, detector: str, roll: float, source: int = 1) -> SourceRegion:
    """Regions of a source from its zero order.

    Parameters
    ----------
    x, y
        Zero order on the sky image [pixel].
    grating, detector
        As :func:`mta_assets.instruments.gratings.arms` knows them.
    roll
        Of the observation [deg], ROLL_PNT.
    source
        Its number, from 1.
    """
    frame = INSTRUMENTS[detector_of(detector)]
    pixel = frame.det_pixel / ARCSEC  # [arcsec]
    off_axis = np.hypot(x - frame.centre, y - frame.centre) * pixel / 60  # [arcmin]
    psf = PSF_AXIS + PSF_SLOPE * off_axis
    boxes = []
    for arm in arms(grating, detector):
        if arm.part == LEG:
            width = sky_pixels(LETG_WIDTH, arm, frame.det_pixel, FOCAL_LENGTH)
        else:
            width = WIDTH_FACTOR * float(np.hypot(ASTIGMATISM[arm.name], 2 * psf)) / pixel
        boxes.append(_box(x, y, arm, width, roll, REACH[grating.upper()], detector))
    return SourceRegion(source, x, y, RADIUS_FACTOR * psf / pixel, tuple(boxes))


def _box(x: float, y: float, arm: Arm, width: float, roll: float, reach: float, detector: str) -> Box:
    """Box along an arm, cut back to the sky image."""
    frame = INSTRUMENTS[detector_of(detector)]
    angle = sky_angle(roll, arm.angle) % 180
    step = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    low, high = 0.5, 2 * frame.centre - 0.5
    whole = sky_pixels(reach, arm, frame.det_pixel, FOCAL_LENGTH)
    ends = []
    for sign in (1, -1):
        room = [((high if sign * s > 0 else low) - at) / (sign * s) for at, s in zip((x, y), step, strict=True) if s]
        ends.append(whole - CUT * max(0.0, np.ceil((whole - min(room)) / CUT)))
    middle = (ends[0] - ends[1]) / 2
    return Box(
        arm.part, float(x + middle * step[0]), float(y + middle * step[1]), float(sum(ends)), width, float(angle)
    )


def region_table(regions: Sequence[SourceRegion], grating: str) -> Table:
    """The REGION table of sources.

    Raises
    ------
    BadData
        If there are more sources than tg_smap can tell apart.
    """
    if len(regions) > MAX_SOURCES:
        raise BadData(f"{len(regions)} sources with gratings regions: tg_smap has bits for {MAX_SOURCES} only")
    rows = []
    for one in regions:
        rows.append((one.source, "circle", one.x, one.y, (one.radius, 0.0), 0.0, 0))
        rows.extend((one.source, "rotbox", b.x, b.y, (b.length, b.width), b.angle, b.part) for b in one.boxes)
    names = ("SOURCE", "SHAPE", "X", "Y", "R", "ROTANG", "TG_PART")
    columns = {name: np.array([row[i] for row in rows]) for i, name in enumerate(names)}
    columns["R"] = columns["R"].reshape(-1, 2)
    columns |= {"GRATING": np.full(len(rows), grating.lower(), "U16"), "COMPONENT": np.arange(1, len(rows) + 1)}
    header = {
        "CONTENT": ("TGMASK1", "gratings regions"),
        "HDUCLASS": ("ASC", "format"),
        "HDUCLAS1": ("REGION", "kind of table"),
        "HDUCLAS2": ("TG", "of transmission gratings"),
        "MTYPE1": ("SKY", "coordinate pair"),
        "MFORM1": ("X,Y", "[pixel]"),
    }
    return REGION.build(columns, header)


def regions_from_table(table: Table) -> tuple[SourceRegion, ...]:
    """Regions from a REGION table, ours or the archive's.

    Raises
    ------
    BadData
        If a source has no circle, or a shape is neither a circle nor a rotbox.
    """
    found = []
    source, shape = table["SOURCE"], np.char.strip(np.char.lower(table["SHAPE"].astype(str)))
    strange = sorted(set(shape.tolist()) - {"circle", "rotbox"})
    if strange:
        raise BadData(f"REGION table with shapes {strange}: expected circle (zero order) and rotbox (arms) only")
    for number in dict.fromkeys(source.tolist()):
        circle = np.flatnonzero((source == number) & (shape == "circle"))
        if len(circle) != 1:
            raise BadData(f"REGION table: source {number} has {len(circle)} circles, expected one, its zero order")
        boxes = tuple(
            Box(int(table["TG_PART"][row]), float(table["X"][row]), float(table["Y"][row]),
                float(table["R"][row][0]), float(table["R"][row][1]), float(table["ROTANG"][row]))
            for row in np.flatnonzero((source == number) & (shape == "rotbox"))
        )  # fmt: skip
        x, y, radius = (float(np.ravel(table[name][circle[0]])[0]) for name in ("X", "Y", "R"))
        found.append(SourceRegion(int(number), x, y, radius, boxes))
    return tuple(found)
