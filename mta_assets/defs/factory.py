"""Registry → assets: every pipeline becomes one multi-asset per stream, with specs, checks and metadata.

Nothing here knows a mission, an instrument or a product by name.
"""

# No postponed annotations here: Dagster looks at the type of `context` itself.

import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster_shared.utils.warnings import PreviewWarning

from mta_assets.core.errors import TransientError
from mta_assets.core.request import Stream
from mta_assets.defs.events import asset_events
from mta_assets.defs.partitions import obi_partitions, partitions_of, playback_partitions
from mta_assets.pipelines.checks import CHECKS
from mta_assets.pipelines.inputs import input_stream
from mta_assets.pipelines.platform import Platform
from mta_assets.pipelines.registry_schema import Pipeline

MAX_PARTITIONS_PER_RUN = 200
BACKGROUND = "mta/background"  # tag of runs that leave the slots to playbacks: dagster.yaml limits how many there are
KINDS = {"fits": "fits", "parquet": "parquet", "vcdu": "binary", "ccsds": "binary", "text": "text"}


def asset_key(mission: str, stream: str, asset: str) -> dg.AssetKey:
    """``chandra/sdp/ACIS_EVT0`` is archival, ``chandra/sap/ACIS_EVT0`` quick look; missions may share an instance."""
    return dg.AssetKey([mission, stream, asset])


def raw_key(mission: str, file_id: str) -> dg.AssetKey:
    """What comes in from outside belongs to both streams."""
    return dg.AssetKey([mission, "raw", file_id])


def build_assets(platform: Platform, partition: str = "playback") -> list[dg.AssetsDefinition]:
    """All multi-assets of the mission's registry with one kind of partition: playback, day, week."""
    return [
        _pipeline_assets(platform, pipeline, stream)
        for pipeline in platform.registry.pipelines_of(partition)
        for stream in pipeline.streams
    ]


def build_raw_assets(platform: Platform) -> list[dg.AssetSpec]:
    """Assets that come in, playbacks and deliveries: the sensors report their materialisations."""
    registry = platform.registry
    made = {file_id for pipeline in registry.pipelines.values() for file_id in pipeline.outputs}
    used = {i for pipeline in registry.pipelines.values() for i in (*pipeline.inputs, *pipeline.optional_inputs)}
    delivered = {product.id for product in registry.products.values() if product.delivered}
    return [
        dg.AssetSpec(
            raw_key(platform.mission.name, file_id),
            description=registry.products[file_id].title,
            group_name="raw",
            kinds={KINDS[registry.products[file_id].format]},
            owners=[f"team:{platform.mission.file.mission.owner}"],
            partitions_def=_raw_partitions(platform, file_id),
        )
        for file_id in sorted((used - made) | delivered)
    ]


def _raw_partitions(platform: Platform, file_id: str) -> dg.PartitionsDefinition[str] | None:
    """Playbacks have theirs, deliveries that of the observation; what belongs to a stretch of time has none."""
    if file_id == platform.raw_product.id:
        return playback_partitions(platform.mission.name)
    return obi_partitions(platform.mission.name) if platform.registry.product(file_id).delivered == "obi" else None


def _dependency(platform: Platform, pipeline: Pipeline, stream: str, file_id: str) -> dg.AssetDep:
    """An input of the same stream if that stream makes it, else of the other one, else from outside."""
    makers = platform.registry.producers(file_id)
    if not makers:
        key = raw_key(platform.mission.name, file_id)
        partitions = _raw_partitions(platform, file_id)
        mixed = partitions is not None and partitions != partitions_of(platform, pipeline.partition)
    else:
        asset = next(name for name, made in makers[0].assets.items() if file_id in made)
        key = asset_key(platform.mission.name, input_stream(platform.registry, file_id, stream), asset)
        mixed = makers[0].partition != pipeline.partition
    # Which playbacks a day is made of, only the catalog knows: here it is declared for the lineage alone.
    return dg.AssetDep(key, partition_mapping=dg.AllPartitionMapping() if mixed else None)


