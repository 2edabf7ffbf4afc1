"""Good time intervals as tables of a product: one for each chip where chips have their own, as the archive has them.

Real ACIS files (evt1, evt2 of 28229, 14392, 03392): EXTNAME ``GTI``, EXTVER and CCD_ID the chip, HDUNAME ``GTI7``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mta_assets.core import intervals
from mta_assets.core.errors import BadData
from mta_assets.core.intervals import Intervals
from mta_assets.core.tables import Column, Header, Schema, Table, plain

Gtis = Mapping[int | None, Intervals]  # by ccd_id; None: of every chip that has none of its own

GTI = Schema(
    "GTI",
    (Column("START", "f8", "s", "start of the good interval"), Column("STOP", "f8", "s", "end of it")),
    "good times",
)


def gtis_of(tables: Sequence[Table]) -> dict[int | None, Intervals]:
    """Good times by chip from the GTI tables of a product (CCD_ID in their header, None where there is none).

    Raises
    ------
    BadData
        If a table has not the columns START and STOP, in either case.
    """
    found: dict[int | None, Intervals] = {}
    for table in tables:
        if not table.name.upper().startswith("GTI"):
            continue
        given = {name.upper(): values for name, values in table.columns.items()}
        if not {"START", "STOP"} <= given.keys():
            raise BadData(f"good times {table.name}: columns {', '.join(table.columns)}, expected START and STOP")
        chip = plain(table.header.get("CCD_ID"))
        good = intervals.normalise(np.column_stack([given["START"], given["STOP"]]))
        found[None if chip is None else int(chip)] = good
    return found


def gti_tables(gtis: Gtis, main: int | None = None) -> list[Table]:
    """GTI tables as an event file carries them: one for each chip, the main chip's first."""
    order = sorted(gtis, key=lambda chip: (chip != main, -1 if chip is None else chip))
    found = []
    for chip in order:
        header: Header = {
            "CONTENT": ("GTI", "good time intervals"),
            "HDUCLASS": ("OGIP", "format"),
            "HDUCLAS1": ("GTI", "kind of table"),
            "HDUCLAS2": ("STANDARD", "which ones"),
        }
        if chip is not None:
            header["CCD_ID"] = (chip, "CCD for this table")
            header["EXTVER"] = (chip, "version of this extension: its CCD")
        good = intervals.normalise(gtis[chip])
        table = GTI.build({"START": good[:, 0], "STOP": good[:, 1]}, header)
        found.append(Table("GTI" if chip is None else f"GTI{chip}", table.columns, header, GTI))
    return found
