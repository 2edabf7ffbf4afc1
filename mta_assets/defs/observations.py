"""Observations: their assets, the job, and the sensor that asks for what is complete and for what has changed.

Which playbacks an observation is made of, only the catalog knows. The sensor looks there: an interval whose edges are
both known gets its partition and a run; late telemetry, a reprocessing, a delivery or its withdrawal asks again.

All pipelines by observation are one operation, in the order of their inputs. Dagster would skip whatever descends from
an asset that was not made; here that asset may have been delivered, or be an input that a pipeline can do without.
"""

# No postponed annotations here: Dagster looks at the type of `context` itself.

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from mta_assets.core.errors import TransientError
from mta_assets.core.request import Stream
from mta_assets.defs.events import asset_events
from mta_assets.defs.factory import BACKGROUND, MAX_PARTITIONS_PER_RUN, asset_key, asset_spec, check_specs
from mta_assets.defs.partitions import obi_partitions
from mta_assets.pipelines.controller import RunResult
from mta_assets.pipelines.due import Due, ObiMarks, due
from mta_assets.pipelines.platform import Platform
from mta_assets.pipelines.registry_schema import Pipeline

LOOK_SECONDS = 15
RUNS_PER_TICK = 20  # bounds a tick; what is left comes with the next one
LOW = {"dagster/priority": "-3", BACKGROUND: "observation"}  # a playback goes first; days and weeks come after
NICE = 10  # of the process of a run that the sensor asked for: a playback beside it has the processor first
ASKED = "mta/observation"  # tag of such a run
LATER = {"dagster/priority": "-4"}  # what had to wait for others: the next one that is new goes before it
RETRY_SECONDS = 2.0  # before what failed for a passing reason is tried again
BAD = ("bad data", "failed")
SHOWN = 10  # of what waits, in the message of a tick


@dataclass
class Observations:
    """What is defined for the observations of a mission; nothing if no pipeline runs by observation."""

    assets: list[dg.AssetsDefinition] = field(default_factory=list)
    jobs: list[Any] = field(default_factory=list)
    sensors: list[dg.SensorDefinition] = field(default_factory=list)


def build_observations(platform: Platform) -> Observations:
    """Assets, job and sensor."""
    if not platform.registry.pipelines_of("obi"):
        return Observations()
    assets = [_assets(platform)]
    job = dg.define_asset_job(
        "observation",
        selection=dg.AssetSelection.assets(*assets[0].keys),
        executor_def=dg.in_process_executor,
        description="All products of one observation interval, in one run.",
        tags={"mta/job": "observation"},
    )
    return Observations(assets, [job], [_sensor(platform, job)])


def _assets(platform: Platform) -> dg.AssetsDefinition:
    """All assets of observations, as one operation of which any part may be run."""
    order = [(p, stream) for p in platform.registry.pipelines_of("obi") for stream in p.streams]
    specs = [
        asset_spec(platform, pipeline, stream, asset, file_ids)
        for pipeline, stream in order
        for asset, file_ids in pipeline.assets.items()
    ]

    @dg.multi_asset(
        name="observation_products",
        specs=specs,
        check_specs=check_specs(specs),
        backfill_policy=dg.BackfillPolicy.multi_run(MAX_PARTITIONS_PER_RUN),
        can_subset=True,
    )
    def run(context: dg.AssetExecutionContext) -> Iterator[Any]:
        if ASKED in context.run.tags:
            os.nice(NICE)
        failures: list[tuple[str, RunResult]] = []
        failed: dict[str, set[str]] = {}  # file ids that could not be made, by partition
        for pipeline, stream in order:
            keys = {asset_key(platform.mission.name, stream, asset) for asset in pipeline.assets}
            if keys & context.selected_asset_keys:
                parts = _run(platform, pipeline, stream, context, failed)
                failures += [(key, result) for key, result in parts if result.outcome in BAD]
                yield from _events(platform, pipeline, stream, parts, context)
        if failures:
            key, result = failures[0]
            raise dg.Failure(
                f"{len(failures)} runs of pipelines failed; the first is {result.pipe_id} of {key}, "
                f"'{result.outcome}': {result.message}",
                metadata={"log": dg.MetadataValue.path(str(result.log_path))},
                allow_retries=False,
            )

    return run


