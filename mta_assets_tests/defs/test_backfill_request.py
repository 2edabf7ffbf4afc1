"""What is put into Dagster when observations are asked for again."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from mta_assets.core.errors import ConfigError
from mta_assets.defs.reprocess import ask, open_instance
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings
from mta_assets_tests.pipelines.tiny_week import enter, make


def asked(instance: dg.DagsterInstance, backfill_id: str) -> dict[str, set[str]]:
    """Partitions by the last part of the asset's key."""
    backfill = instance.get_backfill(backfill_id)
    assert backfill is not None
    assert backfill.asset_backfill_data is not None
    subset = backfill.asset_backfill_data.target_subset
    return {
        key.path[-1]: set(some.get_partition_keys()) for key, some in subset.partitions_subsets_by_asset_key.items()
    }


def test_a_request_names_all_assets_of_observations_or_those_of_the_given_products(tmp_path: Path) -> None:
    platform = Platform(Settings(mission="chandra", data=tmp_path / "data"))
    keys = enter(platform, 2, tmp_path / "in")
    make(platform, keys, only=["ACIS_L1"])
    events = platform.catalog.products(file_id="ACIS_EVT1")
    with dg.instance_for_test() as instance:
        every = asked(instance, ask(instance, platform, keys, "asked for by hand"))
        some = asked(instance, ask(instance, platform, keys[:1], "a new gain", events))
        assert sorted(instance.get_dynamic_partitions("chandra_obi")) == keys
        tags = [backfill.tags for backfill in instance.get_backfills()]
    assert some == {"ACIS_EVT1": {keys[0]}}
    assert {"OBSPAR", "ACIS_EVT1", "HRC_EVT1", "ACIS_SRC2"} <= set(every)
    assert all(partitions == set(keys) for partitions in every.values())
    assert {tag["dagster/priority"] for tag in tags} == {"-3"}  # after what comes in


def test_without_a_dagster_the_message_says_where_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=f"there is no dagster.yaml in {tmp_path}: set DAGSTER_HOME"):
        open_instance()
