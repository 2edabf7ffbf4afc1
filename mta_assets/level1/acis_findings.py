"""What went wrong in the level-1 processing of ACIS events, as findings: counted, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.records import FINDINGS
from mta_assets.core.tables import Table
from mta_assets.level1 import acis_columns as bits
from mta_assets.level1.acis_columns import status_number

Mask = NDArray[np.bool_]


def _bit(bit: int) -> Callable[[Table, NDArray[np.uint32]], Mask]:
    return lambda events, status: np.asarray(status & np.uint32(bit) != 0)


def _no_gain(events: Table, status: NDArray[np.uint32]) -> Mask:
    return np.isnan(events["energy"]) & (status & np.uint32(bits.BAD_POSITION) == 0)


def _no_sky(events: Table, status: NDArray[np.uint32]) -> Mask:
    return np.isnan(events["x"]) & (status & np.uint32(bits.BAD_POSITION) == 0)


# kind, severity, which events, what it means and what to do
KINDS = (
    ("bad_position", "yellow", _bit(bits.BAD_POSITION),
     "outside of the chips or on a chip that is not in the geometry: look at CCD_ID and CCDX, CCDY of the evt0"),
    ("no_gain", "yellow", _no_gain, "no region of the gain file holds them, ENERGY is NaN: give one with the chip"),
    ("no_aspect", "yellow", _no_sky, "no aspect at their time, X and Y are NaN: deliver an asol1 that covers it"),
    ("no_bias", "yellow", _bit(bits.BIAS_UNKNOWN), "no bias map of the chip, raw PHAS: deliver its bias0, reprocess"),
    ("time_estimated", "yellow", _bit(bits.TIME_ESTIMATED), "their exposure record did not come: time is an estimate"),
    ("damaged_frame", "yellow", _bit(bits.DAMAGED_FRAME), "a telemetry frame of their packet was damaged"),
)  # fmt: skip


@dataclass
class EventWatch:
    """Counts what is wrong in level-1 event tables that stream by.

    Parameters
    ----------
    product
        Name of the file that they go into: findings are about it.
    """

    product: str
    _found: dict[str, list[float]] = field(default_factory=dict)

    def add(self, events: Table) -> Table:
        """Take in a block and hand it on."""
        if len(events):
            status = status_number(events["status"])
            for kind, _, which, _ in KINDS:
                rows = np.flatnonzero(which(events, status))
                if len(rows):
                    times = events["time"][rows]
                    seen = self._found.setdefault(kind, [np.inf, -np.inf, 0.0])
                    seen[:] = min(seen[0], times.min()), max(seen[1], times.max()), seen[2] + len(rows)
        return events

    def findings(self) -> Table:
        """One row for each kind of trouble (core.records.FINDINGS)."""
        kinds = [row for row in KINDS if row[0] in self._found]
        found = np.array([self._found[kind] for kind, *_ in kinds], float).reshape(-1, 3)
        none = np.full(len(kinds), np.nan)
        return FINDINGS.build({
            "name": np.full(len(kinds), self.product[:24], "U24"),
            "subsystem": np.full(len(kinds), "ACIS", "U16"),
            "kind": np.array([kind for kind, *_ in kinds], "U16"),
            "severity": np.array([severity for _, severity, *_ in kinds], "U8"),
            "side": np.full(len(kinds), "", "U8"),
            "bound": none, "tstart": found[:, 0], "tstop": found[:, 1],
            "first": none, "last": none, "worst": none,
            "count": found[:, 2].astype(np.int64),
            "unit": np.full(len(kinds), "events", "U16"),
            "detail": np.array([
                f"{self.product}: {int(count)} events: {detail}"[:200]
                for count, (*_, detail) in zip(found[:, 2], kinds, strict=True)
            ], "U200"),
        })  # fmt: skip