def asset_spec(
    platform: Platform, pipeline: Pipeline, stream: str, asset: str, file_ids: Sequence[str]
) -> dg.AssetSpec:
    products = [platform.registry.product(file_id) for file_id in file_ids]
    title = "; ".join(product.title for product in products)
    return dg.AssetSpec(
        asset_key(platform.mission.name, stream, asset),
        deps=[
            _dependency(platform, pipeline, stream, file_id)
            for file_id in (*pipeline.inputs, *pipeline.optional_inputs)
        ],
        description=f"{title}. {pipeline.title}, {'archival' if stream == 'sdp' else 'quick look'} stream.",
        group_name=pipeline.group if stream == "sdp" else f"{stream}_{pipeline.group}",
        kinds={"python", *(KINDS[product.format] for product in products)},
        owners=[f"team:{platform.mission.file.mission.owner}"],
        tags={"mta/stream": stream, "mta/level": products[0].level},
        code_version=platform.code_version(pipeline.id)[:12],
        metadata={"pipeline": pipeline.id, "file names": [product.pattern for product in products]},
        skippable=True,
        partitions_def=partitions_of(platform, pipeline.partition),
    )


def check_specs(specs: Sequence[dg.AssetSpec]) -> list[dg.AssetCheckSpec]:
    with warnings.catch_warnings():
        # Partitions of checks are a preview of Dagster: without them a check only knows its newest partition.
        warnings.simplefilter("ignore", PreviewWarning)
        return [
            dg.AssetCheckSpec(name, asset=spec.key, description=text, partitions_def=spec.partitions_def)
            for spec in specs
            for name, text in CHECKS.items()
        ]


def _pipeline_assets(platform: Platform, pipeline: Pipeline, stream: Stream) -> dg.AssetsDefinition:
    specs = [asset_spec(platform, pipeline, stream, asset, file_ids) for asset, file_ids in pipeline.assets.items()]

    @dg.multi_asset(
        name=f"{stream}_{pipeline.id}",
        specs=specs,
        check_specs=check_specs(specs),
        backfill_policy=dg.BackfillPolicy.multi_run(MAX_PARTITIONS_PER_RUN),
        op_tags={"mta/pipeline": pipeline.id, "mta/stream": stream},
        can_subset=False,
    )
    def run(context: dg.AssetExecutionContext) -> Iterator[Any]:
        yield from _run_partitions(platform, pipeline, stream, context.partition_keys, context)

    return run


def _run_partitions(
    platform: Platform, pipeline: Pipeline, stream: Stream, keys: Sequence[str], context: dg.AssetExecutionContext
) -> Iterator[Any]:
    """Run every partition of the range, then report one result per asset; a failed one does not stop the others."""
    written = defaultdict(list)
    failures = []
    for key in keys:
        try:
            result = platform.execute(pipeline.id, stream, key)
        except TransientError as error:
            context.log.warning(f"{pipeline.id} of {key}: {error}; it is tried again")
            raise dg.RetryRequested(max_retries=platform.settings.retries, seconds_to_wait=2) from error
        say = context.log.info if result.outcome in ("done", "nothing to do") else context.log.error
        say(f"{pipeline.id} {stream} {key}: {result.outcome}. {result.message}")
        if result.outcome in ("bad data", "failed"):
            failures.append((key, result))
        for asset, file_ids in pipeline.assets.items():
            products = [p for p in result.products if p.file_id in file_ids]
            if products:
                written[asset].append((key, result, products))
    for asset in pipeline.assets:
        key_of_asset = asset_key(platform.mission.name, stream, asset)
        yield from asset_events(key_of_asset, platform, pipeline, written[asset])
    if failures:
        key, result = failures[0]
        raise dg.Failure(
            f"{pipeline.id} ended with '{result.outcome}' for {len(failures)} of {len(keys)} partitions; "
            f"the first is {key}: {result.message}",
            metadata={"log": dg.MetadataValue.path(str(result.log_path))},
            allow_retries=False,
        )
