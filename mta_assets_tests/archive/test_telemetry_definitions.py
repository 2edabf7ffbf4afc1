"""Parameters of the telemetry archive that become something else: what reads over both give, and say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets_tests.archive.telemetry_rows import column


@pytest.fixture
def archive(url: str, tmp_path: Path) -> Iterator[TelemetryArchive]:
    with TelemetryArchive(url, tmp_path / "telemetry") as opened:
        yield opened


def put(archive: TelemetryArchive, source: str, *rows: GroupRows) -> int:
    return archive.commit(source, rows, 0.0, 1.0).transaction


def both(archive: TelemetryArchive, old: GroupRows, new: GroupRows) -> tuple[Any, list[str]]:
    put(archive, "a", old)
    put(archive, "b", new)
    snapshot = archive.snapshot()
    return snapshot.read(["X"])["X"], snapshot.warnings


def test_integers_that_become_floats_are_read_as_floats_without_a_word(archive: TelemetryArchive) -> None:
    found, told = both(archive, column(np.array([1, 2], np.int16)), column([0.5], start=100.0))
    assert found.values.tolist() == [1.0, 2.0, 0.5]
    assert found.values.dtype == np.float64
    assert told == []


def test_numbers_that_become_text_are_read_as_they_are_written_and_said_to_be(archive: TelemetryArchive) -> None:
    found, told = both(archive, column([1.5, 2.0]), column(["ON"], start=100.0))
    assert found.values.tolist() == ["1.5", "2.0", "ON"]
    assert ["as numbers, and are text now" in text for text in told] == [True]
    early = archive.snapshot().read(["X"], 0.0, 50.0)["X"]
    assert early.values.tolist() == ["1.5", "2.0"]


def test_text_that_becomes_numbers_is_read_where_it_says_one_and_counted_where_not(archive: TelemetryArchive) -> None:
    found, told = both(archive, column(["1.5", "ON", "1e3"]), column([0.1], start=100.0))
    assert found.values.tolist() == [1.5, 1e3, 0.1]
    assert found.times.tolist() == [0.0, 2.0, 100.0]
    assert any("as text, and are numbers now" in text for text in told)
    assert any("1 samples are text that is no number" in text for text in told)


def test_text_that_becomes_states_is_read_as_their_codes(archive: TelemetryArchive) -> None:
    new = column(np.array([1, 0], np.uint8), start=100.0, states={0: "OFF", 1: "ON"})
    found, told = both(archive, column(["OFF", "ON", "1", "TILT", "7"]), new)
    assert found.texts.tolist() == ["OFF", "ON", "ON", "ON", "OFF"]
    assert any("2 samples" in text for text in told)


def test_rows_of_both_kinds_at_one_time_come_as_the_newest_definition_has_them(archive: TelemetryArchive) -> None:
    found, _ = both(archive, column(["1", "x"]), column([5.0, 6.0], start=0.0))
    assert found.values.tolist() == [1.0], "the row of the first source stands, and its text is no number at 1 s"
    archive.withdraw("a", "wrong")
    snapshot = archive.snapshot()
    assert snapshot.read(["X"])["X"].values.tolist() == [5.0, 6.0]
    assert snapshot.warnings == []


def test_another_unit_is_said_where_its_rows_stand_and_nowhere_else(archive: TelemetryArchive) -> None:
    found, told = both(archive, column([300.0], unit="K"), column([25.0], start=1000.0, unit="degC"))
    assert found.info.unit == "degC"
    assert found.values.tolist() == [300.0, 25.0]
    assert len(told) == 1
    assert "X: rows from 1997-12-31T23:58:56.816" in told[0]
    assert "in K, and are given as they came: the unit is degC now" in told[0]
    later = archive.snapshot()
    later.read(["X"], 500.0, None)
    assert later.warnings == []
    of_day = archive.snapshot()
    of_day.statistics("X", "day")
    assert of_day.warnings == told
    put(archive, "a", column([26.85], unit="degC"))
    mended = archive.snapshot()
    mended.read(["X"])
    assert mended.warnings == []


def test_another_name_of_a_state_is_said_and_a_further_state_is_not(archive: TelemetryArchive) -> None:
    codes = np.array([0, 1], np.uint8)
    put(archive, "a", column(codes, states={0: "OFF", 1: "ON"}))
    put(archive, "b", column(codes, start=100.0, states={0: "OFF", 1: "ON", 2: "STBY"}))
    silent = archive.snapshot()
    assert silent.read(["X"])["X"].texts.tolist() == ["OFF", "ON", "OFF", "ON"]
    assert silent.warnings == []
    put(archive, "c", column(codes, start=200.0, states={0: "ON", 1: "OFF"}))
    told = archive.snapshot()
    told.read(["X"])
    assert ["1 was ON and is OFF now" in text for text in told.warnings] == [True, True]


def test_a_definition_that_comes_again_is_the_newest_one_again(archive: TelemetryArchive) -> None:
    with TelemetryArchive(archive.engine.url.render_as_string(hide_password=False), archive.root) as reader:
        for number, unit in enumerate(["K", "degC", "K", "K", "degC", "K"]):
            put(archive, f"s{number}", column([float(number)], start=100.0 * number, unit=unit))
            info = reader.snapshot().info("X")
            assert info is not None
            assert info.unit == unit
        told = reader.snapshot()
        told.read(["X"])
        assert len(told.warnings) == 2, "degC twice, once for each time that it came"
