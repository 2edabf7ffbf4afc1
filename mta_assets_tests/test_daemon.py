"""The real thing: ``dagster dev`` as a process of its own, files that come in, and what it makes of them by itself."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.products import read_fits
from mta_assets.missions.load import load_mission
from mta_assets.pipelines.ingest import put
from mta_assets.pipelines.status import report
from mta_assets.simulate.playbacks import simulate
from mta_assets.telemetry.ccsds import frame_bytes
from mta_assets.telemetry.xtce import load_xtce
from mta_assets_tests.daemon import PATIENCE, Deployment, deployment
from mta_assets_tests.realdata import realdata
from mta_assets_tests.telemetry.spp_reference import reference, same

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("daemon")]
IMPORT = 5.0  # [s] of processor time, from nothing to the definitions
JPSS = "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1"
ASSETS = """{ assetNodes { assetKey { path } partitionKeys partitionStats { numMaterialized numFailed }
  assetChecksOrError { ... on AssetChecks { checks { name executionForLatestMaterialization { status } } } } } }"""


@pytest.fixture(scope="module")
def playbacks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Five playbacks of six minutes."""
    summary = simulate(load_mission("chandra"), 0.5, tmp_path_factory.mktemp("simulated"), 5, playback_minutes=6)
    return [written.path for written in summary.files]


@pytest.fixture(scope="module")
def chandra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    yield from deployment("chandra", tmp_path_factory.mktemp("chandra"))


@pytest.fixture(scope="module")
def jpss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    yield from deployment("jpss", tmp_path_factory.mktemp("jpss"))


