"""Days and weeks of UTC in seconds of TT: leap seconds, Mondays, and bins that belong to one day each."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import ConfigError
from mta_assets.core.times import from_utc
from mta_assets.pipelines.calendar import (
    day_of,
    first_key,
    interval_of,
    key_of,
    keys_between,
    last_ended,
    whole_bins,
)

LEAP_DAYS = ["1998-12-31", "2005-12-31", "2008-12-31", "2012-06-30", "2015-06-30", "2016-12-31"]
DAYS = st.dates(date(1999, 1, 1), date(2025, 12, 31))
KINDS = st.sampled_from(["day", "week"])
WIDTHS = st.sampled_from([1.0, 32.8, 60.0, 328.0, 1000.0, 3600.0, 7 * 3600.0, 86400.0, 2.5 * 86400.0, 10 * 86400.0])


@pytest.mark.parametrize("day", LEAP_DAYS)
def test_a_day_with_a_leap_second_is_longer_and_the_next_one_begins_where_it_ends(day: str) -> None:
    start, stop = interval_of("day", day)
    assert stop - start == pytest.approx(86401.0, abs=1e-6)
    following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    assert interval_of("day", following)[0] == stop
    second = from_utc(f"{day}T23:59:60.5")
    assert start < second < stop
    assert day_of(second).isoformat() == day
    assert list(keys_between("day", second, second + 0.4)) == [day]
    assert list(keys_between("day", second, second + 0.6)) == [day, following]


def test_a_day_without_a_leap_second_has_86400_s_and_a_week_with_one_a_second_more() -> None:
    start, stop = interval_of("day", "2024-02-29")
    assert stop - start == pytest.approx(86400.0, abs=1e-6)
    start, stop = interval_of("week", "2016-12-26")
    assert stop - start == pytest.approx(7 * 86400.0 + 1, abs=1e-6)


@pytest.mark.parametrize(
    ("day", "monday"),
    [("2024-03-04", "2024-03-04"), ("2024-03-10", "2024-03-04"), ("2024-03-11", "2024-03-11"),
     ("2024-01-01", "2024-01-01"), ("2023-12-31", "2023-12-25"), ("2000-01-01", "1999-12-27")],
)  # fmt: skip
def test_a_week_has_the_date_of_its_monday(day: str, monday: str) -> None:
    assert key_of("week", date.fromisoformat(day)) == monday
    assert key_of("day", date.fromisoformat(day)) == day


@pytest.mark.parametrize(
    ("kind", "start", "first"),
    [("week", "2024-03-04", "2024-03-04"), ("week", "2024-03-05", "2024-03-11"), ("day", "2024-03-05", "2024-03-05")],
)
def test_the_first_week_is_the_first_whole_one(kind: str, start: str, first: str) -> None:
    assert first_key(kind, date.fromisoformat(start)) == first


@pytest.mark.parametrize(
    ("kind", "key", "reason"),
    [
        ("day", "yesterday", "expected the date of a day, like"),
        ("day", "2024-02-30", "expected the date of a day, like"),
        ("day", "20240301", "expected the date of a day, 2024-03-01 for example"),
        ("week", "2024-03-05", "expected the date of a Monday, 2024-03-04 for example"),
        ("week", "", "expected the date of a week"),
        ("day", "../../x", "expected the date of a day"),
    ],
)
def test_a_key_that_is_none_is_refused_with_one_that_is(kind: str, key: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        interval_of(kind, key)


def test_the_day_of_the_last_moment_is_not_rounded_into_the_next_one() -> None:
    start, stop = interval_of("day", "2024-03-01")
    assert day_of(start).isoformat() == "2024-03-01"
    assert day_of(stop - 1e-4).isoformat() == "2024-03-01"
    assert day_of(stop).isoformat() == "2024-03-02"


def test_a_stretch_touches_the_days_of_its_samples_and_an_empty_one_none() -> None:
    start, stop = interval_of("day", "2024-03-01")
    assert list(keys_between("day", start, stop)) == ["2024-03-01"]
    assert list(keys_between("day", start - 1.0, stop + 1.0)) == ["2024-02-29", "2024-03-01", "2024-03-02"]
    assert list(keys_between("week", start, stop)) == ["2024-02-26"]
    assert list(keys_between("day", start, start)) == []
    assert list(keys_between("day", stop, start)) == []


@pytest.mark.parametrize(
    ("kind", "moment", "ended"),
    [
        ("day", "2024-03-01T00:00:00", "2024-02-29"), ("day", "2024-02-29T23:59:59.9", "2024-02-28"),
        ("week", "2024-03-04T00:00:00", "2024-02-26"), ("week", "2024-03-03T23:59:59.9", "2024-02-19"),
    ],
)  # fmt: skip
def test_a_day_or_week_has_ended_when_the_next_one_begins(kind: str, moment: str, ended: str) -> None:
    assert last_ended(kind, from_utc(moment)) == ended


@settings(derandomize=True, max_examples=60, deadline=None)
@given(KINDS, DAYS)
def test_partitions_follow_each_other_without_gap_or_overlap(kind: str, day: date) -> None:
    key = key_of(kind, day)
    start, stop = interval_of(kind, key)
    assert start <= from_utc(day.isoformat()) < stop
    assert list(keys_between(kind, start, stop)) == [key]
    following = key_of(kind, day_of(stop))
    assert interval_of(kind, following)[0] == stop
    assert last_ended(kind, stop) == key


@settings(derandomize=True, max_examples=120, deadline=None)
@given(KINDS, DAYS, WIDTHS)
def test_every_bin_belongs_to_exactly_one_day_or_week(kind: str, day: date, every: float) -> None:
    start, stop = interval_of(kind, key_of(kind, day))
    low, high = whole_bins(start, stop, every)
    following = interval_of(kind, key_of(kind, day_of(stop)))
    assert whole_bins(*following, every)[0] == high, "the next one goes on where this one ends"
    assert low / every == pytest.approx(round(low / every), abs=1e-6), "edges are multiples of the width"
    assert abs(low - start) <= every / 2 + 1e-6
    assert abs(high - stop) <= every / 2 + 1e-6
    for number in {round(low / every), round(high / every) - 1} if high > low else ():
        assert start <= (number + 0.5) * every < stop, "the middle of its bins lies in it"
