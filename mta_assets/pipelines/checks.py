"""Checks of what a run has written, made on the files themselves: what is read back is what was meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mta_assets.archive.products import read_product_file
from mta_assets.archive.store import sha256_of
from mta_assets.core.tables import Table

CHECKS = {
    "hash": "the file read back has the sha256 that it was entered with",
    "counts": "the number of rows read back equals the number written",
    "monotonic_time": "TIME never goes back within a file",
    "coverage": "all times lie inside the partition's interval, and TSTART/TSTOP frame them",
}
SLACK = 330.0  # [s] rows of five-minute buckets (328 s) begin before the partition and end after it


@dataclass(frozen=True)
class Outcome:
    """One check of all files of an asset and a partition."""

    name: str
    passed: bool
    text: str
    figures: dict[str, Any] = field(default_factory=dict)


def check_products(products: Sequence[Any], interval: tuple[float, float]) -> tuple[list[Outcome], Table | None]:
    """All checks of the products of one asset and partition, in the order of ``CHECKS``, and the last main table read.

    Parameters
    ----------
    products
        What the controller says it wrote: ``path, sha256, size, rows, file_id``.
    interval
        Start and stop of the partition, TT seconds since 1998.0 TT.
    """
    bad: dict[str, list[str]] = {name: [] for name in CHECKS}
    rows, seconds = 0, 0.0
    main: Table | None = None
    for product in products:
        if sha256_of(product.path) != product.sha256:
            bad["hash"].append(f"{product.name}: the bytes on disk are not those of the catalog; reprocess it")
            continue
        main = read_product_file(product.path, product.file_id).tables[0]
        rows += len(main)
        if len(main) != product.rows:
            bad["counts"].append(f"{product.name}: {len(main)} rows on disk, {product.rows} written")
        if "TIME" not in main or not len(main):
            continue
        time = np.asarray(main["TIME"], dtype=np.float64)
        seconds += float(time[-1] - time[0])
        if np.any(np.diff(time) < 0):
            bad["monotonic_time"].append(
                f"{product.name}: TIME goes back at row {int(np.argmax(np.diff(time) < 0)) + 1}"
            )
        low, high = float(time.min()), float(time.max())
        if low < interval[0] - SLACK or high > interval[1] + SLACK or low < product.tstart or high > product.tstop:
            bad["coverage"].append(f"{product.name}: times {low:.3f} to {high:.3f} outside its interval")
    figures = {"files": len(products), "rows": rows, "seconds covered": round(seconds, 3)}
    outcomes = [
        Outcome(name, not problems, "; ".join(problems) or CHECKS[name], figures=figures)
        for name, problems in bad.items()
    ]
    return outcomes, main
