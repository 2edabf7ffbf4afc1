"""The comparison of observations with what was flown sees edges, products, attitudes and sources that are wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mta_assets.core.tables import Table
from mta_assets.core.times import from_utc
from mta_assets.instruments.geometry import multiply
from mta_assets.instruments.quaternions import turn
from mta_assets.simulate import attitude, onboard, sky
from mta_assets.simulate.compare_observations import Made, compare_observations, key_of
from mta_assets.simulate.schedule import Schedule, make_schedule

SCHEDULE = make_schedule(from_utc("2024-03-01T00:00:00"), 6.0, 1)
POINTINGS = [dwell for dwell in SCHEDULE.dwells if dwell.kind != "manoeuvre"]
HRC = next(dwell for dwell in POINTINGS if dwell.obsid == 62801)
NOTHING = np.zeros((0, 2))
NAMES = {"sdp": ["HRC_EVT2", "HRC_SRC2"], "sap": ["HRC_EVT2", "HRC_SRC2"]}


def asol(schedule: Schedule, away: float = 0.0) -> Table:
    """An aspect solution that is ``away`` arcsec from the truth in yaw."""
    times = np.linspace(HRC.tstart, HRC.tstop, 50)
    turned = turn(np.tile(np.radians([0.0, 0.0, away / 3600]), (50, 1)))
    return Table("ASPSOL", {"time": times, "q_att": multiply(attitude.quaternion(schedule, times), turned)})


def sources(stream: str = "sdp", *, away: float = 0.0, leave: int = 0, more: int = 0) -> Table:
    """A source list: those of the sky, ``away`` arcsec to the north, some left out, and some that are none.

    On the quick look (sap) they are where the error of the on-board attitude has them.
    """
    true = sky.sources(62801)[leave:]
    places = np.array([(s.ra, s.dec + away / 3600) for s in true]).reshape(-1, 2).T
    if stream == "sap":
        places = np.array(onboard.seen(SCHEDULE, HRC, *places))
    ra = np.array([*places[0], *(HRC.ra + 0.1 + 0.01 * np.arange(more))])
    dec = np.array([*places[1], *np.full(more, HRC.dec)])
    small = np.full(len(ra), 1e-6)
    columns = {"RA": ra, "DEC": dec, "RA_ERR": small, "DEC_ERR": small, "SIGNIFICANCE": 10 + small}
    return Table("SRCLIST", {**columns, "EXPTIME": np.full(len(ra), HRC.tstop - HRC.tstart)})


def everything(**changed: Any) -> list[Made]:
    """What the platform should have; of the HRC observation with some changes."""
    found = []
    for number, dwell in enumerate(POINTINGS):
        whole = 0 < number < len(POINTINGS) - 1
        one = Made(key_of(dwell), dwell.tstart + 1.0, dwell.tstop + 1.0, whole)
        if dwell is HRC:
            lists = {stream: sources(stream) for stream in NAMES}
            one = replace(replace(one, products=NAMES, asol=asol(SCHEDULE), sources=lists), **changed)
        found.append(one)
    return found


def problems(**changed: Any) -> list[str]:
    return compare_observations(SCHEDULE, NOTHING, everything(**changed))[1]


def test_what_is_as_it_was_flown_is_no_problem() -> None:
    rows, found = compare_observations(SCHEDULE, NOTHING, everything())
    assert found == []
    assert [row["observation"] for row in rows] == [key_of(dwell) for dwell in POINTINGS]
    row = next(row for row in rows if row["observation"] == "62801_000")
    assert row["attitude [arcsec]"] == "0.000 0.000 0.000"
    assert row["sources"] == "sdp 3 of 3; sap 3 of 3"


@pytest.mark.parametrize(("late", "wrong"), [(-0.01, True), (0.0, False), (2.05, False), (2.06, True)])
def test_an_edge_is_the_first_sample_after_the_change(late: float, wrong: bool) -> None:
    found = problems(tstart=HRC.tstart + late)
    assert [words.split(" is ")[0] for words in found] == (["62801_000: its start"] if wrong else [])


@pytest.mark.parametrize(("late", "wrong"), [(32.05, False), (32.06, True)])
def test_an_edge_in_lost_telemetry_shows_after_it(late: float, wrong: bool) -> None:
    lost = np.array([[HRC.tstop - 5.0, HRC.tstop + 30.0]])
    _, found = compare_observations(SCHEDULE, lost, everything(tstop=HRC.tstop + late))
    assert bool(found) is wrong


def test_an_interval_that_is_missing_waits_or_was_never_flown_is_named() -> None:
    given = [one for one in everything() if one.key != "62801_000"]
    assert compare_observations(SCHEDULE, NOTHING, given)[1] == ["62801_000: not found"]
    more = [*everything(), Made("00001_000", 0.0, 1.0, True)]
    assert compare_observations(SCHEDULE, NOTHING, more)[1] == ["00001_000: an interval that was not flown"]
    assert problems(complete=False) == ["62801_000: is not complete, and should be"]


def test_a_product_or_the_aspect_that_is_missing_is_named() -> None:
    assert problems(products={**NAMES, "sap": ["HRC_EVT2"]}) == ["62801_000: no HRC_SRC2 on stream sap"]
    assert problems(asol=None) == ["62801_000: no ground aspect"]


@pytest.mark.parametrize(("away", "wrong"), [(0.19, False), (0.21, True)])
def test_an_attitude_beyond_two_tenths_of_an_arcsecond_is_a_problem(away: float, wrong: bool) -> None:
    assert bool(problems(asol=asol(SCHEDULE, away))) is wrong


@pytest.mark.parametrize(("away", "wrong"), [(0.29, 0), (0.31, 3)])
def test_a_source_beyond_three_tenths_of_an_arcsecond_was_not_found(away: float, wrong: int) -> None:
    assert len(problems(sources={"sdp": sources(away=away)})) == wrong


def test_a_quick_look_without_the_error_of_its_attitude_is_a_problem() -> None:
    assert len(problems(sources={"sap": sources("sdp")})) == 3


def test_a_source_that_is_missing_is_named_and_false_ones_are_judged_on_average() -> None:
    (words,) = problems(sources={"sap": sources("sap", leave=1)})
    assert words.startswith("62801_000: AR Lac was not found on stream sap: the nearest is")
    assert words.endswith("expected < 0.30")
    rows, _ = compare_observations(SCHEDULE, NOTHING, everything(sources={"sap": sources("sap", leave=1)}))
    assert [row["sources"] for row in rows if row["observation"] == "62801_000"] == ["sap 2 of 3"]
    none = sources(leave=3)
    assert len(problems(sources={"sap": none})) == 3  # of a list without a row
    assert problems(sources={"sdp": sources(more=1)}) == ["1 false sources in 1 fields of stream sdp, expected < 1.0"]
