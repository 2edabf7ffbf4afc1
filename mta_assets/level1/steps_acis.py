"""Steps of the ACIS level-1 pipelines: bad pixels and events of an observation from level-0 products of its time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core import intervals
from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.gti import gti_tables
from mta_assets.core.records import FINDINGS
from mta_assets.core.request import Request
from mta_assets.core.tables import Header, Product, Table, concatenate
from mta_assets.instruments.geometry_sky import aspect_of
from mta_assets.level1 import observation
from mta_assets.level1.acis import process_events
from mta_assets.level1.acis_findings import EventWatch
from mta_assets.level1.acis_hot import PixelWatch
from mta_assets.level1.acis_setup import Calibration, Settings, calibration
from mta_assets.level1.acis_status import BadPixels

Files = Mapping[str, tuple[str, tuple[Table, ...]]]  # kind of calibration → name of the file, its tables
KEYWORDS = {"gain_cti": "GAINFILE", "t_gain": "TGAINFIL", "cti": "CTIFILE", "subpix": "SUBPIXFL"}
SAME = 0.1  # [s] times of an event in two playbacks differ by less: their clocks were fitted to other frames
PLACE = ("sim_x", "sim_z", "ra_nom", "dec_nom", "roll_nom")
COLLECT: Header = {"FIRSTROW": (1, "first row that is read out"), "NROWS": (1024, "rows that are read out")}


def bad_pixels(evt0: Sequence[Product], obspar: Sequence[Product], files: Files) -> Product:
    """``ACIS_BPIX1``: the known bad pixels of the chips, the hot ones and the afterglows of the observation.

    Raises
    ------
    NothingToDo
        If there are no events of the observation.
    """
    par = observation.parameters(obspar)
    tstart, tstop = observation.span(par)
    events, header, _ = gathered(evt0, par)
    watch = PixelWatch()
    if par.get("readmode") != "CONTINUOUS":  # there a place on the chip is a time
        watch.add(events)
    chips = set(np.unique(events["CCD_ID"]).tolist())
    _need(files, "badpix", tstart)
    known = [table for table in files["badpix"][1] if _plain(table.header.get("CCD_ID")) in chips]
    tables = watch.bad_pixels(known, tstart, tstop, float(_plain(header.get("EXPTIME", 0.0))))
    common = {**observation.keywords(par), "CONTENT": ("BADPIX", "what data product")}
    return Product("ACIS_BPIX1", tuple(tables), tstart, tstop, common)


def events(
    evt0: Sequence[Product],
    obspar: Sequence[Product],
    ground: Sequence[Product] | None,
    onboard: Sequence[Product] | None,
    pixels: Sequence[Product] | None,
    files: Files,
    request: Request,
    **options: Any,
) -> Iterator[Product | Table]:
    """``ACIS_EVT1``: events of all front-end processors with the good times of each chip, and what went wrong.

    Parameters
    ----------
    evt0, obspar, ground, onboard, pixels
        ``ACIS_EVT0``, ``OBSPAR``, ``ASOL``, ``ASPSOL_OBC``, ``ACIS_BPIX1`` of the observation.
    files
        Calibration of ACIS by kind.
    options
        Of `acis_setup.Settings`: pix_adj, rand_pi, seed, check_vf, store_rows.
    """
    par = observation.parameters(obspar)
    tstart, tstop = observation.span(par)
    level0, header, good = gathered(evt0, par)
    settings = _settings(par, header, options)
    solution, origin = observation.best_aspect(ground, onboard, request.stream == "sap")
    if solution is not None:
        seen = observation.covered(solution)
        good = {ccd: intervals.intersect(given, seen) for ccd, given in good.items()}
    known = BadPixels(list(pixels[0].tables), tstart, tstop) if pixels else None
    watch = EventWatch(f"acisf{request.obsid:05d}_{request.obi:03d} evt1")
    aspect = aspect_of(solution) if solution is not None else None
    made = process_events([level0], settings, _calibration(files, tstart), aspect, known)
    table = concatenate([watch.add(block) for block in made])
    common: Header = {
        **observation.keywords(par), **header, **COLLECT,
        "ASPTYPE": ({"ground": "KALMAN", "onboard": "OBC"}.get(origin, "NONE"), "which aspect solution was used"),
    }  # fmt: skip
    yield Product("ACIS_EVT1", (table, *gti_tables(good)), tstart, tstop, common)
    yield watch.findings()
    if origin != "ground" and request.stream == "sdp":
        yield _no_ground(request, origin, tstart, tstop)


def gathered(
    evt0: Iterable[Product], par: observation.Parameters
) -> tuple[Table, Header, dict[int | None, NDArray[Any]]]:
    """Level-0 events of an observation in order of time, each once; keywords of the frames; good times by chip.

    Products of another mode, of the observation before or after, are left aside.

    Raises
    ------
    NothingToDo
        If there is none of its mode.
    """
    tstart, tstop = observation.span(par)
    parts: list[Table] = []
    header: Header = {}
    good: dict[int | None, NDArray[Any]] = {}
    for product in evt0:
        head = {**product.header, **product.tables[0].header}
        table = product.table("EVENTS")
        keep = (table["TIME"] >= tstart) & (table["TIME"] < tstop)
        if str(_plain(head.get("DATAMODE"))) != par.get("datamode") or not keep.any():
            continue
        parts.append(table.where(keep))
        header |= {name: head[name] for name in ("EXPTIME", "TIMEDEL") if name in head}
        ccd = int(_plain(head["CCD_ID"]))
        seen = np.concatenate([np.column_stack([t["START"], t["STOP"]]) for t in product.tables if "START" in t])
        good[ccd] = intervals.union(good.get(ccd, intervals.EMPTY), intervals.intersect(seen, [(tstart, tstop)]))
    if not parts:
        raise NothingToDo(f"no level-0 events of mode {par.get('datamode')} from {tstart:.0f} to {tstop:.0f} s")
    return once(concatenate(parts)), header, good


def once(events: Table) -> Table:
    """Events in order of time; what stands in two products, because playbacks overlap, is taken once."""
    row = "TROW" if "TROW" in events else "CCDY"
    names = ("CCDX", row, "CCD_ID", "EXPNO")
    events = events.where(np.lexsort((events["TIME"], *(events[name] for name in names))))
    again = np.ones(len(events), bool)
    again[:1] = False
    for name in names:
        again[1:] &= events[name][1:] == events[name][:-1]
    again[1:] &= np.diff(events["TIME"]) < SAME
    events = events.where(~again)
    return events.where(np.lexsort((events[row], events["CCD_ID"], events["TIME"])))


def _settings(par: observation.Parameters, header: Header, options: Mapping[str, Any]) -> Settings:
    clocked = par.get("readmode") == "CONTINUOUS"
    if not clocked and "EXPTIME" not in header:
        raise BadData("ACIS events: the evt0 products have no EXPTIME; extract them again")
    sim_x, sim_z, ra, dec, roll = (observation.number(par, name) for name in PLACE)
    tstart, tstop = observation.span(par)
    exptime = 0.0 if clocked else float(_plain(header["EXPTIME"]))
    more = {name: value for name, value in options.items() if name != "store_rows" or clocked}
    if clocked:
        more |= {"ra_targ": float(par.get("ra_targ", ra)), "dec_targ": float(par.get("dec_targ", dec))}
    return Settings(sim_x, sim_z, ra, dec, roll, tstart, tstop, exptime, clocked, **more)


def _calibration(files: Files, time: float) -> Calibration:
    _need(files, "gain_cti", time)
    first = {kind: tables[0] for kind, (_, tables) in files.items()}
    density, volume = files["cti"][1] if "cti" in files else (None, None)
    names = {keyword: files[kind][0] for kind, keyword in KEYWORDS.items() if kind in files}
    return calibration(
        first["gain_cti"], time, first.get("t_gain"), density, volume, first.get("subpix"), files=names
    )  # fmt: skip


def _need(files: Files, kind: str, time: float) -> None:
    if kind not in files:
        raise BadData(f"calibration of ACIS: no file of kind {kind} holds at {time:.0f} s; deliver one (mta deliver)")


def _no_ground(request: Request, origin: str, tstart: float, tstop: float) -> Table:
    """The finding that archival events do not have their aspect."""
    detail = "the on-board attitude was used" if origin else "X and Y are not known"
    none = [np.nan]
    return FINDINGS.build({
        "name": [f"{request.partition} aspect"], "subsystem": ["PCAD"], "kind": ["no_aspect"], "severity": ["yellow"],
        "side": [""], "bound": none, "tstart": [tstart], "tstop": [tstop], "first": none, "last": none, "worst": none,
        "count": [1], "unit": [""],
        "detail": [f"no aspect solution of the ground: {detail}; see ASPECT of the observation, or deliver an asol1"],
    })  # fmt: skip


def _plain(given: Any) -> Any:
    return given[0] if isinstance(given, tuple) else given
