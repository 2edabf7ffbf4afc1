"""The benchmarks of the telemetry archive run on sizes too small to say anything about speed, and both stores agree."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import bench_archive, cheta_layout
from benchmarks.archive_data import BAD_ROWS, EPOCH, FREQUENT, group, playback, spacecraft
from benchmarks.archive_processes import PERIODS, rows, state
from benchmarks.archive_stores import Size
from benchmarks.cheta_layout import ChetaLayout, five_minutes, nearest
from benchmarks.inputs import Inputs
from mta_assets.core.samples import ParameterInfo, Samples

SMALL = Size(years=0.3, fast_days=0.2, wide=6, wide_rows=3000, msids=60, peer_msids=60, hours=2, rounds=1)


@pytest.fixture
def inputs(tmp_path):
    return Inputs(tmp_path)


@pytest.mark.slow
def test_reading_is_measured_and_finds_all_events(inputs):
    found = bench_archive.run(inputs, SMALL)
    events = [row.what for row in found if row.what.startswith("W6")]
    assert [what.split()[8] for what in events] == ["12", "456"]
    assert all(row.value > 0 for row in found if not row.what.startswith("the language"))


@pytest.mark.slow
def test_a_wide_table_is_measured_to_memory_and_to_a_file(inputs):
    found = bench_archive.run_wide(inputs, SMALL)
    assert all(row.value > 0 for row in found)
    assert [row.unit for row in found][-2:] == ["s", "MiB"]


@pytest.mark.slow
def test_commits_are_measured_and_no_read_is_inconsistent(inputs):
    *commits, consistency = bench_archive.run_commits(inputs, SMALL)
    assert all(row.value > 0 for row in commits)
    assert consistency.reached
    assert consistency.value == 0


def test_rows_are_the_same_in_whatever_pieces_they_are_made():
    table = group("T", 32.8, 3, 1, [(500, 2)])
    whole, part = table.rows(0, 3000), table.rows(1000, 100)
    np.testing.assert_array_equal(part.time, whole.time[1000:1100])
    for name in whole.values:
        np.testing.assert_array_equal(part.values[name], whole.values[name][1000:1100])
        np.testing.assert_array_equal(part.raw[name], whole.raw[name][1000:1100])


def test_only_events_pass_the_thresholds():
    signal = group("T", 32.8, 1, 1, [(500, 2)]).signals[0]
    counts = signal.counts(0, 2000)
    assert np.flatnonzero(counts >= FREQUENT).tolist() == [*range(500, 520), *range(1000, 1020), *range(1500, 1520)]
    assert counts[500] == FREQUENT + 10
    assert counts[1000] > counts[500]


def test_a_spacecraft_has_so_many_parameters_in_the_rates_of_the_dictionary():
    groups = spacecraft(300)
    assert sum(len(each.signals) for each in groups) == 300
    assert {0.25625, 32.8} <= {each.period for each in groups}
    hour = playback(groups, 0.0, 3600.0)
    assert all(len(part.time) > 100 for part in hour)


def test_the_peer_gives_back_what_it_was_given_and_marks_what_was_sent_again(tmp_path):
    layout, table = ChetaLayout(tmp_path), group("T", 32.8, 2, 1)
    first, second = table.rows(0, 1000), table.rows(900, 300)
    layout.append("T", first.time, first.values, {"T000": np.arange(1000) == 5}, 32.8)
    layout.append("T", second.time, second.values, {}, 32.8)
    times, values, bad = layout.read("T", ["T000"], -np.inf, np.inf)["T000"]
    whole = table.rows(0, 1200)
    np.testing.assert_allclose(times, whole.time / 1e9, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(values, whole.values["T000"])
    assert np.flatnonzero(bad).tolist() == [5]
    cut = layout.read("T", ["T001"], times[10], times[20])["T001"]
    assert cut[0].tolist() == times[10:20].tolist()


def test_the_peer_s_statistics_are_those_of_its_samples(tmp_path):
    layout, table = ChetaLayout(tmp_path), group("T", 32.8, 1, 1)
    given = table.rows(0, 6000)
    layout.append("T", given.time, given.values, {}, 32.8)
    layout.update_statistics("T", "T000", float(given.time[-1] / 1e9))
    times, found = layout.statistics("T", "T000", -np.inf, np.inf)
    expected = five_minutes(given.time / 1e9, given.values["T000"])
    both = np.isin(expected["index"], found["index"])
    assert both.sum() == len(found) > 590
    for name in ("n", "min", "max"):
        np.testing.assert_array_equal(found[name], expected[name][both])
    np.testing.assert_allclose(found["mean"], expected["mean"][both], rtol=0.02, atol=0.2)
    assert times[0] == (found["index"][0] + 0.5) * cheta_layout.FIVE_MINUTES


def test_nearest_takes_the_sample_that_is_nearest():
    index = nearest(np.array([0.0, 10.0, 20.0]), np.array([-1.0, 1.0, 4.9, 5.1, 14.0, 16.0, 99.0]))
    assert index.tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_a_reader_sees_a_torn_hour():
    whole = rows("COUNTERA", 0, 7)
    info = ParameterInfo("COUNTERA")
    samples = Samples(info, whole.time, whole.values["COUNTERA"])
    assert state(samples, PERIODS["COUNTERA"]) == (7,)
    assert state(samples.where(slice(1, None)), PERIODS["COUNTERA"]) is None
    mixed = samples.values.copy()
    mixed[-1] = 8
    assert state(Samples(info, whole.time, mixed), PERIODS["COUNTERA"]) is None


def test_damaged_frames_spoil_all_parameters_of_a_row():
    table = group("T", 32.8, 2, 1)
    given = table.rows(0, 200_000)
    spoiled = [np.flatnonzero(flags) for flags in given.quality.values()]
    assert len(spoiled[0]) == BAD_ROWS
    np.testing.assert_array_equal(*spoiled)
    assert given.time[0] == EPOCH * 1_000_000_000
