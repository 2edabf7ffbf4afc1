"""What the steps of level 1 take from parameters, aspect solutions and level-0 products that overlap."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from mta_assets.core.errors import BadData, ConfigError, NothingToDo
from mta_assets.core.tables import Product, Table, concatenate
from mta_assets.level1 import observation, steps_acis, steps_aspect, steps_hrc
from mta_assets.level1.aspect_choice import aspect_findings, best_aspect, covered, usable
from mta_assets_tests.core.merged import merged


def obspar(**values: str) -> list[Product]:
    given = {
        "obs_id": "7", "obi_num": "1", "tstart": "100.0", "tstop": "200.0", "ra_nom": "10.5", "dec_nom": "-3.0",
        "ra_targ": "INDEF", "dec_targ": "INDEF", "object": "", "datamode": "FAINT", **values,
    }  # fmt: skip
    table = Table("OBSPAR", {"name": np.array(list(given)), "value": np.array(list(given.values()))})
    return [Product("OBSPAR", (table,), 100.0, 200.0)]


def events(*rows: tuple[float, int, int, int, int]) -> Table:
    names = ("TIME", "EXPNO", "CCD_ID", "CCDX", "CCDY")
    return Table(
        "EVENTS", {name: np.array(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
    )


def evt0(table: Table, mode: str = "FAINT", ccd: int = 7, gti: tuple[float, float] = (90.0, 210.0)) -> Product:
    good = Table("GTI0", {"START": np.array(gti[:1]), "STOP": np.array(gti[1:])})
    header = {"DATAMODE": (mode, ""), "CCD_ID": (ccd, ""), "EXPTIME": (3.1, ""), "TIMEDEL": (3.14104, "")}
    return Product("ACIS_EVT0", (table, good), 90.0, 210.0, header)


def test_what_is_not_known_is_left_out_of_parameters_and_keywords() -> None:
    par = observation.parameters(obspar())
    assert "ra_targ" not in par
    assert "object" not in par
    header = observation.keywords(par)
    assert "OBJECT" not in header
    assert (header["RA_TARG"][0], header["DEC_TARG"][0]) == (10.5, -3.0)  # nothing planned: where it pointed
    assert observation.keywords(observation.parameters(obspar(ra_targ="11.0")))["RA_TARG"][0] == 11.0
    with pytest.raises(BadData, match="obsid 7: sim_x is not known"):
        observation.number(par, "sim_x")


def solution(*times: float, **columns: list[float]) -> Table:
    count = len(times)
    plain = {name: np.zeros(count) for name in ("ra", "dec", "roll")}
    plain |= {"time": np.array(times), "q_att": np.tile([0.0, 0.0, 0.0, 1.0], (count, 1))}
    return Table("ASPSOL", {**plain, **{name: np.array(values) for name, values in columns.items()}})


def asol(table: Table) -> list[Product]:
    return [Product("ASOL", (table,), 0.0, 1.0)]


def test_the_archival_stream_takes_the_ground_solution_and_the_quick_look_the_on_board_one() -> None:
    ground, onboard = asol(solution(1.0, 2.0)), asol(solution(3.0, 4.0))
    chosen = [
        best_aspect(*given).origin
        for given in (
            (ground, onboard, False), (ground, onboard, True), (None, onboard, False), (ground, None, True),
            (None, None, True),
        )
    ]  # fmt: skip
    assert chosen == ["ground", "onboard", "onboard", "ground", ""]


def test_rows_that_are_no_attitude_are_left_out_and_counted_and_times_come_in_order() -> None:
    nan, long = [np.nan] * 4, [0.0, 0.0, 0.0, 1.1]
    q = [[0.0, 0.0, 0.0, 1.0]] * 3
    table = solution(5.0, 3.0, 3.0, 1.0, 2.0, q_att=[*q, nan, long])
    kept, dropped = usable(table)
    assert (kept["time"].tolist(), dropped) == ([3.0, 5.0], 3)
    kept, dropped = usable(solution(1.0, np.nan, 2.0, 4.0, dec=[0.0, 0.0, np.inf, 0.0]))
    assert (kept["time"].tolist(), dropped) == ([1.0, 4.0], 2)


def test_a_solution_of_which_nothing_can_be_used_gives_way_to_the_other_and_findings_say_so() -> None:
    broken = asol(solution(1.0, 2.0, ra=[np.nan, 0.0]))
    chosen = best_aspect(broken, asol(solution(100.0, 105.0)), False)
    assert (chosen.origin, chosen.dropped, chosen.asptype[0]) == ("onboard", 1, "OBC")
    found = concatenate(aspect_findings(chosen, "00007_000", False, (95.0, 200.0)))
    assert found["kind"].tolist() == ["no_aspect", "aspect_rows", "aspect_gap"]
    assert (found["tstart"][2], found["tstop"][2], found["count"][2]) == (105.0, 200.0, 1)  # 5 s before is no gap
    assert "deliver an asol1" in str(found["detail"][0])
    assert best_aspect(broken, None, False).asptype[0] == "NONE"
    assert [str(t["kind"][0]) for t in aspect_findings(best_aspect(None, None, True), "k", True, (0.0, 9.0))] == []


def test_an_aspect_gap_ends_what_is_covered() -> None:
    times = np.array([0.0, 5.0, 15.0, 25.1, 30.0])
    found = covered(Table("ASPSOL", {"time": times}))
    assert found.tolist() == [[0.0, 15.0], [25.1, 30.0]]


def test_an_event_of_two_playbacks_is_taken_once_and_another_of_the_same_pixel_stays() -> None:
    given = events((103.2, 2, 7, 5, 5), (100.0, 1, 7, 5, 5), (100.00001, 1, 7, 5, 5), (100.0, 1, 6, 5, 5))
    found = merged(steps_acis.gathered([evt0(given)], observation.parameters(obspar())).events)
    assert found["TIME"].tolist() == [100.0, 100.0, 103.2]
    assert found["CCD_ID"].tolist() == [6, 7, 7]


def test_events_of_another_time_or_mode_are_left_aside() -> None:
    par = observation.parameters(obspar())
    mine = evt0(events((99.9, 1, 7, 1, 1), (100.0, 2, 7, 1, 1), (199.9, 3, 7, 1, 1), (200.0, 4, 7, 1, 1)))
    other = evt0(events((150.0, 9, 7, 3, 3)), mode="VFAINT")
    found = steps_acis.gathered([other, mine], par)
    assert merged(found.events)["EXPNO"].tolist() == [2, 3]
    assert found.header["TIMEDEL"][0] == 3.14104
    assert {ccd: gti.tolist() for ccd, gti in found.good.items()} == {7: [[100.0, 200.0]]}
    assert found.notes == ()
    with pytest.raises(NothingToDo, match="no level-0 events of mode FAINT"):
        steps_acis.gathered([other], par)


def test_good_times_of_two_playbacks_are_joined_by_chip() -> None:
    par = observation.parameters(obspar())
    parts = [
        evt0(events((101.0, 1, 7, 1, 1)), gti=(90.0, 120.0)), evt0(events((131.0, 9, 7, 1, 1)), gti=(115.0, 150.0)),
        evt0(events((131.0, 9, 6, 1, 1)), ccd=6, gti=(130.0, 140.0)),
    ]  # fmt: skip
    tables = steps_acis.gti_tables(steps_acis.gathered(parts, par).good)
    assert [(table.name, table["START"].tolist(), table["STOP"].tolist()) for table in tables] == [
        ("GTI6", [130.0], [140.0]), ("GTI7", [100.0], [150.0]),
    ]  # fmt: skip


@pytest.mark.parametrize(("apart", "whole"), [(2.4e-7, True), (9e-4, True), (0.1, False), (3.14104, False)])
def test_rounding_between_two_playbacks_breaks_no_good_time_and_a_lost_frame_does(apart: float, whole: bool) -> None:
    times = events((101.0, 1, 7, 1, 1))
    parts = [evt0(times, gti=(90.0, 120.0)), evt0(times, gti=(120.0 + apart, 150.0))]
    found = steps_acis.gathered(parts, observation.parameters(obspar())).good[7].tolist()
    assert found == ([[100.0, 150.0]] if whole else [[100.0, 120.0], [120.0 + apart, 150.0]])


def test_a_chip_that_saw_nothing_has_its_good_times_and_no_event_at_all_is_said() -> None:
    par = observation.parameters(obspar())
    dark = evt0(events((101.0, 1, 6, 1, 1)).where(slice(0, 0)), ccd=6)
    found = steps_acis.gathered([dark, evt0(events((101.0, 1, 7, 1, 1)))], par)
    assert (sorted(found.good), len(merged(found.events)), found.notes) == ([6, 7], 1, ())
    found = steps_acis.gathered([dark], par)
    assert (len(merged(found.events)), [note[0] for note in found.notes]) == (0, ["no_events"])
    early = evt0(events((101.0, 1, 7, 1, 1)).where(slice(0, 0)), gti=(50.0, 100.0))
    with pytest.raises(NothingToDo, match="no level-0 events"):
        steps_acis.gathered([early], par)


def test_times_and_good_times_that_are_none_are_counted_and_none_are_assumed() -> None:
    par = observation.parameters(obspar())
    given = events((101.0, 1, 7, 1, 1), (np.nan, 2, 7, 1, 1))
    found = steps_acis.gathered([evt0(given, gti=(150.0, 120.0))], par)
    assert merged(found.events)["TIME"].tolist() == [101.0]
    assert found.good[7].tolist() == []
    assert [(kind, count) for kind, _, count, _ in found.notes] == [("no_time", 1), ("bad_gti", 1), ("no_gti", 1)]
    without = evt0(given)
    without = replace(without, tables=without.tables[:1])
    assert [note[0] for note in steps_acis.gathered([without], par).notes] == ["no_time", "no_gti"]


@pytest.mark.parametrize("value", [None, "seven", np.nan, -1, 10])
def test_an_evt0_that_does_not_say_its_chip_is_refused(value: object) -> None:
    product = evt0(events((101.0, 1, 7, 1, 1)))
    with pytest.raises(BadData, match=r"keyword CCD_ID is .*, expected .*[Mm]ake"):
        steps_acis.gathered(
            [replace(product, header={**product.header, "CCD_ID": value})], observation.parameters(obspar())
        )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("instrume", "WFC", "instrume is 'WFC', expected one of ACIS, HRC"),
        ("grating", "XETG", "grating is 'XETG', expected one of NONE, HETG, LETG"),
        ("readmode", "ODD", "readmode is 'ODD', expected one of TIMED, CONTINUOUS"),
        ("sim_z", "260.5", "sim_z is '260.5', expected a number from -260.466 to 260.466"),
        ("dec_nom", "-90.01", "dec_nom is '-90.01', expected a number from -90 to 90"),
        ("ra_nom", "north", "ra_nom is 'north', expected a number"),
        ("roll_nom", "nan", "roll_nom is 'nan', expected a number"),
        ("obi_num", "-1", "obi_num is '-1', expected a number from 0 to 999"),
        ("tstop", "100.0", "tstop is '100.0', expected a time up to 864000 s after tstart, 100.0"),
        ("tstop", "864100.1", "tstop is '864100.1', expected a time up to 864000 s after tstart, 100.0"),
    ],
)
def test_a_parameter_that_can_not_be_is_refused_with_what_was_expected(name: str, value: str, words: str) -> None:
    with pytest.raises(BadData, match=rf"obspar of obsid 7: {re.escape(words)}"):
        observation.parameters(obspar(**{name: value}))


def test_parameters_at_the_ends_of_their_ranges_are_taken() -> None:
    ends = {"sim_z": "260.4", "dec_nom": "-90.0", "ra_nom": "360.0", "obi_num": "999", "tstop": "864100.0"}
    given = observation.parameters(obspar(**ends))
    assert observation.number(given, "sim_z") == 260.4


@pytest.mark.parametrize(("sim_z", "said"), [("-190.2", 0), ("-180.5", 0), ("-180.0", 1), ("-200.3", 1)])
def test_a_sim_away_from_the_aim_point_of_its_detector_is_a_finding(sim_z: str, said: int) -> None:
    par = observation.parameters(obspar(detector="ACIS-S", sim_z=sim_z))
    found = observation.sim_findings(par, "00007_001")
    assert len(found) == said
    assert all("from the aim point of ACIS-S" in str(table["detail"][0]) for table in found)


def test_ephemerides_of_two_files_are_one_with_each_time_once() -> None:
    names = ("TIME", "X", "Y", "Z", "VX", "VY", "VZ")
    first, second = (
        Product("ORBIT_EPH1", (Table("ORBITEPHEM", {name: np.array(t) for name in names}),), t[0], t[-1])
        for t in ([300.0, 600.0], [0.0, 300.0])
    )
    assert steps_aspect.joined([first, second])["Time"].tolist() == [0.0, 300.0, 600.0]


def test_a_rule_of_good_times_names_its_columns_and_no_functions() -> None:
    names = steps_hrc._names('(fabs(Point_SunLimbAng:1)>=45.0)&&(MOVING:1==F)&&(DET_HV:1=="ON")')
    assert names == {"point_sunlimbang", "moving", "det_hv"}


def test_without_calibration_files_that_hold_the_message_says_which_and_what_to_do() -> None:
    with pytest.raises(ConfigError, match="there is no table BADPIX that holds; deliver its file"):
        list(steps_hrc.regions(obspar(detector="HRC-I"), {}))


def test_a_detector_that_is_no_hrc_is_refused() -> None:
    with pytest.raises(BadData, match="detector is 'ACIS-S', expected one of HRC-I, HRC-S"):
        list(steps_hrc.regions(obspar(detector="ACIS-S"), None))  # type: ignore[arg-type]
