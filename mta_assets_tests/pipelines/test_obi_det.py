"""The pipelines of docs/observations.md on simulated playbacks: intervals from telemetry into the catalog."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import mta_assets
from mta_assets.missions.load import BUILT_IN, load_mission
from mta_assets.pipelines.archive_sink import ZONE
from mta_assets.pipelines.registry import load_registry
from mta_assets.pipelines.registry_check import check
from mta_assets.simulate.playbacks import simulate
from mta_assets_tests.playback_files import House, simulated

PAGE = Path(mta_assets.__file__).parent.parent / "docs" / "observations.md"
SEGMENTS = r"""
[product.OBI_SEG]
title   = "Segments"
level   = "05"
pattern = 'obisegf(?P<tstart>\d{9})N(?P<version>\d{3})_seg0\.fits'
suffix  = "_seg0.fits"

[product.OBIS]
title   = "Intervals"
level   = "05"
pattern = 'obisf(?P<tstart>\d{9})N(?P<version>\d{3})_obi0\.fits'
suffix  = "_obi0.fits"

[pipeline.OBI_SEG]
title   = "Segments"
level   = "05"
group   = "level05"
inputs  = ["CCDM_ENG0", "PCAD_ENG0"]
optional_inputs = ["SIM_ENG0", "SMS_ENG0"]
outputs = ["OBI_SEG"]
root    = "obisegf{tstart:09d}N{version:03d}"
[[pipeline.OBI_SEG.profile]]
tool    = "mta_assets.level05.detect:extract_segments"
reads   = ["CCDM_ENG0", "PCAD_ENG0", "SIM_ENG0", "SMS_ENG0"]
writes  = ["products"]
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    """The reference mission, with these two pipelines alone at level 0.5, whatever its own registry has there."""
    mission = tmp_path / "mission"
    shutil.copytree(BUILT_IN / "chandra", mission)
    for path in (mission / "registry").glob("*.toml"):
        if path.name not in ("facts.toml", "level0.toml", "monitors.toml", "delivered.toml"):
            path.unlink()
    block = PAGE.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    (mission / "registry" / "obi_det.toml").write_text(SEGMENTS + block)
    return House(tmp_path, mission=str(mission))


def test_the_block_of_the_page_holds_together(house: House) -> None:
    assert check(house.platform.registry) == []


def test_who_waits_for_lost_telemetry_is_still_looked_at_when_it_is_settled() -> None:
    pipeline = load_registry(load_mission("chandra")).pipeline("OBI_DET")
    (patience,) = [step.params["patience"] for step in pipeline.profile if "patience" in step.params]
    assert 0 < patience < ZONE * pipeline.reach - 86400.0  # a playback of a day, too


def test_intervals_of_simulated_playbacks_do_not_depend_on_their_order(house: House, tmp_path: Path) -> None:
    found = []
    for turn, house_of_turn in enumerate((house, House(tmp_path / "other", mission=house.settings.mission))):
        names = list(simulated().names)
        for name in names if turn else names[::-1]:
            arrival = house_of_turn.arrive(name, simulated().files[name])
            outcomes = house_of_turn.run(arrival.partition or "", "EDE", "OBI_SEG", "OBI_DET")
            assert set(outcomes.values()) == {"done"}
        found.append([(e.partition, e.tstart, e.tstop, e.begun, e.ended) for e in house_of_turn.catalog.obis()])
    assert found[0] == found[1]
    assert found[0]
    products = house.catalog.products(file_id="OBIS")
    assert len(products) == len(simulated().names)
    last = max(products, key=lambda product: product.id)
    assert len(house.catalog.inputs_of(last.id)) == len(products)  # the last run saw the segments of all playbacks


def test_the_first_interval_of_all_is_complete_after_three_days_and_a_finding_says_what_it_lacks(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    later = simulate(
        load_mission("chandra"), 0.5, tmp_path / "later", 3, start="2024-03-03T23:40:00", playback_minutes=10.0,
        faults=False,
    )  # fmt: skip
    first = simulated().names[0]
    files = {first: simulated().files[first]}  # its observation ends within it, and began before
    files |= {written.path.name: written.path.read_bytes() for written in later.files[::2]}
    edges = []
    for name, content in files.items():
        arrival = house.arrive(name, content)
        assert set(house.run(arrival.partition or "", "EDE", "OBI_SEG", "OBI_DET").values()) == {"done"}
        entry = house.catalog.obis()[0]
        result = house.platform.execute("OBSPAR", "sdp", entry.partition)
        edges.append((entry.begun, entry.facts["start_edge"], result.outcome))
    # the newest telemetry is of the same hour, then ten minutes short of three days later, then ten minutes more
    assert edges == [(False, "open", "nothing to do"), (False, "open", "nothing to do"), (True, "lost", "done")]
    assert result.findings is not None
    assert result.findings["detail"].tolist() == [
        "its start lies in telemetry that has not come: the interval begins with the first sample that there is; "
        "a playback that still comes revises it"
    ]
