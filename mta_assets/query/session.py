"""The archive of a mission, opened for a Python session, and all sources that a query may take from."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.observing import Observing
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.core.errors import ConfigError
from mta_assets.query.sources import Source
from mta_assets.settings import Settings

if TYPE_CHECKING:
    from mta_assets.query.answer import Answer

DERIVED = "derived.toml"  # derived parameters, in the mission folder


def telemetry_archive(settings: Settings | None = None) -> TelemetryArchive:
    """The telemetry archive that the settings name; the same object for the same archive.

    Raises
    ------
    ConfigError
        If there is no archive there: nothing is made by asking.
    """
    found = settings or Settings()
    url = found.database_url
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        raise ConfigError(
            f"there is no archive of mission {found.loaded_mission.name} in {found.root}: set MTA_DATA and MTA_MISSION "
            "to where one is, or take telemetry in first"
        )
    return _telemetry(url, found.telemetry)


@lru_cache(maxsize=8)
def _telemetry(url: str, root: Path) -> TelemetryArchive:
    return TelemetryArchive(url, root)


@lru_cache(maxsize=8)
def _catalogs(url: str) -> tuple[Catalog, Observing]:
    return Catalog(url), Observing(url)


def sources(settings: Settings | None = None, archive: TelemetryArchive | None = None) -> list[Source]:
    """All sources of a mission in the order that names are looked for; made anew for each query.

    With ``archive``, that telemetry archive alone.
    """
    from mta_assets.query.derived import DerivedSource, load_derived
    from mta_assets.query.telemetry_source import TelemetrySource

    if archive is not None:
        return [TelemetrySource(archive)]
    found = settings or Settings()
    base: list[Source] = [TelemetrySource(telemetry_archive(found)), *_others(found)]
    return [*base, DerivedSource(load_derived(found.loaded_mission.folder / DERIVED), base)]


def _others(settings: Settings) -> list[Source]:
    from mta_assets.query.command_source import CommandSource
    from mta_assets.query.dictionary_source import DictionarySource
    from mta_assets.query.interval_source import IntervalSource
    from mta_assets.query.observation_source import ObservationSource
    from mta_assets.query.position_source import PositionSource
    from mta_assets.query.product_source import ProductSource

    catalog, observing = _catalogs(settings.database_url)
    mission = settings.loaded_mission
    return [
        ObservationSource(observing),
        IntervalSource(observing),
        CommandSource(observing),
        ProductSource(catalog),
        DictionarySource(mission),
        PositionSource(catalog, mission),
    ]


def context(answer: Answer, settings: Settings) -> dict[str, Any]:
    """What timelines of an answer show besides the samples: the limits of the mission, and why there are gaps.

    Only of samples as they came: what was sampled or filtered by the query has gaps of its own.
    """
    from mta_assets.monitors.limit_table import load_limits
    from mta_assets.query.gaps import causes_of, explained
    from mta_assets.query.plots.series import gaps_of, series_of

    found: dict[str, Any] = {}
    monitor = settings.loaded_mission.file.monitor
    if monitor is not None:
        found["limits"] = load_limits(settings.loaded_mission.path(monitor.limits))
    asked = answer.query
    if asked.where is None and not asked.windows and asked.sampling.every is None and asked.alignment is None:
        series = series_of(answer)
        catalog, _ = _catalogs(settings.database_url)
        causes = causes_of(telemetry_archive(settings), catalog, [one.name for one in series])
        found["gaps"] = {
            one.name: explained(gaps_of(one.good()), causes[one.name]) for one in series if one.name in causes
        }
    return found
