"""The aspect pipeline: centroids, guide stars and fid lights, attitude, offsets and quality of one interval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core import intervals
from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.records import FINDINGS
from mta_assets.core.tables import Header, Product, Table, concatenate, plain
from mta_assets.instruments import quaternions
from mta_assets.instruments.geometry import angles_from_quaternion
from mta_assets.level1.aca import find_centroids
from mta_assets.level1.aca_properties import fid_properties, guide_properties
from mta_assets.level1.aca_tables import select
from mta_assets.level1.aspect_fids import Offsets, solve_fids
from mta_assets.level1.aspect_gyro import Gyros, read_gyros
from mta_assets.level1.aspect_quality import assess, limit_table
from mta_assets.level1.aspect_solve import Attitude, solve, star_data
from mta_assets.level1.aspect_tables import ASPSOL, QUALITY_STEP, SAMPLE, hdu_keywords
from mta_assets.level1.observation import TEXTS, number, parameters_in, span

Array = NDArray[Any]

BREAK = 60.0  # [s] across a longer gap of the gyros a solution begins anew: their counts may have wrapped unseen
PLACES = {"ra": 360.0, "dec": 90.0, "yang": 5400.0, "zang": 5400.0}  # [deg], [arcsec] a camera sees 1.4 deg
ROUGH = 1e-3  # nominal quaternions are the mean over a dither: nearly of length one
OBSERVED = ("OBJECT", "SEQ_NUM", "DETNAM")  # of the observation; the archive leaves DETNAM empty, the target zero
INTEGRATION = 1.696  # [s] of an image, if the centroids have none


def make_aspect(
    images: Iterable[Product], engineering: Iterable[Product], stars: Table, obspar: Table,
    velocity: Array | None = None, integration: float = INTEGRATION,
) -> Iterator[Product | Table]:  # fmt: skip
    """Aspect products of one interval.

    Parameters
    ----------
    images
        ``ACA_IMG0`` of the interval.
    engineering
        ``PCAD_ENG0`` of the interval (the gyro counts are in group 15).
    stars
        `aca_tables.STARCAT`, of any observations.
    obspar
        Table OBSPAR of the interval: names and values.
    velocity
        (3,) [km/s] of the spacecraft, for the aberration of the stars; None if the catalogue's positions are apparent.

    Yields
    ------
    Product
        ``ASPSOL`` (asol1), ``ASPQUAL`` (aqual1), ``ACACENT`` (acen1), ``GSPROPS`` (gspr1), ``FIDPROPS`` (fidpr1). Where
        no attitude can be found there is no ASPSOL; the others say why.
    Table
        FINDINGS of what is wrong with the interval.
    """
    par = parameters(obspar)
    tstart, tstop = span(par)
    mine, unplaced = placed(select(stars, *_fields(par).values()))
    centroids = find_centroids(images, tstart, tstop)
    gyros = read_gyros(engineering, tstart, tstop)
    offsets = solve_fids(centroids, mine)
    first = _first(par)
    attitudes, reasons = solve_pieces(star_data(centroids, mine, velocity), gyros, first)
    solution = solution_table(attitudes, offsets)
    guides = mine["slot"][mine["type"] == "GUI"]
    nominal = (float(np.mean(solution["ra"])), float(np.mean(solution["dec"]))) if len(solution) else (0.0, 0.0)
    quality = assess(solution, centroids, gyros, guides, tstart, tstop, nominal)
    wrong = tuple(sorted({slot for attitude in attitudes for slot in attitude.wrong}))
    tables: dict[str, tuple[Table, ...]] = {
        "ASPSOL": (solution.with_header(_solution_keywords(solution, offsets)),),
        "ASPQUAL": (quality.with_header(_quality_keywords(offsets)), limit_table(quality)),
        "ACACENT": (centroids.with_header({"INTGTIME": (integration, "[s] integration of an image")}),),
        "GSPROPS": (guide_properties(centroids, mine, integration, _measurements(attitudes), wrong),),
        "FIDPROPS": (fid_properties(centroids, mine, integration, offsets, str(par["detector"])),),
    }
    common = _common_keywords(par)
    for name, given in tables.items():
        if len(given[0]):
            head = given[0].with_header(hdu_keywords(name))
            yield Product(name, (head, *given[1:]), tstart, tstop, common, _fields(par))
    damage = [
        f"{what} of slots {', '.join(map(str, slots))} of the star catalogue have no place and are left out; deliver it"
        for what, slots in unplaced.items()
    ]
    if gyros.dropped:
        damage.append(f"{gyros.dropped} samples of the gyros (AOGYRCT1 … 4) are spikes of an axis and were left out")
    if plain(centroids.header.get("NOTEMP")):
        damage.append(
            "no image tells the temperature of the camera (TEMPHOUS): the usual one was taken, roll may be off"
        )
    fids = tables["FIDPROPS"][0]
    if not offsets.slots:
        damage.append("no fid light was seen where it should be: dy, dz and dtheta are not known")
    else:
        bad = fids["slot"][fids["id_status"] == "BAD"].tolist()
        damage += [f"fid light of slot {slot} is not the one of the catalogue, by place or magnitude" for slot in bad]
    yield _findings(par, reasons, damage, wrong, solution, tables["GSPROPS"][0])


def parameters(obspar: Table) -> dict[str, str]:
    """Values of an OBSPAR table by name.

    Raises
    ------
    BadData
        If it lacks what the aspect of an interval needs, or a value can not be.
    """
    par = parameters_in(obspar)
    needed = ("obs_id", "obi_num", "tstart", "tstop", "detector", "q_nom1", "q_nom2", "q_nom3", "q_nom4")
    missing = [name for name in needed if name not in par]
    if missing:
        raise BadData(f"obspar of obsid {par.get('obs_id', '?')}: {', '.join(missing)} not given; make it again")
    return par


def _first(par: dict[str, str]) -> Array:
    q = np.array([number(par, f"q_nom{k}") for k in range(1, 5)])
    if not abs(np.linalg.norm(q) - 1) < ROUGH:
        raise BadData(
            f"obspar of obsid {par['obs_id']}: q_nom1 … 4 are {q.tolist()}, expected a quaternion of length one; make "
            "OBSPAR again"
        )
    return q / np.linalg.norm(q)


def placed(stars: Table) -> tuple[Table, dict[str, list[int]]]:
    """Rows of a star catalogue that say where a star or light should be, each once; slots of the others by kind."""
    found = np.zeros(len(stars), bool)
    missing: dict[str, list[int]] = {}
    for kind, names, words in (("GUI", ("ra", "dec"), "guide stars"), ("FID", ("yang", "zang"), "fid lights")):
        here = np.asarray(stars["type"] == kind)
        known = here & np.all([np.abs(stars[name]) <= PLACES[name] for name in names], axis=0)  # NaN is not less
        if (here & ~known).any():
            missing[words] = np.unique(stars["slot"][here & ~known]).tolist()
        found |= known
    rows = np.flatnonzero(found)
    same = np.unique(np.stack([stars["slot"][rows], stars["id"][rows]]), axis=1, return_index=True)[1]
    return stars.where(rows[np.sort(same)]), missing


def solve_pieces(stars: Any, gyros: Gyros, first: Array) -> tuple[list[Attitude], list[tuple[float, float, str]]]:
    """Attitudes of the stretches between long gaps, and times and reasons of stretches that have none."""
    cut = np.flatnonzero(np.diff(gyros.time) > BREAK) + 1
    edges = [0, *cut.tolist(), len(gyros.time)]
    found: list[Attitude] = []
    reasons: list[tuple[float, float, str]] = []
    for low, high in pairwise(edges):
        if high - low < 2:
            continue
        start, stop = float(gyros.time[low]), float(gyros.time[high - 1])
        piece = Gyros(gyros.time[low:high], gyros.angle[low:high] - gyros.angle[low], gyros.glitch[low:high])
        try:
            found.append(solve(stars.where((stars.time >= start) & (stars.time <= stop)), piece, first))
        except NothingToDo as reason:
            reasons.append((start, stop, str(reason)))
    if len(gyros.time) and not found and not reasons:
        times = (float(gyros.time[0]), float(gyros.time[-1]))
        reasons.append((*times, f"only {len(gyros.time)} samples of gyro data, far apart: no attitude can be found"))
    if not len(gyros.time):
        reasons.append((np.nan, np.nan, "no gyro data (AOGYRCT1 … 4) in the interval: no attitude can be found"))
    return found, reasons


def solution_table(attitudes: list[Attitude], offsets: Offsets) -> Table:
    """`aspect_tables.ASPSOL` of solved stretches, in order of time."""
    if not attitudes:
        return ASPSOL.empty()
    return concatenate([_stretch(attitude, offsets) for attitude in attitudes])


def _stretch(attitude: Attitude, offsets: Offsets) -> Table:
    q = quaternions.continuous(attitude.q_att)
    ra, dec, roll = angles_from_quaternion(q)
    value, sigma = offsets.at(attitude.time)
    s, c = np.sin(np.radians(roll)), np.cos(np.radians(roll))
    about_roll, about_pitch, about_yaw = (attitude.sigma / 3600).T
    # a turn about yaw moves the axis along body Y, about pitch along Z; roll turns these to north and east
    columns: dict[str, Array] = {
        "time": attitude.time, "ra": ra, "dec": dec, "roll": roll, "q_att": q,
        "ra_err": np.hypot(c * about_yaw, s * about_pitch), "dec_err": np.hypot(s * about_yaw, c * about_pitch),
        "roll_err": about_roll,
    }  # fmt: skip
    for k, name in enumerate(("dy", "dz", "dtheta")):
        columns[name], columns[f"{name}_err"] = value[:, k], sigma[:, k]
    for k, axis in enumerate(("roll", "pitch", "yaw")):
        columns[f"{axis}_bias"] = attitude.bias[:, k] / 3600
        columns[f"{axis}_bias_err"] = attitude.bias_sigma[:, k] / 3600
    return ASPSOL.build(columns)


def _quality_keywords(offsets: Offsets) -> Header:
    return {
        "DTASPQUL": (QUALITY_STEP, "[s] Nominal record delta-time"),
        "NUMFID": (len(offsets.slots), "Number of fids used in aspect solution"),
        "TIMEDEL": (QUALITY_STEP, "[s]"),
        "TIMEPIXR": (1.0, "a row stands for what is before its time"),
    }


def _solution_keywords(solution: Table, offsets: Offsets) -> Header:
    if not len(solution):
        return {}
    mean = quaternions.mean(solution["q_att"][:: max(len(solution) // 20000, 1)])
    _, pitch, yaw = np.degrees(quaternions.difference(solution["q_att"], mean)).T
    header: Header = {
        "DTASPSOL": (SAMPLE, "[s] Nominal record delta-time"),
        "ASPTYPE": ("KALMAN", "Solution method (kalman-photo)"),
        "BIASTYPE": ("KALMAN", "Gyro bias type (kalman-obc)"),
        "ASPALG": ("EGAUSS", "Solution algorithm (PSF-FM)"),
        "PITCHAMP": (float(np.ptp(pitch)), "[deg] Obs'd dither pitch amplitude, peak to peak"),
        "YAWAMP": (float(np.ptp(yaw)), "[deg] Obs'd dither yaw amplitude, peak to peak"),
        "NUMFID": (len(offsets.slots), "Number of fids used in aspect solution"),
        "TIMEDEL": (SAMPLE, "[s]"),
        "TIMEPIXR": (0.0, "default"),
        "ONTIME": (intervals.total(intervals.from_samples(solution["time"], SAMPLE)), "[s] on time"),
    }
    # as in the archive's files: the means of the columns, ra counted across 360
    turned = (solution["ra"] - solution["ra"][0] + 180) % 360 - 180
    ra = float((solution["ra"][0] + turned.mean()) % 360)
    rolled = (solution["roll"] - solution["roll"][0] + 180) % 360 - 180
    roll = float((solution["roll"][0] + rolled.mean()) % 360)
    for suffix, what in (("NOM", "Nominal"), ("PNT", "Pointing")):
        header[f"RA_{suffix}"] = (ra, f"[deg] {what} RA")
        header[f"DEC_{suffix}"] = (float(solution["dec"].mean()), f"[deg] {what} Dec")
        header[f"ROLL_{suffix}"] = (roll, f"[deg] {what} Roll")
    return header


def _measurements(attitudes: list[Attitude]) -> Table:
    """Star measurements of all stretches with their residuals."""
    names = ("slot", "used", "residual_y", "residual_z")
    if not attitudes:
        kinds = (int, bool, float, float)
        return Table("USED", {n: np.zeros(0, kind) for n, kind in zip(names, kinds, strict=True)})
    parts = [(a.stars.slot, a.used, a.residual_y, a.residual_z) for a in attitudes]
    return Table("USED", {n: np.concatenate([part[k] for part in parts]) for k, n in enumerate(names)})


def _common_keywords(par: dict[str, str]) -> Header:
    header: Header = {
        "INSTRUME": ("PCAD", "Aspect Camera"),
        "OBS_ID": (par["obs_id"], "Observation id"),
        "OBI_NUM": (_fields(par)["obi"], "Obi number"),
        "OBS_MODE": ("POINTING", "Observation mode"),
        "GRATING": (par.get("grating", "NONE"), "Grating"),
    }
    header |= {name: (par[TEXTS[name][0]], TEXTS[name][1]) for name in OBSERVED if TEXTS[name][0] in par}
    for axis in ("ra", "dec"):
        if f"{axis}_targ" in par:
            header[f"{axis.upper()}_TARG"] = (number(par, f"{axis}_targ"), f"[deg] target {axis}")
    for name in ("sim_x", "sim_y", "sim_z"):
        if name in par:
            header[name.upper()] = (number(par, name), "[mm] SIM offset")
    return header


def _fields(par: dict[str, str]) -> dict[str, Any]:
    return {"obsid": int(number(par, "obs_id")), "obi": int(number(par, "obi_num"))}


def _findings(
    par: dict[str, str], reasons: list[tuple[float, float, str]], damage: list[str], wrong: tuple[int, ...],
    solution: Table, guides: Table,
) -> Table:  # fmt: skip
    """What a person has to look at."""
    start, stop = span(par)
    rows = [("red", a if np.isfinite(a) else start, b if np.isfinite(b) else stop, why) for a, b, why in reasons]
    if len(solution):
        step = np.diff(solution["time"])
        for index in np.flatnonzero(step > BREAK):
            gap = (float(solution["time"][index]), float(solution["time"][index + 1]))
            rows.append(("yellow", *gap, f"aspect gap of {gap[1] - gap[0]:.0f} s within the interval"))
    rows += [("yellow", start, stop, words) for words in damage]
    rows += [("yellow", start, stop, f"guide star of slot {slot} is not the one of the catalogue") for slot in wrong]
    if not len(guides):
        rows.append(("red", start, stop, "the star catalogue has no guide star of this observation; deliver it"))
    name = "aspect {obsid:05d}_{obi:03d}".format(**_fields(par))
    return _finding_table([(name, *row) for row in rows])


def _finding_table(rows: list[tuple[str, str, float, float, str]]) -> Table:
    if not rows:
        return FINDINGS.empty()
    blank = {"subsystem": "PCAD", "kind": "aspect", "side": "", "unit": "", "count": 1}
    numbers = dict.fromkeys(("bound", "first", "last", "worst"), np.nan)
    made = [
        {"name": n, "severity": s, "tstart": a, "tstop": b, "detail": d[:200], **blank, **numbers}
        for n, s, a, b, d in rows
    ]
    return FINDINGS.build({c.name: np.array([row[c.name] for row in made]).astype(c.dtype) for c in FINDINGS.columns})
