"""A mission is a folder of data, and a wrong one is refused with words that help."""

from __future__ import annotations

from pathlib import Path

import pytest

from mta_assets.core.errors import ConfigError
from mta_assets.missions.load import built_in_missions, load_mission
from mta_assets.settings import Settings

MINIMAL = (
    '[mission]\nname = "spire"\ntitle = "t"\ntelescope = "HERSCHEL"\n[telemetry]\nkind = "ccsds"\ndictionary = "x"\n'
)


def test_the_built_in_missions_load() -> None:
    assert {load_mission(name).kind for name in built_in_missions()} == {"vcdu", "ccsds"}


def test_a_mission_may_be_a_folder_outside_the_package(tmp_path: Path) -> None:
    (tmp_path / "mission.toml").write_text(MINIMAL)
    mission = load_mission(tmp_path)
    assert mission.name == "spire"
    with pytest.raises(ConfigError, match="does not exist"):
        mission.path("odb")
    with pytest.raises(ConfigError, match=r"no \[frame\] section"):
        _ = mission.frame


def test_an_unknown_key_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "mission.toml").write_text(MINIMAL.replace("title", "titel"))
    with pytest.raises(ConfigError, match=r"unknown key 'mission\.titel'; known there: name, owner, telescope, title"):
        load_mission(tmp_path)


def test_an_unknown_mission_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="chandra, jpss"):
        load_mission("voyager")


def test_a_syntax_error_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "mission.toml").write_text("[mission\n")
    with pytest.raises(ConfigError, match=r"mission\.toml"):
        load_mission(tmp_path)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MTA_MISSION", "jpss")
    monkeypatch.setenv("MTA_DATA", str(tmp_path))
    settings = Settings()
    assert settings.root == tmp_path / "jpss"
    assert settings.database_url == f"sqlite:///{tmp_path}/jpss/catalog.sqlite"


def test_writers_of_a_table_that_can_be_none_are_refused(tmp_path: Path) -> None:
    for name in ("scal2", "TREND_SCAL2", "9"):
        (tmp_path / "mission.toml").write_text(f'{MINIMAL}[trends.tables]\n"{name}" = ["me"]\n')
        assert load_mission(tmp_path).file.trends.tables == {name: ["me"]}
    for name in ("SCAL 2", "", "TREND.SCAL2", "X" * 61):
        (tmp_path / "mission.toml").write_text(f'{MINIMAL}[trends.tables]\n"{name}" = ["me"]\n')
        with pytest.raises(ConfigError, match="no trend table can be called"):
            load_mission(tmp_path)
