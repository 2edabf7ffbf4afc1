"""Rows of several tables as one: in order of time, each once, whatever the pieces."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core import merge, spool, stored
from mta_assets.core.merge import Merge, Same
from mta_assets.core.spool import spooled
from mta_assets.core.tables import Table
from mta_assets_tests.core.merged import merged

WITHIN = 0.1
SAME = Same(("pixel", "chip"), WITHIN, ("chip",))
Row = tuple[float, int, int]


def table(rows: Sequence[Row], number: int = 0) -> Table:
    columns = {"TIME": np.array([r[0] for r in rows], float)}
    columns |= {name: np.array([r[n] for r in rows], np.int16) for n, name in ((1, "pixel"), (2, "chip"))}
    return Table("EVENTS", {**columns, "from": np.full(len(rows), number)})


def everything(tables: Sequence[Table]) -> list[Row]:
    """The same in the plain way: all rows sorted, each compared with the one of its pixel before it."""
    rows = [row for one in tables for row in zip(*(one[n].tolist() for n in ("TIME", "pixel", "chip")), strict=True)]
    kept, last = [], {}
    for time, pixel, chip in sorted(row for row in rows if 0 <= row[0] < 10):
        if time - last.get((pixel, chip), -np.inf) >= WITHIN:
            kept.append((time, pixel, chip))
        last[pixel, chip] = time
    return sorted(kept, key=lambda row: (row[0], row[2], row[1]))


def inside(rows: Table) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray((rows["TIME"] >= 0) & (rows["TIME"] < 10))


def first_of(tables: Sequence[Table]) -> dict[Row, int]:
    """The first table in which a row stands."""
    found: dict[Row, int] = {}
    for number, one in enumerate(tables):
        for row in zip(*(one[n].tolist() for n in ("TIME", "pixel", "chip")), strict=True):
            found.setdefault(row, number)
    return found


TIMES = st.one_of(st.floats(-1, 11), st.integers(0, 200).map(lambda n: n / 16), st.just(np.nan))  # sixteenths are exact
ROWS = st.lists(st.tuples(TIMES, st.integers(1, 3), st.integers(0, 1)), max_size=25)
LISTS = st.lists(st.tuples(ROWS, st.booleans()), min_size=1, max_size=4)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(LISTS, st.integers(1, 30), st.sampled_from([0, 1 << 20]))
def test_rows_come_in_order_of_time_and_each_once(lists: list[tuple[list[Row], bool]], size: int, held: int) -> None:
    tables = [table(sorted(rows) if in_order else rows, n) for n, (rows, in_order) in enumerate(lists)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "ROWS", size)
        patch.setattr(merge, "HELD", held)
        found = Merge(lambda number: tables[number], inside, SAME)
        wanted = [found.add(number, one) for number, one in enumerate(tables)]
        whole = merged(found)
    assert wanted == [int(inside(one).sum()) for one in tables]
    got = list(zip(*(whole[n].tolist() for n in ("TIME", "pixel", "chip")), strict=True))
    assert sorted(got, key=lambda row: (row[0], row[2], row[1])) == everything(tables)
    assert got == sorted(got, key=lambda row: (row[0], row[2]))
    first = first_of(tables)
    assert whole["from"].tolist() == [first[row] for row in got]


@pytest.mark.parametrize("size", [2, 3, 5, 100])
def test_of_a_row_that_stands_in_two_tables_that_of_the_first_is_taken(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "ROWS", size)
    tables = [table([(step / 4, step, 0) for step in range(*span)], n) for n, span in enumerate([(0, 20), (5, 25)])]
    found = Merge(lambda number: tables[number], inside, SAME)
    for number, one in enumerate(tables):
        found.add(number, one)
    assert merged(found)["from"].tolist() == [0] * 20 + [1] * 5


def test_a_table_that_gives_nothing_does_not_say_which_columns_there_are() -> None:
    other = Table("EVENTS", {**table([(20.0, 1, 0)]).columns, "more": np.zeros(1)})
    found = Merge(lambda number: other, inside, SAME)
    assert found.add(0, other) == 0
    assert found.empty is not None
    assert "more" in found.empty
    held = table([(1.0, 1, 0)])
    assert found.add(1, held) == 1
    assert list(merged(found).columns) == ["TIME", "pixel", "chip", "from"]


def test_few_files_are_open_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "OPEN", 3)
    monkeypatch.setattr(spool, "IN_MEMORY", 0)
    asked: list[int] = []

    def again(number: int) -> Table:
        asked.append(number)
        return spooled([table([(float(number), 1, 0)], number)], table([]))

    found = Merge(again, inside, SAME)
    before = len(os.listdir("/proc/self/fd"))
    for number in range(9):
        found.add(number, again(number))
    assert len(os.listdir("/proc/self/fd")) <= before + 4
    asked.clear()
    assert merged(found)["from"].tolist() == list(range(9))
    assert asked == list(range(3, 9))


def test_of_tables_in_order_few_rows_are_in_memory_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "ROWS", 10)
    tables = [table([(step / 100 + chip / 1000, step, chip) for step in range(1000)]) for chip in range(3)]
    found = Merge(lambda number: tables[number], inside, SAME)
    for number, one in enumerate(tables):
        found.add(number, one)
    sizes = [len(block) for block in found.blocks()]
    assert sum(sizes) == 3000
    assert max(sizes) <= 60


def test_a_table_that_was_let_go_is_read_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "ROWS", 10)
    monkeypatch.setattr(merge, "HELD", 0)
    asked: list[int] = []
    tables = [table([(start + step / 100, step, 0) for step in range(100)]) for start in (0.0, 3.0, 1.0)]

    def again(number: int) -> Table:
        asked.append(number)
        return tables[number]

    found = Merge(again, inside, SAME)
    for number, one in enumerate(tables):
        found.add(number, one)
    assert np.all(np.diff(merged(found)["TIME"]) >= 0)
    assert asked == [0, 2, 1]
