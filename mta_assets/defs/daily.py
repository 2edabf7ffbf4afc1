"""Days and weeks: their assets, the job and the nightly schedule, and the sensor that asks for them again.

A day is made the night after it. What comes later (a late playback, a reprocessing, a correction) changes the archive
or the catalog; the sensor sees that, finds the days and weeks that it touches, and requests them again.
"""

# No postponed annotations here: Dagster looks at the type of `context` itself.

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg

from mta_assets.core import times
from mta_assets.defs.factory import BACKGROUND, MAX_PARTITIONS_PER_RUN, build_assets
from mta_assets.pipelines.calendar import CALENDAR, first_key, last_ended
from mta_assets.pipelines.late import Marks, affected
from mta_assets.pipelines.platform import Platform

CRON = {"day": "30 0 * * *", "week": "40 0 * * 1"}  # by the clock of the operations centre
NAMES = {"day": "daily", "week": "weekly"}
LOOK_SECONDS = 30  # a playback comes into the archive in several transactions: they are looked at together
LOW = {"dagster/priority": "-5", BACKGROUND: "calendar"}  # a playback that comes in goes first
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@dataclass
class Calendar:
    """What is defined for the days and weeks of a mission."""

    assets: list[dg.AssetsDefinition] = field(default_factory=list)
    jobs: list[Any] = field(default_factory=list)
    schedules: list[dg.ScheduleDefinition] = field(default_factory=list)
    sensors: list[dg.SensorDefinition] = field(default_factory=list)


def build_calendar(platform: Platform) -> Calendar:
    """Everything for the kinds of partition that the registry has pipelines of."""
    made = Calendar()
    for kind in CALENDAR:
        assets = build_assets(platform, kind)
        if not assets:
            continue
        job = dg.define_asset_job(
            NAMES[kind],
            selection=dg.AssetSelection.assets(*[key for asset in assets for key in asset.keys]),
            executor_def=dg.in_process_executor,
            description=f"All products of one {kind}.",
            tags={"mta/job": NAMES[kind]},
        )
        made.assets += assets
        made.jobs.append(job)
        made.schedules.append(_schedule(platform, kind, job))
        made.sensors.append(_sensor(platform, kind, job))
    return made


def _schedule(platform: Platform, kind: str, job: Any) -> dg.ScheduleDefinition:
    first = first_key(kind, platform.mission.file.trends.start)

    @dg.schedule(
        name=f"{platform.mission.name}_{NAMES[kind]}",
        job=job,
        cron_schedule=CRON[kind],
        execution_timezone=platform.mission.file.trends.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"The {kind} of UTC that ended last.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        key = last_ended(kind, times.from_datetime(context.scheduled_execution_time))
        if key < first:
            return dg.SkipReason(f"nothing to do: no {kind} of {platform.mission.name} has ended yet")
        return dg.RunRequest(run_key=f"{job.name} {key}", partition_key=key, tags=LOW)

    return nightly


def _sensor(platform: Platform, kind: str, job: Any) -> dg.SensorDefinition:
    first = first_key(kind, platform.mission.file.trends.start)

    @dg.sensor(
        name=f"{platform.mission.name}_late_{kind}",
        job=job,
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Requests each {kind} again whose data have changed: late playbacks, reprocessing, corrections.",
    )
    def late(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        before = Marks.from_json(context.cursor)
        keys, marks = affected(platform, kind, before)
        last = last_ended(kind, times.now())
        ready = [key for key in keys if first <= key <= last]  # the present day comes with its night
        if not ready:
            context.update_cursor(marks.to_json())
            return dg.SkipReason(f"nothing to do: no {kind} that has ended has changed")
        context.log.info(f"changed: {', '.join(ready[:20])}{' …' if len(ready) > 20 else ''}")
        asked = [_request(run, marks) for run in runs(kind, ready)]
        return dg.SensorResult(run_requests=asked, cursor=marks.to_json())

    return late


def _request(keys: Sequence[str], marks: Marks) -> dg.RunRequest:
    """A run for neighbouring partitions: by its key, or as a range."""
    run_key = json.dumps([keys[0], keys[-1], marks.transaction, marks.product])
    if len(keys) == 1:
        return dg.RunRequest(run_key=run_key, partition_key=keys[0], tags=LOW)
    return dg.RunRequest(run_key=run_key, tags={**LOW, **dict(zip(RANGE, (keys[0], keys[-1]), strict=True))})


def runs(kind: str, keys: Sequence[str]) -> Iterator[list[str]]:
    """Keys in runs of neighbours, none longer than a run may take."""
    run: list[str] = []
    for key in keys:
        apart = run and (date.fromisoformat(key) - date.fromisoformat(run[-1])).days != CALENDAR[kind]
        if apart or len(run) == MAX_PARTITIONS_PER_RUN:
            yield run
            run = []
        run.append(key)
    if run:
        yield run
