"""The limit engine: both sides of every limit, persistence, hysteresis, gaps, and chunked equals whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.monitors.limits import MAX_GAP, NONE, QUIET, Bounds, Violation, check, finish, judge

HIGH = Bounds(yellow_high=10.0)


def run(values, bounds, bad=None, times=None, **kwargs):
    value = np.asarray(values, dtype=float)
    time = np.arange(len(value), dtype=float) if times is None else np.asarray(times, dtype=float)
    return check(time, value, None if bad is None else np.asarray(bad, np.uint8), bounds, **kwargs)


def spans(violations):
    return [(v.tstart, v.tstop, v.count) for v in violations]


def test_exactly_on_a_limit_is_not_a_violation():
    every = Bounds(-5.0, 10.0, -8.0, 12.0)
    assert run([10.0, -5.0, 0.0], every) == []
    just = run([np.nextafter(10.0, 11), 0.0, np.nextafter(-5.0, -6), 0.0], every)
    assert [(v.severity, v.side, v.bound) for v in just] == [("yellow", "high", 10.0), ("yellow", "low", -5.0)]
    assert [v.severity for v in run([12.0, 0.0], every)] == ["yellow"]
    assert [v.severity for v in run([np.nextafter(12.0, 13), 0.0], every)] == ["red", "yellow"]


def test_a_stored_float32_on_the_limit_is_on_the_limit():
    value = np.array([0.1, 0.1], dtype=np.float32)
    time = np.arange(2.0)
    assert float(value[0]) > 0.1
    for limit in (0.1, np.array([0.1, 0.1])):
        assert check(time, value, None, Bounds(yellow_high=limit)) == []
        assert len(check(time, np.nextafter(value, np.float32(1)), None, Bounds(yellow_high=limit))) == 1


def test_a_violation_has_first_last_worst_and_count():
    (found,) = run([1, 11, 15, 12, 1], HIGH)
    assert (found.first, found.last, found.worst, found.count) == (11, 12, 15, 3)
    assert (found.tstart, found.tstop, found.bound, found.excess, found.open) == (1, 3, 10, 5, False)
    (low,) = run([1, -2, -7, -3], Bounds(yellow_low=0.0))
    assert (low.side, low.worst, low.excess, low.open) == ("low", -7, 7, True)


def test_red_samples_count_in_the_yellow_violation_too():
    found = run([11, 13, 14, 11, 0], Bounds(yellow_high=10.0, red_high=12.0))
    assert [(v.severity, *span) for v, span in zip(found, spans(found), strict=True)] == [
        ("yellow", 0, 3, 4),
        ("red", 1, 2, 2),
    ]


def test_red_without_yellow_is_judged():
    assert [v.severity for v in run([13, 0], Bounds(red_high=12.0))] == ["red"]


@pytest.mark.parametrize(("values", "expected"), [([11, 11, 0], []), ([11, 11, 11, 0], [(0, 2, 3)])])
def test_persistence_in_samples_starts_at_the_first(values, expected):
    assert spans(run(values, Bounds(yellow_high=10.0, samples=3))) == expected


@pytest.mark.parametrize(("seconds", "raised"), [(20.0, True), (20.5, False)])
def test_persistence_in_seconds_counts_from_first_to_last_sample(seconds, raised):
    found = run([11, 11, 11, 0], Bounds(yellow_high=10.0, seconds=seconds), times=[0, 10, 20, 30])
    assert spans(found) == ([(0, 20, 3)] if raised else [])


def test_a_good_sample_inside_interrupts_the_consecutive_ones():
    assert run([11, 11, 10, 11, 11, 0], Bounds(yellow_high=10.0, samples=3)) == []


def test_inside_the_hysteresis_a_raised_violation_goes_on_and_an_unraised_one_does_not_count_up():
    bounds = Bounds(yellow_high=10.0, samples=2, hysteresis=2.0)
    assert run([11, 9, 11, 9, 11, 0], bounds) == []
    assert spans(run([11, 11, 9, 11, 8.5, 0, 11, 0], bounds)) == [(0, 3, 3)]


def test_back_inside_by_the_hysteresis_ends_it():
    bounds = Bounds(yellow_high=10.0, hysteresis=2.0)
    assert spans(run([11, 8.01, 12, 0], bounds)) == [(0, 2, 2)]
    assert spans(run([11, 8.0, 12, 0], bounds)) == [(0, 0, 1), (2, 2, 1)]
    assert spans(run([11, 10, 12, 0], HIGH)) == [(0, 0, 1), (2, 2, 1)]


def test_the_example_of_the_reference_page():
    bounds = Bounds(yellow_high=10.0, samples=2, hysteresis=2.0)
    (found,) = run([11, 9, 11, 12, 99, 9, 10.5, 8], bounds, bad=[0, 0, 0, 0, 1, 0, 0, 0])
    assert (found.tstart, found.tstop, found.count) == (2, 6, 3)
    assert (found.first, found.last, found.worst, found.open) == (11, 10.5, 12, False)


def test_bad_samples_neither_extend_nor_end_a_violation():
    bounds = Bounds(yellow_high=10.0, samples=3)
    values, bad = [11, 0, 11, 99, np.nan, 11, np.inf, 0], [0, 4, 0, 1, 0, 0, 0, 0]
    (found,) = run(values, bounds, bad)
    assert (found.tstart, found.tstop, found.count, found.worst) == (0, 5, 3, 11)
    assert run([11, 11, 99, 0], bounds, [0, 0, 4, 0]) == []
    assert run([np.nan, np.inf, -np.inf], Bounds(-1.0, 1.0)) == []


def test_a_longer_gap_ends_a_violation_and_an_equal_one_does_not():
    times = [0, 1, 1 + MAX_GAP, 1 + 2 * MAX_GAP + 1e-6]
    assert spans(run([11, 11, 11, 11], HIGH, times=times)) == [(0, 1 + MAX_GAP, 3), (times[3], times[3], 1)]
    assert run([11, 11, 11], Bounds(yellow_high=10.0, samples=3), times=[0, 1, 400]) == []


def test_bad_samples_do_not_bridge_a_gap():
    times = np.arange(0, 400, 100.0)
    assert spans(run([11, 11, 11, 11], HIGH, [0, 1, 1, 0], times, max_gap=250)) == [(0, 0, 1), (300, 300, 1)]


def test_each_sample_is_judged_by_the_limit_of_its_time():
    bounds = Bounds(yellow_high=np.array([10.0, 10.0, 20.0, 20.0, NONE]))
    assert spans(run([11, 11, 11, 21, 99], bounds)) == [(0, 1, 2), (3, 3, 1)]
    (found,) = run([11, 12, 8, 0], Bounds(yellow_high=np.array([10.0, 10.0, 5.0, 5.0])))
    assert (found.bound, found.worst, found.excess, found.count) == (10, 8, 3, 3)


def test_without_limits_nothing_is_found():
    assert run([1e9, -1e9], Bounds()) == []
    assert run([], HIGH) == []


def test_integers_are_judged_too():
    value = np.array([3, 250, 3], dtype=np.uint8)
    assert [v.worst for v in check(np.arange(3.0), value, None, Bounds(yellow_low=-1.0, yellow_high=200.0))] == [250]


def test_an_unfinished_violation_travels_in_the_state():
    time = np.arange(4.0)
    ended, state = judge(time, np.array([0.0, 11, 12, 11]), None, HIGH)
    assert ended == []
    assert [v.open for v in finish(state)] == [True]
    ended, state = judge(time + 4, np.array([11.0, 9, 9, 9]), None, HIGH, state)
    assert spans(ended) == [(1, 4, 4)]
    assert state == QUIET


def test_a_violation_not_yet_raised_is_raised_by_the_next_chunk_or_never():
    bounds = Bounds(yellow_high=10.0, samples=3)
    _, state = judge(np.arange(2.0), np.array([11.0, 11]), None, bounds)
    assert finish(state) == []
    ended, _ = judge(np.arange(2.0, 4), np.array([11.0, 0]), None, bounds, state)
    assert spans(ended) == [(0, 2, 3)]
    assert judge(np.arange(2.0, 4), np.array([0.0, 0]), None, bounds, state) == ([], QUIET)


def test_the_input_is_left_as_it_was():
    time, value, bad = np.arange(3.0), np.array([11.0, np.nan, 12]), np.array([0, 0, 1])
    before = time.copy(), value.copy(), bad.copy()
    check(time, value, bad, HIGH)
    for array, copy in zip((time, value, bad), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def reference(time, value, bad, bounds, max_gap):
    """The rules sample by sample, as docs/limits.md words them."""
    found = []
    for severity, side in (("yellow", "low"), ("yellow", "high"), ("red", "low"), ("red", "high")):
        sign = 1 if side == "high" else -1
        episode, raised, previous = None, False, None

        def close(is_open=False):
            nonlocal episode, raised
            if episode is not None and raised:
                found.append(replace(episode, open=is_open))
            episode, raised = None, False

        for i in range(len(time)):
            if bad[i] or not np.isfinite(value[i]):
                continue
            t, x = float(time[i]), float(value[i])
            limit = float(getattr(bounds, f"{severity}_{side}")[i])
            if previous is not None and t - previous > max_gap:
                close()
            previous = t
            excess = sign * (x - limit)
            if excess > 0:
                if episode is None:
                    episode = Violation(severity, side, limit, t, t, x, x, x, excess, 1)
                else:
                    worse = excess > episode.excess
                    episode = replace(
                        episode,
                        tstop=t,
                        last=x,
                        count=episode.count + 1,
                        worst=x if worse else episode.worst,
                        excess=max(excess, episode.excess),
                    )
                enough = episode.count >= max(bounds.samples[i], 1) and t - episode.tstart >= bounds.seconds[i]
                raised = raised or enough
            elif not raised or not excess > -bounds.hysteresis[i]:
                close()
        close(is_open=True)
    return sorted(found, key=lambda v: (v.tstart, v.severity, v.side))


@st.composite
def streams(draw):
    size = draw(st.integers(1, 40))
    steps = draw(st.lists(st.sampled_from([1.0, 1.0, 1.0, 2.0, 6.0]), min_size=size, max_size=size))
    levels = st.sampled_from([-4.0, -2, -1, 0, 0, 1, 2, 3, 4, 5, float("nan")])
    value = draw(st.lists(levels, min_size=size, max_size=size))
    bad = draw(st.lists(st.sampled_from([0, 0, 0, 0, 1]), min_size=size, max_size=size))
    # Two versions of the limits that change somewhere, each with any side missing.
    change = draw(st.integers(0, size))
    versions = []
    for _ in range(2):
        choices = ([-1.0, NONE], [2.0, 1.0, NONE], [-2.0, NONE], [3.0, NONE], [0, 1, 2, 3], [0.0, 2.0], [0.0, 1.0])
        versions.append([draw(st.sampled_from(choice)) for choice in choices])
    which = (np.arange(size) >= change).astype(int)
    bounds = Bounds(*(np.array(column, float)[which] for column in zip(*versions, strict=True)))
    cuts = draw(st.lists(st.integers(0, size), max_size=4))
    return np.cumsum(steps), np.array(value), np.array(bad), bounds, sorted(cuts)


@settings(derandomize=True, deadline=None, max_examples=400)
@given(streams())
def test_chunked_equals_whole_equals_the_rules_sample_by_sample(stream):
    time, value, bad, bounds, cuts = stream
    expected = reference(time, value, bad, bounds, 5.0)
    assert check(time, value, bad, bounds, 5.0) == expected
    found, state = [], QUIET
    for low, high in zip([0, *cuts], [*cuts, len(time)], strict=True):
        part = slice(low, high)
        ended, state = judge(time[part], value[part], bad[part], Bounds(*(b[part] for b in bounds)), state, 5.0)
        found += ended
    assert sorted(found + finish(state), key=lambda v: (v.tstart, v.severity, v.side)) == expected
