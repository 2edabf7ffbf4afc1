"""Whatever the order in which playbacks come, the archive ends in the same state."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_compact import compact
from mta_assets.core.flags import Quality
from mta_assets.core.samples import nanosecond
from mta_assets.core.statistics import WIDTHS
from mta_assets_tests.archive.telemetry_rows import group

DAY = 86400.0
STATISTICS = ("bucket", "n", "min", "max", "mean", "tmean", "std", "first", "last")


def playback(number: int) -> Any:
    """Rows of one of five playbacks over two days: they overlap, share border rows, and have gaps and bad samples."""
    rng = np.random.default_rng(number)
    start, stop = [(0.0, 4e4), (39990.0, 8e4), (5e4, 9e4), (9e4, 14e4), (2e4, 3e4)][number]
    times = np.arange(start, stop, 250.0) + (1.2e-7 if number == 2 else 0.0)
    times = times[rng.random(len(times)) > 0.1]
    quality = rng.choice(np.array([0, 0, 0, Quality.MISSING, Quality.BAD_CHECKSUM], np.uint8), len(times))
    temp = np.where(quality == Quality.MISSING, np.nan, 20 + np.cos(times / 7e3) + rng.normal(0, 0.1, len(times)))
    return group(times, temp, rng.integers(0, 3, len(times)), quality={"TEMP": quality})


def answers(archive: TelemetryArchive) -> list[bytes]:
    snapshot = archive.snapshot()
    found = snapshot.read(["TEMP", "MODE"], raw=True)
    parts = [a.tobytes() for s in found.values() for a in (s.time, s.values, s.bads)]
    for name in found:
        for width in WIDTHS:
            statistics = snapshot.statistics(name, width)
            parts += [np.asarray(getattr(statistics, key)).tobytes() for key in STATISTICS]
            parts += [statistics.counts[code].tobytes() for code in sorted(statistics.counts)]
    return parts


def _archive(folder: Path) -> TelemetryArchive:
    return TelemetryArchive(f"sqlite:///{folder}/c.sqlite", folder / "t")


def filled(orders: list[tuple[str, int]]) -> list[bytes]:
    """What an archive answers after playbacks came, came again, were compacted, in this order."""
    with tempfile.TemporaryDirectory() as folder, _archive(Path(folder)) as archive:
        for action, number in orders:
            if action == "compact":
                before = answers(archive)
                compact(archive, nanosecond(5 * DAY))
                assert answers(archive) == before
            else:
                archive.commit(f"p{number}", [playback(number)], 0.0, 1.0)
        compact(archive, nanosecond(400 * DAY))
        return answers(archive)


IN_ORDER: list[bytes] = []


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    order=st.permutations(range(5)),
    again=st.lists(st.integers(0, 4), max_size=3),
    compacted=st.lists(st.integers(1, 7), max_size=2),
)
def test_any_order_with_repeats_and_compactions_ends_in_the_same_answers(
    order: list[int], again: list[int], compacted: list[int]
) -> None:
    if not IN_ORDER:
        IN_ORDER.extend(filled([("put", number) for number in range(5)]))
    actions = [("put", number) for number in [*order, *again]]
    for place in compacted:
        actions.insert(place, ("compact", 0))
    assert filled(actions) == IN_ORDER
