"""Events and the time around them, against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.samples import SECOND, to_nanoseconds
from mta_assets.query.model import Name, Window
from mta_assets.query.spans import inside
from mta_assets.query.windows import around, crossings, moments, overlapping, reach, runs

GAP = 3 * SECOND
A = Name("A")


def seconds(array: np.ndarray) -> list:
    return (array / SECOND).tolist()


def test_a_run_ends_with_a_false_sample_and_with_a_gap() -> None:
    time = to_nanoseconds([0, 1, 2, 3, 6, 9.000000001, 10])
    found = runs(np.array([True, True, False, True, True, True, True]), time, GAP)
    assert seconds(found) == [[0, 1], [3, 6], [9.000000001, 10]]


@pytest.mark.parametrize(
    ("how", "expected"), [("reaches", [1, 2, 5, 11, 13]), ("rises", [1, 5, 13]), ("falls", [2, 11])]
)
def test_crossings_are_the_first_samples_at_or_beyond_the_level(how: str, expected: list[float]) -> None:
    time = to_nanoseconds([0, 1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14])
    values = np.array([19, 21, 19, 19, np.nan, 20, 20, 21, 18, 19, 20.5, 20.5])
    # 6 to 10 is a gap: the step from 20 to 21 over it is no crossing
    assert seconds(crossings(values, 20.0, time, GAP, how)) == expected


def test_a_sample_at_the_level_after_a_gap_reaches_it_and_one_beyond_does_not() -> None:
    time = to_nanoseconds([0, 10, 20])
    assert seconds(crossings(np.array([19.0, 20.0, 21.0]), 20.0, time, GAP)) == [10]


EVENT = to_nanoseconds([100, 110]).reshape(-1, 2)


@pytest.mark.parametrize(
    ("window", "first", "last"),
    [
        (Window(A, 5, 7), 95, 117),
        (Window(A, 5, 7, anchor="start"), 95, 107),
        (Window(A, 5, 7, anchor="end"), 105, 117),
        (Window(A, -5, 7, anchor="end"), 115, 117),
        (Window(A, 7, -5, anchor="start"), 93, 95),
    ],
)
def test_windows_have_both_their_ends(window: Window, first: float, last: float) -> None:
    kept = around(EVENT, window)
    assert seconds(kept) == [[first, last + 1e-9]]


def test_the_event_itself_can_be_left_out() -> None:
    kept = around(EVENT, Window(A, 5, 7, during=False))
    assert kept.tolist() == [[95 * SECOND, 100 * SECOND], [110 * SECOND + 1, 117 * SECOND + 1]]


def test_a_window_without_length_is_a_moment() -> None:
    window = Window(A, -18000, 18000, anchor="end")
    assert window.is_moment
    assert seconds(moments(EVENT, window)) == [18110]
    assert reach([window]) == (18000 * SECOND, 0)


def test_events_of_parts_that_share_samples_are_one() -> None:
    parts = [to_nanoseconds([0, 5, 8, 9]).reshape(-1, 2), to_nanoseconds([5, 7, 10, 11]).reshape(-1, 2)]
    assert seconds(overlapping(parts)) == [[0, 7], [8, 9], [10, 11]]


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    steps=st.lists(st.integers(1, 5), min_size=1, max_size=30),
    data=st.data(),
    before=st.integers(0, 6),
    after=st.integers(0, 6),
    during=st.booleans(),
)
def test_windows_equal_a_brute_force(
    steps: list[int], data: st.DataObject, before: int, after: int, during: bool
) -> None:
    time = to_nanoseconds(np.cumsum(steps))
    true = np.array(data.draw(st.lists(st.booleans(), min_size=len(steps), max_size=len(steps))))
    kept = around(runs(true, time, GAP), Window(A, before, after, during))
    rows = np.zeros(len(time), bool)
    rows[inside(kept, time)] = True

    events: list[list[int]] = []
    for i, t in enumerate(time.tolist()):
        if not true[i]:
            continue
        if events and i and true[i - 1] and t - time[i - 1] <= GAP:
            events[-1][1] = t
        else:
            events.append([t, t])
    near = [any(a - before * SECOND <= t <= b + after * SECOND for a, b in events) for t in time.tolist()]
    within = [any(a <= t <= b for a, b in events) for t in time.tolist()]
    assert rows.tolist() == [n and (during or not w) for n, w in zip(near, within, strict=True)]
