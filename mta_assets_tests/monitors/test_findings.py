"""Findings tables from violations."""

from __future__ import annotations

import numpy as np

from mta_assets.core.records import FINDINGS
from mta_assets.monitors.findings import joined, limit_findings
from mta_assets.monitors.limits import Bounds, check


def found(name, values, start=0.0):
    time = start + np.arange(len(values), dtype=float)
    return limit_findings(check(time, np.array(values, float), None, Bounds(yellow_high=1.0)), name, "EPS", "V")


def test_no_violation_is_an_empty_table_of_the_right_columns():
    table = found("A", [0, 0])
    assert len(table) == 0
    assert tuple(table.columns) == FINDINGS.names


def test_one_sample_reads_as_one_sample():
    assert found("A", [0, 2, 0])["detail"][0] == "above the yellow high limit 1 V for 0.0 s, 1 sample, worst 2"


def test_joined_findings_stand_in_time_order():
    table = joined([found("B", [2, 0, 2], 5.0), found("C", [0, 0]), found("A", [2, 0], 6.0)])
    assert list(zip(table["tstart"], table["name"], strict=True)) == [(5.0, "B"), (6.0, "A"), (7.0, "B")]
    assert len(joined([])) == 0
