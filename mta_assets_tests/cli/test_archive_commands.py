"""``mta archive``: status, verify, compact, collect, corrections; what is wrong is refused and nothing changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.cli import telemetry_archive as command
from mta_assets.core.flags import Quality
from mta_assets_tests.cli.house import GRID, ODD_NAME, fill, mta


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    fill(folder)
    return folder


@pytest.fixture(autouse=True)
def root(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the archive for each test: all of them change it."""
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("MTA_DATA", str(tmp_path))
    monkeypatch.setenv("MTA_MISSION", "chandra")
    monkeypatch.delenv("MTA_CATALOG_URL", raising=False)
    return tmp_path / "chandra"


@pytest.fixture
def archive(root: Path) -> Iterator[TelemetryArchive]:
    with TelemetryArchive(f"sqlite:///{root / 'catalog.sqlite'}", root / "telemetry") as opened:
        yield opened


def correct(*words: object, code: int = 0, reason: str = "a test") -> Any:
    return mta("archive", "correct", *words, "--reason", reason, "--author", "me", code=code)


def test_status_counts_what_there_is_for_people_and_machines(root: Path) -> None:
    found = mta("archive", "status", "--json").json
    assert [(one["group"], one["parameters"], one["rows"]) for one in found["groups"]] == [
        ("PCAD", 2, 300), ("THM", 2, 350), ('it\'s "odd"; DROP', 3, 3),
    ]  # fmt: skip
    assert (found["sources"], found["corrections"], found["transaction"]) == (4, 0, 4)
    files = list((root / "telemetry").rglob("*.parquet"))
    assert sum(one["files"] for one in found["tiers"]) == len(files)
    assert sum(one["bytes"] for one in found["tiers"]) == sum(path.stat().st_size for path in files)
    out = mta("archive", "status").out
    assert "2024-03-01T02:43:27" in out
    assert "7 parameters, 653 rows of 4 sources" in out


def test_verify_is_exit_status_1_if_something_is_wrong(root: Path) -> None:
    assert mta("archive", "verify", "--recompute").out == "no problems\n"
    assert mta("archive", "verify", "--json").json == []
    path = next((root / "telemetry" / "THM" / "rows").iterdir())
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    problems = mta("archive", "verify", "--json", code=1).json
    assert any(path.name in str(problem) for problem in problems)
    assert path.name in mta("archive", "verify", code=1).out.replace("\n", "")


def test_compacting_and_collecting_change_files_and_no_answer(root: Path) -> None:
    asked = ("query", "GET 1CBAT, AOPCADMD INCLUDING BAD", "--json")
    before = mta(*asked).json["tables"]
    correct("COUNT", GRID[5], GRID[9], "--bad")
    mta("archive", "uncorrect", 1, "--reason", "it leaves roll-ups that are replaced")
    assert mta("archive", "compact", "--before", "2024-02-28", "--json").json == []
    done = mta("archive", "compact", "--json").json
    assert {one["tier"] for one in done} <= {"day", "month", "year"}
    assert len(done) > 0
    assert mta("archive", "compact").out.startswith("0 compactions")
    kept = mta("archive", "collect", "--json").json
    assert kept["replaced"] == 0  # the time of grace has not passed
    assert "replaced files and 0 orphans removed" in mta("archive", "collect", "--grace", "0").out
    assert mta("archive", "verify", "--recompute").out == "no problems\n"
    assert mta(*asked).json["tables"] == before


