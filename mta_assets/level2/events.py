"""Level-2 events: those of good grade and status within the good times of their chip.

What the archive's standard processing keeps (CIAO thread "Create a new level=2 event file" and dictionary, "ACIS status
bits"): ACIS grades 0, 2, 3, 4 and 6 with no status bit set, HRC events without the bits of `hrc_status.GOOD`, which
are other ones for each detector.
Rows are judged block by block; those that are kept are in memory while they are few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.core import intervals
from mta_assets.core.errors import BadData
from mta_assets.core.gti import Gtis, gti_tables, subspace, without_subspace
from mta_assets.core.headers import keyword
from mta_assets.core.spool import spooled
from mta_assets.core.tables import Header, Product, Table
from mta_assets.instruments import hrc_status
from mta_assets.instruments.livetime import live_keywords, main_ccd
from mta_assets.level2.columns import column, find, identity

GOOD_GRADES = (0, 2, 3, 4, 6)  # ASCA grades of X-rays (CIAO dictionary, "grade")
NO_STATUS = "0" * 32


@dataclass(frozen=True)
class Selection:
    """What is kept.

    Parameters
    ----------
    grades
        GRADE of the events that are kept; None for detectors without grades.
    status
        One character for each bit as it stands in the file, the highest first: 0 or 1 as it has to be, x for either.
    energy
        Least and greatest energy [eV], the least included; None for all.
    """

    grades: tuple[int, ...] | None = GOOD_GRADES
    status: str = NO_STATUS
    energy: tuple[float, float] | None = None


ACIS = Selection()
HRC = {detector: Selection(None, pattern) for detector, pattern in hrc_status.GOOD.items()}  # by DETNAM


def hrc_selection(header: Header, what: str) -> Selection:
    """What is kept of the events of an HRC detector.

    Parameters
    ----------
    header
        Of the events, with DETNAM.
    what
        The product, for the message.

    Raises
    ------
    BadData
        If DETNAM is none of the detectors: their masks differ, and a wrong one keeps or drops events unseen.
    """
    detector = str(keyword(header, "DETNAM", "")).strip()
    if detector not in HRC:
        raise BadData(
            f"{what}: DETNAM is {detector!r}, expected {' or '.join(HRC)}, each with its own filter of STATUS; make "
            "the product again or deliver another"
        )
    return HRC[detector]


def selected(events: Table, selection: Selection, gtis: Gtis) -> NDArray[np.bool_]:
    """For each event whether it is kept.

    Parameters
    ----------
    events
        Columns TIME, and as the selection and the intervals ask CCD_ID, GRADE, STATUS (bits), ENERGY.
    gtis
        Good times by chip; those under None hold for chips that have none of their own. A chip without any has no good
        time. NaN times, energies out of order or chips that are not named are never good.
    """
    keep = _in_good_time(events, gtis)
    if selection.grades is not None:
        grade = column(events, "GRADE")
        table = np.zeros(256, bool)
        table[list(selection.grades)] = True
        keep &= (grade >= 0) & (grade < 256) & table[grade & 255]
    keep &= _status(events, selection.status)
    if selection.energy is not None:
        energy = column(events, "ENERGY")
        keep &= (energy >= selection.energy[0]) & (energy < selection.energy[1])
    return keep


def _in_good_time(events: Table, gtis: Gtis) -> NDArray[np.bool_]:
    times = column(events, "TIME")
    ccd = find(events, "CCD_ID")
    if ccd is None:
        if None not in gtis and len(gtis) != 1:
            raise BadData(
                f"table {events.name} has no CCD_ID, but good times of chips {sorted(map(str, gtis))} were given"
            )
        return intervals.contains(next(iter(gtis.values())) if None not in gtis else gtis[None], times)
    keep = np.zeros(len(times), bool)
    for chip in np.unique(ccd).tolist():
        here = ccd == chip
        keep[here] = intervals.contains(gtis.get(chip, gtis.get(None, intervals.EMPTY)), times[here])
    return keep


def _status(events: Table, pattern: str) -> NDArray[np.bool_]:
    wanted = np.frombuffer(pattern.encode(), "u1")
    if not np.isin(wanted, np.frombuffer(b"01x", "u1")).all():
        raise BadData(f"status pattern {pattern!r}: expected characters 0, 1 and x")
    places = np.flatnonzero(wanted != ord("x"))
    if not len(places):
        return np.ones(len(events), bool)
    status = find(events, "STATUS")
    if status is None:
        raise BadData(f"table {events.name} has no STATUS column: run level 1 on it, or select without status")
    if status.shape[1:] != (len(pattern),):
        raise BadData(
            f"table {events.name}: STATUS has cells of shape {status.shape[1:]}, the pattern {len(pattern)} bits"
        )
    return np.asarray((status[:, places] == (wanted[places] == ord("1"))).all(axis=1))


def level2_events(
    events: Table,
    gtis: Gtis,
    file_id: str,
    selection: Selection = ACIS,
    dtcor: float | None = None,
    span: tuple[float, float] = (np.nan, np.nan),
) -> Product:
    """The level-2 event file of an observation: filtered events and the good times of each chip.

    Parameters
    ----------
    events
        Level-1 events with their header; its keywords are kept, TSTART … by the writer.
    gtis
        Good times by chip.
    file_id
        ACIS_EVT2 or HRC_EVT2.
    dtcor
        Dead-time factor; for ACIS from EXPTIME and TIMEDEL of the header if not given.
    span
        Start and stop of the observation [s], those of the level-1 product: the archive's evt2, and what is made of it,
        keep them (28229: TSTART 895 s before the first good time). NaN, not known: those of the good times.

    Raises
    ------
    BadData
        If there is no good time at all, or a column or keyword is missing.
    """
    live = live_keywords(gtis, events.header, dtcor)
    if not any(intervals.total(good) > 0 for good in gtis.values()):
        raise BadData(f"{file_id}: no good time in any chip: see the flt1 product of this observation")
    kept = (block.where(selected(block, selection, gtis)) for block in events.blocks())
    rows = spooled(kept, events.rows(0, 0))
    header: Header = {
        "CONTENT": ("EVT2", "what data product"),
        "HDUCLASS": ("OGIP", "format"),
        "HDUCLAS1": ("EVENTS", "kind of table"),
        "HDUCLAS2": ("ACCEPTED", "which ones"),
        **live,
    }
    main = main_ccd(gtis, events.header)
    header |= subspace(gtis, main, selection.grades)
    table = Table("EVENTS", rows.columns, {**without_subspace(events.header), **header}, events.schema)
    times = np.concatenate([intervals.normalise(good).ravel() for good in gtis.values()])
    tables = (table, *gti_tables(gtis, main))
    # fmin: the good times where the observation's is not known, and no product ends before its data do
    tstart, tstop = float(np.fmin(span[0], times.min())), float(np.fmax(span[1], times.max()))
    return Product(file_id, tables, tstart, tstop, identity(events.header))
