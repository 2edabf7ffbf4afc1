"""The benchmark of HRC level 1 runs on few events, and its peer finds the same places."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import bench_hrc_level1 as bench
from mta_assets.core.tables import Table, concatenate
from mta_assets.level1 import hrc_events


@pytest.mark.parametrize("detector", ["HRC-I", "HRC-S"])
def test_the_plain_implementation_finds_the_same_sky_positions(detector: str) -> None:
    table, drifting = bench.level0(5000, detector), bench.attitude(30.0)
    solution = Table("ASPSOL", {name: drifting[name] for name in ("time", "q_att")})
    ours = concatenate(hrc_events.stream([table], bench.setup(detector, solution)))
    plain = bench.astropy_sky(table, solution, detector)
    off = np.hypot(ours["x"] - plain[0], ours["y"] - plain[1])
    print(f"{detector}: at most {off.max():.4f} px apart")
    assert off.max() < 0.02  # single precision of the columns and the interpolation of angles


def test_the_benchmark_measures_what_it_says() -> None:
    rows = bench.run(events=20_000, repeats=1)
    assert len(rows) == 5
    assert all(row.value > 0 for row in rows)
    assert "peak memory of 200,000 events" in rows[-1].what
