"""Times: TT seconds since 1998-01-01T00:00:00 TT everywhere, and the few conversions at the edges.

The epoch is the one of the Chandra products (MJDREF = 50814.0, TIMESYS = 'TT'), which astropy
calls ``cxcsec``. Leap seconds only matter where a UTC text comes in or goes out; there astropy does the work, at
0.3 ms each. The texts are kept: every keyword block of a run asks for the same few times.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

MJDREF = 50814.0  # [d] MJD (TT) of 1998-01-01T00:00:00 TT, the zero point of all times
SECONDS_PER_DAY = 86400.0  # [s]
FOREVER = 4e9  # [s] 2124: the stop of what holds until something else takes its place


@lru_cache(maxsize=1024)
def to_utc_iso(time: float, precision: int = 3) -> str:
    """UTC calendar text, ``2024-03-01T00:00:00.000``, of a time in TT seconds since 1998.0 TT."""
    from astropy.time import Time

    return str(Time(time, format="cxcsec", scale="tt", precision=precision).utc.isot)


@lru_cache(maxsize=1024)
def to_tt_iso(time: float) -> str:
    """TT calendar text to the second, as the DATE-OBS and DATE-END of products with TIMESYS = 'TT' carry it."""
    from astropy.time import Time

    return str(Time(time, format="cxcsec", scale="tt", precision=0).isot)


@lru_cache(maxsize=1024)
def to_yday(time: float) -> str:
    """UTC day-of-year text, ``2024:061:00:00:00.000``, of a time in TT seconds since 1998.0 TT."""
    from astropy.time import Time

    return str(Time(time, format="cxcsec", scale="tt", precision=3).utc.yday)


def from_utc(text: str) -> float:
    """TT seconds since 1998.0 TT of a UTC text, ISO (``2024-03-01T00:00:00``) or day of year (``2024:061:00:00``).

    Raises
    ------
    ValueError
        If the text is neither.
    """
    from astropy.time import Time

    return float(Time(text.strip().rstrip("Z"), scale="utc").cxcsec)


def from_datetime(moment: datetime) -> float:
    """TT seconds since 1998.0 TT of a datetime that knows its time zone."""
    return from_utc(moment.astimezone(UTC).replace(tzinfo=None).isoformat())


def from_unix(seconds: float) -> float:
    """TT seconds since 1998.0 TT of POSIX seconds, as files carry them."""
    return from_datetime(datetime.fromtimestamp(seconds, UTC))


def now() -> float:
    """The present, in TT seconds since 1998.0 TT."""
    return from_datetime(datetime.now(UTC))


def mjd(time: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
    """Modified Julian date (TT) of times in TT seconds since 1998.0 TT."""
    return MJDREF + time / SECONDS_PER_DAY


def compact_utc(time: float) -> str:
    """UTC to the second without separators, ``20240301T000000``: sorts by time, safe in keys and names."""
    return to_utc_iso(time, precision=0).replace("-", "").replace(":", "")
