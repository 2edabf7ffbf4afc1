import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import ConfigError
from mta_assets.simulate.obscat import load_obscat
from mta_assets.simulate.schedule import make_schedule

TSTART = 825_638_400.0


@pytest.fixture(scope="module")
def day():
    return make_schedule(TSTART, 24, 1)


@given(st.floats(0.5, 100), st.integers(0, 9000))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_any_run_is_covered_without_gap_and_has_both_instruments(hours, date):
    schedule = make_schedule(date * 86400.0, hours, 1)
    dwells = schedule.dwells
    assert dwells[0].tstart == date * 86400.0
    assert dwells[-1].tstop == pytest.approx(date * 86400.0 + hours * 3600)
    assert all(a.tstop == b.tstart for a, b in itertools.pairwise(dwells))
    assert all(d.tstop > d.tstart for d in dwells)
    observed = {d.instrument[:4] for d in dwells if d.kind == "observation"}
    assert {"ACIS", "HRC-"} <= observed
    named = [(d.obsid, d.obi) for d in dwells if d.kind == "observation"]
    assert len(set(named)) == len(named)


def test_half_an_hour_is_the_least():
    with pytest.raises(ConfigError, match="too short"):
        make_schedule(TSTART, 0.4, 1)


def test_a_day_holds_the_whole_obscat_an_ecs_stretch_and_an_obi_of_over_an_hour(day):
    observed = [d for d in day.dwells if d.kind == "observation"]
    assert {d.obsid for d in observed} == {entry.obsid for entry in load_obscat()}
    assert {"FAINT", "VFAINT", "CC33_FAINT"} <= {d.datamode for d in observed}
    assert {"HETG", "LETG"} <= {d.grating for d in observed}
    assert max(d.tstop - d.tstart for d in observed) > 3600
    assert sum(d.kind == "ecs" for d in day.dwells) == 1


def test_nothing_observes_in_the_radiation_zone(day):
    at = np.arange(day.tstart, day.tstop, 60.0)
    states = day.states(at)
    kinds = np.array([d.kind for d in day.dwells])[day.at(at)]
    assert not np.any(kinds[states["radzone"] == 1] == "observation")
    assert set(kinds[states["radzone"] == 1]) == {"manoeuvre", "radzone", "ecs"}


def test_the_calibration_source_is_watched_with_hrc_s_at_the_focus(day):
    ecs = next(d for d in day.dwells if d.kind == "ecs")
    assert ecs.sim_z == pytest.approx(250.466)
    assert ecs.instrument == "ACIS-S"
    assert day.telemetry_format([ecs.tstart]).tolist() == [2]


def test_format_follows_the_instrument(day):
    for dwell in day.dwells:
        expected = 1 if dwell.instrument.startswith("HRC") else 2
        assert day.telemetry_format([dwell.tstart, dwell.tstop - 1]).tolist() == [expected, expected]


def test_a_dwell_begins_at_its_start_and_ends_before_its_stop(day):
    second = day.dwells[1]
    assert day.at([second.tstart - 1e-3, second.tstart, second.tstop - 1e-3, second.tstop]).tolist() == [0, 1, 1, 2]


def test_sim_and_gratings_move_at_a_finite_speed(day):
    at = np.arange(day.tstart, day.tstop, 1.0)
    states = day.states(at)
    assert np.abs(np.diff(states["sim_z"])).max() < 3.0  # [mm/s]
    assert np.abs(np.diff(states["hetg_angle"])).max() < 1.0  # [deg/s]
    assert set(states["letg"]) == {0, 1}
    assert np.all(states["hetg_angle"][states["hetg"] == 1] == 6.0)
    assert not np.any(states["hetg"] & states["letg"])


def test_all_dates_keep_the_sun_away():
    for day_number in range(0, 366, 30):
        schedule = make_schedule(TSTART + day_number * 86400.0, 24, 1)
        assert schedule.states(np.arange(schedule.tstart, schedule.tstop, 600.0))["pitch"].min() > 45


def test_eclipse_and_manoeuvre_show_in_the_states(day):
    states = day.states(np.arange(day.tstart, day.tstop, 30.0))
    assert set(states["pcad_mode"]) == set(states["eclipse"]) == {0, 1}
