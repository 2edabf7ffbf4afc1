"""The half year of SPIRE, put into the platform once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets_tests.spire.house import fill


@dataclass(frozen=True)
class House:
    """Where everything is."""

    root: Path
    url: str
    archive: TelemetryArchive


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    root = tmp_path_factory.mktemp("spire")
    url = fill(root)
    with TelemetryArchive(url, root / "telemetry") as archive:
        yield House(root, url, archive)
