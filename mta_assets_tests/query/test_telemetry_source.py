"""The telemetry archive as a source: one snapshot, whole queries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.samples import ParameterInfo, to_nanoseconds
from mta_assets.query.language import parse
from mta_assets.query.run import run
from mta_assets.query.telemetry_source import TelemetrySource

TIMES = np.arange(0, 4000, 8.0)
VALUES = np.round(np.sin(TIMES / 200) * 10, 1)


def commit(archive: TelemetryArchive, source: str, times: np.ndarray, values: np.ndarray) -> None:
    info = ParameterInfo("TEMP", "THM", "f8", "K", period=8.0)
    bad = {"TEMP": np.where(np.arange(len(times)) == 3, 64, 0).astype(np.uint8)}
    rows = GroupRows("THM", (info,), to_nanoseconds(times), {"TEMP": values}, {}, bad, 8.0)
    archive.commit(source, [rows], float(times[0]), float(times[-1]) + 8)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[TelemetryArchive]:
    with TelemetryArchive(f"sqlite:///{tmp_path / 'catalog.sqlite'}", tmp_path / "telemetry") as made:
        commit(made, "first", TIMES, VALUES)
        yield made


def test_queries_take_their_samples_from_the_archive(archive: TelemetryArchive) -> None:
    (table,) = run(parse("GET temp FROM 16 TO 48"), [TelemetrySource(archive)]).tables
    assert table.times.tolist() == [16, 32, 40]  # 24 s is not good
    np.testing.assert_array_equal(table.columns["TEMP"], VALUES[[2, 4, 5]])
    good = np.arange(len(TIMES)) != 3
    (warm,) = run(parse("GET TEMP WHERE TEMP > 9"), [TelemetrySource(archive)]).tables
    np.testing.assert_array_equal(warm.times, TIMES[good & (VALUES > 9)])


def test_the_archives_roll_ups_give_what_the_samples_give(archive: TelemetryArchive) -> None:
    summed = run(parse("GET TEMP EVERY 328 s ALL STATISTICS FROM 100 TO 3900.5"), [TelemetrySource(archive)])
    assert summed.plan.rollup == "5min"
    plain = run(
        parse("GET TEMP EVERY 328 s ALL STATISTICS FROM 100 TO 3900.5 WHERE TEMP > -99"), [TelemetrySource(archive)]
    )
    assert plain.plan.rollup is None
    (one,), (other,) = summed.tables, plain.tables
    assert one.time.tolist() == other.time.tolist()
    for name, values in other.columns.items():
        np.testing.assert_allclose(one.columns[name], values, rtol=1e-12, atol=1e-13, err_msg=name)
        assert one.columns[name].dtype == values.dtype


def test_a_source_sees_one_state_of_the_archive(archive: TelemetryArchive) -> None:
    source = TelemetrySource(archive)
    before = len(source.read(["TEMP"], None)["TEMP"])
    commit(archive, "second", TIMES + 4000, VALUES)
    assert len(source.read(["TEMP"], None)["TEMP"]) == before
    assert len(TelemetrySource(archive).read(["TEMP"], None)["TEMP"]) == 2 * before


def test_estimates_are_upper_bounds_also_of_many_intervals(archive: TelemetryArchive) -> None:
    source = TelemetrySource(archive)
    few, many = np.array([[100.0, 200.0]]), np.array([[t, t + 16.0] for t in range(0, 4000, 100)], float)
    for intervals in (None, few, many):
        rows, size = source.estimate(["TEMP"], intervals)
        assert rows >= len(source.read(["TEMP"], intervals)["TEMP"]) > 0
        assert size >= 16 * rows - len(many) * 16
    assert source.span(["TEMP"]) is not None
