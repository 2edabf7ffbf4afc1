from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.products import read_fits
from mta_assets.archive.store import sha256_of
from mta_assets.core.errors import ConfigError, TransientError
from mta_assets.core.tables import FileOf, Product, Table
from mta_assets.pipelines.archive_sink import ArchiveSink
from mta_assets.pipelines.controller import run_pipeline
from mta_assets.pipelines.inputs import find_inputs
from mta_assets.pipelines.registry import Registry
from mta_assets_tests.pipelines import toy
from mta_assets_tests.pipelines.toy import REGISTRY, make_registry, profile, request


def names(folder: Path) -> list[str]:
    return sorted(
        p.name for p in folder.rglob("*") if p.is_file() and not p.relative_to(folder).parts[0].startswith(".")
    )


def test_a_run_writes_products_log_plots_and_the_catalog(
    registry: Registry, sink: ArchiveSink, catalog: Catalog
) -> None:
    result = run_pipeline(registry, "EXTRACT", request(), {}, sink)
    assert (result.outcome, len(result.products), result.faults_count) == ("done", 3, 2)
    assert result.message == "3 products, 2 faults"
    first = result.products[0]
    assert first.path == sink.root / "0" / "2023" / "129" / "toyf800000000N001_0_evt0.fits"
    assert (first.sha256, first.rows, first.version) == (sha256_of(first.path), 5, 1)
    with fits.open(first.path, checksum=True) as hdus:
        header = hdus["EVENTS"].header
        assert [header[k] for k in ("TELESCOP", "MISSION", "ORIGIN", "INSTRUME", "CONTENT", "REVISION")] == [
            "TOYSCOPE", "TOY", "ASC", "TOY", "EVT0", 1,
        ]  # fmt: skip
    assert [p.name for p in catalog.products(file_id="EVT0", partition="p1")] == [p.name for p in result.products]
    assert sorted(f["count"] for f in catalog.faults(partition="p1")) == [1, 2]
    assert names(sink.root) == [
        "EXTRACT_p1_001.log", "EXTRACT_p1_001_image.png", *[f"toyf800000000N001_{i}_evt0.fits" for i in range(3)],
    ]  # fmt: skip
    assert result.plot_paths["image"].read_bytes() == b"\x89PNG image"
    log = result.log_path.read_text()
    for text in ("mta_assets_tests.pipelines.toy:extract", "'feps': 3", "code sha256", registry.version, first.sha256):
        assert text in log
    assert log.rstrip().endswith("message           3 products, 2 faults")


def test_the_next_pipeline_finds_the_products_and_notes_what_it_was_made_from(
    registry: Registry, sink: ArchiveSink, catalog: Catalog
) -> None:
    made = run_pipeline(registry, "EXTRACT", request(), {}, sink)
    pipeline = registry.pipeline("STATIC_EPS")
    inputs = find_inputs(registry, pipeline, request(), catalog)
    result = run_pipeline(registry, pipeline, request(), inputs, sink)
    assert result.outcome == "done", result.message
    assert read_fits(result.products[0].path, "X").tables[0]["sum"].tolist() == [315]
    (entry,) = catalog.products(file_id="EPS_STATIC")
    assert {i.sha256 for i in catalog.inputs_of(entry.id)} == {p.sha256 for p in made.products}
    assert all(i.product_id for i in catalog.inputs_of(entry.id))
    (found,) = catalog.findings(partition="p1")
    assert (found["name"], found["pipe_id"], np.isnan(found["worst"])) == ("1DEAMZT", "STATIC_EPS", True)


def test_the_same_run_again_changes_no_file_and_no_version(
    registry: Registry, sink: ArchiveSink, catalog: Catalog
) -> None:
    first = run_pipeline(registry, "EXTRACT", request(), {}, sink)
    again = run_pipeline(registry, "EXTRACT", request(), {}, sink)
    assert [p.sha256 for p in first.products] == [p.sha256 for p in again.products]
    assert not any(p.changed for p in again.products)
    assert len(catalog.products(current=None)) == 3
    assert len(catalog.faults()) == 2
    assert [r["number"] for r in catalog.runs()] == [1, 2]
    assert again.message == "3 products, 3 of them unchanged, 2 faults"


