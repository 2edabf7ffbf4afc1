"""Samples of one parameter: what the archive gives out and what queries, plots and statistics work on.

Times are int64 nanoseconds since 1998-01-01T00:00:00 TT (``time``), so that they are exact and compare
exactly; ``times`` gives TT seconds as float64, the unit of the rest of the platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
Nanoseconds = NDArray[np.int64]
SECOND = 1_000_000_000  # [ns]
BLOCK = 1 << 15  # [value] converted at a time: what fits into the cache


@dataclass(frozen=True)
class ParameterInfo:
    """What is known of a parameter, whatever source it comes from.

    Parameters
    ----------
    name
        MSID, or ``PRODUCT.HDU.COLUMN``, ``OBS.TARGET`` … for what is not telemetry.
    group
        The table that it shares its times with; parameters of one group are read together.
    dtype
        NumPy dtype text of the values; of the codes, if it has states.
    states
        Name of each code; empty for what is not a state.
    period
        Nominal time from one sample to the next [s]; 0 where there is none.
    origin
        ``telemetry``, ``derived``, ``product``, ``observation``, ``command``, ``definition``.
    """

    name: str
    group: str = ""
    dtype: str = "f8"
    unit: str = ""
    description: str = ""
    states: Mapping[int, str] = field(default_factory=dict)
    period: float = 0.0
    subsystem: str = ""
    origin: str = "telemetry"


@dataclass(frozen=True)
class Samples:
    """Samples of one parameter in order of time.

    Parameters
    ----------
    info
        The parameter.
    time
        int64 ns since 1998.0 TT, ascending.
    values
        One for each time: engineering values, codes of states, or text.
    quality
        `core.flags.Quality` of each sample; None if all are good.
    raw
        Raw counts, where they were asked for.
    until
        int64 ns: how long each value holds, for what is an interval and not a sample (observations, commanded
        states); None for samples.
    """

    info: ParameterInfo
    time: Nanoseconds
    values: Array
    quality: NDArray[np.uint8] | None = None
    raw: Array | None = None
    until: Nanoseconds | None = None

    def __len__(self) -> int:
        return len(self.time)

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """TT seconds since 1998.0 TT."""
        return to_seconds(self.time)

    @property
    def bads(self) -> NDArray[np.bool_]:
        """Which samples are not good."""
        return np.zeros(len(self), bool) if self.quality is None else self.quality != 0

    @property
    def texts(self) -> Array:
        """Names of states; the values themselves where there are none."""
        return state_texts(self.values, self.info.states) if self.info.states else self.values

    def where(self, rows: Any) -> Samples:
        """The samples that a mask, an index array or a slice selects."""
        return replace(
            self,
            time=self.time[rows],
            values=self.values[rows],
            quality=None if self.quality is None else self.quality[rows],
            raw=None if self.raw is None else self.raw[rows],
            until=None if self.until is None else self.until[rows],
        )


def to_seconds(time: Nanoseconds) -> NDArray[np.float64]:
    """Nanoseconds as TT seconds, to the nearest float64: gives back exactly what `to_nanoseconds` was given."""
    out = np.empty(len(time), dtype=np.float64)
    room = np.empty(min(BLOCK, len(time)), dtype=np.int64)
    for first in range(0, len(time), BLOCK):
        part, about = time[first : first + BLOCK], out[first : first + BLOCK]
        rest = room[: len(part)]
        # Whole seconds by way of float64, which is faster than dividing integers; one too many or too few does no harm.
        np.floor(np.multiply(part, 1e-9, out=about), out=about)
        np.copyto(rest, about, casting="unsafe")
        np.subtract(part, np.multiply(rest, SECOND, out=rest), out=rest)
        about += rest / SECOND
    return out


def to_nanoseconds(seconds: ArrayLike) -> Nanoseconds:
    """TT seconds as int64 nanoseconds; the fraction is taken apart first, so that nothing but its rounding is lost."""
    array = np.atleast_1d(np.asarray(seconds, dtype=np.float64))
    whole = np.floor(array)
    return whole.astype(np.int64) * SECOND + np.rint((array - whole) * SECOND).astype(np.int64)


def nanosecond(seconds: float) -> int:
    """One time in nanoseconds."""
    return int(to_nanoseconds(seconds)[0])


def state_texts(codes: Array, states: Mapping[int, str]) -> Array:
    """Names of codes; a code without a name is its number."""
    known = np.unique(codes)
    names = np.array([states.get(int(code), str(int(code))) for code in known] or [""])
    return names[np.searchsorted(known, codes)] if len(codes) else np.zeros(0, dtype="U1")
