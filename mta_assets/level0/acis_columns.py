"""Declared columns of the ACIS level-0 products.

Names and keywords follow the archive's files as far as they are public; docs/science-telemetry.md says which
are our own.
"""

from __future__ import annotations

from mta_assets.core.tables import Column, Header, Schema

# bits of STATUS in events and exposure records
ESTIMATED = 1  # no exposure record: EXPNO and TIME are estimated from the neighbouring exposures
INCOMPLETE = 2  # fewer or more events arrived than the exposure record counts
SUSPECT_FRAME = 4  # the packet touches a frame with a bad sync or checksum: any bit may be wrong

_TIME = Column("TIME", "f8", "s", "time of the exposure (beginning-of-frame mark)")
_EXPNO = Column("EXPNO", "i4", "", "exposure number since the start of the run", limits=(0, 2**31 - 1))
_CCD = Column("CCD_ID", "i2", "", "CCD that recorded the event", limits=(0, 9))
_CCDX = Column("CCDX", "i2", "pixel", "column of the event centre as telemetered; CHIPX = CCDX + 1", limits=(0, 1023))
_CCDY = Column("CCDY", "i2", "pixel", "row of the event centre as telemetered; CHIPY = CCDY + 1", limits=(0, 1023))
_TROW = Column("TROW", "i2", "", "row transferred since the start of the exposure: a time", limits=(0, 511))
_STATUS = Column("STATUS", "u1", "", "1 TIME estimated, 2 exposure incomplete, 4 damaged frame")


def _events(*columns: Column) -> Schema:
    return Schema("EVENTS", (_TIME, _EXPNO, _CCD, *columns, _STATUS), "ACIS events, level 0")


def _phas(*shape: int) -> Column:
    return Column("PHAS", "i2", "adu", "pulse heights as telemetered, [row, column]", shape, (0, 4095))


_PHA = Column("PHA", "i4", "adu", "event amplitude computed on board", limits=(0, 131071))
_FLTGRADE = Column("FLTGRADE", "i2", "", "event grade code, flight system", limits=(0, 255))
_CORN_PHA = Column("CORN_PHA", "i2", "adu", "mean corner pulse height; 4095: no valid corner", limits=(-4096, 4095))

EVENTS = {
    "FAINT": _events(_CCDX, _CCDY, _phas(3, 3)),
    "VFAINT": _events(_CCDX, _CCDY, _phas(5, 5)),
    "GRADED": _events(_CCDX, _CCDY, _PHA, _FLTGRADE, _CORN_PHA),
    "CC_FAINT": _events(_CCDX, _TROW, _phas(3)),
    "CC_GRADED": _events(_CCDX, _TROW, _PHA, _FLTGRADE),
    "CC33_FAINT": _events(_CCDX, _TROW, _phas(3, 3)),
    "CC33_GRADED": _events(_CCDX, _TROW, _PHA, _FLTGRADE, _CORN_PHA),
}

# column of the event tables → field of the packet records
FIELDS = {
    "CCDX": ("ccdColumn",),
    "CCDY": ("ccdRow",),
    "TROW": ("transferRow", "ccdRow"),
    "PHAS": ("pulseHeights",),
    "PHA": ("eventAmplitude",),
    "FLTGRADE": ("gradeCode",),
    "CORN_PHA": ("cornerMean",),
}

EXPOSURES = Schema(
    "EXPREC",
    (
        _TIME,
        _EXPNO,
        Column("FEPTIME", "i4", "", "front-end processor timestamp, 25 bits of 10 us", limits=(0, (1 << 25) - 1)),
        Column("EVTSENT", "i4", "ct", "events that the record counts"),
        Column("EVTRECV", "i4", "ct", "events that arrived"),
        Column("THR_PIX", "i4", "ct", "pixels above their threshold"),
        Column("DROP_AMP", "i4", "ct", "events discarded for their amplitude"),
        Column("DROP_POS", "i4", "ct", "events discarded by a window"),
        Column("DROP_GRD", "i4", "ct", "events discarded for their grade"),
        Column("DELTOCL", "i2", "adu", "overclock minus initial overclock, nodes A to D", (4,)),
        Column("BERR_SUM", "i4", "ct", "parity errors of the bias map"),
        _STATUS,
    ),
    "ACIS exposure records, level 0",
)

PARAMETER_BLOCK = Schema(
    "PBK",
    (
        Column("CCD_ID", "i2", "", "CCD that the front-end processor works on; 10: none", limits=(0, 15)),
        Column("FEP_ID", "i2", "", "front-end processor", limits=(0, 5)),
    ),
    "ACIS parameter block, level 0",
)


def hdu_class(first: str, second: str, family: str = "OGIP") -> Header:
    """Keywords of the HDU class (OGIP memo R8, section HDUCLASn)."""
    header: Header = {"HDUCLASS": (family, "format"), "HDUCLAS1": (first, "kind of table")}
    if second:
        header["HDUCLAS2"] = (second, "which ones")
    return header
