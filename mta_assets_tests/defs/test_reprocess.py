"""A week of observations made again after a new gain file, by backfills of a real Dagster, one of them killed."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mta_assets.archive.fits_read import read_fits
from mta_assets.archive.store import sha256_of
from mta_assets.cli.dagster_process import ENDED, DagsterProcess
from mta_assets.pipelines.delivery import deliver
from mta_assets.pipelines.platform import Platform
from mta_assets.pipelines.stale import by_partition, stale
from mta_assets.settings import Settings
from mta_assets_tests.cli.house import mta
from mta_assets_tests.daemon import PATIENCE, Deployment
from mta_assets_tests.pipelines.tiny_week import BASELINE, enter, gain_file

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("daemon")]
DAYS = 7
CHAIN = ("ACIS_EVT1", "ACIS_EVT2", "ACIS_SRC2", "ACIS_PHA", "ACIS_LC")
GAIN = "ACIS_CAL_GAIN_CTI"
N0002 = "acisD2000-01-29gain_ctiN0002.fits"
CHANGE = f"{BASELINE.name} → {N0002}"
LONG = 3 * PATIENCE  # [s] for a whole week on a busy machine
RUNS = """{ runsOrError { ... on Runs { results { runId status tags { key value } } } } }"""
TICKS = """query($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) { ... on Sensor { sensorState {
  ticks(limit: 1) { timestamp status } } } } }"""
LATEST = """query($key: AssetKeyInput!, $n: Int!) { assetOrError(assetKey: $key) { ... on Asset {
  assetMaterializations(limit: $n) { partition metadataEntries { label ... on TextMetadataEntry { text }
  ... on JsonMetadataEntry { jsonString } } } } } }"""
LAUNCH = """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) { __typename
  ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
BACKFILL = (
    """query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"""
)


class Week(Deployment):
    """A deployment with a week of observations in its archive."""

    def tagged(self, key: str, value: str | None = None) -> list[dict[str, Any]]:
        """Runs with a tag."""
        results = self.process.query(RUNS)["runsOrError"]["results"]
        return [r for r in results if any(t["key"] == key and value in (None, t["value"]) for t in r["tags"])]

    def products(self, file_id: str, current: bool | None = True) -> list[Any]:
        return self.platform.catalog.products(file_id=file_id, stream="sdp", current=current)

    def versions(self) -> dict[str, list[int]]:
        return {name: [p.version for p in self.products(name)] for name in CHAIN}

    def looked_since(self, moment: float) -> bool:
        """Whether the observation sensor has looked after a moment [s, POSIX]."""
        selector = {"sensorName": "chandra_observation_sensor", "repositoryName": "__repository__",
                    "repositoryLocationName": "mta_assets"}  # fmt: skip
        ticks = self.process.query(TICKS, sensor=selector)["sensorOrError"]["sensorState"]["ticks"]
        return bool(ticks) and ticks[0]["timestamp"] > moment and ticks[0]["status"] != "STARTED"

    def told(self, *path: str, number: int = 1) -> list[dict[str, str]]:
        """Metadata of the newest materialisations of an asset."""
        asset = self.process.query(LATEST, key={"path": ["chandra", *path]}, n=number)["assetOrError"]
        entries = [event["metadataEntries"] for event in asset.get("assetMaterializations", [])]
        return [{e["label"]: e.get("text") or e.get("jsonString") or "" for e in some} for some in entries]

    def ended(self, backfill: str) -> str | None:
        """Status of a backfill that has come to its end."""
        status = self.process.query(BACKFILL, id=backfill)["partitionBackfillOrError"]["status"]
        return status if status not in ("REQUESTED", "COMPLETING", "CANCELING", "FAILING") else None

    def half_done(self) -> str | None:
        """The run of a backfill that has made the events of some days again, and not all."""
        done = sum(p.version == 2 for p in self.products("ACIS_EVT1"))
        assert done < DAYS, "the run was not caught in the middle"
        running = [run["runId"] for run in self.tagged("dagster/backfill") if run["status"] == "STARTED"]
        return running[0] if done > 1 and running else None


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Week]:
    folder = tmp_path_factory.mktemp("week")
    enter(Platform(Settings(mission="chandra", data=folder)), DAYS, folder / "in")
    with DagsterProcess("chandra", folder) as process:
        process.wait_until_ready(PATIENCE)
        yield Week(process)