def test_a_correction_is_made_listed_and_withdrawn(archive: TelemetryArchive) -> None:
    out = mta("archive", "correct", "count", GRID[5], "2024-03-01T00:04:00", "--bad", "--reason", "a test").out
    assert out == f"correction 1 of COUNT by {command.login()}\n"  # said by nobody: the login name
    assert correct("1CBAT", GRID[0], GRID[2], "--value", "-50.5", "--json").json == {"number": 2}
    assert correct("*", GRID[8], GRID[9], "--bad").out == "correction 3 of * by me\n"
    found = archive.snapshot().read(["COUNT", "1CBAT"], None, None)
    flags = found["COUNT"].quality
    assert flags is not None
    assert np.flatnonzero(flags & Quality.DECLARED_BAD).tolist() == [5, 6, 7, 8]
    assert found["1CBAT"].values[:3].tolist() == [-50.5, -50.5, -53.625]
    (first, second) = mta("archive", "corrections", "COUNT", "--json").json
    assert (first["number"], first["parameter"], first["kind"], first["value"]) == (1, "COUNT", "bad", None)
    assert (first["to"], first["reason"]) == ("2024-03-01T00:04:00.000", "a test")
    assert second["parameter"] == "*"
    assert len(mta("archive", "corrections", "--json").json) == 3
    words = ("archive", "uncorrect", 1, 3, "--reason", "they were good", "--author", "she")
    assert mta(*words).out == "correction 1 withdrawn by she\ncorrection 3 withdrawn by she\n"
    assert [one["number"] for one in mta("archive", "corrections", "--json").json] == [2]
    every = mta("archive", "corrections", "--all", "--json").json
    assert [(one["number"], one["by"], one["why"]) for one in every] == [
        (1, "she", "they were good"), (2, None, None), (3, "she", "they were good"),
    ]  # fmt: skip
    assert "-50.5" in mta("archive", "corrections").out
    assert archive.snapshot().read(["COUNT"], None, None)["COUNT"].quality is None


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["1CBAX", 0, 1, "--bad"], 2, "near ones are"),
        (["COUNT", "2024-02-31", "2024-03-01", "--bad"], 2, "is no date"),
        (["COUNT", 0, "1e30", "--bad"], 2, "is no time"),
        (["COUNT", 0, "nan", "--bad"], 2, "nan"),
        (["COUNT", GRID[5], GRID[5], "--bad"], 1, "expected start before stop"),
        (["COUNT", 0, 1], 2, "either --bad or --value"),
        (["COUNT", 0, 1, "--bad", "--value", "3"], 2, "either --bad or --value"),
        (["COUNT", 0, 1, "--value", "nan"], 2, "expected a number"),
        (["COUNT", 0, 1, "--value", "32768"], 1, "no value of its type, int16"),
        (["COUNT", 0, 1, "--value", "1.5"], 1, "no value of its type, int16"),
        (["AOPCADMD", 0, 1, "--value", "-1"], 1, "no value of its type, uint8"),
        (["1CBAT", 0, 1, "--value", "1e39"], 1, "no value of its type, float32"),
        (["NOTE", 0, 1, "--value", "1"], 1, "no value of its type"),
        (["*", 0, 1, "--value", "1"], 1, "needs one parameter"),
        (["COUNT", 0, 1, "--bad", "--author", " "], 2, "--author: expected printable text"),
        (["COUNT", 0, 1, "--bad", "--author", "a" * 101], 2, "at most 100 characters"),
        (["COUNT", 0, 1, "--bad", "--reason", "a\x1b[2J"], 2, "--reason: expected printable text"),
    ],
)  # fmt: skip
def test_an_impossible_correction_is_refused(words: list[object], code: int, reason: str) -> None:
    told = mta("archive", "correct", "--author", "me", "--reason", "a test", *words, code=code)
    assert reason in " ".join(told.err.replace("│", " ").split())
    assert mta("archive", "corrections", "--all", "--json").json == []


@pytest.mark.parametrize(("name", "value"), [("COUNT", "32767"), ("AOPCADMD", "255"), ("1CBAT", "3.4e38")])
def test_a_value_at_the_edge_of_its_type_is_taken(archive: TelemetryArchive, name: str, value: str) -> None:
    correct(name, GRID[0], GRID[1], "--value", value)
    assert archive.snapshot().read([name], None, GRID[1])[name].values[0] == pytest.approx(float(value), rel=1e-6)


def test_corrections_are_withdrawn_all_or_none() -> None:
    correct("COUNT", GRID[5], GRID[6], "--bad")
    told = mta("archive", "uncorrect", 1, 7, "--reason", "no", code=1)
    assert "no correction 7 that stands" in told.err
    assert len(mta("archive", "corrections", "--json").json) == 1
    assert mta("archive", "uncorrect", 1, 1, "--reason", "no", "--json").json == {"withdrawn": [1]}
    assert "no correction 1 that stands" in mta("archive", "uncorrect", 1, "--reason", "no", code=1).err


def test_names_with_quotes_can_be_corrected() -> None:
    assert correct(ODD_NAME.lower(), GRID[0], GRID[1], "--bad").out == f"correction 1 of {ODD_NAME} by me\n"
    assert len(mta("archive", "corrections", ODD_NAME, "--json").json) == 1


def test_wrong_use_is_exit_status_2() -> None:
    mta("archive", "compact", "--before", "soon", code=2)
    mta("archive", "collect", "--grace", "-1", code=2)
    mta("archive", "corrections", "1CBAX", code=2)
    mta("archive", "uncorrect", "--reason", "x", code=2)
    mta("archive", "correct", "COUNT", "0", "1", "--bad", code=2)  # no reason


def test_an_archive_that_is_not_there_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTA_DATA", str(tmp_path / "other"))
    for words in (["status"], ["verify"], ["compact"], ["collect"], ["corrections"]):
        assert "there is no archive of mission chandra" in mta("archive", *words, code=1).err
    assert not (tmp_path / "other").exists()
