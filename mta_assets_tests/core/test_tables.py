"""Tables refuse what does not fit their declaration, and lose nothing."""

from __future__ import annotations

import numpy as np
import pytest

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Column, Product, Schema, Table, concatenate

EVENTS = Schema("EVENTS", (Column("TIME", "f8", "s"), Column("CHIPX", "i2"), Column("PHAS", "i2", shape=(3, 3))))


def test_columns_are_cast_to_the_declared_types_and_put_in_order() -> None:
    table = EVENTS.build({"PHAS": np.ones((2, 3, 3), int), "CHIPX": [1, 1024], "TIME": [0, 1]})
    assert list(table.columns) == ["TIME", "CHIPX", "PHAS"]
    assert table["CHIPX"].dtype == np.int16
    assert len(table) == 2


def test_a_value_that_does_not_fit_its_column_is_refused() -> None:
    with pytest.raises(BadData, match="CHIPX"):
        EVENTS.build({"TIME": [0.0], "CHIPX": [40000], "PHAS": np.zeros((1, 3, 3))})


def test_missing_undeclared_and_uneven_columns_are_named() -> None:
    with pytest.raises(BadData, match=r"missing columns \['PHAS'\], undeclared columns \['PHA'\]"):
        EVENTS.build({"TIME": [], "CHIPX": [], "PHA": []})
    with pytest.raises(BadData, match="differ in length"):
        Table("T", {"a": np.zeros(2), "b": np.zeros(3)})


def test_an_empty_table_keeps_shapes_and_types() -> None:
    empty = EVENTS.empty()
    assert len(empty) == 0
    assert empty["PHAS"].shape == (0, 3, 3)
    assert len(concatenate([empty, empty])) == 0


def test_rows_and_names_that_are_not_there_say_what_is() -> None:
    product = Product("ACIS_EVT0", (EVENTS.empty(),), 0.0, 1.0)
    assert product.rows == 0
    with pytest.raises(BadData, match="EVENTS"):
        product.table("GTI")
    with pytest.raises(BadData, match="TIME, CHIPX, PHAS"):
        product.table("EVENTS")["ENERGY"]
