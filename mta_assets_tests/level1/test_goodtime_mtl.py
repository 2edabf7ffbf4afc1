"""Mode telemetry from products and engineering with times of their own."""

from __future__ import annotations

import numpy as np
import pytest

from mta_assets.core.errors import BadData, ConfigError
from mta_assets.core.tables import Column, Schema, Table
from mta_assets.level1 import goodtime, goodtime_mtl
from mta_assets.level1.goodtime_mtl import Source
from mta_assets_tests.level1.hrc_calibration import LIMITS, hrc_tables

HV = Schema(
    "HV", (Column("time", "f8", "s"), Column("2IMTPAST", "u1", "V", "voltage step"), Column("STATE", "U3"))
).build({"time": [0.0, 4.0, 8.0], "2IMTPAST": [79, 80, 81], "STATE": ["OFF", "ON", "ON"]})


def table(hold: float = 5.0) -> Table:
    return goodtime_mtl.mode_telemetry(1.0, 11.0, [Source(HV, {"IMHVLV": "2IMTPAST", "DET_HV": "STATE"}, hold)], 2.0)


def test_a_row_takes_the_last_sample_at_or_before_its_middle() -> None:
    found = table()
    assert found["time"].tolist() == [2, 4, 6, 8, 10]
    assert found["IMHVLV"].tolist() == [79, 80, 80, 81, 81]
    assert found["DET_HV"].tolist() == ["OFF", "ON", "ON", "ON", "ON"]
    assert found.header["TIMEDEL"][0] == 2.0


def test_a_sample_that_is_too_old_is_not_known_and_passes_no_rule() -> None:
    found = table(hold=2.0)
    assert np.isnan(found["IMHVLV"]).tolist() == [True, False, True, False, True]
    assert found["DET_HV"].tolist() == ["UNKNOWN", "ON", "UNKNOWN", "ON", "UNKNOWN"]
    assert goodtime.judge(found, ["(fabs(IMHVLV-80)<=1)"]).gti.tolist() == [[3, 5], [7, 9]]
    moving = Table("SIM", {"time": np.array([4.0]), "MOVING": np.array([False])})
    rows = goodtime_mtl.mode_telemetry(1.0, 7.0, [Source(moving, {"MOVING": "MOVING"}, 1.0)], 2.0)
    assert rows["MOVING"].tolist() == [True, False, True]


def test_before_the_first_sample_and_without_any_nothing_is_known() -> None:
    late = HV.where(np.array([2]))
    for source in (late, HV.where(np.zeros(0, int))):
        found = goodtime_mtl.mode_telemetry(1.0, 5.0, [Source(source, {"IMHVLV": "2IMTPAST"}, 99.0)], 2.0)
        assert np.isnan(found["IMHVLV"]).all()


def test_columns_keep_their_unit_and_bits_stay_bits() -> None:
    status = Table("HK", {"time": np.array([0.0]), "STATUS": np.array([[True, False]])})
    sources = [Source(HV, {"IMHVLV": "2IMTPAST"}, 9), Source(status, {"STATUS": "STATUS"}, 9)]
    found = goodtime_mtl.mode_telemetry(0.0, 4.0, sources, 2.0)
    assert found.schema is not None
    declared = {column.name: column for column in found.schema.columns}
    assert (declared["IMHVLV"].unit, declared["IMHVLV"].doc) == ("V", "voltage step")
    assert declared["STATUS"].bits
    assert goodtime.judge(found, ["(STATUS==X1T,X2F)"]).gti.tolist() == [[0, 4]]


