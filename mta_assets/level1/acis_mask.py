"""ACIS mask (msk1): which part of each chip could give events, and of which pulse heights.

The form and the numbers are those of the archive's msk1 of 28229 and 14392 against the parameter block of the run: of
the rows that are read out the first and last give no events, nor do the first and last column, because an event is the
middle of an island of 3 x 3 pixels; the least pulse height is the greater of PHAMIN and one above the event threshold,
the greatest is PHAMIN + PHARANGE - 1. Without a parameter block chips are taken to be read whole.

Windows (the window block of the run) are not telemetered in a public form and not in here: WIND_ID is 65535, none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mta_assets.core.errors import BadData
from mta_assets.core.headers import whole
from mta_assets.core.records import finding
from mta_assets.core.tables import Column, Header, Product, Schema, Table, plain
from mta_assets.instruments.acis import COLUMNS, NO_CCD, ROWS
from mta_assets.level1.acis_tables import CHIPS

MASK = Schema(
    "MASK",
    (
        Column("SHAPE", "U16", "", "region shape"),
        Column("COMPONENT", "i2", "", "Component index", limits=(0, 36)),
        Column("CHIPX", "i2", "pixel", "CHIP position", (2,), limits=(1, COLUMNS)),
        Column("CHIPY", "i2", "pixel", "CHIP position", (2,), limits=(1, ROWS)),
        Column("SAMP_CYC", "i2", "", "sampling cycle", limits=(0, 255)),
        Column("PHAMIN", "i2", "adu", "minimum pulse height", limits=(0, 4095)),
        Column("PHAMAX", "u2", "adu", "maximum pulse height"),
    ),
    "what of a chip can give events",
)
NO_WINDOWS = 65535
MOST = 4095  # [adu] of a 12-bit pixel
WHAT = "parameter block (ACIS_PBK0)"
BEFORE = 3600.0  # [s] the block of a run is dumped so long before its science at most


def chips_of(detnam: str) -> list[int]:
    """Chips in a DETNAM: ``ACIS-567`` has 5, 6 and 7."""
    return sorted({int(digit) for digit in detnam.removeprefix("ACIS-") if digit.isdigit()})


def block_of(
    blocks: Sequence[Product] | None, detnam: str, tstart: float, tstop: float, readmode: str = ""
) -> Product | None:
    """The parameter block of an observation: of its chips and read mode, the first one dumped within it.

    A pointing begins before its run, so that the block comes after the start. Only if there is none in the observation
    it is the last one before, which may be that of another run with the same chips.

    Parameters
    ----------
    blocks
        ``ACIS_PBK0`` of its time and an hour before.
    detnam, readmode
        Chips of the observation; TIMED or CONTINUOUS, if it is known. Of a block that states no mode it is not asked.
    """
    chips = chips_of(detnam)
    fitting = [
        block
        for block in blocks or ()
        if sorted(set(_column(block.tables[0], "CCD_ID")) - {NO_CCD}) == chips
        and tstart - BEFORE <= block.tstart <= tstop
        and (not readmode or str(_header(block).get("READMODE", readmode)).strip() == readmode)
    ]
    fitting.sort(key=lambda block: block.tstart)
    within = [block for block in fitting if block.tstart >= tstart]
    return within[0] if within else fitting[-1] if fitting else None


def block_findings(
    blocks: Sequence[Product] | None, detnam: str, tstart: float, tstop: float, readmode: str, chosen: Product | None
) -> list[Table]:
    """What there is to say of parameter blocks: a CCD_ID that no chip has, chips or a mode not of the observation.

    A block of other chips or mode is that of another run and says nothing, unless it was dumped within the observation
    and none fits.

    Parameters
    ----------
    blocks, detnam, tstart, tstop, readmode
        As for `block_of`.
    chosen
        What that found.
    """
    found = []
    taken = "" if chosen else ", chips count as read whole"
    for block in blocks or ():
        if not tstart - BEFORE <= block.tstart <= tstop:
            continue
        given = sorted(set(_column(block.tables[0], "CCD_ID")) - {NO_CCD})
        none = [chip for chip in given if not 0 <= chip < CHIPS]
        if none:
            wrong = f"CCD_ID {_listed(none)}, expected 0 to {CHIPS - 1}, or {NO_CCD} for none"
        elif chosen or block.tstart < tstart:
            continue
        elif given != chips_of(detnam):
            wrong = f"CCD_ID {_listed(given)}, expected the chips of the observation, {detnam}"
        else:
            wrong = f"READMODE {str(_header(block).get('READMODE'))[:20]}, expected that of the observation, {readmode}"
        name = f"ACIS_PBK0 {block.tstart:.0f}"
        detail = f"{name}: {wrong}: not used{taken}; extract it again or deliver another pbk0"
        found.append(finding(name, "ACIS", "parameter_block", detail, (block.tstart, block.tstart)))
    return found


def _listed(chips: Sequence[int]) -> str:
    return ", ".join(map(str, chips)) or "none"


def rows_read(block: Product | None) -> tuple[int, int]:
    """First and last row, from 1, that were read out (FIRSTROW, FIRSTROW + NROWS - 1)."""
    head = _header(block)
    first = whole(head, "STARTROW", WHAT, (0, ROWS - 3), 0) + 1
    return first, min(first + whole(head, "ROWCNT", WHAT, (2, ROWS - 1), ROWS - 1), ROWS)


def mask_tables(detnam: str, block: Product | None) -> list[Table]:
    """One MASK table for each chip of an observation.

    Parameters
    ----------
    block
        Its parameter block: STARTROW, ROWCNT, PHAMIN, PHARANGE in the header, a row a chip with CCD_ID, FEP_ID and,
        if known, EVT_THR [adu] of its nodes.
    """
    head = _header(block)
    first, last = rows_read(block)
    low = whole(head, "PHAMIN", WHAT, (0, MOST), 0)
    high = min(low + whole(head, "PHARANGE", WHAT, (1, 1 << 16), MOST + 1 - low) - 1, NO_WINDOWS)
    given = block.tables[0] if block is not None else None
    made = []
    for chip in chips_of(detnam):
        row = _column(given, "CCD_ID").index(chip) if given is not None else None
        threshold = int(np.min(given["EVT_THR"][row])) + 1 if given is not None and "EVT_THR" in given else 0
        least = max(low, threshold)
        if least >= high:
            raise BadData(
                f"{WHAT}: pulse heights of CCD {chip} from {least} to {high} adu (EVT_THR, PHAMIN, PHARANGE) are none; "
                "deliver another"
            )
        header: Header = {
            "CCD_ID": (chip, "CCD ID"),
            "EXTVER": (chip, "version of this extension: its CCD"),
            "FIRSTROW": (first + 1, "first row of subarray CHIP coordinates"),
            "LASTROW": (last - 1, "last row of subarray CHIP coordinates"),
            "PHAMIN": (least, "Minimum acceptable pulse height"),
            "PHARANGE": (high - least, "Range of accepted pulse heights"),
            "WIND_ID": (whole(head, "WIND_ID", WHAT, (0, NO_WINDOWS), NO_WINDOWS), "window block ID"),
            "HDUCLASS": ("ASC", "format"),
            "HDUCLAS1": ("REGION", "kind of table"),
            "HDUCLAS2": ("MASK", "which one"),
            "MTYPE1": ("CHIP", "DM Keyword: Descriptor name."),
            "MFORM1": ("CHIPX,CHIPY", "[pixel]"),
        }
        if given is not None and row is not None:
            header["FEP_ID"] = (_column(given, "FEP_ID")[row], "FEP ID")
            if "PBLOCK" in head:
                header["PBLOCK"] = (whole(head, "PBLOCK", WHAT, (0, (1 << 32) - 1)), "parameter block ID")
        made.append(replace(_table((first + 1, last - 1), least, high, header), name=f"MASK{chip}"))
    return made


def _table(rows: tuple[int, int], least: int, most: int, header: Header) -> Table:
    """What gives events, and all of the chip without it (sampling cycle 0)."""
    inner = ((2, COLUMNS - 1), rows)
    whole = ((1, COLUMNS), (1, ROWS))
    places = (inner, whole, inner)
    columns = {
        "SHAPE": np.array(["rectangle", "rectangle", "!rectangle"]),
        "COMPONENT": [1, 2, 2],
        "CHIPX": [x for x, _ in places],
        "CHIPY": [y for _, y in places],
        "SAMP_CYC": [1, 0, 1],
        "PHAMIN": [least] * 3,
        "PHAMAX": [most] * 3,
    }
    return MASK.build(columns, header)


def _header(block: Product | None) -> dict[str, Any]:
    if block is None:
        return {}
    return {key: plain(value) for key, value in {**block.tables[0].header, **block.header}.items()}


def _column(table: Table, name: str) -> list[int]:
    return [int(value) for value in table[name]]
