"""What the simulator put in comes out of the platform: events, samples, images, attitude and faults, all of them.

The compact run is three hours with every observation of the OBSCAT in it; the long one a day with every kind of
fault, in playbacks of three hours, so that each is read in several blocks.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mta_assets.archive.products import read_fits
from mta_assets.level0.acis_columns import ESTIMATED, SUSPECT_FRAME
from mta_assets.simulate import faults, schedule
from mta_assets.simulate.compare import compare
from mta_assets_tests import truth_events, truth_samples
from mta_assets_tests.needs import program
from mta_assets_tests.truth_events import without_expno
from mta_assets_tests.truth_runs import DETECTORS, MODES, Run, digest, execute, found_in, make, only_playback

COMPACT = pytest.param("compact", marks=pytest.mark.xdist_group("truth compact"))
DAY = pytest.param("day", marks=[pytest.mark.slow, pytest.mark.xdist_group("truth day")])
TICK = 1.1e-5  # [s] of the clock that times exposures
ARCSEC = 0.01  # of the attitude: 32-bit quaternions
NO_ROOM = {"compact": {"hot_pixel"}, "day": set()}  # no observation of the compact run fills a playback


@pytest.fixture(scope="module", params=[COMPACT, DAY])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "day":
        yield make(folder, hours=24.0, minutes=180.0, seed=1)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "LEAST_SPAN", 900.0)
        yield make(folder, hours=3.0, minutes=60.0, seed=7)


def test_the_run_holds_every_mode_and_every_kind_of_fault(run: Run, request: pytest.FixtureRequest) -> None:
    dwells = run.truth.content["dwells"]
    assert {d["datamode"] for d in dwells if d["kind"] == "observation" and d["datamode"]} == MODES
    assert {d["instrument"] for d in dwells if d["kind"] == "observation"} == DETECTORS
    assert {d["grating"] for d in dwells} == {"NONE", "HETG", "LETG"}
    left_out = NO_ROOM[request.node.callspec.params["run"]]
    assert set(run.truth.content["left_out"]) == left_out
    assert {fault["kind"] for fault in run.truth.faults} == set(faults.KINDS) - left_out


def test_every_injected_fault_is_in_the_catalog_and_no_other(run: Run) -> None:
    found, findings = run.catalog.faults(), run.catalog.findings()
    assert compare(run.truth.content, found, findings, run.catalog.overlaps()) == []
    assert run.catalog.quarantined() == []
    expected = sum(len(fault["expected"]) for fault in run.truth.faults)
    print(f"{len(run.truth.faults)} faults injected, {expected} records expected; {len(found)} faults, "
          f"{len(findings)} findings, {len(run.catalog.overlaps())} overlaps in the catalog")  # fmt: skip


def test_every_acis_event_comes_out_unless_its_frames_were_lost(run: Run) -> None:
    modes: set[str] = set()
    counts = np.zeros(5, int)
    for playback in run.truth.playbacks:
        true = truth_events.acis_put_in(run, playback)
        found = truth_events.acis_found(run, playback["number"])
        estimated, suspect = (found.status & bit != 0 for bit in (ESTIMATED, SUSPECT_FRAME))
        put_in, came_out = digest(true.rows), digest(found.rows)
        somewhere = digest(without_expno(true.rows)), digest(without_expno(found.rows))
        # what came out was put in, and was not in a lost frame
        matched = found_in(came_out, put_in[~true.gone])
        assert matched[~estimated & ~suspect].all()
        assert found_in(somewhere[1], somewhere[0][~true.gone])[~suspect].all()
        # what was put in came out, in its exposure; the number is an estimate where the exposure's record was lost
        assert found_in(somewhere[0][true.safe], somewhere[1]).all()
        exact = found_in(put_in, came_out)
        assert exact[true.safe & ~true.near].all()
        assert np.count_nonzero(true.safe & ~exact) <= np.count_nonzero(estimated)
        # every event of a damaged frame is flagged, and nothing is made of it that was not there
        assert np.count_nonzero(suspect) <= np.count_nonzero(~true.safe & ~true.gone)
        assert len(found.rows) <= np.count_nonzero(~true.gone)
        both = np.argsort(put_in[exact], kind="stable"), np.argsort(came_out[matched], kind="stable")
        np.testing.assert_allclose(true.time[exact][both[0]], found.time[matched][both[1]], atol=TICK, rtol=0)
        modes |= true.modes
        counts += len(true.rows), true.safe.sum(), true.gone.sum(), estimated.sum(), suspect.sum()
    assert modes == MODES
    assert counts[1] > 100_000
    print(f"ACIS: {counts[0]} events put in, {counts[1]} in whole frames and all found exactly, {counts[2]} "
          f"in lost frames and not found; {counts[3]} with an estimated exposure, {counts[4]} flagged")  # fmt: skip


def test_every_hrc_event_comes_out_unless_its_frame_was_lost(run: Run) -> None:
    count = 0
    for playback in run.truth.playbacks:
        true, time = truth_events.hrc_put_in(run, playback)
        found, stated = truth_events.hrc_found(run, playback)
        np.testing.assert_array_equal(found, true)
        np.testing.assert_allclose(stated, time, atol=1e-6, rtol=0)
        count += len(true)
    assert count > 100_000
    print(f"HRC: {count} events, all found exactly")


def test_every_engineering_sample_comes_out_with_its_count_and_its_value(run: Run) -> None:
    seen: set[str] = set()
    samples = 0
    for playback in run.truth.playbacks:
        msids, count = truth_samples.compare_samples(run, playback)
        seen |= msids
        samples += count
    assert seen == set(run.plan.dictionary.msids)
    print(f"engineering: {samples} samples of {len(seen)} MSIDs, all equal")


def test_every_image_of_the_aspect_camera_comes_out_pixel_for_pixel(run: Run) -> None:
    images = [truth_samples.compare_images(run, playback) for playback in run.truth.playbacks]
    assert min(images) > 1000
    print(f"aspect camera: {sum(images)} images, all equal")


def test_the_attitude_is_that_of_the_on_board_computer(run: Run) -> None:
    samples = [truth_samples.compare_attitude(run, playback, ARCSEC) for playback in run.truth.playbacks]
    assert min(samples) > 1000
    print(f"attitude: {sum(samples)} samples within {ARCSEC} arcsec")


def test_quick_look_products_stand_in_the_temporary_folder_only(run: Run) -> None:
    for stream, root in run.platform.roots.items():
        entries = run.catalog.products(current=None)
        mine = {entry.path for entry in entries if entry.stream == stream}
        assert mine == {str(path) for path in root.rglob("*.fits")}
    hashes = [{p.name: p.sha256 for p in run.catalog.products(stream=stream)} for stream in ("sdp", "sap")]
    assert hashes[1]
    assert hashes[1].items() <= hashes[0].items(), "the same code on the same telemetry"


@pytest.mark.parametrize("run", [COMPACT], indirect=True)
def test_every_product_file_opens_in_astropy_without_a_warning_and_its_checksums_hold(run: Run) -> None:
    from astropy.io import fits

    files = 0
    for root in run.platform.roots.values():
        for path in sorted(root.rglob("*.fits")):
            ours = read_fits(path, "")
            with fits.open(path, memmap=False, checksum=True) as hdus:
                hdus.verify("exception")
                assert all("CHECKSUM" in hdu.header and "DATASUM" in hdu.header for hdu in hdus), path.name
                assert len(hdus) == 1 + len(ours.tables)
                for hdu, table in zip(hdus[1:], ours.tables, strict=True):
                    assert hdu.columns.names == list(table.columns), path.name
                    for name, column in table.columns.items():
                        np.testing.assert_array_equal(hdu.data[name], column, err_msg=f"{path.name} {name}")
            files += 1
    assert files == len(run.catalog.products())
    print(f"{files} product files read by astropy")


@pytest.mark.parametrize("run", [COMPACT], indirect=True)
def test_fitsverify_has_nothing_to_say_of_any_product_file(run: Run) -> None:
    verifier = program("fitsverify", "fitsverify")
    for root in run.platform.roots.values():
        paths = sorted(map(str, root.rglob("*.fits")))
        done = subprocess.run([verifier, "-q", *paths], capture_output=True, text=True, check=False)
        assert sorted(done.stdout.splitlines()) == sorted(f"verification OK: {path}" for path in paths)


@pytest.mark.parametrize("run", [COMPACT], indirect=True)
def test_the_same_playback_gives_the_same_bytes_in_another_folder(run: Run, tmp_path: Path) -> None:
    busy = max(run.truth.playbacks, key=lambda p: min(p["events"]["acis"]["count"], p["events"]["hrc"]["count"]))
    entry = run.catalog.playback(run.partitions[busy["number"]])
    assert entry is not None
    other = only_playback(tmp_path, run.folder / "simulated" / busy["name"], entry.created)
    execute(other, entry.partition)
    for stream in ("sdp", "sap"):
        here, there = (
            {p.name: p.sha256 for p in products if p.file_id not in around(run)}
            for products in (
                run.catalog.products(partition=entry.partition, stream=stream), other.catalog.products(stream=stream),
            )
        )  # fmt: skip
        assert there == here
        assert len(here) > 5


@pytest.mark.parametrize("run", [COMPACT], indirect=True)
def test_processing_again_leaves_every_product_as_it_is(run: Run) -> None:
    before = [p for p in run.catalog.products(current=None) if p.file_id not in around(run)]
    faults_before, findings_before = run.catalog.faults(), run.catalog.findings()
    partition = run.partitions[0]
    results = execute(run.platform, partition)
    reaching = {pipeline.id for pipeline in run.platform.registry.pipelines_of("playback") if pipeline.reach}
    written = [product for result in results for product in result.products if result.pipe_id not in reaching]
    assert len(written) == len([p for p in before if p.partition == partition])
    assert not any(product.changed for product in written)
    after = [p for p in run.catalog.products(current=None) if p.file_id not in around(run)]
    assert [(p.id, p.name, p.version, p.sha256) for p in after] == [(p.id, p.name, p.version, p.sha256) for p in before]
    assert all(p.current and p.version == 1 for p in after)
    again = run.catalog.faults(), run.catalog.findings()
    for old, new in zip((faults_before, findings_before), again, strict=True):
        assert [_content(row) for row in new] == [_content(row) for row in old]


def around(run: Run) -> set[str]:
    """Products of a playback that are made of its neighbours as well: observation intervals."""
    return {file_id for p in run.platform.registry.pipelines_of("playback") if p.reach for file_id in p.outputs}


def _content(row: dict[str, object]) -> dict[str, str]:
    """A row without what tells one run from another."""
    return {name: repr(value) for name, value in row.items() if name not in ("id", "run_id")}


@pytest.mark.xdist_group("truth clean")
def test_a_run_without_faults_has_no_faults_and_no_findings(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "LEAST_SPAN", 600.0)
    run = make(tmp_path_factory.mktemp("clean"), hours=2.0, minutes=60.0, seed=3, faults=False)
    assert {d["datamode"] for d in run.truth.content["dwells"]} >= MODES
    assert run.truth.faults == []
    assert run.catalog.faults() == []
    assert run.catalog.findings() == []
    assert run.catalog.overlaps() == []
    for playback in run.truth.playbacks:
        true, found = (truth_events.acis_put_in(run, playback), truth_events.acis_found(run, playback["number"]))
        assert len(true.rows) == len(found.rows)
        assert found_in(digest(true.rows), digest(found.rows)).all()
        assert not found.status.any()
