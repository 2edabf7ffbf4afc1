"""Days and weeks as partitions: their keys, their times, and which of them a stretch of time touches.

A day is one of UTC, a week begins on Monday. The key of both is the date of the first day, ``2024-03-01``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta

from mta_assets.core.errors import ConfigError
from mta_assets.core.times import from_utc, to_utc_iso

CALENDAR = {"day": 1, "week": 7}  # [d] length of the kinds of partition that are stretches of the calendar


def key_of(kind: str, day: date) -> str:
    """Key of the partition that a day lies in."""
    return (day - timedelta(days=day.weekday() if kind == "week" else 0)).isoformat()


def first_key(kind: str, start: date) -> str:
    """Key of the first partition that begins on this day or later."""
    return key_of(kind, start + timedelta(days=CALENDAR[kind] - 1))


def interval_of(kind: str, key: str) -> tuple[float, float]:
    """Start and stop of a partition [TT s since 1998.0], half open.

    Raises
    ------
    ConfigError
        If the key is not the date of a day, or not of a Monday for a week.
    """
    try:
        first = date.fromisoformat(key)
    except ValueError as error:
        raise ConfigError(f"partition {key!r}: expected the date of a {kind}, like 2024-03-01") from error
    if key_of(kind, first) != key:
        what = "a Monday" if kind == "week" else f"a {kind}"
        raise ConfigError(f"partition {key!r}: expected the date of {what}, {key_of(kind, first)} for example")
    last = first + timedelta(days=CALENDAR[kind])
    return from_utc(first.isoformat()), from_utc(last.isoformat())


def keys_between(kind: str, start: float, stop: float) -> Iterator[str]:
    """Keys of all partitions that [start, stop) [TT s since 1998.0] touches, in order."""
    if not start < stop:
        return
    day = date.fromisoformat(key_of(kind, day_of(start)))
    last = day_of(math.nextafter(stop, start))
    while day <= last:
        yield day.isoformat()
        day += timedelta(days=CALENDAR[kind])


def last_ended(kind: str, moment: float) -> str:
    """Key of the day or week that ended last before a moment [TT s since 1998.0]."""
    begun = date.fromisoformat(key_of(kind, day_of(moment)))
    return (begun - timedelta(days=CALENDAR[kind])).isoformat()


def day_of(time: float) -> date:
    """The UTC day of a time [TT s since 1998.0]."""
    day = date.fromisoformat(to_utc_iso(time)[:10])
    # The text is rounded to the millisecond, which may carry it into the next day.
    return day - timedelta(days=1) if from_utc(day.isoformat()) > time else day


def whole_bins(start: float, stop: float, every: float) -> tuple[float, float]:
    """The stretch of all bins of ``every`` seconds (from 1998.0 on) whose middle lies in [start, stop).

    So each bin belongs to one day, whole, although days of UTC do not begin at a multiple of an hour of TT.
    """
    return math.ceil(start / every - 0.5) * every, math.ceil(stop / every - 0.5) * every
