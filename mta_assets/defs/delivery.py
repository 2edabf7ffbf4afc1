"""Deliveries: the sensor that watches the delivery folder and tells Dagster of everything that was delivered.

What is put in with ``mta deliver`` is told of as well: the sensor goes by the catalog. It asks for no run itself; the
observation sensor and that of late days see the new products.
"""

# No postponed annotations here: Dagster looks at the type of `context` itself.

import json
from typing import Any

import dagster as dg

from mta_assets.archive.entries import ProductEntry
from mta_assets.core import times
from mta_assets.defs.factory import asset_key, raw_key
from mta_assets.defs.partitions import obi_partitions
from mta_assets.pipelines.delivery import PIPE_ID, Event, events
from mta_assets.pipelines.delivery_folder import delivery_folder, look
from mta_assets.pipelines.incoming import Watch
from mta_assets.pipelines.platform import Platform

LOOK_SECONDS = 10
FILES_PER_TICK = 16  # bounds a tick
TOLD_PER_TICK = 200


def build_delivery_sensor(platform: Platform) -> list[dg.SensorDefinition]:
    """The sensor; none if the registry has no product that may be delivered."""
    if not any(product.delivered for product in platform.registry.products.values()):
        return []

    @dg.sensor(
        name=f"{platform.mission.name}_delivery_sensor",
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Finished products from outside in {delivery_folder(platform)}",
    )
    def delivery_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        watch, seen = _cursor(platform, context.cursor)
        arrivals, watch = look(platform, watch, FILES_PER_TICK)
        for arrival in arrivals:
            context.log.info(f"{arrival.name}: {arrival.state}. {arrival.reason}")
        new, seen = events(platform, seen, TOLD_PER_TICK)
        cursor = json.dumps({"watch": watch.to_json(), "seen": seen})
        if not new:
            context.update_cursor(cursor)
            waiting = [a.name for a in arrivals if a.state == "waiting"]
            return dg.SkipReason(f"still growing: {', '.join(waiting)}" if waiting else "no new delivery")
        keys = sorted({one.entry.partition for one in new if _by_obi(platform, one.entry)})
        requests = [obi_partitions(platform.mission.name).build_add_request(keys)] if keys else []
        return dg.SensorResult(
            dynamic_partitions_requests=requests,
            asset_events=[event for one in new for event in asset_events(platform, one)],
            cursor=cursor,
        )

    return [delivery_sensor]


def asset_events(platform: Platform, one: Event) -> list[dg.AssetMaterialization | dg.AssetObservation]:
    """Of what came in, and of our own asset of the file id if it is made by observation: the delivery wins there.

    A withdrawal is an observation of the same assets.
    """
    entry = one.entry
    mission, registry = platform.mission.name, platform.registry
    partition = entry.partition if _by_obi(platform, entry) else None
    keys = [raw_key(mission, entry.file_id)]
    for maker in registry.producers(entry.file_id):
        if maker.partition == "obi" and "sdp" in maker.streams and partition:
            asset = next(name for name, made in maker.assets.items() if entry.file_id in made)
            keys.append(asset_key(mission, "sdp", asset))
    metadata: dict[str, Any] = {
        "origin": "delivered",
        "file": entry.name,
        "path": dg.MetadataValue.path(entry.path),
        "dagster/row_count": entry.rows,
        "bytes": entry.size,
        "sha256": entry.sha256,
        "from": times.to_utc_iso(entry.tstart),
        "to": times.to_utc_iso(entry.tstop) if entry.tstop < times.FOREVER else "open",
        "partition": entry.partition,
        "delivery": one.message,
    }
    if one.withdrawn:
        text = f"{entry.name}, {one.message.partition(' ')[0]}"
        metadata["origin"] = "withdrawn"
        return [dg.AssetObservation(key, description=text, partition=partition, metadata=metadata) for key in keys]
    return [
        dg.AssetMaterialization(
            key,
            description=f"{entry.name}, delivered from outside",
            partition=partition,
            metadata=metadata,
            tags={"dagster/data_version": entry.sha256, "mta/origin": "delivered"},
        )
        for key in keys
    ]


def _by_obi(platform: Platform, entry: ProductEntry) -> bool:
    product = platform.registry.products.get(entry.file_id)  # the registry may have changed since
    return product is not None and product.delivered == "obi"


def _cursor(platform: Platform, text: str | None) -> tuple[Watch, float]:
    """What was watched, and up to when was told; of a catalog that has not got so far, a new one, all is told."""
    try:
        content = json.loads(text or "{}")
        watch, seen = Watch.from_json(content.get("watch")), float(content.get("seen", 0.0))
    except (ValueError, TypeError, AttributeError):
        return Watch(), 0.0
    newest = platform.catalog.runs(pipe_id=PIPE_ID, newest=1)
    return watch, seen if newest and seen <= newest[0]["finished"] else 0.0
