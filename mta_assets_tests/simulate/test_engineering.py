"""The simulated engineering: every parameter has a plausible value that depends on nothing but seed and time."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from mta_assets.core.errors import ConfigError
from mta_assets.core.times import from_utc
from mta_assets.missions.load import load_mission
from mta_assets.monitors.stuck import stuck
from mta_assets.simulate import noise, thermal
from mta_assets.simulate.assemble import Plan
from mta_assets.simulate.engineering import Engineering, Override, read_rules
from mta_assets.simulate.engineering_encode import counts_of
from mta_assets.simulate.healthy import Limits, band

START = from_utc("2024-03-01T00:00:00")


@cache
def day(seed: int = 7) -> Plan:
    return Plan(load_mission("chandra"), START, 24.0, 60.0, seed, with_faults=False)


def grid(step: float = 656.0) -> np.ndarray:
    return START + np.arange(0.0, 86400.0, step)


def converted(engineering: Engineering, msid: str, times: np.ndarray) -> np.ndarray:
    """Values after the trip through counts, as a monitor sees them."""
    parameter = engineering.dictionary[msid]
    return np.asarray(parameter.convert(np.asarray(counts_of(parameter, engineering.values(msid, times))))[0])


def test_every_parameter_of_the_dictionary_has_a_model_and_values_that_its_field_can_hold() -> None:
    engineering, times = day().healthy, grid(7200.0)
    for msid, parameter in engineering.dictionary.msids.items():
        values = np.asarray(engineering.values(msid, times))
        assert values.shape == times.shape, msid
        if values.dtype.kind == "f":
            assert np.isfinite(values).all(), msid
        counts = np.asarray(counts_of(parameter, values))
        _, outside = parameter.convert(counts)
        assert outside is None, f"{msid}: a count outside its calibration or without a state"


def test_nominal_values_never_cross_a_limit_in_a_day() -> None:
    engineering = day().healthy
    assert len(engineering.limits) > 500
    for msid, limits in engineering.limits.items():
        if msid in engineering.dictionary and not engineering.dictionary[msid].states:
            values = converted(engineering, msid, grid())
            assert not (values < limits.low).any(), msid
            assert not (values > limits.high).any(), msid


def test_nominal_values_lie_in_the_middle_three_fifths_of_their_limits() -> None:
    engineering = day().healthy
    for msid, limits in engineering.limits.items():
        if msid in engineering.dictionary and np.isfinite(limits.low) and np.isfinite(limits.high):
            margin = 0.2 * (limits.high - limits.low)
            values = np.asarray(engineering.values(msid, grid(3600.0)), float)
            assert values.min() >= limits.low + margin - 1e-9 * abs(limits.low), msid
            assert values.max() <= limits.high - margin + 1e-9 * abs(limits.high), msid


def test_no_healthy_sensor_looks_stuck() -> None:
    engineering = day().healthy
    watched = [
        m for m, limits in engineering.limits.items() if limits.stuck_seconds > 0 and m in engineering.dictionary
    ]
    assert watched
    for msid in watched:
        parameter, seconds = engineering.dictionary[msid], engineering.limits[msid].stuck_seconds
        times = START + np.arange(0, 6 * 3600.0, parameter.step * 0.25625)
        counts = np.asarray(counts_of(parameter, engineering.values(msid, times)))
        assert not stuck(times, counts, None, seconds), msid


def test_values_do_not_depend_on_the_other_times_that_are_asked_for() -> None:
    engineering, times = day().healthy, START + 40000.0 + 0.25625 * 128 * np.arange(40)
    for msid in list(engineering.dictionary.msids)[::37]:
        whole = np.asarray(engineering.values(msid, times))
        np.testing.assert_array_equal(np.asarray(engineering.values(msid, times[11:29])), whole[11:29], err_msg=msid)


def test_another_seed_gives_other_noise_and_the_same_plan_of_states() -> None:
    times = grid()
    first, second = day(7).healthy, day(8).healthy
    assert not np.array_equal(first.values("TB1T1", times), second.values("TB1T1", times))
    np.testing.assert_array_equal(first.values("COBSRQID", times), day(7).schedule.states(times)["obsid"])


def test_the_arrays_give_nothing_in_an_eclipse_and_the_batteries_carry_the_load() -> None:
    plan = day()
    times = START + np.arange(0.0, 86400.0, 30.0)
    dark = plan.schedule.states(times)["eclipse"] == 1
    assert dark.any()
    assert not dark.all()
    power = plan.healthy.bench.power
    np.testing.assert_array_equal(power.array_current(times) == 0, dark)
    np.testing.assert_array_equal(power.discharge_current(times) > 0, dark)
    charge = power.charge(times)
    assert charge[0] == pytest.approx(1.0)
    assert charge.min() < 1.0
    assert charge[-1] > charge.min()  # charged again after the eclipse


def test_particle_rates_rise_in_the_radiation_zone() -> None:
    plan, times = day(), grid()
    zone = plan.schedule.states(times)["radzone"] == 1
    rate = np.asarray(plan.healthy.values("SCE1300", times), float)
    assert np.median(rate[zone]) > 20 * np.median(rate[~zone])


def test_a_heater_is_on_while_its_temperature_rises() -> None:
    times = START + np.arange(0.0, 20000.0, 10.0)
    on = thermal.heater_on("TB1T1", 7, times)
    wave = thermal.heater_wave("TB1T1", 7, times)
    steps = np.diff(wave)
    same = on[1:] == on[:-1]
    assert np.abs(wave).max() <= 1
    assert (steps[same & on[1:]] > 0).all()
    assert (steps[same & ~on[1:]] < 0).all()


def test_temperatures_lag_behind_the_sun() -> None:
    env = day().healthy.bench.env
    assert set(env.lagged) == {(d, t) for d in ("sun", "power", "orbit") for t in (600.0, 3600.0, 14400.0, 43200.0)}
    quick, slow = env.lagged["sun", 600.0], env.lagged["sun", 43200.0]
    assert np.abs(np.diff(slow)).max() < np.abs(np.diff(quick)).max()
    assert max(np.abs(quick).max(), np.abs(slow).max()) <= 1


def test_rates_are_those_of_the_attitude() -> None:
    pointing = day().healthy.bench.pointing
    slew = next(d for d in day().schedule.dwells if d.kind == "manoeuvre")
    times = np.linspace(slew.tstart + 20, slew.tstop - 20, 2001)
    q = pointing.quaternion(times)
    turned = 2 * np.arccos(np.clip(abs(q[0] @ q[-1]), 0, 1))
    swept = np.trapezoid(np.linalg.norm(pointing.rates(times), axis=1), times)
    assert swept == pytest.approx(turned, rel=1e-3)  # the manoeuvre turns about one axis


def test_an_override_holds_a_value_or_freezes_one_and_leaves_the_rest_alone() -> None:
    healthy, times = day().healthy, START + np.arange(0.0, 3600.0, 32.8)
    inside = (times >= START + 1000) & (times < START + 2000)
    faults = [
        Override("TB1T1", START + 1000, START + 2000, 99.0, noise=0.5),
        Override("TB1T2", START + 1000, START + 2000),
    ]
    faulty = Engineering(healthy.dictionary, healthy.bench, healthy.limits, faults)
    hot, frozen = faulty.values("TB1T1", times), faulty.values("TB1T2", times)
    assert np.abs(hot[inside] - 99.0).max() <= 0.5
    assert len(np.unique(frozen[inside])) == 1
    np.testing.assert_array_equal(hot[~inside], healthy.values("TB1T1", times)[~inside])
    np.testing.assert_array_equal(frozen[~inside], healthy.values("TB1T2", times)[~inside])


def test_a_side_without_a_limit_is_free_to_the_end_of_the_scale() -> None:
    parameter = day().dictionary["TB1T1"]
    low, high = band(parameter, None)
    assert band(parameter, Limits(yellow_high=60.0)) == (low, pytest.approx(60.0 - 0.2 * (60.0 - low)))
    assert band(parameter, Limits(yellow_low=30.0)) == (pytest.approx(30.0 + 0.2 * (high - 30.0)), high)
    assert band(parameter, Limits(yellow_low=30.0, yellow_high=60.0)) == pytest.approx((36.0, 54.0))


def test_an_unknown_model_is_refused_with_the_known_ones(tmp_path) -> None:
    table = tmp_path / "models.csv"
    table.write_text("pattern,subsystem,unit,description,kind,model,parameters\n*,,,,,magic,\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no model 'magic'; known: .*thermal"):
        read_rules(table)


def test_noise_is_bounded_repeatable_and_cut_anywhere() -> None:
    stream, counter = noise.key(7, "A"), np.arange(200000)
    bell = noise.bell(stream, counter)
    assert np.abs(bell).max() <= 1
    assert bell.mean() == pytest.approx(0, abs=0.005)
    assert bell.std() == pytest.approx(1 / np.sqrt(12), rel=0.01)
    np.testing.assert_array_equal(noise.bell(stream, counter[500:900]), bell[500:900])
    assert np.corrcoef(bell, noise.bell(noise.key(7, "B"), counter))[0, 1] == pytest.approx(0, abs=0.01)
    assert noise.uniform(stream, counter).min() >= 0
    assert noise.uniform(stream, counter).max() < 1
