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
from mta_assets.pipelines.delivery import deliveries
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
        watch, told = _cursor(context.cursor)
        arrivals, watch = look(platform, watch, FILES_PER_TICK)
        for arrival in arrivals:
            context.log.info(f"{arrival.name}: {arrival.state}. {arrival.reason}")
        new = deliveries(platform, _mark(platform, told))[:TOLD_PER_TICK]
        cursor = json.dumps({"watch": watch.to_json(), "told": new[-1].id if new else _mark(platform, told)})
        if not new:
            context.update_cursor(cursor)
            waiting = [a.name for a in arrivals if a.state == "waiting"]
            return dg.SkipReason(f"still growing: {', '.join(waiting)}" if waiting else "no new delivery")
        keys = sorted({entry.partition for entry in new if _by_obi(platform, entry)})
        requests = [obi_partitions(platform.mission.name).build_add_request(keys)] if keys else []
        return dg.SensorResult(
            dynamic_partitions_requests=requests,
            asset_events=[event for entry in new for event in materializations(platform, entry)],
            cursor=cursor,
        )

    return [delivery_sensor]


def materializations(platform: Platform, entry: ProductEntry) -> list[dg.AssetMaterialization]:
    """Of what came in, and of our own asset of the file id if it is made by observation: the delivery wins there."""
    mission, registry = platform.mission.name, platform.registry
    partition = entry.partition if _by_obi(platform, entry) else None
    keys = [raw_key(mission, entry.file_id)]
    for maker in registry.producers(entry.file_id):
        if maker.partition == "obi" and "sdp" in maker.streams and partition:
            asset = next(name for name, made in maker.assets.items() if entry.file_id in made)
            keys.append(asset_key(mission, "sdp", asset))
    message = platform.catalog.run_message(entry.confirmed_by)
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
        "delivery": message,
    }
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


def _cursor(text: str | None) -> tuple[Watch, int]:
    try:
        content = json.loads(text or "{}")
        return Watch.from_json(content.get("watch")), int(content.get("told", 0))
    except (ValueError, TypeError, AttributeError):
        return Watch(), 0


def _mark(platform: Platform, told: int) -> int:
    """The mark, if this catalog has got so far; a new catalog begins at its first delivery."""
    newest = platform.catalog.products(newest=1, current=None)
    return told if newest and told <= newest[0].id else 0