def test_other_parameters_make_the_next_version_and_the_older_one_stays(
    tmp_path: Path, registry: Registry, sink: ArchiveSink, catalog: Catalog
) -> None:
    first = run_pipeline(registry, "EXTRACT", request(), {}, sink)
    other = make_registry(tmp_path / "other", REGISTRY.replace("feps = 3", "feps = 2, offset = 7"))
    second = run_pipeline(other, "EXTRACT", request(), {}, sink)
    assert [p.name for p in second.products] == [f"toyf800000000N002_{i}_evt0.fits" for i in range(2)]
    assert read_fits(second.products[0].path, "X").header["REVISION"][0] == 2
    assert [p.name for p in catalog.products()] == [p.name for p in second.products]
    assert all(p.path.exists() for p in first.products)
    old = {p.name: p.superseded_by for p in catalog.products(current=False)}
    assert old["toyf800000000N001_0_evt0.fits"] is not None
    assert old["toyf800000000N001_2_evt0.fits"] is None


@pytest.mark.parametrize(
    ("mode", "outcome", "message"),
    [
        ("bad", "bad data", "packet 7 is damaged"),
        ("bug", "failed", "ZeroDivisionError: a bug"),
        ("empty", "nothing to do", "no event in it"),
    ],
)
def test_a_run_that_breaks_off_has_its_outcome_and_leaves_no_product(
    registry: Registry, sink: ArchiveSink, catalog: Catalog, mode: str, outcome: str, message: str
) -> None:
    result = run_pipeline(registry, "EXTRACT", request(mode=mode), {}, sink)
    assert (result.outcome, result.message, result.products) == (outcome, message, ())
    assert catalog.products() == []
    assert catalog.faults() == []
    assert names(sink.root) == ["EXTRACT_p1_001.log"]
    assert ("ZeroDivisionError: a bug" in result.log_path.read_text()) == (mode == "bug")
    (run,) = catalog.runs()
    assert (run["outcome"], run["log_path"]) == (outcome, str(result.log_path))


def test_a_kickoff_that_is_not_met_and_an_input_that_is_not_there_are_nothing_to_do(
    registry: Registry, sink: ArchiveSink
) -> None:
    result = run_pipeline(registry, "EXTRACT", request(detector=["HRC-I"]), {}, sink)
    assert result.outcome == "nothing to do"
    assert result.message == "kickoff not met: detector is HRC-I; expected ACIS-I or ACIS-S"
    assert run_pipeline(registry, "STATIC_EPS", request(), {}, sink).message == "there is no EVT0 for partition p1"


