"""The level-2 filter, live times, and the event product."""

import numpy as np
import pytest

from mta_assets.core.errors import BadData
from mta_assets.core.gti import gti_tables, gtis_of
from mta_assets.instruments.livetime import acis_dtcor, live_keywords, main_ccd
from mta_assets.level2.columns import blocks
from mta_assets.level2.events import ACIS, Selection, hrc_selection, level2_events, selected
from mta_assets_tests.level2.fields import event_table

GTIS = {7: np.array([[10.0, 20.0], [30.0, 40.0]]), 6: np.array([[10.0, 15.0]])}


def events(number=8, **changes):
    status = np.zeros((number, 32), bool)
    columns = {
        "X": np.full(number, 4096.5), "Y": np.full(number, 4096.5), "TIME": np.full(number, 12.0),
        "CCD_ID": np.full(number, 7, np.int16), "GRADE": np.zeros(number, np.int16), "STATUS": status,
        "ENERGY": np.full(number, 1000.0, np.float32), "PI": np.full(number, 69, np.int32),
    }  # fmt: skip
    return event_table({**columns, **changes})


def test_grades_of_x_rays_are_kept_and_others_not():
    table = events(GRADE=np.arange(8, dtype=np.int16))
    assert np.flatnonzero(selected(table, ACIS, GTIS)).tolist() == [0, 2, 3, 4, 6]
    wild = events(4, GRADE=np.array([-1, 256, 32767, 0], np.int16))
    assert selected(wild, ACIS, GTIS).tolist() == [False, False, False, True]


def test_an_event_is_kept_from_the_start_of_a_good_time_until_just_before_its_end():
    times = np.array([9.999, 10.0, 19.999, 20.0, 25.0, 30.0, 40.0, np.nan])
    assert selected(events(TIME=times), ACIS, GTIS).tolist() == [False, True, True, False, False, True, False, False]


def test_each_chip_has_its_own_good_times_and_one_without_has_none():
    table = events(4, TIME=np.full(4, 17.0), CCD_ID=np.array([7, 6, 5, 7], np.int16))
    assert selected(table, ACIS, GTIS).tolist() == [True, False, False, True]
    assert selected(table, ACIS, {None: GTIS[7], 6: GTIS[6]}).tolist() == [True, False, True, True]


# bits 25, 24, 19 and those of the right half, counted from the right, have to be 0
HRC_BITS = [
    ("HRC-I", [25, 24, 19, *range(15, 7, -1), *range(6, -1, -1)]),
    ("HRC-S", [25, 24, 19, *range(15, 11, -1), 10, 9, 8, *range(6, 1, -1)]),
]


@pytest.mark.parametrize(("detector", "needed"), HRC_BITS)
def test_any_status_bit_drops_an_acis_event_and_only_those_of_its_detector_an_hrc_event(detector, needed):
    status = np.eye(32, dtype=bool)
    table = events(32, STATUS=status)
    assert not selected(table, ACIS, GTIS).any()
    kept = selected(table, hrc_selection({"DETNAM": (detector, "detector")}, "HRC_EVT1"), GTIS)
    assert [31 - place for place in np.flatnonzero(~kept).tolist()] == needed
    assert selected(table, Selection(status="x" * 31 + "1"), GTIS).tolist() == [False] * 31 + [True]


@pytest.mark.parametrize("header", [{}, {"DETNAM": "HRC"}, {"DETNAM": 7}, {"DETNAM": "ACIS-7"}])
def test_an_hrc_detector_that_is_not_known_has_no_filter_of_status(header):
    with pytest.raises(BadData, match=r"HRC_EVT1: DETNAM is .*, expected HRC-I or HRC-S"):
        hrc_selection(header, "HRC_EVT1")


def test_a_selection_of_energies_keeps_its_lower_edge():
    table = events(3, ENERGY=np.array([299.9, 300.0, 7000.0], np.float32))
    assert selected(table, Selection(energy=(300.0, 7000.0)), GTIS).tolist() == [False, True, False]


