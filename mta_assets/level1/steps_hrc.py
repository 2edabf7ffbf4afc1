"""Steps of the HRC level-1 pipelines: regions, dead time, good times and events of an observation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mta_assets.core import intervals
from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.gti import gti_tables, gtis_of
from mta_assets.core.records import finding
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table, concatenate
from mta_assets.level1 import goodtime, goodtime_mtl, hrc, hrc_dead_time, hrc_regions, observation
from mta_assets.level1.aspect_choice import aspect_findings, best_aspect
from mta_assets.level1.aspect_quality import NO_SOLUTION
from mta_assets.level1.aspect_tables import QUALITY_STEP
from mta_assets.level1.goodtime_mtl import Source
from mta_assets.level1.goodtime_rules import FUNCTIONS, tokens
from mta_assets.level1.hrc_calibration import of_tables

Products = Sequence[Product]
Files = Mapping[str, tuple[str, tuple[Table, ...]]]  # kind of calibration → name of the file, its tables
RATES = ("2TLEV1RT", "2VLEV1RT")  # [1/s] total and valid events
VOLTAGE = {"HRC-I": "2IMONST", "HRC-S": "2SPONST"}  # high voltage of the detector: ON or OFF
MOTION = ("3TSCMOVE", "3FAMOVE")  # SIM translation and focus: STOP or MOVE
BEFORE = 70.0  # [s] samples from so long before the observation tell its beginning: two rows of the slowest
HOLD = 2.1  # [row] a sample is valid for: one may be lost
ANGLES = ("Point_SunLimbAng", "Point_MoonLimbAng", "Point_EarthLimbAng")
ANGLE_STEP = 300.0  # [s] of an anglesf…_eph1


def regions(obspar: Products, files: Files) -> Iterator[Product]:
    """``HRC_BPIX1`` and ``HRC_MSK1``: the bad regions of the detector, and the mask that they leave."""
    par = observation.parameters(obspar)
    detector = _detector(par)
    made = hrc_regions.products(
        hrc_regions.bad_pixels_of(_table(files, "badpix"), detector), detector, *observation.span(par)
    )
    for product, file_id in zip(made, ("HRC_BPIX1", "HRC_MSK1"), strict=True):
        yield _named(product, file_id, par)


def dead_time(engineering: Products, evt0: Products, obspar: Products) -> Product:
    """``HRC_DTF1``: dead-time factors from the rates in engineering and the events that came down.

    Raises
    ------
    NothingToDo
        If the rates did not come down.
    """
    par = observation.parameters(obspar)
    tstart, tstop = observation.span(par)
    rates = _samples(engineering, RATES, tstart, tstop)
    if not len(rates):
        raise NothingToDo(f"no event rates ({', '.join(RATES)}) from {tstart:.0f} to {tstop:.0f} s")
    events, _ = hrc.gathered(evt0, tstart, tstop, _detector(par))
    row = hrc_dead_time.ROW
    total, valid = (np.rint(np.asarray(rates[name], float) * row).astype(np.int64) for name in RATES)
    processed = np.zeros(len(rates), np.int64)
    for block in events.blocks():
        processed += hrc_dead_time.processed_counts(block["TIME"], rates["TIME"], row)
    table = hrc_dead_time.dead_time(rates["TIME"], total, valid, processed)
    return _named(Product("HRC_DTF1", (table,), tstart, tstop, {"CONTENT": ("DTF", "data product")}), "HRC_DTF1", par)


def statistics(dtf: Products, flt: Products, obspar: Products, request: Request) -> Iterator[Product | Table]:
    """``HRC_DTFSTAT1``: the dead-time correction of the good times; a finding if nothing triggered in some of them."""
    par = observation.parameters(obspar)
    good = gtis_of(flt[0].tables).get(None, intervals.EMPTY)
    table = hrc_dead_time.statistics(dtf[0].table("DTF"), good)
    table = table.with_header(hrc_dead_time.live_time(good, table))
    made = Product("HRC_DTFSTAT1", (table,), *observation.span(par), {"CONTENT": ("DTFSTATS", "data product")})
    yield _named(made, "HRC_DTFSTAT1", par)
    silent = hrc_dead_time.silent(dtf[0].table("DTF"), good)
    if len(silent):
        seconds, voltage = len(silent) * hrc_dead_time.ROW, VOLTAGE[_detector(par)]
        detail = (
            f"hrcf{request.partition} dtf1: nothing triggered in {seconds:.0f} s of the good times, so EXPOSURE is too "
            f"long by them: look at {voltage} and deliver a flt1 or a limit without them"
        )
        span = float(silent[0]), float(silent[-1]) + hrc_dead_time.ROW
        yield finding(f"hrcf{request.partition} dtf1", "HRC", "hrc_silent", detail, span, len(silent), "rows")


def good_times(
    obspar: Products,
    hrc_engineering: Products,
    sim_engineering: Products,
    dtf: Products | None,
    quality: Products | None,
    delivered: Products | None,
    angles: Products | None,
    ground: Products | None,
    onboard: Products | None,
    files: Files,
    request: Request,
) -> Iterator[Product | Table]:
    """``HRC_MTL1`` and ``HRC_FLT1``: modes on one grid of times, judged by the rules of the calibration.

    ``quality`` is our own (ASPQUAL), ``delivered`` the archive's (AQUAL), which wins.

    A limit that asks for what the observation has no product of (angles without ephemerides, quality of the aspect on
    the quick-look stream) is not applied: it is not in LIMITS, and a finding names it.
    """
    par = observation.parameters(obspar)
    detector, (tstart, tstop) = _detector(par), observation.span(par)
    solution = best_aspect(ground, onboard, request.stream == "sap")
    sources = [_constant(par, detector, tstart), *_engineering(hrc_engineering, sim_engineering, detector, par)]
    sources.append(Source(_gaps(solution.covered, tstart), {"AOFF_GAP": "gap"}, np.inf, {"AOFF_GAP": 1}))
    if dtf:
        sources.append(Source(dtf[0].table("DTF"), {"DTF": "DTF"}, HOLD * hrc_dead_time.ROW))
    if (delivered or quality) and request.stream == "sdp":
        status, hold = _joined(delivered or quality or ()), HOLD * QUALITY_STEP
        sources.append(Source(status, {"asp_sol_status": "asp_sol_status"}, hold, {"asp_sol_status": NO_SOLUTION}))
    if angles:
        sources.append(Source(angles[0].tables[0], {name: name for name in ANGLES}, HOLD * ANGLE_STEP))
    table = goodtime_mtl.mode_telemetry(tstart, tstop, sources)
    every = goodtime_mtl.limits_of(_table(files, "limits"), detector)
    asked = tuple(rule for rule in every if _names(rule) <= {name.lower() for name in table.columns})
    judged = goodtime.judge(table, asked)
    yield _named(goodtime_mtl.product("HRC_MTL1", table, judged, tstart, tstop), "HRC_MTL1", par)
    yield _named(goodtime.filter_product("HRC_FLT1", judged, tstart, tstop), "HRC_FLT1", par)
    left = [rule for rule in every if rule not in asked]
    if left:
        yield _not_asked(request, left, tstart, tstop)


def events(
    evt0: Products,
    obspar: Products,
    ground: Products | None,
    onboard: Products | None,
    flt: Products,
    bpix: Products,
    files: Files,
    request: Request,
) -> Iterator[Product | Table]:
    """``HRC_EVT1`` of an observation, and what went wrong."""
    par = observation.parameters(obspar)
    quick_look, span = request.stream == "sap", observation.span(par)
    solution = best_aspect(ground, onboard, quick_look)
    (good,) = gti_tables({None: gtis_of(flt[0].tables).get(None, intervals.EMPTY)})
    flt = [replace(flt[0], tables=(good,))]  # without the keywords of another product
    given = [Product("ASOL", (solution.table,), np.nan, np.nan)] if solution.table is not None else []
    plain = {name: value[0] for name, value in observation.keywords(par).items()}
    plain |= {"DETNAM": _detector(par), "TSTART": span[0], "TSTOP": span[1]}
    ready = of_tables(files["tap"][1] if "tap" in files else (), str(plain["DETNAM"]))
    made = hrc.process_events(evt0, given, flt[0], bpix[0], plain, ready)
    header = {name: value for name, value in made.header.items() if name not in ("TSTART", "TSTOP")}
    yield replace(made, header={**header, "ASPTYPE": solution.asptype})
    yield from aspect_findings(solution, request.partition, quick_look, span)
    yield from observation.sim_findings(par, request.partition)
    name = f"hrcf{request.partition} evt1"
    for kind, count, text in _notes(made):
        yield finding(name, "HRC", kind, f"{name}: {count} {text}", span, count, "events")


def _table(files: Files, kind: str) -> Table | None:
    """The first table of a calibration file; None without one that holds."""
    return files[kind][1][0] if kind in files else None


def _notes(evt1: Product) -> list[tuple[str, int, str]]:
    """What is wrong with the events: kind, how many, words."""
    table = evt1.table("EVENTS")
    lost, damaged = (int(head[name][0]) for head, name in ((table.header, "NOASPECT"), (evt1.header, "NDAMAGED")))
    notes = [
        ("no_aspect", lost, "events: no aspect at their time, X and Y are NaN: deliver an asol1 that covers it"),
        ("damaged", damaged, "event words fail their parity and are left out: they stand in the evt0"),
        ("no_events", int(not len(table)), "observation without an event: look at the evt0 and HRC_ENG0 of its time"),
    ]
    return [note for note in notes if note[1]]


def _detector(par: observation.Parameters) -> str:
    detector = par.get("detector", "")
    if detector not in VOLTAGE:
        known = ", ".join(VOLTAGE)
        raise BadData(
            f"obsid {par.get('obs_id', '?')}: detector is {detector!r}, expected one of {known}; make OBSPAR again"
        )
    return detector


def _named(product: Product, file_id: str, par: observation.Parameters) -> Product:
    header = {**observation.keywords(par), **product.header, "DETNAM": (_detector(par), "detector")}
    return replace(product, file_id=file_id, header=header)


def _samples(products: Iterable[Product], names: Sequence[str], tstart: float, tstop: float) -> Table:
    """Good rows of engineering that hold all of some parameters, in order of time, each once."""
    columns = ("TIME", *names)
    parts = []
    for product in products:
        table = product.tables[0]
        if all(name in table for name in columns):
            keep = (table["TIME"] >= tstart) & (table["TIME"] < tstop)
            keep &= ~np.any(table["QUALITY"], axis=tuple(range(1, table["QUALITY"].ndim)))
            parts.append(Table("SAMPLES", {name: table[name][keep] for name in columns}))
    if not parts:
        return Table("SAMPLES", {name: np.zeros(0) for name in columns})
    found = concatenate(parts)
    return found.where(np.unique(found["TIME"], return_index=True)[1])


def _engineering(given: Products, sim: Products, detector: str, par: observation.Parameters) -> Iterator[Source]:
    """High voltage, and whether the SIM moves."""
    tstart, tstop = observation.span(par)
    voltage = _samples(given, (VOLTAGE[detector],), tstart - BEFORE, tstop)
    if len(voltage):
        yield Source(voltage, {"DET_HV": VOLTAGE[detector]}, HOLD * 32.8)
    motion = _samples(sim, MOTION, tstart - BEFORE, tstop)
    if len(motion):
        moving = np.any([np.char.strip(motion[name].astype(str)) == "MOVE" for name in MOTION], axis=0)
        yield Source(Table("MOTION", {"time": motion["TIME"], "moving": moving}), {"MOVING": "moving"}, HOLD * 8.2)


def _constant(par: observation.Parameters, detector: str, tstart: float) -> Source:
    """What holds all the observation: it would be another one otherwise."""
    columns = {
        "time": np.array([tstart]),
        "detector": np.array([detector]),
        "grating": np.array([observation.text(par, "grating")]),
    }
    return Source(Table("OBSPAR", columns), {"DETNAM": "detector", "GRATING": "grating"}, np.inf)


def _gaps(covered: NDArray[np.float64], tstart: float) -> Table:
    """1 from the end of each stretch of aspect to the start of the next, and without any; 0 within."""
    first = min(tstart, covered[0, 0] if len(covered) else np.inf) - 1.0
    times = np.concatenate([[first], covered.ravel()])
    return Table("GAPS", {"time": times, "gap": np.concatenate([[1], np.tile([0, 1], len(covered))])})


def _joined(quality: Products) -> Table:
    """Status of the aspect out of quality files, in order of time: delivered ones cover intervals of their own."""
    names = ("time", "asp_sol_status")
    found = concatenate([Table("ASPQUAL", {name: p.tables[0][name] for name in names}) for p in quality])
    return found.where(np.unique(found["time"], return_index=True)[1])


def _names(rule: str) -> set[str]:
    """Columns that a rule asks for, in small letters."""
    words = {token.text.split(":")[0].lower() for token in tokens(rule) if token.kind == "name"}
    return words - {"t", "f", *FUNCTIONS}


def _not_asked(request: Request, rules: Sequence[str], tstart: float, tstop: float) -> Table:
    names = sorted({name for rule in rules for name in _names(rule)})
    detail = f"limits of good times not applied, no product has their columns: {', '.join(names)}"
    name = f"{request.partition} limits"
    return finding(name, "HRC", "good_times", detail, (tstart, tstop), len(rules), "limits")
