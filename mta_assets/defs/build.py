"""Settings → Dagster definitions: tests build their own for a temporary folder, the deployment from the environment."""

from __future__ import annotations

import dagster as dg

from mta_assets.defs.automation import build_playback_job, build_playback_sensor
from mta_assets.defs.daily import build_calendar
from mta_assets.defs.delivery import build_delivery_sensor
from mta_assets.defs.factory import build_assets, build_raw_assets
from mta_assets.defs.observations import build_observations
from mta_assets.defs.upkeep import build_upkeep_job, build_upkeep_schedule
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """Everything the code location offers for the mission that the settings name."""
    platform = Platform(settings)
    assets = build_assets(platform)
    job = build_playback_job(platform, assets)
    observations = build_observations(platform)
    calendar = build_calendar(platform)
    upkeep = build_upkeep_job(platform)
    return dg.Definitions(
        assets=[*assets, *build_raw_assets(platform), *observations.assets, *calendar.assets],
        jobs=[job, *observations.jobs, *calendar.jobs, upkeep],
        sensors=[
            build_playback_sensor(platform, job),
            *build_delivery_sensor(platform),
            *observations.sensors,
            *calendar.sensors,
        ],
        schedules=[*calendar.schedules, build_upkeep_schedule(platform, upkeep)],
    )
