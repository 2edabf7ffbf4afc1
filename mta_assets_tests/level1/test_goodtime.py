"""Good times from judged rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData
from mta_assets.core.intervals import contains
from mta_assets.core.tables import Column, Schema, Table
from mta_assets.level1 import goodtime


def mtl(times: list[float], values: list[float], **header: float) -> Table:
    schema = Schema("MTL", (Column("time", "f8", "s"), Column("V", "f8")))
    return schema.build({"time": times, "V": values}, {"TIMEDEL": 2.0, "TIMEPIXR": 0.5} | header)


def test_good_rows_make_intervals_of_whole_bins() -> None:
    found = goodtime.judge(mtl([1, 3, 5, 7, 9], [0, 0, 9, 0, 9]), ["(V<=0)"])
    assert found.gti.tolist() == [[0, 4], [6, 8]]
    assert found.ontime == 6
    assert found.violated[:, 0].tolist() == [False, False, True, False, True]


def test_a_gap_between_rows_ends_an_interval() -> None:
    assert goodtime.judge(mtl([1, 3, 6, 8], [0, 0, 0, 0]), ["(V<=0)"]).gti.tolist() == [[0, 9]]
    assert goodtime.judge(mtl([1, 3, 6.01, 8], [0, 0, 0, 0]), ["(V<=0)"]).gti.tolist() == [[0, 4], [5.01, 9]]


def test_the_time_stamp_may_stand_at_the_start_or_the_end_of_a_bin() -> None:
    rows = [10.0, 12.0], [0.0, 0.0]
    assert goodtime.judge(mtl(*rows, TIMEPIXR=0.0), ["(V<=0)"]).gti.tolist() == [[10, 14]]
    assert goodtime.judge(mtl(*rows, TIMEPIXR=1.0), ["(V<=0)"]).gti.tolist() == [[8, 12]]


def test_no_good_row_and_no_row_give_no_good_time() -> None:
    for table in (mtl([1, 3], [9, 9]), mtl([], [])):
        found = goodtime.judge(table, ["(V<=0)"])
        assert found.gti.shape == (0, 2)
        product = goodtime.filter_product("HRC_FLT", found, 0.0, 4.0)
        assert len(product.table("GTI")) == 0
        assert product.header["ONTIME"][0] == 0


def test_without_a_rule_every_row_is_good() -> None:
    assert goodtime.judge(mtl([1, 3], [np.nan, 9]), ["", "  "]).gti.tolist() == [[0, 4]]


def test_times_that_do_not_ascend_or_a_missing_bin_length_are_refused() -> None:
    with pytest.raises(BadData, match="do not ascend"):
        goodtime.judge(mtl([3, 1], [0, 0]), ["(V<=0)"])
    with pytest.raises(BadData, match="TIMEDEL"):
        goodtime.judge(Table("MTL", {"time": np.zeros(1), "V": np.zeros(1)}), ["(V<=0)"])


def test_the_judged_table_stamps_the_start_of_a_bin_and_keeps_one_bit_a_rule() -> None:
    table = mtl([1, 3], [0, 9])
    found = goodtime.judge(table, ["(V<=0)", "(V<=10)"])
    judged = goodtime.judged_table(table, found)
    assert judged["time"].tolist() == [0, 2]
    assert judged["limit_status"].tolist() == [[False, False], [True, False]]
    assert judged.schema is not None
    assert judged.schema.columns[-1].shape == (2,)
    assert table["time"].tolist() == [1, 3]


def test_limits_may_come_as_a_table() -> None:
    limits = Table("LIMITS", {"gti_limits": np.array(["(V<=0)", ""])})
    assert goodtime.rules_of(limits) == ("(V<=0)",)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(good=st.lists(st.booleans(), min_size=1, max_size=40))
def test_the_middle_of_a_bin_lies_in_the_good_times_if_and_only_if_its_row_is_good(good: list[bool]) -> None:
    times = 5.0 + 2.0 * np.arange(len(good))
    gti = goodtime.good_intervals(times, np.array(good), 2.0)
    assert contains(gti, times).tolist() == good
