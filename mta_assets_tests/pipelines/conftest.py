from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mta_assets.archive.catalog import Catalog
from mta_assets.pipelines.archive_sink import ArchiveSink
from mta_assets.pipelines.registry import Registry
from mta_assets_tests.pipelines.observed import Science, observed
from mta_assets_tests.pipelines.toy import make_registry


@pytest.fixture(scope="session")
def science(tmp_path_factory: pytest.TempPathFactory) -> Science:
    """Two observations with all their products: for tests that leave them as they are."""
    return observed(tmp_path_factory.mktemp("science"))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return make_registry(tmp_path / "mission")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as opened:
        yield opened


@pytest.fixture
def sink(tmp_path: Path, catalog: Catalog) -> ArchiveSink:
    return ArchiveSink(catalog, tmp_path / "archive", "sdp")
