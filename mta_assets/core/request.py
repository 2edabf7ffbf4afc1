"""What a pipeline is asked to do: the context that the controller hands to every tool that wants it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Stream = Literal["sdp", "sap"]


@dataclass(frozen=True)
class Request:
    """One run of one pipeline.

    Parameters
    ----------
    partition
        Partition key, ``20240301T000000-1a2b3c4d`` for a playback.
    stream
        ``sdp`` (archival) or ``sap`` (quick look).
    tstart, tstop
        Interval of the partition, TT seconds since 1998.0 TT.
    created
        The moment that products carry as their DATE: when the newest input came in, not when the run
        happened, so that a repeated run gives the same bytes.
    facts
        What is known of the input (instruments, formats, data modes …): kickoff and ``when`` are judged by it.
    obsid, obi, instrument
        Of a partition of kind ``obi``: observation, number of the interval within it, science instrument (empty where
        nothing says it).
    waits
        Why the partition can not be processed yet, in words; empty if it can.
    """

    partition: str
    stream: Stream
    tstart: float
    tstop: float
    created: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    obsid: int | None = None
    obi: int | None = None
    instrument: str = ""
    waits: str = ""
