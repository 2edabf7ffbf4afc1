"""Strict reading of the monitors' CSV tables: what is wrong is said with file and line."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from mta_assets.core.errors import ConfigError
from mta_assets.core.times import from_utc

T = TypeVar("T")


def read_content(path: Path) -> bytes:
    """The bytes of a table file, or a ConfigError that says where its name comes from."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: can not be read ({error.strerror}); mission.toml [monitor] names it") from error


@dataclass(frozen=True)
class Line:
    """One line of a table, with what is needed to say where a value is wrong."""

    source: str
    number: int
    cells: Mapping[str, str]

    def error(self, problem: str) -> ConfigError:
        return ConfigError(f"{self.source}, line {self.number}: {problem}")

    def text(self, name: str, default: str | None = None) -> str:
        """The cell's text; an empty or absent one gives the default, or is refused without one."""
        cell = self.cells.get(name, "").strip()
        if not cell and default is None:
            raise self.error(f"{name} is empty")
        return cell or default or ""

    def value(self, name: str, convert: Callable[[str], T], default: T | None = None) -> T:
        """The cell's value; ``convert`` says what is wrong in a ValueError."""
        cell = self.text(name, "" if default is not None else None)
        if not cell and default is not None:
            return default
        try:
            return convert(cell)
        except ValueError as error:
            raise self.error(f"{name}: {cell!r} {error}") from error


def read_lines(content: bytes, source: str, columns: tuple[str, ...], required: tuple[str, ...]) -> Iterator[Line]:
    """Lines of a CSV table.

    Raises
    ------
    ConfigError
        If a column is unknown, required and absent, or there twice, a line has too few or too many cells, or
        the file is not text.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source}: not UTF-8 text ({error})") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        unknown = [name for name in names if name not in columns]
        missing = [name for name in required if name not in names]
        twice = sorted({name for name in names if names.count(name) > 1})
        if unknown or missing or twice:
            raise ConfigError(
                f"{source}, line 1: unknown columns {unknown}, missing {missing}, twice {twice}; "
                f"known: {', '.join(columns)}"
            )
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(names):
                raise ConfigError(f"{source}, line {reader.line_num}: {len(cells)} cells, the header has {len(names)}")
            yield Line(source, reader.line_num, dict(zip(names, cells, strict=True)))
    except csv.Error as error:
        raise ConfigError(f"{source}, line {reader.line_num}: {error}") from error


@lru_cache(maxsize=4096)
def utc(text: str) -> float:
    """TT seconds since 1998.0 TT, to the microsecond, so that a date reads the same however it was computed."""
    try:
        return round(from_utc(text), 6)
    except ValueError:
        raise ValueError("is not a UTC time like 2024-03-01T00:00:00") from None


def number(text: str) -> float:
    value = _float(text)
    if not math.isfinite(value):
        raise ValueError("is not a number; leave the cell empty for none")
    return value


def not_negative(text: str) -> float:
    value = _float(text)
    if not 0 <= value < math.inf:
        raise ValueError("must be a number, 0 or more")
    return value


def whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError("must be a whole number, 0 or more")
    return int(text)


def flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("must be 1 or 0")
    return text == "1"


def condition(text: str) -> str:
    if not text.partition("=")[0].strip() or "=" not in text:
        raise ValueError("is not MSID=STATE")
    return text


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("is not a number") from None
