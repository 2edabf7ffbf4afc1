"""UTC of many times: the same texts as astropy's, also within leap seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.samples import to_nanoseconds, to_seconds
from mta_assets.query.utc import as_seconds, to_datetime64, to_texts

LEAP = Time("2016-12-31T23:59:60", scale="utc").cxcsec


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 8 * 10**11), min_size=1, max_size=20))
def test_texts_are_those_of_astropy(milliseconds):
    time = np.array(milliseconds, np.int64) * 1_000_000
    expected = Time(to_seconds(time), format="cxcsec", scale="tt", precision=3).utc.isot
    assert to_texts(time).tolist() == expected.tolist()


def test_a_leap_second_is_second_sixty():
    time = to_nanoseconds([LEAP - 0.5, LEAP, LEAP + 0.5, LEAP + 0.9996, LEAP + 1.0])
    assert to_texts(time).tolist() == [
        "2016-12-31T23:59:59.500",
        "2016-12-31T23:59:60.000",
        "2016-12-31T23:59:60.500",
        "2017-01-01T00:00:00.000",
        "2017-01-01T00:00:00.000",
    ]


def test_times_before_the_epoch_and_no_times_have_texts():
    assert to_texts(to_nanoseconds([-1e8])).tolist() == [Time(-1e8, format="cxcsec", precision=3).utc.isot]
    assert to_texts(np.zeros(0, np.int64)).tolist() == []


def test_calendar_times_are_utc():
    found = to_datetime64(to_nanoseconds([as_seconds("2024:061:12:00:00")]))[0].astype("M8[us]")
    assert found == np.datetime64("2024-03-01T12:00:00")


@pytest.mark.parametrize(
    "date",
    [
        "2024:061",
        "2024:061:00:00:00.000",
        "2024-03-01",
        "2024-03-01T00:00:00",
        Time("2024-03-01", scale="utc"),
        datetime(2024, 3, 1),
        datetime(2024, 3, 1, tzinfo=UTC),
        datetime(2024, 3, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        np.datetime64("2024-03-01"),
        825638469.184,
        "825638469.184",
    ],
)
def test_every_usual_form_of_a_date_is_taken(date):
    assert as_seconds(date) == pytest.approx(825638469.184, abs=1e-6)


@pytest.mark.parametrize("date", ["yesterday", "2024-13-01", "", None, True, object()])
def test_what_is_no_date_is_refused(date):
    with pytest.raises(ValueError, match="date"):
        as_seconds(date)
