"""The half year of SPIRE, put into the platform once for all tests, and the way to ask it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.observing import Observing
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.missions.load import load_mission
from mta_assets.query.answer import Answer
from mta_assets.query.derived import DerivedSource, load_derived
from mta_assets.query.language import parse
from mta_assets.query.observation_source import ObservationSource
from mta_assets.query.product_source import ProductSource
from mta_assets.query.run import run
from mta_assets.query.telemetry_source import TelemetrySource
from mta_assets_tests.spire.ask import Ask
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


@pytest.fixture
def ask(house: House) -> Iterator[Ask]:
    """Parses and runs a query on all sources of the house."""
    declared = load_derived(load_mission("spire").folder / "derived.toml")
    with Catalog(house.url) as catalog, Observing(house.url) as observing:

        def answer(text: str, now: float | None = None) -> Answer:
            sources = [TelemetrySource(house.archive), ObservationSource(observing), ProductSource(catalog)]
            return run(parse(text, now), [*sources, DerivedSource(declared, sources)])

        yield answer
