"""Good time intervals as tables of a product: one for each chip where chips have their own, as the archive has them.

Real ACIS files (evt1, evt2 of 28229, 14392, 03392): EXTNAME ``GTI``, EXTVER and CCD_ID the chip, HDUNAME ``GTI7``.
"""

from __future__ import annotations

import re
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
        If a table has not the columns START and STOP, in either case, or an interval is none.
    """
    found: dict[int | None, Intervals] = {}
    for table in tables:
        if not table.name.upper().startswith("GTI"):
            continue
        given = {name.upper(): values for name, values in table.columns.items()}
        if not {"START", "STOP"} <= given.keys():
            raise BadData(f"good times {table.name}: columns {', '.join(table.columns)}, expected START and STOP")
        chip = plain(table.header.get("CCD_ID"))
        if chip is not None and (isinstance(chip, bool) or not isinstance(chip, int)):
            raise BadData(f"good times {table.name}: CCD_ID is {chip!r}, expected the number of a chip")
        times = np.column_stack([given["START"], given["STOP"]])
        wrong = np.count_nonzero(~(np.isfinite(times).all(axis=1) & (times[:, 1] >= times[:, 0])))
        if wrong:
            raise BadData(
                f"good times {table.name}: {wrong} intervals are none, they end before they begin or hold no numbers; "
                "make the product again or deliver another"
            )
        found[chip] = intervals.normalise(times)
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


SUBSPACE = re.compile(r"\d*DS(TYP|VAL|FORM|UNIT|REF)\d+")


def subspace(gtis: Gtis, main: int | None = None, grades: Sequence[int] | None = None) -> Header:
    """Keywords that say which part of the data the rows of a table are: its good times, chips and grades.

    The data subspace of real files of the archive (DSTYP, DSVAL, DSFORM, DSUNIT, DSREF of 28229, 14392 and 2886): what
    holds of the main chip without a number before it, of the second chip with 2, and so on. CIAO filters by it.
    """
    order = sorted(gtis, key=lambda chip: (chip != main, -1 if chip is None else chip))
    found: Header = {}
    axes: list[tuple[str, str, str]] = [("time", "D", "s")]
    axes += [("ccd_id", "I", "")] if any(chip is not None for chip in order) else []
    axes += [("grade", "I", "")] if grades is not None else []
    chosen = ",".join(f"{grade}:{grade}" for grade in grades or ())
    for number, (name, form, unit) in enumerate(axes, start=1):
        found[f"DSTYP{number}"] = (name, "data subspace: its axis")
        for part, chip in enumerate(order, start=1):
            before = "" if part == 1 else str(part)
            value = {"time": "TABLE", "ccd_id": f"{chip}:{chip}", "grade": chosen}[name]
            if part == 1 or name != "time":
                found[f"{before}DSVAL{number}"] = (value, "data subspace: what is in it")
            if name == "time":
                found[f"{before}DSREF{number}"] = (f":GTI{'' if chip is None else chip}", "data subspace: its table")
        found[f"DSFORM{number}"] = (form, "data subspace: type of the axis")
        if unit:
            found[f"DSUNIT{number}"] = (unit, "data subspace: unit of the axis")
    return found


def without_subspace(header: Header) -> Header:
    """A header without such keywords: of a table whose rows are another part of the data."""
    return {name: value for name, value in header.items() if not SUBSPACE.fullmatch(name)}
