"""Times against values of the Chandra archive and of the standards."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mta_assets.core import times


def test_the_epoch_is_1998_in_terrestrial_time() -> None:
    assert times.mjd(0.0) == 50814.0
    assert times.to_tt_iso(0.0) == "1998-01-01T00:00:00"


def test_utc_lags_terrestrial_time_by_the_leap_seconds_of_the_date() -> None:
    # 32.184 s + 31 s in 1998, 32.184 s + 37 s since 2017 (IERS Bulletin C)
    assert times.from_utc("1998-01-01T00:00:00") == pytest.approx(63.184, abs=1e-6)
    assert times.to_utc_iso(63.184) == "1998-01-01T00:00:00.000"
    noon_2023 = times.from_utc("2023:297:12:00:00")
    assert times.to_tt_iso(noon_2023) == "2023-10-24T12:01:09"


def test_the_first_real_frame_has_the_time_its_query_says() -> None:
    # 814536123.681 is the first frame of a query that began at 2023:297:12:00:00.000 with time in TT
    assert times.to_yday(814536123.681).startswith("2023:297:12:0")


def test_texts_with_and_without_z_and_datetimes_agree() -> None:
    moment = datetime(2024, 3, 1, tzinfo=UTC)
    assert times.from_utc("2024-03-01T00:00:00Z") == times.from_utc("2024:061") == times.from_datetime(moment)
    assert times.compact_utc(times.from_datetime(moment)) == "20240301T000000"


def test_a_text_that_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError):
        times.from_utc("yesterday")
