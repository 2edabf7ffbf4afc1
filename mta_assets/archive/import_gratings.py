"""Grating moves as the MTA database of grating moves lists them, and bad times of long-term trends.

A line of the moves gives the direction (INSR, RETR), the grating, start and stop as ``YYYYDDD.HHMMSSff`` (UTC; two or
three digits of a second's fraction), the length of the longest step [s] and the number of short ones.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from mta_assets.archive.import_lines import FileImport, Times, bad_line, each_line, read_text_lines
from mta_assets.archive.observing_entries import Content, IntervalValue
from mta_assets.core.errors import BadData
from mta_assets.core.samples import ParameterInfo

HEADER = ["DIRN", "GRATING", "START_TIME", "STOP_TIME", "T_LONG", "N_SHORT"]
MOMENT = re.compile(r"(\d{4})(\d{3})\.(\d{2})(\d{2})(\d{2})(\d{0,6})")
MOVE, LONG, SHORT = "STATE.GRATING_MOVE", "STATE.GRATING_MOVE_LONG", "STATE.GRATING_MOVE_SHORT"
INFOS = {
    MOVE: ParameterInfo(MOVE, dtype="U", description="insertion or retraction of a grating, while it lasts"),
    LONG: ParameterInfo(LONG, dtype="f8", unit="s", description="length of the longest drive of the move"),
    SHORT: ParameterInfo(SHORT, dtype="i8", description="number of short drives of the move"),
}


@dataclass(frozen=True)
class _Move:
    direction: str
    grating: str
    start: str
    stop: str
    long: float
    short: int


def read_grating_moves(path: Path) -> FileImport:
    """Values ``STATE.GRATING_MOVE`` (``INSR HETG``), ``…_LONG`` and ``…_SHORT``.

    Raises
    ------
    BadData
        If the first line is not that of the table.
    """
    lines = read_text_lines(path, "the table of grating moves")
    if not lines or lines[0][1].split() != HEADER:
        raise BadData(f"{path}: the first line must be {' '.join(HEADER)!r}")
    good, bad = each_line(lines[1:], _move)
    times = Times(good, bad, lambda move: move.start, lambda move: move.stop)
    values: list[IntervalValue] = []
    seen: dict[float, int] = {}
    for number, line, move, (tstart, tstop) in times.rows:
        if tstart in seen:
            times.bad.append(bad_line(number, f"line {seen[tstart]} has a move that starts then", line))
            continue
        seen[tstart] = number
        values += [
            IntervalValue(MOVE, tstart, tstop, f"{move.direction} {move.grating}"),
            IntervalValue(LONG, tstart, tstop, move.long),
            IntervalValue(SHORT, tstart, tstop, move.short),
        ]
    bads = tuple(sorted(times.bad, key=lambda one: one.line))
    return FileImport(path, path.name, Content(values=values, infos=INFOS), len(lines) - 1, len(seen), bads)


def _move(line: str) -> _Move:
    cells = line.split()
    if len(cells) != len(HEADER):
        raise ValueError(f"{len(cells)} cells instead of {len(HEADER)}")
    direction, grating = cells[:2]
    if direction not in ("INSR", "RETR") or grating not in ("HETG", "LETG"):
        raise ValueError(f"{direction[:20]!r} {grating[:20]!r} is not INSR or RETR of HETG or LETG")
    long = float(cells[4])
    if not math.isfinite(long):
        raise ValueError(f"T_LONG is {cells[4][:20]}")
    return _Move(direction, grating, _moment(cells[2]), _moment(cells[3]), long, int(cells[5]))


def _moment(text: str) -> str:
    found = MOMENT.fullmatch(text)
    if not found:
        raise ValueError(f"{text[:40]!r} is not a time YYYYDDD.HHMMSSff")
    year, day, hour, minute, second, fraction = found.groups()
    return f"{year}:{day}:{hour}:{minute}:{second}" + (f".{fraction}" if fraction else "")
