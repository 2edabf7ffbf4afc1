"""What importers of tables into the telemetry archive share: the result with its account, and safe reading of text.

An importer is a function of a path that gives a `TableImport`: rows for the archive, and an account of every row and
cell of the file that did not go in as it stands. Nothing is left out without being counted there.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.archive.import_lines import LARGEST_FILE, BadLine
from mta_assets.archive.names import safe_name
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.errors import BadData
from mta_assets.core.samples import Array, to_seconds

if TYPE_CHECKING:
    from mta_assets.archive.telemetry import Commit, TelemetryArchive

LARGEST_TIME = 4.0e9  # [s] the year 2124: a time beyond is none
PARAMETER = re.compile(r"[A-Za-z0-9_$][A-Za-z0-9_$.+-]{0,99}")


@dataclass(frozen=True)
class TableImport:
    """A file read for the archive.

    Parameters
    ----------
    kind, path
        What it was read as.
    source
        Name under which the archive keeps its rows: importing the same name again replaces them.
    groups
        Rows for `TelemetryArchive.commit`.
    rows, taken
        Data rows of the file, and how many of them are in the archive's tables.
    bad
        Rows that could not be taken over.
    counts
        Number of rows or cells by what was done with them (``repeated``, ``flagged``, ``cells without a value`` …).
    remarks
        What a reader of the data should know (units that were converted, times that were made).
    """

    kind: str
    path: Path
    source: str
    groups: tuple[GroupRows, ...]
    rows: int
    taken: int
    bad: tuple[BadLine, ...] = ()
    counts: Mapping[str, int] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def span(self) -> tuple[float, float]:
        """First and last time of its rows [s]; zeros without rows."""
        edges = [to_seconds(group.time[[0, -1]]) for group in self.groups if len(group)]
        if not edges:
            return 0.0, 0.0
        return float(min(first for first, _ in edges)), float(max(last for _, last in edges))

    def report(self) -> dict[str, Any]:
        """The account in plain types."""
        return {
            "file": str(self.path),
            "kind": self.kind,
            "source": self.source,
            "groups": {g.group: {"rows": len(g), "parameters": len(g.parameters)} for g in self.groups},
            "rows": self.rows,
            "taken": self.taken,
            "counts": {what: number for what, number in (self.counts or {}).items() if number},
            "left out": [str(line) for line in self.bad],
            "remarks": list(self.remarks),
        }


def put(archive: TelemetryArchive, given: TableImport) -> Commit:
    """Put the rows of an import into the archive, in place of those that its source had given before.

    Raises
    ------
    BadData
        If there is not one row: an import never takes away what it does not replace.
    """
    if not any(len(group) for group in given.groups):
        raise BadData(f"{given.path}: no row could be taken over; nothing was changed in the archive")
    first, last = given.span
    return archive.commit(
        given.source, given.groups, first, last, reason=f"import of {given.path.name} as {given.kind}"
    )


def source_name(path: Path, kind: str) -> str:
    """Name of the source: kind and file name, without what packs it."""
    name = path.name.removesuffix(".gz")
    return f"import/{kind}/{safe_name(name)}"


def parameter_name(prefix: str, column: str, path: Path) -> str:
    """Name of a parameter made from a column, in capitals.

    Raises
    ------
    BadData
        If the column's name has characters that a parameter must not have.
    """
    name = f"{prefix}{column.strip().upper()}"
    if not column.strip() or not PARAMETER.fullmatch(name):
        raise BadData(f"{path}: column {column[:40]!r} can not be a parameter: expected letters, digits and _ . + - $")
    return name


def read_lines(path: Path, what: str) -> list[tuple[int, str]]:
    """Lines of a text file, plain or gzip-compressed, with their numbers; empty ones are left out.

    Raises
    ------
    BadData
        If it can not be read, is too large when unpacked, or is not UTF-8 text.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            content = gzip.GzipFile(fileobj=raw).read(LARGEST_FILE + 1) if packed else raw.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise BadData(f"{path}: more than {LARGEST_FILE} bytes; expected {what}")
        text = content.decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadData(f"{path}: damaged gzip data: {error}; expected {what}") from error
    except OSError as error:
        raise BadData(f"{path}: can not be read ({error.strerror}); expected {what}") from error
    except UnicodeDecodeError as error:
        raise BadData(f"{path}: not UTF-8 text ({error}); expected {what}") from error
    return [(n, line.rstrip("\r")) for n, line in enumerate(text.split("\n"), 1) if line.strip()]


def numbers(texts: Sequence[str]) -> NDArray[np.float64]:
    """Texts as float64, to the last bit; NaN for what is no number."""
    array = np.array(texts, dtype=str)
    try:
        return array.astype(np.float64)
    except ValueError:
        return np.array([_number(text) for text in texts], dtype=np.float64)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def without_values(array: Array) -> NDArray[np.bool_]:
    """Which cells have no value: not finite, or empty text."""
    return ~np.isfinite(array) if array.dtype.kind == "f" else np.zeros(len(array), bool)
