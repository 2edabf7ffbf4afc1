"""UTC of many times at once: texts for files, calendar times for plots, dates of people to TT seconds.

astropy formats one time after the other (10 µs each), which is longer than reading a sample takes. The leap seconds
are the same ones: those that astropy's own library knows.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.samples import SECOND, Nanoseconds
from mta_assets.core.times import from_utc

EPOCH = np.datetime64("1998-01-01T00:00:00", "ns")
TT_TAI = 32_184_000_000  # [ns] TT − TAI (IAU 1991)
MILLISECOND = 1_000_000  # [ns]
TEXT_WIDTH = 23  # characters of 2024-03-01T00:00:00.000


@lru_cache(maxsize=1)
def leap_seconds() -> tuple[Nanoseconds, Nanoseconds]:
    """Where TAI − UTC changes, int64 ns since 1998.0 TT, and what it is from there on [ns]."""
    erfa = import_module("erfa")  # it has no types
    table = erfa.leap_seconds.get()
    table = table[table["year"] >= 1972]  # before, UTC had no leap seconds but another rate
    days = np.array([f"{row['year']:04d}-{row['month']:02d}-01" for row in table], "M8[ns]")
    offset = np.rint(table["tai_utc"]).astype(np.int64) * SECOND
    return (days - EPOCH).astype(np.int64) + offset + TT_TAI, offset


def to_datetime64(time: Nanoseconds) -> NDArray[np.datetime64]:
    """UTC as datetime64[ns]; the second that a leap second repeats stands twice."""
    starts, offset = leap_seconds()
    index = np.searchsorted(starts, time, side="right") - 1
    return EPOCH + (time - offset[np.maximum(index, 0)] - TT_TAI).astype("m8[ns]")


def to_texts(time: Nanoseconds) -> NDArray[np.str_]:
    """UTC calendar texts to the millisecond, ``2024-03-01T00:00:00.000``; a leap second is ``23:59:60``."""
    if not len(time):
        return np.zeros(0, f"U{TEXT_WIDTH}")
    rounded = (time + MILLISECOND // 2) // MILLISECOND * MILLISECOND
    starts, offset = leap_seconds()
    inside = np.isin(np.searchsorted(starts - SECOND, rounded, side="right") - 1, np.flatnonzero(np.diff(offset)) + 1)
    index = np.searchsorted(starts, rounded, side="right")
    inside &= index < np.searchsorted(starts - SECOND, rounded, side="right")
    calendar = to_datetime64(rounded - np.where(inside, SECOND, 0))
    texts = np.datetime_as_string(calendar, unit="ms").astype(f"U{TEXT_WIDTH}")
    if inside.any():
        texts[inside] = [f"{text[:17]}60{text[19:]}" for text in texts[inside]]
    return texts


def as_seconds(date: Any) -> float:
    """A date in any of the usual forms as TT seconds since 1998.0 TT.

    Parameters
    ----------
    date
        Seconds (float), UTC text (``2024:061``, ``2024:061:12:00:00``, ``2024-03-01``, ``2024-03-01T12:00:00``),
        an astropy ``Time`` (or one of its kin, as ``CxoTime``), a datetime (UTC where it has no zone), datetime64.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if isinstance(date, bool):
        raise ValueError(f"{date!r} is no date")
    if isinstance(date, int | float | np.integer | np.floating):
        return float(date)
    if isinstance(date, str):
        return _from_text(date)
    if isinstance(date, datetime):
        known = date if date.tzinfo else date.replace(tzinfo=UTC)
        return from_utc(known.astimezone(UTC).replace(tzinfo=None).isoformat())
    if isinstance(date, np.datetime64):
        return from_utc(str(date.astype("M8[ns]")))
    if hasattr(date, "cxcsec"):
        return float(date.cxcsec)
    raise ValueError(f"a date of type {type(date).__name__}: expected seconds, a UTC text, a Time or a datetime")


def _from_text(text: str) -> float:
    try:
        return from_utc(text)
    except ValueError as error:
        try:
            return float(text)
        except ValueError:
            raise ValueError(
                f"{text!r} is no date: expected 2024:061, 2024:061:12:00:00, 2024-03-01, 2024-03-01T12:00:00 (UTC) "
                "or TT seconds since 1998.0"
            ) from error
