"""What the steps of level 1 take from parameters, aspect solutions and level-0 products that overlap."""

from __future__ import annotations

import numpy as np
import pytest

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.tables import Product, Table
from mta_assets.level1 import observation, steps_acis, steps_aspect, steps_hrc


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


def test_the_archival_stream_takes_the_ground_solution_and_the_quick_look_the_on_board_one() -> None:
    ground, onboard = ([Product("ASOL", (Table(name, {}),), 0.0, 1.0)] for name in ("G", "B"))
    chosen = [
        observation.best_aspect(*given)[1]
        for given in (
            (ground, onboard, False), (ground, onboard, True), (None, onboard, False), (ground, None, True),
            (None, None, True),
        )
    ]  # fmt: skip
    assert chosen == ["ground", "onboard", "onboard", "ground", ""]


def test_an_aspect_gap_ends_what_is_covered() -> None:
    times = np.array([0.0, 5.0, 15.0, 25.1, 30.0])
    covered = observation.covered(Table("ASPSOL", {"time": times}))
    assert covered.tolist() == [[0.0, 15.0], [25.1, 30.0]]


def test_an_event_of_two_playbacks_is_taken_once_and_another_of_the_same_pixel_stays() -> None:
    given = events((103.2, 2, 7, 5, 5), (100.0, 1, 7, 5, 5), (100.00001, 1, 7, 5, 5), (100.0, 1, 6, 5, 5))
    found = steps_acis.once(given)
    assert found["TIME"].tolist() == [100.0, 100.0, 103.2]
    assert found["CCD_ID"].tolist() == [6, 7, 7]


def test_events_of_another_time_or_mode_are_left_aside() -> None:
    par = observation.parameters(obspar())
    mine = evt0(events((99.9, 1, 7, 1, 1), (100.0, 2, 7, 1, 1), (199.9, 3, 7, 1, 1), (200.0, 4, 7, 1, 1)))
    other = evt0(events((150.0, 9, 7, 3, 3)), mode="VFAINT")
    found, header, good = steps_acis.gathered([other, mine], par)
    assert found["EXPNO"].tolist() == [2, 3]
    assert header["TIMEDEL"][0] == 3.14104
    assert {ccd: gti.tolist() for ccd, gti in good.items()} == {7: [[100.0, 200.0]]}
    with pytest.raises(NothingToDo, match="no level-0 events of mode FAINT"):
        steps_acis.gathered([other], par)


def test_good_times_of_two_playbacks_are_joined_by_chip() -> None:
    par = observation.parameters(obspar())
    parts = [
        evt0(events((101.0, 1, 7, 1, 1)), gti=(90.0, 120.0)), evt0(events((131.0, 9, 7, 1, 1)), gti=(115.0, 150.0)),
        evt0(events((131.0, 9, 6, 1, 1)), ccd=6, gti=(130.0, 140.0)),
    ]  # fmt: skip
    _, _, good = steps_acis.gathered(parts, par)
    tables = steps_acis.gti_tables(good)
    assert [(table.name, table["START"].tolist(), table["STOP"].tolist()) for table in tables] == [
        ("GTI6", [130.0], [140.0]), ("GTI7", [100.0], [150.0]),
    ]  # fmt: skip


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


def test_a_detector_that_is_no_hrc_is_refused() -> None:
    with pytest.raises(BadData, match="detector is 'ACIS-S', expected one of HRC-I, HRC-S"):
        list(steps_hrc.regions(obspar(detector="ACIS-S"), None))  # type: ignore[arg-type]
