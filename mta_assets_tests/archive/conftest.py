"""Catalogs and telemetry archives for tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets_tests.archive.telemetry_broken import hour


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    with Catalog(url) as opened:
        yield opened


@pytest.fixture
def three_hours(tmp_path: Path) -> Iterator[TelemetryArchive]:
    """On SQLite, with three hours from three sources."""
    with TelemetryArchive(f"sqlite:///{tmp_path / 'db' / 'catalog.sqlite'}", tmp_path / "telemetry") as opened:
        for number in range(3):
            opened.commit(f"s{number}", [hour(number)], 0.0, 1.0)
        yield opened
