"""Which days and weeks are made again after a change: the bins, observations and blocks that it touches say so."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.core.times import from_utc
from mta_assets.pipelines.batch_check import TOOL
from mta_assets.pipelines.calendar import interval_of, keys_between, whole_bins
from mta_assets.pipelines.late import Marks, _widened, affected
from mta_assets_tests.archive.telemetry_rows import group


class Standing:
    """What `affected` asks of a platform: a registry with one batch query, an archive, a catalog without products."""

    def __init__(self, archive: TelemetryArchive, query: str) -> None:
        step = SimpleNamespace(tool=TOOL, params={"query": query})
        other = SimpleNamespace(tool="elsewhere:tool", params={})
        pipeline = SimpleNamespace(
            profile=(other, step), inputs=("TELEMETRY",), optional_inputs=(), outputs=(), streams=("sdp",)
        )
        self.registry = SimpleNamespace(pipelines_of=lambda kind: [pipeline])
        self.telemetry = archive
        self.catalog = SimpleNamespace(products=lambda **asked: [])


def asked(tmp_path: Path, query: str, *times: str, kind: str = "day") -> list[str]:
    with TelemetryArchive(f"sqlite:///{tmp_path / 'c.sqlite'}", tmp_path / "telemetry") as archive:
        archive.commit("a", [group([from_utc(text) for text in times])], 0.0, 1.0)
        platform: Any = Standing(archive, query)
        keys, marks = affected(platform, kind, Marks())
        assert affected(platform, kind, marks) == ([], marks)
        return keys


@pytest.mark.parametrize(
    ("query", "first", "last", "days"),
    [
        # Hours of TT begin 69.2 s before those of UTC in 2024; a row belongs to the day of the middle of its bin.
        ("GET X EVERY 1 HOUR MEAN", "2024-03-02T00:00:00", "2024-03-02T10:00:00", ["2024-03-02"]),
        ("GET X EVERY 1 HOUR MEAN", "2024-03-01T23:58:40", "2024-03-01T23:58:50", ["2024-03-01"]),
        ("GET X EVERY 1 HOUR MEAN", "2024-03-01T23:59:00", "2024-03-01T23:59:10", ["2024-03-01", "2024-03-02"]),
        ("GET X EVERY 1 DAY MEAN", "2024-03-01T23:59:00", "2024-03-02T12:00:00", ["2024-03-01", "2024-03-02"]),
        ("GET X", "2024-03-02T00:00:00", "2024-03-02T10:00:00", ["2024-03-02"]),
        ("GET X", "2024-03-01T23:59:00", "2024-03-02T00:00:01", ["2024-03-01", "2024-03-02"]),
        ("GET X", "2024-03-01T23:59:00", "2024-03-02T00:00:00", ["2024-03-01", "2024-03-02"]),
        ("GET X", "2024-03-02T00:00:00", "2024-03-02T00:00:00", ["2024-03-02"]),
    ],
)
def test_a_change_asks_for_the_days_of_the_rows_that_it_touches(
    tmp_path: Path, query: str, first: str, last: str, days: list[str]
) -> None:
    assert asked(tmp_path, query, first, last) == days


@pytest.mark.parametrize("every", ["OBSERVATION", "BLOCK"])
def test_what_may_have_begun_the_days_before_asks_for_these_days_as_well(tmp_path: Path, every: str) -> None:
    query = f"GET X EVERY {every} MEAN"
    days = ["2024-03-01", "2024-03-02", "2024-03-03"]
    assert asked(tmp_path, query, "2024-03-03T01:00:00", "2024-03-03T02:00:00") == days
    assert asked(tmp_path / "week", query, "2024-03-05T01:00:00", "2024-03-05T02:00:00", kind="week") == [
        "2024-02-26", "2024-03-04",
    ]  # fmt: skip


def test_a_query_that_can_not_be_understood_asks_for_the_days_of_the_data(tmp_path: Path) -> None:
    assert asked(tmp_path, "GTE X", "2024-03-02T01:00:00", "2024-03-02T02:00:00") == ["2024-03-02"]


@pytest.mark.parametrize("text", [None, "", "nonsense", "[1]", '{"transaction": "x"}', '{"other": 1}', "3"])
def test_a_cursor_that_is_none_begins_anew(text: str | None) -> None:
    assert Marks.from_json(text) == Marks(0, 0)


def test_a_cursor_keeps_how_far_it_was_looked() -> None:
    assert Marks.from_json(Marks(7, 9).to_json()) == Marks(7, 9)


def test_marks_that_lie_ahead_of_the_archive_are_of_another_one_and_all_is_new(tmp_path: Path) -> None:
    with TelemetryArchive(f"sqlite:///{tmp_path / 'c.sqlite'}", tmp_path / "telemetry") as archive:
        archive.commit("a", [group([from_utc("2024-03-02T01:00:00")])], 0.0, 1.0)
        platform: Any = Standing(archive, "GET X")
        assert affected(platform, "day", Marks(99, 99)) == (["2024-03-02"], Marks(1, 0))


@pytest.mark.parametrize(
    ("start", "stop", "first", "last"),
    [
        (0.0, 1.0, 5.0, 5.0), (9.0, 11.0, 5.0, 15.0), (10.0, 20.0, 15.0, 15.0), (10.0, 10.0, 15.0, 15.0),
        (-1.0, 0.5, -5.0, 5.0),
    ],
)  # fmt: skip
def test_a_stretch_is_widened_to_the_middles_of_its_bins(start: float, stop: float, first: float, last: float) -> None:
    low, high = _widened(start, stop, 10.0)
    assert low == first
    assert last < high <= last + 0.01


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    st.floats(8.0e8, 8.3e8), st.floats(0.0, 3e5), st.sampled_from([60.0, 328.0, 3600.0, 25000.0, 86400.0]),
    st.sampled_from(["day", "week"]),
)  # fmt: skip
def test_the_owner_of_every_bin_that_is_touched_is_asked_for_and_nobody_else(
    start: float, length: float, every: float, kind: str
) -> None:
    stop = start + length + 1e-6
    keys = list(keys_between(kind, *_widened(start, stop, every)))
    for key in keys:
        low, high = whole_bins(*interval_of(kind, key), every)
        assert low < stop
        assert start < high, f"{key} has no bin that was touched"
    owned = [whole_bins(*interval_of(kind, key), every) for key in keys]
    assert owned[0][0] <= start
    assert stop <= owned[-1][1] + 1e-3
