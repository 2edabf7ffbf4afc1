"""Command loads (backstop files): ``time | frame counter | type | KEY= value, KEY= value, …``, one command a line.

The mnemonic of a command is its TLMSID; what has none (orbit points, moves of the SIM, load events) goes by its type.
The values of the parameters stay the texts that the file has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mta_assets.archive.import_lines import FileImport, Times, each_line, read_text_lines
from mta_assets.archive.observing_entries import CONTROL, Command, Content, check_parameter_name
from mta_assets.core.errors import BadData

CELLS = 4
TYPE = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
KEY = re.compile(r"[A-Z0-9_]+(\(\d+\))?")
MNEMONIC = "TLMSID"
COMMAND_NAMES = ("NAME", "TYPE", "COUNTER")  # CMD.NAME … are of every command: no mnemonic may be called so


@dataclass(frozen=True)
class _Line:
    time: str
    counter: str
    type: str
    parameters: dict[str, str]


def read_backstop(path: Path) -> FileImport:
    """Commands of a load in the order of the file.

    Raises
    ------
    BadData
        If no line of the file is a command.
    """
    lines = read_text_lines(path, "a command load (backstop)")
    good, bad = each_line(lines, _line)
    times = Times(good, bad, lambda row: row.time)
    if not times.rows:
        first = f"; {times.bad[0]}" if times.bad else ""
        raise BadData(f"{path}: expected lines 'time | counter | type | KEY= value, …', found none{first}")
    commands = [
        Command(time, row.parameters.get(MNEMONIC, row.type), row.type, row.parameters, row.counter)
        for _, _, row, (time,) in times.rows
    ]
    return FileImport(path, path.name, Content(commands=commands), len(lines), len(commands), tuple(times.bad))


def _line(line: str) -> _Line:
    if CONTROL.search(line):
        raise ValueError("holds a control character")
    cells = [cell.strip() for cell in line.split("|", CELLS - 1)]
    if len(cells) != CELLS:
        raise ValueError(f"{len(cells)} cells between | instead of {CELLS}")
    time, counter, kind, text = cells
    if not TYPE.fullmatch(kind):
        raise ValueError(f"the type {kind[:40]!r} is not one of capital letters, digits and _")
    if len(counter) > 40:
        raise ValueError(f"the frame counter {counter[:20]!r}… is too long")
    parameters = _parameters(text)
    mnemonic = parameters.get(MNEMONIC, kind)
    if "." in mnemonic or len(mnemonic) > 64 or mnemonic in COMMAND_NAMES:
        raise ValueError(f"{mnemonic[:64]!r} can not be the name of a command")
    check_parameter_name(mnemonic, "command")
    return _Line(time, " ".join(counter.split()), kind, parameters)


def _parameters(text: str) -> dict[str, str]:
    """Parameters in their order; the empty places that the format has between commas say nothing."""
    found: dict[str, str] = {}
    for piece in text.split(","):
        if not piece.strip():
            continue
        key, equals, value = (part.strip() for part in piece.partition("="))
        if not equals or not KEY.fullmatch(key):
            raise ValueError(f"{piece.strip()[:40]!r} is not KEY= value")
        if key in found:
            raise ValueError(f"{key} comes twice")
        found[key] = value
    return found
