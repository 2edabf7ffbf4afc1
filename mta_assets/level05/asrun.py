"""As run against as planned: intervals found in telemetry beside the observing catalogue (OBSCAT)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mta_assets.core.intervals import Intervals, contains
from mta_assets.core.records import FINDINGS
from mta_assets.core.tables import Column, Schema, Table
from mta_assets.instruments.geometry import unit_vector
from mta_assets.level05.obi import obi_key

PLANNED = Schema(
    "PLANNED",
    (
        Column("obsid", "i4", "", "observation identifier"),
        Column("obi", "i2", "", "number of the interval"),
        Column("tstart", "f8", "s", "planned start"),
        Column("tstop", "f8", "s", "planned stop"),
        Column("ra", "f8", "deg", "planned pointing; NaN where the catalogue does not say"),
        Column("dec", "f8", "deg", "planned pointing"),
        Column("roll", "f8", "deg", "planned pointing"),
        Column("detector", "U8", "", "ACIS-S …; empty where the catalogue does not say"),
        Column("grating", "U4", "", "NONE, HETG, LETG; empty where the catalogue does not say"),
        Column("datamode", "U12", "", "FAINT …; empty where the catalogue does not say"),
        Column("target", "U40", "", "name of the target"),
        Column("seq_num", "U8", "", "sequence number"),
    ),
    "Observations of the observing catalogue",
)
DEFAULTS: dict[str, Any] = {"obi": 0, "ra": np.nan, "dec": np.nan, "roll": np.nan}

LATE = 300.0  # [s] a start or stop that differs by more is a finding: acquisition takes up to some minutes
POINTING = 1.0 / 60  # [deg] as planned within an arcminute: aim-point offsets are below
ROLL = 1.0  # [deg]
SHORT = 0.95  # of the planned time: what is observed less has to be looked at
NAME_LENGTH, DETAIL_LENGTH = 24, 200  # of FINDINGS


def planned_table(observations: Sequence[Mapping[str, Any]]) -> Table:
    """`PLANNED` from rows of an observing catalogue.

    ``None`` or a missing entry is what the catalogue does not say; further entries are left aside.
    """
    if not observations:
        return PLANNED.empty()
    columns = {}
    for column in PLANNED.columns:
        default = DEFAULTS.get(column.name, "")
        given = [row.get(column.name) for row in observations]
        columns[column.name] = np.array([default if v is None else v for v in given]).astype(column.dtype)
    return PLANNED.build(columns)


def compare(obis: Table, planned: Table, covered: Intervals) -> Table:
    """Differences between what was planned and what the telemetry shows, as findings of kind ``obscat``.

    Parameters
    ----------
    obis
        `obi.OBIS`; only complete intervals are judged.
    planned
        `PLANNED`.
    covered
        Times of which there is telemetry: what was planned elsewhere is not missed yet.
    """
    rows: list[dict[str, Any]] = []
    for index in np.flatnonzero(obis["complete"]):
        row = {name: obis[name][index] for name in obis.columns}
        match = np.flatnonzero((planned["obsid"] == row["obsid"]) & (planned["obi"] == row["obi"]))
        if len(match):
            plan = {name: planned[name][match[0]] for name in planned.columns}
            rows += [_finding(row, *difference) for difference in _differences(row, plan)]
        elif row["kind"] == "OR":
            rows.append(_finding(row, "yellow", np.nan, np.nan, "", "observed, and not in the observing catalogue"))
    rows += [_missed(planned, i) for i in _not_observed(obis, planned, covered)]
    if not rows:
        return FINDINGS.empty()
    table = FINDINGS.build({c.name: np.array([r[c.name] for r in rows]).astype(c.dtype) for c in FINDINGS.columns})
    return table.where(np.lexsort((table["detail"], table["tstart"])))


def _differences(row: Mapping[str, Any], plan: Mapping[str, Any]) -> Iterator[tuple[str, float, float, str, str]]:
    """Severity, limit, value, unit and words of each difference of one interval."""
    for name in ("detector", "grating"):
        if plan[name] and row[name] != plan[name]:
            yield "red", np.nan, np.nan, "", f"{name} is {row[name] or 'not known'}, planned {plan[name]}"
    if np.isfinite(plan["ra"]) and np.isfinite(row["ra_nom"]):
        apart = unit_vector(row["ra_nom"], row["dec_nom"]) - unit_vector(plan["ra"], plan["dec"])
        angle = float(np.degrees(2 * np.arcsin(np.linalg.norm(apart) / 2)))
        if angle > POINTING:
            yield "red", POINTING, angle, "deg", f"pointing is {60 * angle:.2f} arcmin from the planned one"
    if np.isfinite(plan["roll"]) and np.isfinite(row["roll_nom"]):
        turned = float(abs((row["roll_nom"] - plan["roll"] + 180) % 360 - 180))
        if turned > ROLL:
            yield "yellow", ROLL, turned, "deg", f"roll differs by {turned:.2f} deg from the planned one"
    for name in ("tstart", "tstop"):
        late = float(row[name] - plan[name])
        if abs(late) > LATE:
            word = "late" if late > 0 else "early"
            yield "yellow", LATE, late, "s", f"{'start' if name == 'tstart' else 'stop'} {abs(late):.0f} s {word}"
    fraction = float((row["tstop"] - row["tstart"]) / (plan["tstop"] - plan["tstart"]))
    if fraction < SHORT:
        yield "yellow", SHORT, fraction, "", f"{100 * fraction:.1f} % of the planned time"


def _finding(
    row: Mapping[str, Any], severity: str, bound: float, value: float, unit: str, words: str
) -> dict[str, Any]:
    return {
        "name": f"obi {obi_key(int(row['obsid']), int(row['obi']))}"[:NAME_LENGTH], "subsystem": "OBS",
        "kind": "obscat", "severity": severity, "side": "", "bound": bound, "tstart": row["tstart"],
        "tstop": row["tstop"], "first": value, "last": value, "worst": value, "count": 1, "unit": unit,
        "detail": words[:DETAIL_LENGTH],
    }  # fmt: skip


def _not_observed(obis: Table, planned: Table, covered: Intervals) -> list[int]:
    """Rows of the plan whose whole time has telemetry and of which no interval, complete or not, was found."""
    if not len(planned):
        return []
    missed = []
    for index in range(len(planned)):
        there = (obis["obsid"] == planned["obsid"][index]) & (obis["obi"] == planned["obi"][index])
        times = np.linspace(planned["tstart"][index], planned["tstop"][index], 101)[:-1]
        if not there.any() and contains(covered, times).all():
            missed.append(index)
    return missed


def _missed(planned: Table, index: int) -> dict[str, Any]:
    row = {name: planned[name][index] for name in ("obsid", "obi", "tstart", "tstop")}
    return _finding(row, "red", np.nan, np.nan, "", f"planned ({planned['target'][index]}) and not observed")
