"""Steps of the ACIS level-1 pipelines: bad pixels and events of an observation from level-0 products of its time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core import intervals
from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.gti import Gtis, gti_tables, subspace
from mta_assets.core.headers import keyword, required, whole
from mta_assets.core.merge import Merge, Same
from mta_assets.core.records import finding
from mta_assets.core.request import Request
from mta_assets.core.spool import spooled
from mta_assets.core.tables import Header, Image, Product, Table
from mta_assets.instruments.acis import ROWS
from mta_assets.instruments.geometry_sky import aspect_of
from mta_assets.instruments.livetime import live_keywords, main_ccd
from mta_assets.level1 import observation
from mta_assets.level1.acis import Level1
from mta_assets.level1.acis_findings import EventWatch
from mta_assets.level1.acis_hot import PixelWatch
from mta_assets.level1.acis_setup import Calibration, Settings, calibration
from mta_assets.level1.acis_status import BadPixels
from mta_assets.level1.acis_tables import CHIPS
from mta_assets.level1.aspect_choice import aspect_findings, best_aspect

Files = Mapping[str, tuple[str, tuple[Table, ...]]]  # kind of calibration → name of the file, its tables
KEYWORDS = {"gain_cti": "GAINFILE", "t_gain": "TGAINFIL", "cti": "CTIFILE", "subpix": "SUBPIXFL"}
SAME = 0.1  # [s] times of an event in two playbacks differ by less: their clocks were fitted to other frames
TOUCHING = 1e-3  # [s] ends of good times in two playbacks differ by less; a lost frame is a hundred times longer
PLACE = ("sim_x", "sim_z", "ra_nom", "dec_nom", "roll_nom")
NOTES = {  # kind → what it means and what to do, of what there are so many
    "no_time": ("events of its playbacks have no time and are left out: extract these again", "events"),
    "bad_gti": (
        "good times of its playbacks end before they begin and are not used: extract these again",
        "intervals",
    ),
    "no_gti": ("evt0 without good times, none are assumed: extract the playback again", "products"),
    "no_events": ("not a single event came down; look at the evt0 and exr0 of its time", ""),
}


def bad_pixels(evt0: Sequence[Product], obspar: Sequence[Product], files: Files) -> Product:
    """``ACIS_BPIX1``: the known bad pixels of the chips, the hot ones and the afterglows of the observation.

    Raises
    ------
    NothingToDo
        If there are no events of the observation.
    """
    par = observation.parameters(obspar)
    tstart, tstop = observation.span(par)
    found = gathered(evt0, par)
    watch = PixelWatch()
    clocked = par.get("readmode") == "CONTINUOUS"  # there a place on the chip is a time
    chips = set(found.good)
    for block in found.events.blocks():
        chips |= set(np.unique(block["CCD_ID"]).tolist())
        if not clocked:
            watch.count(block)
    for block in found.events.blocks() if not clocked else ():
        watch.look(block)
    _need(files, "badpix", tstart)
    known = [table for table in files["badpix"][1] if keyword(table.header, "CCD_ID") in chips]
    tables = watch.bad_pixels(known, tstart, tstop, found.number("EXPTIME", 0.0))
    common = {**observation.keywords(par), "CONTENT": ("BADPIX", "what data product")}
    return Product("ACIS_BPIX1", tuple(tables), tstart, tstop, common)


def events(
    evt0: Sequence[Product],
    obspar: Sequence[Product],
    ground: Sequence[Product] | None,
    onboard: Sequence[Product] | None,
    pixels: Sequence[Product] | None,
    masks: Sequence[Product] | None,
    bias: Sequence[Product] | None,
    files: Files,
    request: Request,
    **options: Any,
) -> Iterator[Product | Table]:
    """``ACIS_EVT1``: events of all front-end processors with the good times of each chip, and what went wrong.

    Parameters
    ----------
    evt0, obspar, ground, onboard, pixels, masks, bias
        ``ACIS_EVT0``, ``OBSPAR``, ``ASOL``, ``ASPSOL_OBC``, ``ACIS_BPIX1``, ``ACIS_MSK1``, ``ACIS_BIAS0`` of the
        observation. With bias maps of some chips pulse heights are raw; without any they are so if
        ``subtract_bias`` says so (those of the simulated instrument are not).
    files
        Calibration of ACIS by kind.
    options
        Of `acis_setup.Settings`: pix_adj, rand_pi, seed, check_vf, subtract_bias.
    """
    par = observation.parameters(obspar)
    span = observation.span(par)
    found = gathered(evt0, par)
    maps = bias_maps(bias or ())
    settings = _settings(par, found, {**options, "subtract_bias": bool(maps) or options.get("subtract_bias", False)})
    quick_look = request.stream == "sap"
    solution = best_aspect(ground, onboard, quick_look)
    good = {ccd: intervals.intersect(given, solution.covered) for ccd, given in found.good.items()}
    known = BadPixels(list(pixels[0].tables), *span) if pixels else None
    watch = EventWatch(f"acisf{request.obsid:05d}_{request.obi:03d} evt1")
    aspect = aspect_of(solution.table) if solution.table is not None else None
    level1 = Level1(settings, _calibration(files, span[0], maps), aspect, known)
    assert found.events.empty is not None
    table = spooled(map(watch.add, level1.blocks(found.events.blocks())), level1.block(found.events.empty))
    common: Header = {**observation.keywords(par), **found.header, **_rows(masks), "ASPTYPE": solution.asptype}
    main = main_ccd(good, common)
    table = table.with_header({**_live(good, common), **subspace(good, main)})
    yield Product("ACIS_EVT1", (table, *gti_tables(good, main)), *span, common)
    yield watch.findings()
    reports = [*aspect_findings(solution, request.partition, quick_look, span)]
    reports += observation.sim_findings(par, request.partition)
    yield from (*reports, *(finding(watch.product, "ACIS", kind, f"{watch.product}: {text}", span, count, unit)
                            for kind, text, count, unit in found.notes))  # fmt: skip


def bias_maps(products: Sequence[Product]) -> dict[int, NDArray[Any]]:
    """Bias maps (1024, 1024) [adu] by chip; of several of a chip the last one, that of the last science run.

    Raises
    ------
    BadData
        If a map is not of a chip, or not of its size.
    """
    found: dict[int, NDArray[Any]] = {}
    for product in sorted(products, key=lambda product: product.tstart):
        what = f"bias map of {product.tstart:.0f} s"
        picture = product.tables[0] if product.tables else None
        head = {**product.header, **(picture.header if picture is not None else {})}
        ccd = required(head, "CCD_ID", what)
        shape = picture.pixels.shape if isinstance(picture, Image) else None
        if not 0 <= ccd < CHIPS or shape != (ROWS, ROWS):
            size = f"{shape[1]} x {shape[0]} pixels" if shape else "no image"
            fits = f"0 to {CHIPS - 1} and {ROWS} x {ROWS} pixels"
            raise BadData(f"{what}: CCD_ID {ccd:g} and {size}, expected {fits}; deliver another")
        assert isinstance(picture, Image)
        found[int(ccd)] = picture.pixels
    return found


def _rows(masks: Sequence[Product] | None) -> Header:
    """Which rows were read out, from the mask: all of them without one."""
    head = masks[0].tables[0].header if masks else {}
    what = "mask (ACIS_MSK1)"
    first = whole(head, "FIRSTROW", what, (2, ROWS - 1), 2) - 1
    last = whole(head, "LASTROW", what, (first + 1, ROWS - 1), ROWS - 1) + 1
    return {
        "FIRSTROW": (first, "Index of first row of CCD (sub)array readout"),
        "NROWS": (last - first + 1, "Number of rows in (sub)array readout"),
    }


@dataclass(frozen=True, eq=False)
class Gathered:
    """Level-0 events of an observation.

    Attributes
    ----------
    events
        In order of time, each once, some at a time.
    header
        Keywords of the frames.
    good
        Good times by chip.
    notes
        What is wrong with them: kind, words, how many, of what.
    """

    events: Merge
    header: Header
    good: dict[int | None, NDArray[Any]]
    notes: tuple[tuple[str, str, int, str], ...] = ()

    def number(self, name: str, default: float) -> float:
        """A keyword of the frames; the default where there is none."""
        return required(self.header, name, "evt0") if name in self.header else default


def gathered(evt0: Sequence[Product], par: observation.Parameters) -> Gathered:
    """Level-0 events of an observation, its frames' keywords and good times.

    Products of another mode, of the observation before or after, are left aside. A chip that looked and saw nothing
    has good times and no events.

    Raises
    ------
    NothingToDo
        If there is none of its mode.
    """
    span = observation.span(par)
    row = "TROW" if par.get("readmode") == "CONTINUOUS" else "CCDY"
    events = Merge(
        lambda number: evt0[number].table("EVENTS"),
        lambda table: (table["TIME"] >= span[0]) & (table["TIME"] < span[1]),
        Same(("CCDX", row, "CCD_ID", "EXPNO"), SAME, ("CCD_ID", row)),
    )
    header: Header = {}
    good: dict[int | None, NDArray[Any]] = {}
    wrong = {"no_time": 0, "bad_gti": 0, "no_gti": 0}
    number, timeless = 0, 0

    def count(block: Table) -> None:
        nonlocal timeless
        timeless += int(np.count_nonzero(~np.isfinite(block["TIME"])))

    for at, product in enumerate(evt0):
        head = {**product.header, **product.tables[0].header}
        seen, reversed_ = _seen(product)
        inside = intervals.intersect(seen, [span])
        if str(keyword(head, "DATAMODE")) != par.get("datamode"):
            continue
        before = timeless
        wanted = events.add(at, product.table("EVENTS"), count)
        if not (wanted or len(inside)):
            timeless = before
            continue
        number += wanted
        header |= {name: head[name] for name in ("EXPTIME", "TIMEDEL") if name in head}
        what = f"evt0 of {product.tstart:.0f} s"
        ccd = int(required(head, "CCD_ID", what))
        if not 0 <= ccd < CHIPS:
            raise BadData(f"{what}: keyword CCD_ID is {ccd}, expected 0 to {CHIPS - 1}; make the product again")
        good[ccd] = intervals.union(good.get(ccd, intervals.EMPTY), inside)
        wrong["bad_gti"] += reversed_
        wrong["no_gti"] += not len(seen)
    if not good:
        raise NothingToDo(f"no level-0 events of mode {par.get('datamode')} from {span[0]:.0f} to {span[1]:.0f} s")
    wrong |= {"no_time": timeless, "no_events": int(not number)}
    good = {ccd: intervals.joined(some, TOUCHING) for ccd, some in good.items()}
    notes = tuple((kind, NOTES[kind][0], count, NOTES[kind][1]) for kind, count in wrong.items() if count)
    return Gathered(events, header, good, notes)


def _seen(product: Product) -> tuple[NDArray[Any], int]:
    """Good times of a level-0 product, and how many of its intervals are none: they end before they begin, or NaN."""
    parts = [np.column_stack([t["START"], t["STOP"]]) for t in product.tables if "START" in t and "STOP" in t]
    given = np.concatenate([intervals.EMPTY, *parts])
    whole = given[:, 1] >= given[:, 0]
    return intervals.normalise(given[whole]), int(np.count_nonzero(~whole))


def _live(good: Gtis, header: Header) -> Header:
    """Keywords of exposure; none where the frames do not say how long they are."""
    try:
        return live_keywords(good, header)
    except BadData:
        return {}


def _settings(par: observation.Parameters, found: Gathered, options: Mapping[str, Any]) -> Settings:
    clocked = par.get("readmode") == "CONTINUOUS"
    if not clocked and "EXPTIME" not in found.header:
        raise BadData("ACIS events: the evt0 products have no EXPTIME; extract them again")
    sim_x, sim_z, ra, dec, roll = (observation.number(par, name) for name in PLACE)
    tstart, tstop = observation.span(par)
    exptime = 0.0 if clocked else found.number("EXPTIME", 0.0)
    more = dict(options)
    if clocked:
        more |= {
            f"{axis}_targ": observation.number(par, f"{axis}_targ") if f"{axis}_targ" in par else nominal
            for axis, nominal in (("ra", ra), ("dec", dec))
        }
    return Settings(sim_x, sim_z, ra, dec, roll, tstart, tstop, exptime, clocked, **more)


def _calibration(files: Files, time: float, bias: Mapping[int, NDArray[Any]]) -> Calibration:
    _need(files, "gain_cti", time)
    first = {kind: tables[0] for kind, (_, tables) in files.items()}
    density, volume = files["cti"][1] if "cti" in files else (None, None)
    names = {keyword: files[kind][0] for kind, keyword in KEYWORDS.items() if kind in files}
    return calibration(
        first["gain_cti"], time, first.get("t_gain"), density, volume, first.get("subpix"), bias, names
    )  # fmt: skip


def _need(files: Files, kind: str, time: float) -> None:
    if kind not in files:
        raise BadData(f"calibration of ACIS: no file of kind {kind} holds at {time:.0f} s; deliver one (mta deliver)")
