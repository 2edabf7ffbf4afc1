"""Columns of the ACA image telemetry products, one declaration per image size.

Source: names, types, units and legal values of the archive's files ``acaf…_img0.fits`` (ACA Level 0 Data Products
ICD), of which cut-outs are among the public test data of sot/chandra_aca; meanings: the list of ACA L0 columns in the
documentation of mica. PIXTLM and BGDTYP came with the dynamic background patch of the camera.
"""

from __future__ import annotations

from mta_assets.core.tables import Column, Schema

FLAG, THREE, TWO, SIX, BYTE = (0, 1), (0, 7), (0, 3), (0, 63), (0, 255)

COMMON = (
    Column("TIME", "f8", "s", "middle of the integration"),
    Column("QUALITY", "i4", "", "0 good, 1 bad: a frame of the image was damaged"),
    Column("MJF", "i4", "", "major frame counter of the first frame", limits=(0, 131071)),
    Column("MNF", "i4", "", "minor frame counter of the first frame"),
    Column("END_INTEG_TIME", "f8", "s", "end of the integration"),
    Column("INTEG", "f4", "s", "integration time"),
    Column("PIXTLM", "u1", "", "pixel telemetry: 0 original, 1 background, 2 difference", limits=TWO),
    Column("BGDTYP", "u1", "", "background: 0 flat, 1 dynamic", limits=FLAG),
    Column("GLBSTAT", "u1", "", "global status", limits=BYTE),
    Column("COMMCNT", "u1", "", "command count", limits=SIX),
    Column("COMMPROG", "u1", "", "command progress", limits=SIX),
)


def _names(part: int) -> tuple[Column, ...]:
    """What the slot header of every packet of an image begins with."""
    return (
        Column(f"IMGFID{part}", "u1", "", f"packet {part}: 1 fid light, 0 star", limits=FLAG),
        Column(f"IMGNUM{part}", "u1", "", f"packet {part}: image number (slot)", limits=THREE),
        Column(f"IMGFUNC{part}", "u1", "", f"packet {part}: 0 unused, 1 track, 2 search, 3 RD track", limits=TWO),
    )


FIRST = (
    *_names(1),
    Column("IMGSTAT", "u1", "", "image status bits", limits=BYTE),
    Column("IMGROW0", "i2", "", "row of the lower left pixel", limits=(-511, 512)),
    Column("IMGCOL0", "i2", "", "column of the lower left pixel", limits=(-511, 512)),
    Column("IMGSCALE", "u2", "", "pixel scaling factor, 1/32", limits=(0, 16383)),
    Column("BGDAVG", "u2", "DN", "average background"),
)
SECOND = (
    *_names(2),
    Column("BGDRMS", "u2", "DN", "background RMS"),
    Column("TEMPCCD", "f4", "K", "temperature of the CCD"),
    Column("TEMPHOUS", "f4", "K", "temperature of the camera housing"),
    Column("TEMPPRIM", "f4", "K", "temperature of the primary mirror"),
    Column("TEMPSEC", "f4", "K", "temperature of the secondary mirror"),
    Column("BGDSTAT", "u1", "", "background pixel status", limits=BYTE),
)
DIAGNOSTIC = tuple(
    Column(f"HD3TLM{imgtype}{word}", "u1", "", f"diagnostic telemetry, packet type {imgtype}, word {word}")
    for imgtype in (6, 7)
    for word in range(2, 8)
)


def image_schema(slot: int, size: int) -> Schema:
    """Columns of the images of one slot and size (4, 6 or 8 pixels square)."""
    image = Column("IMGRAW", "f4", "DN", "image, row by row; pixels that are not telemetered are 0", (size, size))
    columns = {
        4: (*COMMON, *FIRST, image),
        6: (*COMMON, *FIRST, *SECOND, image),
        8: (*COMMON, *FIRST, *SECOND, *_names(3), *_names(4), image, *DIAGNOSTIC),
    }[size]
    return Schema(f"ACA_IMG{slot}", columns, f"ACA images of slot {slot}, {size}x{size} pixels")
