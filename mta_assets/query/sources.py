"""Where a query takes its parameters from: every source answers the same few questions.

The telemetry archive, the columns and keywords of products, the observing catalogue, the command history and the
dictionary are sources. One query may take from several: a name is looked for in all of them in this order. Sources
are made for one query and see one state of what they stand for, however often they are asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.entries import ProductEntry
from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import ParameterInfo, Samples
from mta_assets.core.statistics import Statistics

Width = Literal["5min", "hour", "day"]
WIDTHS: dict[float, Width] = {328.0: "5min", 3600.0: "hour", 86400.0: "day"}  # [s] buckets of the roll-ups
FAR = 4.6e9  # [s] an open edge of an interval: beyond any mission, and still within int64 nanoseconds


class Source(Protocol):
    """One place that parameters come from.

    A source that keeps roll-ups also is a `Summaries`, one that has complete products a `ProductFinder`.
    """

    label: str

    def names(self) -> Sequence[str]:
        """All names that it can answer, for wild cards and for near matches."""

    def info(self, name: str) -> ParameterInfo | None:
        """What is known of a parameter; None if the source does not have it. Case does not matter.

        ``period`` decides how long a value is held, ``group`` which parameters share a table.
        """

    def read(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Mapping[str, Samples]:
        """All samples whose time lies in the intervals (n, 2) [s, TT since 1998.0], half open; None is everything.

        The names are those of `info`; the answer has each of them, without samples where there are none.
        Samples of interval-valued parameters (with ``until``) are those that overlap the intervals. Intervals are
        sorted and disjoint; an open edge is ±`FAR`.
        """

    def blocks(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Iterator[Mapping[str, Samples]]:
        """The same in order of time, a bounded number of samples at once, each block a stretch of time of its own."""

    def span(self, names: Sequence[str]) -> tuple[float, float] | None:
        """First and last time that there is data for any of the names; None without data."""

    def estimate(self, names: Sequence[str], intervals: Intervals | None) -> tuple[int, int]:
        """How many rows and bytes a `read` would give, without reading data; upper bounds."""


class Summaries(Protocol):
    """A source that keeps statistics of buckets of 328 s, an hour and a day beside the samples."""

    def statistics(
        self, name: str, width: Width, start: float, stop: float, as_of: float | None = None,
        columns: Sequence[str] | None = None, cut: bool = False,
    ) -> Statistics | None:  # fmt: skip
        """Statistics of all good samples of the buckets that lie in [start, stop) [s]; None if there are none.

        ``columns`` says which are wanted (n, min, max, mean …; None is all): the others may be empty arrays, and values
        that the parameter had may be in its own type. ``cut`` asks for the buckets that the edges cut, too, of their
        samples within [start, stop).
        """


class ProductFinder(Protocol):
    """A source that knows complete products."""

    def find_products(
        self, patterns: Sequence[str], intervals: Intervals | None, as_of: float | None = None
    ) -> Sequence[ProductEntry]:
        """Current versions of products whose file id fits one of the patterns and that overlap the intervals."""

    def keyword(self, products: Sequence[ProductEntry], name: str) -> tuple[NDArray[Any], NDArray[np.bool_]] | None:
        """Values of a header keyword, one for each product, and which have none; None if no product has it."""
