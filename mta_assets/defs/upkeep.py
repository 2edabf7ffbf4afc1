"""The upkeep of the telemetry archive as a nightly job: what it did stands at an asset of its own, night by night."""

# No postponed annotations here: Dagster looks at the type of `context` itself.

from datetime import date
from typing import Any

import dagster as dg

from mta_assets.core import times
from mta_assets.core.errors import TransientError
from mta_assets.pipelines.calendar import day_of
from mta_assets.pipelines.platform import Platform
from mta_assets.pipelines.upkeep import keep_up

CRON = "45 0 * * *"  # by the clock of the operations centre
VERIFIED = "verified transaction"
SHOWN = 20  # problems in the message of a failure


def upkeep_key(mission: str) -> dg.AssetKey:
    """The asset that stands for the archive as it was last kept up."""
    return dg.AssetKey([mission, "upkeep", "TELEMETRY_ARCHIVE"])


def build_upkeep_job(platform: Platform) -> dg.JobDefinition:
    """Compact, collect, verify the new files and a part of the old ones."""

    @dg.op(name="compact_collect_verify")
    def keep(context: dg.OpExecutionContext) -> None:
        key = upkeep_key(platform.mission.name)
        night = (day_of(times.now()) - date(1998, 1, 1)).days
        try:
            done = keep_up(platform.telemetry, _verified(context.instance, key), night)
        except TransientError as error:
            context.log.warning(f"{error}; it is tried again")
            raise dg.RetryRequested(max_retries=platform.settings.retries, seconds_to_wait=2) from error
        if done.problems:
            more = f" and {len(done.problems) - SHOWN} more" if len(done.problems) > SHOWN else ""
            raise dg.Failure(
                f"{len(done.problems)} files of the telemetry archive are not as they should be: "
                f"{'; '.join(done.problems[:SHOWN])}{more}. `mta archive verify` lists them",
                allow_retries=False,
            )
        context.log.info("done" if done.did_something else "nothing to do")
        context.log_event(
            dg.AssetMaterialization(
                key,
                description="The telemetry archive, compacted, collected and verified",
                metadata={
                    VERIFIED: done.transaction,
                    "compactions": done.compactions,
                    "segments put together": done.segments,
                    "files removed": done.files,
                    "bytes freed": done.bytes,
                },
            )
        )

    @dg.job(
        name="archive_upkeep",
        executor_def=dg.in_process_executor,
        description="Nightly upkeep of the telemetry archive.",
        tags={"mta/job": "upkeep"},
    )
    def archive_upkeep() -> None:
        keep()

    return archive_upkeep


def _verified(instance: dg.DagsterInstance, key: dg.AssetKey) -> int:
    """Up to which transaction the files have been verified, 0 if never."""
    event = instance.get_latest_materialization_event(key)
    made = event.asset_materialization if event is not None else None
    value: Any = made.metadata[VERIFIED].value if made is not None and VERIFIED in made.metadata else 0
    return value if isinstance(value, int) else 0


def build_upkeep_schedule(platform: Platform, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Every night, after the products of the day."""
    return dg.ScheduleDefinition(
        name=f"{platform.mission.name}_upkeep",
        job=job,
        cron_schedule=CRON,
        execution_timezone=platform.mission.file.trends.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Compact, collect and verify the telemetry archive.",
        tags={"dagster/priority": "-5"},
    )
