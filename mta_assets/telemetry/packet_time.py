"""The time of a packet, made from its fields as the ``[packet_time]`` section of a mission says.

Source of the forms: CCSDS 301.0-B-4: day-segmented code (section 3.3: days since an epoch, milliseconds of the day,
microseconds of the millisecond) and unsegmented code (section 3.2: seconds since an epoch and a fraction).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import ConfigError
from mta_assets.core.times import SECONDS_PER_DAY
from mta_assets.missions.load import PacketTimeSection

FEW_DAYS = 1000  # days for which a table of all is made


def time_fields(rule: PacketTimeSection) -> tuple[str, ...]:
    """Names of the fields that the rule reads.

    Raises
    ------
    ConfigError
        If it names neither days nor seconds, or both.
    """
    if (rule.days is None) == (rule.seconds is None):
        raise ConfigError("mission.toml [packet_time]: expected either days (with milliseconds) or seconds; correct it")
    parts = (rule.days, rule.milliseconds, rule.microseconds, rule.seconds, rule.subseconds)
    return tuple(part for part in parts if part is not None)


def packet_times(rule: PacketTimeSection, fields: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Times of packets, TT seconds since 1998.0 TT, from the values of the fields that ``time_fields`` names.

    In scale ``utc`` days have 86,400 s and leap seconds are put in per day; in the others time runs evenly.
    """
    if rule.days is not None:
        day = fields[rule.days]
        second = np.zeros(len(day))
        for name, unit in ((rule.milliseconds, 1e-3), (rule.microseconds, 1e-6)):
            if name is not None:
                second += np.multiply(fields[name], unit, dtype=np.float64, casting="unsafe")
    else:
        assert rule.seconds is not None
        whole = fields[rule.seconds].astype(np.float64)
        day = np.floor_divide(whole, SECONDS_PER_DAY).astype(np.int64)
        second = whole - day * SECONDS_PER_DAY
        if rule.subseconds is not None:
            second += fields[rule.subseconds].astype(np.float64) * rule.subsecond_unit
    if not len(day):
        return np.zeros(0)
    first, last = int(day.min()), int(day.max())
    if first == last:
        second += _day_starts(rule.epoch, rule.scale, first, 1)[0]
    elif last - first < FEW_DAYS:
        second += _day_starts(rule.epoch, rule.scale, first, last + 1 - first)[day.astype(np.int64) - first]
    else:
        distinct, inverse = np.unique(day.astype(np.int64), return_inverse=True)
        second += _starts(rule.epoch, rule.scale, distinct)[inverse]
    return second


@lru_cache(64)
def _day_starts(epoch: str, scale: str, first: int, count: int) -> NDArray[np.float64]:
    """Starts of days in a row; block after block of a file lies in the same ones."""
    starts = _starts(epoch, scale, np.arange(first, first + count))
    starts.flags.writeable = False
    return starts


def _starts(since: str, scale: str, days: NDArray[np.int64]) -> NDArray[np.float64]:
    from astropy.time import Time

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a damaged day count may be centuries away; it is flagged, not warned of
        try:  # the format is stated: astropy's guessing leaves tracebacks behind that keep a block in memory
            epoch = Time(since, format="isot", scale=scale)
        except ValueError as error:
            text = f"mission.toml [packet_time]: epoch {since!r} is not like 1958-01-01T00:00:00"
            raise ConfigError(text) from error
        if scale == "utc":
            return np.array(Time(epoch.mjd + days, format="mjd", scale="utc").cxcsec, float)
        return np.array(epoch.cxcsec + days * SECONDS_PER_DAY, float)
