"""What was injected against what the platform found: nothing missed, nothing found twice, nothing invented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]

SECONDS = 0.02  # [s] times of counters are computed twice, by the simulator and by level 0
FRAME = 0.3  # [s] a little more than a frame: the truth gives the start of the last frame, the catalog its end
VALUE = 1e-5  # of a value, or of 1: level 0 holds values of up to 16 bits in single precision
OVERLAP = "overlap"  # the catalog has a table of its own for these


def compare(
    truth: Mapping[str, Any], faults: Sequence[Record], findings: Sequence[Record], overlaps: Sequence[Any] = ()
) -> list[str]:
    """Differences in words, one sentence each; empty if everything injected was found once and nothing else.

    Parameters
    ----------
    truth
        Content of ``truth.json``.
    faults, findings
        Rows of the catalog, of the archival and quick-look streams alike: each stream may find a thing once.
    overlaps
        Pairs of playbacks that the catalog says cover the same time.
    """
    found = {"FAULTS": faults, "FINDINGS": findings}
    files = {playback["sha256"][:8]: playback["name"] for playback in truth["playbacks"]}
    explained: set[int] = set()
    problems = []
    for fault in truth["faults"]:
        again = _comes_down_again(truth, fault)
        for record in fault["expected"]:
            if record["kind"] == OVERLAP:
                continue
            rows = [row for row in found[record["table"]] if _is(row, record)]
            own = [row for row in rows if _file(row, files) == fault["file"]]
            explained.update(id(row) for row in rows if row in own or _file(row, files) == again)
            what = f"{record['kind']} of {record.get('name') or record.get('source')}"
            if not own:
                problems.append(f"injected {fault['kind']} in {fault['file']} was not found: {what}")
            for stream, count in Counter(row["stream"] for row in own).items():
                if count > 1:
                    problems.append(f"{what} in {fault['file']} was found {count} times by stream {stream}")
        for allowance in fault["may"]:
            explained.update(id(row) for row in found[allowance["table"]] if _allowed(row, allowance))
    for table, all_rows in found.items():
        for row in all_rows:
            if id(row) not in explained:
                subject = row.get("name") or row.get("source")
                problems.append(
                    f"{table.lower()}: {row['kind']} of {subject} in {_file(row, files)} was found but not injected: "
                    f"{row['detail']}"
                )
    return problems + _overlaps(truth, overlaps)


def _file(row: Record, files: Mapping[str, str]) -> str:
    """Name of the playback that a row is about: its partition ends with the head of the file's hash."""
    partition = str(row["partition"])
    return str(files.get(partition.rpartition("-")[2], partition))


def _comes_down_again(truth: Mapping[str, Any], fault: Record) -> str | None:
    """The playback that begins with frames of the fault's one, where the fault may be seen once more."""
    after = [p for p in truth["playbacks"] if p["number"] == fault["playback"] + 1]
    return after[0]["name"] if after and after[0]["overlap"] else None


def _overlaps(truth: Mapping[str, Any], overlaps: Sequence[Any]) -> list[str]:
    """Pairs of playbacks that should cover the same time, by the interval that both cover."""
    injected = [fault for fault in truth["faults"] if fault["kind"] == OVERLAP]
    left = list(overlaps)
    problems = []
    for fault in injected:
        hits = [o for o in left if abs(o.tstart - fault["tstart"]) < FRAME and abs(o.tstop - fault["tstop"]) < FRAME]
        if hits:
            left.remove(hits[0])
        else:
            problems.append(f"injected overlap in {fault['file']} was not found")
    return problems + [f"an overlap of {o.first} and {o.second} was found but not injected" for o in left]


def _is(row: Record, record: Record) -> bool:
    """Whether a row is the expected record: same words and counts, times to a frame, values to a count's rounding."""
    for key, value in record.items():
        if key == "table":
            continue
        if key in ("tstart", "tstop"):
            if abs(row[key] - value) > SECONDS:
                return False
        elif isinstance(value, float):
            if abs(row[key] - value) > VALUE * max(1.0, abs(value)):
                return False
        elif row[key] != value:
            return False
    return True


def _allowed(row: Record, allowance: Record) -> bool:
    inside = row["tstart"] <= allowance["tstop"] and row["tstop"] >= allowance["tstart"]
    return row["source"] == allowance["source"] and bool(inside)
