"""What can be told of observations and deliveries before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

from mta_assets.pipelines.registry import Registry
from mta_assets.pipelines.registry_schema import Pipeline

NEEDED = {"obi": ("obsid",), "since": ("since", "kind")}  # groups of the pattern, by what a delivery belongs to


def observation_problems(registry: Registry, pipeline: Pipeline) -> Iterator[str]:
    """Problems of the step that finds observation intervals, and of pipelines that run on them."""
    if any("observations" in step.writes for step in pipeline.profile):
        if pipeline.partition != "playback" or pipeline.streams != ["sdp"]:
            yield ".profile: observations are found by a pipeline by playback of the archival stream (sdp) alone"
        others = [p.id for p in registry.pipelines.values() if any("observations" in s.writes for s in p.profile)]
        if others[0] != pipeline.id:
            yield f".profile: {others[0]} writes observations as well; there can be one such pipeline"
        if not pipeline.outputs:
            yield ".outputs: what writes observations needs a product as well, else it is no asset and never runs"
        if not pipeline.reach:
            yield ".reach: what writes observations has to read beyond its playback, by more than the longest of them"
    if pipeline.reach and pipeline.partition not in ("playback", "obi"):
        yield f".reach: a pipeline by {pipeline.partition} takes what meets it and no more"
    for file_id in (*pipeline.inputs, *pipeline.optional_inputs):
        product = registry.products.get(file_id)
        if pipeline.reach and product is not None and product.format in ("vcdu", "ccsds"):
            yield f".reach: {file_id} is a playback, of which there is one; take products made of playbacks"


def delivery_problems(registry: Registry) -> Iterator[str]:
    """Problems of products that may be delivered."""
    for product in registry.products.values():
        if not product.delivered:
            continue
        where = f"{registry.sources['product', product.id].name}: product.{product.id}"
        if product.format != "fits":
            yield f"{where}.delivered: a {product.format} can not be delivered, only fits"
        groups = product.regex.groupindex
        wanted = ["version", *NEEDED.get(product.delivered, ())]
        missing = [name for name in wanted if name not in groups]
        if missing:
            yield f"{where}.pattern: has no named group {', '.join(missing)}, which a delivered product needs"
        if product.times == "name" and "tstart" not in groups:
            yield f"{where}.times: its pattern has no named group tstart that the time could come from"
        for maker in registry.producers(product.id):
            if product.delivered == "since":
                yield f"{where}.delivered: it holds from its date on, so no pipeline makes it, and {maker.id} does"
            if product.delivered == "obi" and maker.partition != "obi":
                yield f"{where}.delivered: it belongs to an observation, and {maker.id} makes it by {maker.partition}"
