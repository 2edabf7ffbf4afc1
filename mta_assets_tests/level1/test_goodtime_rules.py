"""The rule language of the LIMITS table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData, ConfigError
from mta_assets.core.tables import Table
from mta_assets.level1.goodtime_rules import passes, running_mean

TABLE = Table(
    "MTL",
    {
        "time": np.arange(4.0),
        "Angle": np.array([44.9, 45.0, -45.1, np.nan]),
        "COUNT": np.array([79, 80, 81, 82], np.uint8),
        "DET_HV": np.array(["ON ", "OFF", "ON", ""]),
        "MOVING": np.array([False, True, False, True]),
        "STATUS": np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1]], bool),
    },
)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("(fabs(Angle:1)>=45.0)", [0, 1, 1, 0]),
        ("(angle>=45)", [0, 1, 0, 0]),
        ("(Angle!=45.0)", [1, 0, 1, 0]),
        ("((fabs(COUNT-80)<=1)&&(fabs(COUNT-80)<=1))", [1, 1, 1, 0]),
        ("((80<=COUNT:1)&&(COUNT:1<82))", [0, 1, 1, 0]),
        ("(COUNT<80)||(COUNT>81)", [1, 0, 0, 1]),
        ('(DET_HV:1=="ON")', [1, 0, 1, 0]),
        ('(det_hv:1!="ON")', [0, 1, 0, 1]),
        ("(MOVING:1==F)", [1, 0, 1, 0]),
        ("(MOVING==T)", [0, 1, 0, 1]),
        ("(!(MOVING==T))", [1, 0, 1, 0]),
        ("(STATUS:1==X1F)", [1, 0, 1, 0]),
        ("(STATUS:1==X1F,X2F)", [1, 0, 0, 0]),
        ("(STATUS==X1T,X3F)", [0, 1, 0, 0]),
        ("((STATUS:1==X1F)&&(STATUS:1==X2T))", [0, 0, 1, 0]),
        ("(STATUS!=X3T)", [1, 1, 1, 0]),
        ("(COUNT*2-80/4>=140)", [0, 1, 1, 1]),
        ("(-COUNT<=-81)", [0, 0, 1, 1]),
        ("(1<2)", [1, 1, 1, 1]),
    ],
)
def test_a_rule_passes_the_rows_that_it_says(rule: str, expected: list[int]) -> None:
    assert passes(rule, TABLE).tolist() == [bool(value) for value in expected]


def test_a_row_whose_number_is_not_known_passes_no_rule_that_asks_for_it() -> None:
    assert not passes("(Angle<=1000)", TABLE)[3]
    assert not passes("(!(Angle>1000))", TABLE)[3]
    assert passes("(COUNT>0)", TABLE)[3]


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("(COUNT>=", "ends too early"),
        ("(COUNT>=1", "not closed"),
        ("(COUNT>=1))", "too much"),
        ("(COUNT)", "is a number"),
        ("(COUNT # 1)", "can not read"),
        ('(COUNT=="ON")', "different kinds"),
        ("(MOVING==1)", "different kinds"),
        ("(COUNT==X1F)", "bit column"),
        ("(STATUS==X4F)", "bits 1 to 3"),
        ("(STATUS>X1F)", "== and !="),
        ("(COUNT&&MOVING)", "between comparisons"),
        ("(MOVING+1>2)", "for numbers"),
        ('(DET_HV:3=="ON")', "can not be smoothed"),
        ("(fabs(DET_HV)>1)", "for numbers"),
        ("()", "not expected"),
    ],
)
def test_a_rule_that_can_not_be_read_is_refused_with_its_text(rule: str, what: str) -> None:
    with pytest.raises(ConfigError, match="good-time rule") as error:
        passes(rule, TABLE)
    assert what in str(error.value)
    assert rule in str(error.value)


def test_a_column_that_is_not_there_is_bad_data_and_the_known_ones_are_listed() -> None:
    with pytest.raises(BadData, match=r"no column 'DTF'.*time, Angle"):
        passes("(DTF>=0)", TABLE)


def test_smoothing_is_the_mean_of_the_rows_around() -> None:
    values = np.array([0.0, 3.0, 0.0, 0.0, 6.0])
    assert running_mean(values, 3).tolist() == [1.5, 1.0, 1.0, 2.0, 3.0]
    gap = running_mean(np.array([1.0, np.nan, 1.0, 1.0, 1.0]), 3)
    assert np.isnan(gap).tolist() == [True, True, True, False, False]
    table = Table("MTL", {"time": np.arange(5.0), "V": values})
    assert passes("(V:3<=1.5)", table).tolist() == [True, True, True, False, False]
    assert passes("(V:1<=1.5)", table).tolist() == [True, False, True, True, False]


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    """Arithmetic and logic that Python reads alike when && and || are written out."""
    if depth == 0:
        left, right = draw(st.sampled_from(["A", "B", "2", "0.5"])), draw(st.sampled_from(["A", "B", "1"]))
        sign = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
        plus = draw(st.sampled_from(["+", "-", "*"]))
        return f"({left}{plus}{right} {sign} {draw(st.sampled_from(['A', '3']))})"
    joint = draw(st.sampled_from(["&&", "||"]))
    return f"({draw(expressions(depth=depth - 1))}{joint}{draw(expressions(depth=depth - 1))})"


@settings(derandomize=True, max_examples=80, deadline=None)
@given(rule=expressions(), values=st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=6))
def test_expressions_mean_what_they_mean_in_python(rule: str, values: list[tuple[int, int]]) -> None:
    a, b = (np.array(column, float) for column in zip(*values, strict=True))
    table = Table("MTL", {"time": np.arange(len(a)), "A": a, "B": b})
    text = rule.replace("&&", " and ").replace("||", " or ")
    expected = [eval(text, {"A": x, "B": y}) for x, y in values]
    assert passes(rule, table).tolist() == expected
