from __future__ import annotations

from pathlib import Path

import pytest

from mta_assets.core.errors import BadData, ConfigError
from mta_assets_tests.pipelines.toy import REGISTRY, make_mission, make_registry


def test_foreach_makes_one_product_and_one_pipeline_for_each_of_a_list(tmp_path: Path) -> None:
    registry = make_registry(tmp_path)
    assert list(registry.products) == ["RAW", "EVT0", "EPS_STATIC", "TEL_STATIC"]
    static = registry.pipeline("STATIC_TEL")
    assert (static.title, static.outputs, static.root) == (
        "Monitor TEL", ["TEL_STATIC"], "telf{tstart:09d}N{version:03d}",
    )  # fmt: skip
    assert static.profile[0].params == {"subsystem": "TEL"}
    assert registry.product("TEL_STATIC").pattern == r"telf(?P<tstart>\d{9})N(?P<version>\d{3})_static\.fits"


def test_foreach_may_carry_its_own_list_and_outputs_may_stand_for_a_whole_list(tmp_path: Path) -> None:
    text = REGISTRY.replace('foreach = "subsystem"', 'foreach = { subsystem = ["EPS", "TEL"] }')
    text = text.replace('outputs = ["EVT0"]', 'outputs = ["EVT0", "{subsystem}_STATIC"]')
    registry = make_registry(tmp_path, text)
    assert registry.pipeline("EXTRACT").outputs == ["EVT0", "EPS_STATIC", "TEL_STATIC"]
    assert registry.pipeline("STATIC_EPS").inputs == ["EVT0"]


def test_pipelines_come_after_those_that_make_their_inputs(tmp_path: Path) -> None:
    assert [p.id for p in make_registry(tmp_path).pipelines_of("playback")] == ["EXTRACT", "STATIC_EPS", "STATIC_TEL"]


def test_a_name_is_recognised_and_an_unknown_one_is_not(tmp_path: Path) -> None:
    registry = make_registry(tmp_path)
    assert registry.recognise("toyf800000000N002_1_evt0.fits") == (
        "EVT0", {"tstart": 800000000, "version": 2, "fep_id": 1},
    )  # fmt: skip
    with pytest.raises(BadData, match="fits no registered product"):
        registry.recognise("x.fits")


def test_the_version_follows_the_content_and_not_its_form(tmp_path: Path) -> None:
    first = make_registry(tmp_path / "a").version
    assert make_registry(tmp_path / "b", "# a comment\n" + REGISTRY).version == first
    assert make_registry(tmp_path / "c", REGISTRY.replace("feps = 3", "feps = 4")).version != first
    mission = make_mission(tmp_path / "d")
    head, _, rest = REGISTRY.partition("[product.RAW]")
    (mission.registry_folder / "all.toml").write_text("[product.RAW]" + rest)
    (mission.registry_folder / "facts.toml").write_text(head)
    from mta_assets.pipelines.registry import load_registry

    assert load_registry(mission).version == first


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Events"', 'titel = "Events"', r"unknown key 'product\.EVT0\.titel'; known there: .*title"),
        ('reads = ["request"]', 'raeds = ["request"]', r"raeds.*known there: exec, params, reads"),
        (r"pattern = 'toyf", r"pattern = '(toyf", "not a regular expression"),
        ('streams = ["sdp", "sap"]', "streams = []", "expected sdp, sap or both"),
        ('"subsystem"\ntitle = "Mon', '"nothing"\ntitle = "Mon', "no list 'nothing'; known: subsystem"),
        ("[pipeline.EXTRACT]", "[pipeline.extract]\nprofile = []\n[pipeline.EXTRACT]", "profile"),
        ("[product.EVT0]", '[product."a b"]\npattern = "x"\n[product.EVT0]', "no identifier"),
        ('tool = "mta_assets_tests.pipelines.toy:extract"', "", "expected either tool or exec"),
    ],
)  # fmt: skip
def test_a_wrong_key_or_value_is_refused_with_the_file_and_what_is_known(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in REGISTRY
    with pytest.raises(ConfigError, match=message) as caught:
        make_registry(tmp_path, REGISTRY.replace(old, new))
    assert "all.toml" in str(caught.value)


def test_a_thing_declared_twice_is_refused(tmp_path: Path) -> None:
    from mta_assets.pipelines.registry import load_registry

    mission = make_mission(tmp_path)
    (mission.registry_folder / "more.toml").write_text('[product.EVT0]\npattern = "x"\n')
    with pytest.raises(ConfigError, match="EVT0 is declared twice"):
        load_registry(mission)
    (mission.registry_folder / "more.toml").write_text('[facts]\ndetector = ["HRC-I"]\n')
    with pytest.raises(ConfigError, match=r"facts\.detector is declared with another value"):
        load_registry(mission)
