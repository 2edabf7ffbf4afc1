"""What the telemetry archive does with hostile names, times and columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_accept import FARTHEST
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.archive.telemetry_verify import verify
from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.core.samples import ParameterInfo
from mta_assets_tests.archive.telemetry_rows import column, group

LONG = "n" * 10_000


@pytest.fixture
def archive(url: str, tmp_path: Path) -> Iterator[TelemetryArchive]:
    with TelemetryArchive(url, tmp_path / "data" / "telemetry") as opened:
        yield opened


def put(archive: TelemetryArchive, source: str, *rows: GroupRows) -> int:
    return archive.commit(source, rows, 0.0, 1.0).transaction


# ---- names


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "a/b\\c", "'; DROP TABLE tm_groups; --", "日本 µ°é", ".", "-rf *", "%s{0}"],
)
def test_hostile_names_are_names_and_touch_nothing_outside(
    archive: TelemetryArchive, tmp_path: Path, name: str
) -> None:
    assert put(archive, name, column([1.0, 2.0], f"X{name}", where=name)) == 1
    assert archive.sources() == [name]
    assert archive.snapshot().read([f"X{name}"])[f"X{name}"].values.tolist() == [1.0, 2.0]
    assert archive.snapshot().statistics(f"X{name}", "day").n.tolist() == [2]
    assert verify(archive) == []
    files = [path for path in (tmp_path / "data").rglob("*") if path.suffix == ".parquet"]
    assert files
    assert all(path.parents[2] == archive.root for path in files)
    archive.withdraw(name, "test")
    assert archive.sources() == []


@pytest.mark.parametrize("name", ["", "a\0b", "line\nbreak", "\udc80", LONG])
def test_names_that_no_database_can_hold_are_refused_wherever_they_stand(archive: TelemetryArchive, name: str) -> None:
    for source, rows in (
        (name, column([1.0])),
        ("s", column([1.0], name)),
        ("s", column([1.0], where=name)),
    ):
        with pytest.raises(BadData, match="character"):
            put(archive, source, rows)
    assert archive.snapshot().transaction == 0


def test_a_reason_is_any_text_that_a_database_can_hold(archive: TelemetryArchive) -> None:
    rows = column([1.0])
    assert archive.commit("s", [rows], 0.0, 1.0, f"why\nnot: {LONG}").transaction == 1
    for reason in ("a\0b", "\udc80"):
        with pytest.raises(BadData, match="reason"):
            archive.withdraw("s", reason)


@pytest.mark.parametrize(("longest", "what"), [(255, "source"), (100, "group"), (200, "parameter")])
def test_names_may_be_as_long_as_the_catalog_has_room(archive: TelemetryArchive, longest: int, what: str) -> None:
    def with_length(length: int) -> tuple[str, GroupRows]:
        names = {"source": "s", "group": "G", "parameter": "X", what: "é" * length}
        return names["source"], column([1.0], names["parameter"], where=names["group"])

    assert put(archive, *with_length(longest)) == 1
    with pytest.raises(BadData, match=f"{longest + 1} characters"):
        put(archive, *with_length(longest + 1))


@pytest.mark.parametrize("name", ["time", "contribution__id", "X__q", "X__r", "*"])
def test_a_parameter_can_not_have_a_name_that_means_something_else(archive: TelemetryArchive, name: str) -> None:
    with pytest.raises(BadData, match="name"):
        put(archive, "s", column([1.0], name))


def test_names_that_differ_in_case_only_are_one_and_refused(archive: TelemetryArchive) -> None:
    infos = (ParameterInfo("Temp", "G"), ParameterInfo("TEMP", "G"))
    rows = GroupRows("G", infos, np.zeros(1, np.int64), {"Temp": np.zeros(1), "TEMP": np.zeros(1)})
    with pytest.raises(BadData, match="unique"):
        put(archive, "s", rows)


# ---- times


def rows_at(time: Any) -> GroupRows:
    time = np.asarray(time)
    return GroupRows("G", (ParameterInfo("X", "G"),), time, {"X": np.arange(len(time), dtype=float)})


@pytest.mark.parametrize(
    "time",
    [
        [0.0, 1.0], [0.0, np.nan], [0.0, np.inf], np.array([0, 2**63 + 5], np.uint64), np.array([0, 1], np.int32),
        [[0, 1]], [0, FARTHEST + 1], [-FARTHEST - 1, 0], [-(2**63), 2**63 - 1], [5, 4],
    ],
)  # fmt: skip
def test_times_that_can_not_be_are_refused(archive: TelemetryArchive, time: Any) -> None:
    with pytest.raises(BadData, match="times"):
        put(archive, "s", rows_at(time))
    assert archive.snapshot().transaction == 0


@pytest.mark.filterwarnings("ignore:.*dubious year")  # there are no leap seconds yet
def test_the_farthest_times_that_can_be_are_kept_and_found(archive: TelemetryArchive) -> None:
    put(archive, "s", rows_at([-FARTHEST, 0, FARTHEST]))
    assert archive.snapshot().read(["X"])["X"].time.tolist() == [-FARTHEST, 0, FARTHEST]
    assert archive.snapshot().statistics("X", "day").n.tolist() == [1, 1, 1]
    assert verify(archive) == []


def test_repeated_times_of_one_source_give_the_first_good_row_now_and_as_of_then(archive: TelemetryArchive) -> None:
    flags = np.array([Quality.BAD_SYNC, 0, 0, 0], np.uint8)
    put(archive, "s", group([10.0, 10.0, 10.0, 20.0], [1, 2, 3, 4], quality={"TEMP": flags}))
    now = archive.snapshot(as_of=None)
    later = archive.snapshot(as_of=9e9)
    for snapshot in (now, later):
        found = snapshot.read(["TEMP"])["TEMP"]
        assert found.times.tolist() == [10.0, 20.0]
        assert found.values.tolist() == [2.0, 4.0]
        assert snapshot.statistics("TEMP", "day").n.tolist() == [2]


@pytest.mark.parametrize("far", [np.inf, 1e30, 9.3e9])
def test_an_interval_may_reach_beyond_all_times(archive: TelemetryArchive, far: float) -> None:
    put(archive, "s", group([10.0, 20.0]))
    snapshot = archive.snapshot()
    assert len(snapshot.read(["TEMP"], -far, far)["TEMP"]) == 2
    assert len(snapshot.read_intervals(["TEMP"], np.array([[-far, 15.0], [20.0, far]]))["TEMP"]) == 2
    assert snapshot.statistics("TEMP", "hour", -far, far).n.tolist() == [2]
    assert snapshot.estimate(["TEMP"], -far, far)[0] >= 2
    assert [len(block["TEMP"]) for block in snapshot.blocks(["TEMP"], -far, far)] == [2]


def test_an_interval_that_is_none_has_no_samples_and_nan_is_refused(archive: TelemetryArchive) -> None:
    put(archive, "s", group([10.0, 20.0]))
    snapshot = archive.snapshot()
    assert len(snapshot.read(["TEMP"], 20.0, 10.0)["TEMP"]) == 0
    assert len(snapshot.statistics("TEMP", "hour", 7200.0, 0.0)) == 0
    for start, stop in ((np.nan, None), (None, np.nan)):
        with pytest.raises(BadData, match="NaN"):
            snapshot.read(["TEMP"], start, stop)
    with pytest.raises(BadData, match="NaN"):
        snapshot.read_intervals(["TEMP"], np.array([[0.0, np.nan]]))
    with pytest.raises(BadData, match="NaN"):
        snapshot.statistics("TEMP", "hour", np.nan)


@pytest.mark.parametrize("far", [np.inf, 1e30])
def test_a_correction_may_reach_over_all_times_and_its_author_over_no_limit(
    archive: TelemetryArchive, far: float
) -> None:
    put(archive, "s", group([10.0, 20.0]))
    for author, reason in (("a" * 101, "test"), ("a\0b", "test"), ("test", "\0")):
        with pytest.raises(BadData, match="100 characters, no text a NUL"):
            archive.add_correction("TEMP", 0.0, 1.0, author=author, reason=reason)
    for start, stop in ((np.nan, 1.0), (0.0, np.nan), (far, -far)):
        with pytest.raises(BadData, match="no interval"):
            archive.add_correction("TEMP", start, stop, author="test", reason="test")
    archive.add_correction("TEMP", -far, far, author="a" * 100, reason="test")
    assert archive.snapshot().read(["TEMP"])["TEMP"].bads.all()
    assert len(archive.snapshot().statistics("TEMP", "day")) == 0


# ---- columns


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(2, complex), np.zeros((2, 3)), np.zeros(2, "M8[s]"), np.array([1, "a"], object),
        np.zeros(2, np.longdouble), np.array(["a\udc80", "b"]), np.zeros(2, "V4"),
    ],
)  # fmt: skip
def test_columns_that_can_not_be_stored_are_refused_before_anything_is_written(
    archive: TelemetryArchive, values: Any
) -> None:
    with pytest.raises(BadData, match="X"):
        put(archive, "s", column(values, dtype="f8"))
    assert not archive.root.exists()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(2, dtype=">f8"), [0.0, 1.0]),
        (np.arange(2, dtype=np.float16), [0.0, 1.0]),
        (np.array([2**64 - 1, 0], np.uint64), [2**64 - 1, 0]),
        (np.array([True, False]), [True, False]),
        (np.array([b"ab", b"\xff"]), ["ab", "�"]),
        (np.array(["ab", "日本"], object), ["ab", "日本"]),
        (np.array(["", "a\0b"]), ["", "a\0b"]),
    ],
)
def test_columns_of_any_other_type_come_back(archive: TelemetryArchive, values: Any, expected: list[Any]) -> None:
    dtype = {"b": "bool", "U": "U2", "S": "U2", "O": "U2"}.get(values.dtype.kind, "f8")
    assert put(archive, "s", column(values, dtype=dtype)) == 1
    assert archive.snapshot().read(["X"])["X"].values.tolist() == expected
    assert put(archive, "s", column(values, dtype=dtype)) == 0, "the same again is nothing new"


def test_quality_raw_counts_and_periods_must_fit(archive: TelemetryArchive) -> None:
    for given, reason in (
        ({"quality": {"TEMP": np.array([0.0])}}, "uint8"),
        ({"quality": {"TEMPP": np.zeros(1, np.uint8)}}, "TEMPP"),
        ({"raw": {"TEMPP": np.zeros(1)}}, "TEMPP"),
        ({"raw": {"TEMP": np.zeros(2)}}, "1 times"),
    ):
        with pytest.raises(BadData, match=reason):
            put(archive, "s", group([10.0], **given))
    for period in (np.nan, np.inf, -1.0):
        rows = GroupRows("G", (ParameterInfo("X", "G"),), np.zeros(1, np.int64), {"X": np.zeros(1)}, period=period)
        with pytest.raises(BadData, match="period"):
            put(archive, "s", rows)
    assert archive.snapshot().transaction == 0


def test_nothing_from_a_source_that_has_given_nothing_is_no_transaction(archive: TelemetryArchive) -> None:
    assert put(archive, "s") == 0
    assert put(archive, "s", group([])) == 0
    assert archive.withdraw("nobody", "test").transaction == 0
    assert archive.snapshot().transaction == 0
    put(archive, "s", group([10.0]))
    assert put(archive, "s", group([])) == 2, "empty rows take the earlier ones back"
    assert len(archive.snapshot().read(["TEMP"])["TEMP"]) == 0
