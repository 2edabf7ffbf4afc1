"""Sensors: a playback that appears is taken in, gets its partition and its run, without a hand."""

# No postponed annotations here: Dagster looks at the type of `context` itself.

from typing import Any

import dagster as dg

from mta_assets.core import times
from mta_assets.defs.factory import raw_key
from mta_assets.defs.partitions import playback_partitions
from mta_assets.pipelines.ingest import Watch, take_in
from mta_assets.pipelines.platform import Platform

PLAYBACKS_PER_TICK = 8  # bounds a tick; what is left comes with the next one


def build_playback_job(platform: Platform, assets: list[dg.AssetsDefinition]) -> Any:
    """Everything that follows from a playback, in one process: a process per step costs more than the work."""
    return dg.define_asset_job(
        "playback",
        selection=dg.AssetSelection.assets(*[key for asset in assets for key in asset.keys]),
        executor_def=dg.in_process_executor,
        description="All products of one playback, archival and quick look, in one run.",
        tags={"mta/job": "playback"},
    )


def build_playback_sensor(platform: Platform, job: Any) -> dg.SensorDefinition:
    """Watch the incoming folder and request one run for each playback that was taken in.

    The cursor holds the files that are still being watched and the high-water mark of the catalog's
    sequence of accepted playbacks; a tick that dies is repeated from there, and ``run_key`` makes the
    repetition harmless. A mark that this catalog does not know, because the catalog is a new one, begins anew.
    """
    partitions = playback_partitions(platform.mission.name)
    raw = raw_key(platform.mission.name, platform.raw_product.id)

    @dg.sensor(
        name=f"{platform.mission.name}_playback_sensor",
        job=job,
        minimum_interval_seconds=platform.settings.poll_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"New playbacks in {platform.settings.incoming}",
    )
    def playback_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        watch = _known(platform, Watch.from_json(context.cursor))
        arrivals, watch = take_in(platform, watch, limit=PLAYBACKS_PER_TICK)
        for arrival in arrivals:
            context.log.info(f"{arrival.name}: {arrival.state}. {arrival.reason}")
        new = platform.catalog.playbacks_after(watch.sequence, platform.mission.name)
        if not new:
            context.update_cursor(watch.to_json())
            waiting = [a.name for a in arrivals if a.state == "waiting"]
            return dg.SkipReason(f"still growing: {', '.join(waiting)}" if waiting else "no new playback")
        watch = watch.advanced(new[-1].sequence or watch.sequence, new[-1].partition)
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=playback.partition,
                    partition_key=playback.partition,
                    tags={"mta/playback": playback.file_name, "dagster/priority": "10"},
                )
                for playback in new
            ],
            dynamic_partitions_requests=[partitions.build_add_request([playback.partition for playback in new])],
            asset_events=[
                dg.AssetMaterialization(
                    raw,
                    partition=playback.partition,
                    metadata={
                        "file": playback.file_name,
                        "path": dg.MetadataValue.path(playback.path),
                        "bytes": playback.size,
                        "sha256": playback.sha256,
                        "from": times.to_utc_iso(playback.tstart),
                        "to": times.to_utc_iso(playback.tstop),
                        "facts": dg.MetadataValue.json(dict(playback.facts)),
                    },
                )
                for playback in new
            ],
            cursor=watch.to_json(),
        )

    return playback_sensor


def _known(platform: Platform, watch: Watch) -> Watch:
    """The watch itself, if its mark is a playback of this catalog; otherwise one that begins at the first."""
    marked = platform.catalog.playback(watch.partition) if watch.partition else None
    return watch if marked is not None and marked.sequence == watch.sequence else watch.advanced(0, "")
