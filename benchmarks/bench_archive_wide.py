"""W4: 300 parameters × 1,000,000 samples to memory with their means, and to a FITS file in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from benchmarks.archive_data import SLOW, group
from benchmarks.archive_stores import Duck, Stores, at, buffers, copied, medians
from benchmarks.bench_archive_read import against, compare
from benchmarks.measure import Row, fresh
from mta_assets.core.samples import Samples

PIECES = 12  # months of a year
SHARE = 10  # of so many parameters the peer's files are copies of one: they differ in name only, reading costs the same
MIB = 1 << 20
BOUND = 1024.0  # [MiB] what "bounded" means: less than the answer itself, whatever its length


def measure(stores: Stores) -> list[Row]:
    """Fill both stores and measure."""
    size = stores.size
    table = group("WIDE", SLOW, size.wide, 500)
    distinct = [f"WIDE{index:03d}" for index in range(-(-size.wide // SHARE))]
    edges = np.linspace(0, size.wide_rows, PIECES + 1).astype(int).tolist()
    for first, stop in pairwise(edges):
        rows = table.rows(first, stop - first)
        stores.archive.commit(f"wide-{first:09d}", [rows], *(rows.time[[0, -1]] / 1e9))
        bad = {name: rows.quality[name] != 0 for name in distinct if name in rows.quality}
        stores.peer.append(table.name, rows.time, {name: rows.values[name] for name in distinct}, bad, SLOW)
    names = stores.names(table, size.wide)
    for number, name in enumerate(names):
        if name not in distinct:
            stores.peer.copy(table.name, distinct[number % len(distinct)], name)
    start, stop_time = at(-1.0), at(size.wide_rows * SLOW * 1.001)
    rows_found = in_memory(stores, table.name, names, distinct, start, stop_time)
    return [*rows_found, *to_file(stores, names, start, stop_time)]


def in_memory(
    stores: Stores, content: str, names: list[str], distinct: list[str], start: float, stop: float
) -> list[Row]:
    """All values at once, with the mean of each parameter."""

    def ours(number: int) -> object:
        found = stores.archive.snapshot().read(names, start, stop)
        return found, means({name: samples.values for name, samples in found.items()})

    def theirs(number: int) -> object:
        stores.peer.forget()
        found = stores.peer.read(content, names, start, stop)
        return found, means({name: answer[1] for name, answer in found.items()})

    duck, files = Duck(), stores.files(names[0], start, stop)

    def by_duckdb(number: int) -> object:
        found = duck.read(files, names, start, stop)
        return found, means({name: found[name] for name in names})

    answer: Mapping[str, Samples] = stores.archive.snapshot().read(names, start, stop)
    compare(answer, stores.peer.read(content, distinct, start, stop))
    arrays = buffers(answer)
    functions = {"ours": ours, "cheta": theirs, "duckdb": by_duckdb, "memcpy": lambda number: copied(arrays)}
    found = medians(functions, min(3, stores.size.rounds))
    what = f"W4 {len(names)} parameters × {stores.size.wide_rows:,} samples to memory, with means"
    return against(what, found, 8, 3)


def means(values: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Mean of each parameter, summed in double precision."""
    return {name: float(array.mean(dtype=np.float64)) for name, array in values.items()}


def to_file(stores: Stores, names: list[str], start: float, stop: float) -> list[Row]:
    """The same answer to a FITS file in a process of its own: time and greatest memory."""
    path = stores.root / "wide.fits"
    url = stores.archive.engine.url.render_as_string(hide_password=False)
    done = fresh("benchmarks.archive_fits", url, stores.archive.root, path, start, stop, names[0][:4] + "*")
    size = path.stat().st_size / MIB
    what = f"W4 the same to a FITS file of {size:,.0f} MiB"
    return [
        Row(f"{what}: time", done["seconds"], "s"),
        Row(f"{what}: peak memory", done["peak"] / MIB, "MiB", "", None, None, f"< {BOUND:,.0f} MiB",
            done["peak"] / MIB < BOUND),
    ]  # fmt: skip
