"""HRC level 1 of an observation from the products that it is made of: the steps that a pipeline names.

What stands in several level-0 products, because playbacks overlap or came twice, is taken once; events whose word was
damaged are left out and counted (NDAMAGED).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.merge import Merge, Same
from mta_assets.core.tables import Header, Product, Table, concatenate
from mta_assets.instruments import hrc_plane
from mta_assets.level1 import hrc_events, hrc_regions, hrc_sky
from mta_assets.level1.hrc_calibration import Calibration

Array = NDArray[Any]

DETECTORS = ("HRC-I", "HRC-S")
PARITY = 0  # bit of QUALITY in evt0: the event word fails its parity
KEYS = ("DETNAM", "TSTART", "TSTOP", "SIM_X", "SIM_Z", "RA_NOM", "DEC_NOM", "ROLL_NOM")
SAME_EVENT = ("CRSV", "CRSU", "AMP_SF", "AV1", "AV2", "AV3", "AU1", "AU2", "AU3", "PHA")


def process_events(
    evt0: Sequence[Product],
    aspect: Iterable[Product],
    good_times: Product,
    bad_pixels: Product,
    observation: Mapping[str, Any],
    calibration: Calibration,
) -> Product:
    """The evt1 product of an observation.

    Parameters
    ----------
    evt0, aspect
        Level-0 events and aspect solutions (asol1, or osol1 on the quick-look stream) that touch the observation;
        without a solution sky coordinates are NaN.
    good_times, bad_pixels
        flt1 (table GTI) and bpix1 (table BADPIX).
    observation
        Keywords of the observation; `KEYS` among them.
    calibration
        Of the detector.

    Raises
    ------
    BadData
        If a keyword is missing, or the detector is no HRC.
    """
    detector = _known(observation)
    tstart, tstop = float(observation["TSTART"]), float(observation["TSTOP"])
    events, damaged = gathered(evt0, tstart, tstop, detector)
    solutions = [product.tables[0] for product in aspect]
    ra, dec, roll = (float(observation[name]) for name in ("RA_NOM", "DEC_NOM", "ROLL_NOM"))
    setup = hrc_events.Setup(
        hrc_plane.Plane(detector, float(observation["SIM_X"]), float(observation["SIM_Z"])),
        calibration,
        ra,
        dec,
        roll,
        hrc_sky.prepare(joined_solutions(solutions), ra, dec, roll) if solutions else None,
        hrc_regions.bad_regions(bad_pixels.table("BADPIX"), detector),
    )
    header: Header = {**observation, "NDAMAGED": (damaged, "event words that were damaged and are left out")}
    return hrc_events.event_product(events.blocks(), setup, good_times.table("GTI"), tstart, tstop, header)


def gathered(evt0: Sequence[Product], tstart: float, tstop: float, detector: str) -> tuple[Merge, int]:
    """Events of [tstart, tstop) in order of time, each once, and how many damaged ones are left out."""

    def wanted(table: Table) -> NDArray[np.bool_]:
        keep = (table["TIME"] >= tstart) & (table["TIME"] < tstop)
        keep &= np.asarray(table["DET_ID"], bool).reshape(len(table)) == (detector == "HRC-S")
        return np.asarray(keep)

    def whole(table: Table) -> NDArray[np.bool_]:
        return np.asarray(wanted(table) & ~np.asarray(table["QUALITY"])[:, PARITY])

    found = Merge(lambda number: evt0[number].table("EVENTS"), whole, Same(SAME_EVENT, 0.0, SAME_EVENT))
    every, kept = 0, 0

    def count(block: Table) -> None:
        nonlocal every
        every += int(np.count_nonzero(wanted(block)))

    for number, product in enumerate(evt0):
        kept += found.add(number, product.table("EVENTS"), count)
    return found, every - kept


def joined_solutions(tables: Iterable[Table]) -> Table:
    """One aspect solution of several in order of time; what two of them cover is taken from the first."""
    parts = sorted((table for table in tables if len(table)), key=lambda table: float(table["time"][0]))
    if not parts:
        raise BadData("HRC events: there is no aspect solution; deliver one or wait for the aspect pipeline")
    names = [name for name in ("time", "q_att", *hrc_sky.OFFSETS) if all(name in part for part in parts)]
    kept, last = [], -np.inf
    for part in parts:
        later = part.where(np.asarray(part["time"]) > last)
        if len(later):
            kept.append(Table(part.name, {name: later[name] for name in names}))
            last = float(later["time"][-1])
    return concatenate(kept)


def _known(observation: Mapping[str, Any]) -> str:
    missing = [name for name in KEYS if name not in observation]
    if missing:
        raise BadData(f"HRC events: keywords {missing} of the observation are missing; its obspar has them")
    detector = str(observation["DETNAM"])
    if detector not in DETECTORS:
        raise BadData(f"HRC events: DETNAM is {detector!r}, expected one of {', '.join(DETECTORS)}")
    return detector