def test_what_is_missing_or_does_not_fit_is_named():
    table = events()
    with pytest.raises(BadData, match="32"):
        selected(events(STATUS=np.zeros((8, 16), bool)), ACIS, GTIS)
    with pytest.raises(BadData, match="0, 1 and x"):
        selected(table, Selection(status="0120"), GTIS)
    for name in ("GRADE", "TIME"):
        rest = event_table({n: c for n, c in table.columns.items() if n != name})
        with pytest.raises(BadData, match=name):
            selected(rest, ACIS, GTIS)
    with pytest.raises(BadData, match="STATUS"):
        selected(event_table({n: c for n, c in table.columns.items() if n != "STATUS"}), ACIS, GTIS)


def test_the_filter_gives_the_same_in_blocks_as_at_once():
    rng = np.random.default_rng(0)
    table = events(1000, TIME=rng.uniform(0, 50, 1000), GRADE=rng.integers(0, 8, 1000).astype(np.int16))
    parts = np.concatenate([selected(block, ACIS, GTIS) for block in blocks(table, 37)])
    assert np.array_equal(parts, selected(table, ACIS, GTIS))
    assert 100 < parts.sum() < 500


def test_exposure_is_good_time_less_dead_time_chip_by_chip():
    found = {k: v[0] for k, v in live_keywords(GTIS, {"EXPTIME": 3.1, "TIMEDEL": 3.14104, "SIM_Z": -190.0}).items()}
    share = 3.1 / 3.14104
    assert found["ONTIME"] == found["ONTIME7"] == 20.0
    assert found["ONTIME6"] == 5.0
    assert found["LIVETIME"] == found["EXPOSURE"] == found["LIVTIME7"] == found["EXPOSUR7"] == pytest.approx(20 * share)
    assert found["EXPOSUR6"] == pytest.approx(5 * share)
    assert found["DTCOR"] == pytest.approx(share)
    assert live_keywords({None: GTIS[7]}, {}, 0.9)["LIVETIME"][0] == pytest.approx(18.0)


def test_the_main_chip_is_the_one_at_the_aim_point_else_the_one_that_looked_longest():
    three = {3: GTIS[7], 7: GTIS[7], 6: GTIS[6]}
    assert main_ccd(three, {"SIM_Z": -233.6}) == 3
    assert main_ccd(three, {"SIM_Z": -190.1}) == 7
    assert main_ccd({2: GTIS[6], 1: GTIS[7]}, {"SIM_Z": -190.1}) == 1
    assert main_ccd({None: GTIS[7]}, {}) is None


@pytest.mark.parametrize("header", [{"EXPTIME": 3.1}, {"EXPTIME": 3.2, "TIMEDEL": 3.1}, {"EXPTIME": 0.0, "TIMEDEL":
3.1},
                                    {"EXPTIME": "3.1", "TIMEDEL": 3.14}])  # fmt: skip
def test_a_dead_time_that_can_not_be_is_refused(header):
    with pytest.raises(BadData, match=r"TIMEDEL|EXPTIME"):
        acis_dtcor(header)


def test_continuous_clocking_has_no_dead_time():
    assert acis_dtcor({"READMODE": "CONTINUOUS"}) == 1.0


def test_the_event_product_has_the_good_times_of_each_chip_and_gives_them_back():
    made = level2_events(events(GRADE=np.arange(8, dtype=np.int16)), GTIS, "ACIS_EVT2")
    assert [table.name for table in made.tables] == ["EVENTS", "GTI7", "GTI6"]
    assert made.rows == 5
    assert (made.tstart, made.tstop) == (10.0, 40.0)
    header = made.table("EVENTS").header
    assert header["CONTENT"][0] == "EVT2"
    assert header["TCRVL1"] == 150.0
    assert header["ONTIME"][0] == 20.0
    back = gtis_of(made.tables)
    assert {k: v.tolist() for k, v in back.items()} == {k: v.tolist() for k, v in GTIS.items()}
    again = level2_events(made.table("EVENTS"), back, "ACIS_EVT2")
    assert again.rows == made.rows


def test_no_events_are_a_product_without_rows_and_no_good_time_is_none():
    none = events(0)
    assert level2_events(none, GTIS, "ACIS_EVT2").rows == 0
    with pytest.raises(BadData, match="no good time"):
        level2_events(events(), {7: np.zeros((0, 2))}, "ACIS_EVT2")
    assert gti_tables({None: GTIS[6]})[0].name == "GTI"
