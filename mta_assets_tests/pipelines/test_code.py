"""The code version of a pipeline follows everything its tools are made of, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from mta_assets.missions.load import load_mission
from mta_assets.pipelines import code
from mta_assets.pipelines.registry import load_registry


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch):
    """Make the source of one module of the package look different."""

    def change(*parts: str) -> None:
        real = Path.read_bytes
        target = code.PACKAGE.joinpath(*parts)
        assert target.is_file()
        monkeypatch.setattr(Path, "read_bytes", lambda self: real(self) + (b"#" if self == target else b""))
        code._module_version.cache_clear()

    yield change
    code._module_version.cache_clear()


def versions() -> dict[str, str]:
    code._module_version.cache_clear()
    return {p.id: code.code_version(p) for p in load_registry(load_mission("chandra")).pipelines.values()}


def test_a_change_deep_below_a_tool_changes_its_pipelines_version_and_no_other(changed) -> None:
    before = versions()
    changed("telemetry", "hrc_events.py")
    after = {p.id: code.code_version(p) for p in load_registry(load_mission("chandra")).pipelines.values()}
    assert [name for name in before if before[name] != after[name]] == ["HDE"]


def test_a_change_of_the_core_changes_every_version(changed) -> None:
    before = versions()
    changed("core", "tables.py")
    after = {p.id: code.code_version(p) for p in load_registry(load_mission("chandra")).pipelines.values()}
    assert all(before[name] != after[name] for name in before)


def test_without_a_change_the_version_is_the_same() -> None:
    assert versions() == versions()
