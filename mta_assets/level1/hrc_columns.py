"""Declared columns of the HRC level-1 products: names, forms and limits of the archive's evt1, bpix1 and msk1."""

from __future__ import annotations

from mta_assets.core.tables import Column, Header, Schema
from mta_assets.instruments import geometry

RAW_LIMITS = {"HRC-I": (16383, 16383), "HRC-S": (4095, 49151)}
CHIP_LIMITS = {"HRC-I": (16384, 16384), "HRC-S": (4096, 16456)}
TDET_LIMITS = {"HRC-I": (16384, 16384), "HRC-S": (4096, 49368)}
COARSE = {"HRC-I": (63, 63), "HRC-S": (15, 191)}  # u, v
CHIP_IDS = {"HRC-I": (0, 0), "HRC-S": (1, 3)}
SUM_MAX = 24570  # 6 taps of 4095
TELEMETERED = ("AMP_SF", "AV1", "AV2", "AV3", "AU1", "AU2", "AU3")


def _pixels(name: str, dtype: str, doc: str, most: float, least: float = 1) -> Column:
    return Column(name, dtype, "pixel", doc, limits=(least, most))


def events_schema(detector: str) -> Schema:
    """Columns of the EVENTS table of a detector."""
    det = 2 * (geometry.INSTRUMENTS[detector].centre - 0.5)
    taps = tuple(
        Column(f"a{axis}{k}", "i2", "", f"{axis.upper()} axis ADC {k}", limits=(0, 4095))
        for axis in "vu"
        for k in (1, 2, 3)
    )
    return Schema(
        "EVENTS",
        (
            Column("time", "f8", "s", "time tag (TT)"),
            Column("crsv", "i2", "", "coarse position, V axis", limits=(0, COARSE[detector][1])),
            Column("crsu", "i2", "", "coarse position, U axis", limits=(0, COARSE[detector][0])),
            Column("amp_sf", "i2", "", "amplitude scale factor, corrected", limits=(0, 3)),
            *taps,
            _pixels("rawx", "i4", "raw coordinates", RAW_LIMITS[detector][0], 0),
            _pixels("rawy", "i4", "raw coordinates", RAW_LIMITS[detector][1], 0),
            _pixels("chipx", "i2", "chip coordinates", CHIP_LIMITS[detector][0]),
            _pixels("chipy", "i2", "chip coordinates", CHIP_LIMITS[detector][1]),
            _pixels("tdetx", "i4", "tiled detector coordinates", TDET_LIMITS[detector][0]),
            _pixels("tdety", "i4", "tiled detector coordinates", TDET_LIMITS[detector][1]),
            *(_pixels(name, "f4", "detector coordinates", det + 0.5, 0.5) for name in ("detx", "dety")),
            *(_pixels(name, "f4", "sky coordinates", det + 0.5, 0.5) for name in ("x", "y")),
            Column("pha", "i2", "chan", "pulse height", limits=(0, 255)),
            Column("pi", "i2", "chan", "pulse invariant", limits=(0, 1023)),
            Column("sumamps", "i2", "", "sum of all amplifier readings", limits=(0, SUM_MAX)),
            Column("chip_id", "i2", "", "chip", limits=CHIP_IDS[detector]),
            Column("status", "bool", "", "event status bits", (32,), bits=True),
        ),
        f"{detector} events, level 1",
    )


def world_coordinates(detector: str, ra_nom: float, dec_nom: float) -> Header:
    """Keywords of the DET and sky columns' coordinates, as the archive's files have them (degrees, TAN)."""
    frame = geometry.INSTRUMENTS[detector]
    names = [column.name for column in events_schema(detector).columns]
    step = frame.det_pixel / geometry.ARCSEC / 3600
    axes = (
        ("detx", "LONG-TAN", 0.0, step),
        ("dety", "NPOL-TAN", 0.0, step),
        ("x", "RA---TAN", ra_nom, -step),
        ("y", "DEC--TAN", dec_nom, step),
    )
    header: Header = {}
    for name, kind, value, delta in axes:
        number = names.index(name) + 1
        header[f"TCTYP{number}"] = kind
        header[f"TCRVL{number}"] = value
        header[f"TCRPX{number}"] = frame.centre
        header[f"TCDLT{number}"] = delta
        header[f"TCUNI{number}"] = "deg"
    return header


def _edges(detector: str) -> tuple[Column, Column]:
    x, y = CHIP_LIMITS[detector]
    return (
        Column("CHIPX", "i2", "pixel", "chip X, first and last", (2,), (1, x)),
        Column("CHIPY", "i2", "pixel", "chip Y, first and last", (2,), (1, y)),
    )


def badpix_schema(detector: str) -> Schema:
    """Columns of the BADPIX table of a detector."""
    return Schema(
        "BADPIX",
        (
            Column("CHIP_ID", "i2", "", "chip", limits=CHIP_IDS[detector]),
            Column("SHAPE", "U16", "", "shape of the bad element"),
            Column("COMPONENT", "i2", "", "component index"),
            *_edges(detector),
            Column("STATUS", "bool", "", "status bit array", (8,), bits=True),
        ),
        "HRC bad regions",
    )


def mask_schema(detector: str) -> Schema:
    """Columns of the MASK table of a detector."""
    return Schema(
        "MASK0",
        (
            Column("SHAPE", "U16", "", "region shape"),
            Column("COMPONENT", "i2", "", "component index", limits=(0, 2)),
            *_edges(detector),
            Column("SAMP_CYC", "i2", "", "sampling cycle", limits=(0, 1)),
            Column("PHAMIN", "i2", "chan", "least pulse height", limits=(0, 255)),
            Column("PHAMAX", "i2", "chan", "greatest pulse height", limits=(0, 255)),
        ),
        "what of the detector was read",
    )