def test_the_code_location_is_imported_within_five_seconds(tmp_path: Path) -> None:
    code = (
        "import time; began = time.perf_counter(); import mta_assets.definitions as d; d.defs.get_repository_def(); "
        "print(time.perf_counter() - began, time.process_time())"
    )
    environment = {**os.environ, "MTA_DATA": str(tmp_path), "MTA_MISSION": "chandra"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    wall, processor = map(float, done.stdout.split())
    print(f"import of the definitions: {wall:.2f} s, {processor:.2f} s of processor time")
    assert processor < IMPORT


def test_playbacks_that_are_put_in_become_products_by_themselves(chandra: Deployment, playbacks: list[Path]) -> None:
    for path in playbacks[:2]:
        put(chandra.platform, path)
    for path in playbacks[:2]:
        chandra.until(lambda name=path.name: chandra.done(name), f"{path.name} done")
    chandra.until(lambda: all(run["status"] == "SUCCESS" for run in chandra.runs()), "all runs ended well")
    runs = chandra.runs()
    assert len(runs) == 2
    assert [run["stats"]["stepsFailed"] for run in runs] == [0, 0]
    partitions = {entry.partition for entry in chandra.platform.catalog.playbacks()}
    made = {entry.file_id for entry in chandra.platform.catalog.products()}
    checks = 0
    registry = chandra.platform.registry
    by_playback = {name for pipeline in registry.pipelines_of("playback") for name in pipeline.assets}
    for node in chandra.process.query(ASSETS)["assetNodes"]:
        *_, stream, name = node["assetKey"]["path"]
        if name not in (by_playback if stream != "raw" else {chandra.platform.raw_product.id}):
            continue
        assert set(node["partitionKeys"]) == partitions, node
        assert node["partitionStats"]["numFailed"] == 0, node
        if name in made or name.startswith("STATIC"):
            assert node["partitionStats"]["numMaterialized"] > 0, node
        for check in node["assetChecksOrError"].get("checks", []):
            latest = check["executionForLatestMaterialization"]
            assert latest is None or latest["status"] == "SUCCEEDED", (node["assetKey"], check)
            checks += latest is not None
    assert checks > 50
    latency = report(chandra.platform, 0)["latency"]
    print(f"latency over {latency['count']} playbacks: p50 {latency['p50']:.1f} s, p95 {latency['p95']:.1f} s")
    assert latency["count"] == 2


def test_the_day_of_the_playbacks_is_made_again_by_itself(chandra: Deployment) -> None:
    file_id = "TREND_ACIS_TEMPERATURES"
    (product,) = chandra.until(lambda: chandra.platform.catalog.products(file_id=file_id), "the trend of the day")
    assert product.partition == "2024-03-01"
    chandra.until(lambda: any(r["status"] == "SUCCESS" for r in chandra.runs("daily")), "its run ended well")


def test_a_bad_file_goes_to_quarantine_and_the_next_playback_goes_through(
    chandra: Deployment, playbacks: list[Path]
) -> None:
    bad = chandra.platform.settings.incoming / "2024_062_0000_0100_Dump_EM_00099.vcdu"
    bad.write_bytes(np.random.default_rng(99).bytes(200_000))
    put(chandra.platform, playbacks[2])
    refused = chandra.until(
        lambda: [q for q in report(chandra.platform)["quarantine"] if q["file"] == bad.name], "the bad file refused"
    )
    print(f"quarantine: {refused[0]['reason']}")
    assert not bad.exists()
    assert len(list(chandra.platform.settings.quarantine.rglob(f"*{bad.name}*"))) >= 1
    chandra.until(lambda: chandra.done(playbacks[2].name), "the playback after the bad file")


def test_a_run_whose_process_is_killed_is_tried_again_by_itself(chandra: Deployment, playbacks: list[Path]) -> None:
    name = put(chandra.platform, playbacks[3]).name
    run = chandra.until(lambda: chandra.in_the_middle(name), "a run to kill")
    os.kill(chandra.worker(run), signal.SIGKILL)
    began = time.monotonic()
    chandra.until(lambda: chandra.done(name), "the killed run's playback")
    print(f"a killed run: its playback was done {time.monotonic() - began:.1f} s later")
    assert next(r for r in chandra.runs() if r["runId"] == run)["status"] == "FAILURE"
    _agrees(chandra)


def test_after_everything_is_killed_the_next_start_finishes_the_playback(
    chandra: Deployment, playbacks: list[Path]
) -> None:
    name = put(chandra.platform, playbacks[4]).name
    run = chandra.until(lambda: chandra.in_the_middle(name), "a run to interrupt")
    for pid in chandra.process.processes():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    chandra.until(lambda: not chandra.process.processes(), "all processes dead")
    assert chandra.done(name) is None
    chandra.process.stop()
    chandra.process.start()
    ready = chandra.process.wait_until_ready(PATIENCE)
    began = time.monotonic()
    chandra.until(lambda: chandra.done(name), "the interrupted playback")
    print(f"a dead Dagster: started in {ready:.1f} s, the playback was done {time.monotonic() - began:.1f} s later")
    assert next(r for r in chandra.runs() if r["runId"] == run)["status"] == "FAILURE"
    _agrees(chandra)


def _agrees(chandra: Deployment) -> None:
    """Each product has its file and each file its product, once each, as soon as nothing is in the making.

    Days and observations are asked for by themselves, at any moment after a playback: while they are made their
    files stand in the staging folder, or in the archive a moment before their entries.
    """
    chandra.until(chandra.at_rest, "all playbacks ended")
    chandra.until(lambda: not any(_astray(chandra)), "files and the catalog agree", instead=lambda: _astray(chandra))
    # What is said of observations follows from the playbacks beside it, too: a repeated run may say more.
    entries = [entry for entry in chandra.platform.catalog.products(current=None) if entry.level != "trend"]
    assert all(entry.version == 1 for entry in entries if entry.file_id != "OBIS")


def _astray(chandra: Deployment) -> tuple[set[str], set[str], set[str]]:
    """Files without a product, products without a file, and files of which two products speak."""
    paths = [entry.path for entry in chandra.platform.catalog.products(current=None)]
    files = {str(path) for root in chandra.platform.roots.values() for path in root.rglob("*.fits")}
    return files - set(paths), set(paths) - files, {path for path in paths if paths.count(path) > 1}


def test_the_jpss_file_dropped_into_the_folder_becomes_level_0_value_for_value(jpss: Deployment) -> None:
    source = realdata("packets", "jpss", JPSS)
    incoming = jpss.platform.settings.incoming
    incoming.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, incoming / JPSS)  # a plain copy, with no checksum beside it
    row = jpss.until(lambda: jpss.done(JPSS), "the JPSS file")
    print(f"JPSS-1: done after {row['latency [s]']} s")
    jpss.until(lambda: [run["status"] for run in jpss.runs()] == ["SUCCESS"], "its run ended well")
    entries = jpss.platform.catalog.products(file_id="JPSS_ATT_EPHEM_ENG0")
    products = [read_fits(Path(entry.path), entry.file_id) for entry in entries]
    values, counts = (
        {name: np.concatenate([p.table(table)[name] for p in products]) for name in products[0].table(table).columns}
        for table in ("VALUES", "COUNTS")
    )
    definition = load_xtce(realdata("packets", "jpss", "jpss1_geolocation_xtce_v1.xml")).definitions[0]
    packets, flaws = frame_bytes(source.read_bytes())
    assert flaws == []
    compared = 0
    for number in range(len(packets)):
        start = int(packets.offset[number])
        theirs = reference(definition, packets.data[start : start + int(packets.length[number])].tobytes())
        for name, expected in theirs.items():
            assert same(values[name][number].item(), expected), (number, name)
            assert same(counts[name][number].item(), expected.raw_value), (number, name)
            compared += 1
    assert len(packets) == len(values["TIME"]) == 7200
    assert compared == 7200 * 27
    print(f"JPSS-1: {compared} values of {len(packets)} packets equal to those of space_packet_parser")


def test_nothing_is_left_of_a_dagster_that_was_stopped(chandra: Deployment, jpss: Deployment) -> None:
    for each in (chandra, jpss):
        assert each.process.processes()
        each.process.stop()
        assert each.process.processes() == {}
