"""The small archive of `house`, one for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mta_assets_tests.cli.house import fill


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The archive; the settings point to it."""
    folder = tmp_path_factory.mktemp("data")
    fill(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTA_DATA", str(folder))
        patch.setenv("MTA_MISSION", "chandra")
        patch.delenv("MTA_CATALOG_URL", raising=False)
        yield folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in; temporary files go to `here`/tmp."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return tmp_path
