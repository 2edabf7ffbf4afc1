"""Times and durations as the language writes them: UTC texts, seconds, NOW, AGO, and the units of durations.

Everything comes out in TT seconds since 1998.0 TT. Day, month and year of a *date* are those of the UTC calendar; of a
*duration* they have a fixed length: 86400 s, 30.4375 d and 365.25 d.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from mta_assets.core import times
from mta_assets.query.errors import wrong
from mta_assets.query.model import Period

DAY = 86400.0  # [s]
MONTH, YEAR = 30.4375 * DAY, 365.25 * DAY  # [s] means of the Julian calendar
FARTHEST = 9e9  # [s] from 1998: what int64 nanoseconds hold, 285 years
KNOWN = 2027  # [year] up to which the leap seconds are known; later ones are counted from there
FIRST_YEAR, LAST_YEAR = 1960, 2199  # [year] UTC begins in 1960
UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": DAY, "w": 7 * DAY, "month": MONTH, "y": YEAR}  # [s]
LETTERS = (("mo", "month"), ("mi", "min"), ("s", "s"), ("h", "h"), ("d", "d"), ("w", "w"), ("y", "y"))

CLOCK = r"(?:{}(\d{{1,2}})(?::(\d{{1,2}})(?::(\d{{1,2}})(\.\d*)?)?)?)?Z?"
ISO = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})" + CLOCK.format("[T ]") + ")?)?", re.IGNORECASE)
ORDINAL = re.compile(r"(\d{4}):(\d{1,3})" + CLOCK.format("[:T]"), re.IGNORECASE)
FORMS = "Times are UTC: 2024-03-01, 2024-03-01T12:00:00.5, 2024:061, 2024:061:12:00:00; or seconds since 1998.0 TT."


@dataclass(frozen=True)
class Moment:
    """A time of a query, fixed or relative to now.

    Parameters
    ----------
    seconds
        TT seconds; None is relative to now.
    shift
        Seconds added.
    days
        Of a time relative to now: the begin of the UTC day so many days after today; None is now itself.
    at, length
        Where it stands in the text.
    """

    seconds: float | None
    shift: float = 0.0
    days: int | None = None
    at: int = 0
    length: int = 1

    def resolve(self, now: Callable[[], float]) -> float:
        """TT seconds since 1998.0 TT."""
        value = self.seconds
        if value is None:
            value = now() if self.days is None else _utc((_today(now()) + timedelta(days=self.days)).isoformat())
        value += self.shift
        if not abs(value) < FARTHEST:
            wrong("This time is too far away: expected 1998 ± 285 years.", self.at, self.length)
        return value


@dataclass(frozen=True)
class Bounds:
    """A period of a query; None is open."""

    start: Moment | None = None
    stop: Moment | None = None
    duration: float | None = None

    def resolve(self, now: Callable[[], float]) -> Period:
        """The period in TT seconds.

        Raises
        ------
        QueryError
            If it is empty.
        """
        start = self.start.resolve(now) if self.start else None
        stop = self.stop.resolve(now) if self.stop else None
        if start is not None and self.duration is not None:
            stop = start + self.duration
        if self.stop and start is not None and stop is not None and stop <= start:
            hint = "The end itself is not part of a period."
            wrong("The period ends before it has begun.", self.stop.at, self.stop.length, hint=hint)
        return Period(start, stop)


def unit_seconds(unit: str) -> float:
    """Seconds of a unit in any of its spellings: s, sec, minutes, h, hr, days, w, month, years."""
    word = unit.lower()
    return UNITS[next(name for start, name in LETTERS if word.startswith(start))]


def stamp(text: str, at: int, length: int) -> tuple[float, float]:
    """TT seconds of the begin and the end of a day, month or year in UTC; of a time the same twice.

    Raises
    ------
    QueryError
        If it has another form or there is no such day or time.
    """
    found = ISO.fullmatch(text.strip())
    if found:
        year, month, day = int(found[1]), int(found[2] or 1), int(found[3] or 1)
        _check(FIRST_YEAR <= year <= LAST_YEAR, f"{year} is not within {FIRST_YEAR}–{LAST_YEAR}.", at, length)
        _check(1 <= month <= 12, f"There is no month {month}: expected 1 to 12.", at, length)
        days = calendar.monthrange(year, month)[1]
        name = f"{year}-{month:02d}"
        _check(1 <= day <= days, f"There is no day {day} in {name}: expected 1 to {days}.", at, length)
        begin = date(year, month, day)
        named = begin + timedelta(days=1 if found[3] else days if found[2] else 365 + calendar.isleap(year))
        return _clocked(begin, named, found.groups()[3:], at, length)
    found = ORDINAL.fullmatch(text.strip())
    if found:
        year, number = int(found[1]), int(found[2])
        _check(FIRST_YEAR <= year <= LAST_YEAR, f"{year} is not within {FIRST_YEAR}–{LAST_YEAR}.", at, length)
        days = 365 + calendar.isleap(year)
        _check(1 <= number <= days, f"There is no day {number} in {year}: expected 1 to {days}.", at, length)
        begin = date(year, 1, 1) + timedelta(days=number - 1)
        return _clocked(begin, begin + timedelta(days=1), found.groups()[2:], at, length)
    return wrong(f"{text[:40]!r} is not a time.", at, length, hint=FORMS)


def _check(right: bool, message: str, at: int, length: int) -> None:
    if not right:
        wrong(message, at, length)


def _clocked(begin: date, named: date, clock: tuple[str | None, ...], at: int, length: int) -> tuple[float, float]:
    """Begin and end; without a time of day up to the end of what the date names."""
    if clock[0] is None:
        return _utc(begin.isoformat()), _utc(named.isoformat())
    hour, minute, second = (int(part or 0) for part in clock[:3])
    _check(hour <= 23, f"There is no hour {hour}: expected 0 to 23.", at, length)
    _check(minute <= 59, f"There is no minute {minute}: expected 0 to 59.", at, length)
    _check(second <= 60, f"There is no second {second}: expected 0 to 59.", at, length)
    text = f"{begin.isoformat()}T{hour:02d}:{minute:02d}:{min(second, 59):02d}{(clock[3] or '').rstrip('.')}"
    if second == 60:
        before = _utc(f"{begin.isoformat()}T23:59:59")
        leap = (hour, minute) == (23, 59) and round(_utc((begin + timedelta(days=1)).isoformat()) - before) == 2
        _check(leap, "There is no leap second at this time: expected a second of 0 to 59.", at, length)
    start = _utc(text) + (second == 60)
    return start, start


@lru_cache(maxsize=4096)
def _utc(iso: str) -> float:
    """TT seconds of a checked ISO text. Beyond the known leap seconds the days are counted on from the last ones."""
    if int(iso[:4]) <= KNOWN:
        return times.from_utc(iso)
    known = date(KNOWN, 1, 1)
    day, _, clock = iso.partition("T")
    seconds = (
        sum(float(part) * 60.0**power for power, part in zip((2, 1, 0), clock.split(":"), strict=True))
        if clock
        else 0.0
    )
    return times.from_utc(known.isoformat()) + (date.fromisoformat(day) - known).days * DAY + seconds


def _today(now: float) -> date:
    return date.fromisoformat(times.to_utc_iso(now)[:10])


def time_text(seconds: float) -> str:
    """Text that the language reads back as exactly these seconds: UTC where that is exact, else the seconds."""
    if 0 <= seconds < 9e8:  # 2026: within the known leap seconds
        text = times.to_utc_iso(seconds, 3)
        if "T23:59:60" not in text and times.from_utc(text) == seconds:
            return text.removesuffix(".000").removesuffix("T00:00:00")
    return repr(float(seconds))


def duration_text(seconds: float) -> str:
    """Text that the language reads back as exactly these seconds, in the largest unit that fits."""
    for unit in ("d", "h", "min"):
        count = seconds / UNITS[unit]
        if count >= 1 and count.is_integer() and count * UNITS[unit] == seconds:
            return f"{int(count)} {unit}"
    return f"{int(seconds) if float(seconds).is_integer() and seconds < 1e15 else float(seconds)!r} s"
