"""The command as a person types it: help, tables, JSON, exit status, one-line errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mta_assets.cli import app
from mta_assets_tests.defs.packets import playback_bytes, playback_name

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def jpss(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("MTA_MISSION", "jpss")
    monkeypatch.setenv("MTA_DATA", str(tmp_path / "data"))
    return tmp_path


def mta(*words: str) -> str:
    result = RUNNER.invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    "words",
    [
        (), ("decom",), ("simulate",), ("ingest",), ("status",), ("registry",),
        ("registry", "show"), ("pipeline", "run"),
        ("limits", "import"), ("settings",), ("products",), ("findings",), ("faults",), ("demo",),
    ],
)  # fmt: skip
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    assert "Usage" in mta(*words, "--help")


def test_the_registry_is_shown_and_checked_for_people_and_machines() -> None:
    assert "no problems" in mta("registry", "check")
    shown = json.loads(mta("registry", "show", "--json"))
    assert {"PLAYBACK_RECORD", "ENGINEERING"} <= {p["pipe id"] for p in shown["pipelines"]}
    (pipeline,) = json.loads(mta("registry", "show", "ENGINEERING"))
    assert pipeline["inputs"] == ["PLAYBACK"]


def test_a_wrong_registry_is_exit_status_1_with_the_problem(jpss: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    from mta_assets.missions.load import BUILT_IN

    folder = jpss / "mine"
    shutil.copytree(BUILT_IN / "jpss", folder)
    path = folder / "registry" / "level0.toml"
    path.write_text(path.read_text().replace("level0.packets:extract", "level0.packets:extrakt"))
    monkeypatch.setenv("MTA_MISSION", str(folder))
    result = RUNNER.invoke(app, ["registry", "check"])
    assert result.exit_code == 1
    assert "extrakt" in result.output


def test_a_pipeline_runs_on_a_given_file_without_scheduler_or_archive(jpss: Path) -> None:
    file = jpss / playback_name(1)
    file.write_bytes(playback_bytes())
    words = ("pipeline", "run", "ENGINEERING", "--input", f"PLAYBACK={file}", "--to", str(jpss / "out"), "--json")
    summary = json.loads(mta(*words))
    assert summary["outcome"] == "done"
    assert summary["products"][0]["rows"] == 120
    assert (jpss / "out" / summary["products"][0]["name"]).is_file()
    assert Path(summary["log"]).is_file()
    assert not (jpss / "data" / "jpss" / "archive").exists()


def test_a_file_that_is_put_in_lies_whole_in_the_incoming_folder(jpss: Path) -> None:
    file = jpss / playback_name(1)
    file.write_bytes(playback_bytes())
    (target,) = json.loads(mta("ingest", str(file), "--json"))
    assert Path(target).read_bytes() == file.read_bytes()
    assert Path(target + ".sha256").is_file()
    assert json.loads(mta("status", "--json"))["playbacks"] == []


def test_settings_are_printed_with_their_meaning() -> None:
    rows = {row["variable"]: row["value"] for row in json.loads(mta("settings", "--json"))}
    assert rows["MTA_MISSION"] == "jpss"


def test_an_error_is_one_line_and_exit_status_1_without_a_stack_trace(jpss: Path) -> None:
    command = [sys.executable, "-c", "from mta_assets.cli import main; main()", "registry", "check", "-m", "voyager"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "mta: no mission 'voyager': expected one of chandra, jpss, spire, or a folder with a mission.toml"
    )


def test_wrong_use_is_exit_status_2() -> None:
    assert RUNNER.invoke(app, ["pipeline", "run", "ENGINEERING", "--input", "nonsense", "--to", "x"]).exit_code == 2
    assert RUNNER.invoke(app, ["registry", "show", "NOPE"]).exit_code == 2
