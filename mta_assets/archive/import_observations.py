"""Observations from rows of an observing catalogue (OBSCAT), and of building blocks; from CSV files or from anywhere.

A row is a mapping from names to texts or numbers. ``obsid``, ``tstart`` and ``tstop`` are needed; times are TT seconds
since 1998.0 TT or UTC texts. What is not a column of the catalogue is kept as a fact, the parameter ``OBS.<NAME>``.
A catalogue of requests has no times: they are given beside it (`read_observations`, ``times``).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from mta_assets.archive.import_lines import BadLine, FileImport, bad_line, read_text_lines, utc_seconds
from mta_assets.archive.observing_entries import Block, Content, Observation, check_content
from mta_assets.core.errors import BadData

OTHER_NAMES = {
    "obs_id": "obsid", "obi_num": "obi", "object": "target", "targname": "target", "ra_targ": "ra", "dec_targ": "dec",
    "roll_nom": "roll", "instrume": "instrument", "detnam": "detector", "datamode": "mode", "seq_num": "seqnum",
    "start": "tstart", "stop": "tstop", "type": "bbtype",
}  # fmt: skip
TEXTS = {
    "target": 200,
    "instrument": 40,
    "detector": 40,
    "grating": 40,
    "mode": 40,
    "aot": 80,
    "seqnum": 40,
}  # [character] as the schema has them
COLUMNS = tuple(field.name for field in fields(Observation) if field.name != "facts")
BLOCK_COLUMNS = tuple(field.name for field in fields(Block))
RANGES = {"ra": (0.0, 360.0), "dec": (-90.0, 90.0), "roll": (-360.0, 360.0)}  # [deg]
RESERVED = {*COLUMNS, "duration"}

Times = Mapping[int, Sequence[tuple[int, float, float]]]  # obsid → (obi, tstart, tstop) of each of its intervals
Row = Mapping[str, Any]


def read_observations(path: Path, times: Times | None = None) -> FileImport:
    """Observations of a CSV file with a line of names.

    Parameters
    ----------
    times
        When each obsid was observed, where the file does not say it; what is not in it was not observed, which the
        remarks say.

    Raises
    ------
    BadData
        If the file is not a CSV table with a column ``obsid``.
    """
    numbered, bad = _csv_rows(path)
    remarks: list[str] = []
    if times is not None:
        numbered, remarks = _timed(numbered, times)
    observations, more = observations_of(numbered)
    lines = len({n for n, _ in numbered} | {b.line for b in bad}) + len(remarks)
    wrong = tuple(sorted((*bad, *more), key=lambda b: b.line))
    good = len({n for n, _ in numbered} - {b.line for b in wrong})
    return FileImport(path, path.name, Content(observations), lines, good, wrong, tuple(remarks))


def observations_of(rows: Iterable[tuple[int, Row]]) -> tuple[list[Observation], list[BadLine]]:
    """Observations of numbered rows, and the rows that could not be taken over.

    An instrument like ``ACIS-S`` without a detector is the detector ``ACIS-S`` of the instrument ``ACIS``.
    """
    found: list[Observation] = []
    bad: list[BadLine] = []
    seen: dict[tuple[int, int], int] = {}
    for number, row in rows:
        try:
            observation = _observation({_name(name): value for name, value in row.items()})
            check_content(Content([observation]))
            key = (observation.obsid, observation.obi)
            if key in seen:
                raise ValueError(f"obsid {key[0]} obi {key[1]} stands in line {seen[key]} already")
        except (ValueError, BadData) as error:
            bad.append(bad_line(number, str(error), str(dict(row))))
            continue
        seen[key] = number
        found.append(observation)
    return found, bad


def blocks_of(rows: Iterable[tuple[int, Row]]) -> tuple[list[Block], list[BadLine]]:
    """Building blocks of numbered rows with ``bbid``, ``tstart``, ``tstop``, and ``bbtype``, ``obsid`` if known."""
    found: list[Block] = []
    bad: list[BadLine] = []
    for number, row in rows:
        cells = {_name(name): value for name, value in row.items()}
        try:
            unknown = [name for name in cells if name not in BLOCK_COLUMNS]
            if unknown:
                raise ValueError(f"unknown {', '.join(unknown)}; known: {', '.join(BLOCK_COLUMNS)}")
            block = Block(
                bbid=_whole(cells, "bbid"),
                tstart=_time(cells, "tstart"),
                tstop=_time(cells, "tstop"),
                bbtype=_text(cells, "bbtype", 80),
                obsid=_whole(cells, "obsid", 0),
            )
            check_content(Content(blocks=[block]))
        except (ValueError, BadData) as error:
            bad.append(bad_line(number, str(error), str(dict(row))))
            continue
        found.append(block)
    return found, bad


def _csv_rows(path: Path) -> tuple[list[tuple[int, Row]], list[BadLine]]:
    lines = [(n, line) for n, line in read_text_lines(path, "an observing catalogue (CSV)") if line[:1] != "#"]
    names = [_name(name) for name in _cells(lines[0][1])] if lines else []
    if "obsid" not in names or len(set(names)) < len(names):
        raise BadData(f"{path}: the first line must name the columns, each once, obsid among them; found {names}")
    rows: list[tuple[int, Row]] = []
    bad: list[BadLine] = []
    for number, line in lines[1:]:
        try:
            cells = _cells(line)
            if len(cells) != len(names):
                raise ValueError(f"{len(cells)} cells instead of {len(names)}")
        except ValueError as error:
            bad.append(bad_line(number, str(error), line))
            continue
        rows.append((number, dict(zip(names, cells, strict=True))))
    return rows, bad


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise ValueError(f"quotes do not match ({error})") from error


def _timed(rows: Sequence[tuple[int, Row]], times: Times) -> tuple[list[tuple[int, Row]], list[str]]:
    """Rows once for each time that they were observed."""
    timed: list[tuple[int, Row]] = []
    remarks = []
    for number, row in rows:
        when = times.get(int(row["obsid"]) if str(row["obsid"]).strip().isdecimal() else -1)
        if when is None:
            remarks.append(f"line {number}: obsid {str(row['obsid'])[:20]} was not observed")
            continue
        timed += [(number, {**row, "obi": obi, "tstart": start, "tstop": stop}) for obi, start, stop in when]
    return timed, remarks


def _name(name: Any) -> str:
    plain = str(name).strip().lower()
    return OTHER_NAMES.get(plain, plain)


def _observation(cells: Row) -> Observation:
    texts: dict[str, Any] = {name: _text(cells, name, longest) for name, longest in TEXTS.items()}
    if not texts["detector"] and "-" in texts["instrument"]:
        texts["detector"], texts["instrument"] = texts["instrument"], texts["instrument"].partition("-")[0]
    facts = {name: _fact(value) for name, value in cells.items() if name not in RESERVED}
    return Observation(
        obsid=_whole(cells, "obsid"),
        tstart=_time(cells, "tstart"),
        tstop=_time(cells, "tstop"),
        obi=_whole(cells, "obi", 0),
        facts={name.upper(): value for name, value in facts.items() if value != ""},
        ra=_angle(cells, "ra"),
        dec=_angle(cells, "dec"),
        roll=_angle(cells, "roll"),
        **texts,
    )


def _whole(cells: Row, name: str, default: int | None = None) -> int:
    value = cells.get(name, "")
    text = str(value).strip()
    if not text and default is not None:
        return default
    try:
        return int(text, 16) if text.lower().startswith("0x") else int(text)
    except ValueError:
        raise ValueError(f"{name} is {text[:40]!r}, expected a whole number") from None


def _angle(cells: Row, name: str) -> float | None:
    text = str(cells.get(name, "")).strip()
    if not text:
        return None
    low, high = RANGES[name]
    value = float(text)
    if not low <= value <= high:
        raise ValueError(f"{name} is {text[:40]}, expected degrees from {low:g} to {high:g}")
    return value


def _text(cells: Row, name: str, longest: int) -> str:
    text = str(cells.get(name, "")).strip()
    if len(text) > longest:
        raise ValueError(f"{name} has {len(text)} characters, expected at most {longest}")
    return text


def _time(cells: Row, name: str) -> float:
    value = cells.get(name, "")
    text = str(value).strip()
    try:
        return float(text)
    except ValueError:
        time = float(utc_seconds([text.removesuffix("Z")])[0])
    if math.isnan(time):
        raise ValueError(f"{name} is {text[:40]!r}, expected TT seconds since 1998.0 or a UTC time")
    return time


def _fact(value: Any) -> float | str:
    if isinstance(value, bool | int | float):
        return float(value)
    text = ";".join(str(part) for part in value) if isinstance(value, tuple | list) else str(value).strip()
    return text[:1000]
