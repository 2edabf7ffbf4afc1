"""Bad times of long-term trends (``ltt_bads.dat``): days on which an MSID, or all (``*``), is not to be trusted.

Each line is one bad interval of one UTC day from its time on, as kadi's event ``LttBad`` takes it.
The telemetry archive takes the result as corrections: ``archive.add_correction(bad.parameter, bad.start, bad.stop,
kind="bad", author=…, reason=bad.reason)``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mta_assets.archive.import_lines import BadLine, Times, each_line, read_text_lines
from mta_assets.core.errors import BadData

HEADER = ["tstart", "msid", "flag"]
RULE = re.compile(r"[-+]+")
MSID = re.compile(r"[A-Z0-9_]{1,24}|\*")
DAY = 86400.0  # [s]


@dataclass(frozen=True)
class BadTime:
    """One parameter (``*``: all of them) is bad from ``start`` to ``stop``, TT seconds since 1998.0 TT."""

    parameter: str
    start: float
    stop: float
    reason: str


@dataclass(frozen=True)
class BadTimes:
    """Bad times of a file in the order of its lines, and the lines that could not be taken over."""

    path: Path
    lines: int
    times: tuple[BadTime, ...]
    bad: tuple[BadLine, ...]

    def __str__(self) -> str:
        head = f"{self.path}: {self.lines} lines, {len(self.times)} bad times"
        return "\n".join([head, *(f"left out, {bad}" for bad in self.bad)])


def read_bad_times(path: Path) -> BadTimes:
    """Bad times of a table ``tstart | msid | flag``.

    Raises
    ------
    BadData
        If the first line is not that of the table.
    """
    lines = read_text_lines(path, "a table of bad times")
    if not lines or [cell.strip() for cell in lines[0][1].split("|")] != HEADER:
        raise BadData(f"{path}: the first line must be {' | '.join(HEADER)!r}")
    data = [(number, line) for number, line in lines[1:] if not RULE.fullmatch(line.strip())]
    good, bad = each_line(data, _row)
    times = Times(good, bad, lambda row: row[0])
    found = tuple(
        BadTime(msid, tstart, tstart + DAY, f"{path.name} line {number}" + (f", flag {flag}" if flag else ""))
        for number, _, (_, msid, flag), (tstart,) in times.rows
    )
    return BadTimes(path, len(data), found, tuple(times.bad))


def _row(line: str) -> tuple[str, str, str]:
    cells = [cell.strip() for cell in line.split("|")]
    if len(cells) != len(HEADER):
        raise ValueError(f"{len(cells)} cells instead of {len(HEADER)}")
    if not MSID.fullmatch(cells[1]):
        raise ValueError(f"{cells[1][:40]!r} is not an MSID")
    if len(cells[2]) > 2:
        raise ValueError(f"{cells[2][:40]!r} is not a flag")
    return cells[0], cells[1], cells[2]
