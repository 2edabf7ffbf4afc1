"""Reading years of telemetry: ours against cheta's layout, DuckDB over our files and a copy of the same bytes.

All in one run, warm (the files are in the page cache), medians, taking turns. Ours gives int64 ns, values and quality;
the peer TT seconds, values and flags; DuckDB times and values only. The stretch that is asked for is another one each
time, so that nothing answers from what it kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.archive_data import DAY, FREQUENT, RARE, YEAR
from benchmarks.archive_stores import (
    MONTH,
    STRETCHES,
    WEEK,
    Duck,
    Stores,
    at,
    bound_row,
    buffers,
    copied,
    medians,
    peer_row,
)
from benchmarks.cheta_layout import nearest
from benchmarks.measure import Row
from mta_assets.core.intervals import Intervals, contains, normalise
from mta_assets.core.samples import Samples
from mta_assets.query.align import aligned

HOUR = 3600.0  # [s]
COLUMNS = ("n", "min", "max", "mean")  # what the peer's 5-minute statistics hold
Answer = Mapping[str, Samples]


def measure(stores: Stores) -> list[Row]:
    """Fill both stores and measure all of it."""
    size = stores.size
    growth = []
    year = min(YEAR, size.span)
    for low, high, step in ((0, MONTH, MONTH), (MONTH, year, MONTH), (year, size.span, YEAR)):
        if high > low:
            stores.fill_slow(min(low, size.span), min(high, size.span), step)
        growth.append(_week_only(stores, min(high, size.span)))
    stores.fill_fast()
    stores.fill_peer_statistics()
    week = week_row(stores)
    return [
        *week,
        *fast_week(stores),
        *whole(stores),
        *five_minutes(stores),
        *condition(stores, week[0].value / 1e3),
        *windows(stores),
        *two_rates(stores),
        bound_row("W10 the week of W1 with all years in the archive", growth[2], "with a month", growth[0], 1.5),
        Row("… with a year", growth[1] * 1e3, "ms", "with a month", growth[0] * 1e3, growth[1] / growth[0]),
        *sizes(stores),
    ]


def _week_only(stores: Stores, filled: float) -> float:
    """Median of W1 by ours alone, in an archive that holds so many seconds."""
    names = stores.names(stores.slow, 10)
    length = min(WEEK, filled / 4)

    def ours(number: int) -> object:
        start = at((number * 0.37 % 1) * (filled - length))
        return stores.archive.snapshot().read(names, start, start + length)

    return medians({"ours": ours}, 3 * stores.size.rounds, STRETCHES)["ours"]


def week_row(stores: Stores) -> list[Row]:
    """W1: ten parameters, one week at 32.8 s."""
    names, span = stores.names(stores.slow, 10), stores.size.span
    return _stretch(stores, stores.slow.name, names, (0.0, span), "W1 10 parameters × 1 week at 32.8 s", 10, 5)


def fast_week(stores: Stores) -> list[Row]:
    """W1b: ten parameters, one week at 1.025 s."""
    names, span = stores.names(stores.fast, 10), stores.size.span
    low = span - stores.size.fast_days * DAY
    return _stretch(stores, stores.fast.name, names, (low, span), "W1b 10 parameters × 1 week at 1.025 s", 8, None)


def _stretch(
    stores: Stores, content: str, names: list[str], within: tuple[float, float], what: str, least: float,
    most: float | None,
) -> list[Row]:  # fmt: skip
    duck = Duck()
    length = min(WEEK, (within[1] - within[0]) / 3)

    def bounds(number: int) -> tuple[float, float]:
        start = at(within[0] + (number * 0.37 % 1) * (within[1] - within[0] - length))
        return start, start + length

    def ours(number: int) -> Answer:
        return stores.archive.snapshot().read(names, *bounds(number))

    compare(ours(1), stores.peer.read(content, names, *bounds(1)))
    lists = {n: stores.files(names[0], *bounds(n)) for n in range(STRETCHES)}
    arrays = buffers(ours(1))
    found = medians(
        {
            "ours": ours,
            "cheta": lambda number: stores.peer.read(content, names, *bounds(number)),
            "duckdb": lambda number: duck.read(lists[number], names, *bounds(number)),
            "memcpy": lambda number: copied(arrays),
        },
        stores.size.rounds,
        STRETCHES,
    )
    return against(what, found, least, most)


def against(what: str, found: Mapping[str, float], least: float | None, most: float | None) -> list[Row]:
    """Rows for cheta's layout, DuckDB and the copy."""
    rows = [peer_row(what, found["ours"], "cheta's layout", found["cheta"], least)]
    if "duckdb" in found:
        rows.append(peer_row("… beside DuckDB", found["ours"], "DuckDB", found["duckdb"], None))
    if most is not None:
        return [*rows, bound_row("… beside a copy of the answer", found["ours"], "memcpy", found["memcpy"], most)]
    ratio = found["ours"] / found["memcpy"]
    beside = Row("… beside a copy of the answer", found["ours"] * 1e3, "ms", "memcpy", found["memcpy"] * 1e3, ratio)
    return [*rows, beside]


