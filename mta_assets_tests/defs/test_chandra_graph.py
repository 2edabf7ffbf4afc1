"""The graph of the reference mission: made from the registry, both streams, nothing by name in the code."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from mta_assets.defs.build import build_definitions
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.registry import load_registry
from mta_assets.settings import Settings


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> dg.AssetGraph:
    settings = Settings(mission="chandra", data=tmp_path_factory.mktemp("chandra"))
    return build_definitions(settings).resolve_asset_graph()


def test_there_is_one_static_monitor_asset_for_each_subsystem(graph: dg.AssetGraph) -> None:
    names = {key.path[2] for key in graph.materializable_asset_keys}
    engineering = {name.removesuffix("_ENG0") for name in names if name.endswith("_ENG0")}
    assert {name.removeprefix("STATIC_") for name in names if name.startswith("STATIC_")} == engineering
    assert len(engineering) == 14


def test_event_lists_and_on_board_aspect_exist_in_both_streams(graph: dg.AssetGraph) -> None:
    streams: dict[str, set[str]] = {}
    for key in graph.materializable_asset_keys:
        streams.setdefault(key.path[2], set()).add(key.path[1])
    both = {name for name, found in streams.items() if found == {"sdp", "sap"}}
    assert {"ACIS_EVT0", "ACIS_EXR0", "HRC_EVT0", "OSOL"} <= both
    assert streams["PCAD_ENG0"] == {"sdp"}


def test_everything_descends_from_the_playback(graph: dg.AssetGraph) -> None:
    raw = dg.AssetKey(["chandra", "raw", "PLAYBACK"])
    for key in graph.materializable_asset_keys:
        assert raw in graph.get_ancestor_asset_keys(key)


def test_what_comes_from_outside_is_the_playback_and_what_may_be_delivered(graph: dg.AssetGraph) -> None:
    registry = load_registry(load_mission("chandra"))
    delivered = {product.id for product in registry.products.values() if product.delivered}
    assert {"ACIS_EVT2", "ASOL", "OSOL", "ORBIT_EPH1"} <= delivered
    assert {key.path[2] for key in graph.external_asset_keys} == {"PLAYBACK", *delivered}


def test_a_mission_may_be_a_folder_elsewhere(tmp_path: Path) -> None:
    import shutil

    from mta_assets.missions.load import BUILT_IN

    folder = tmp_path / "mine"
    shutil.copytree(BUILT_IN / "jpss", folder)
    text = (folder / "mission.toml").read_text().replace('name = "jpss"', 'name = "mine"')
    (folder / "mission.toml").write_text(text)
    definitions = build_definitions(Settings(mission=str(folder), data=tmp_path / "data"))
    names = {key.path[-1] for key in definitions.resolve_asset_graph().materializable_asset_keys}
    assert "JPSS_ATT_EPHEM_ENG0" in names
