"""Complete products chosen by keywords, by telemetry within their interval, and by both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mta_assets.archive.entries import ProductEntry
from mta_assets.core.errors import MtaError
from mta_assets.core.intervals import Intervals
from mta_assets.query.language import parse
from mta_assets.query.run import run
from mta_assets_tests.query.memory_source import MemorySource, samples


def entry(number: int, tstart: float, tstop: float) -> ProductEntry:
    return ProductEntry(
        number, "MAP", f"map{number}.fits", f"products/map{number}.fits", "L1", "sdp", "p", "PIPE", f"map{number}", 1,
        tstart, tstop, 10, 2880, "0" * 64, 0.0, "run", "run", True, None,
    )  # fmt: skip


class Finder(MemorySource):
    """Three products; RA is a keyword of all, SCANS of the second only."""

    products = (entry(1, 0, 50), entry(2, 50, 100), entry(3, 100, 150))

    def find_products(
        self, patterns: Sequence[str], intervals: Intervals | None, as_of: float | None = None
    ) -> Sequence[ProductEntry]:
        assert list(patterns) == ["MAP"]
        assert intervals is not None
        return [p for p in self.products if any(p.tstart < b and p.tstop > a for a, b in intervals)]

    def keyword(self, products: Sequence[ProductEntry], name: str) -> tuple[Any, Any] | None:
        if name.upper() == "RA":
            return np.array([100.0 * p.id for p in products]), np.zeros(len(products), bool)
        if name.upper() == "SCANS":
            return np.array([7 * (p.id == 2) for p in products]), np.array([p.id != 2 for p in products])
        return None


def found(text: str) -> list[int]:
    temperature = samples("T", [10, 60, 99, 100, 149, 150], [1.0, 3.0, 1.0, 5.0, 1.0, 9.0], period=10.0)
    answer = run(parse(text), [MemorySource(temperature), Finder()])
    assert answer.tables[0].columns["name"].tolist() == [f"map{p.id}.fits" for p in answer.products]
    return [p.id for p in answer.products]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET PRODUCTS MAP", [1, 2, 3]),
        ("GET PRODUCTS MAP LIMIT 2", [1, 2]),
        ("GET PRODUCTS MAP FROM 49 TO 51", [1, 2]),
        ("GET PRODUCTS MAP WHERE ra BETWEEN 150 AND 300", [2, 3]),
        ("GET PRODUCTS MAP WHERE SCANS = 7", [2]),
        ("GET PRODUCTS MAP WHERE NOT SCANS = 8", [2]),
        ("GET PRODUCTS MAP WHERE T > 2", [2, 3]),
        ("GET PRODUCTS MAP WHERE T > 6", []),
        ("GET PRODUCTS MAP WHERE T > 2 AND RA < 250", [2]),
        ("GET PRODUCTS MAP EACH TIME T > 4", [3]),
    ],
)
def test_products_are_those_that_meet_the_condition(text: str, expected: list[int]) -> None:
    assert found(text) == expected


def test_without_a_source_of_products_it_is_said() -> None:
    with pytest.raises(MtaError, match="no source of this query knows products"):
        run(parse("GET PRODUCTS MAP"), [MemorySource()])
