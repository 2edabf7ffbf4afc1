"""Answers in the terminal: first and last rows of each table, what the reader should know; all of it as JSON."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import typer

from mta_assets.cli.common import print_table
from mta_assets.cli.watch import Watch
from mta_assets.core.flags import Quality
from mta_assets.core.samples import state_texts
from mta_assets.query.answer import Answer, AnswerTable, Cancelled, joined
from mta_assets.query.model import Products
from mta_assets.query.utc import to_texts

ENDS = 10  # rows shown at either end of a table
WIDEST = 8  # columns shown beside the times
LONGEST = 60  # [character] of a text that are shown
BAD = "*"  # behind a value that is not good
CUT = "…"
PART = 1 << 16  # [character] of a file that are printed at a time


@dataclass
class _Ends:
    """The first and the last rows of a table that comes in parts."""

    first: list[AnswerTable] = field(default_factory=list)
    last: list[AnswerTable] = field(default_factory=list)
    rows: int = 0

    def add(self, part: AnswerTable) -> None:
        room = ENDS - sum(map(len, self.first))
        if room > 0 or not self.first:
            self.first.append(part.where(slice(0, max(room, 0))))
        rest = part.where(slice(max(room, 0), None))
        if len(rest):
            kept = joined([*self.last, rest.where(slice(-ENDS, None))])
            self.last = [kept.where(slice(-ENDS, None))]
        self.rows += len(part)


def as_text(answer: Answer) -> None:
    """Print the answer for people."""
    ends: dict[str, _Ends] = {}
    for part in answer.blocks():
        ends.setdefault(part.name, _Ends()).add(part)
    if isinstance(answer.query.what, Products):
        _products(answer)
    else:
        for name, found in ends.items():
            _table(name, found)
    notes(answer)


def notes(answer: Answer) -> None:
    """What the reader should know, one line each."""
    for note in answer.notes:
        typer.echo(f"note: {plain(note)}")


def as_json(answer: Answer, watch: Watch) -> None:
    """Print the whole answer as a ``.json`` file has it; all of it or nothing, larger than memory if need be."""
    from mta_assets.query.output import save

    with tempfile.TemporaryDirectory(prefix="mta-") as folder:
        path = Path(folder) / "answer.json"
        save(answer, path, progress=watch.counted("writing"), cancel=watch.stopped)
        copied(path, watch.stopped)


def copied(path: Path, stopped: Callable[[], bool] = lambda: False) -> None:
    """A text file to standard output, part by part; raises Cancelled if it shall stop."""
    with path.open(encoding="utf-8") as file:
        while part := file.read(PART):
            if stopped():
                raise Cancelled("stopped while it was printed")
            sys.stdout.write(part)
    sys.stdout.flush()


def plain(text: str) -> str:
    """Text without what a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else "·" for c in text)


def _products(answer: Answer) -> None:
    if not answer.products:
        typer.echo("no products")
        return
    rows = [
        {"name": plain(p.name), "file id": p.file_id, "from": str(to_texts(at)[0])[:19], "bytes": p.size,
         "path": plain(p.path)}
        for p, at in ((p, np.array([int(p.tstart * 1e9)], np.int64)) for p in answer.products)
    ]  # fmt: skip
    print_table(f"{len(rows):,} products", rows)


def _table(name: str, found: _Ends) -> None:
    if not found.rows:
        typer.echo(f"{plain(name)}: no rows")
        return
    first, last = joined(found.first), joined(found.last) if found.last else None
    shown = list(first.columns)[:WIDEST]
    rows = _rows(first, shown) + ([] if last is None else _rows(last, shown))
    hidden = found.rows - len(rows)
    if hidden > 0:
        rows.insert(ENDS, dict.fromkeys(rows[0], CUT))
    count = f"{found.rows:,} row{'s' * (found.rows != 1)}"
    print_table(f"{plain(name)}: {count}" + (f", {hidden:,} not shown" if hidden > 0 else ""), rows)
    if len(first.columns) > WIDEST:
        others = [plain(column) for column in first.columns][WIDEST:]
        more = f"{CUT} and {len(others) - 50} more" if len(others) > 50 else ""
        typer.echo(f"{len(others)} columns not shown: {', '.join(others[:50])}{more}")
    if any(str(cell).endswith(BAD) for row in rows for cell in row.values()):
        typer.echo(f"{BAD} not good")


def _rows(table: AnswerTable, shown: list[str]) -> list[dict[str, Any]]:
    columns: dict[str, list[Any]] = {
        "UTC": to_texts(table.time).tolist(), "time [s]": [f"{t:.3f}" for t in table.times.tolist()],
    }  # fmt: skip
    if table.until is not None:
        columns["until"] = to_texts(table.until).tolist()
    for name in shown:
        unit = table.units.get(name, "")
        columns[plain(f"{name} [{unit}]" if unit else name)] = _cells(table, name)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _cells(table: AnswerTable, name: str) -> list[Any]:
    info, values = table.info.get(name), table.columns[name]
    if info is not None and info.states and values.dtype.kind in "iub":
        values = state_texts(values, info.states)
    flags = (table.quality or {}).get(name)
    if flags is None:
        flags = np.zeros(len(table), np.uint8)
    return [_cell(value, flag) for value, flag in zip(values.tolist(), flags.tolist(), strict=True)]


def _cell(value: Any, flag: int) -> Any:
    if flag & Quality.MISSING or (isinstance(value, float) and value != value):
        return None
    shown = plain(value) if isinstance(value, str) else value
    if isinstance(shown, str) and len(shown) > LONGEST:
        shown = shown[: LONGEST - 1] + CUT
    if not flag:
        return shown
    return f"{shown:.6g}{BAD}" if isinstance(shown, float) else f"{shown}{BAD}"
