"""Statistics of a parameter in buckets of fixed width, counted from 1998-01-01T00:00:00 TT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.samples import SECOND, Array, ParameterInfo

WIDTHS = {"5min": 328, "hour": 3600, "day": 86400}  # [s]; 328 s are ten major frames, as in the field's archives
PERCENTILES = (1, 5, 16, 50, 84, 95, 99)


@dataclass(frozen=True)
class Statistics:
    """Statistics of the good samples of each bucket that has any.

    Parameters
    ----------
    width
        Width of a bucket [s].
    bucket
        Number of each bucket: it begins at ``bucket * width`` TT seconds since 1998.0 TT. Ascending.
    n
        Good samples.
    mean, tmean, std
        Arithmetic mean, mean weighted with the time that each sample stands for, standard deviation (ddof 0).
        NaN for states.
    min, max, first, last
        As float64; codes of states.
    counts
        By code of a state, how many samples had it.
    percentiles
        By percent (1, 5, 16, 50, 84, 95, 99), where they were asked for.
    """

    info: ParameterInfo
    width: float
    bucket: NDArray[np.int64]
    n: NDArray[np.int64]
    min: NDArray[np.float64]
    max: NDArray[np.float64]
    mean: NDArray[np.float64]
    tmean: NDArray[np.float64]
    std: NDArray[np.float64]
    first: Array
    last: Array
    counts: Mapping[int, NDArray[np.int64]] = field(default_factory=dict)
    percentiles: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.bucket)

    @property
    def start(self) -> NDArray[np.float64]:
        """TT seconds since 1998.0 TT at which each bucket begins."""
        return np.multiply(self.bucket, self.width, dtype=np.float64)

    @property
    def times(self) -> NDArray[np.float64]:
        """TT seconds since 1998.0 TT of the middle of each bucket."""
        return self.start + self.width / 2


def bucket_of(nanoseconds: int, width: int) -> int:
    """Number of the bucket that holds an instant."""
    return nanoseconds // (width * SECOND)
