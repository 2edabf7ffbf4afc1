"""The tables of docs/benchmarks.md from the files of several runs: ``python -m benchmarks.figures RUN.json …``.

Of each figure the run with the middle value is shown, of an even number of runs the lower one of the two.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.__main__ import beside, number, ratio
from benchmarks.measure import Row


def middle(runs: Sequence[Row]) -> Row:
    """The run whose ratio, or value where there is none, is the middle one."""
    ordered = sorted(runs, key=lambda row: row.value if row.ratio is None else row.ratio)
    return ordered[(len(ordered) - 1) // 2]


def lines(rows: Iterable[Row]) -> list[str]:
    """A Markdown table."""
    out = ["| Measured | Ours | Beside | Ratio | Required |", "|---|---|---|---|---|"]
    for row in rows:
        asked = "" if row.reached is None else f"{row.required}, {'reached' if row.reached else '**not reached**'}"
        out.append(f"| {row.what} | {number(row.value)} {row.unit} | {beside(row)} | {ratio(row)} | {asked} |")
    return out


def main(files: Sequence[str]) -> None:
    found: dict[tuple[str, int], list[Row]] = {}
    for file in files:
        for name, rows in json.loads(Path(file).read_text(encoding="utf-8"))["rows"].items():
            for place, row in enumerate(rows):
                found.setdefault((name, place), []).append(Row(**row))
    print("\n".join(lines(middle(runs) for runs in found.values())))


if __name__ == "__main__":
    main(sys.argv[1:])
