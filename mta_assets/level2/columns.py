"""Columns of event tables by name, whatever their case: the archive writes them small, our level 0 in capitals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.headers import renumbered
from mta_assets.core.spool import spooled
from mta_assets.core.tables import Array, Header, Table

BLOCK = 1 << 18  # [event] rows that are worked on at once: few columns of many, an image is copied for each block


def column(table: Table, name: str) -> Array:
    """A column by its name in either case, in native byte order.

    Raises
    ------
    BadData
        If the table has none of that name.
    """
    found = find(table, name)
    if found is None:
        raise BadData(f"table {table.name} has no column {name!r}; it has {', '.join(table.columns)}")
    return found


def find(table: Table, name: str) -> Array | None:
    """`column`, or None where there is none."""
    spelled = spelling(table, name)
    return None if spelled is None else table.columns[spelled]


def spelling(table: Table, name: str) -> str | None:
    """How a table spells the name of a column; None if it has none of that name."""
    return next((spelled for spelled in (name, name.lower(), name.upper()) if spelled in table.columns), None)


def number(table: Table, name: str) -> int:
    """Number of a column from 1, as the keywords of a FITS table count (TCRVLn)."""
    for place, spelled in enumerate(table.columns):
        if spelled.lower() == name.lower():
            return place + 1
    raise BadData(f"table {table.name} has no column {name!r}; it has {', '.join(table.columns)}")


def blocks(table: Table, size: int = BLOCK) -> Iterator[Table]:
    """A table in pieces of at most ``size`` rows."""
    return table.blocks(size)


def narrowed(events: Table, names: Sequence[str], keep: Callable[[Table], NDArray[np.bool_]] | None = None) -> Table:
    """Those of some columns that an event list has, and the rows that are kept: what is read many times is small."""
    chosen = [name for name in (spelling(events, name) for name in names) if name is not None]
    slim = events.select(chosen)
    empty = replace(slim.rows(0, 0), header=renumbered(events.header, list(events.columns), chosen))
    return spooled((block if keep is None else block.where(keep(block)) for block in slim.blocks()), empty)


def sky_places(events: Table) -> Iterator[tuple[Array, Array]]:
    """Sky coordinates of events, block by block."""
    for block in blocks(events):
        yield column(block, "X"), column(block, "Y")


IDENTITY = (
    "OBS_ID", "OBI_NUM", "SEQ_NUM", "OBJECT", "OBSERVER", "TITLE", "DETNAM", "GRATING", "DATAMODE", "READMODE",
    "RA_PNT", "DEC_PNT", "ROLL_PNT", "RA_NOM", "DEC_NOM", "ROLL_NOM", "RA_TARG", "DEC_TARG", "SIM_X", "SIM_Y",
    "SIM_Z", "FOC_LEN", "RADESYS", "OBS_MODE", "ASPTYPE", "MISSION", "TELESCOP", "INSTRUME", "TIMEDEL", "TIMEREF",
)  # fmt: skip


def identity(header: Header) -> Header:
    """Keywords of the observation that everything made from its events carries on."""
    return {name: header[name] for name in IDENTITY if name in header}


PROCESSING = re.compile(
    r"(ONTIME|LIVETIME|LIVTIME|EXPOSURE|EXPOSUR|DTCOR)\d?|RAND_(TG|SKY|PI)|TIMEPIXR|CTI_CORR|TGAINCOR|GAINFILE"
    r"|ASPTYPE|CALDBVER|DEFOCUS|SIM_[XYZ]"
)


def processing(header: Header) -> Header:
    """Keywords of exposure, of the observation and chip by chip, and of how the events were made: in real img2 and
    pha2 the same ones."""
    return {name: value for name, value in header.items() if PROCESSING.fullmatch(name)}
