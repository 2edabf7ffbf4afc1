"""Counts to engineering units and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData
from mta_assets.telemetry.calibrate import (
    Points,
    Polynomial,
    parse_calibration,
    parse_states,
    state_codes,
    state_names,
    to_counts,
    to_engineering,
)


def test_a_polynomial_is_evaluated_in_counts():
    values, outside = to_engineering([0, 1, 10], parse_calibration("poly 1.5 2 0.25"))
    assert values.tolist() == [1.5, 3.75, 46.5]
    assert outside is None


def test_between_points_there_are_straight_lines():
    values, _ = to_engineering([0, 5, 10, 15, 20], parse_calibration("points 0:100 10:50 20:-50"))
    assert values.tolist() == [100.0, 75.0, 50.0, 0.0, -50.0]


def test_outside_the_points_the_end_value_is_held_and_flagged():
    values, outside = to_engineering([3, 4, 250, 251], parse_calibration("points 4:80 250:-20"))
    assert values.tolist() == [80.0, 80.0, -20.0, -20.0]
    assert outside is not None
    assert outside.tolist() == [True, False, False, True]


def test_an_empty_text_is_no_calibration():
    assert parse_calibration("  ") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("spline 1 2", "unknown calibration 'spline'; known: poly, points"),
        ("poly 3", "at least one coefficient"),
        ("poly 3 0", "at least one coefficient"),
        ("poly 1 nan", "at least one coefficient"),
        ("poly a b", "could not convert"),
        ("points 0:1", "at least two"),
        ("points 0:1 5", "at least two"),
        ("points 0:1 0:2", "counts must ascend"),
        ("points 0:1 5:2 9:1", "values must ascend or descend"),
    ],
)
def test_a_wrong_calibration_is_refused_with_its_reason(text, says):
    with pytest.raises(ValueError, match=says):
        parse_calibration(text)


def test_states_have_codes_and_names():
    assert parse_states("0:OFF;1:ON; 7:STBY") == {0: "OFF", 1: "ON", 7: "STBY"}
    assert parse_states("") == {}


@pytest.mark.parametrize("text", ["OFF;ON", "0:", "x:OFF", "0:OFF;0:ON"])
def test_wrong_states_are_refused(text):
    with pytest.raises(ValueError, match="state"):
        parse_states(text)


def test_a_code_without_a_name_becomes_empty_text_and_is_reported():
    names, unknown = state_names(np.array([0, 1, 2, 7, 9]), {0: "OFF", 1: "ON", 7: "STBY"})
    assert names.tolist() == ["OFF", "ON", "", "STBY", ""]
    assert unknown.tolist() == [False, False, True, False, True]


def test_state_names_go_back_to_codes_and_codes_stay():
    states = {0: "OFF", 3: "ON"}
    assert state_codes(["ON", "OFF", "ON"], states).tolist() == [3, 0, 3]
    assert state_codes([3, 0], states).tolist() == [3, 0]
    with pytest.raises(BadData, match=r"\['AJAR'\]; known: OFF, ON"):
        state_codes(["ON", "AJAR"], states)


def test_of_two_codes_with_one_name_the_lowest_is_taken():
    assert state_codes(["ERR"], {5: "ERR", 4: "ERR"}).tolist() == [4]


def test_values_beyond_the_field_are_held_at_its_ends():
    assert to_counts([-1e30, 1e30], Polynomial((0.0, 0.1)), 0, 255).tolist() == [0, 255]
    assert to_counts([-1e30, 1e30], None, -128, 127).tolist() == [-128, 127]
    assert to_counts([1e30], Polynomial((0.0, 2.0**-31)), -(2**31), 2**31 - 1).tolist() == [2**31 - 1]


def test_a_nan_is_not_encoded():
    with pytest.raises(BadData, match="NaN"):
        to_counts([1.0, np.nan], None, 0, 255)


def test_a_curve_of_too_many_bits_is_refused():
    with pytest.raises(BadData, match="only a line"):
        to_counts([1.0], Polynomial((0.0, 1.0, 1e-9)), 0, 2**24 - 1)


numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))


@st.composite
def calibrations(draw):
    if draw(st.booleans()):
        counts = sorted(draw(st.sets(st.integers(0, 4095), min_size=2, max_size=8)))
        steps = draw(st.lists(st.floats(0.01, 100), min_size=len(counts), max_size=len(counts)))
        sign = draw(st.sampled_from([-1.0, 1.0]))
        return Points(tuple(map(float, counts)), tuple((sign * np.cumsum(steps)).tolist()))
    slope = draw(st.floats(1e-3, 1e3)) * draw(st.sampled_from([-1.0, 1.0]))
    curve = draw(st.sampled_from([(), (slope * 1e-5,)]))  # monotonic: the second term has the sign of the first
    return Polynomial((draw(numbers), slope, *curve))


@settings(derandomize=True, deadline=None)
@given(calibrations(), st.lists(st.integers(0, 4095), min_size=1, max_size=20))
def test_counts_come_back_exactly_through_engineering_units(calibration, counts):
    values, outside = to_engineering(counts, calibration)
    back = to_counts(values, calibration, 0, 4095)
    inside = np.ones(len(counts), bool) if outside is None else ~outside
    assert back[inside].tolist() == np.array(counts)[inside].tolist()


@settings(derandomize=True, deadline=None)
@given(calibrations(), st.floats(0, 1))
def test_a_value_comes_back_within_half_a_count(calibration, where):
    ends, _ = to_engineering([0, 4095], calibration)
    wanted = ends[0] + where * (ends[1] - ends[0])
    count = to_counts([wanted], calibration, 0, 4095)
    around, _ = to_engineering(np.clip([count[0] - 1, count[0], count[0] + 1], 0, 4095), calibration)
    assert abs(around[1] - wanted) <= np.abs(np.diff(around)).max() * 0.501 + 1e-9 * abs(wanted)
