"""Parameters of an observation from the intervals of several playbacks; differences from the plan, once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mta_assets.core.errors import NothingToDo
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.instruments.geometry import angles_from_quaternion
from mta_assets.level05.asrun import PLANNED, planned_table
from mta_assets.level05.obi import OBIS
from mta_assets.level05.obspar import from_text
from mta_assets.level05.steps import against_plan, lost_telemetry, observation_parameters, parameter_file

REQUEST = Request("28101_000", "sdp", 1000.0, 2000.0, 0.0, {}, 28101, 0)
COVERED = np.array([[0.0, 5000.0]])


def obis(tstop: float = 2000.0, complete: bool = True) -> Table:
    row = {
        "obsid": 28101, "obi": 0, "tstart": 1000.0, "tstop": tstop, "start_edge": "seen",
        "stop_edge": "seen" if complete else "open", "complete": complete, "gaps": 0, "lost": 0.0, "kind": "OR",
        "detector": "ACIS-S", "grating": "HETG", "format": 2, "sim_x": -0.68, "sim_z": -190.14, "ra_nom": 82.0,
        "dec_nom": -65.0, "roll_nom": 1.0, "q_nom": [0.0, 0.0, 0.0, 1.0],
    }  # fmt: skip
    return OBIS.build({name: np.array([value]) for name, value in row.items()})


def of(table: Table) -> Product:
    return Product("OBIS", (table,), 0.0, 5000.0)


def values(product: Product) -> dict[str, str]:
    table = product.tables[0]
    return dict(zip(table["name"].tolist(), table["value"].tolist(), strict=True))


def test_the_interval_that_the_catalog_has_is_taken() -> None:
    given = [of(obis(1500.0)), of(obis(2000.0)), of(obis(2500.0)), of(obis(2000.0, complete=False))]
    made, findings = observation_parameters(given, None, None, [], REQUEST)
    assert len(findings) == 0
    assert (made.file_id, made.tstart, made.tstop) == ("OBSPAR", 1000.0, 2000.0)
    assert values(made)["ra_targ"] == "INDEF"


def test_the_plan_gives_the_target() -> None:
    planned = [{"obsid": 28101, "obi": 0, "ra": 82.5, "dec": -65.5, "target": "AB Dor", "tstart": 1e3, "tstop": 2e3}]
    product, _ = observation_parameters([of(obis())], None, None, planned, REQUEST)
    found = values(product)
    assert (found["ra_targ"], found["object"]) == ("82.5", "AB Dor")


def test_an_interval_without_an_edge_waits() -> None:
    with pytest.raises(NothingToDo, match="28101_000: no playback shows both its edges"):
        observation_parameters([of(obis(complete=False))], None, None, [], REQUEST)


def test_an_edge_that_a_later_playback_settled_is_lost_and_a_finding_says_so() -> None:
    facts = {"start_edge": "seen", "stop_edge": "lost", "ra_nom": 82.5, "dec_nom": -65.0, "roll_nom": 1.0}
    made, findings = observation_parameters(
        [of(obis(complete=False))], None, None, [], replace(REQUEST, facts=facts)
    )  # fmt: skip
    found = values(made)
    assert (found["start_edge"], found["stop_edge"], made.tstop) == ("seen", "lost", 2000.0)
    attitude = [float(found[f"q_nom{k}"]) for k in range(1, 5)]
    assert angles_from_quaternion(np.array(attitude)) == pytest.approx((82.5, -65.0, 1.0))
    assert findings["kind"].tolist() == ["telemetry"]
    assert findings["detail"].tolist() == [
        "its stop lies in telemetry that has not come: the interval ends with the last sample that there is; "
        "a playback that still comes revises it"
    ]


def test_of_two_playbacks_with_the_same_edges_the_one_before_the_gap_was_filled_does_not_count() -> None:
    table = obis()
    before = OBIS.build({**table.columns, "gaps": np.array([1]), "lost": np.array([400.0])})
    facts = {"start_edge": "seen", "stop_edge": "seen", "gaps": 0, "lost": 0.0}
    for given in ([of(before), of(table)], [of(table), of(before)]):
        made, findings = observation_parameters(given, None, None, [], replace(REQUEST, facts=facts))
        assert (values(made)["tlm_gaps"], values(made)["ontime_max"], len(findings)) == ("0", "1000.0", 0)


@pytest.mark.parametrize(("edge", "lost", "said"), [("seen", 300.0, 0), ("seen", 300.5, 1), ("lost", 300.5, 2)])
def test_a_long_gap_and_a_lost_start_are_findings_of_their_own(edge: str, lost: float, said: int) -> None:
    row = {name: values[0] for name, values in obis().columns.items()} | {"start_edge": edge, "lost": lost, "gaps": 1}
    assert len(lost_telemetry(row)) == said


def test_a_difference_from_the_plan_is_reported_by_the_playbacks_that_it_meets() -> None:
    other = planned_table([{"obsid": 9, "obi": 0, "tstart": 7000.0, "tstop": 8000.0}])
    there = Request("p", "sdp", 1900.0, 3000.0, 0.0)
    after = Request("p", "sdp", 2000.5, 3000.0, 0.0)
    assert against_plan(obis(), other, COVERED, there)["detail"].tolist() == [
        "observed, and not in the observing catalogue"
    ]
    assert len(against_plan(obis(), other, COVERED, after)) == 0
    assert len(against_plan(obis(), PLANNED.empty(), COVERED, there)) == 0  # no catalogue was imported


def test_the_parameter_file_has_the_same_values() -> None:
    made, _ = observation_parameters([of(obis())], None, None, [], REQUEST)
    product = parameter_file([made], file_id="OBSPAR_PAR")
    assert (product.tstart, product.tstop) == (made.tstart, made.tstop)
    read = from_text("\n".join(product.tables[0]["LINE"].tolist()))
    assert read["obs_id"] == "28101"
    assert read["tstart"] == 1000.0
    assert list(read) == list(values(made))