def compare(ours: Answer, theirs: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> None:
    """Both gave the same: a ratio of different answers says nothing."""
    for name, (times, values, bad) in theirs.items():
        np.testing.assert_array_equal(ours[name].values, values)
        np.testing.assert_array_equal(ours[name].bads, bad)
        np.testing.assert_array_equal(ours[name].times, times)


def whole(stores: Stores) -> list[Row]:
    """W2: one parameter over the whole mission at the full rate."""
    names = stores.names(stores.slow, 1)
    start, stop = at(0.0), at(stores.size.span)

    def theirs(number: int) -> object:
        stores.peer.forget()
        return stores.peer.read(stores.slow.name, names, start, stop)

    def ours(number: int) -> Answer:
        return stores.archive.snapshot().read(names, start, stop)

    def in_seconds(number: int) -> object:
        found = ours(number)
        return found, found[names[0]].times

    compare(ours(0), stores.peer.read(stores.slow.name, names, start, stop))
    duck, files, arrays = Duck(), stores.files(names[0], start, stop), buffers(ours(0))
    found = medians(
        {
            "ours": ours,
            "cheta": theirs,
            "duckdb": lambda number: duck.read(files, names, start, stop),
            "memcpy": lambda number: copied(arrays),
            "seconds": in_seconds,
        },
        max(3, stores.size.rounds // 2),
    )
    count = len(ours(0)[names[0]])
    what = f"W2 1 parameter × {stores.size.years:g} years at 32.8 s, {count:,} samples"
    rows = against(what, found, 6, 5)
    return [*rows, peer_row("… with times as TT seconds too", found["seconds"], "cheta's layout", found["cheta"], None)]


def five_minutes(stores: Stores) -> list[Row]:
    """W3: the same by 5-minute statistics."""
    name = stores.names(stores.slow, 1)[0]
    start, stop = at(0.0), at(stores.size.span)
    found = medians(
        {
            "ours": lambda number: stores.archive.snapshot().statistics(name, "5min", start, stop, COLUMNS),
            "cheta": lambda number: stores.peer.statistics(stores.slow.name, name, start, stop),
        },
        stores.size.rounds,
    )
    count = len(stores.archive.snapshot().statistics(name, "5min", start, stop))
    what = f"W3 the same by 5-minute statistics, {count:,} buckets"
    return [peer_row(what, found["ours"], "cheta's layout", found["cheta"], 10)]


def condition(stores: Stores, week: float) -> list[Row]:
    """W5: A where B is in a range, 24 hours, a year ago: time per row read, beside W1, which took ``week`` [s]."""
    a, b = stores.names(stores.slow, 2)
    low, high = np.quantile(stores.slow.signals[1].curve, [0.4, 0.6])
    year = min(YEAR, stores.size.span / 2)
    start = at(stores.size.span - year)

    def ours(number: int) -> Samples:
        found = stores.archive.snapshot().read([a, b], start + number * DAY, start + (number + 1) * DAY)
        keep = (found[b].values >= low) & (found[b].values <= high) & ~found[b].bads
        return found[a].where(keep)

    taken = medians({"ours": ours}, 3 * stores.size.rounds, STRETCHES)["ours"]
    mine, whole_week = taken / (DAY / stores.slow.period), week / (min(WEEK, stores.size.span / 3) / stores.slow.period)
    what = f"W5 A where B is in a range, 24 h, a year ago ({taken * 1e3:.2f} ms), for each row of the table"
    ratio = mine / whole_week
    return [Row(what, mine * 1e6, "µs", "W1", whole_week * 1e6, ratio, "≤ 3 ×", ratio <= 3)]


def windows(stores: Stores) -> list[Row]:
    """W6: an hour before and after each rare event, of 12 and of 456, as parts of W2."""
    name = stores.names(stores.slow, 1)[0]
    signal = stores.slow.signals[0]
    assert signal.curve is not None
    span = at(0.0), at(stores.size.span)
    found = medians(
        {
            "all": lambda number: stores.archive.snapshot().read([name], *span),
            "rare": lambda number: around(stores, name, float(signal.curve[RARE])),
            "frequent": lambda number: around(stores, name, float(signal.curve[FREQUENT])),
        },
        max(3, stores.size.rounds // 2),
    )
    rows = []
    for kind, level, most in (("rare", RARE, 0.25), ("frequent", FREQUENT, 1.0)):
        events = around(stores, name, float(signal.curve[level]))[1]
        what = f"W6 1 hour before and after each of {events} events in {stores.size.years:g} years"
        rows.append(bound_row(what, found[kind], "W2", found["all"], most))
    return rows


def crossings(samples: Samples, level: float) -> Intervals:
    """First and last time of each run of good samples at or above a level."""
    above = (samples.values >= level) & ~samples.bads
    edges = np.diff(np.concatenate([[0], above.astype(np.int8), [0]]))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return np.column_stack([samples.times[first], samples.times[last]])


def around(stores: Stores, name: str, level: float) -> tuple[Samples, int]:
    """The samples an hour before and after each crossing, and how many crossings there are.

    Days that reach the level tell where to look; what lies around them is read once, then cut.
    """
    snapshot = stores.archive.snapshot()
    days = snapshot.statistics(name, "day", at(-DAY), at(stores.size.span + DAY))
    hit = days.start[days.max >= level]
    near = snapshot.read_intervals([name], normalise(np.column_stack([hit - HOUR, hit + DAY + HOUR])))[name]
    found = crossings(near, level)
    return near.where(contains(np.column_stack([found[:, 0] - HOUR, found[:, 1] + HOUR]), near.times)), len(found)


def two_rates(stores: Stores) -> list[Row]:
    """W7: a parameter at 32.8 s on the timeline of one at 1.025 s."""
    fast, slow = stores.names(stores.fast, 1)[0], stores.names(stores.slow, 2)[1]
    length = min(2.5e6 * stores.fast.period, stores.size.fast_days * DAY)
    start = at(stores.size.span - length)

    def ours(number: int) -> object:
        found = stores.archive.snapshot().read([fast, slow], start, start + length)
        return found[fast], aligned(found[slow], found[fast].time, "nearest")

    def theirs(number: int) -> object:
        stores.peer.forget()
        a = stores.peer.read(stores.fast.name, [fast], start, start + length)[fast]
        times, values, bad = stores.peer.read(stores.slow.name, [slow], start, start + length)[slow]
        index = nearest(times, a[0])
        return a, values[index], bad[index]

    found = medians({"ours": ours, "cheta": theirs}, max(3, stores.size.rounds // 2))
    what = f"W7 two rates on one timeline, {length / stores.fast.period:,.0f} samples"
    return [peer_row(what, found["ours"], "cheta's layout", found["cheta"], 4)]


def sizes(stores: Stores) -> list[Row]:
    """Bytes per sample of the slow group."""
    names = stores.names(stores.slow, stores.size.parameters)
    total = stores.slow.rows_until(stores.size.span) * len(names)
    folder = stores.archive.root / stores.slow.name
    parts = {kind: sum(f.stat().st_size for f in (folder / kind).iterdir()) for kind in ("rows", "5min", "hour", "day")}
    peer = stores.peer.size(stores.slow.name, ["TIME", *names])
    unit = "bytes/sample"
    ours, theirs = parts["rows"] / total, peer / total
    what = "bytes of a sample: values, raw counts, quality, a share of the times"
    return [
        Row(what, ours, unit, "cheta's layout, no raw counts,", theirs, theirs / ours),
        Row("… and its statistics of 5 minutes, hours and days", sum(parts.values()) / total - ours, unit),
    ]
