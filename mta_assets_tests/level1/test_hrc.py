"""HRC level 1 as a pipeline runs it: products in, products out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mta_assets.core.errors import BadData
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.level1 import goodtime, hrc, hrc_regions, steps_hrc
from mta_assets_tests.core.merged import merged
from mta_assets_tests.level1.hrc_calibration import bad_pixels, hrc_ready
from mta_assets_tests.level1.hrc_simulated import DETECTORS, dwell_of, level0, solution, truth

SECONDS = 200.0


def given(detector: str) -> dict[str, Any]:
    dwell = dwell_of(detector)
    table = level0(truth(detector, SECONDS), detector)
    table.columns["QUALITY"] = np.zeros((len(table), 20), bool)
    start, stop = dwell.tstart, dwell.tstart + SECONDS
    bad = bad_pixels(detector)
    gti = goodtime.gti_table(np.array([[start, stop]]))
    return {
        "evt0": [Product("HRC_EVT0", (table,), start, stop)],
        "aspect": [Product("ASPSOL", (solution(dwell, start, stop + 1),), start, stop)],
        "good_times": Product("HRC_FLT", (goodtime.FILTER.empty(), gti), start, stop),
        "bad_pixels": hrc_regions.products(bad, detector, start, stop)[0],
        "observation": {
            "DETNAM": detector, "TSTART": start, "TSTOP": stop, "SIM_X": dwell.sim_x, "SIM_Z": dwell.sim_z,
            "RA_NOM": dwell.ra, "DEC_NOM": dwell.dec, "ROLL_NOM": dwell.roll, "OBS_ID": "62001",
        },
        "calibration": hrc_ready(detector),
    }  # fmt: skip


def part(product: Product, rows: Any) -> Product:
    return Product(product.file_id, (product.tables[0].where(rows),), product.tstart, product.tstop)


@pytest.mark.parametrize("detector", DETECTORS)
def test_an_observation_gives_its_events_with_sky_positions(detector: str) -> None:
    objects = given(detector)
    product = hrc.process_events(**objects)
    events = product.table("EVENTS")
    assert len(events) == len(objects["evt0"][0].tables[0])
    assert np.isfinite(events["x"]).all()
    assert product.header["OBS_ID"] == "62001"
    assert product.header["NDAMAGED"][0] == 0
    assert product.header["CONTENT"][0] == "EVT1"


def test_overlapping_and_repeated_products_give_every_event_once() -> None:
    objects = given("HRC-I")
    whole = hrc.process_events(**objects).table("EVENTS")
    (evt0,) = objects["evt0"]
    count = len(evt0.tables[0])
    pieces = [part(evt0, slice(count // 2, None)), part(evt0, slice(0, count // 2 + 50)), evt0]
    again = hrc.process_events(**objects | {"evt0": pieces}).table("EVENTS")
    for name, column in whole.columns.items():
        np.testing.assert_array_equal(again[name], column, err_msg=name)


def evt0_of(table: Table) -> Product:
    return Product("HRC_EVT0", (table,), 0.0, 1e12)


@pytest.mark.parametrize("count", [0, 4])
def test_the_detector_bit_may_be_a_column_of_one_or_of_none(count: int) -> None:
    table = given("HRC-I")["evt0"][0].tables[0].where(slice(0, count))
    flat = Table(table.name, {**table.columns, "DET_ID": table["DET_ID"][:, 0]})
    for one in (table, flat):
        found, _ = hrc.gathered([evt0_of(one)], 0.0, 1e12, "HRC-I")
        assert len(merged(found)) == count


def test_two_events_at_the_same_tick_are_two() -> None:
    objects = given("HRC-I")
    table = objects["evt0"][0].tables[0].where(np.array([0, 1, 1]))
    table.columns["TIME"] = np.full(3, table["TIME"][0])
    found, _ = hrc.gathered([evt0_of(table)], 0.0, 1e12, "HRC-I")
    assert len(merged(found)) == 2


def test_damaged_events_and_those_of_other_times_and_detectors_are_left_out() -> None:
    objects = given("HRC-I")
    table = objects["evt0"][0].tables[0].where(np.arange(6))
    table.columns["QUALITY"] = table["QUALITY"].copy()
    table.columns["QUALITY"][0, hrc.PARITY] = True
    table.columns["QUALITY"][1, 1] = True  # in a frame with a fault, but whole
    table.columns["DET_ID"] = np.array([[0], [0], [1], [0], [0], [0]], bool)
    found, damaged = hrc.gathered([evt0_of(table)], table["TIME"][0], table["TIME"][5], "HRC-I")
    assert damaged == 1
    np.testing.assert_array_equal(merged(found)["TIME"], table["TIME"][[1, 3, 4]])


def test_aspect_solutions_are_joined_without_their_overlap() -> None:
    whole = solution(dwell_of("HRC-I"), 0.0, 50.0)
    parts = [whole.where(np.arange(100, len(whole))), whole.where(np.arange(120)), whole.where(np.zeros(0, int))]
    joined = hrc.joined_solutions(parts)
    np.testing.assert_array_equal(joined["time"], whole["time"])
    np.testing.assert_array_equal(joined["q_att"], whole["q_att"])
    with pytest.raises(BadData, match="no aspect solution"):
        hrc.joined_solutions([])


def test_no_level_0_product_gives_an_empty_event_list() -> None:
    product = hrc.process_events(**given("HRC-S") | {"evt0": []})
    assert product.rows == 0
    assert [table.name for table in product.tables] == ["EVENTS", "GTI"]


def test_what_is_missing_of_the_observation_is_said() -> None:
    objects = given("HRC-I")
    less = {name: value for name, value in objects["observation"].items() if name not in ("SIM_Z", "RA_NOM")}
    with pytest.raises(BadData, match=r"\['SIM_Z', 'RA_NOM'\]"):
        hrc.process_events(**objects | {"observation": less})
    with pytest.raises(BadData, match="ACIS-S"):
        hrc.process_events(**objects | {"observation": objects["observation"] | {"DETNAM": "ACIS-S"}})


def test_dead_time_follows_from_rates_and_events() -> None:
    objects = given("HRC-I")
    start, stop = (objects["observation"][name] for name in ("TSTART", "TSTOP"))
    rows = start + 2.05 * np.arange(90)
    rates = {"TIME": rows, "2TLEV1RT": np.full(90, 200.0), "2VLEV1RT": np.full(90, 150.0)}
    engineering = Product("HRC_ENG0", (Table("HRC", {**rates, "QUALITY": np.zeros((90, 2), bool)}),), start, stop)
    values = {"obs_id": "62001", "detector": "HRC-I", "tstart": repr(start), "tstop": repr(stop), "ra_nom": "1.0",
              "dec_nom": "2.0"}  # fmt: skip
    names = Table("OBSPAR", {"name": np.array(list(values)), "value": np.array(list(values.values()))})
    obspar = Product("OBSPAR", (names,), start, stop)
    factors = steps_hrc.dead_time([engineering], objects["evt0"], [obspar])
    table = factors.table("DTF")
    assert set(table["TOTAL_EVT_COUNT"]) == {410}
    assert set(table["VALID_EVT_COUNT"]) == {308}  # 307.5 to the even one
    events = hrc.process_events(**objects).table("EVENTS")
    assert table["PROC_EVT_COUNT"].sum() == np.count_nonzero(events["time"] < rows[-1] + 2.05)
    request = Request("62001_000", "sdp", start, stop, 0.0)
    (stats,) = steps_hrc.statistics([factors], [objects["good_times"]], [obspar], request)
    assert isinstance(stats, Product)
    assert 0.98 < stats.table("DTFSTATS")["DTCOR"][0] < 1


def test_a_table_without_a_quality_column_is_refused() -> None:
    table = level0(truth("HRC-I", SECONDS), "HRC-I")
    with pytest.raises(BadData, match="QUALITY"):
        hrc.gathered([evt0_of(Table("EVENTS", table.columns))], 0.0, 1e12, "HRC-I")
