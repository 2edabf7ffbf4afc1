"""What a new calibration file touches, how far it goes down, and that a version says why it is another one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mta_assets.archive.entries import InputEntry
from mta_assets.archive.lineage import because
from mta_assets.archive.store import sha256_of
from mta_assets.missions.load import BUILT_IN
from mta_assets.pipelines.ancestry import ancestry
from mta_assets.pipelines.delivery import deliver, withdraw
from mta_assets.pipelines.platform import Platform
from mta_assets.pipelines.stale import by_partition, stale
from mta_assets.settings import Settings
from mta_assets_tests.cli.house import mta
from mta_assets_tests.pipelines.tiny_week import BASELINE, enter, gain_file, make

CHAIN = {"ACIS_EVT1", "ACIS_EVT2", "ACIS_SRC2", "ACIS_PHA", "ACIS_LC"}
N0002 = "acisD2000-01-29gain_ctiN0002.fits"
CHANGE = f"{BASELINE.name} → {N0002}"


def entry(name: str, content: str = "a") -> InputEntry:
    return InputEntry(name, content)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ([entry("gainN0001")], [entry("gainN0002")], "gainN0001 → gainN0002"),
        ([entry("gainN0001")], [entry("gainN0001", "b")], "gainN0001 has other bytes"),
        ([entry("x1N001"), entry("x2N001")], [entry("x1N001")], "without x2N001"),
        ([], [entry("osolN001")], "with osolN001"),
        ([entry("aN001"), entry("b")], [entry("b"), entry("aN002")], "aN001 → aN002"),
        ([], [entry(f"x{n}") for n in range(5)], "with x0, x1, x2 and 2 more"),
        ([entry("b")], [entry("b")], ""),
    ],
)
def test_what_differs_between_inputs_is_said_in_words(
    before: list[InputEntry], after: list[InputEntry], words: str
) -> None:
    assert because(before, after) == words


@pytest.fixture
def platform(tmp_path: Path, url: str) -> Platform:
    folder = tmp_path / "mission"
    shutil.copytree(BUILT_IN / "chandra", folder)
    return Platform(Settings(mission=str(folder), data=tmp_path / "data", catalog_url=url))


def test_a_new_gain_touches_the_events_of_its_time_and_what_descends_from_them_until_they_are_made_again(
    platform: Platform, tmp_path: Path
) -> None:
    first, second = enter(platform, 2, tmp_path / "in")
    make(platform, [first, second])
    assert stale(platform) == []
    deliver(platform, gain_file(tmp_path))
    found = stale(platform)
    assert set(by_partition(found)) == {first, second}
    touched = {one.product.file_id for one in found}
    assert touched >= CHAIN
    assert not touched & {"ACIS_BPIX1", "OBSPAR"}  # the gain does not touch the bad pixels
    assert [one.reasons for one in found if one.product.file_id == "ACIS_EVT1"] == 2 * [
        (f"ACIS_CAL_GAIN_CTI: {CHANGE}",)
    ]
    (below,) = {one.reasons for one in stale(platform, first) if one.product.file_id == "ACIS_EVT2"}
    assert below == (f"made from acisf{first}N001_evt1.fits",)
    make(platform, [first], only=["ACIS_L1"])  # as a run that died half way leaves it
    left = {one.product.file_id: one.reasons[0] for one in stale(platform, first)}
    assert set(left) == touched - {"ACIS_EVT1"}
    assert left["ACIS_EVT2"] == f"acisf{first}N001_evt1.fits does not stand any more"
    make(platform, [first])
    assert {one.product.partition for one in stale(platform)} == {second}
    versions = {p.file_id: p.version for p in platform.catalog.products(partition=first, origin="pipeline")}
    assert {name: versions[name] for name in CHAIN} == dict.fromkeys(CHAIN, 2)
    assert (versions["ACIS_BPIX1"], versions["OBSPAR"]) == (1, 1)
    withdraw(platform, N0002)
    assert set(by_partition(stale(platform))) == {first}  # the other was never made of it


def test_a_changed_file_of_the_baseline_is_noticed(platform: Platform, tmp_path: Path) -> None:
    (key,) = enter(platform, 1, tmp_path / "in")
    make(platform, [key], only=["ACIS_L1"])
    gain_file(platform.mission.folder / "calibration", BASELINE.name)
    (one,) = stale(platform)
    assert one.reasons == (f"ACIS_CAL_GAIN_CTI: {BASELINE.name} has other bytes",)


def test_a_file_for_another_time_touches_nothing(platform: Platform, tmp_path: Path) -> None:
    (key,) = enter(platform, 1, tmp_path / "in")
    make(platform, [key], only=["ACIS_L1"])
    for name in ("acisD2024-03-05gain_ctiN0001.fits", "acisD1999-08-01gain_ctiN0009.fits"):  # later; older
        deliver(platform, gain_file(tmp_path, name))
    assert stale(platform) == []
    deliver(platform, gain_file(tmp_path, "acisD2024-03-04gain_ctiN0001.fits"))
    assert [one.product.file_id for one in stale(platform)] == ["ACIS_EVT1"]


def test_the_new_version_stands_beside_the_old_one_and_says_why(platform: Platform, tmp_path: Path) -> None:
    (key,) = enter(platform, 1, tmp_path / "in")
    make(platform, [key], only=["ACIS_L1", "ACIS_L2"])
    old = {p.name: sha256_of(Path(p.path)) for p in platform.catalog.products(partition=key, pipe_id="ACIS_L1")}
    deliver(platform, gain_file(tmp_path))
    results = make(platform, [key], only=["ACIS_L1", "ACIS_L2"])
    assert [platform.catalog.run_message(one.run_id) for one in results] == [
        f"1 products, because: {CHANGE}",
        f"1 products, because: acisf{key}N001_evt1.fits → acisf{key}N002_evt1.fits",
    ]
    kept = platform.catalog.products(pipe_id="ACIS_L1", current=False)
    assert {p.name: sha256_of(Path(p.path)) for p in kept} == old
    rows = ancestry(platform, f"acisf{key}N002_evt2.fits", depth=0)
    assert [(row["step"], row["name"]) for row in rows][:2] == [
        (0, f"acisf{key}N002_evt2.fits"), (1, f"acisf{key}N002_evt1.fits"),
    ]  # fmt: skip
    assert rows[1]["because"] == CHANGE
    told = {row["name"]: row for row in rows}
    assert (told[N0002]["origin"], told[N0002]["sha256"]) == ("delivered", sha256_of(tmp_path / N0002))
    assert told["acisD2000-01-29ctiN0001.fits"]["origin"] == "calibration of chandra"
    again = make(platform, [key], only=["ACIS_L1"])
    assert [platform.catalog.run_message(one.run_id) for one in again] == ["1 products, 1 of them unchanged"]


def test_the_commands_list_what_is_stale_and_why(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTA_MISSION", platform.settings.mission)
    monkeypatch.setenv("MTA_DATA", str(platform.settings.data))
    monkeypatch.setenv("MTA_CATALOG_URL", platform.settings.database_url)
    (key,) = enter(platform, 1, tmp_path / "in")
    make(platform, [key])
    assert mta("observations", "--stale", "--json").json == []
    assert mta("reprocess", "--stale", "--json").json == {"backfill": None, "observations": []}
    deliver(platform, gain_file(tmp_path))
    (row,) = mta("observations", "--stale", "--json").json
    assert (row["observation"], row["because"]) == (key, f"ACIS_CAL_GAIN_CTI: {CHANGE}")
    assert row["products"] >= len(CHAIN)
    (row,) = mta("products", "--stale", "ACIS_EVT2", "--json").json
    assert row["because"] == f"made from acisf{key}N001_evt1.fits"
    asked = mta("reprocess", "--stale", "--dry-run", "--json").json
    assert asked == {
        "backfill": None,
        "observations": [{"observation": key, "because": f"ACIS_CAL_GAIN_CTI: {CHANGE}"}],
    }
    assert "no complete observation 00001_000" in mta("reprocess", "00001_000", code=1).err
    assert "--stale" in mta("reprocess", code=2).err
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert "there is no dagster.yaml" in mta("reprocess", key, code=1).err
    assert mta("lineage", f"acisf{key}N001_evt1.fits").out.count("acisD") == 4
    assert "there is no product" in mta("lineage", "nothing.fits", code=1).err
