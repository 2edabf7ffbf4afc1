"""Observations on ``dagster dev`` as a process of its own: playbacks in any order, late ones, a run that is killed.

Four minutes a playback: the one in the middle of the observation is late, and its gap short enough to go on without.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta_assets.archive.store import sha256_of
from mta_assets.cli.dagster_process import ENDED
from mta_assets.cli.demo_observations import wait_for_observations
from mta_assets.core.times import to_utc_iso
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.delivery_folder import delivery_folder
from mta_assets.pipelines.ingest import put
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings
from mta_assets.simulate import schedule
from mta_assets.simulate.playbacks import Summary, simulate
from mta_assets.simulate.truth import load
from mta_assets_tests.daemon import PATIENCE, Deployment, deployment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("daemon")]
ORDER = (28105, 28102, 62801)  # the first has no start, the last no stop
KEY = "28102_000"
HOURS, MINUTES = 0.6, 4.0
SENSOR = "chandra_observation_sensor"
TICKS = """query Ticks($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) { ... on Sensor {
  sensorState { ticks(limit: 50) { timestamp status } } } } }"""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, schedule.Dwell]:
    """The run, and the pointing in its middle."""
    entries = {entry.obsid: entry for entry in schedule.load_obscat()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "LEAST_SPAN", 300.0)
        patch.setattr(schedule, "load_obscat", lambda: tuple(entries[obsid] for obsid in ORDER))
        mission = load_mission("chandra")
        folder = tmp_path_factory.mktemp("simulated")
        made = simulate(mission, HOURS, folder, 3, playback_minutes=MINUTES, faults=False)
        dwells = load(made.truth.parent).plan(mission).schedule.dwells
    return made, next(d for d in dwells if d.kind == "observation" and f"{d.obsid}_{d.obi:03d}" == KEY)


@pytest.fixture(scope="module")
def chandra(
    tmp_path_factory: pytest.TempPathFactory, simulated: tuple[Summary, schedule.Dwell]
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("chandra")
    platform = Platform(Settings(mission="chandra", data=folder))
    shutil.copytree(simulated[0].deliveries[0].parent, delivery_folder(platform))
    yield from deployment("chandra", folder)


@pytest.fixture(scope="module")
def pieces(simulated: tuple[Summary, schedule.Dwell]) -> tuple[Path, Path, Path]:
    """Playbacks with the start of the observation, with its middle, and with its stop."""
    made, dwell = simulated
    met = [f.path for f in made.files if f.tstart < dwell.tstop + 10 and f.tstop > dwell.tstart - 10]
    assert len(met) == 3, [to_utc_iso(t, 0) for t in (dwell.tstart, dwell.tstop)]
    return met[0], met[1], met[2]


def observed(chandra: Deployment) -> list[str]:
    """States of the runs for the observation, the oldest first."""
    return [r["status"] for r in chandra.runs("observation") if r["tags"]["mta/observation"] == KEY][::-1]


def play(chandra: Deployment, path: Path) -> None:
    put(chandra.platform, path)
    chandra.until(lambda: chandra.done(path.name), f"{path.name} done")


def made_of(chandra: Deployment, product: int) -> set[str]:
    """Partitions of the inputs of a product."""
    catalog = chandra.platform.catalog
    partitions = {entry.id: entry.partition for entry in catalog.products(current=None)}
    return {partitions[entry.product_id] for entry in catalog.inputs_of(product) if entry.product_id is not None}


def looked_twice(chandra: Deployment) -> None:
    """Wait until the sensor has looked two times more."""
    selector = {"repositoryName": "__repository__", "repositoryLocationName": "mta_assets", "sensorName": SENSOR}

    def ticks() -> int:
        state = chandra.process.query(TICKS, sensor=selector)["sensorOrError"]["sensorState"]
        return sum(tick["status"] != "STARTED" for tick in state["ticks"])

    before = ticks()
    chandra.until(lambda: ticks() >= before + 2, "two looks of the sensor")


def test_an_observation_is_made_when_its_second_playback_is_in_and_not_before(
    chandra: Deployment, pieces: tuple[Path, Path, Path]
) -> None:
    start, _, stop = pieces
    play(chandra, stop)
    looked_twice(chandra)
    entry = chandra.platform.catalog.obi(KEY)
    assert entry is not None
    assert (entry.begun, entry.ended) == (False, True)
    assert observed(chandra) == []
    play(chandra, start)
    wait_for_observations(chandra.process, chandra.platform, PATIENCE)
    looked_twice(chandra)
    assert observed(chandra) == ["SUCCESS"]  # one run for one state, however often the sensor looks
    for stream in ("sdp", "sap"):
        names = {product.file_id for product in chandra.platform.catalog.products(partition=KEY, stream=stream)}
        assert {"ACIS_EVT1", "ACIS_EVT2", "ACIS_SRC2"} <= names, stream


def test_a_late_playback_revises_it_also_when_the_run_is_killed(
    chandra: Deployment, pieces: tuple[Path, Path, Path]
) -> None:
    catalog = chandra.platform.catalog
    (first,) = catalog.products(file_id="ACIS_EVT1", partition=KEY, stream="sdp")
    ended = len(catalog.runs(partition=KEY))
    play(chandra, pieces[1])

    def in_the_middle() -> str | None:
        if len(catalog.runs(partition=KEY)) < ended + 3:
            return None
        return next((r["runId"] for r in chandra.runs("observation") if r["status"] == "STARTED"), None)

    run = chandra.until(in_the_middle, "a run of the observation to kill")
    os.kill(chandra.worker(run), signal.SIGKILL)
    chandra.until(lambda: len(observed(chandra)) == 3 and observed(chandra)[-1] in ENDED, "the run was tried again")
    wait_for_observations(chandra.process, chandra.platform, PATIENCE)
    looked_twice(chandra)
    assert observed(chandra) == ["SUCCESS", "FAILURE", "SUCCESS"]
    versions = catalog.products(file_id="ACIS_EVT1", partition=KEY, stream="sdp", current=None)
    assert sorted(product.version for product in versions) == [1, 2]
    (second,) = catalog.products(file_id="ACIS_EVT1", partition=KEY, stream="sdp")
    print(f"events with and without the playback in the middle: {second.rows}, {first.rows}")
    assert (second.version, second.rows > first.rows) == (2, True)
    late = next(p.partition for p in catalog.playbacks() if p.file_name == pieces[1].name)
    assert late in made_of(chandra, second.id)
    assert late not in made_of(chandra, first.id)


def test_nothing_half_is_left_and_every_file_is_the_one_in_the_catalog(chandra: Deployment) -> None:
    chandra.until(chandra.at_rest, "all playbacks done")
    found = {}
    for entry in chandra.platform.catalog.products(partition=KEY, current=None):
        found[entry.path] = entry.sha256
    files = [path for root in chandra.platform.roots.values() for path in root.rglob(f"*{KEY}N*")]
    assert {str(path): sha256_of(path) for path in files} == found
    assert len(found) > 20