def test_a_transient_fault_leaves_nothing_and_the_next_try_succeeds(
    registry: Registry, sink: ArchiveSink, catalog: Catalog
) -> None:
    with pytest.raises(TransientError, match="disk is full"):
        run_pipeline(registry, "EXTRACT", request(mode="full"), {}, sink)
    assert (names(sink.root), catalog.runs()) == ([], [])
    assert list((sink.root / ".staging").iterdir()) == []
    assert run_pipeline(registry, "EXTRACT", request(), {}, sink).outcome == "done"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_full_or_read_only_disk_at_any_write_is_transient_and_leaves_nothing(
    registry: Registry, sink: ArchiveSink, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    for allowed in range(3):
        seen = 0

        def refuse(*given: object, real: object = getattr(os, call), allowed: int = allowed) -> object:
            nonlocal seen
            seen += 1
            if seen > allowed * 3:
                raise OSError(number, os.strerror(number))
            return real(*given)  # type: ignore[operator]

        with monkeypatch.context() as patched:
            patched.setattr(os, call, refuse)
            with pytest.raises(TransientError, match=os.strerror(number)):
                run_pipeline(registry, "EXTRACT", request(), {}, sink)
        catalog.reconcile({"sdp": sink.root})
        assert (names(sink.root), catalog.runs(), catalog.products()) == ([], [], [])
    assert run_pipeline(registry, "EXTRACT", request(), {}, sink).products[0].version == 1


def test_threads_of_a_profile_branch_on_conditions_and_converge(tmp_path: Path, sink: ArchiveSink) -> None:
    steps = """
    [[pipeline.EXTRACT.profile]]
    tool = "mta_assets_tests.pipelines.toy:count"
    reads = ["RAW"]
    writes = ["n"]
    [[pipeline.EXTRACT.profile]]
    tool = "mta_assets_tests.pipelines.toy:double"
    reads = ["n"]
    writes = ["n"]
    when = { exposure = { min = 3 } }
    [[pipeline.EXTRACT.profile]]
    tool = "mta_assets_tests.pipelines.toy:total"
    reads = ["request", "n"]
    writes = ["products"]
    """
    registry = make_registry(tmp_path / "branches", profile(steps))
    raw = [Product("RAW", (Table("T", {"a": np.zeros(4)}),), 0.0, 1.0)]
    rows = []
    for exposure in (2.9, 3.0):
        result = run_pipeline(registry, "EXTRACT", request(exposure=exposure), {"RAW": raw}, sink)
        rows.append(result.products[0].rows)
        assert ("skipped: exposure is 2.9; expected at least 3" in result.log_path.read_text()) == (exposure < 3)
    assert rows == [4, 8]


def test_quick_look_and_archive_never_mix(tmp_path: Path, registry: Registry, catalog: Catalog) -> None:
    archive = ArchiveSink(catalog, tmp_path / "archive", "sdp")
    temporary = ArchiveSink(catalog, tmp_path / "temporary", "sap")
    with pytest.raises(ConfigError, match="must not write there"):
        ArchiveSink(catalog, tmp_path / "archive", "sap")
    with pytest.raises(ConfigError, match="lies inside"):
        ArchiveSink(catalog, tmp_path / "archive" / "quick", "sap")
    with pytest.raises(ConfigError, match="refused"):
        run_pipeline(registry, "EXTRACT", request(stream="sap"), {}, archive)
    with pytest.raises(ConfigError, match="refused"):
        run_pipeline(registry, "STATIC_EPS", request(stream="sap"), {}, temporary)
    assert run_pipeline(registry, "EXTRACT", request(stream="sap"), {}, temporary).outcome == "done"
    assert names(archive.root) == []
    assert {p.stream for p in catalog.products()} == {"sap"}


def test_two_partitions_with_the_same_names_get_different_versions(
    registry: Registry, sink: ArchiveSink, catalog: Catalog
) -> None:
    run_pipeline(registry, "EXTRACT", request("p1"), {}, sink)
    other = run_pipeline(registry, "EXTRACT", request("p2"), {}, sink)
    assert other.products[0].version == 2
    assert len(catalog.products(partition="p1")) == len(catalog.products(partition="p2")) == 3
    assert not any(p.changed for p in run_pipeline(registry, "EXTRACT", request("p1"), {}, sink).products)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: Product("RAW", p.tables, p.tstart, p.tstop), "made a RAW; its outputs are EVT0"),
        (lambda p: Product("EVT0", p.tables, p.tstart, p.tstop, {"INSTRUME": "HRC"}, p.fields), "INSTRUME is 'HRC'"),
        (lambda p: Product("EVT0", (), p.tstart, p.tstop, {}, p.fields), "has no columns TIME, pha: its"),
        (lambda p: Product("EVT0", p.tables, p.tstart, p.tstop), "needs the field 'fep_id'"),
        (lambda p: Product("EVT0", p.tables, p.tstart, p.tstop, {}, {"fep_id": 77}), "does not match its pattern"),
        (lambda p: [p, p], "made two products"),
        (lambda p: 5, "'int' object is not iterable"),
        (lambda p: ["x"], "among its products is a str"),
        (
            lambda p: replace(p, tables=(p.tables[0].with_header({"BACKFILE": FileOf("EVT0")}),)),
            "EVT0 [('fep_id', 1)] refers to the EVT0 of the same fields, which has not been made",
        ),
    ],
)
def test_a_product_that_is_not_as_registered_fails_the_run(
    tmp_path: Path, sink: ArchiveSink, monkeypatch: pytest.MonkeyPatch, change: object, message: str
) -> None:
    monkeypatch.setattr(toy, "total", lambda request, number: change(toy.events(request, 1)))  # type: ignore[operator]
    steps = """
    [[pipeline.EXTRACT.profile]]
    tool = "mta_assets_tests.pipelines.toy:total"
    reads = ["request", "RAW"]
    writes = ["products"]
    """
    result = run_pipeline(make_registry(tmp_path / "m", profile(steps)), "EXTRACT", request(), {}, sink)
    assert result.outcome == "failed"
    assert message in result.message


def test_reconcile_tells_which_files_were_lost(registry: Registry, sink: ArchiveSink, catalog: Catalog) -> None:
    result = run_pipeline(registry, "EXTRACT", request(), {}, sink)
    by_hand = result.products[0].path.with_name("note.txt")
    by_hand.write_text("put there by hand")
    result.products[1].path.unlink()
    found = catalog.reconcile({"sdp": sink.root})
    assert (found.removed, found.missing) == ((), (result.products[1].path,))
    assert by_hand.exists()
    again = run_pipeline(registry, "EXTRACT", request(), {}, sink)
    assert [p.changed for p in again.products] == [False, True, False]
