"""What was injected against what the platform found: nothing missed, nothing invented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SECONDS = 0.02  # [s] times of counters are computed twice, by the simulator and by level 0
OVERLAP = "overlap"  # the catalog has a table of its own for these


def compare(
    truth: Mapping[str, Any],
    faults: Sequence[Mapping[str, Any]],
    findings: Sequence[Mapping[str, Any]],
    overlaps: Sequence[Any] = (),
) -> list[str]:
    """Differences in words, one sentence each; empty if everything injected was found and nothing else.

    Parameters
    ----------
    truth
        Content of ``truth.json``.
    faults, findings
        Rows of the catalog, of the archival and quick-look streams alike.
    overlaps
        Pairs of playbacks that the catalog says cover the same time.
    """
    found = {"FAULTS": list(faults), "FINDINGS": list(findings)}
    explained: set[int] = set()
    problems = []
    injected_overlaps = 0
    for fault in truth["faults"]:
        for record in fault["expected"]:
            if record["kind"] == OVERLAP:
                injected_overlaps += 1
                continue
            hits = [row for row in found[record["table"]] if _is(row, record)]
            explained.update(id(row) for row in hits)
            if not hits:
                what = record.get("name") or record.get("source")
                problems.append(f"injected {fault['kind']} in {fault['file']} was not found: {record['kind']} of {what}")
        for allowance in fault["may"]:
            rows = found[allowance["table"]]
            explained.update(id(row) for row in rows if _allowed(row, allowance))
    for table, rows in found.items():
        for row in rows:
            if id(row) not in explained:
                what = row.get("name") or row.get("source")
                problems.append(f"{table.lower()}: {row['kind']} of {what} was found but not injected: {row['detail']}")
    if injected_overlaps != len(overlaps):
        problems.append(f"{injected_overlaps} overlaps were injected, the catalog has {len(overlaps)}")
    return problems


def _is(row: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether a row is the expected record: same words and counts, times to a frame, values to a count's rounding."""
    for key, value in record.items():
        if key == "table":
            continue
        if key in ("tstart", "tstop"):
            if abs(row[key] - value) > SECONDS:
                return False
        elif isinstance(value, float):
            if abs(row[key] - value) > 1e-5 * max(1.0, abs(value)):
                return False
        elif row[key] != value:
            return False
    return True


def _allowed(row: Mapping[str, Any], allowance: Mapping[str, Any]) -> bool:
    inside = row["tstart"] <= allowance["tstop"] and row["tstop"] >= allowance["tstart"]
    return row["source"] == allowance["source"] and bool(inside)
