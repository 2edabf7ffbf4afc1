"""What has to be known of an observation to resolve its events: from the keywords of its event list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.headers import keyword, required
from mta_assets.core.tables import Header, Table
from mta_assets.instruments import gratings_frames as frames
from mta_assets.instruments.gratings import Arm, arms
from mta_assets.instruments.gratings_orders import Windows, windows
from mta_assets.level15.regions import REACH, SourceRegion

Position = Literal["chip", "det"]


@dataclass(frozen=True)
class Setup:
    """What has to be known of an observation to resolve its events.

    Parameters
    ----------
    detector
        ``ACIS``, ``HRC-I`` or ``HRC-S``.
    arms
        Arms of its grating.
    roll
        Mean roll [deg] between the detector and the sky image.
    seen
        Chip planes at its SIM offset.
    regions
        Regions of its sources.
    limits
        Order-sorting windows; None sorts by the side of the zero order (HRC).
    reach
        Greatest ``tg_r`` [deg] of its arms.
    position
        Which place of an event counts: the middle of its pixel (as in the archive) or its DET coordinates.
    clocked
        Continuous clocking: rows are times (`clocked`).
    """

    detector: str
    arms: tuple[Arm, ...]
    roll: float
    seen: frames.Planes
    regions: tuple[SourceRegion, ...]
    limits: Windows | None
    reach: float
    position: Position = "chip"
    clocked: bool = False


def detector_name(header: Header) -> str:
    """``ACIS``, ``HRC-I`` or ``HRC-S`` from INSTRUME and DETNAM."""
    return "ACIS" if value_of(header, "INSTRUME") == "ACIS" else str(value_of(header, "DETNAM"))


def setup(
    header: Header, regions: tuple[SourceRegion, ...], osip: Table | None = None, position: Position = "chip"
) -> Setup:
    """Set-up from the keywords of an event list.

    Parameters
    ----------
    header
        With INSTRUME, DETNAM, GRATING, SIM_X, SIM_Z [mm] and ROLL_PNT [deg].
    regions
        Of its sources.
    osip
        Order-sorting windows in the form of the CALDB's OSIP; ours if None.

    Raises
    ------
    NothingToDo
        If no grating was in the beam.
    BadData
        If a keyword is missing or there is no region.
    """
    grating = str(value_of(header, "GRATING")).strip().upper()
    if grating in ("NONE", ""):
        raise NothingToDo("no grating was in the beam (GRATING = NONE): there is nothing to resolve")
    if not regions:
        raise BadData(
            "a grating observation without a zero order: no event can be resolved; give its place on the sky image "
            "(zero_order = x, y) and run the pipeline again"
        )
    detector = detector_name(header)
    sim_x, sim_z, roll = (required(header, name, "events of a grating") for name in ("SIM_X", "SIM_Z", "ROLL_PNT"))
    seen = frames.planes(detector, sim_x, sim_z)
    limits = windows(osip) if detector == "ACIS" else None
    continuous = detector == "ACIS" and str(keyword(header, "READMODE", "")).startswith("CONT")
    return Setup(detector, arms(grating, detector), roll, seen, regions, limits, REACH[grating], position, continuous)


def value_of(header: Header, name: str) -> Any:
    """A keyword's value, with or without its comment."""
    if name not in header:
        raise BadData(f"event list without the keyword {name}: gratings coordinates need it")
    return keyword(header, name)
