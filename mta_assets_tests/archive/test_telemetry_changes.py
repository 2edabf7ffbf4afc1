"""What has changed in the telemetry archive since a transaction, and the rows of one source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_changes import Changes, _merged, changes_since, rows_of_source
from mta_assets.archive.telemetry_compact import compact
from mta_assets.core.samples import nanosecond
from mta_assets_tests.archive.telemetry_rows import column, group

NS = 1e-9  # [s] a row covers the nanosecond in which it stands


@pytest.fixture
def archive(url: str, tmp_path: Path) -> Iterator[TelemetryArchive]:
    with TelemetryArchive(url, tmp_path / "telemetry") as opened:
        opened.commit("a", [group([10.0, 20.0])], 0.0, 1.0)
        opened.commit("b", [group([100.0, 200.0])], 0.0, 1.0)
        yield opened


def spans(archive: TelemetryArchive, since: int, without: str = "") -> list[tuple[float, float]]:
    found = changes_since(archive, since, without)
    assert found.newest == archive.snapshot().transaction
    return [(round(start, 6), round(stop, 6)) for start, stop in found.spans]


def test_nothing_has_changed_since_the_newest_transaction(archive: TelemetryArchive) -> None:
    assert changes_since(archive, 2) == Changes(2, ())
    assert changes_since(archive, 99) == Changes(2, ()), "a number from elsewhere lies ahead"


def test_an_empty_archive_has_not_changed(url: str, tmp_path: Path) -> None:
    with TelemetryArchive(url, tmp_path / "none") as archive:
        assert changes_since(archive, 0) == Changes(0, ())


def test_each_commit_counts_with_the_stretch_of_its_rows(archive: TelemetryArchive) -> None:
    assert spans(archive, 0) == [(10.0, 20.0), (100.0, 200.0)]
    assert spans(archive, 1) == [(100.0, 200.0)]


def test_rows_that_went_count_like_rows_that_came(archive: TelemetryArchive) -> None:
    archive.commit("a", [group([15.0, 60.0])], 0.0, 1.0)
    assert spans(archive, 2) == [(10.0, 60.0)], "those from 10 s to 20 s went, those from 15 s to 60 s came"
    archive.withdraw("b", "wrong")
    assert spans(archive, 3) == [(100.0, 200.0)]


def test_the_same_rows_again_and_a_compaction_change_nothing(archive: TelemetryArchive) -> None:
    archive.commit("a", [group([10.0, 20.0])], 0.0, 1.0)
    assert spans(archive, 2) == []
    assert compact(archive, nanosecond(40 * 86400.0))
    assert spans(archive, 2) == []


def test_a_correction_counts_when_it_is_made_and_when_it_is_withdrawn(archive: TelemetryArchive) -> None:
    number = archive.add_correction("TEMP", 15.0, 150.0, author="me", reason="test")
    assert spans(archive, 2) == [(15.0, 150.0)]
    archive.withdraw_correction(number, "me", "test")
    assert spans(archive, 3) == [(15.0, 150.0)]


def test_a_correction_of_all_times_counts_as_far_as_there_are_rows(archive: TelemetryArchive) -> None:
    archive.add_correction("*", -1e8, 1e9, author="me", reason="test")
    assert spans(archive, 2) == [(10.0, 200.0)]
    archive.add_correction("*", 1e6, 1e9, author="me", reason="test")
    assert spans(archive, 3) == []


def test_a_single_row_lies_within_its_stretch_and_the_last_one_too(archive: TelemetryArchive) -> None:
    for number, times in enumerate(([8e8], [8.1e8, 8.2e8])):
        archive.commit(f"late {number}", [group(times)], 0.0, 1.0)
        ((start, stop),) = changes_since(archive, 2 + number).spans
        assert start <= times[0] <= times[-1] < stop


def test_groups_can_be_left_out_by_the_beginning_of_their_names(archive: TelemetryArchive) -> None:
    archive.commit("t", [column([1.0, 2.0], "TREND_A.X", start=500.0, where="TREND_A")], 0.0, 1.0)
    archive.commit("u", [column([1.0], "TRENDY.X", start=700.0, where="TRENDY")], 0.0, 1.0)
    archive.add_correction("TREND_A.X", 500.0, 501.0, author="me", reason="test")
    assert spans(archive, 2, "TREND_") == [(700.0, 700.0)], "the _ stands for itself"
    assert spans(archive, 2) == [(500.0, 501.0), (700.0, 700.0)]


def test_stretches_that_touch_are_one_and_come_in_order_of_time() -> None:
    assert _merged([(5.0, 6.0), (1.0, 3.0), (3.0, 4.0), (1.5, 2.0)]) == ((1.0, 4.0), (5.0, 6.0))
    assert _merged([(1.0, 2.0), (2.0 + NS, 3.0)]) == ((1.0, 2.0), (2.0 + NS, 3.0))
    assert _merged([]) == ()


def test_the_rows_of_a_source_are_those_that_it_gave_whatever_others_gave(archive: TelemetryArchive) -> None:
    flags = np.array([4, 0], np.uint8)
    archive.commit("c", [group([20.0, 30.0], [7.0, 8.0], quality={"TEMP": flags})], 0.0, 1.0)
    found = rows_of_source(archive, "c", "T1ENG")
    assert found is not None
    assert (found.time / 1e9).tolist() == [20.0, 30.0]
    assert found.values["TEMP"].tolist() == [7.0, 8.0]
    assert found.quality["TEMP"].tolist() == [4, 0]
    first = rows_of_source(archive, "a", "T1ENG")
    assert first is not None
    assert first.values["TEMP"].tolist() == [10.0, 20.0]
    compact(archive, nanosecond(40 * 86400.0))
    again = rows_of_source(archive, "c", "T1ENG")
    assert again is not None
    assert again.values["TEMP"].tolist() == [7.0, 8.0]


def test_a_source_that_gave_nothing_to_a_group_has_no_rows(archive: TelemetryArchive) -> None:
    assert rows_of_source(archive, "nobody", "T1ENG") is None
    assert rows_of_source(archive, "a", "NOGROUP") is None
    archive.withdraw("a", "test")
    assert rows_of_source(archive, "a", "T1ENG") is None
