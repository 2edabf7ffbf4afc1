"""Samples out of engineering products: both layouts, quality, raw counts, several files of one group."""

from __future__ import annotations

import numpy as np

from mta_assets.core.tables import Column, Product, Schema, Table
from mta_assets.monitors.samples import collect


def _bits(n, quality):
    """QUALITY of the five fixed columns, MODE and TEMP, of which the last two are given."""
    bits = np.zeros((n, 7), bool)
    if quality is not None:
        bits[:, 5:] = quality
    return bits


def engineering(time, temp, quality=None, raw=None):
    n = len(time)
    columns = {
        "TIME": np.asarray(time, float),
        "MJF": np.zeros(n, np.int32),
        "MNF": np.zeros(n, np.int16),
        "TLM_FMT": np.full(n, "FMT2"),
        "QUALITY": _bits(n, quality),
        "MODE": np.full(n, "NPNT"),
        "TEMP": np.asarray(temp, np.float32),
    }
    schema = Schema(
        "AXAF_EPS", tuple(Column(name, "f8", doc="[DEGF] panel" if name == "TEMP" else "") for name in columns)
    )
    counts = {"TIME": columns["TIME"], "TEMP": np.arange(n, dtype=np.int16) if raw is None else np.asarray(raw)}
    tables = (Table("AXAF_EPS", columns, {}, schema), Table("AXAF_EPS_RAW", counts))
    return Product("EPS_ENG0", tables, float(time[0]) if n else 0.0, float(time[-1]) if n else 0.0)


def test_the_level0_layout_is_read_with_quality_bits_raw_counts_and_the_unit_of_the_comment():
    found = collect([engineering([0, 1, 2], [5, 6, 7], quality=[[1, 0], [0, 1], [0, 0]], raw=[50, 60, 70])])
    assert list(found) == ["TEMP"]  # text has no limits
    temp = found["TEMP"]
    assert temp.unit == "DEGF"
    np.testing.assert_array_equal(temp.value, [5, 6, 7])
    np.testing.assert_array_equal(temp.raw, [50, 60, 70])
    np.testing.assert_array_equal(temp.bad, [False, True, False])
    np.testing.assert_array_equal(temp.good, [True, False, True])


def test_the_decommutated_layout_is_read():
    columns = {
        "time": np.arange(3.0),
        "counter": np.arange(3),
        "V": np.array([1.0, np.nan, 3.0]),
        "V__r": np.array([10, 0, 30], np.uint8),
        "V__q": np.array([0, 1, 0], np.uint8),
        "COUNT": np.array([1, 2, 3], np.uint16),
    }
    found = collect([Product("P", (Table("P", columns),), 0.0, 3.0)])
    assert list(found) == ["V", "COUNT"]
    np.testing.assert_array_equal(found["V"].raw, [10, 0, 30])
    np.testing.assert_array_equal(found["V"].good, [True, False, True])
    assert found["COUNT"].bad is None
    np.testing.assert_array_equal(found["COUNT"].raw, found["COUNT"].value)


def test_files_of_one_group_are_joined_in_time_order():
    found = collect([engineering([0, 1], [5, 6]), engineering([2, 3], [7, 8], quality=[[0, 1], [0, 0]])])["TEMP"]
    np.testing.assert_array_equal(found.value, [5, 6, 7, 8])
    np.testing.assert_array_equal(found.good, [True, True, False, True])


def test_files_that_overlap_give_each_time_once_and_the_good_sample_of_it():
    first = engineering([0, 2, 4], [5, 6, 7], quality=[[0, 0], [0, 0], [0, 1]])
    found = collect([first, engineering([1, 4], [9, 8])])["TEMP"]
    np.testing.assert_array_equal(found.time, [0, 1, 2, 4])
    np.testing.assert_array_equal(found.value, [5, 9, 6, 8])
    assert found.good.all()


def test_rows_out_of_order_within_a_file_are_sorted_and_the_file_left_as_it_was():
    product = engineering([2, 0, 1, 1], [7, 5, 6, 6], quality=[[0, 1], [0, 0], [0, 0], [0, 0]])
    found = collect([product])["TEMP"]
    np.testing.assert_array_equal(found.time, [0, 1, 2])
    np.testing.assert_array_equal(found.good, [True, True, False])
    np.testing.assert_array_equal(product.tables[0]["TIME"], [2, 0, 1, 1])


def test_a_product_without_times_or_rows_gives_nothing_to_judge():
    assert collect([Product("P", (Table("P", {"V": np.zeros(2)}),), 0.0, 1.0)]) == {}
    assert len(collect([engineering([], [])])["TEMP"].time) == 0
