"""Declared columns of the HRC level-0 event file: names and forms of the archive's hrc*_evt0.fits."""

from __future__ import annotations

from mta_assets.core.tables import Column, Schema

# bit of QUALITY (index from the left) → meaning; the assignment is our own
QUALITY_PARITY = 0  # the event word fails its parity
QUALITY_FRAME = 1  # the frame that brought it has a bad sync or checksum
QUALITY_BITS = 20


def _tap(name: str, axis: str) -> Column:
    return Column(name, "i2", "", f"amplifier {name[-1]} of the {axis} axis", limits=(0, 4095))


EVENTS = Schema(
    "EVENTS",
    (
        Column("TIME", "f8", "s", "time of the event"),
        Column("MJF", "i4", "", "major frame of the telemetry that brought the event", limits=(0, 131071)),
        Column("MNF", "i4", "", "minor frame in which its word begins", limits=(0, 127)),
        Column("ENDMNF", "i4", "", "minor frame in which its word ends", limits=(0, 127)),
        Column("CRSV", "u1", "", "coarse position, v axis", limits=(0, 255)),
        Column("CRSU", "u1", "", "coarse position, u axis", limits=(0, 63)),
        Column("AMP_SF", "u1", "", "amplitude scale factor", limits=(1, 3)),
        _tap("AV1", "v"),
        _tap("AV2", "v"),
        _tap("AV3", "v"),
        _tap("AU1", "u"),
        _tap("AU2", "u"),
        _tap("AU3", "u"),
        Column("PHA", "u1", "chan", "pulse height", limits=(0, 255)),
        Column("E_TRIG", "bool", "", "event trigger, v and u axis", (2,), bits=True),
        Column("VETOSTT", "bool", "", "veto status", (8,), bits=True),
        Column("DET_ID", "bool", "", "detector: 0 HRC-I, 1 HRC-S", (1,), bits=True),
        Column("SUB_MJF", "u1", "", "sub-major frame of the event", limits=(0, 15)),
        Column("CLKTICKS", "i4", "", "clock ticks of 15.625 us since the sub-major frame began", limits=(0, 262143)),
        Column("QUALITY", "bool", "", "bit 0 bad parity, bit 1 damaged frame", (QUALITY_BITS,), bits=True),
    ),
    "HRC events, level 0",
)
