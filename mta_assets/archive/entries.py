"""What the catalog takes and gives: one frozen record per row."""

from __future__ import annotations

from collections.abc import Mapping
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
