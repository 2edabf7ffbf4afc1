"""Declared columns of the ACIS level-1 event list and of the bad-pixel file, and what the STATUS bits mean.

Names, types, units and limits are those of real acisf…_evt1 and evt2 files (lower case, as there). The bits: "ACIS
Event STATUS Bits" (CXC/MIT), bits 0 to 10; the tools that set the others: destreak (15), acis_detect_afterglow (16 to
19), "ACIS VFAINT Background Cleaning" (23). 14 (hot pixel), 30 and 31, which the
archive leaves free, are our own choice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.tables import Column, Schema

BAD_POSITION = 1 << 0  # outside of the chip or on a chip that is not in the geometry
NOT_MAXIMUM = 1 << 1  # a neighbour is higher than the centre, or the centre is below the split threshold
OVERFLOW = 1 << 2  # a pulse height above 4095
SUM_OVERFLOW = 1 << 3  # summed pulse height of 32767 or more
BAD_PIXEL = 1 << 4  # the centre is in the bad-pixel file
NEAR_BAD_PIXEL = 1 << 5  # a neighbour is
BIAS_BAD = 1 << 6  # bias of 4095
BIAS_UNKNOWN = 1 << 7
BIAS_PARITY = 1 << 8  # bias of 4094
OVERCLOCK_UNKNOWN = 1 << 9
HOT_PIXEL = 1 << 14
STREAK = 1 << 15
AFTERGLOW = 1 << 16
VF_BACKGROUND = 1 << 23  # charge in the rim of a 5x5 island
TIME_ESTIMATED = 1 << 30  # of level 0: no exposure record
DAMAGED_FRAME = 1 << 31  # of level 0: a telemetry frame of the packet was damaged
STATUS_BITS = 32

_FLOAT = "f4"


def _position(name: str, doc: str) -> Column:
    return Column(name, _FLOAT, "pixel", doc, limits=(0.5, 8192.5))


_FRONT = (
    Column("time", "f8", "s", "S/C TT corresponding to mid-exposure"),
    Column("expno", "i4", "", "Exposure number of CCD frame containing event", limits=(0, 2**31 - 1)),
    Column("ccd_id", "i2", "", "CCD reporting event", limits=(0, 9)),
    Column("node_id", "i2", "", "CCD serial readout amplifier node", limits=(0, 3)),
    Column("chipx", "i2", "pixel", "Chip coords", limits=(1, 1024)),
    Column("chipy", "i2", "pixel", "Chip coords", limits=(1, 1024)),
)
_PLACE = (
    Column("tdetx", "i2", "pixel", "ACIS tiled detector coordinates", limits=(1, 8192), null=9999),
    Column("tdety", "i2", "pixel", "ACIS tiled detector coordinates", limits=(1, 8192), null=9999),
    _position("detx", "ACIS detector coordinates"),
    _position("dety", "ACIS detector coordinates"),
    _position("x", "sky coordinates"),
    _position("y", "sky coordinates"),
)
_PULSE = (
    Column("pha", "i4", "adu", "total pulse height of event", limits=(0, 36855), null=0),
    Column("pha_ro", "i4", "adu", "total read-out pulse height of event", limits=(0, 36855), null=0),
    Column("energy", _FLOAT, "eV", "nominal energy of event (eV)", limits=(0, 1e6)),
    Column("pi", "i4", "chan", "pulse invariant energy of event", limits=(1, 1024), null=0),
    Column("fltgrade", "i2", "", "event grade, flight system", limits=(0, 255)),
    Column("grade", "i2", "", "binned event grade", limits=(0, 7)),
    Column("status", "bool", "", "event status bits", (STATUS_BITS,), bits=True),
)
_CLOCKED = (
    Column("time_ro", "f8", "s", "S/C TT at which the row was read out"),
    Column("chipy_adj", _FLOAT, "pixel", "row on which the target was when the charge was made"),
)


def events(island: tuple[int, ...] = (), clocked: bool = False) -> Schema:
    """Columns of the level-1 events of a mode: with ``phas`` of this shape (none: graded on board)."""
    phas = Column("phas", "i2", "adu", "array of pixel pulse heights", island, (-4096, 4095))
    columns = (*_FRONT, *(_CLOCKED if clocked else ()), *_PLACE, *((phas,) if island else ()), *_PULSE)
    return Schema("EVENTS", columns, "ACIS events, level 1")


BADPIX = Schema(
    "BADPIX",
    (
        Column("SHAPE", "U16", doc="point or rectangle"),
        Column("COMPONENT", "i2", doc="number of the region", limits=(0, 36)),  # the archive's, though it counts on
        Column("CHIPX", "i2", "pixel", "first and last column", (2,), (1, 1024)),
        Column("CHIPY", "i2", "pixel", "first and last row", (2,), (1, 1024)),
        Column("TIME", "f8", "s", "bad from"),
        Column("TIME_STOP", "f8", "s", "bad until"),
        Column("STATUS", "bool", "coded", "why: see BADPIX_BITS of acis_status", (STATUS_BITS,), bits=True),
    ),
    "Bad pixels of one CCD",
)


def bit_array(status: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """STATUS (n,) as the bit array (n, 32) of the event list, bit 31 first."""
    swapped = status.astype(">u4").view(np.uint8).reshape(-1, 4)
    return np.unpackbits(swapped, axis=1).view(np.bool_)


def status_number(bits: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """The inverse: STATUS (n,) of a bit array (n, 32)."""
    packed = np.packbits(np.asarray(bits, np.bool_), axis=1)
    return np.ascontiguousarray(packed).view(">u4").ravel().astype(np.uint32)
