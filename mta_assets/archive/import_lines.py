"""What all importers of text files share: reading safely, times of many lines at once, a report with line numbers."""

from __future__ import annotations

import re
import warnings
from calendar import isleap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.observing_entries import LARGEST_TIME, Content
from mta_assets.core.errors import BadData

T = TypeVar("T")
LARGEST_FILE = 512 << 20  # [byte] none of these files comes near: more is not what it says it is
SHOWN = 120  # [character] of a bad line in a report
DAY_OF_YEAR = re.compile(r"\d{4}:\d{3}(:\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?")
CALENDAR = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?")


@dataclass(frozen=True)
class BadLine:
    """A line that could not be taken over."""

    line: int
    problem: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.problem}: {self.text!r}"


@dataclass(frozen=True)
class FileImport:
    """A file read: its rows, and what could not be taken over; every data line is in one of the two.

    Parameters
    ----------
    source
        Name for `Observing.replace`: the file's own name.
    lines
        Data lines of the file.
    good
        Data lines that gave rows.
    """

    path: Path
    source: str
    content: Content
    lines: int
    good: int
    bad: tuple[BadLine, ...] = ()
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = f"{self.path}: {self.lines} lines, {self.good} taken over as {len(self.content)} rows"
        return "\n".join([head, *self.remarks, *(f"left out, {bad}" for bad in self.bad)])


def read_text_lines(path: Path, what: str) -> list[tuple[int, str]]:
    """Lines of a file with their numbers, empty ones left out.

    Raises
    ------
    BadData
        If the file is not there, too large or not UTF-8 text.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise BadData(f"{path}: {size} bytes; expected {what} of at most {LARGEST_FILE}")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadData(f"{path}: can not be read ({error.strerror}); expected {what}") from error
    except UnicodeDecodeError as error:
        raise BadData(f"{path}: not UTF-8 text ({error}); expected {what}") from error
    return [(n, line.rstrip("\r")) for n, line in enumerate(text.split("\n"), 1) if line.strip()]


def each_line(
    lines: Sequence[tuple[int, str]], convert: Callable[[str], T]
) -> tuple[list[tuple[int, str, T]], list[BadLine]]:
    """What each line gives; ``convert`` says what is wrong in a ValueError or BadData."""
    good: list[tuple[int, str, T]] = []
    bad: list[BadLine] = []
    for number, line in lines:
        try:
            good.append((number, line, convert(line)))
        except (ValueError, BadData) as error:
            bad.append(bad_line(number, str(error), line))
    return good, bad


def bad_line(number: int, problem: str, line: str) -> BadLine:
    """The report of a line, its text cut to what a reader needs."""
    return BadLine(number, problem, line if len(line) <= SHOWN else f"{line[:SHOWN]}…")


def utc_seconds(texts: Sequence[str]) -> NDArray[np.float64]:
    """TT seconds since 1998.0 TT of UTC texts (day of year or calendar), to the microsecond; NaN for what is none."""
    out = np.full(len(texts), np.nan)
    for pattern, form in ((DAY_OF_YEAR, "yday"), (CALENDAR, "iso")):
        rows = [row for row, text in enumerate(texts) if pattern.fullmatch(text) and _has_day(text)]
        given = [texts[row].replace("T", " ") for row in rows]
        if not rows:
            continue
        try:
            out[rows] = _seconds(given, form)
        except ValueError:
            out[rows] = [_second(text, form) for text in given]
    out = np.round(out, 6)  # so that a date reads the same however it was computed
    out[~(np.abs(out) < LARGEST_TIME)] = np.nan
    return out


def _has_day(text: str) -> bool:
    """Whether a year has that day of the year: astropy takes day 366 of any as the first of the next."""
    return text[4] != ":" or 1 <= int(text[5:8]) <= 365 + isleap(int(text[:4]))


def _seconds(texts: Sequence[str], form: str) -> NDArray[np.float64]:
    from astropy.time import Time
    from erfa import ErfaWarning

    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=ErfaWarning)  # 23:59:60 on a day without a leap second
        warnings.filterwarnings("ignore", message=".*dubious year.*", category=ErfaWarning)  # after the leap table ends
        try:
            return np.asarray(Time(list(texts), format=form, scale="utc").cxcsec, dtype=np.float64)
        except ErfaWarning as error:
            raise ValueError(str(error)) from error


def _second(text: str, form: str) -> float:
    try:
        return float(_seconds([text], form)[0])
    except ValueError:
        return float("nan")


class Times(Generic[T]):
    """Times of good lines, computed together; a line whose time is none becomes a bad line."""

    def __init__(self, good: Sequence[tuple[int, str, T]], bad: list[BadLine], *texts: Callable[[T], str]) -> None:
        columns = [utc_seconds([text(row) for _, _, row in good]) for text in texts]
        self.rows: list[tuple[int, str, T, tuple[float, ...]]] = []
        self.bad = list(bad)
        for (number, line, row), times in zip(good, zip(*columns, strict=True), strict=True):
            if np.isnan(times).any():
                wrong = next(text(row) for text, time in zip(texts, times, strict=True) if np.isnan(time))
                self.bad.append(bad_line(number, f"{wrong[:40]!r} is not a UTC time like 2024:360:12:00:00.000", line))
            elif len(times) > 1 and times[1] <= times[0]:
                self.bad.append(bad_line(number, "the interval is empty: its stop must lie after its start", line))
            else:
                self.rows.append((number, line, row, tuple(float(time) for time in times)))
        self.bad.sort(key=lambda bad: bad.line)
