"""What the query language adds to reading: the text parsed, planned and run, beside the same asked of the archive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.archive_data import DAY, RARE, YEAR
from benchmarks.archive_stores import STRETCHES, WEEK, Stores, at, timings
from benchmarks.bench_archive_read import around
from benchmarks.measure import Row
from mta_assets.archive.telemetry_read import Snapshot
from mta_assets.query.align import aligned
from mta_assets.query.language import parse
from mta_assets.query.run import run
from mta_assets.query.telemetry_source import TelemetrySource

ADDS = 3.0  # [ms] at most
DIFFERENCES = (
    3  # times as many rounds as elsewhere: a difference of milliseconds between answers of a tenth of a second
)


@dataclass(frozen=True)
class Case:
    """A question as text, and as calls of the archive, of a stretch that the number of the round shifts."""

    label: str
    text: Callable[[float], str]
    direct: Callable[[Snapshot, float], object]
    low: float
    high: float
    required: bool = True


def rows(stores: Stores) -> list[Row]:
    """One row for each workload: milliseconds that the language adds."""
    return [row(stores, case) for case in cases(stores)]


def row(stores: Stores, case: Case) -> Row:
    """Median of what a query takes more than the plain call beside it."""

    def start(number: int) -> float:
        return at(case.low + (number * 0.37 % 1) * (case.high - case.low))

    def query(number: int) -> object:
        asked = parse(case.text(start(number)), now=at(stores.size.span))
        return run(asked, [TelemetrySource(stores.archive)])

    found = timings(
        {"query": query, "direct": lambda number: case.direct(stores.archive.snapshot(), start(number))},
        DIFFERENCES * stores.size.rounds,
        STRETCHES if case.high > case.low else 1,
    )
    added = float(np.median(np.subtract(found["query"], found["direct"]))) * 1e3
    direct = float(np.median(found["direct"])) * 1e3
    return Row(f"the language adds to {case.label}", added, "ms", "the answer itself", direct, None,
               f"< {ADDS:g} ms" if case.required else "", added < ADDS if case.required else None)  # fmt: skip


def cases(stores: Stores) -> list[Case]:
    """The workloads, each as a query and as calls."""
    size, span = stores.size, stores.size.span
    ten, fast = stores.names(stores.slow, 10), stores.names(stores.fast, 10)
    one, other = ten[0], ten[1]
    week = min(WEEK, span / 3, size.fast_days * DAY / 3)
    early = span - size.fast_days * DAY
    signal = stores.slow.signals[1].curve
    assert signal is not None
    low, high = np.quantile(signal, [0.4, 0.6])
    level = float(stores.slow.signals[0].curve[RARE])  # type: ignore[index]
    year = min(YEAR, span / 2)
    joint = min(2.5e6 * stores.fast.period, size.fast_days * DAY)

    def within(snapshot: Snapshot, start: float) -> object:
        found = snapshot.read([one, other], start, start + DAY)
        values = found[other].values
        return found[one].where((values >= low) & (values <= high) & ~found[other].bads)

    def on_timeline(snapshot: Snapshot, start: float) -> object:
        found = snapshot.read([fast[0], other], start, start + joint)
        return found, aligned(found[other], found[fast[0]].time, "nearest")

    def five_minutes(snapshot: Snapshot) -> object:
        columns = ("mean", "min", "max")
        found = snapshot.statistics(one, "5min", at(0.0), at(span), columns, cut=True, own_type=True)
        return found, found.start

    def get(names: list[str], start: float, length: float, rest: str) -> str:
        return f"GET {', '.join(names)} FROM {start!r} TO {start + length!r} {rest}"

    whole = f"FROM {at(0.0)!r} TO {at(span)!r}"
    return [
        Case("W1", lambda s: get(ten, s, week, "INCLUDING BAD"), lambda a, s: a.read(ten, s, s + week), 0, span - week),
        Case("W1b", lambda s: get(fast, s, week, "INCLUDING BAD"), lambda a, s: a.read(fast, s, s + week), early,
             span - week),
        Case("W2", lambda s: f"GET {one} {whole} INCLUDING BAD", lambda a, s: a.read([one], at(0.0), at(span)), 0, 0),
        Case("W3", lambda s: f"GET {one} {whole} EVERY 328 s MEAN, MIN, MAX",
             lambda a, s: five_minutes(a), 0, 0),
        Case("W5", lambda s: get([one], s, DAY, f"WHERE {other} BETWEEN {low} AND {high}"), within, span - year,
             span - year + 9 * DAY),
        Case("W6", lambda s: f"GET {one} {whole} WITHIN 1 h BEFORE AND 1 h AFTER EACH TIME {one} >= {level!r}",
             lambda a, s: around(stores, one, level), 0, 0),
        Case("W7", lambda s: get([fast[0], other], s, joint, f"ON TIMELINE OF {fast[0]} NEAREST INCLUDING BAD"),
             on_timeline, span - joint, span - joint),
    ]  # fmt: skip