def test_two_sources_of_a_column_and_times_that_go_back_are_refused() -> None:
    with pytest.raises(ConfigError, match="two sources"):
        goodtime_mtl.mode_telemetry(0, 4, [Source(HV, {"A": "2IMTPAST"}, 9), Source(HV, {"A": "STATE"}, 9)], 2.0)
    with pytest.raises(BadData, match="do not ascend"):
        goodtime_mtl.mode_telemetry(0, 4, [Source(HV.where(np.array([1, 0])), {"A": "STATE"}, 9)], 2.0)
    with pytest.raises(BadData, match="no column"):
        goodtime_mtl.mode_telemetry(0, 4, [Source(HV, {"A": "NOT_THERE"}, 9)], 2.0)


def test_the_product_holds_telemetry_verdict_and_rules() -> None:
    found = table()
    judged = goodtime.judge(found, ['(DET_HV=="ON")'])
    made = goodtime_mtl.product("HRC_MTL", found, judged, 1.0, 11.0)
    assert [part.name for part in made.tables] == ["MTL", "MTL_S", "LIMITS"]
    assert goodtime.rules_of(made.table("LIMITS")) == ('(DET_HV=="ON")',)
    assert judged.gti.tolist() == [[3, 11]]


def test_flags_are_whole_numbers_and_what_is_not_known_of_them_is_bad() -> None:
    given = Table("ASPQUAL", {"time": np.array([3.0, 5.0, 7.0]), "status": np.array([0.0, np.nan, 1e6])})
    source = Source(given, {"asp_sol_status": "status"}, 3.0, {"asp_sol_status": 16384})
    found = goodtime_mtl.mode_telemetry(0.0, 12.0, [source], 2.0)
    assert found["asp_sol_status"].dtype == np.int16
    assert found["asp_sol_status"].tolist() == [16384, 0, 16384, 16384, 16384, 16384]
    judged = goodtime.judge(found, ["((0<=asp_sol_status:1)&&(asp_sol_status:1<256))"])
    assert judged.gti.tolist() == [[2.0, 4.0]]
    limits = goodtime_mtl.product("HRC_MTL1", found, judged, 0.0, 12.0).table("LIMITS")
    assert limits.header["CONTENT"][0] is None  # the writer leaves it out


def test_an_observation_shorter_than_a_row_has_no_rows() -> None:
    assert len(goodtime_mtl.grid(0.0, 0.2)) == 0
    assert goodtime_mtl.grid(0.0, 0.25625).tolist() == [0.128125]
    assert len(goodtime_mtl.grid(5.0, 1.0)) == 0


@pytest.mark.parametrize("detector", ["HRC-I", "HRC-S"])
def test_the_rules_of_the_mission_can_be_read_and_pass_a_good_row(detector: str) -> None:
    rules = goodtime_mtl.limits_of(hrc_tables(LIMITS)[0], detector)
    columns = {name: np.array([90.0]) for name in ("Point_SunLimbAng", "Point_MoonLimbAng", "Point_EarthLimbAng")}
    columns |= {"DTF": np.array([0.98]), "AOFF_GAP": np.array([0]), "asp_sol_status": np.array([0])}
    columns |= {"DETNAM": np.array([detector]), "DET_HV": np.array(["ON"]), "GRATING": np.array(["LETG"])}
    good = Table("MTL", {"time": np.array([1.0]), **columns, "MOVING": np.array([False])}, {"TIMEDEL": 2.0})
    assert goodtime.judge(good, rules).gti.tolist() == [[0, 2]]
    for name, value in (("MOVING", True), ("DET_HV", "OFF"), ("Point_SunLimbAng", 44.0), ("GRATING", "MOVING")):
        bad = Table("MTL", {**good.columns, name: np.array([value])}, good.header)
        assert goodtime.judge(bad, rules).gti.tolist() == []


def test_a_detector_without_rules_is_refused() -> None:
    with pytest.raises(ConfigError, match="table LIMITS has no row for HRC-X"):
        goodtime_mtl.limits_of(hrc_tables(LIMITS)[0], "HRC-X")
    with pytest.raises(ConfigError, match="there is no table LIMITS"):
        goodtime_mtl.limits_of(None, "HRC-I")
