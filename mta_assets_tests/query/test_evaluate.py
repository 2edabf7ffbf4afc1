"""Expressions and conditions on rows: values, states, texts, unknown ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mta_assets.query.errors import QueryError
from mta_assets.query.evaluate import Rows, condition, value
from mta_assets.query.model import Arithmetic, Call, Compare, Expression, Logic, Name, Number, Text
from mta_assets_tests.query.memory_source import samples

A, B, S, T = Name("A"), Name("B"), Name("S"), Name("T")
NAN = float("nan")


def rows() -> Rows:
    """Four rows at 0, 1, 2, 3 s; B stops after the first, A has no value in the last, S is a state."""
    given = [
        samples("A", [0, 1, 2, 3], [1.0, -4.0, 0.0, NAN], unit="V", period=1.0),
        samples("B", [0], [2.0], unit="V", period=0.5),
        samples("S", [0, 1, 2, 3], np.array([0, 1, 1, 2], np.int8), states={0: "OFF", 1: "ON", 2: "TRIP"}, period=1.0),
        samples("T", [0, 1, 2, 3], np.array(["HETG", "letg", "NONE", ""]), period=1.0),
    ]
    return Rows(given[0].time, {one.info.name: one for one in given}, "the query")


def got(node: Expression) -> list[float]:
    return np.broadcast_to(np.asarray(value(node, rows()).values, float), (4,)).tolist()


def truth(node: Expression) -> list[bool | None]:
    """True, False, or None where unknown."""
    found = condition(node, rows())
    unknown = np.zeros(4, bool) if found.unknown is None else found.unknown
    return [None if u else bool(t) for t, u in zip(found.true, unknown, strict=True)]


def op(sign: str, *operands: Expression) -> Arithmetic:
    return Arithmetic(sign, operands)


def is_(sign: str, *operands: Expression) -> Compare:
    return Compare(sign, operands)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (op("+", A, Number(1)), [2, -3, 1, NAN]),
        (op("-", A, Number(1)), [0, -5, -1, NAN]),
        (op("*", A, Number(2)), [2, -8, 0, NAN]),
        (op("^", A, Number(2)), [1, 16, 0, NAN]),
        (op("%", A, Number(3)), [1, 2, 0, NAN]),
        (op("neg", A), [-1, 4, 0, NAN]),
        (op("/", Number(1), A), [1, -0.25, NAN, NAN]),
        (Call("abs", (A,)), [1, 4, 0, NAN]),
        (Call("sqrt", (A,)), [1, NAN, 0, NAN]),
        (Call("max", (A, Number(0.5))), [1, 0.5, 0.5, 0.5]),
        (Call("count", (A, B)), [2, 2, 1, 0]),
        (Call("mean", (A, B)), [1.5, -1, 0, NAN]),
        (Call("delta", (A,)), [NAN, -5, 4, NAN]),
        (Call("rate", (op("*", A, Number(2)),)), [NAN, -10, 8, NAN]),
        (Call("if", (is_(">", A, Number(0)), Number(7), A)), [7, -4, 0, NAN]),
        (Call("round", (op("/", A, Number(8)),)), [0, -1, 0, NAN]),
        (Call("atan2", (Number(0), A)), [0, np.pi, 0, NAN]),
    ],
)
def test_arithmetic_and_functions_give_what_numpy_would(node: Expression, expected: list[float]) -> None:
    np.testing.assert_allclose(got(node), expected, rtol=1e-15)


def test_what_is_not_defined_is_counted_and_what_was_missing_before_is_not() -> None:
    at = rows()
    value(op("/", Number(1), A), at)
    value(Call("ln", (A,)), at)
    assert at.notes == {"division by zero": 1, "ln outside of what it is defined for": 2}


def test_a_value_is_held_for_three_periods_and_no_longer() -> None:
    assert truth(is_(">", B, Number(1))) == [True, True, None, None]  # B has a period of 0.5 s: until 1.5 s


@pytest.mark.parametrize(
    ("sign", "expected"),
    [
        ("=", [True, False, False, None]),
        ("!=", [False, True, True, None]),
        ("<", [False, True, True, None]),
        ("<=", [True, True, True, None]),
        (">", [False, False, False, None]),
        (">=", [True, False, False, None]),
    ],
)
def test_comparisons_of_numbers_are_unknown_without_a_value(sign: str, expected: list[bool | None]) -> None:
    assert truth(is_(sign, A, Number(1))) == expected


def test_between_includes_both_limits_and_in_any_of_the_list() -> None:
    assert truth(is_("between", A, Number(-4), Number(0))) == [False, True, True, None]
    assert truth(is_("in", A, Number(1), Number(0))) == [True, False, True, None]


def test_logic_knows_true_false_and_unknown() -> None:
    true, false, unknown = is_("=", Number(1), Number(1)), is_("=", Number(1), Number(2)), is_("=", A, A)
    last = {
        "and true": Logic("and", (unknown, true)), "and false": Logic("and", (unknown, false)),
        "or true": Logic("or", (unknown, true)), "or false": Logic("or", (unknown, false)),
        "not": Logic("not", (unknown,)), "both": Logic("or", (unknown, unknown)),
    }  # fmt: skip
    assert {name: truth(node)[3] for name, node in last.items()} == {
        "and true": None, "and false": False, "or true": True, "or false": None, "not": None, "both": None,
    }  # fmt: skip


def test_states_compare_with_their_names_in_either_case_and_with_codes() -> None:
    assert truth(is_("=", S, Text("on"))) == [False, True, True, False]
    assert truth(is_("!=", S, Text("ON"))) == [True, False, False, True]
    assert truth(is_("in", S, Text("OFF"), Text("trip"))) == [True, False, False, True]
    assert truth(is_("like", S, Text("O*"))) == [True, True, True, False]
    assert truth(is_(">=", S, Number(1))) == [False, True, True, True]


def test_texts_compare_without_regard_to_case() -> None:
    assert truth(is_("=", T, Text("LETG"))) == [False, True, False, False]
    assert truth(is_("like", T, Text("?ETG"))) == [True, True, False, False]
    assert truth(is_("=", Text("none"), T)) == [False, False, True, False]


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (is_("=", S, Text("ONN")), "there is no state 'ONN'; the states are OFF, ON, TRIP"),
        (is_("<", S, Text("ON")), "states have no order"),
        (is_("=", A, Text("ON")), "a number is compared with text"),
        (is_("like", A, Text("1*")), "LIKE takes a text"),
        (is_("reaches", A, Number(1)), "reaches can only be the whole condition of EACH TIME"),
        (op("+", S, Number(1)), "S is a state and can not be computed with"),
        (op("+", T, Number(1)), "T is text and can not be computed with"),
        (Call("sqrtt", (A,)), "there is no function 'sqrtt'"),
        (Logic("and", (A, A)), "this is a value, where a condition is expected"),
    ],
)
def test_what_can_not_be_computed_is_said(node: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message.replace("(", r"\(")):
        condition(node, rows()) if isinstance(node, Compare | Logic) else value(node, rows())


def test_units_follow_where_they_are_plain() -> None:
    units = {
        "sum": op("+", A, B), "scaled": op("*", Number(2), A), "product": op("*", A, B), "rate": Call("rate", (A,)),
        "abs": Call("abs", (A,)), "angle": Call("atan2", (A, B)), "square": op("^", A, Number(2)),
    }  # fmt: skip
    assert {name: value(node, rows()).unit for name, node in units.items()} == {
        "sum": "V", "scaled": "V", "product": "", "rate": "V/s", "abs": "V", "angle": "rad", "square": "",
    }  # fmt: skip


def test_a_difference_is_not_taken_over_a_gap() -> None:
    one = samples("A", [0, 1, 4, 8], [1.0, 2.0, 4.0, 8.0], period=1.0)
    at = Rows(one.time, {"A": one})
    np.testing.assert_array_equal(value(Call("delta", (A,)), at).values, [NAN, 1, 2, NAN])
