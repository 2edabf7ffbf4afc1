"""What pipelines report besides products: telemetry faults, findings, observation intervals; the catalog keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mta_assets.core.tables import Column, Schema, Table

FAULTS = Schema(
    "FAULTS",
    (
        Column(
            "kind",
            "U20",
            doc="gap, duplicate, bad_sync, bad_checksum, out_of_order, time_step, truncated, unplaced, "
            "sequence_gap, bad_packet, bad_header, overlap",
        ),
        Column("source", "U20", doc="what it was found in: frames, acis, hrc, aca, or a packet name"),
        Column("tstart", "f8", "s", "first time affected, TT since 1998.0 (NaN if not known)"),
        Column("tstop", "f8", "s", "last time affected"),
        Column("first", "i8", doc="first counter affected: unwrapped frame counter, sequence number or byte offset"),
        Column("last", "i8", doc="last counter affected"),
        Column("count", "i8", doc="how many frames, packets or bytes"),
        Column("detail", "U200", doc="in words"),
    ),
    "Faults of the telemetry itself, none of them repaired quietly",
)

FINDINGS = Schema(
    "FINDINGS",
    (
        Column("name", "U24", doc="MSID, or what the finding is about (ccd 7 pixel 512,301)"),
        Column("subsystem", "U16"),
        Column("kind", "U16", doc="limit, state, stuck, hot_pixel, mode …"),
        Column("severity", "U8", doc="yellow or red"),
        Column("side", "U8", doc="low, high, or empty"),
        Column("bound", "f8", doc="the limit that was crossed (NaN where there is none)"),
        Column("tstart", "f8", "s", "first violating sample, TT since 1998.0"),
        Column("tstop", "f8", "s", "last violating sample"),
        Column("first", "f8", doc="value of the first violating sample"),
        Column("last", "f8", doc="value of the last one"),
        Column("worst", "f8", doc="the value farthest beyond the limit"),
        Column("count", "i8", doc="violating samples"),
        Column("unit", "U16"),
        Column("detail", "U200", doc="in words"),
    ),
    "Violations, before anyone is notified",
)


def finding(
    name: str,
    subsystem: str,
    kind: str,
    detail: str,
    span: tuple[float, float],
    count: int = 1,
    unit: str = "",
    severity: str = "yellow",
) -> Table:
    """One finding that is about a product or an observation, not about a limit.

    Parameters
    ----------
    name
        What it is about; at most 24 characters are kept.
    detail
        What is wrong and what to do; at most 200 characters are kept.
    span
        First and last time affected [s].
    count, unit
        How many of what.
    """
    none = [np.nan]
    return FINDINGS.build({
        "name": [name[:24]], "subsystem": [subsystem], "kind": [kind], "severity": [severity], "side": [""],
        "bound": none, "tstart": [span[0]], "tstop": [span[1]], "first": none, "last": none, "worst": none,
        "count": [count], "unit": [unit], "detail": [detail[:200]],
    })  # fmt: skip


@dataclass(frozen=True)
class Observation:
    """One observation interval (OBI) as telemetry or a product shows it.

    Parameters
    ----------
    obsid, obi
        Observation identifier, and number of the interval within it.
    tstart, tstop
        Interval, half open, TT seconds since 1998.0 TT.
    begun, ended
        Whether the edge is known. It waits to be processed until both are.
    facts
        What kickoff criteria and conditions may ask for: instrument, grating, mode …
    """

    obsid: int
    obi: int
    tstart: float
    tstop: float
    begun: bool = True
    ended: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Key of the partition, ``28229_000``, as the archive's file names have it."""
        return observation_key(self.obsid, self.obi)


def observation_key(obsid: int, obi: int) -> str:
    """Key of the partition of an observation interval."""
    return f"{obsid:05d}_{obi:03d}"
