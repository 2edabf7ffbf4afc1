"""The command as a person types it: help, tables, JSON, exit status, one-line errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mta_assets.archive.products import write_fits
from mta_assets.cli import app
from mta_assets.core.tables import Product, Table
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.registry import load_registry
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
    command = [sys.executable, "-c", "from mta_assets.cli import main; main()", "registry", "check"]
    wrong = {**os.environ, "MTA_MISSION": "voyager"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=wrong)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "mta: no mission 'voyager': expected one of chandra, jpss, spire, or a folder with a mission.toml"
    )


def test_wrong_use_is_exit_status_2() -> None:
    assert RUNNER.invoke(app, ["pipeline", "run", "ENGINEERING", "--input", "nonsense", "--to", "x"]).exit_code == 2
    assert RUNNER.invoke(app, ["registry", "show", "NOPE"]).exit_code == 2
    assert RUNNER.invoke(app, ["registry", "check", "-m", "voyager"]).exit_code == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("pipeline", "run", "ENGINERING", "-i", "PLAYBACK=x", "--to", "out"), "near are ENGINEERING"),
        (("pipeline", "run", "ENGINEERING", "-i", "PLAYBAK=x", "--to", "out"), "its inputs are PLAYBACK"),
        (("pipeline", "run", "ENGINEERING", "-i", "PLAYBACK=x", "--to", "out", "--stream", "foo"), "no stream 'foo'"),
        (("pipeline", "run", "X", "-i", "PLAYBACK=x", "--to", "out", "-m", "foo"), "no mission 'foo'"),
        (("status", "-m", "voyager"), "no mission 'voyager'"),
        (("products", "PLAYBAK"), "near are PLAYBACK"),
        (("products", "PLAYBAK", "--stale"), "near are PLAYBACK"),
        (("products", "-p", "nope"), "no partition 'nope' in the catalog; `mta observations`"),
        (("findings", "-p", "nope"), "no partition 'nope' in the catalog; `mta observations`"),
        (("faults", "-p", "nope"), "no partition 'nope' in the catalog; `mta observations`"),
    ],
)
def test_a_name_that_nothing_has_is_wrong_use(words: tuple[str, ...], told: str) -> None:
    result = RUNNER.invoke(app, list(words))
    assert result.exit_code == 2, result.output
    assert told in " ".join(result.output.replace("│", " ").split())


def test_a_name_of_which_nothing_was_made_yet_is_an_empty_list() -> None:
    assert json.loads(mta("products", "PLAYBACK", "--json")) == []


def test_a_broken_mission_is_no_wrong_use(jpss: Path) -> None:
    (jpss / "mine").mkdir()
    (jpss / "mine" / "mission.toml").write_text("[mission")
    result = RUNNER.invoke(app, ["status", "-m", str(jpss / "mine")])
    assert result.exit_code == 1
    assert "mission.toml" in str(result.exception)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--fact", "obsid=abc"), ("obsid=abc", "a whole number")),
        (("--fact", "obsid=7", "--fact", "obi=x"), ("obi=x", "a whole number")),
        (("--to", "m.fits"), ("m.fits", "no folder")),
        (("--fact", "obsid=7", "--to", "/proc/nope"), ("/proc/nope", "No such file")),
        (("--stream", "foo"), ("'foo'", "sdp")),
    ],
)
def test_an_option_of_a_pipeline_that_can_not_be_is_exit_status_2(
    jpss: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: tuple[str, ...]
) -> None:
    monkeypatch.chdir(jpss)
    Path("m.fits").touch()
    if "--to" not in words:
        words = (*words, "--to", "out")
    source = fits_of(jpss)
    result = RUNNER.invoke(app, ["pipeline", "run", "ASPECT_OBC", "-m", "chandra", "-i", f"OSOL={source}", *words])
    assert result.exit_code == 2, result.output
    shown = " ".join(result.output.replace("│", " ").split())
    assert all(text in shown for text in told), shown
    assert not (jpss / "out").exists()


def fits_of(folder: Path) -> Path:
    """An on-board attitude that says of no observation."""
    registry = load_registry(load_mission("chandra"))
    time = Table("ASPSOL", {n: np.zeros(2) for n in ("time", "ra", "dec", "roll")} | {"q_att": np.zeros((2, 4))})
    path = folder / "pcadf000000001N001_osol1.fits"
    keywords = registry.standard_keywords(registry.product("OSOL"))
    write_fits(path, Product("OSOL", (time,), 0.0, 1.0), 8.1e8, keywords)
    return path