def _run(
    platform: Platform,
    pipeline: Pipeline,
    stream: Stream,
    context: dg.AssetExecutionContext,
    failed: dict[str, set[str]],
) -> list[tuple[str, RunResult]]:
    """Run one pipeline for all partitions, but for those of which an input could not be made."""
    parts = []
    for key in context.partition_keys:
        lacking = failed.setdefault(key, set()).intersection((*pipeline.inputs, *pipeline.optional_inputs))
        if lacking:
            context.log.warning(
                f"{pipeline.id} {stream} {key}: skipped, {', '.join(sorted(lacking))} could not be made"
            )
            failed[key].update(pipeline.outputs)
            continue
        result = _patiently(platform, pipeline, stream, key, context)
        say = context.log.error if result.outcome in BAD else context.log.info
        say(f"{pipeline.id} {stream} {key}: {result.outcome}. {result.message}")
        if result.outcome in BAD:
            failed[key].update(pipeline.outputs)
        parts.append((key, result))
    return parts


def _patiently(
    platform: Platform, pipeline: Pipeline, stream: Stream, key: str, context: dg.AssetExecutionContext
) -> RunResult:
    """Run once; what fails for a passing reason a few times more, without what came before it."""
    for _ in range(platform.settings.retries):
        try:
            return platform.execute(pipeline.id, stream, key)
        except TransientError as error:
            context.log.warning(f"{pipeline.id} of {key}: {error}; it is tried again")
            time.sleep(RETRY_SECONDS)
    return platform.execute(pipeline.id, stream, key)


def _events(
    platform: Platform,
    pipeline: Pipeline,
    stream: Stream,
    parts: Sequence[tuple[str, RunResult]],
    context: dg.AssetExecutionContext,
) -> Iterator[Any]:
    """Materialisations and check results of what was asked for."""
    for asset, file_ids in pipeline.assets.items():
        key = asset_key(platform.mission.name, stream, asset)
        made = [(k, result, [p for p in result.products if p.file_id in file_ids]) for k, result in parts]
        made = [part for part in made if part[2]]
        if not made:  # most pipelines are another instrument's: Dagster shows their checks as skipped
            continue
        for event in asset_events(key, platform, pipeline, made):
            if isinstance(event, dg.AssetCheckResult):
                wanted = dg.AssetCheckKey(key, event.check_name or "") in context.selected_asset_check_keys
            else:
                wanted = key in context.selected_asset_keys
            if wanted:
                yield event


def _sensor(platform: Platform, job: Any) -> dg.SensorDefinition:
    partitions = obi_partitions(platform.mission.name)

    @dg.sensor(
        name=f"{platform.mission.name}_observation_sensor",
        job=job,
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests each observation interval when it is complete, and again when its data have changed.",
    )
    def observation_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        ready, reasons, marks = due(platform, ObiMarks.from_json(context.cursor), RUNS_PER_TICK)
        for reason in reasons[:SHOWN]:
            context.log.info(reason)
        if not ready:
            context.update_cursor(marks.to_json())
            more = f" and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
            return dg.SkipReason(
                "; ".join(reasons[:SHOWN]) + more if reasons else "nothing to do: no interval has changed"
            )
        return dg.SensorResult(
            run_requests=[_request(one) for one in ready],
            dynamic_partitions_requests=[partitions.build_add_request([one.entry.partition for one in ready])],
            cursor=marks.to_json(),
        )

    return observation_sensor


def _request(one: Due) -> dg.RunRequest:
    tags = {
        **LOW,
        **(LATER if one.backlog else {}),
        ASKED: one.entry.partition,
        "mta/revision": str(one.entry.revision),
    }
    return dg.RunRequest(run_key=one.run_key, partition_key=one.entry.partition, tags=tags)
