"""Obspar files, and differences between plan and telemetry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Product, Table
from mta_assets.level05.asrun import compare, planned_table
from mta_assets.level05.obi import OBIS
from mta_assets.level05.obspar import ScienceRun, from_text, obspar, science_runs, to_text

ROW: dict[str, Any] = {
    "obsid": 28101, "obi": 0, "tstart": 1000.0, "tstop": 9000.0, "start_edge": "seen", "stop_edge": "seen",
    "complete": True, "gaps": 1, "lost": 10.0, "kind": "OR", "detector": "ACIS-S", "grating": "HETG", "format": 2,
    "sim_x": -0.68, "sim_z": -190.0, "ra_nom": 82.19, "dec_nom": -65.45, "roll_nom": 282.4,
    "q_nom": np.array([0.0, 0.0, 0.0, 1.0]),
}  # fmt: skip
PLAN: dict[str, Any] = {
    "obsid": 28101, "obi": 0, "tstart": 1000.0, "tstop": 9000.0, "ra": 82.19, "dec": -65.45, "roll": 282.0,
    "detector": "ACIS-S", "grating": "HETG", "target": "AB Dor", "seq_num": "200001", "aot": "not a column",
}  # fmt: skip


def obis(**changes: Any) -> Table:
    row = {**ROW, **changes}
    return OBIS.build({name: np.array([row[name]]) for name in OBIS.names})


def found(plan: dict[str, Any] | None = None, **changes: Any) -> list[tuple[str, str]]:
    table = compare(obis(**changes), planned_table([{**PLAN, **(plan or {})}]), np.array([[0.0, 1e4]]))
    return [(str(s), str(d)) for s, d in zip(table["severity"], table["detail"], strict=True)]


def test_the_parameter_file_reads_back_what_the_table_says() -> None:
    run = ScienceRun("ACIS", 1200.0, 9100.0, "ACIS-456789", "FAINT", "TIMED")
    other = ScienceRun("HRC", 0.0, 1100.0, "HRC-I", "OBSERVING")
    planned = planned_table([PLAN])
    table = obspar(ROW, [other, run], {name: planned[name][0] for name in planned.columns})
    values = from_text(to_text(table))
    assert len(values) == len(table)
    expected = {
        "obs_id": "28101", "obi_num": 0, "object": "AB Dor", "seq_num": "200001", "instrume": "ACIS",
        "detector": "ACIS-S", "detnam": "ACIS-456789", "datamode": "FAINT", "readmode": "TIMED", "grating": "HETG",
        "tstart": 1000.0, "tstop": 9000.0, "tstart_sci": 1200.0, "tstop_sci": 9000.0, "ontime_max": 7990.0,
        "ra_targ": 82.19, "tlm_gaps": 1, "q_nom4": 1.0, "tlmfmt": 2,
    }  # fmt: skip
    assert {name: values[name] for name in expected} == expected
    assert values["sim_z_offset"] == pytest.approx(0.14006604987)
    assert all(line.count(",") >= 6 for line in to_text(table).splitlines())


def test_without_a_science_run_the_sim_says_the_instrument() -> None:
    values = from_text(to_text(obspar(ROW)))
    assert (values["instrume"], values["datamode"], values["tstart_sci"]) == ("ACIS", "", 1000.0)
    assert np.isnan(values["ra_targ"])


def test_an_open_interval_has_no_parameters() -> None:
    with pytest.raises(BadData, match="an edge is still open"):
        obspar({**ROW, "complete": False, "stop_edge": "open"})


@pytest.mark.parametrize("line", ["tstart", "tstart,r,h,noon,,,x", "obi_num,q,h,1,,,x"])
def test_a_line_that_is_not_of_a_parameter_file_is_named(line: str) -> None:
    with pytest.raises(BadData, match="parameter file, line 2"):
        from_text(f"a,s,h,b,,,c\n{line}\n")


def test_products_of_all_processors_and_hours_are_one_run() -> None:
    def product(tstart: float, tstop: float, mode: str) -> Product:
        header = {"INSTRUME": ("ACIS", ""), "DETNAM": ("ACIS-67", ""), "DATAMODE": (mode, ""), "OBS_ID": ("1", "")}
        return Product("ACIS_EVT0", (Table("EVENTS", {}, header),), tstart, tstop)

    runs = science_runs([product(10, 20, "FAINT"), product(0, 10, "FAINT"), product(30, 40, "GRADED")])
    assert [(r.tstart, r.tstop, r.datamode) for r in runs] == [(0, 20, "FAINT"), (30, 40, "GRADED")]


def test_what_was_run_as_planned_gives_no_finding() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("changes", "severity", "words"),
    [
        ({"detector": "HRC-I"}, "red", "detector is HRC-I, planned ACIS-S"),
        ({"detector": ""}, "red", "detector is not known, planned ACIS-S"),
        ({"grating": "NONE"}, "red", "grating is NONE, planned HETG"),
        ({"dec_nom": -65.43}, "red", "pointing is 1.20 arcmin from the planned one"),
        ({"roll_nom": 283.5}, "yellow", "roll differs by 1.50 deg from the planned one"),
        ({"tstart": 1301.0}, "yellow", "start 301 s late"),
        ({"tstop": 9301.0}, "yellow", "stop 301 s late"),
    ],
)
def test_each_difference_is_a_finding(changes: dict[str, Any], severity: str, words: str) -> None:
    assert found(**changes) == [(severity, words)]


@pytest.mark.parametrize("changes", [{"tstart": 1300.0}, {"dec_nom": -65.434}, {"roll_nom": 283.0}])
def test_differences_within_the_limits_are_none(changes: dict[str, Any]) -> None:
    assert found(**changes) == []


def test_a_shortened_observation_is_two_findings() -> None:
    assert found(tstop=8500.0) == [("yellow", "93.8 % of the planned time"), ("yellow", "stop 500 s early")]


def test_what_the_catalogue_does_not_say_is_not_compared() -> None:
    assert found({"ra": None, "dec": None, "roll": None, "detector": None, "grating": ""}) == []


def test_unplanned_and_missed_observations_are_findings() -> None:
    assert found({"obsid": 5}) == [
        ("yellow", "observed, and not in the observing catalogue"),
        ("red", "planned (AB Dor) and not observed"),
    ]
    # an engineering request is in no catalogue; what was planned outside the telemetry may still come
    assert found({"obsid": 5, "tstop": 2e4}, obsid=44055, kind="ER") == []


def test_an_interval_that_is_not_complete_is_not_judged() -> None:
    assert found(complete=False, stop_edge="open", tstop=2000.0) == []
