"""What the catalog takes and gives: one frozen record per row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PlaybackEntry:
    """A playback: one file that came down. Times are TT seconds since 1998.0 TT."""

    partition: str
    mission: str
    file_name: str
    path: str
    source: str
    sha256: str
    size: int
    tstart: float
    tstop: float
    arrived: float
    created: float
    state: str = "arriving"
    accepted: float | None = None
    sequence: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OverlapEntry:
    """Two playbacks that cover the same time."""

    first: str
    second: str
    tstart: float
    tstop: float


@dataclass(frozen=True)
class InputEntry:
    """One file that a product was made from."""

    name: str
    sha256: str
    product_id: int | None = None
    path: str = ""


@dataclass(frozen=True)
class ProductEntry:
    """One version of one product file."""

    id: int
    file_id: str
    name: str
    path: str
    level: str
    stream: str
    partition: str
    pipe_id: str
    series: str
    version: int
    tstart: float
    tstop: float
    rows: int
    size: int
    sha256: str
    created: float
    run_id: str
    confirmed_by: str
    current: bool
    superseded_by: int | None
    origin: str = "pipeline"
    label: str = ""

    @property
    def delivered(self) -> bool:
        """Whether it came from outside, finished."""
        return self.origin == "delivered"

    @property
    def withdrawn(self) -> bool:
        """A delivery that was taken back."""
        return self.delivered and not self.current and self.superseded_by is None


@dataclass(frozen=True)
class NewProduct:
    """A product that a run made; ``product_id`` is set where an existing version has the same bytes."""

    file_id: str
    name: str
    path: str
    level: str
    series: str
    version: int
    tstart: float
    tstop: float
    rows: int
    size: int
    sha256: str
    created: float
    product_id: int | None = None
    origin: str = "pipeline"
    label: str = ""


@dataclass(frozen=True)
class RunEntry:
    """One run of one pipeline on one partition of one stream."""

    run_id: str
    pipe_id: str
    partition: str
    stream: str
    number: int
    outcome: str
    started: float
    finished: float
    code_version: str
    registry_version: str
    limits_version: str
    log_path: str
    message: str


@dataclass(frozen=True)
class ObiEntry:
    """What is known of one observation interval (OBI) and where from.

    Attributes
    ----------
    begun, ended
        Whether the edge has been seen; only with both the interval can be processed.
    facts
        Instrument, grating, mode …: for kickoff and conditions.
    sources
        ``telemetry``, names of delivered products.
    revision
        1 for the first entry, one more with every change of interval or facts.
    sequence
        Number of the newest change, over all intervals.
    standing
        False when nothing says any more that there is such an interval.
    """

    partition: str
    obsid: int
    obi: int
    tstart: float
    tstop: float
    begun: bool
    ended: bool
    facts: Mapping[str, Any]
    sources: Sequence[str]
    revision: int
    sequence: int
    changed: float
    standing: bool = True

    @property
    def complete(self) -> bool:
        return self.standing and self.begun and self.ended

    @property
    def waits_for(self) -> str:
        """What is missing, in words; empty if nothing is."""
        if not self.standing:
            return "is none any more: later data took it back"
        missing = [edge for edge, seen in (("begin", self.begun), ("end", self.ended)) if not seen]
        return f"is not complete: its {' and its '.join(missing)} has not come down yet" if missing else ""


@dataclass(frozen=True)
class ObiReport:
    """Observation intervals as one run sees them, for the catalog.

    Attributes
    ----------
    found
        `core.records.Observation` of all intervals that meet the zone; others are passed over.
    zone
        Start and stop [s]: what stood in it from telemetry before and is not found any more is taken back.
    seen, file_ids, reach
        Ids of the products that the run was given, of which file ids, and of which time: if others are current by
        now, the run has seen too little and is to be repeated.
    """

    found: Sequence[Any]
    zone: tuple[float, float]
    seen: frozenset[int] = frozenset()
    file_ids: tuple[str, ...] = ()
    reach: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class QuarantineEntry:
    """A file that can not be processed, with the reason and how many times it came."""

    mission: str
    name: str
    sha256: str
    size: int
    reason: str
    quarantined: float
    path: str
    times: int = 1
