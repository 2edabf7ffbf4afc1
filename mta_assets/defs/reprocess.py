"""Observations made again on request: a backfill of Dagster over their partitions, put in from the command line."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.utils import make_new_backfill_id

from mta_assets.archive.entries import ProductEntry
from mta_assets.core.errors import ConfigError
from mta_assets.defs.factory import asset_key
from mta_assets.defs.observations import LOW, build_observations
from mta_assets.defs.partitions import obi_partitions
from mta_assets.pipelines.platform import Platform


def open_instance() -> dg.DagsterInstance:
    """The instance that ``dagster dev`` runs on here: that of DAGSTER_HOME, else of dagster.yaml in this folder.

    Raises
    ------
    ConfigError
        If there is neither.
    """
    home = os.environ.get("DAGSTER_HOME") or "."
    if not (Path(home) / "dagster.yaml").is_file():
        raise ConfigError(
            f"there is no dagster.yaml in {home}: set DAGSTER_HOME to the folder of the Dagster that is to do it, or "
            "run this where `dagster dev` is run"
        )
    return dg.DagsterInstance.from_config(home)


def ask(
    instance: dg.DagsterInstance,
    platform: Platform,
    keys: Sequence[str],
    why: str,
    products: Sequence[ProductEntry] | None = None,
) -> str:
    """Ask for a backfill over observations; returns its id.

    It waits in the instance until the daemon takes it, with less priority than what comes in. A version that comes out
    with the same bytes stays as it is, so asking twice does no harm.

    Parameters
    ----------
    keys
        Partitions, ``28229_000``.
    why
        Title of the backfill.
    products
        What is to be made again. Without, everything that is made of observations: of that Dagster counts what does not
        come out, because there is nothing to do, as failed where a run died and was tried again.
    """
    partitions = obi_partitions(platform.mission.name)
    if partitions.name:
        instance.add_dynamic_partitions(partitions.name, list(keys))
    if products is None:
        assets = {key: keys for definition in build_observations(platform).assets for key in definition.keys}
    else:
        assets = _assets(platform, keys, products)
    subset = {key: partitions.subset_with_partition_keys(some) for key, some in assets.items()}
    backfill_id = make_new_backfill_id()
    instance.add_backfill(
        PartitionBackfill.from_asset_graph_subset(
            backfill_id=backfill_id,
            backfill_timestamp=time.time(),
            tags={**LOW, "mta/reprocess": str(len(keys))},
            dynamic_partitions_store=instance,
            asset_graph_subset=AssetGraphSubset(subset, set()),  # type: ignore[call-arg]
            title=why[:100],
            description=why,
            run_config=None,
        )
    )
    return backfill_id


def _assets(
    platform: Platform, keys: Sequence[str], products: Sequence[ProductEntry]
) -> dict[dg.AssetKey, Sequence[str]]:
    """Partitions of each asset that holds some of the products."""
    found: dict[dg.AssetKey, list[str]] = {}
    for entry in products:
        pipeline = platform.registry.pipelines.get(entry.pipe_id)  # the registry may have changed since
        if pipeline is None or entry.partition not in keys:
            continue
        for asset, file_ids in pipeline.assets.items():
            if entry.file_id in file_ids:
                found.setdefault(asset_key(platform.mission.name, entry.stream, asset), []).append(entry.partition)
    return {key: sorted(set(some)) for key, some in found.items()}
