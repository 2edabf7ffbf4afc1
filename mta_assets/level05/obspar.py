"""Observation parameters (obspar): what level 1 has to know of an interval, as a table and as a parameter file.

The file has the form of IRAF parameter files, ``name,type,mode,value,min,max,"prompt"``, and the names of the archive's
``axaff…_obs0a.par`` files, as header dumps of archive products in this form show them (TGCat, ``evt0.par``).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Column, Product, Schema, Table
from mta_assets.core.times import MJDREF, mjd, to_tt_iso
from mta_assets.instruments.geometry import AIM_POINTS, FOCAL_LENGTH

OBSPAR = Schema(
    "OBSPAR",
    (
        Column("name", "U16", "", "name of the parameter"),
        Column("type", "U1", "", "s text, i integer, r real, b yes or no"),
        Column("value", "U80", "", "value as the parameter file has it"),
        Column("prompt", "U80", "", "what it is, with its unit"),
    ),
    "Parameters of an observation interval",
)


@dataclass(frozen=True)
class ScienceRun:
    """What an instrument did within an interval, from the level-0 products of the instrument.

    Times in TT s since 1998.0; ``detnam`` as in the products: ``ACIS-456789``, ``HRC-I``.
    """

    instrument: str
    tstart: float
    tstop: float
    detnam: str = ""
    datamode: str = ""
    readmode: str = ""


def science_runs(products: Iterable[Product]) -> list[ScienceRun]:
    """Runs of the instruments out of level-0 event or exposure products, in order of time.

    Products of one instrument and mode that overlap or follow within a block (other processors, the next hour) are
    one run; a long pause within makes no new one, because an observation without photons is still taken.
    """
    runs: dict[tuple[str, ...], ScienceRun] = {}
    for product in products:
        heads = {**product.header, **product.tables[0].header}
        instrument, detnam, datamode, readmode = (
            _text(heads.get(name)) for name in ("INSTRUME", "DETNAM", "DATAMODE", "READMODE")
        )
        key = (instrument, detnam, datamode, readmode, _text(heads.get("OBS_ID")))
        known = runs.get(key)
        tstart = min(product.tstart, known.tstart) if known else product.tstart
        tstop = max(product.tstop, known.tstop) if known else product.tstop
        runs[key] = ScienceRun(instrument, tstart, tstop, detnam, datamode, readmode)
    return sorted(runs.values(), key=lambda run: (run.tstart, run.instrument))


def obspar(
    interval: Mapping[str, Any], runs: Iterable[ScienceRun] = (), planned: Mapping[str, Any] | None = None
) -> Table:
    """Parameters of one interval.

    Parameters
    ----------
    interval
        One row of `obi.OBIS`, complete.
    runs
        Science runs; the one that shares most time with the interval is the observation's. Without one, instrument
        and mode are those that the position of the SIM says, and the science start and stop are the interval's.
    planned
        One row of `asrun.PLANNED`, for target, sequence number and the planned pointing.

    Raises
    ------
    BadData
        If the interval is not complete.
    """
    if not interval["complete"]:
        raise BadData(
            f"obsid {interval['obsid']} obi {interval['obi']}: an edge is still open "
            f"({interval['start_edge']}, {interval['stop_edge']}); wait for the playback before or after it"
        )
    run = _main_run(interval, runs)
    tstart, tstop = float(interval["tstart"]), float(interval["tstop"])
    detector = str(interval["detector"])
    rows: list[tuple[str, Any, str]] = [
        ("obs_id", str(int(interval["obsid"])), "Observation identifier"),
        ("obi_num", int(interval["obi"]), "Observation interval number"),
        ("seq_num", _planned(planned, "seq_num", ""), "Sequence number"),
        ("object", _planned(planned, "target", ""), "Target"),
        ("instrume", run.instrument if run else detector.split("-")[0], "Instrument that takes data"),
        ("detector", detector, "Detector at the focus"),
        ("detnam", run.detnam if run else "", "Chips or detector of the science run"),
        ("grating", str(interval["grating"]), "Grating in the beam"),
        ("obs_mode", "POINTING", "Observation mode"),
        ("datamode", run.datamode if run else "", "Data mode"),
        ("readmode", run.readmode if run else "", "Read mode"),
        ("tlmfmt", int(interval["format"]), "Telemetry format"),
        *((name, float(interval[name]), f"Mean pointing {name[:-4]} [deg]") for name in ("ra_nom", "dec_nom")),
        ("roll_nom", float(interval["roll_nom"]), "Mean roll [deg]"),
        *((f"q_nom{k + 1}", float(interval["q_nom"][k]), "Mean attitude quaternion, scalar last") for k in range(4)),
        ("ra_targ", _planned(planned, "ra", np.nan), "Planned right ascension [deg]"),
        ("dec_targ", _planned(planned, "dec", np.nan), "Planned declination [deg]"),
        ("sim_x", float(interval["sim_x"]), "SIM focus position [mm]"),
        ("sim_y", 0.0, "SIM offset [mm]"),
        ("sim_z", float(interval["sim_z"]), "SIM translation [mm]"),
        *_offsets(interval, detector),
        ("foc_len", FOCAL_LENGTH, "Focal length [mm]"),
        ("tstart", tstart, "Start of the pointing [s, TT since 1998.0]"),
        ("tstop", tstop, "Stop of the pointing [s]"),
        ("tstart_sci", max(run.tstart, tstart) if run else tstart, "Start of science data [s]"),
        ("tstop_sci", min(run.tstop, tstop) if run else tstop, "Stop of science data [s]"),
        ("ontime_max", tstop - tstart - float(interval["lost"]), "Time with telemetry [s]"),
        ("tlm_gaps", int(interval["gaps"]), "Gaps of the telemetry"),
        ("start_edge", str(interval["start_edge"]), "Start: seen or lost"),
        ("stop_edge", str(interval["stop_edge"]), "Stop: seen or lost"),
        ("date-obs", to_tt_iso(tstart), "Start (TT)"),
        ("date-end", to_tt_iso(tstop), "Stop (TT)"),
        ("mjdref", MJDREF, "MJD of time zero [d]"),
        ("mjd-obs", float(mjd(tstart)), "Start [d]"),
        ("timesys", "TT", "Time system"),
    ]
    columns = {
        "name": [name for name, _, _ in rows], "type": [_type(value) for _, value, _ in rows],
        "value": [_shown(value) for _, value, _ in rows], "prompt": [prompt for _, _, prompt in rows],
    }  # fmt: skip
    return OBSPAR.build({name: np.array(values) for name, values in columns.items()})


def to_text(table: Table) -> str:
    """The parameter file."""
    lines = []
    for name, kind, value, prompt in zip(*(table[c].tolist() for c in OBSPAR.names), strict=True):
        shown = f'"{value}"' if kind == "s" else value
        lines.append(f'{name},{kind},h,{shown},,,"{prompt}"')
    return "\n".join(lines) + "\n"


def from_text(text: str) -> dict[str, str | int | float | bool]:
    """Values of a parameter file by name.

    Raises
    ------
    BadData
        If a line is not one of a parameter file.
    """
    values: dict[str, str | int | float | bool] = {}
    for number, row in enumerate(csv.reader(text.splitlines()), 1):
        if not row or row[0].startswith("#"):
            continue
        if len(row) < 4 or row[1] not in "sirb":
            raise BadData(
                f"parameter file, line {number}: {','.join(row)[:60]!r} is not name,type,mode,value,min,max,prompt"
            )
        try:
            values[row[0]] = _value(row[1], row[3])
        except ValueError:
            raise BadData(f"parameter file, line {number}: {row[0]} = {row[3]!r} is not of type {row[1]}") from None
    return values


def _value(kind: str, text: str) -> str | int | float | bool:
    if kind == "s":
        return text
    if kind == "b":
        return text.lower() in ("yes", "y", "true")
    return int(text) if kind == "i" else float("nan" if text.upper() == "INDEF" else text)


def _main_run(interval: Mapping[str, Any], runs: Iterable[ScienceRun]) -> ScienceRun | None:
    shared = [(min(r.tstop, interval["tstop"]) - max(r.tstart, interval["tstart"]), r) for r in runs]
    inside = [pair for pair in shared if pair[0] > 0]
    return max(inside, key=lambda pair: pair[0])[1] if inside else None


def _offsets(interval: Mapping[str, Any], detector: str) -> list[tuple[str, Any, str]]:
    """How far the SIM stands from the aim point of the detector."""
    if detector not in AIM_POINTS:
        return []
    nominal = AIM_POINTS[detector]
    return [
        ("sim_x_nom", nominal[0], "SIM focus of the aim point [mm]"),
        ("sim_z_nom", nominal[1], "SIM translation of the aim point [mm]"),
        ("defocus", float(interval["sim_x"]) - nominal[0], "Distance from best focus [mm]"),
        ("sim_z_offset", float(interval["sim_z"]) - nominal[1], "Distance from the aim point [mm]"),
    ]


def _planned(planned: Mapping[str, Any] | None, name: str, default: Any) -> Any:
    return default if planned is None else type(default)(planned[name])


def _text(value: Any) -> str:
    return str(value[0] if isinstance(value, tuple) else "" if value is None else value)


def _type(value: Any) -> str:
    return "s" if isinstance(value, str) else "i" if isinstance(value, int) else "r"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value.replace('"', "'")
    return "INDEF" if isinstance(value, float) and not np.isfinite(value) else repr(value)
