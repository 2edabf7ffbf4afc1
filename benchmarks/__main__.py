"""Run all benchmarks and print one table: ``python -m benchmarks [--only NAME] [--json FILE]``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import (
    bench_acis_level1,
    bench_archive,
    bench_chain,
    bench_engineering,
    bench_events,
    bench_gratings,
    bench_hrc_level1,
    bench_import,
    bench_long_lists,
    bench_observations,
    bench_packets,
    bench_playback,
    bench_products,
    bench_simulator,
    bench_sources,
)
from benchmarks.inputs import Inputs
from benchmarks.measure import Row, machine

BENCHMARKS: dict[str, Callable[[Inputs], list[Row]]] = {
    "packets": lambda inputs: bench_packets.run(),
    "playback": bench_playback.run,
    "day": bench_playback.run_day,
    "chain": bench_chain.run,
    "products": bench_products.run,
    "simulator": bench_simulator.run,
    "import": lambda inputs: bench_import.run(),
    "engineering": lambda inputs: bench_engineering.run(),
    "events": lambda inputs: bench_events.run(),
    "hrc-level1": lambda inputs: bench_hrc_level1.run(),
    "gratings": lambda inputs: bench_gratings.run(),
    "acis-level1": lambda inputs: bench_acis_level1.run(),
    "sources": lambda inputs: bench_sources.run(),
    "long-lists": bench_long_lists.run,
    "observations": bench_observations.run,
    "archive": bench_archive.run,
    "archive-wide": bench_archive.run_wide,
    "archive-commits": bench_archive.run_commits,
}


def main(arguments: list[str] | None = None) -> int:
    """Run; 0 if everything that was measured reaches what is required of it, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(BENCHMARKS), metavar="NAME",
                        help=f"only this one, may be repeated: {', '.join(BENCHMARKS)}")  # fmt: skip
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well; - for standard output")
    given = parser.parse_args(arguments)
    console = Console(stderr=given.json == "-", width=None if sys.stdout.isatty() else 150)
    about = machine()
    found: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory(prefix="mta-benchmarks-") as folder:
        inputs = Inputs(Path(folder))
        for name in given.only or BENCHMARKS:
            began = time.perf_counter()
            try:
                found[name] = BENCHMARKS[name](inputs)
            except bench_packets.NoRealData as absent:
                console.print(f"{name}: left out: {absent}", highlight=False)
                continue
            console.print(f"{name}: measured in {time.perf_counter() - began:.0f} s", highlight=False)
    console.print(table(found, about))
    if given.json:
        text = json.dumps({"machine": about, "rows": {n: [r.as_dict() for r in rows] for n, rows in found.items()}})
        print(text) if given.json == "-" else Path(given.json).write_text(text + "\n")
    return int(any(row.reached is False for rows in found.values() for row in rows))


def table(found: dict[str, list[Row]], about: dict[str, Any]) -> Table:
    """All figures, one line each, one section for each benchmark."""
    shown = Table(
        title=f"{about['cores']} cores, {about['processor']}, Python {about['python']}, "
        f"load {about['load_before']} before",
        title_justify="left",
    )
    for heading in ("measured", "ours", "beside", "ratio", "required"):
        shown.add_column(heading, justify="left" if heading in ("measured", "beside") else "right")
    for rows in found.values():
        for row in rows:
            shown.add_row(row.what, f"{number(row.value)} {row.unit}", beside(row), ratio(row), required(row))
        shown.add_section()
    return shown


def number(value: float) -> str:
    """Three significant digits, thousands marked."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def beside(row: Row) -> str:
    """What it is measured against, with that one's figure where there is one."""
    return row.beside if row.beside_value is None else f"{row.beside} {number(row.beside_value)} {row.unit}"


def ratio(row: Row) -> str:
    """The ratio as a number of times."""
    return "" if row.ratio is None else f"{number(row.ratio)} ×"


def required(row: Row) -> str:
    """What is required, and whether it is reached."""
    return row.required if row.reached is None else f"{row.required}  {'yes' if row.reached else '[bold red]NO[/]'}"


if __name__ == "__main__":
    sys.exit(main())
