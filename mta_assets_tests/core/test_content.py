"""Columns as the registry declares them, against those that a file has."""

from __future__ import annotations

import numpy as np
import pytest

from mta_assets.core.content import Expected, expected, named, problems
from mta_assets.core.tables import Column, Schema, Table


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("TIME", Expected("TIME")),
        ("time [s]", Expected("time", number=True, cells=1, unit="s")),
        ("snr []", Expected("snr", number=True, cells=1)),
        ("expno [#]", Expected("expno", number=True, cells=1, whole=True)),
        ("pi [# chan]", Expected("pi", number=True, cells=1, unit="chan", whole=True)),
        ("chipy? [pixel]", Expected("chipy", False, True, 1, "pixel")),
        ("q_att(4) []", Expected("q_att", number=True, cells=4)),
        ("phas?(*) [adu]", Expected("phas", False, True, None, "adu")),
    ],
)
def test_the_text_of_a_column_says_what_it_has_to_be(text: str, meant: Expected) -> None:
    assert expected(text) == meant


@pytest.mark.parametrize("text", ["", "time[s]", "time [s", "q(x) []", "a b", "x [pixel] "])
def test_a_text_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected NAME"):
        expected(text)


def wrong(*columns: Column, hdu: str = "EVENTS") -> list[str]:
    declared = {"EVENTS": ["time [s]", "q_att(4) []", "pi? [# chan]"], "GTI*": ["START [s]"]}
    return problems(declared, [(hdu, columns)])


TIME, Q = Column("TIME", "f8", "s"), Column("Q_ATT", "f8", shape=(4,))


def test_a_table_as_declared_has_nothing_wrong_whatever_the_case_and_without_units() -> None:
    assert wrong(TIME, Q) == []
    assert wrong(Column("time", "f8"), Q, Column("PI", "i2", "chan"), Column("other", "U8", "furlong")) == []


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ((TIME,), "[EVENTS]: has no columns q_att"),
        ((Column("TIME", "U8"), Q), "[EVENTS].time: holds no numbers but U8"),
        ((Column("TIME", "f8", "d"), Q), "[EVENTS].time: is in 'd', expected 's'"),
        ((TIME, Column("Q_ATT", "f8", shape=(3,))), "[EVENTS].q_att: has 3 numbers a row, expected 4"),
        ((Column("TIME", "f8", "s", shape=(2,)), Q), "[EVENTS].time: has 2 numbers a row, expected 1"),
        ((TIME, Q, Column("PI", "i4", "eV")), "[EVENTS].pi: is in 'eV', expected 'chan'"),
        ((TIME, Q, Column("PI", "f4", "chan")), "[EVENTS].pi: holds no whole numbers but f4"),
        ((TIME, Q, Column("PI", "bool", bits=True)), "[EVENTS].pi: holds no whole numbers but bits"),
    ],
)
def test_each_column_that_is_another_one_is_named_with_what_was_expected(
    columns: tuple[Column, ...], words: str
) -> None:
    assert wrong(*columns) == [words]


def test_a_table_that_is_not_there_is_missed_unless_its_name_is_a_pattern() -> None:
    assert wrong(TIME, Q, hdu="GTI7") == [
        "[EVENTS]: has no columns time, q_att", "[GTI7]: has no columns START",
    ]  # fmt: skip
    assert wrong(TIME, Q) == []  # no GTI table at all


def test_tables_without_declarations_are_judged_by_their_arrays() -> None:
    plain = Table("EVENTS", {"time": np.zeros(2), "q_att": np.zeros((2, 4))})
    declared = Table("EVENTS", {"time": np.zeros(2)}, {}, Schema("EVENTS", (Column("time", "f8", "h"),)))
    columns = {"EVENTS": ["time [s]"]}
    assert problems(columns, named([plain])) == []
    assert problems(columns, named([declared])) == ["[EVENTS].time: is in 'h', expected 's'"]


def test_of_two_tables_of_a_name_the_first_has_to_have_the_columns_and_units_hold_for_both() -> None:
    declared = {"ASPQUAL": ["time [s]", "status []"]}
    first = ("ASPQUAL", [Column("time", "f8", "s"), Column("status", "i2")])
    assert problems(declared, [first, ("ASPQUAL", [Column("name", "U8")])]) == []
    assert problems(declared, [first, ("ASPQUAL", [Column("time", "f8", "h")])]) == [
        "[ASPQUAL].time: is in 'h', expected 's'"
    ]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (Column("STATUS", "bool", shape=(8,), bits=True), []),
        (Column("STATUS", "bool", shape=(8,)), []),
        (Column("STATUS", "bool", shape=(7,), bits=True), ["[T].STATUS: holds no 8 bits a row but 7 of bits"]),
        (Column("STATUS", "u1", shape=(8,)), ["[T].STATUS: holds no 8 bits a row but 8 of u1"]),
    ],
)
def test_bits_are_so_many_a_row(column: Column, words: list[str]) -> None:
    assert problems({"T": ["STATUS(8) [bits]"]}, [("T", [column])]) == words
