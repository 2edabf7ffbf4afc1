"""Stuck sensors: both sides of the length, bad samples, gaps, and noise that must not be taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from mta_assets.monitors.stuck import Stretch, stuck

RAW = np.array([5, 7, 7, 7, 7, 5, 5])
TIME = np.arange(7) * 10.0


@pytest.mark.parametrize(("seconds", "found"), [(30.0, [Stretch(1, 4, 10.0, 40.0, 4)]), (30.1, [])])
def test_a_stretch_counts_from_its_length_on(seconds, found):
    assert stuck(TIME, RAW, None, seconds) == found


def test_every_long_stretch_is_found():
    assert [(s.tstart, s.tstop, s.count) for s in stuck(TIME, RAW, None, 10.0)] == [(10, 40, 4), (50, 60, 2)]


def test_a_bad_sample_neither_breaks_nor_makes_a_stretch():
    bad = np.array([0, 0, 4, 0, 0, 0, 0])
    wild = RAW.copy()
    wild[2] = 99
    assert stuck(TIME, wild, bad, 30.0) == [Stretch(1, 4, 10.0, 40.0, 3)]
    assert stuck(TIME, wild, None, 30.0) == []
    assert stuck(TIME, RAW, np.ones(7), 1.0) == []


def test_a_gap_breaks_a_stretch():
    time = np.array([0.0, 100, 200, 600, 700])
    same = np.zeros(5, int)
    assert [(s.tstart, s.tstop) for s in stuck(time, same, None, 150.0, max_gap=300)] == [(0, 200)]
    assert [(s.tstart, s.tstop) for s in stuck(time, same, None, 150.0, max_gap=400)] == [(0, 700)]


def test_without_a_length_or_samples_nothing_is_looked_for():
    assert stuck(TIME, np.zeros(7), None, 0.0) == []
    assert stuck(TIME[:1], RAW[:1], None, 1.0) == []
    assert stuck(TIME[:0], RAW[:0], None, 1.0) == []


def test_noise_of_a_few_counts_over_a_day_is_not_stuck_and_a_frozen_hour_in_it_is():
    rng = np.random.default_rng(1)
    time = np.arange(2634) * 32.8
    raw = np.round(120 + 1.3 * rng.standard_normal(len(time))).astype(np.uint8)
    assert stuck(time, raw, None, 900.0) == []
    raw[1000:1110] = 121
    (found,) = stuck(time, raw, None, 900.0)
    assert found.first <= 1000
    assert found.last >= 1109
    assert found.count < 125