def test_a_week_is_made_again_by_a_backfill_that_is_killed_in_the_middle_and_by_one_with_nothing_to_do(
    week: Week, monkeypatch: pytest.MonkeyPatch
) -> None:
    week.until(lambda: len(week.products("ACIS_LC")) == DAYS, "the week, made for the first time", LONG)
    week.until(lambda: all(r["status"] in ENDED for r in week.tagged("mta/observation")), "its runs ended", LONG)
    first = {p.path: sha256_of(Path(p.path)) for name in CHAIN for p in week.products(name)}
    assert week.versions() == dict.fromkeys(CHAIN, [1] * DAYS)
    assert stale(week.platform) == []

    deliver(week.platform, gain_file(week.process.data / "in"))
    week.until(lambda: week.told("raw", GAIN), "Dagster told of the delivery")
    told = time.time()
    week.until(lambda: week.looked_since(told), "the sensor's next look")
    assert len(week.tagged("mta/observation")) == DAYS  # it asks for nothing by itself
    assert set(by_partition(stale(week.platform))) >= set(days(week))

    monkeypatch.setenv("DAGSTER_HOME", str(week.process.data / "dagster_home"))
    monkeypatch.setenv("MTA_DATA", str(week.process.data))
    monkeypatch.setenv("MTA_MISSION", "chandra")
    asked = mta("reprocess", "--stale", "--json").json
    assert [row["because"] for row in asked["observations"]] == [f"{GAIN}: {CHANGE}"] * DAYS
    run = week.until(week.half_done, "a run to kill", LONG)
    os.kill(week.worker(run), signal.SIGKILL)
    status = week.until(lambda: week.ended(asked["backfill"]), "the backfill's end", LONG)
    runs = {r["runId"]: r["status"] for r in week.tagged("dagster/backfill", asked["backfill"])}
    print(f"backfill {status}: runs {sorted(runs.values())}")
    assert (status, runs[run]) == ("COMPLETED_SUCCESS", "FAILURE")
    assert week.versions() == dict.fromkeys(CHAIN, [2] * DAYS)
    week.until(lambda: not stale(week.platform), "the catalogue of the week, which follows by itself", LONG)
    _is_told_everywhere(week, first)

    ids = {p.id for p in week.platform.catalog.products(current=None)}
    paths = [["chandra", "sdp", name] for name in CHAIN]
    params = {"assetSelection": [{"path": path} for path in paths], "partitionNames": days(week)}
    launched = week.process.query(LAUNCH, p=params)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    status = week.until(lambda: week.ended(launched["backfillId"]), "the second backfill's end", LONG)
    assert status == "COMPLETED_SUCCESS"
    assert {p.id for p in week.platform.catalog.products(current=None)} == ids
    assert week.platform.catalog.runs(pipe_id="ACIS_L1")[-1]["message"] == "1 products, 1 of them unchanged"


def days(week: Week) -> list[str]:
    return [entry.partition for entry in week.platform.catalog.obis()]


def _is_told_everywhere(week: Week, first: dict[str, str]) -> None:
    """The old version byte for byte, the new one as the gain says, and the reason in catalog, lineage and Dagster."""
    catalog = week.platform.catalog
    assert {path: sha256_of(Path(path)) for path in first} == first
    assert {p.path for name in CHAIN for p in week.products(name, current=False)} == set(first)
    (gain,) = catalog.products(file_id=GAIN)
    for new in week.products("ACIS_EVT1"):
        given = {one.name: one for one in catalog.inputs_of(new.id)}
        assert (given[N0002].product_id, given[N0002].sha256) == (gain.id, sha256_of(Path(gain.path)))
        message = catalog.run_message(new.run_id)
        assert message.endswith(f"because: {CHANGE}"), message
        old = next(p for p in week.products("ACIS_EVT1", current=False) if p.partition == new.partition)
        before, after = (read_fits(Path(p.path), "X").tables[0] for p in (old, new))
        assert after["energy"] == pytest.approx(1.1 * before["energy"], rel=1e-5)
        assert (after["pi"] == np.minimum((after["energy"] / np.float32(14.6)).astype(int) + 1, 1024)).all()
        assert (after["pi"] != before["pi"]).mean() > 0.9
    rows = mta("lineage", week.products("ACIS_EVT2")[0].name, "--depth", "2", "--json").json
    assert [row["because"] for row in rows if row["name"].endswith("N002_evt1.fits")] == [CHANGE]
    metadata = week.told("sdp", "ACIS_EVT1")[0]
    assert json.loads(metadata["because"]) == [CHANGE]
    assert json.loads(metadata["calibration"])[N0002] == gain.sha256
