"""Where a query takes its parameters from: every source answers the same few questions.

The telemetry archive, the columns and keywords of products, the observing catalogue, the command history and the
dictionary are sources. One query may take from several: a name is looked for in all of them in this order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import ParameterInfo, Samples


class Source(Protocol):
    """One place that parameters come from."""

    label: str

    def names(self) -> Sequence[str]:
        """All names that it can answer, for wild cards and for near matches."""

    def info(self, name: str) -> ParameterInfo | None:
        """What is known of a parameter; None if the source does not have it. Case does not matter."""

    def read(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Mapping[str, Samples]:
        """All samples whose time lies in the intervals (n, 2) [s, TT since 1998.0], half open; None is everything.

        Samples of interval-valued parameters (with ``until``) are those that overlap the intervals.
        """

    def blocks(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Iterator[Mapping[str, Samples]]:
        """The same in order of time, a bounded number of samples at once, each block a stretch of time of its own."""

    def span(self, names: Sequence[str]) -> tuple[float, float] | None:
        """First and last time that there is data for any of the names; None without data."""

    def estimate(self, names: Sequence[str], intervals: Intervals | None) -> tuple[int, int]:
        """How many rows and bytes a `read` would give, without reading data; upper bounds."""
