"""From violations to the findings table that the catalog stores and the notifier reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mta_assets.core.records import FINDINGS
from mta_assets.core.tables import Table, concatenate
from mta_assets.monitors.limits import Violation


def limit_findings(
    violations: Iterable[Violation], name: str, subsystem: str, unit: str, valid_from: str = ""
) -> Table:
    """Rows of ``core.records.FINDINGS``, one for each violation of one parameter.

    ``valid_from`` is the date of the limits, for the words only.
    """
    rows = [
        {
            "name": name,
            "subsystem": subsystem,
            "kind": "limit",
            "severity": v.severity,
            "side": v.side,
            "bound": v.bound,
            "tstart": v.tstart,
            "tstop": v.tstop,
            "first": v.first,
            "last": v.last,
            "worst": v.worst,
            "count": v.count,
            "unit": unit,
            "detail": _words(v, unit, valid_from),
        }
        for v in violations
    ]
    return findings(rows)


def findings(rows: Sequence[dict[str, Any]]) -> Table:
    """A findings table from dictionaries with all its columns; texts that are too long are cut."""
    if not rows:
        return FINDINGS.empty()
    columns = {
        column.name: np.array([row[column.name] for row in rows]).astype(column.dtype) for column in FINDINGS.columns
    }
    return FINDINGS.build(columns)


def joined(tables: Iterable[Table]) -> Table:
    """Several findings tables as one, by start time and name; empty if there are none."""
    parts = [table for table in tables if len(table)]
    if not parts:
        return FINDINGS.empty()
    whole = concatenate(parts)
    return whole.where(np.lexsort((whole["severity"], whole["name"], whole["tstart"])))


def _words(v: Violation, unit: str, valid_from: str) -> str:
    where = "above" if v.side == "high" else "below"
    text = f"{where} the {v.severity} {v.side} limit {v.bound:.6g} {unit}".rstrip()
    text += f" for {v.tstop - v.tstart:.1f} s, {v.count} sample{'s' if v.count > 1 else ''}, worst {v.worst:.6g}"
    if valid_from:
        text += f"; limit of {valid_from}"
    return text + ("; still so at the end of the data" if v.open else "")
